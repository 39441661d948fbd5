# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of writers: each file is one format, by the name that `--format` takes.

It offers `SUMMARY`, a line for the manual page (lower case, no full stop), and
`render(report, style) -> str`: the whole report, ending with a line break; pure. Help, manual page
and completions list it because it is here.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.report.model import Report, Style


def names() -> tuple[str, ...]:
    """All formats."""
    return registry.names(__path__)


def render(name: str, report: Report, style: Style) -> str:
    """The report in one of them."""
    text: str = registry.load(__name__, name).render(report, style)
    return text
