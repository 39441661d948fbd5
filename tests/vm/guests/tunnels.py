# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with a daemon and its peer: tries each tunnel of /tunnels.json.

Only observes; the verdicts are reached on the host. Debian's own Python runs this, without the
project.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

_LIMIT_SECONDS = 60


def _run(command: str) -> dict[str, Any]:
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
        return {"command": command, "status": -1, "output": f"{error}: {error.stdout!r}"}
    return {"command": command, "status": done.returncode, "output": done.stdout}


def _states() -> dict[str, str]:
    """Text of each SA of this host and its counters, by its first two lines: addresses, SPI."""
    text = _run("ip -s xfrm state")["output"]
    found = re.split(r"^(?=src )", text, flags=re.MULTILINE)[1:]  # before the first: complaints
    return {"\n".join(state.splitlines()[:2]): state for state in found}


def _try(tunnel: dict[str, Any]) -> dict[str, Any]:
    before = _states()
    prepared = [_run(command) for command in tunnel["prepare"]]
    up = _run(tunnel["up"])
    ping = _run(tunnel["ping"]) if _states().keys() - before else None
    states = [text for key, text in _states().items() if key not in before]
    return {"prepared": prepared, "up": up, "ping": ping, "states": states}


def main() -> None:
    data = json.loads(Path("/tunnels.json").read_text())
    settle = _run(data["settle"])
    tunnels = {tunnel["name"]: _try(tunnel) for tunnel in data["tunnels"]}
    said = {
        "settle": settle,
        "tunnels": tunnels,
        "states": list(_states().values()),
        "sealed": Path("/proc/sys/kernel/modules_disabled").read_text().strip(),
        "modules": [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()],
        "seconds": _run("systemd-analyze time")["output"],
        "units": _run(f"systemctl --no-pager --full status {data['units']}")["output"],
        "active": _run(f"systemctl is-active {data['units']}")["output"].split(),
        "journal": _run("journalctl --no-pager -o short-monotonic")["output"],
        "check": _run("modprobe-ipsec --check --format json 2>/dev/null"),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
