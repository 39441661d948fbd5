# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a container: starts the IKE daemon, brings one tunnel up, and writes down how it went.

/share is the host's: `orders.json` comes from there, `said.json` goes there. `ready` asks for the
peer, `go` is the answer.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

SHARE = Path("/share")
LOG = Path("/run/daemon.log")
_LIMIT_SECONDS = 90


def _run(command: str) -> dict[str, Any]:
    done = subprocess.run(
        ["sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_LIMIT_SECONDS,
    )
    return {"status": done.returncode, "output": done.stdout}


def _settles(daemon: subprocess.Popen[bytes], command: str) -> bool:
    end = time.monotonic() + _LIMIT_SECONDS
    while daemon.poll() is None and time.monotonic() < end:
        if not _run(command)["status"]:
            return True
        time.sleep(0.5)
    return False


def _ask_for_peer() -> None:
    (SHARE / "ready").touch()
    end = time.monotonic() + _LIMIT_SECONDS
    while not (SHARE / "go").exists() and time.monotonic() < end:
        time.sleep(0.2)


def main() -> None:
    orders = json.loads((SHARE / "orders.json").read_text())
    _run(orders["prepare"])
    capabilities = Path("/proc/self/status").read_text()
    with LOG.open("wb") as log:
        daemon = subprocess.Popen(orders["daemon"], stdout=log, stderr=subprocess.STDOUT)
        said: dict[str, Any] = {"settled": _settles(daemon, orders["settle"])}
        said["daemon"] = daemon.poll()
        if said["settled"]:
            _ask_for_peer()
            said["up"] = _run(orders["up"])
            said["ping"] = _run(orders["ping"])
            said["states"] = _run("ip -s xfrm state")["output"]
        daemon.terminate()
        daemon.wait(_LIMIT_SECONDS)
    said["namespace"] = Path("/proc/self/uid_map").read_text().split()
    said["log"] = LOG.read_text(errors="replace")[-6000:]
    said["capabilities"] = [line for line in capabilities.splitlines() if "Cap" in line]
    said["tree"] = [str(path) for path in Path("/lib/modules").iterdir()]
    (SHARE / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
