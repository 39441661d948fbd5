# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the names come from that must be explained: names/, each with the version of its source.

python -m tests.glossary.derive     write them anew, from the newest that Debian has
"""

import lzma
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.debs import start, unpacked
from tests.headers.trees import tree, versions
from tests.vm.harness import uml
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import fetch

NAMES = Path(__file__).parent / "names"
# What `ip` takes to start, beside its own package.
IP = (
    *("iproute2", "libbpf1", "libelf1t64", "libmnl0", "libcap2", "libtirpc3t64", "libselinux1"),
    *("libpcre2-8-0", "zlib1g", "libzstd1", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3"),
    *("libkrb5support0", "libcom-err2", "libkeyutils1", "libssl3t64", "libc6", "libdb5.3t64"),
)
# Modules that say something beside an errno.
MODULES = ("xfrm_user", "esp4", "esp6", "ah4", "ah6", "ipcomp", "ipcomp6", "xfrm_interface")
# What else looks like a sentence in a module: C's types, what others are called, our own line.
_OTHERS = re.compile(
    r"^field |(int|char|device|protocols|interface|driver|socket)$|=|%|:$|\.c$|GPL"
)


def recorded(place: Path) -> list[str]:
    """The names of one file; a line with # says where they are from."""
    return [line for line in place.read_text().splitlines() if not line.startswith("#")]


def header_names(text: str) -> set[str]:
    """Constants and structures of linux/xfrm.h."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found = set(re.findall(r"\bXFRM\w+", text)) | set(re.findall(r"\bstruct (xfrmu?_\w+)", text))
    return found - {"xfrm_address_t"}


def help_words(text: str) -> set[str]:
    """The words of `ip xfrm ... help` that one types as they are."""
    words = set(re.findall(r"(?<![\w-])[a-z][a-z0-9_-]*", text))
    return words - {"ip", "xfrm", "help", "all"} | set(re.findall(r"\bSA\b", text))


def extack_texts(data: bytes) -> set[str]:
    """Sentences in a module."""
    found = re.findall(rb"[ -~]{8,}", data)
    texts = {each.decode() for each in found if re.fullmatch(rb"[A-Z].* .*[a-z0-9)]", each)}
    return {text for text in texts if not _OTHERS.search(text)}


def newest_header() -> set[str]:
    """The names of the newest linux/xfrm.h that Debian has."""
    return header_names((tree("sid", "glibc") / "usr/include/linux/xfrm.h").read_text())


def _help() -> tuple[str, set[str]]:
    command = start(unpacked("sid", IP), "usr/bin/ip")
    version = subprocess.run([*command, "-V"], capture_output=True, text=True).stdout
    texts = [
        subprocess.run([*command, "xfrm", what, "help"], capture_output=True, text=True).stderr
        for what in ("state", "policy", "monitor")
    ]
    return version.strip(), help_words("".join(texts))


def _texts() -> tuple[str, set[str]]:
    kernel = fetch("7")
    found: set[str] = set()
    for name in MODULES:
        (place,) = kernel.modules.glob(f"kernel/**/{name}.ko*")
        data = place.read_bytes()
        found |= extack_texts(lzma.decompress(data) if place.suffix == ".xz" else data)
    # what is built in, net/xfrm/xfrm_state.c and the like, was read in its sources
    source = (
        f"source of 7.3: net/xfrm, net/ipv4, net/ipv6; {', '.join(MODULES)} of {kernel.release}"
    )
    return source, found | set(recorded(NAMES / "extack"))


def _counters() -> tuple[str, list[str]]:
    kernel = uml.fetch("uml-7")
    lines = run(kernel, ["cat", "/proc/net/xfrm_stat"]).stdout.splitlines()
    return f"/proc/net/xfrm_stat of {kernel.release}", [line.split()[0] for line in lines]


def _write(name: str, source: str, names: Iterable[str]) -> None:
    (NAMES / name).write_text("".join(f"{line}\n" for line in (f"# {source}", *names)))


def main() -> None:
    """Write all of them."""
    _write("xfrm.h", versions("sid", "glibc"), sorted(newest_header()))
    _write("xfrm_stat", *_counters())
    for name, (source, names) in {"ip_xfrm": _help(), "extack": _texts()}.items():
        _write(name, source, sorted(names))


if __name__ == "__main__":
    main()
