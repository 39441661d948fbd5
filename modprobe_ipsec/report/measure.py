# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--measure` found out, for people and for programs. Pure."""

from modprobe_ipsec.base.annotations import Any, Iterator, Mapping, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.needs.need import AnyNeed
from modprobe_ipsec.needs.speed import ROUNDS, SIZES, Clear, Fastest, Measured, Speed, fastest
from modprobe_ipsec.plan.plan import LoadOutcome
from modprobe_ipsec.plan.verdict import NeedVerdict
from modprobe_ipsec.report.evidence import names
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.table import table, wrapped
from modprobe_ipsec.report.words import kernel, read, some

_NOTHING = "nothing is asked for that packets go through"

# From here on the two best rounds differ so much that the reader is told (as a share of the best).
_RESTLESS = 0.1


class MeasureReport(Value):
    """What was measured of all that is needed, in its order."""

    needs: tuple[Measured, ...]
    # The same without IPsec: one for each family.
    clear: tuple[Clear, ...]
    # What was measured before something faster was loaded.
    before: Mapping[AnyNeed, Measured]

    @property
    def exit_code(self) -> int:
        """0 if each need was measured; 3 if one was not, or there is none."""
        return 0 if self.needs and all(each.speeds for each in self.needs) else 3


def text(report: Report, found: MeasureReport, style: Style) -> str:
    """A table of speeds, which proposal to choose, and what could not be measured, and why."""
    width = style.width
    done = [each for each in found.needs if each.speeds]
    result = f"{len(done)} of {len(found.needs)} needs measured"
    said = (kernel(report), read(report.demand), result if found.needs else _NOTHING)
    lines = [line for each in said for line in wrapped(each, width, "", "  ")]
    if done:
        lines += ["", *_table(done, found, width), ""]
        for each in (_how_sure([*done, *found.before.values()]), recommendation(report, found)):
            lines += wrapped(each, width, "", "  ")
    if style.verbose:
        lines += ["", "packets per second in each round:", *_rounds(done, found, width)]
    lines += _not_measured(report, found, width)
    came = [m for load in report.loads if load.outcome is LoadOutcome.LOADED for m in load.loaded]
    if came:
        lines += ["", *wrapped(f"loaded: {', '.join(came)}", width, "", "  ")]
    if report.autoloaded:
        modules = ", ".join(report.autoloaded)
        lines += ["", "loaded by the kernel itself meanwhile:", *wrapped(modules, width, "  ")]
    return "\n".join(lines) + "\n"


def _table(done: Sequence[Measured], found: MeasureReport, width: int) -> list[str]:
    """A line of numbers for each need, below its name and driver."""
    clear = {each.family: each.speeds for each in found.clear}
    titles: list[str] = []
    rows = [(*(f"{size} bytes" for size in SIZES), "OF CLEAR", "SPREAD")]

    def add(title: str, driver: str, speeds: Sequence[Speed], beside: Sequence[Speed]) -> None:
        titles.append(f"{title}: {driver}" if driver else title)
        share = f"{speeds[-1].packets / beside[-1].packets:.0%}" if beside else ""
        spread = f"{max(speed.spread for speed in speeds):.0%}"
        rows.append((*map(_cell, speeds), share, spread))

    for each in found.clear:
        add(f"in the clear, {each.family.label}", "", each.speeds, ())
    for one in done:
        label, before = one.need.label, found.before.get(one.need)
        beside = clear.get(one.need.family, ()) if one.need.family else ()
        if before and before.speeds:
            add(f"{label}, before", before.driver, before.speeds, beside)
            label += ", now"
        add(label, one.driver, one.speeds, beside)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *numbers = (
        "  ".join(("", *(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True))))
        for row in rows
    )
    lines = [head]
    for title, line in zip(titles, numbers, strict=True):
        lines += [*wrapped(title, width, "", "  "), line]
    return lines


