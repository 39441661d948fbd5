# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with two OpenIKEDs, each in a network namespace and in the userland of its own
Debian: brings the tunnels of /tunnels.json up, with the tool or without, or walks into its traps.

Only observes; the verdicts are reached on the host. What the kernel holds is asked over PF_KEY, so
that nothing needs XFRM's own socket.
"""

import contextlib
import ctypes
import json
import os
import signal
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
_MATURE = 1
# What iked says at last when it starts.
_READY = ("config_getsocket: received socket", "updated local CERTREQ")
_PEER = ("ip", "netns", "exec", "peer")
_USERLAND = "/iked"
# By their numbers. source: linux/capability.h
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"),
    *("SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"),
    *("IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"),
    *("SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"),
    *("LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"),
    *("WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ"),
)


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


def states() -> list[dict[str, Any]]:
    """Each SA that is no larval one, by the numbers of PF_KEY."""
    try:
        door = socket.socket(_AF_KEY, socket.SOCK_RAW, _PF_KEY_V2)
    except OSError:
        return []
    found: list[dict[str, Any]] = []
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
            # sadb_sa, sadb_lifetime_current, sadb_x_sa2, sadb_address
            _, state, integrity, cipher = parts[1][4:8]
            (count,) = struct.unpack_from("Q", parts.get(2, bytes(12)), 4)
            if state == _MATURE:
                numbers = [satype, integrity, cipher, parts[19][0]]
                ends = {_address(parts[5]), _address(parts[6])}
                found.append({"sa": numbers, "bytes": count, "ends": " ".join(sorted(ends))})
            if sequence == 0:
                # the last one
                return found


def _address(part: bytes) -> str:
    """What a sadb_address holds behind its own four bytes: a sockaddr."""
    (family,) = struct.unpack_from("H", part, 4)
    where = slice(8, 12) if family == socket.AF_INET else slice(12, 28)
    return socket.inet_ntop(family, part[where])


class Pair:
    """Two daemons, each with its file."""

    def __init__(self, here: str, there: str) -> None:
        for side, text in (("here", here), ("there", there)):
            conf = Path(f"{_USERLAND}/run/{side}.conf")
            conf.touch(0o600)
            conf.write_text(text)
        self._both = [_daemon("there", *_PEER)]
        # one processor: who answers late is asked again, and then starts anew
        self._settle("there")
        self._both.append(_daemon("here"))
        self._settle("here")

    @property
    def running(self) -> list[bool]:
        return [one.poll() is None for one in self._both]

    @property
    def logs(self) -> list[str]:
        paths = (Path(f"/run/{side}.log") for side in ("here", "there"))
        return [path.read_text(errors="replace") for path in paths]

    def _settle(self, side: str) -> None:
        """Wait until the daemon listens and knows its key, or has ended."""
        log = Path(f"/run/{side}.log")
        deadline = time.monotonic() + _LIMIT_SECONDS
        while time.monotonic() < deadline and all(self.running):
            said = log.read_text(errors="replace")
            if all(word in said for word in _READY):
                # what comes of the key at last
                time.sleep(1)
                return
            time.sleep(0.5)

    def end(self) -> None:
        for one in self._both:
            one.terminate()
            one.wait()


def _daemon(side: str, *before: str) -> subprocess.Popen[bytes]:
    """Start an iked in the foreground."""
    where = ("-f", f"/run/{side}.conf", "-s", f"/run/{side}.sock")
    with Path(f"/run/{side}.log").open("wb") as output:
        return subprocess.Popen(
            [*before, "chroot", _USERLAND, "/usr/sbin/iked", "-dvv", *where],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def bring_up(tunnel: dict[str, str]) -> dict[str, Any]:
    """Start both daemons with one policy, and see what comes of it."""
    pair = Pair(tunnel["here"], tunnel["there"])
    ping: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline and all(pair.running):
        ping, found = run("sh", "-c", tunnel["ping"]), states()
        # one each way, and something went through both
        if len(found) == 2 and all(state["bytes"] for state in found):
            break
        time.sleep(_QUIET_SECONDS)
    running = pair.running
    pair.end()
    logs = [log[-4000:] for log in pair.logs]
    return {"ping": ping, "states": found, "running": running, "logs": logs}


def walk_in(traps: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Start both with all traps, wait for what each is known by, and look at what there is."""
    sides = ("".join(trap[side] for trap in traps.values()) for side in ("here", "there"))
    pair = Pair(*sides)
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline and all(pair.running):
        said, ends = "".join(pair.logs), [state["ends"] for state in states()]
        if all(trap["says"] in said for trap in traps.values()) and all(
            trap["ends"] in ends for trap in traps.values() if "ends" in trap
        ):
            break
        time.sleep(1)
    pings = {name: run("sh", "-c", trap["ping"])["status"] for name, trap in traps.items()}
    found, running = states(), pair.running
    pair.end()
    return {"states": found, "running": running, "pings": pings, "logs": pair.logs}


def contained(names: list[str]) -> dict[str, Any]:
    """Whether a daemon lives that is left some capabilities alone."""
    log = Path("/run/contained.log")
    kept = [CAPABILITIES.index(name) for name in names]

    def enter() -> None:
        os.chroot(_USERLAND)
        os.chdir("/")
        for number in set(range(len(CAPABILITIES))) - set(kept):
            # source: linux/prctl.h, PR_CAPBSET_DROP
            ctypes.CDLL(None).prctl(24, number, 0, 0, 0)

    with log.open("wb") as output:
        one = subprocess.Popen(
            ("/usr/sbin/iked", "-dvv", "-f", "/run/there.conf", "-s", "/run/contained.sock"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=enter,
            start_new_session=True,
        )
    # what its processes cannot give up they end for, and not all releases end with them
    deadline = time.monotonic() + _LIMIT_SECONDS
    ready = denied = False
    while time.monotonic() < deadline and one.poll() is None and not (ready or denied):
        said = log.read_text(errors="replace")
        ready, denied = all(word in said for word in _READY), "Operation not permitted" in said
        time.sleep(0.5)
    lives = ready and one.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(one.pid, signal.SIGKILL)
    one.wait()
    return {"lives": lives, "log": log.read_text(errors="replace")[-2000:]}


def main() -> None:
    """Print what was seen as JSON; the argument says with the tool, without it, or traps."""
    orders = json.loads(Path("/tunnels.json").read_text())
    for command in orders["prepare"]:
        done = run("sh", "-c", command)
        if done["status"]:
            sys.exit(f"{command}: {done['output']}")
    said: dict[str, Any] = {"check": run("modprobe-ipsec", "--check", "--format", "json")}
    if sys.argv[1] == "traps":
        loads = [run("sh", "-c", command) for command in orders["prepare_traps"]]
        # else the kernel loads all that it has when they register, which takes a minute here
        Path("/proc/sys/kernel/modprobe").write_text("\n")
        said |= {"loads": loads, "traps": walk_in(orders["traps"])}
        said["contained"] = {" ".join(names): contained(names) for names in orders["capabilities"]}
        print(json.dumps(said))
        return
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
