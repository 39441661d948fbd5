# SPDX-License-Identifier: GPL-3.0-or-later
"""A C compiler that only looks: its source comes through a pipe, and nothing is written."""

import os
import subprocess
from pathlib import Path
from shutil import which
from stat import S_IXOTH

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.errors import Error, UsageError
from modprobe_ipsec.base.text import reason

# As tried in turn where nobody says which.
_NAMES = ("cc", "gcc", "clang")
_PATH = "/usr/local/bin:/usr/bin:/bin"
# Seconds that one question may take, and bytes of an answer that are read.
_LIMIT = 60
_MOST = 8 << 20
# Who owns nothing.
_NOBODY = 65534


class Compiler:
    """One compiler and the headers that it is to see.

    `name` is a program, empty for the first of cc, gcc, clang; `sysroot` a directory with
    usr/include, empty for the machine's own. Raises UsageError if either is not there.
    """

    def __init__(self, name: str, sysroot: str) -> None:
        found = [path for each in ((name,) if name else _NAMES) if (path := which(each))]
        if not found:
            wanted = name or " or ".join(_NAMES)
            raise UsageError(f"{wanted}: there is no such compiler", "name one with --cc")
        self.program = found[0]
        self.sysroot = str(Path(sysroot).absolute()) if sysroot else ""
        self._flags = self._of(self.sysroot) if sysroot else []

    def takes(self, source: str) -> bool:
        """Whether a text compiles. Raises Error if the compiler cannot be run."""
        return self._run("-fsyntax-only", "-w", source=source).returncode == 0

    def names(self, header: str) -> frozenset[str]:
        """All words of a header once it is preprocessed, and the names of its macros."""
        import re

        source = f"#include <{header}>\n"
        said = b""
        for option in ("-E", "-dM"):
            done = self._run("-E", *(() if option == "-E" else (option,)), source=source)
            said += done.stdout[:_MOST]
        return frozenset(re.findall(r"\b[A-Za-z_]\w*", said.decode("utf-8", "replace")))

    def _of(self, sysroot: str) -> list[str]:
        """Options by which nothing but the headers below it and the compiler's own are seen.

        musl's lie in a directory of their own where Debian has both.
        """
        include = f"{sysroot}/usr/include"
        try:
            below = sorted(path.name for path in Path(include).iterdir())
            shut = [p for p in _above(include) if not Path(p).stat().st_mode & S_IXOTH]
        except OSError as error:
            raise UsageError(f"{include}: {reason(error)}") from None
        if shut and os.geteuid() == 0:
            raise UsageError(
                f"{shut[0]} is not open to nobody, as whom the compiler runs",
                "copy the headers to an open place, or run it as who owns them",
            )
        libc = [name for name in below if name.endswith("-linux-musl")]
        own = self._run("-print-file-name=include", source="").stdout.decode().strip()
        machine = self._run("-dumpmachine", source="").stdout.decode().strip()
        # uname's word for it and Debian's agree but for the vendor
        triplets = [machine, machine.replace("-pc-", "-").replace("-unknown-", "-")]
        places = [f"{include}/{name}" for name in libc] + [include]
        places += [f"{include}/{name}" for name in dict.fromkeys(triplets) if name in below]
        places.append(own)
        return ["-nostdinc", *(word for place in places for word in ("-isystem", place))]

    def _run(self, *options: str, source: str) -> "subprocess.CompletedProcess[bytes]":
        words: Sequence[str] = (self.program, *getattr(self, "_flags", ()), *options)
        if not options[0].startswith(("-print", "-dump")):
            words = (*words, "-x", "c", "-")
        # root compiles nothing: what a header makes a compiler do is nobody's
        root = os.geteuid() == 0
        try:
            return subprocess.run(
                words,
                input=source.encode(),
                capture_output=True,
                cwd="/",
                env={"PATH": _PATH, "LC_ALL": "C"},
                timeout=_LIMIT,
                check=False,
                user=_NOBODY if root else None,
                group=_NOBODY if root else None,
                extra_groups=[] if root else None,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            why = reason(error) if isinstance(error, OSError) else f"took over {_LIMIT} s"
            raise Error(f"{self.program}: {why}") from None


def _above(path: str) -> Iterator[str]:
    """A directory, and all that one goes through on the way to it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
