# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a service's log: one line a problem with its remedy, each with its level.

Levels as in sd-daemon(3): journald takes the `<N>` off and keeps the number.
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.base.text import first, line
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.words import because, headline, in_words

SUMMARY = "for a service's log: one line a problem, with its level"

_ERROR, _WARNING, _NOTICE, _INFO = "<3>", "<4>", "<5>", "<6>"

_LEVEL = {
    Verdict.BLOCKED: _ERROR,
    Verdict.MISSING: _ERROR,
    Verdict.UNKNOWN: _ERROR,
    Verdict.LOADABLE: _WARNING,
    Verdict.SLOW: _WARNING,
}


def render(report: Report, style: Style) -> str:
    """The whole report, the worst last: `systemctl status` shows the end of a log."""
    lines = [_INFO + headline(report)]
    came = [module for result in report.loads for module in result.loaded]
    if came:
        lines.append(f"{_INFO}loaded: {', '.join(came)}")
    if report.autoloaded:
        lines.append(f"{_INFO}loaded by the kernel itself: {', '.join(report.autoloaded)}")
    if report.sealed and report.sealed.done:
        lines.append(_NOTICE + report.sealed.text)
    problems, more = first(report.demand.problems)
    lines += [_WARNING + in_words(problem) for problem in problems]
    lines += [f"{_WARNING}and {more} more problems in the configuration"] if more else []
    lines += _troubles(report.verdicts)
    if report.sealed and not report.sealed.done:
        lines.append(_ERROR + _with_remedies(report.sealed.text, [report.sealed.remedy]))
    return "".join(f"{line(text)}\n" for text in lines)


def _troubles(judgements: Iterable[NeedVerdict]) -> Iterator[str]:
    """One line for all needs that the same thing stands in the way of, the worst last."""
    groups: dict[tuple[Verdict, str], list[NeedVerdict]] = {}
    for judgement in judgements:
        if judgement.verdict is not Verdict.READY:
            groups.setdefault((judgement.verdict, because(judgement)), []).append(judgement)
    order = list(Verdict)
    for (verdict, why), group in sorted(groups.items(), key=lambda item: -order.index(item[0][0])):
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        remedies = [reason.remedy for judgement in group for reason in judgement.reasons]
        text = _with_remedies(f"{group[0].need.label}{more}: {verdict}: {why}", remedies)
        yield _LEVEL[verdict] + text


def _with_remedies(text: str, remedies: Iterable[str]) -> str:
    return ". To do: ".join((text, *dict.fromkeys(filter(None, remedies))))
