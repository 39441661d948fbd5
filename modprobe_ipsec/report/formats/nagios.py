# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for Nagios, Icinga and others that run monitoring plugins, with performance data.

source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios"
"""

from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.base.text import line
from modprobe_ipsec.plan.causes import causes
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Report, Run, Style
from modprobe_ipsec.report.words import problems, result

SUMMARY = "for Nagios, Icinga and the like: one line with performance data"

UTF_8 = True
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_UNKNOWN = _STATES.index("UNKNOWN")
# Characters of what is said; pagers and columns of a web page cut it anyway.
_LINE = 400
# What is against the thresholds: any is a warning, any is critical.
_WARNS = (Verdict.LOADABLE, Verdict.SLOW)
_CRITICAL = (Verdict.BLOCKED, Verdict.MISSING)


def render(report: Report, style: Style) -> str:
    """State, the worst cause or what is wrong in a configuration, and numbers."""
    state = _STATES[exit_code(report.exit_code)]
    return f"IPSEC {state} - {_said(_why(report))} | {_numbers(report)}\n"


def exit_code(status: int) -> int:
    """0 to 3 are theirs, too; of any other they could not tell what it means."""
    return status if status < len(_STATES) else _UNKNOWN


def failure(error: Error, run: Run) -> str:
    """Why it cannot be told."""
    return f"IPSEC {_STATES[_UNKNOWN]} - {_said(error.message)}\n"


def _why(report: Report) -> str:
    found = [cause for cause in causes(report.verdicts) if cause.verdict is not Verdict.READY]
    said = [f"{cause.verdict}: {cause.text}" for cause in found[:1]]
    if len(found) > 1:
        said.append(f"and {len(found) - 1} more")
    if report.exit_code and not found:
        said += problems(report.demand)[:1]
    return "; ".join((result(report), *said))


def _said(text: str) -> str:
    """What comes behind a bar is taken for numbers."""
    return line(text, _LINE).replace("|", "/")


def _numbers(report: Report) -> str:
    total = len(report.verdicts)
    found = [f"needs={total};;;0"]
    for verdict in Verdict:
        number = sum(judged.verdict is verdict for judged in report.verdicts)
        warn, critical = "0" * (verdict in _WARNS), "0" * (verdict in _CRITICAL)
        found.append(f"{verdict}={number};{warn};{critical};0;{total}")
    found.append(f"problems={len(report.demand.problems)};;;0")
    found.append(f"time={report.run.seconds:.3f}s;;;0")
    for sign in report.facts.stack_signs:
        if sign.path.endswith("/xfrm_stat"):
            found += [f"{name}={value}c;;;0" for name, value in sign.values]
    return " ".join(found)
