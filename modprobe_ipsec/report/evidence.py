# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verbose report for people adds: each need, where it comes from, its requests."""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.text import first, name
from modprobe_ipsec.catalog.model import KernelInterface
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.diagnose.pf_key import pf_key
from modprobe_ipsec.host.facts import StackSign
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Mode, Need
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.table import table, wrapped
from modprobe_ipsec.report.words import because, log_lines


def rows(verdicts: Iterable[NeedVerdict]) -> list[tuple[Verdict, str, str, str]]:
    """One row for what differs only in family or ESN and has one verdict for one reason.

    Verdict, need, over what, because of what.
    """
    groups: dict[tuple[object, ...], list[NeedVerdict]] = {}
    for judged in verdicts:
        need = judged.need
        what: tuple[object, ...] = (need.label,)
        if isinstance(need, Need):
            suite = need.suite
            what = (suite.protocol, need.mode, suite.encryption, suite.integrity, need.interface)
        reason = because(judged) if judged.verdict is not Verdict.READY else ""
        groups.setdefault((judged.verdict, *what, reason), []).append(judged)
    return [
        (
            group[0].verdict,
            _name(group[0].need),
            _over([judged.need for judged in group]),
            because(group[0]),
        )
        for group in groups.values()
    ]


def names(verdicts: Iterable[NeedVerdict]) -> list[str]:
    """`ESP AES_GCM_16_256 over IPv4, IPv6`: each once, whatever is said of it."""
    alike = (judged._replace(reasons=(), proof=None) for judged in verdicts)
    return [f"{name} over {over}" if over else name for _, name, over, _ in rows(alike)]


def _name(need: AnyNeed) -> str:
    if isinstance(need, FeatureNeed):
        return need.feature
    mode = "" if need.mode is Mode.TUNNEL else f" {need.mode}"
    protocol, space, rest = need.suite.label.removesuffix(" ESN").partition(" ")
    way = "" if need.interface is KernelInterface.XFRM else " by PF_KEY"
    return f"{protocol}{mode}{space}{rest}{way}"


def _over(needs: Sequence[AnyNeed]) -> str:
    families = dict.fromkeys(need.family.label for need in needs if need.family)
    esn = {need.suite.esn for need in needs if isinstance(need, Need)}
    suffix = {(True,): " with ESN", (False, True): " with and without ESN"}
    return ", ".join(families) + suffix.get(tuple(sorted(esn)), "")


def needs(verdicts: Sequence[NeedVerdict], style: Style) -> list[str]:
    """The table of needs, as they come."""
    if not verdicts:
        return []
    head = ("VERDICT", "NEED", "OVER", "BECAUSE")
    return table([head, *rows(verdicts)], colour=style.colour, width=style.width)


def symptoms(verdicts: Iterable[NeedVerdict], width: int) -> list[str]:
    """The log lines that a user has in hand who comes here because something failed."""
    found = {
        (reason.symptom.errno, log_lines(judged, reason.symptom)): None
        for judged in verdicts
        for reason in judged.reasons
        if reason.symptom
    }
    lines: list[str] = []
    for errno, logged in found:
        lines.append(f"  errno {errno}")
        for daemon, said in logged:
            lines += wrapped(said, width, f"    {DAEMONS[daemon].program}: ", " " * 8)
    return ["what kernel and daemon say in that case:", *lines] if lines else []


def silent(demand: Demand, width: int) -> list[str]:
    """Each connection that asks for nothing."""
    lines: list[str] = []
    found, more = first(demand.silent)
    for one in found:
        lines += wrapped(f"{one.place} {name(one.conn)}: {one.why}", width, "  ", "    ")
    return ["asks the kernel for nothing:", *lines, *_more(more)] if lines else []


def _more(number: int) -> list[str]:
    return [f"  and {number} more"] if number else []


def chain(verdicts: Iterable[NeedVerdict], width: int) -> list[str]:
    """Where each need comes from and which requests it makes."""
    lines: list[str] = []
    for judged in verdicts:
        need = judged.need
        lines += wrapped(need.label, width)
        sources, more = first(need.sources)
        for source in sources:
            lines += wrapped(f"{source.where}: {source.text}".rstrip(": "), width, "  from ")
        lines += _more(more)
        if isinstance(need, Need) and need.suite.crypto_name:
            lines += wrapped(need.suite.crypto_name, width, "  the kernel builds ")
        steps = judged.proof.steps if judged.proof else ()
        said = [(step.name, step.seen if step.held else f"failed: {step.seen}") for step in steps]
        lines += table(said, indent="    ", width=width) if said else []
        found = [(f.request, f.state, f.module, f.evidence) for f in judged.resolutions]
        lines += table(found, indent="    ", width=width) if found else []
    return lines


def _is_sysctl(sign: StackSign) -> bool:
    return sign.path.startswith("proc/sys/net/core/")


def stack(report: Report, width: int) -> list[str]:
    """What /proc shows of XFRM, and what could not be read."""
    found = [(f"/{w.path}", w.shows) for w in report.facts.stack_signs if not _is_sysctl(w)]
    values = [witness.shows for witness in report.facts.stack_signs if _is_sysctl(witness)]
    if values:
        found.append(("/proc/sys/net/core/xfrm_*", ", ".join(dict.fromkeys(values))))
    if report.xfrm_socket:
        found.append(("NETLINK_XFRM socket", report.xfrm_socket))
    found.append(("PF_KEY", pf_key(report.facts).text))
    gaps, more = first(report.facts.unreadable)
    found += [(f"/{gap.path}", f"not read: {gap.why}") for gap in gaps]
    lines = table(found, indent="  ", width=width) if found else []
    return ["the stack itself:", *lines, *_more(more)] if found else []


def telling(report: Report, width: int) -> list[str]:
    """What of it explains something: packets that were dropped, what may not be read."""
    facts = report.facts
    found = [(f"/{w.path}", w.shows) for w in facts.stack_signs if w.dropped]
    if any(judged.verdict is Verdict.UNKNOWN for judged in report.verdicts):
        gaps = (gap for gap in facts.unreadable if not gap.missing)
        found += [(f"/{gap.path}", f"not read: {gap.why}") for gap in gaps]
    return ["the stack itself:", *table(found, indent="  ", width=width)] if found else []
