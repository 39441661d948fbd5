# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of writers: each file is one format, by the name that `--format` takes.

It offers `SUMMARY`, a line for the manual page (lower case, no full stop), and
`render(report, style) -> str`: the whole report, ending with a line break; pure. Help, manual page
and completions list it because it is here.

If its reader goes by exit codes of its own, it has `exit_code(status) -> int`, from ours to those.
If it wants to know on standard output that there is no report, `failure(error, run) -> str`. If it
takes nothing but UTF-8, `UTF_8 = True`.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.report.model import Report, Run, Style


def names() -> tuple[str, ...]:
    """All formats."""
    return registry.names(__path__)


def render(name: str, report: Report, style: Style) -> str:
    """The report in one of them."""
    text: str = registry.load(__name__, name).render(report, style)
    return text


def is_utf_8(name: str) -> bool:
    """Whether it is in UTF-8 whatever the user's encoding is."""
    return bool(getattr(registry.load(__name__, name), "UTF_8", False))


def exit_code(name: str, status: int) -> int:
    """The exit status of a run as the reader of this format knows it."""
    own = getattr(registry.load(__name__, name), "exit_code", None)
    return own(status) if own else status


def failure(name: str, error: Error, run: Run) -> str:
    """What is there instead of a report; empty if standard error says it all."""
    own = getattr(registry.load(__name__, name), "failure", None)
    return own(error, run) if own else ""
