# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a service's log: one line a problem with its remedy, each with its level.

Levels as in sd-daemon(3): journald takes the `<N>` off and keeps the number.
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator, Sequence
from modprobe_ipsec.base.text import line
from modprobe_ipsec.plan.causes import causes
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.words import against, headline, notes, problems

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
    lines += [f"{_INFO}should not be used: {note}" for note in notes(report)]
    lines += [_WARNING + problem for problem in problems(report.demand)]
    lines += [(_ERROR if report.against else _INFO) + said for said in against(report)]
    lines += _troubles(report.verdicts)
    if report.sealed and not report.sealed.done:
        lines.append(_ERROR + _with_remedies(report.sealed.text, [report.sealed.remedy]))
    return "".join(f"{line(text)}\n" for text in lines)


def _troubles(verdicts: Sequence[NeedVerdict]) -> Iterator[str]:
    """One line a cause, the worst last."""
    for cause in reversed(causes(verdicts)):
        if cause.verdict is Verdict.READY:
            continue
        first, number = cause.met_at[0].need.label, len(cause.met_at) - 1
        more = f" and {number} more" if number else ""
        why = "; ".join((cause.text, *cause.answers))
        text = _with_remedies(f"{first}{more}: {cause.verdict}: {why}", [cause.remedy])
        yield _LEVEL[cause.verdict] + text


def _with_remedies(text: str, remedies: Iterable[str]) -> str:
    return ". To do: ".join((text, *dict.fromkeys(filter(None, remedies))))
