# SPDX-License-Identifier: GPL-3.0-or-later
"""Every report in JSON is as data/report.schema.json says, and the schema says no less."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.needs.need import Mode
from modprobe_ipsec.needs.proof import Answer
from modprobe_ipsec.plan.plan import LoadOutcome
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.formats.json import SCHEMA
from modprobe_ipsec.report.model import Action
from tests.hosts import tree
from tests.report_schema import PATH, checked

PUBLISHED = json.loads(PATH.read_text())
DEFS = PUBLISHED["$defs"]
REPORT = DEFS["report"]["properties"]
REPORTS = sorted(tree.CASES.glob("*/expected/check.json"))


def is_report(path: Path) -> bool:
    """A host that cannot be looked at at all has a message in place of a report."""
    return path.read_text().startswith("{")


@pytest.mark.parametrize(
    "path", [path for path in REPORTS if is_report(path)], ids=lambda path: path.parts[-3]
)
def test_reports_of_recorded_hosts(path: Path) -> None:
    checked(path.read_text())


@pytest.mark.parametrize(
    "options", [["--check"], ["--check", "--prove"], ["--dry-run"], ["--check", "--all"], []]
)
def test_reports_of_this_machine(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*options, "--format", "json"] if options else ["-n", "--strict", "--format=json"])
    assert checked(capsys.readouterr().out)["exit_code"] == code


def test_its_words_are_those_of_the_code() -> None:
    for kind in ("report", "error"):
        assert DEFS[kind]["properties"]["schema"] == {"const": SCHEMA}
    assert PUBLISHED["$id"].endswith(f":{SCHEMA}")
    assert REPORT["action"]["enum"] == list(Action)
    assert DEFS["need"]["properties"]["verdict"]["enum"] == list(Verdict)
    assert DEFS["need"]["properties"]["mode"]["enum"] == [*Mode, None]
    assert DEFS["proof"]["properties"]["answer"]["enum"] == list(Answer)
    assert DEFS["request"]["properties"]["state"]["enum"] == list(ResolutionState)
    assert DEFS["load"]["properties"]["outcome"]["enum"] == list(LoadOutcome)


def spoil(report: dict[str, Any], *keys: Any) -> dict[str, Any]:
    """A copy without one key, which is the last."""
    copy: dict[str, Any] = json.loads(json.dumps(report))
    part: Any = copy
    for key in keys[:-1]:
        part = part[key]
    del part[keys[-1]]
    return copy


def test_a_report_that_lacks_something_is_noticed() -> None:
    report = checked((tree.CASES / "install-false/expected/check.json").read_text())
    reader = jsonschema.Draft202012Validator(PUBLISHED)
    assert reader.is_valid(report) and reader.is_valid({**report, "new": 1})
    for keys in (["needs"], ["kernel", "arch"], ["needs", 0, "verdict"], ["needs", 0, "esn"]):
        assert not reader.is_valid(spoil(report, *keys)), keys
    with pytest.raises(AssertionError, match="new"):
        checked(json.dumps({**report, "new": 1}))


def test_the_page_about_it_tells_the_truth() -> None:
    page = (PATH.parent.parent / "docs/json.md").read_text()
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    recorded = checked((tree.CASES / "install-false/expected/check.json").read_text())
    (reason,) = recorded["needs"][0]["reasons"]
    shown = json.loads(example)
    assert shown == {key: reason[key] for key in shown}
    named = set(re.findall(r"`(\w+)`", page.partition("## Keys")[2].partition("## An example")[0]))
    assert REPORT.keys() - {"schema", "exit_code"} <= named
    codes = {int(code) for code in re.findall(r"\b\d+\b", page.partition("## Keys")[0][400:])}
    assert {*REPORT["exit_code"]["enum"], 64, 70, 78} <= codes
