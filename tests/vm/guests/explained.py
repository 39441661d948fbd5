# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: what `--explain` says of values under /proc, and what the kernel has there; and
what the kernel says to `--headers`.

Once as root of the machine, once in a user namespace of its own with its own network. Answers in
JSON.
"""

import contextlib
import ctypes
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.headers import running

_LIBC = ctypes.CDLL(None)
_NEWUSER, _NEWNET = 0x10000000, 0x40000000
STAT = Path("/proc/net/xfrm_stat")


def explained(name: str) -> dict[str, Any]:
    """How the term stands here, as the tool has it."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["--explain", name, "--format", "json"]) == 0
    here: list[dict[str, Any]] = json.loads(said.getvalue())["entries"][0].get("here", [])
    return here[0] if here else {}


def kernels(name: str) -> str | None:
    """What the kernel has; None if it has no such file or line."""
    if name.startswith("Xfrm"):
        lines = [line.split() for line in STAT.read_text().splitlines()]
        return next((value for counter, value in lines if counter == name), None)
    path = Path("/proc/sys", name.replace(".", "/"))
    return path.read_text().strip() if path.exists() else None


def observed(names: list[str]) -> dict[str, Any]:
    return {name: {"here": explained(name), "kernel": kernels(name)} for name in names}


def headers() -> dict[str, Any]:
    """Which names the kernel says that it knows, and what there is before and after the question:
    states, policies, modules, lines of its log."""

    def there() -> list[str]:
        # the first of them has xfrm_user loaded
        commands = ("ip xfrm state", "ip xfrm policy", "cat /proc/modules", "dmesg")
        return [subprocess.check_output(command.split(), text=True) for command in commands]

    there()
    before = there()
    known = running.ask()
    after = there()
    loudly = running.ask(quietly=False).names
    return {
        "names": known.names,
        "why": known.why,
        "before": before,
        "after": after,
        "messages": {name: yes for name, yes in loudly.items() if name not in known.names},
    }


def change() -> None:
    """Values that are not the default, and a counter that is not zero."""
    Path("/proc/sys/net/core/xfrm_acq_expires").write_text("77")
    Path("/proc/sys/net/core/xfrm_larval_drop").write_text("0")
    Path("/proc/sys/net/ipv4/conf/lo/disable_xfrm").write_text("0")
    Path("/proc/sys/net/ipv4/conf/all/disable_policy").write_text("1")
    for command in (
        "link set lo up",
        "xfrm policy add src 127.0.0.9 dst 127.0.0.8 dir out action block",
        # nobody has an SA for it
        "xfrm policy add src 127.0.0.7 dst 127.0.0.6 dir in tmpl proto esp mode transport",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    for number in range(3):
        send = f"import socket; s = socket.socket(type=2); s.bind(('127.0.0.9', {5000 + number}));"
        send += "s.sendto(b'x', ('127.0.0.8', 9))"
        subprocess.run([sys.executable, "-c", send], capture_output=True, check=False)


def apart(names: list[str]) -> dict[str, Any]:
    """The values in a user and network namespace of its own, and what is asked there."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            if _LIBC.unshare(_NEWUSER | _NEWNET):
                raise OSError("unshare")
            with os.fdopen(write, "w") as answers:
                json.dump({**observed(names), "headers": running.ask().names}, answers)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(child, 0)
    found: dict[str, Any] = json.loads(text)
    return found


def observe() -> None:
    names = json.loads(Path("/names.json").read_text())
    asked = headers()
    change()
    print(json.dumps({"headers": asked, "root": observed(names), "apart": apart(names)}))


if __name__ == "__main__":
    observe()
