# SPDX-License-Identifier: GPL-3.0-or-later
"""One report, every writer."""

import json
from typing import Any

from modprobe_ipsec.base.text import LINE
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Facts, StackSign, Unreadable
from modprobe_ipsec.kernel.seal import Sealed
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Source
from modprobe_ipsec.needs.proof import Answer, PacketStep, Proof
from modprobe_ipsec.needs.reading import IgnoredConnection, Place, Problem
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.plan import LoadOutcome, LoadResult
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report import formats
from modprobe_ipsec.report.model import Action, Report, Style
from modprobe_ipsec.report.progress import Progress
from modprobe_ipsec.report.words import headline
from tests.facts import CBC, GCM, facts, install
from tests.shipped import CATALOG

IPV6 = GCM._replace(family=Family.IPV6)
NEEDS = [GCM, IPV6, CBC]


def text(report: Report, **style: Any) -> str:
    return formats.render("text", report, Style(**style))


def report(action: Action = Action.CHECK, **changes: Any) -> Report:
    host: Facts = facts(
        rules=(install("esp6"),),
        stack_signs=(
            StackSign("proc/net/xfrm_stat", True, "28 counters, all zero"),
            StackSign("proc/sys/net/core/xfrm_acq_expires", True, "acq_expires 30"),
            StackSign("proc/sys/net/core/xfrm_larval_drop", True, "larval_drop 1"),
        ),
        unreadable=(Unreadable("proc/modules", "no such file"),),
    )
    plan = make_plan(NEEDS, host, CATALOG)
    judgements = judge(plan, changes.pop("proofs", {}), loaded=False)
    return Report(action, host, judgements, plan, Demand(tuple(NEEDS)), **changes)


CHECK = """\
kernel 6.1.0-56-amd64 (x86_64)
needs of the command line
3 needs: 1 blocked, 2 loadable (nothing changed, the kernel was not asked)

blocked: esp6 is blocked by /etc/modprobe.d/x.conf:1: install esp6 /bin/false
  needs  ESP AES_GCM_16_256 over IPv6
  to do  whoever set /etc/modprobe.d/x.conf:1 decides: if IPsec is wanted here, remove that line;
         this tool never overrides it. It looks like a mitigation of Dirty Frag (CVE-2026-43284) or
         Fragnesia (CVE-2026-46300): to remove it is a security decision; Debian fixed Dirty Frag in
         6.12.86-1; no kernel that fixes Fragnesia is known here

loadable: not loaded: xfrm_user, esp4, aesni_intel, sha512_generic, drbg, seqiv, sha256_ssse3,
  authencesn, echainiv; the kernel loads what it needs when asked
  needs  ESP AES_GCM_16_256 over IPv4 and ESP AES_CBC_256 HMAC_SHA2_256_128 over IPv4 with ESN
  to do  run modprobe-ipsec without --check, as root
"""

DRY_RUN = """\
to load, in this order:
  aesni_intel (with cryptd, crypto_simd)  this CPU's own aes         for 2 needs
  sha256_ssse3                            this CPU's own sha256      for ESP IPv4 AES_CBC_256
                                                                     HMAC_SHA2_256_128 ESN
  xfrm_user (with xfrm_algo)              the XFRM socket            for 2 needs
"""


def test_text_is_worst_first_and_says_what_to_do() -> None:
    assert text(report()) == CHECK


def test_quiet_leaves_what_is_not_ready() -> None:
    said = text(report(), quiet=True)
    assert said == CHECK.partition("\n\n")[2]
    assert "the stack itself" not in said
    ready = report(proofs={n: Proof(n, Answer.ACCEPTED) for n in NEEDS})
    everything = ready._replace(verdicts=tuple(j for j in ready.verdicts if not j.reasons))
    assert text(everything, quiet=True) == ""


def test_the_headline_says_whether_the_kernel_was_asked() -> None:
    def head(proofs: dict[AnyNeed, Proof]) -> str:
        judgements = report().verdicts
        held = tuple(j._replace(proof=proofs.get(j.need)) for j in judgements)
        return headline(report()._replace(verdicts=held)).rpartition(" (")[2]

    silent: dict[AnyNeed, Proof] = {n: Proof(n, Answer.NOT_ASKED, why="no") for n in NEEDS}
    assert head({}) == "nothing changed, the kernel was not asked)"
    assert head(silent) == "no SA could be tried)"
    assert head({**silent, CBC: Proof(CBC, Answer.REFUSED, 38)}) == "asked with real SAs)"
    socket = FeatureNeed("xfrm_socket", None)
    assert head({CBC: Proof(socket, Answer.ACCEPTED)}) == "the kernel was asked)"


def test_dry_run_lists_modules_with_their_reasons() -> None:
    said = text(report(Action.DRY_RUN))
    assert DRY_RUN in said
    assert "\n9 modules to load for 3 needs: 1 blocked, 2 loadable\n" in said
    # and what no module can mend, why, and what would
    assert "blocked: esp6 is blocked by /etc/modprobe.d/x.conf" in said
    assert "\nloadable:" not in said
    assert "to do  whoever set /etc/modprobe.d/x.conf:1 decides" in said


