# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned on small hosts, and how each need stands there."""

from typing import Any

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.diagnose.resolution import LoadFailure, ResolutionState
from modprobe_ipsec.host.facts import Directive, Facts, KernelConfig, Rule
from modprobe_ipsec.needs.need import FeatureNeed, Need
from modprobe_ipsec.plan import forecast
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import Verdict
from tests.facts import (
    BOOTED,
    CAMELLIA_CTR,
    CBC,
    GCM,
    MODERN,
    algorithm,
    blacklist,
    facts,
    install,
    live,
)
from tests.shipped import CATALOG


def rounds(need: Need, host: Facts, **more: Any) -> list[list[str]]:
    return [[s.module for s in steps] for steps in make_plan([need], host, CATALOG, **more).rounds]


def expected(need: Need, host: Facts) -> Verdict:
    (found,) = make_plan([need], host, CATALOG).forecasts
    return found.verdict


def test_a_map_without_an_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "_MAX_ROUNDS", 0)
    with pytest.raises(ConfigError, match=r"data/crypto\.yaml: no end .*aesni_intel"):
        make_plan([GCM], facts(), CATALOG)


BASE = ["xfrm_user", "esp4"]
RNG = ["sha512_generic", "drbg"]


def test_the_cpus_own_code_comes_first_and_spares_the_rest() -> None:
    assert rounds(GCM, facts()) == [["aesni_intel", *BASE, *RNG, "seqiv"]]


def test_dependencies_come_along_in_their_order() -> None:
    (steps,) = make_plan([GCM], facts(), CATALOG).rounds
    assert {step.module: step.dependencies for step in steps}["aesni_intel"] == (
        "cryptd",
        "crypto_simd",
    )


def test_soft_dependencies_come_along() -> None:
    shipped = {
        "esp4": (("gcm", "crypto-seqiv", "nobody"), ("ctr",)),
        "xfrm_algo": ((), ("authenc",)),
    }
    host = facts(module_index=MODERN._replace(softdeps=shipped), modules=live("ctr"))

    def soft(host: Facts) -> tuple[str, ...]:
        (esp4,) = (s for s in make_plan([GCM], host, CATALOG).steps if s.module == "esp4")
        return esp4.soft_dependencies

    # what is there, and what no index knows, does not come; what it depends on brings its own
    assert soft(host) == ("gcm", "seqiv", "authenc")
    line = Rule(Directive.SOFTDEP, "esp4", "post: echainiv", "/etc/modprobe.d/{}:1", "softdep ...")
    early, late = (line._replace(where=line.where.format(name)) for name in ("a.conf", "z.conf"))
    # libkmod takes the first line, and reads modules.softdep among the other files
    assert soft(host._replace(rules=(early,))) == ("echainiv", "authenc")
    assert soft(host._replace(rules=(late,))) == ("gcm", "seqiv", "authenc")


def test_without_aes_instructions_the_templates_and_their_hidden_parts() -> None:
    host = facts(cpu_modalias="cpu:type:x86,ven0000:feature:,0001,", cpu_flags=frozenset({"fpu"}))
    assert rounds(GCM, host) == [[*BASE, "ctr", "ghash_generic", "gcm", *RNG, "seqiv"]]


def test_an_accelerator_that_fails_is_replaced_in_the_next_round() -> None:
    tried = {"aesni_intel": LoadFailure(ResolutionState.ABSENT, "no such device")}
    assert rounds(GCM, facts(), tried=tried) == [
        ["ghash_clmulni_intel", *BASE, "ctr", "gcm", *RNG, "seqiv"]
    ]


def test_esn_takes_authencesn_and_the_hash_is_made_faster() -> None:
    assert rounds(CBC, facts()) == [
        ["sha256_ssse3", "aesni_intel", *BASE, "authencesn", *RNG, "echainiv"]
    ]


def test_one_plan_serves_all_needs_once() -> None:
    plan = make_plan([GCM, CBC], facts(), CATALOG)
    modules = [step.module for step in plan.steps]
    assert len(modules) == len(set(modules))
    (drbg,) = (step for step in plan.steps if step.module == "drbg")
    assert drbg.needs == (GCM.label, CBC.label)


def test_newer_kernels_ask_for_less() -> None:
    host = facts(release="7.3.4+deb13-amd64", cpu_modalias="cpu:type:x86", cpu_flags=frozenset())
    assert rounds(GCM, host) == [[*BASE, "ctr", "gcm", "seqiv"]]
    # but for the random generator in FIPS mode
    assert rounds(GCM, host._replace(fips=True)) == [[*BASE, "ctr", "gcm", *RNG, "seqiv"]]


def test_older_kernels_seed_with_another_hash() -> None:
    assert "sha512_generic" not in rounds(GCM, facts(release="5.10.0-46-amd64"))[0]


def test_nothing_to_do_where_all_is_there() -> None:
    host = facts(
        modules=live("xfrm_algo", "xfrm_user", "esp4", "aesni_intel", "seqiv", "drbg"),
        algorithms=(
            *BOOTED,
            algorithm("rfc4106(gcm(aes))", "rfc4106-gcm-aesni", "aesni_intel", 400),
            algorithm("stdrng", "drbg_nopr_hmac_sha512", "drbg", 221),
        ),
    )
    assert rounds(GCM, host) == []
    assert expected(GCM, host) is Verdict.READY


