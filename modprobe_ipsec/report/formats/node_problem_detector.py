# SPDX-License-Identifier: GPL-3.0-or-later
"""A custom plugin of Kubernetes' node-problem-detector: one short line, and its exit codes.

container/node-problem-detector.json is a configuration for it.
source: kubernetes/node-problem-detector, docs/custom_plugin_monitor.md
"""

from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.base.text import line
from modprobe_ipsec.plan.causes import causes
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Report, Run, Style
from modprobe_ipsec.report.words import problems, result

SUMMARY = "for Kubernetes' node-problem-detector, as a custom plugin: one short line"

UTF_8 = True
_OK, _NOT_OK, _UNKNOWN = 0, 1, 2
# Its max_output_length, unless somebody changes it; in bytes.
_BYTES = 80


def render(report: Report, style: Style) -> str:
    """The worst cause, or how much is ready."""
    found = [cause for cause in causes(report.verdicts) if cause.verdict is not Verdict.READY]
    if found:
        said = f"IPsec {found[0].verdict}: {found[0].text}"
    else:
        said = "; ".join((*problems(report.demand)[:1], result(report)))
    return _short(said)


def exit_code(status: int) -> int:
    """0: all is well; 1: something is not, or not yet; 2: cannot be told."""
    return {0: _OK, 1: _NOT_OK, 2: _NOT_OK}.get(status, _UNKNOWN)


def failure(error: Error, run: Run) -> str:
    """Why it cannot be told."""
    return _short(error.message)


def _short(text: str) -> str:
    """Its beginning says most; a character is not cut in two."""
    return line(text).encode()[: _BYTES - 1].decode(errors="ignore") + "\n"