def test_the_exit_status_of_a_dry_run_is_that_of_what_stays_unmet() -> None:
    assert report(Action.DRY_RUN).exit_code == 2
    waits = [j for j in report().verdicts if j.verdict is Verdict.LOADABLE]
    dry = report(Action.DRY_RUN)._replace(verdicts=tuple(waits))
    assert (dry.exit_code, dry._replace(action=Action.CHECK).exit_code) == (0, 1)
    unknown = dry._replace(verdicts=(waits[0]._replace(verdict=Verdict.UNKNOWN),))
    assert unknown.exit_code == 3


def test_the_exit_status_counts_problems_if_asked_to_and_rights_where_they_lack() -> None:
    problem = Problem(Place("/etc/ipsec.conf", 3), "office", "what is this?")
    waits = tuple(j for j in report().verdicts if j.verdict is Verdict.LOADABLE)
    asks = GCM._replace(sources=(Source("x", conn="home", place="x"),))
    lost = report()._replace(verdicts=waits, demand=Demand((asks,), problems=(problem,)))
    assert (lost.exit_code, lost._replace(strict=True).exit_code) == (1, 3)
    # a load would not make that ready, and where no connection is left nothing is
    assert lost._replace(action=Action.DRY_RUN).exit_code == 3
    assert lost._replace(demand=lost.demand._replace(needs=(GCM,))).exit_code == 3
    assert report()._replace(demand=lost.demand, strict=True).exit_code == 2
    rightless = report().facts._replace(may_load=False)
    assert lost._replace(action=Action.LOAD, facts=rightless).exit_code == 77
    assert lost._replace(facts=rightless).exit_code == 1


def test_colour_only_on_demand() -> None:
    assert "\033" not in text(report())
    assert "\033[31;1mblocked\033[0m: esp6" in text(report(), colour=True)
    assert "\033[31;1mblocked\033[0m   ESP" in text(report(), colour=True, verbose=1)


def test_verbose_shows_the_chain() -> None:
    said = text(report(), verbose=1)
    assert "the kernel builds seqiv(rfc4106(gcm(aes)))" in said
    assert "xfrm-type-2-50     loadable  esp4" in said
    assert "the stack itself:\n  /proc/net/xfrm_stat        28 counters, all zero\n" in said


def test_an_accelerator_that_this_cpu_lacks_is_not_mentioned() -> None:
    steps = report().plan.steps
    results = (
        LoadResult(steps[0], LoadOutcome.NO_DEVICE, 19, "this CPU has not got it"),
        LoadResult(steps[2], LoadOutcome.FAILED, 2, "file missing"),
    )
    said = text(report(Action.LOAD, loads=results))
    assert "this CPU has not got it" not in said
    assert "failed  xfrm_user  file missing" in said


def test_json_is_whole_and_versioned() -> None:
    proof = Proof(GCM, Answer.ACCEPTED, 0, "", "seqiv(rfc4106-gcm-aesni)", 400)
    said = json.loads(
        formats.render("json", report(proofs={GCM: proof}, autoloaded=("drbg",)), Style())
    )
    assert said["schema"] == 2
    assert said["exit_code"] == 2
    assert said["kernel"] == {"release": "6.1.0-56-amd64", "arch": "x86_64", "fips": False}
    assert said["autoloaded"] == ["drbg"]
    first = said["needs"][0]
    assert first["need"] == "ESP IPv4 AES_GCM_16_256"
    assert first["encryption"] == {
        "transform": "AES_GCM_16",
        "iana": 20,
        "xfrm": "rfc4106(gcm(aes))",
        "key_bits": 256,
        "salt_bits": 32,
        "icv_bits": 128,
    }
    assert first["proof"]["driver"] == "seqiv(rfc4106-gcm-aesni)"
    assert {need["verdict"] for need in said["needs"]} == {"blocked", "loadable", "slow"}


JOURNAL = """\
<6>kernel 6.1.0-56-amd64 (x86_64); needs of the command line; 3 needs: 1 blocked, 2 loadable (nothing changed, the kernel was not asked)
<6>loaded: xfrm_algo, xfrm_user
<6>loaded by the kernel itself: drbg
<4>ESP IPv4 AES_GCM_16_256 and 1 more: loadable: not loaded: xfrm_user, esp4, aesni_intel, sha512_generic, drbg, seqiv, sha256_ssse3, authencesn, echainiv; the kernel loads what it needs when asked. To do: run modprobe-ipsec without --check, as root
<3>ESP IPv6 AES_GCM_16_256: blocked: esp6 is blocked by /etc/modprobe.d/x.conf:1: install esp6 /bin/false. To do: whoever set /etc/modprobe.d/x.conf:1 decides: if IPsec is wanted here, remove that line; this tool never overrides it. It looks like a mitigation of Dirty Frag (CVE-2026-43284) or Fragnesia (CVE-2026-46300): to remove it is a security decision; Debian fixed Dirty Frag in 6.12.86-1; no kernel that fixes Fragnesia is known here
<3>not sealed: ESP IPv6 AES_GCM_16_256 is not proven. To do: mend that
"""  # noqa: E501


