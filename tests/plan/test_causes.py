# SPDX-License-Identifier: GPL-3.0-or-later
"""Each cause once, with all that it is met at."""

from collections.abc import Sequence

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.host.facts import Facts, KernelConfig
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Source
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.plan.causes import Cause, causes, effect_of
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from tests.facts import CBC, GCM, MODERN, algorithm, facts, install, live
from tests.shipped import CATALOG


def conn(name: str, line: int) -> Source:
    place = f"/etc/ipsec.conf:{line}"
    return Source(f"{place} conn {name}", "aes", "libreswan", conn=name, place=place)


OFFICE, HOME = conn("office", 3), conn("home", 9)
NO_ESN = CBC._replace(suite=CBC.suite._replace(esn=False))
GCM_6 = GCM._replace(family=Family.IPV6)
SOCKET = FeatureNeed("xfrm_socket", None)


def verdicts(host: Facts, *needs: AnyNeed) -> tuple[NeedVerdict, ...]:
    return judge(make_plan(needs, host, CATALOG), {}, loaded=False)


def found(host: Facts, *needs: AnyNeed) -> tuple[Cause, ...]:
    return causes(verdicts(host, *needs))


def texts(of: Sequence[Cause]) -> list[str]:
    return [f"{cause.verdict}: {cause.text}" for cause in of]


def without(*modules: str, **options: str) -> Facts:
    """A kernel that was built without some modules."""
    left = {name: file for name, file in MODERN.files.items() if name not in modules}
    aliases = {
        alias: kept
        for alias, names in MODERN.aliases.items()
        if (kept := tuple(name for name in names if name not in modules))
    }
    config = KernelConfig(
        "".join(f"CONFIG_{name}={value}\n" for name, value in options.items()), "boot/config"
    )
    return facts(module_index=MODERN._replace(files=left, aliases=aliases), config=config)


NO_ESP = without("esp4", "esp6", XFRM_USER="m")


def test_a_kernel_without_esp_has_one_cause() -> None:
    needs = [need._replace(sources=(OFFICE,)) for need in (GCM, GCM_6, CBC)]
    (cause,) = found(NO_ESP, *needs)
    assert cause.text == (
        "This kernel has no ESP at all (CONFIG_INET_ESP is not set): no connection can work"
    )
    assert cause.remedy == "a kernel with CONFIG_INET_ESP and CONFIG_INET6_ESP"
    assert [judged.need for judged in cause.met_at] == needs


def test_what_nobody_asked_for_is_not_said_to_be_missing() -> None:
    lacks_one = without("esp6", INET_ESP="m", XFRM_USER="m")
    cause, rest = found(lacks_one, GCM, GCM_6)
    assert cause.text == "This kernel has no ESP over IPv6 (CONFIG_INET6_ESP is not set)"
    assert rest.verdict is Verdict.LOADABLE
    (cause,) = found(lacks_one, GCM_6)
    assert cause.text.endswith("(CONFIG_INET6_ESP is not set): nothing of this can work")


def test_algorithms_that_were_not_built_are_one_cause_with_one_remedy() -> None:
    lacking = without("seqiv", "authenc", "authencesn", INET_ESP="m", XFRM_USER="m")
    (cause,) = found(lacking, GCM, CBC)
    assert cause.text == (
        "This kernel has not all algorithms (CONFIG_CRYPTO_SEQIV and CONFIG_CRYPTO_AUTHENC are "
        "not set): nothing of this can work"
    )
    assert cause.remedy == "a kernel with CONFIG_CRYPTO_SEQIV and CONFIG_CRYPTO_AUTHENC"


def test_lines_of_one_file_are_one_decision() -> None:
    lines = (install("esp4"), install("esp6")._replace(where="/etc/modprobe.d/x.conf:2"))
    (cause,) = found(facts(rules=lines), GCM, GCM_6)
    assert cause.text == (
        "esp4, esp6 are blocked by /etc/modprobe.d/x.conf:1: install esp4 /bin/false; "
        "/etc/modprobe.d/x.conf:2: install esp6 /bin/false"
    )
    assert cause.remedy.startswith(
        "whoever set /etc/modprobe.d/x.conf:1,2 decides: if IPsec is wanted here, remove these "
        "lines; this tool never overrides them. It looks like a mitigation of Dirty Frag"
    )
    # another file is another decision
    other = (lines[0], lines[1]._replace(where="/etc/modprobe.d/y.conf:1"))
    assert len(found(facts(rules=other), GCM, GCM_6)) == 2


