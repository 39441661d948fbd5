# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon of 32 bits on a kernel of 64: what is said and loaded, and what a proof is worth."""

import errno
import struct
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import COMPAT
from modprobe_ipsec.commands import engine
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Facts, KernelConfig, ModuleIndex, WordSizes
from modprobe_ipsec.host.machine import word_size
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel.word_size import takes_messages
from modprobe_ipsec.kernel.xfrm import Xfrm
from modprobe_ipsec.needs.need import FeatureNeed
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs
from modprobe_ipsec.needs.reading import Asker
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from tests.facts import GCM, MODERN, facts
from tests.shipped import CATALOG

WITHOUT = KernelConfig("CONFIG_X86_64=y\n# CONFIG_XFRM_USER_COMPAT is not set\n", "boot/config")
AS_MODULE = KernelConfig("CONFIG_X86_64=y\nCONFIG_XFRM_USER_COMPAT=m\n", "boot/config")
BUILT_IN = KernelConfig("CONFIG_X86_64=y\nCONFIG_XFRM_USER_COMPAT=y\n", "boot/config")
REFUSED = Proof(GCM, Answer.REFUSED, errno.EOPNOTSUPP)


def host(daemon: int = 32, ours: int = 32, **more: object) -> Facts:
    return facts(**{"word_sizes": lambda: WordSizes(daemon, ours), "config": WITHOUT, **more})


def judged(host: Facts, proof: Proof | None = None, *, loaded: bool = False) -> NeedVerdict:
    plan = make_plan([GCM], host, CATALOG)
    (found,) = judge(plan, {GCM: proof} if proof else {}, loaded=loaded)
    return found


def with_module() -> ModuleIndex:
    file = MODERN.files["xfrm_user"]._replace(name="xfrm_compat", deps=("xfrm_user", "xfrm_algo"))
    return MODERN._replace(files={**MODERN.files, "xfrm_compat": file})


@pytest.mark.parametrize("ours", [32, 64])
def test_a_kernel_that_does_not_translate(ours: int) -> None:
    there = host(ours=ours)
    found = judged(there)
    assert found.verdict is Verdict.MISSING
    (reason,) = found.reasons
    assert "/boot/config: CONFIG_XFRM_USER_COMPAT is not set" in reason.text
    assert reason.remedy == "a 64-bit IKE daemon, or a kernel with CONFIG_XFRM_USER_COMPAT"
    assert reason.obstacle and reason.obstacle.kind.name == "word size"
    # and nothing is loaded for it
    assert make_plan([GCM, FeatureNeed("xfrm_socket", None)], there, CATALOG).steps == ()


def test_what_proves_it_is_that_our_messages_are_the_daemons() -> None:
    accepted = Proof(GCM, Answer.ACCEPTED, driver="x")
    # the kernel took a message of 64 bits, which says nothing of the daemon's
    assert judged(host(ours=64), accepted).verdict is Verdict.MISSING
    # the index does not know, and the kernel does
    assert judged(host(), accepted).verdict is Verdict.SLOW


def test_a_module_that_translates_is_loaded_by_its_name() -> None:
    there = host(module_index=with_module(), config=AS_MODULE)
    found = judged(there)
    assert found.verdict is Verdict.LOADABLE
    (step,) = (s for s in make_plan([GCM], there, CATALOG).steps if s.module == "xfrm_compat")
    assert step.request == COMPAT and step.dependencies == ("xfrm_algo", "xfrm_user")
    assert "no alias names xfrm_compat, and nothing loads it" in found.reasons[0].text


def test_a_kernel_that_translates_is_like_any_other() -> None:
    there = host(config=BUILT_IN)
    assert [step.module for step in make_plan([GCM], there, CATALOG).steps] == [
        step.module for step in make_plan([GCM], facts(), CATALOG).steps
    ]