def test_journal_has_one_line_a_problem_the_worst_last() -> None:
    xfrm_user = next(step for step in report().plan.steps if step.module == "xfrm_user")
    loaded = LoadResult(xfrm_user, LoadOutcome.LOADED, 0, loaded=("xfrm_algo", "xfrm_user"))
    sealed = Sealed(False, "not sealed: ESP IPv6 AES_GCM_16_256 is not proven", "mend that")
    done = report(Action.LOAD, loads=(loaded,), autoloaded=("drbg",), sealed=sealed)
    assert formats.render("journal", done, Style()) == JOURNAL


def test_nothing_but_print_reaches_a_terminal_or_a_log() -> None:
    evil = "b\udcfcro\x1b[31m\n<0>\tx"
    problem = Problem(Place(f"/etc/{evil}", 3), evil, evil)
    found = Demand(
        tuple(NEEDS), (evil,), (problem,), (IgnoredConnection(Place(evil, 1), evil, evil),)
    )
    facts = report().facts._replace(release=evil, unreadable=(Unreadable(evil, evil),))
    hostile = report()._replace(demand=found, facts=facts)
    for said in (text(hostile, verbose=2), formats.render("journal", hostile, Style())):
        assert "b?ro?[31m?<0> x" in said
        assert all(line.isprintable() for line in said.split("\n"))
    said = text(hostile, colour=True)
    assert "\033[31;1mblocked\033[0m" in said and "\033[31m" not in said
    assert json.loads(formats.render("json", hostile, Style()))["problems"][0]["connection"] == evil


def test_every_line_is_cut_and_problems_are_counted() -> None:
    """What a journal splits is read as a line of its own, with a level of its author's choice."""
    long = "x" * 70_000
    problems = tuple(
        Problem(Place(f"/etc/{long}", n), long, f"{n}{long}<0>forged") for n in range(90)
    )
    silent = tuple(IgnoredConnection(Place(long, n), long, long) for n in range(90))
    found = Demand(tuple(NEEDS), (long,), problems, silent)
    gaps = tuple(Unreadable(f"{n}{long}", long) for n in range(90))
    facts = report().facts._replace(release=long, unreadable=gaps)
    hostile = report()._replace(demand=found, facts=facts)
    journal = formats.render("journal", hostile, Style()).split("\n")
    assert "<4>and 40 more problems in the configuration" in journal
    plain = text(hostile, verbose=2).split("\n")
    assert plain.count("  and 40 more") == 2
    assert "  and 40 more problems in the configuration" in plain
    for said in (journal, plain):
        assert max(map(len, said)) <= LINE
        assert len("".join(said)) < 250 * LINE
    document = json.loads(formats.render("json", hostile, Style()))
    assert document["left_out"] == {"problems": 40, "silent": 40, "gaps": 40}
    assert len(document["problems"]) == 50
    assert len(json.dumps(document)) < 500_000


def test_a_seal_that_was_refused_is_no_success() -> None:
    ready = report(sealed=Sealed(False, "not sealed"))._replace(verdicts=())
    assert ready.exit_code == 3
    assert ready._replace(sealed=Sealed(True, "sealed")).exit_code == 0


def test_an_unread_file_is_no_success() -> None:
    problem = Problem(Place("/etc/ipsec.conf", 3), "", "include: permission denied", unread=True)
    found = Demand(tuple(NEEDS), problems=(problem,))
    ready = report()._replace(verdicts=(), demand=found)
    assert ready.exit_code == 3
    assert (
        ready._replace(demand=Demand((), problems=(problem._replace(unread=False),))).exit_code == 0
    )
    # what cannot be met is worse
    assert report()._replace(demand=found).exit_code == 2


class Terminal:
    """A stream that says it is one."""

    def __init__(self) -> None:
        self.said = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.said += text
        return len(text)

    def flush(self) -> None:
        pass


def test_the_bar_comes_late_and_leaves_nothing(monkeypatch: Any) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream: Any = Terminal()
    bar = Progress(stream, "proving")
    bar.show(1, 4)
    assert stream.said == ""
    now[0] += 0.6
    bar.show(2, 4)
    assert "proving [" in stream.said and "2/4" in stream.said
    bar.clear()
    assert stream.said.endswith("\r\033[K")


def test_what_packets_did_is_said() -> None:
    steps = (PacketStep("round trip", True, "there and back"), PacketStep("replay", False, "lost"))
    failed = Proof(GCM, Answer.REFUSED, why="packets fail at replay: lost", steps=steps)
    passed = Proof(CBC, Answer.ACCEPTED, steps=steps[:1])
    done = report(Action.PROVE, proofs={GCM: failed, CBC: passed})
    assert text(done).splitlines()[2].endswith("(proven with packets)")
    assert "packets fail at replay: lost" in text(done) and "there and back" not in text(done)
    chain = text(done, verbose=1)
    assert "    round trip  there and back\n    replay      failed: lost\n" in chain
    shown = json.loads(formats.render("json", done, Style()))["needs"]
    assert [need["proof"]["steps"] for need in shown if need["proof"]] == [
        [step._asdict() for step in proof.steps] for proof in (failed, passed)
    ]
