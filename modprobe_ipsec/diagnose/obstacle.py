# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of one module on one host: the kinds of it, its evidence, what helps."""

from modprobe_ipsec.base.text import Sentence, file_and_line, listed
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.host.facts import Rule


class ObstacleKind(Value):
    """What it is that stands in the way."""

    # As reports and host plans name it.
    name: str
    # Somebody or something forbids it, as against: it is not there, or is of no use.
    forbids: bool = False


def kernel_with(option: str) -> Sentence:
    """The remedy for what no module of this kernel brings."""
    return Sentence(f"a kernel with {option}", {"kind": "another kernel", "option": option})


class ForbiddingLines(Value):
    """Lines of files that keep something out, and would all have to go."""

    # /etc/modprobe.d/x.conf:3
    places: tuple[str, ...]
    # What it means to remove them; empty if nothing is known of it.
    decision: str

    @property
    def remedy(self) -> Sentence:
        """What helps, which is not ours to decide."""
        lines, them = ("that line", "it") if len(self.places) == 1 else ("these lines", "them")
        files: dict[str, str] = {}
        facts = []
        for place in self.places:
            facts.append({"kind": "remove line", **file_and_line(place)})
            file, _, line = place.rpartition(":")
            files[file] = f"{files[file]},{line}" if file in files else place
        where = listed(tuple(files.values()))
        text = (
            f"whoever set {where} decides: if IPsec is wanted here, remove {lines}; "
            f"this tool never overrides {them}"
        )
        return Sentence(f"{text}. {self.decision}" if self.decision else text, *facts)


class Obstacle(Value):
    """One thing in the way, with its evidence and what would remove it."""

    kind: ObstacleKind
    # What it keeps out: the module asked for, or one that it cannot do without.
    module: str
    # The evidence with its place: `/etc/modprobe.d/x.conf:3: install esp4 /bin/false`
    text: str
    remedy: str
    # What it does that is not obvious.
    means: str = ""
    # Vulnerabilities that such a line was shipped against: `Dirty Frag (CVE-2026-43284)`
    against: tuple[str, ...] = ()
    rule: Rule | None = None
    # All lines of files that keep it out.
    lines: ForbiddingLines | None = None
    # The kernel option that is not set, and that would help: CONFIG_INET_ESP
    option: str = ""
    # The protocol that is then not there for any address family: ESP
    protocol: str = ""
    # False: what it speaks of may be there all the same.
    sure: bool = True
    # Where it is not sure, the kernel's own answer would tell.
    ask: bool = False