@pytest.mark.parametrize(("arch", "daemon"), [("x86_64", 64), ("x86_64", 0), ("i686", 32)])
def test_nothing_is_asked_where_both_have_one_size(arch: str, daemon: int) -> None:
    plan = make_plan([GCM], host(daemon, daemon, arch=arch), CATALOG)
    assert plan == make_plan([GCM], facts(arch=arch, config=WITHOUT), CATALOG)


@pytest.mark.parametrize(
    ("takes", "verdict"),
    [(True, Verdict.LOADABLE), (False, Verdict.MISSING), (None, Verdict.UNKNOWN)],
)
def test_with_one_layout_only_the_kernel_tells(takes: bool | None, verdict: Verdict) -> None:
    there = host(arch="aarch64", takes_messages=lambda: takes)
    assert judged(there).verdict is verdict
    steps = make_plan([GCM], there, CATALOG).steps
    # where nobody knows it is tried
    assert bool(steps) is (takes is not False)


def test_a_refusal_of_the_message_is_no_matter_of_modules() -> None:
    """Whatever the facts say: no module was there, and none would help."""
    found = judged(host(config=None, daemon=0, ours=0), REFUSED)
    assert found.verdict is Verdict.MISSING
    (reason,) = found.reasons
    assert "the kernel takes no XFRM messages from 32-bit processes" in reason.text
    assert "64-bit programs" in reason.remedy
    # what other errors say of modules stays
    other = REFUSED._replace(errno=errno.EPROTONOSUPPORT)
    assert judged(host(daemon=0, ours=0), other).verdict is Verdict.LOADABLE


def test_what_was_refused_to_us_is_not_refused_to_a_daemon_of_64_bits() -> None:
    proofs = Proofs((REFUSED, Proof(GCM, Answer.REFUSED, errno.ENOSYS)))
    first, second = engine.as_the_daemon(proofs, lambda: WordSizes(daemon=64, ours=32)).proofs
    assert first.answer is Answer.NOT_ASKED and "this Python has 32 bits" in first.why
    assert second == proofs.proofs[1]
    assert engine.as_the_daemon(proofs, lambda: WordSizes(daemon=32, ours=32)) == proofs


@pytest.mark.parametrize(
    ("head", "bits"),
    [
        (b"\x7fELF\x01\x01", 32),
        (b"\x7fELF\x02", 64),
        (b"\x7fELF\x03", 0),
        (b"\x7fELF", 0),
        (b"#!/bin/sh", 0),
        (b"", 0),
    ],
)
def test_the_class_of_a_program(tmp_path: Path, head: bytes, bits: int) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/charon").write_bytes(head)
    programs = ("/usr/libexec/charon", "/usr/sbin/charon")
    assert word_size.read(Host(str(tmp_path), "6.12"), programs).daemon == bits


def test_the_daemon_counts_and_not_who_recorded_it(tmp_path: Path) -> None:
    for path, number in (("usr/libexec/ipsec/pluto", 1), ("proc/self/exe", 2)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"\x7fELF" + bytes((number,)))
    demand = Demand((GCM,), askers=(Asker("libreswan"),))
    there = engine.with_word_sizes(facts(), Host(str(tmp_path), "6.12"), demand)
    assert there.word_sizes() == WordSizes(daemon=32, ours=64)
    there = engine.with_word_sizes(facts(), Host(str(tmp_path), "6.12"), Demand((GCM,)))
    assert there.word_sizes() == WordSizes(daemon=64, ours=64)


def test_the_kernel_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert word_size.read(Host(), ()).ours == struct.calcsize("P") * 8
    # without a kernel that has XFRM, or without permission, there is no answer
    assert takes_messages() in (True, None)

    def refuse(number: int) -> None:
        def ask(*_: object) -> bytes:
            raise OSError(number, "")

        monkeypatch.setattr(Xfrm, "__init__", lambda self: None)
        monkeypatch.setattr(Xfrm, "__exit__", lambda *_: None)
        monkeypatch.setattr(Xfrm, "ask", ask)

    refuse(errno.EOPNOTSUPP)
    assert takes_messages() is False
    refuse(errno.EPERM)
    assert takes_messages() is None