def test_the_worst_comes_first_and_loads_are_one() -> None:
    host = facts(rules=(install("authencesn"),))
    blocked, waits = found(host, GCM, CBC, GCM_6)
    assert (blocked.verdict, waits.verdict) == (Verdict.BLOCKED, Verdict.LOADABLE)
    assert waits.text.count("not loaded: ") == 1
    assert {"esp4", "seqiv", "esp6"} <= set(waits.text.partition(";")[0].split(", "))
    assert [judged.need for judged in waits.met_at] == [GCM, GCM_6]


def test_the_kernels_answer_is_no_cause_of_its_own() -> None:
    host = facts(rules=(install("esp4"),))
    proof = Proof(GCM, Answer.REFUSED, 93, "Requested type not found")
    (cause,) = causes(judge(make_plan([GCM], host, CATALOG), {GCM: proof}, loaded=True))
    assert "errno 93: Requested type not found" in cause.answers[0]
    # unless nothing else is known
    everything = facts(module_index=None)
    (cause,) = causes(judge(make_plan([GCM], everything, CATALOG), {GCM: proof}, loaded=True))
    assert cause.answers == () or "errno 93" not in cause.text


def names(conns: dict[tuple[str | None, str], str]) -> list[str]:
    return [f"{name} ({place})" for (_, name), place in conns.items()]


def test_a_cause_stops_a_connection_or_limits_it() -> None:
    of_both, of_home = GCM._replace(sources=(OFFICE, HOME)), NO_ESN._replace(sources=(HOME,))
    judged = verdicts(facts(rules=(install("seqiv"),)), of_both, of_home, SOCKET)
    effect = effect_of(causes(judged)[0], judged)
    assert names(effect.stops) == ["office (/etc/ipsec.conf:3)"]
    assert names(effect.limits) == ["home (/etc/ipsec.conf:9)"]
    assert not effect.helps_stop and not effect.is_all


def test_several_causes_together_stop_a_connection() -> None:
    asked = [need._replace(sources=(OFFICE,)) for need in (GCM, CBC)]
    lines = (install("seqiv"), install("authencesn")._replace(where="/etc/modprobe.d/y.conf:1"))
    judged = verdicts(facts(rules=lines), *asked)
    first, second = (effect_of(cause, judged) for cause in causes(judged))
    assert names(first.helps_stop) == names(second.helps_stop) == ["office (/etc/ipsec.conf:3)"]
    assert not first.stops and not first.limits


def test_what_no_peer_can_decline_stops_a_connection() -> None:
    interface = FeatureNeed("xfrm_interface", None, (OFFICE,))
    judged = verdicts(facts(), GCM._replace(sources=(OFFICE,)), interface)
    (cause,) = (cause for cause in causes(judged) if cause.verdict is Verdict.MISSING)
    assert names(effect_of(cause, judged).stops) == ["office (/etc/ipsec.conf:3)"]


def test_an_engine_that_serves_is_told_of() -> None:
    """Nothing here loads it, and the kernel prefers it by its priority."""
    engine = algorithm("seqiv(rfc4106(gcm(aes)))", "seqiv(rfc4106-gcm-aes-caam)", priority=3000)
    host = facts(modules=live(*MODERN.files), algorithms=(engine,))
    (verdict,) = verdicts(host, GCM)
    assert verdict.verdict in (Verdict.READY, Verdict.SLOW)
    (reason,) = (r for r in verdict.reasons if "caam" in r.text)
    assert reason.text == (
        "/proc/crypto: seqiv(rfc4106-gcm-aes-caam), priority 3000: hardware with priority 3000; "
        "loaded for its device, not for an algorithm"
    )
    assert "--prove=packets" in reason.remedy
    own = algorithm("seqiv(rfc4106(gcm(aes)))", "seqiv(rfc4106-gcm-aesni)", priority=400)
    (verdict,) = verdicts(host._replace(algorithms=(own,)), GCM)
    assert verdict.reasons == ()
