# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc/net/xfrm_stat has counted: it is each namespace's own, and never goes back."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.lab.network import PATIENCE, LabHost, Network, until


class Counters:
    """A host's counters from now on."""

    __slots__ = ("_before", "_host", "_network")

    def __init__(self, network: Network, host: LabHost) -> None:
        self._network, self._host = network, host
        self._before = self._read()

    def _read(self) -> dict[str, int]:
        with self._network.at(self._host):
            text = Host().text("proc/self/net/xfrm_stat") or ""
        return {name: int(value) for name, value in (line.split() for line in text.splitlines())}

    def now(self) -> dict[str, int]:
        """Those that have grown, and by how much, without the `Xfrm` that all begin with."""
        before, after = self._before, self._read()
        return {
            name.removeprefix("Xfrm"): after[name] - before[name]
            for name in after
            if after[name] != before.get(name, 0)
        }

    def soon(self, seconds: float = PATIENCE) -> dict[str, int]:
        """The same, after a while if there is nothing yet."""
        until(lambda: bool(self.now()), seconds)
        return self.now()


def in_words(counted: Mapping[str, int]) -> str:
    """`XfrmInNoStates +1`; `no counter`."""
    said = [f"Xfrm{name} +{number}" for name, number in sorted(counted.items())]
    return ", ".join(said) or "no counter"
