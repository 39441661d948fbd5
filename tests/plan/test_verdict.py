# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a need, from plan and proof."""

from typing import Any

import pytest

from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.needs.need import AnyNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict, exit_code
from tests.facts import CAMELLIA_CTR, GCM, MODERN, blacklist, facts, install, live
from tests.shipped import CATALOG

LOADED = facts(
    modules=live(*MODERN.files),
    algorithms=None,
)


def judged(host: Facts, *proof: Any, need: Need = GCM, loaded: bool = False) -> NeedVerdict:
    proofs: dict[AnyNeed, Proof] = {need: Proof(need, *proof)} if proof else {}
    (judgement,) = judge(make_plan([need], host, CATALOG), proofs, loaded=loaded)
    return judgement


REFUSED = (Answer.REFUSED, 93, "Requested type not found")


@pytest.mark.parametrize(
    ("host", "proof", "loaded", "verdict"),
    [
        (facts(), (), False, Verdict.LOADABLE),
        (LOADED, (), False, Verdict.READY),
        # after a load, "ready" is a promise and needs a proof
        (LOADED, (Answer.NOT_ASKED, 1, "", "", None, "no namespace"), True, Verdict.UNKNOWN),
        (LOADED, (Answer.ACCEPTED, 0, "", "seqiv(x)", 400), True, Verdict.READY),
        # the kernel decides: accepted is ready whatever the plan thought
        (facts(module_index=None), (Answer.ACCEPTED, 0, "", "x", 1), True, Verdict.READY),
        (facts(module_index=None), (), False, Verdict.UNKNOWN),
        # and refused is not ready whatever the facts show
        (LOADED, REFUSED, True, Verdict.MISSING),
        (facts(module_index=None), REFUSED, True, Verdict.MISSING),
        (facts(), REFUSED, False, Verdict.LOADABLE),
        (facts(rules=(install("esp4"),)), REFUSED, True, Verdict.BLOCKED),
        (facts(rules=(install("esp4"),)), (), False, Verdict.BLOCKED),
        # a faster driver for this CPU lies there
        (facts(), (Answer.ACCEPTED, 0, "", "seqiv(slow)", 100), True, Verdict.SLOW),
        (facts(rules=(blacklist("aesni_intel"),)), (Answer.ACCEPTED,), True, Verdict.SLOW),
    ],
)
def test_verdict(host: Facts, proof: tuple[Any, ...], loaded: bool, verdict: Verdict) -> None:
    judgement = judged(host, *proof, loaded=loaded)
    assert judgement.verdict is verdict
    assert bool(judgement.reasons) == (verdict is not Verdict.READY)


def test_a_block_names_file_and_line_and_who_decides() -> None:
    reason = judged(facts(rules=(install("esp4", line=3),)), *REFUSED).reasons[0]
    assert reason.text == "esp4 is blocked by /etc/modprobe.d/x.conf:3: install esp4 /bin/false"
    assert "/etc/modprobe.d/x.conf:3" in reason.remedy


def test_a_refusal_makes_certain_what_was_only_likely() -> None:
    judgement = judged(facts(module_index=None), *REFUSED, loaded=True)
    assert judgement.verdict is Verdict.MISSING
    tree, said = judgement.reasons
    assert tree.text == "no module directory for 6.1.0-56-amd64" and tree.remedy
    assert "errno 93" in said.text


def test_what_no_kernel_can_says_so() -> None:
    judgement = judged(facts(), need=CAMELLIA_CTR)
    assert judgement.verdict is Verdict.MISSING
    assert "no kernel has Camellia-CTR" in judgement.reasons[0].text


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([Verdict.READY], 0),
        ([Verdict.READY, Verdict.SLOW], 1),
        ([Verdict.LOADABLE, Verdict.UNKNOWN], 3),
        ([Verdict.UNKNOWN, Verdict.MISSING, Verdict.LOADABLE], 2),
        ([Verdict.BLOCKED, Verdict.READY], 2),
    ],
)
def test_the_worst_counts(verdicts: list[Verdict], code: int) -> None:
    assert exit_code(NeedVerdict(GCM, verdict, (), None, ()) for verdict in verdicts) == code
