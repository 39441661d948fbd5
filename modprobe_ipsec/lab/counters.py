# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc/net/xfrm_stat has counted: it is each namespace's own, and never goes back."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.lab.network import COMES, LabHost, Network, until


class Counters:
    """A host's counters from now on."""

    __slots__ = ("_before", "_host", "_network", "_refused")

    def __init__(self, network: Network, host: LabHost) -> None:
        self._network, self._host = network, host
        self._before, self._refused = self._read(), self._udp_errors()

    def _text(self, name: str) -> str:
        with self._network.at(self._host):
            return Host().text(f"proc/self/net/{name}") or ""

    def _read(self) -> dict[str, int]:
        lines = self._text("xfrm_stat").splitlines()
        return {name: int(value) for name, value in map(str.split, lines)}

    def _udp_errors(self) -> int:
        """InErrors of both families."""
        names, values = (
            line.split() for line in self._text("snmp").splitlines() if line[:4] == "Udp:"
        )
        six = [line for line in self._text("snmp6").splitlines() if line.startswith("Udp6InErrors")]
        return int(values[names.index("InErrors")]) + sum(int(line.split()[1]) for line in six)

    def now(self) -> dict[str, int]:
        """Those that have grown, and by how much, without the `Xfrm` that all begin with."""
        before, after = self._before, self._read()
        return {
            name.removeprefix("Xfrm"): after[name] - before[name]
            for name in after
            if after[name] != before.get(name, 0)
        }

    def settled(self) -> dict[str, int]:
        """The same once all has been seen to that was sent so far."""
        self._network.settle()
        return self.now()

    def soon(self) -> dict[str, int]:
        """The same, when there is something."""
        self._network.settle()
        until(lambda: bool(self.now()), COMES)
        return self.now()

    def refused_by_udp(self) -> bool:
        """Whether a packet got as far as UDP, which did not want it, for whatever reason."""
        return self._udp_errors() != self._refused


def in_words(counted: Mapping[str, int]) -> str:
    """`XfrmInNoStates +1`; `no counter`."""
    said = [f"Xfrm{name} +{number}" for name, number in sorted(counted.items())]
    return ", ".join(said) or "no counter"
