# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts beside this share: a small tree, and one run of modprobe-ipsec on it.

Each script does no harm, and ends with 1 where the build that it is run with has the mistake:
`PYTHON SCRIPT`, with the Python of an environment in which modprobe_ipsec is installed.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

RELEASE = "6.1.0"
DIRECTORY = f"lib/modules/{RELEASE}"
# All that aes128gcm16 takes.
ALIASES = {
    "xfrm-type-2-50": "esp4",
    "net-pf-16-proto-6": "xfrm_user",
    "crypto-rfc4106": "gcm",
    "crypto-gcm": "gcm",
    "crypto-ghash": "ghash_generic",
    "crypto-aes": "aes_generic",
    "crypto-seqiv": "seqiv",
    "crypto-ctr": "ctr",
    "crypto-stdrng": "drbg",
    "crypto-hmac": "hmac",
    "crypto-sha512": "sha512_generic",
}
MODULES = tuple(dict.fromkeys(ALIASES.values()))
NEED = ("--esp", "aes128gcm16", "--daemon", "strongswan", "-4")
PLUTO = {"usr/libexec/ipsec/pluto": "", "var/lib/dpkg/status": "Package: libreswan\nVersion: 5.2\n"}
# Seconds of processor time: what takes longer has no end that anybody waits for.
ENOUGH = 3
# A module without sections.
MODULE = b"\x7fELF\2\1\1" + bytes(57) + b"\0vermagic=6.1.0 SMP mod_unload \0"
CANARY = "hunter2canary"


def put(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Files below a directory."""
    for path, data in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())


@contextmanager
def tree(files: Mapping[str, str | bytes]) -> Iterator[Path]:
    """A machine with a kernel and some files."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve() / "root"
        modules = {f"{DIRECTORY}/kernel/{name}.ko": MODULE for name in MODULES}
        dep = "".join(f"kernel/{name}.ko:\n" for name in MODULES)
        alias = "".join(f"alias {word} {name}\n" for word, name in ALIASES.items())
        indexes = {f"{DIRECTORY}/modules.dep": dep, f"{DIRECTORY}/modules.alias": alias}
        put(root, {**modules, **indexes, f"{DIRECTORY}/modules.dep.bin": ""})
        put(root, {"proc/modules": "x 1 0 - Live 0x0\n", "proc/crypto": ""})
        put(root, {"proc/sys/kernel/osrelease": f"{RELEASE}\n", **files})
        yield root


def tool(root: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """One run; it is killed where it takes too much processor time."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (ENOUGH, ENOUGH))

    return subprocess.run(
        [sys.executable, "-I", "-m", "modprobe_ipsec", *arguments, "--root", str(root)],
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=limit,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
    )


def ends(root: Path, *arguments: str) -> NoReturn:
    """End with 0 if a check comes to an end by itself."""
    done = tool(root, ["--check", "--quiet", *arguments])
    end(done.returncode >= 0, f"ended with {done.returncode}")


def end(right: bool, why: str) -> NoReturn:
    """The script's end."""
    print("right" if right else f"WRONG: {why}")
    sys.exit(not right)
