# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with a daemon and its peer: tunnels come up, this side loses daemon and SAs, the
peer sends on, and the unit of --watch tells.

Only observes; Debian's own Python runs this, without the project.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

_LIMIT_SECONDS = 90
_WATCH = "modprobe-ipsec-watch.service"


def _sh(command: str) -> str:
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        return f"{error}: {error.stdout!r}"
    return done.stdout


def _lines() -> list[dict[str, Any]]:
    """What the unit has said: when, at which level, what."""
    found = []
    for line in _sh(f"journalctl -q --no-pager -o json -u {_WATCH}").splitlines():
        entry = json.loads(line)
        when = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        found.append({"at": when, "level": entry["PRIORITY"], "text": str(entry["MESSAGE"])})
    return found


def _lost(tunnel: dict[str, Any]) -> dict[str, Any]:
    """The peer sends through a tunnel that this side has lost."""
    start = time.time()
    ping = _sh(tunnel["ping"])
    time.sleep(1)
    return {"start": start, "ping": ping}


def main() -> None:
    data = json.loads(Path("/watch.json").read_text())
    said: dict[str, Any] = {"settle": _sh(data["settle"]), "up": {}, "lost": {}}
    for tunnel in data["tunnels"]:
        said["up"][tunnel["name"]] = _sh(tunnel["up"])
    said["states"] = _sh("ip xfrm state")
    said["started"] = _sh(f"systemctl start {_WATCH}")
    for _ in range(40):
        if any("watching" in line["text"] for line in _lines()):
            break
        time.sleep(0.5)
    # and has looked at the connections
    time.sleep(5)
    said["killed"] = _sh(f"systemctl kill -s KILL {data['unit']}; sleep 1; ip xfrm state flush")
    for tunnel in data["tunnels"]:
        said["lost"][tunnel["name"]] = _lost(tunnel)
    time.sleep(2)
    said["stopped"] = _sh(f"systemctl stop {_WATCH}")
    said["result"] = _sh(f"systemctl show -P Result -P ExecMainStatus {_WATCH}").split()
    said["lines"] = _lines()
    print(json.dumps(said))


if __name__ == "__main__":
    main()
