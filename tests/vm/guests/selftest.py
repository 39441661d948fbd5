# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: says, as JSON, whether it has what tests of real kernels need."""

import ctypes
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

SA = (
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel "
    f"aead rfc4106(gcm(aes)) 0x{'42' * 36} 128"
)


def modules() -> list[str]:
    """Names of the modules that are loaded now."""
    return [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]


def works(command: str) -> str:
    """Nothing if a command succeeds, else what it complained about."""
    done = subprocess.run(command.split(), capture_output=True, text=True)
    return "" if done.returncode == 0 else f"{done.returncode}: {done.stderr.strip()}"


def importable(name: str) -> str:
    """Nothing if a Python module can be imported, else why not."""
    try:
        importlib.import_module(name)
    except Exception as error:
        return repr(error)
    return ""


def libkmod() -> str:
    """Nothing if libkmod can be opened by its name, else why not."""
    try:
        ctypes.CDLL("libkmod.so.2")
    except OSError as error:
        return repr(error)
    return ""


def main() -> None:
    """Look, then load, then let the kernel load."""
    at_boot = modules()
    answer = {
        "release": os.uname().release,
        "python": sys.version.split()[0],
        "modules at boot": at_boot,
        "trouble": {
            "libkmod": libkmod(),
            **{name: importable(name) for name in ("kmodpy", "pyroute2", "pyudev", "yaml")},
            "modprobe esp4": works("modprobe esp4"),
            "SA": works(SA),
        },
        "modules": modules(),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
