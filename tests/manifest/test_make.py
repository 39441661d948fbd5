# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host plan says about a host."""

import pytest

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.host.facts import Environment
from modprobe_ipsec.manifest.model import AUTOLOAD_OFF, PlannedModule, Where
from modprobe_ipsec.needs.need import FeatureNeed
from tests import facts as hosts
from tests.hosts import tree
from tests.manifest.common import EVERYTHING, FEATURES, GCM, NEEDS, SOURCE, plan, plan_of
from tests.shipped import CATALOG

GONE = "/etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false"


def by_name(modules: tuple[PlannedModule, ...]) -> dict[str, PlannedModule]:
    return {module.label: module for module in modules}


def test_a_bare_kernel_needs_all_that_no_name_shows() -> None:
    modules = by_name(plan_of(GCM[:1], hosts.facts(modprobe_path="")).modules)
    must = [name for name, module in modules.items() if module.must_come]
    # for this CPU aesni_intel would do for gcm, ctr and ghash, and a manifest cannot look
    assert must[0] == "aesni_intel" and modules["aesni_intel"].accelerator
    assert set(must[1:]) >= {"xfrm_user", "esp4", "gcm", "ctr", "ghash_generic", "seqiv", "drbg"}
    assert modules["drbg"].after == ("sha512_generic",)
    assert modules["gcm"].after == ("ctr", "ghash_generic")
    assert modules["crypto-aes"].state is ResolutionState.BUILTIN
    assert not {"aes_ti", "qat", "padlock_aes", "ansi_cprng"} & modules.keys()


def test_it_is_the_same_plan_before_and_after_the_modules_are_loaded() -> None:
    before = plan_of(NEEDS, hosts.facts())
    names = [module.name for module in before.modules if module.state is ResolutionState.LOADABLE]
    algorithms = (
        *hosts.BOOTED,
        hosts.algorithm("gcm(aes)", "generic-gcm-aesni", "aesni_intel", 400),
        hosts.algorithm("seqiv(rfc4106(gcm(aes)))", "seqiv(x)", "seqiv"),
        hosts.algorithm("hmac(sha512)", "hmac(sha512-generic)"),
    )
    loaded = hosts.facts(modules=hosts.live(*names), algorithms=algorithms)
    after = plan_of(NEEDS, loaded)
    assert [m._replace(state=ResolutionState.LIVE) for m in after.modules if m.name in names] == [
        m._replace(state=ResolutionState.LIVE) for m in before.modules if m.name in names
    ]
    assert {m.state for m in after.modules if m.name in names} == {ResolutionState.LIVE}
    sealed = plan_of(NEEDS, loaded._replace(modules_disabled=True))
    assert {m.autoload for m in sealed.modules if m.name in names} == {False}


def test_what_the_kernel_loads_by_itself_need_not_be_loaded() -> None:
    modules = plan_of(GCM, hosts.facts()).modules
    assert {m.name for m in modules if m.must_come} == {"aesni_intel"}
    assert all(
        m.autoload for m in modules if m.state is ResolutionState.LOADABLE and not m.accelerator
    )


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("install-false", "install", GONE),
        ("install-true", "install", "install esp4 /bin/true"),
        ("blacklist", "blacklist", "blacklist"),
        ("modules-disabled", "modules_disabled", "kernel.modules_disabled = 1"),
        ("modprobe-empty", AUTOLOAD_OFF, "kernel.modprobe is empty"),
        ("modprobe-nowhere", AUTOLOAD_OFF, "no such program"),
        ("upgraded-not-rebooted", "no module directory", "not rebooted"),
        ("no-modules-no-config", "no module support", "no module support"),
    ],
)
def test_blockers_are_named(name: str, kind: str, words: str) -> None:
    found = [b for b in plan(name).blockers if b.kind == kind]
    assert found and any(words in blocker.text for blocker in found)
    assert all(blocker.remedy for blocker in found)


def test_nothing_is_loaded_for_a_need_that_cannot_be_met() -> None:
    found = plan("install-false", GCM)
    modules = by_name(found.modules)
    assert modules["esp4"].state is ResolutionState.BLOCKED and not modules["esp4"].must_come
    assert [planned.need.family for planned in found.unmet] == ["ipv4"]
    assert "esp6" in modules


def test_an_obstacle_counts_although_the_module_is_loaded_now() -> None:
    facts = hosts.facts(modules=hosts.live("esp4"), rules=(hosts.install("esp4"),))
    found = plan_of(GCM[:1], facts)
    assert by_name(found.modules)["esp4"].state is ResolutionState.BLOCKED
    assert [blocker.kind for blocker in found.blockers] == ["install"]


def test_without_a_module_tree_requests_stand_for_names() -> None:
    modules = plan("container").modules
    assert {"xfrm-type-2-50", "crypto-gcm", "crypto-seqiv"} <= {m.request for m in modules}
    assert not any(m.name for m in modules if m.state is ResolutionState.UNKNOWN)


