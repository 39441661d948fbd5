# SPDX-License-Identifier: GPL-3.0-or-later
"""A report format, an option and a verb: a file, a row, a file and a row."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_adding_one.copies import Copy

GENERATED = {
    "completions/_modprobe-ipsec",
    "completions/modprobe-ipsec.bash",
    "completions/modprobe-ipsec.fish",
    "man/modprobe-ipsec.8",
}

FORMAT = '''\
"""How many needs there are of each verdict, a line each."""

from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Report, Style

SUMMARY = "how many needs there are of each verdict"


def render(report: Report, style: Style) -> str:
    """`loadable 2`, the worst first; nothing of what is not there."""
    found = [judged.verdict for judged in report.verdicts]
    return "".join(f"{v} {found.count(v)}\\n" for v in Verdict if v in found)
'''

OPTION = """\
    Option("--silent", "how", "say it with the exit status alone", verbs=("check",)),
"""
HEED = """\
    if arguments.has("--silent"):
        return report.exit_code
"""

ROW = '    Option("--transforms", "what", "list the transforms of the map", verb="transforms"),\n'
VERB = '''\
"""--transforms: what the map knows."""

from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put


def run(arguments: Arguments) -> int:
    """A line each."""
    put("".join(f"{name}\\n" for name in engine.catalog().transforms))
    return 0
'''
LAST = '    Option("--no-color",'
TABLE = "modprobe_ipsec/commands/options.py"
ASK = ("--esp", "aes256gcm16", "-4")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def generate(copy: Copy) -> None:
    """make generated."""
    subprocess.run([sys.executable, "-m", "scripts.generate"], cwd=copy.root, check=True)


def test_a_report_format(copy: Copy) -> None:
    file = copy.root / "modprobe_ipsec/report/formats/by_verdict.py"
    file.write_text(FORMAT)
    assert copy.check(*ASK, "--format", "by-verdict").stdout == "loadable 1\n"
    assert "  by-verdict, html, journal, json" in copy.run("--help").stdout
    assert "choose from by-verdict, html, journal, json" in copy.run("--format=x").stderr
    # how to say it is for people only
    assert copy.check(*ASK, "--format", "by-verdict", "-q").returncode == 64
    assert copy.changed() == {"modprobe_ipsec/report/formats/by_verdict.py"}
    generate(copy)
    assert copy.changed() == {"modprobe_ipsec/report/formats/by_verdict.py", *GENERATED}
    assert all("by-verdict" in (copy.root / path).read_text() for path in GENERATED)
    page = (copy.root / "man/modprobe-ipsec.8").read_text()
    assert ".It Cm by-verdict\nHow many needs there are of each verdict.\n" in page


def test_an_option(copy: Copy) -> None:
    copy.insert(TABLE, LAST, OPTION)
    copy.insert("modprobe_ipsec/commands/verbs/check.py", "    return put_report(", HEED)
    done = copy.check(*ASK, "--silent")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    refused = copy.run("--silent", "--dry-run")
    assert "--silent does not go with --dry-run" in refused.stderr and refused.returncode == 64
    assert "--silent goes with --check" in copy.run("--silent").stderr
    assert "with --check: say it with the exit status alone" in copy.run("--help").stdout
    generate(copy)
    assert all("silent" in (copy.root / path).read_text() for path in GENERATED)


def test_a_verb(copy: Copy) -> None:
    copy.insert(TABLE, LAST, ROW)
    (copy.root / "modprobe_ipsec/commands/verbs/transforms.py").write_text(VERB)
    assert "AES_GCM_16\n" in copy.run("--transforms").stdout
    for other in ("--check", "--dry-run", "--manifest=yaml", "--record=x", "--all", "-q"):
        assert copy.run("--transforms", other).returncode == 64
    assert "list the transforms of the map" in copy.run("--help").stdout
    generate(copy)
    assert all("transforms" in (copy.root / path).read_text() for path in GENERATED)
