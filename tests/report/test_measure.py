# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of measured speeds."""

import json
from typing import Any

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.needs.profile import Objection
from modprobe_ipsec.needs.speed import SIZES, Clear, Measured, Speed
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.report import formats
from modprobe_ipsec.report.measure import MeasureReport
from modprobe_ipsec.report.model import Action, Report, Style
from tests.facts import CBC, GCM, facts
from tests.report_schema import checked
from tests.shipped import CATALOG

# ESN is nothing to choose.
PLAIN = CBC.suite.label.removesuffix(" ESN")
FAST = "seqiv(rfc4106-gcm-aesni)"


def speeds(best: float, second: float = 0.99) -> tuple[Speed, ...]:
    rounds = (best * second, best / 3, best, best / 2, best / 3)
    return tuple(Speed(size, rounds) for size in SIZES)


def report(measured: list[Measured], before: dict[Any, Measured], **changes: Any) -> Report:
    needs = tuple(each.need for each in measured)
    host = facts()
    plan = make_plan(needs, host, CATALOG)
    found = MeasureReport(tuple(measured), (Clear(Family.IPV4, speeds(1e6)),), before)
    verdicts = judge(plan, {}, loaded=True)
    demand = Demand(needs)
    return Report(Action.MEASURE, host, verdicts, plan, demand, measured=found, **changes)


def said(of: Report, format: str = "text") -> str:
    return formats.render(format, of, Style())


def test_before_and_after() -> None:
    before = Measured(GCM, speeds(123456), "seqiv(rfc4106(gcm_base(ctr(aes-generic))))")
    text = said(report([Measured(GCM, speeds(412345), FAST)], {GCM: before}))
    lines = text.splitlines()
    assert lines[2] == "1 of 1 needs measured"
    at = next(number for number, line in enumerate(lines) if line.startswith(GCM.label))
    assert lines[at - 1].split()[:2] == ["1", "M/s"] and "in the clear, IPv4" in lines[at - 2]
    assert lines[at] == f"{GCM.label}, before: {before.driver}"
    assert lines[at + 1].split()[:2] == ["123", "k/s"]
    assert lines[at + 2] == f"{GCM.label}, now: {FAST}"
    numbers = "412 k/s 211 Mbit/s 412 k/s 1.69 Gbit/s 412 k/s 4.62 Gbit/s 41% 1%"
    assert " ".join(lines[at + 3].split()) == numbers
    assert f"{GCM.suite.label} is the only one to choose from" in text


def test_a_restless_cpu_is_mentioned() -> None:
    needs = [Measured(GCM, speeds(3000, 0.5)), Measured(CBC, speeds(2900))]
    text = " ".join(said(report(needs, {})).split())
    assert "up to 50%: the CPU is busy with something else, too" in text
    assert f"{GCM.suite.label} and {PLAIN} are the fastest, and equally fast" in text


def test_what_could_not_be_measured_has_its_cause() -> None:
    of = report([Measured(GCM, speeds(3000)), Measured(CBC, why="esp4 is blocked by x")], {})
    assert of.exit_code == 3
    assert "not measured: esp4 is blocked by x\n  needs  ESP AES_CBC" in said(of)
    assert report([Measured(GCM, speeds(3000))], {}).exit_code == 0
    assert report([], {}).exit_code == 3


def test_json_as_published() -> None:
    before = Measured(GCM, speeds(1000), "a")
    of = report([Measured(GCM, speeds(2000), FAST), Measured(CBC, why="x")], {GCM: before})
    found = checked(said(of, "json"))
    assert (found["action"], found["exit_code"]) == ("measure", 3)
    first, second = found["measured"]["needs"]
    assert first["speeds"][-1] == {
        "bytes": 1400,
        "packets_per_second": 2000,
        "bits_per_second": 2000 * 1400 * 8,
        "spread": 0.01,
    }
    assert first["before"]["driver"] == "a"
    expected: dict[str, Any] = {
        "id": CBC.id,
        "need": CBC.label,
        "driver": "",
        "speeds": [],
        "before": None,
        "why": "x",
    }
    assert second == expected
    assert json.dumps(found["measured"]["clear"]).count("bytes") == len(SIZES)


def test_the_recommendation_leaves_out_what_should_not_be_used() -> None:
    needs = [Measured(GCM, speeds(9000)), Measured(CBC, speeds(3000))]
    notes = (Objection("AES_GCM_16", "too fast", (GCM,)),)
    text = " ".join(said(report(needs, {}, notes=notes)).split())
    assert text.endswith(
        f"{PLAIN} is the only one to choose from (what should not be used is left out)"
    )
