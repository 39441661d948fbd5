# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with a daemon and its peer: makes each failure of /failures.json happen, takes
what was logged meanwhile, and asks the tool what that means while the cause is still there.

Only observes; Debian's own Python runs this, without the project.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

_LIMIT_SECONDS = 90


def _sh(command: str, text: str = "") -> str:
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        return f"{error}: {error.stdout!r}"
    return done.stdout


def _cursor() -> str:
    return _sh("journalctl -n 0 --show-cursor").rpartition("cursor: ")[2].strip()


def _try(failure: dict[str, Any]) -> dict[str, Any]:
    said = [_sh(command) for command in failure["before"]]
    since = _cursor()
    said += [_sh(command) for command in failure["does"]]
    # what was just written may still be on its way
    _sh("journalctl --sync")
    log = _sh(f"journalctl --no-pager -q -o short --after-cursor '{since}'")
    log += "".join(_sh(command) for command in failure["also"])
    explained = _sh("modprobe-ipsec --explain --format json 2>&1", log)
    said += [_sh(command) for command in failure["after"]]
    return {"log": log, "explained": explained, "said": said}


def main() -> None:
    data = json.loads(Path("/failures.json").read_text())
    settle = _sh(data["settle"])
    failures = {failure["name"]: _try(failure) for failure in data["failures"]}
    print(json.dumps({"settle": settle, "failures": failures}))


if __name__ == "__main__":
    main()
