# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: packets through the SAs of every need, and through some that must fail.

JSON answer.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.commands import engine
from modprobe_ipsec.kernel import child
from modprobe_ipsec.lab import pair, proof
from modprobe_ipsec.lab.network import Network
from modprobe_ipsec.lab.states import FLUSHPOLICY, XfrmSocket
from modprobe_ipsec.needs.need import Choice, Mode, Need, Suite

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec", "--check", "--format", "json")
NOBODY = 65534


def tool(*arguments: str, user: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        (*TOOL, *arguments), capture_output=True, text=True, user=user, group=user, extra_groups=()
    )
    report = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return {"status": done.returncode, "stderr": done.stderr, "report": report}


def need(mode: Mode, esn: bool = False) -> Need:
    transform = engine.catalog().transforms["AES_GCM_16"]
    suite = Suite(Protocol.ESP, Choice(transform, 256), None, esn)
    return Need(suite, Family.IPV4, mode=mode)


def cipher_alone() -> Need:
    """What the kernel takes, and nobody should: a cipher that nobody checks."""
    transform = engine.catalog().transforms["AES_CBC"]
    return Need(Suite(Protocol.ESP, Choice(transform, 128), None), Family.IPV4)


def steps(wanted: Need, spoil: Callable[[], None] = lambda: None) -> list[Any]:
    """The steps of one need in a process of its own, in which something was spoilt before."""

    def work(send: child.Send) -> None:
        spoil()
        send([step._asdict() for step in proof.PacketProof().steps(wanted)])

    heard: list[Any] = []
    ending = child.run(work, heard.append, 60)
    return heard[0] if heard else [ending.why]


def wrong_key() -> None:
    install = pair.Pair.install

    def spoilt(self: pair.Pair, a: XfrmSocket, b: XfrmSocket, *_: Any) -> None:
        install(self, a, b, proof._other_key)

    setattr(pair.Pair, "install", spoilt)  # noqa: B010


def no_policy() -> None:
    install = pair.Pair.install

    def spoilt(self: pair.Pair, a: XfrmSocket, b: XfrmSocket, *more: Any) -> None:
        install(self, a, b, *more)
        for end in (a, b):
            end.ask(FLUSHPOLICY, b"")

    setattr(pair.Pair, "install", spoilt)  # noqa: B010


def no_wire() -> None:
    """The receiver drops what comes: it has no address to which it could be."""
    init = Network.__init__

    def spoilt(self: Network) -> None:
        init(self)
        with self.at(self.b):
            subprocess.run(("ip", "addr", "flush", "dev", "b"), check=True)

    setattr(Network, "__init__", spoilt)  # noqa: B010


def main() -> None:
    answer: dict[str, Any] = {
        "all": tool("--prove=packets", "--all"),
        "nobody": tool("--prove=packets", "--esp", "aes256gcm16,aes128-sha256", user=NOBODY),
        "modes": {mode: steps(need(mode)) for mode in Mode},
        "transport with ESN": steps(need(Mode.TRANSPORT, esn=True)),
        "cipher alone": steps(cipher_alone()),
        "wrong key": steps(need(Mode.TUNNEL), wrong_key),
        "no policy": steps(need(Mode.TUNNEL), no_policy),
        "no way in": steps(need(Mode.TUNNEL), no_wire),
        "states": subprocess.run(("ip", "xfrm", "state"), capture_output=True, text=True).stdout,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
