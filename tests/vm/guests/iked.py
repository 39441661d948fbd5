# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with two OpenIKEDs, each in a network namespace: brings the tunnels of
/tunnels.json up, with the tool or without.

Only observes; the verdicts are reached on the host. What the kernel holds is asked over PF_KEY, so
that nothing needs XFRM's own socket.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_LIMIT_SECONDS = 60
_QUIET_SECONDS = 4
_AF_KEY, _PF_KEY_V2, _DUMP = 15, 2, 10
_PEER = ("ip", "netns", "exec", "peer")


def run(*command: str) -> dict[str, Any]:
    """What a command says."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        return {"status": -1, "output": str(error)}
    return {"status": done.returncode, "output": done.stdout}


def states() -> list[list[int]]:
    """Protocol, integrity and cipher of each SA, by the numbers of PF_KEY; the mode; bytes."""
    try:
        door = socket.socket(_AF_KEY, socket.SOCK_RAW, _PF_KEY_V2)
    except OSError:
        return []
    found: list[list[int]] = []
    with door:
        door.settimeout(5)
        door.send(struct.pack("BBBBHHII", 2, _DUMP, 0, 0, 2, 0, 1, os.getpid()))
        while True:
            message = door.recv(1 << 16)
            _, kind, error, satype, _, _, sequence, _ = struct.unpack_from("BBBBHHII", message)
            if kind != _DUMP or error:
                return found
            parts, at = {}, 16
            while at < len(message):
                words, number = struct.unpack_from("HH", message, at)
                parts[number] = message[at + 4 : at + words * 8]
                at += words * 8
            # sadb_sa, sadb_lifetime_current, sadb_x_sa2
            integrity, cipher = parts[1][6], parts[1][7]
            (count,) = struct.unpack_from("Q", parts.get(2, bytes(12)), 4)
            found.append([satype, integrity, cipher, parts[19][0], count])
            if sequence == 0:
                # the last one
                return found


def daemon(side: str, *before: str) -> subprocess.Popen[bytes]:
    """Start an iked in the foreground."""
    where = ("-f", f"/run/{side}.conf", "-s", f"/run/{side}.sock")
    with Path(f"/run/{side}.log").open("wb") as output:
        return subprocess.Popen(
            [*before, "/usr/sbin/iked", "-dv", *where],
            # its own libraries, beside those of everybody else here
            env={
                **os.environ,
                "LD_LIBRARY_PATH": "/opt/iked",
                "OPENSSL_MODULES": "/opt/iked/ossl-modules",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def bring_up(tunnel: dict[str, str]) -> dict[str, Any]:
    """Start both daemons with one policy, and see what comes of it."""
    for side in ("here", "there"):
        conf = Path(f"/run/{side}.conf")
        conf.touch(0o600)
        conf.write_text(tunnel[side])
    both = [daemon("there", *_PEER)]
    # one processor: who answers late is asked again, and then starts anew
    time.sleep(_QUIET_SECONDS)
    both.append(daemon("here"))
    time.sleep(_QUIET_SECONDS)
    ping: dict[str, Any] = {}
    found: list[list[int]] = []
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline and all(one.poll() is None for one in both):
        ping, found = run("sh", "-c", tunnel["ping"]), states()
        # one each way, and something went through both
        if len(found) == 2 and all(state[-1] for state in found):
            break
        time.sleep(_QUIET_SECONDS)
    running = [one.poll() is None for one in both]
    for one in both:
        one.terminate()
        one.wait()
    logs = [
        Path(f"/run/{side}.log").read_text(errors="replace")[-4000:] for side in ("here", "there")
    ]
    return {"ping": ping, "states": found, "running": running, "logs": logs}


def main() -> None:
    """Print what was seen as JSON; the argument says with or without the tool."""
    orders = json.loads(Path("/tunnels.json").read_text())
    for command in orders["prepare"]:
        done = run("sh", "-c", command)
        if done["status"]:
            sys.exit(f"{command}: {done['output']}")
    said: dict[str, Any] = {"check": run("modprobe-ipsec", "--check", "--format", "json")}
    if sys.argv[1] == "with":
        said["load"] = run("modprobe-ipsec", "--seal", "--format", "json")
    else:
        Path("/proc/sys/kernel/modules_disabled").write_text("1")
    said["sealed"] = Path("/proc/sys/kernel/modules_disabled").read_text().strip()
    said["modules"] = [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]
    said["tunnels"] = {name: bring_up(tunnel) for name, tunnel in orders["tunnels"].items()}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
