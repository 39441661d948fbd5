# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on any architecture: the bytes that its `ip xfrm` sends, and those that we would send.

    structures.py FILE [ip]     FILE has a command of `ip xfrm state` a line

Prints a JSON object: by command, ours in hexadecimal and, with `ip`, iproute2's, as strace shows
them. Whether the kernel takes them does not matter.
"""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from modprobe_ipsec.catalog.model import Family, Protocol, XfrmTable
from modprobe_ipsec.kernel import xfrm
from modprobe_ipsec.kernel.netlink import HEADER
from modprobe_ipsec.kernel.sa import Sa, SaAlgorithm

KINDS = {
    "enc": XfrmTable.CIPHER,
    "aead": XfrmTable.AEAD,
    "auth-trunc": XfrmTable.AUTH,
    "comp": XfrmTable.COMP,
}


def parse(command: str) -> Sa:
    """What a command line of `ip xfrm state` asks for."""
    words = command.split()
    algorithms = []
    for at, word in enumerate(words):
        if word in KINDS and words[at - 1] != "proto":
            name, key, icv, *_ = [*words[at + 1 :], "", ""]
            raw = bytes.fromhex(key[2:]) if key.startswith("0x") else b""
            bits = int(icv) if icv.isdecimal() else 0
            algorithms.append(SaAlgorithm(KINDS[word], name, len(raw) * 8, bits, raw))
    return Sa(
        Protocol(words[words.index("proto") + 1]),
        Family.IPV6 if ":" in command else Family.IPV4,
        int(words[words.index("spi") + 1], 16),
        tuple(algorithms),
        "esn" in words,
    )


def ours(command: str) -> bytes:
    """What our proof would send."""
    sa = parse(command)
    return xfrm.pack(sa) if command.startswith("add ") else xfrm.identify(sa)


def iproute2(command: str) -> bytes:
    """What `ip` sends behind the header, by what strace shows of its sendmsg."""
    shown = subprocess.run(
        ["strace", "-qq", "-e", "trace=sendmsg,send,sendto", "-e", "raw=none", "-xx", "-s", "9999",
         "ip", "xfrm", "state", *command.split()],
        capture_output=True, text=True,
    ).stderr  # fmt: skip
    return _sent(shown)


def _sent(shown: str) -> bytes:
    """The body of the message that strace shows, whose header it takes apart."""
    for line in shown.splitlines():
        if "nlmsg_type" in line and (found := re.findall(r'"((?:\\x[0-9a-f]{2})+)"', line)):
            return bytes.fromhex(max(found, key=len).replace("\\x", ""))
    raise ValueError(f"no message in {shown!r}")


def layout() -> dict[str, Any]:
    """Sizes that follow from the alignment of this architecture's 64-bit numbers."""
    return {
        "order": sys.byteorder,
        "word": struct.calcsize("P") * 8,
        "alignment": struct.calcsize("B0Q"),
        "usersa_info": xfrm.USERSA_INFO.size,
        "header": HEADER.size,
    }


def main() -> None:
    """One JSON object."""
    commands = Path(sys.argv[1]).read_text().splitlines()
    said: dict[str, Any] = {"layout": layout(), "ours": {c: ours(c).hex() for c in commands}}
    if "ip" in sys.argv[2:]:
        said["iproute2"] = {c: iproute2(c).hex() for c in commands}
        # what the kernel took
        subprocess.run(["ip", "xfrm", "state", "flush"], check=False)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