def _rounds(done: Sequence[Measured], found: MeasureReport, width: int) -> list[str]:
    """All that the table is made of."""
    everything = [(f"in the clear, {each.family.label}", each.speeds) for each in found.clear]
    for one in done:
        if before := found.before.get(one.need):
            everything.append((f"{one.need.label}, before", before.speeds))
        everything.append((one.need.label, one.speeds))
    rows = [
        (name, f"{speed.size} bytes", ", ".join(f"{rate:,.0f}" for rate in speed.rounds))
        for name, speeds in everything
        for speed in speeds
    ]
    return table(rows, indent="  ", width=width)


def _cell(speed: Speed) -> str:
    return f"{_short(speed.packets)}/s {_short(speed.bits)}bit/s"


def _short(number: float) -> str:
    """`412 k`, `1.23 G`, `87 `."""
    for unit in ("", "k", "M", "G"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} T"


def _how_sure(done: Sequence[Measured]) -> str:
    worst = max(speed.spread for one in done for speed in one.speeds)
    said = (
        f"Packets per second that were encrypted and decrypted: both ends share this CPU. The best "
        f"of {ROUNDS} short rounds counts; SPREAD is how far the second best stays behind."
    )
    if worst > _RESTLESS:
        said += f" Here that is up to {worst:.0%}: the CPU is busy with something else, too."
    return said


def recommendation(report: Report, found: MeasureReport) -> str:
    """Which of the proposals to choose, in one line."""
    excluded = {need for note in report.notes for need in note.needs}
    best = fastest(found.needs, excluded)
    if best is None:
        return "no recommendation: nothing was measured that should be used"
    name, left_out = best.suite.label, ""
    if any(each.need in excluded for each in found.needs if each.speeds):
        left_out = " (what should not be used is left out)"
    if best.second is None:
        return f"{name} is the only one to choose from{left_out}"
    if not best.is_clear:
        return f"{name} and {best.second.label} are the fastest, and equally fast{left_out}"
    times = f"at {SIZES[-1]} bytes {_times(best)} {best.second.label}"
    return f"{name} is the fastest: {times}{left_out}"


def _times(best: Fastest) -> str:
    return f"{best.times:.1f} times" if best.times >= 1.1 else f"{best.times:.2f} times"


def _not_measured(report: Report, found: MeasureReport, width: int) -> Iterator[str]:
    """Each cause once, with its needs and what to do."""
    groups: dict[str, list[NeedVerdict]] = {}
    for judged, each in zip(report.verdicts, found.needs, strict=True):
        if not each.speeds:
            groups.setdefault(each.why, []).append(judged)
    for why, verdicts in groups.items():
        yield ""
        yield from wrapped(f"not measured: {why}", width, "", "  ")
        reasons = verdicts[0].reasons
        rows = [("needs", some(names(verdicts)))]
        rows += [("to do", each) for each in dict.fromkeys(r.remedy for r in reasons) if each]
        yield from table(rows, indent="  ", width=width)


def as_data(report: Report, found: MeasureReport) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "clear": [{"family": each.family, "speeds": _speeds(each.speeds)} for each in found.clear],
        "needs": [_measured(each, found.before.get(each.need)) for each in found.needs],
        "recommendation": recommendation(report, found),
    }


def _measured(each: Measured, before: Measured | None) -> dict[str, Any]:
    return {
        "id": each.need.id,
        "need": each.need.label,
        "driver": each.driver,
        "speeds": _speeds(each.speeds),
        "before": {"driver": before.driver, "speeds": _speeds(before.speeds)} if before else None,
        "why": each.why,
    }


def _speeds(speeds: Sequence[Speed]) -> list[dict[str, Any]]:
    return [
        {
            "bytes": speed.size,
            "packets_per_second": round(speed.packets),
            "bits_per_second": round(speed.bits),
            "spread": round(speed.spread, 3),
        }
        for speed in speeds
    ]
