# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual page knows every option, verdict and exit status."""

import re
from pathlib import Path

from modprobe_ipsec.base import errors
from modprobe_ipsec.commands.options import OPTIONS
from modprobe_ipsec.plan.verdict import Verdict

PAGE = (Path(__file__).parent.parent / "man/modprobe-ipsec.8").read_text()


def test_every_option_is_there_and_no_other() -> None:
    options = {name for option in OPTIONS for name in option.names}
    # `\-` is a minus sign; `.Fl 46qv` are four options
    long = {f"--{name}" for name in re.findall(r"Fl \\-([a-z-]+)", PAGE)}
    short = {f"-{c}" for letters in re.findall(r"Fl ([a-z0-9]{1,4})\b", PAGE) for c in letters}
    assert long | short == options


def test_every_option_has_a_paragraph() -> None:
    headings = "".join(re.findall(r"^\.It Fl .*\n(?!\.It|\.El)", PAGE, re.MULTILINE)).replace(
        "\\-", "-"
    )
    said = set(re.findall(r"Fl ([a-z0-9-]+)", headings))
    assert said == {name[1:] for option in OPTIONS for name in option.names}


def test_every_verdict_and_exit_status_is_there() -> None:
    items = re.findall(r"^\.It (\w+)$", PAGE, re.MULTILINE)
    codes = {verdict.exit_code for verdict in Verdict}
    ours = (
        errors.NothingToWrite,
        errors.UsageError,
        errors.NoPermission,
        errors.ConfigError,
        errors.Bug,
    )
    codes |= {error.exit_code for error in ours}
    assert {item for item in items if item.isdecimal()} == {str(code) for code in codes}
    assert {item for item in items if not item.isdecimal()} == set(Verdict)