def test_sysctls_are_the_containers_where_the_plan_comes_from_one() -> None:
    inside, outside = plan("container"), plan_of(NEEDS, hosts.facts())
    assert {s.where for s in inside.sysctls} == {Where.CONTAINER}
    assert {s.where for s in outside.sysctls} == {Where.HOST}
    assert [s.key for s in outside.sysctls if s.hidden_in_userns] == ["net.core.xfrm_acq_expires"]
    # transport mode forwards nothing
    assert [s.key for s in plan_of(NEEDS[2:], hosts.facts()).sysctls] == [
        "net.core.xfrm_acq_expires"
    ]


def test_only_a_gateway_forwards_and_what_else_that_does_is_said() -> None:
    outside = plan_of(NEEDS, hosts.facts()).sysctls
    assert {s.key for s in outside} >= {"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"}
    (six,) = (s for s in outside if "ipv6" in s.key)
    assert "router advertisements" in six.why and "accept_ra = 2" in six.why
    # of a tunnel that ends here, or is only known from a command line, none
    for forwards in ((), (Family.IPV4,)):
        source = SOURCE._replace(forwards=forwards)
        found = plan_of(tuple(n._replace(sources=(source,)) for n in GCM), hosts.facts()).sysctls
        assert [s.key for s in found if "forward" in s.key] == [
            "net.ipv4.ip_forward" for _ in forwards
        ]
    # and among many sources the one that says so is kept
    many = tuple(SOURCE._replace(text=str(number), forwards=()) for number in range(9))
    (need,) = plan_of((GCM[0]._replace(sources=(*many, SOURCE)),), hosts.facts()).needs
    assert SOURCE in need.need.sources and len(need.need.sources) == 4


def test_the_container_gets_only_what_its_needs_tell() -> None:
    container = plan_of(NEEDS, hosts.facts()).container
    assert container.capabilities == ("NET_ADMIN", "NET_BIND_SERVICE")
    assert (container.devices, container.ports) == ((), ("500/udp", "4500/udp"))
    own = tuple(n._replace(sources=(SOURCE._replace(daemon="iked"),)) for n in NEEDS)
    assert plan_of(own, hosts.facts()).container.capabilities == (
        *("NET_ADMIN", "NET_BIND_SERVICE"),
        *("SETGID", "SETUID", "SYS_CHROOT"),
    )
    more = plan_of(FEATURES, hosts.facts()).container
    assert more.devices == ("/dev/net/tun",) and "4500/tcp" in more.ports


def test_what_is_never_loaded_is_in_no_plan_but_for_the_request_that_it_is_loaded_for() -> None:
    extra = {"af_key": ("net/key", "net-pf-15"), "af_alg": ("crypto", "net-pf-38")}
    host = hosts.facts(module_index=hosts.tree(extra), modprobe_path="")
    needs = (FeatureNeed("af_key", None), FeatureNeed("af_alg", None))
    modules = {m.request: m for m in plan_of(needs, host).modules}
    assert modules["net-pf-15"].name == "af_key" and modules["net-pf-15"].must_come
    assert "every algorithm it has" in modules["net-pf-15"].why
    assert "net-pf-38" not in modules
    # and not because something else is asked for
    assert "af_key" not in {m.name for m in plan_of(NEEDS, host).modules}


def test_text_of_the_host_cannot_break_out() -> None:
    rule = hosts.install("esp4")
    text = "install esp4 /bin/false\n\x1b[31m {{ lookup('pipe', 'id') }} \\"
    facts = hosts.facts(
        rules=(rule._replace(text=text),), environment=lambda: Environment(container="x\ny{%")
    )
    found = plan_of(GCM, facts, ("/etc/\u202e{#x\\",))
    texts = [b.text + b.remedy for b in found.blockers] + [found.made.container]
    texts += found.made.configs
    assert all(text.isprintable() for text in texts)
    assert not any(trap in text for text in texts for trap in ("\\", "{{", "{%", "{#"))


@pytest.mark.parametrize("name", tree.names())
def test_every_module_of_every_host_is_known(name: str) -> None:
    known = Reach(CATALOG)
    found = plan(name, EVERYTHING if name.startswith(("booted", "fips")) else NEEDS)
    for module in found.modules:
        assert known.request(module.request), module
        # a name is only left out where no tree is visible, or built-in code has none
        if module.state is ResolutionState.LOADABLE:
            assert module.name, module
        assert not module.name or known.module(module.request, module.name)
    labels = [module.label for module in found.modules]
    assert len(set(labels)) == len(labels)


def test_other_modules_are_not_known() -> None:
    known = Reach(CATALOG)
    for request, name in (
        ("crypto-aes", "aes_ti"),
        ("crypto-gcm", "qat"),
        ("crypto-stdrng", "ansi_cprng"),
        ("xfrm-type-2-50", "esp4_offload"),
        ("xfrm-type-2-50", "dccp"),
        ("net-pf-38", "af_alg"),
        ("net-pf-16-proto-6", "af_key"),
        ("crypto-aes", "aes/../../evil"),
        ("crypto-aes", "aes --ignore-install"),
        ("fs-ext4", "ext4"),
        ("crypto-rot13", "rot13"),
    ):
        assert not known.module(request, name), name