def test_working_but_slow() -> None:
    host = facts(
        modules=live("xfrm_user", "esp4", "gcm", "ctr", "ghash_generic", "seqiv", "drbg"),
        algorithms=(
            *BOOTED,
            algorithm("ghash", "ghash-generic", "ghash_generic"),
            algorithm("stdrng", "drbg", "drbg"),
        ),
    )
    assert expected(GCM, host) is Verdict.SLOW
    assert rounds(GCM, host) == [["aesni_intel"]]
    # that the admin wants it so does not make it fast, but it is nothing to load
    rules = (blacklist("aesni_intel"), blacklist("ghash_clmulni_intel"))
    forbidden = host._replace(rules=rules)
    assert expected(GCM, forbidden) is Verdict.SLOW
    assert rounds(GCM, forbidden) == []


@pytest.mark.parametrize(
    ("rule", "module"),
    [
        (install("esp4"), "esp4"),
        (install("esp4", "/bin/true"), "esp4"),
        (install("esp*"), "esp4"),
        (blacklist("seqiv"), "seqiv"),
        # what it depends on counts as well
        (blacklist("xfrm_algo"), "xfrm_user"),
    ],
)
def test_what_the_admin_forbade_is_blocked_and_nothing_is_loaded(rule: Any, module: str) -> None:
    plan = make_plan([GCM], facts(rules=(rule,)), CATALOG)
    (found,) = plan.forecasts
    assert found.verdict is Verdict.BLOCKED
    blocked = [f for f in found.foreseen if f.state is ResolutionState.BLOCKED]
    assert blocked[0].module == module
    assert blocked[0].evidence == f"{rule.where}: {rule.text}"
    assert module not in [step.module for step in plan.steps]


def test_a_need_that_cannot_be_met_loads_nothing_for_its_own_sake() -> None:
    host = facts(rules=(install("esp4"),))
    assert make_plan([GCM], host, CATALOG).steps == ()
    ipv6 = GCM._replace(family=Family.IPV6)
    modules = {step.module for step in make_plan([GCM, ipv6], host, CATALOG).steps}
    assert "esp6" in modules and "esp4" not in modules


def test_an_install_line_that_loads_is_no_obstacle() -> None:
    rule = install("esp4", "/sbin/modprobe --ignore-install esp4 && /usr/local/bin/notify")
    assert expected(GCM, facts(rules=(rule,))) is Verdict.LOADABLE


def test_sealed() -> None:
    assert expected(GCM, facts(modules_disabled=True)) is Verdict.BLOCKED


def test_no_kernel_can() -> None:
    assert expected(CAMELLIA_CTR, facts()) is Verdict.MISSING
    assert rounds(CAMELLIA_CTR, facts()) == []


def test_never_load_and_hardware_are_left_alone() -> None:
    modules = {module for steps in rounds(GCM, facts()) for module in steps}
    modules |= {m for steps in rounds(GCM, facts(cpu_modalias="")) for m in steps}
    assert not modules & {"aes_ti", "ansi_cprng", "qat", "padlock_aes"}


def test_what_is_never_loaded_is_not_missing() -> None:
    index = MODERN._replace(
        aliases={**MODERN.aliases, "net-pf-38": ("af_alg",)},
        files={**MODERN.files, "af_alg": MODERN.files["seqiv"]},
    )
    need = FeatureNeed("af_alg", None)
    plan = make_plan([need], facts(module_index=index), CATALOG)
    assert plan.rounds == ()
    (verdict,) = judge(plan, {}, loaded=False)
    assert verdict.verdict is Verdict.LOADABLE
    (reason,) = verdict.reasons
    assert "af_alg is there, and never loaded by this tool" in reason.text
    assert "modprobe af_alg" in reason.remedy


def test_missing_is_said_only_where_an_index_says_it() -> None:
    small = MODERN._replace(
        aliases={k: v for k, v in MODERN.aliases.items() if k != "crypto-seqiv"},
        files={k: v for k, v in MODERN.files.items() if k != "seqiv"},
    )
    assert expected(GCM, facts(module_index=small)) is Verdict.MISSING
    assert expected(GCM, facts(module_index=None)) is Verdict.UNKNOWN


def test_without_module_support_the_configuration_decides() -> None:
    options = (
        *("XFRM_USER", "INET_ESP", "CRYPTO_GCM", "CRYPTO_CTR", "CRYPTO_GHASH", "CRYPTO_AES"),
        *("CRYPTO_SEQIV", "CRYPTO_DRBG", "CRYPTO_HMAC", "CRYPTO_SHA512"),
    )
    text = "\n".join(f"CONFIG_{option}=y" for option in options)
    host = facts(module_index=None, modules=None, config=KernelConfig(text, "proc/config.gz"))
    assert expected(GCM, host) is Verdict.READY
    without = text.replace("CONFIG_CRYPTO_GCM=y", "# CONFIG_CRYPTO_GCM is not set")
    host = host._replace(config=KernelConfig(without, "proc/config.gz"))
    assert expected(GCM, host) is Verdict.MISSING
    assert expected(GCM, host._replace(config=None)) is Verdict.UNKNOWN


def test_a_container_without_a_tree_still_sees_what_is_live() -> None:
    modules = live("xfrm_user", "esp4", "gcm", "ctr", "ghash_generic", "seqiv", "drbg", "hmac")
    algorithms = (*BOOTED, algorithm("ghash", "g"), algorithm("stdrng", "d"))
    assert (
        expected(GCM, facts(module_index=None, modules=modules, algorithms=algorithms))
        is Verdict.READY
    )
