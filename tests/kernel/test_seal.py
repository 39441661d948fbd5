# SPDX-License-Identifier: GPL-3.0-or-later
"""When a kernel must not be sealed. That it is, and stays so, is shown in guests only."""

from pathlib import Path

import pytest

from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel.seal import Seal, seal
from modprobe_ipsec.needs.reading import Place, Problem
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.plan.verdict import NeedVerdict
from tests.facts import GCM, facts
from tests.shipped import CATALOG


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host that is not this machine: a mistake here must not seal it."""
    kernel = tmp_path / "proc/sys/kernel"
    kernel.mkdir(parents=True)
    (kernel / "osrelease").write_text("6.1.0\n")
    (kernel / "modules_disabled").write_text("0\n")
    return Host(str(tmp_path))


LOADABLE = judge(make_plan([GCM], facts(), CATALOG), {}, loaded=True)
BAD_LINE = Problem(Place("/etc/ipsec.conf", 7), "office", "what is this")


@pytest.mark.parametrize(
    ("judgements", "wanted", "why"),
    [
        ((), Demand(()), "nothing is asked for, so nothing is proven"),
        (LOADABLE, Demand((GCM,)), "ESP IPv4 AES_GCM_16_256 is not proven"),
        (LOADABLE, Demand((GCM,), problems=(BAD_LINE,)), "is not proven and 1 more"),
    ],
    ids=["no needs", "unproven", "and a bad line"],
)
def test_refused(host: Host, judgements: tuple[NeedVerdict, ...], wanted: Demand, why: str) -> None:
    sealed = seal(Seal.MODULES, judgements, wanted, host)
    assert not sealed.done
    assert sealed.text.endswith(why)


def test_unknown_is_not_done(host: Host) -> None:
    # no such sysctl is only then "no modules" if the others are there
    assert seal(Seal.AUTOLOAD, (), Demand(()), host).done
    nothing = Host(f"{host.root}/proc", "6.1.0")
    sealed = seal(Seal.MODULES, (), Demand(()), nothing)
    assert (sealed.done, sealed.text) == (
        False,
        "not sealed: /proc/sys/kernel/modules_disabled: no such file",
    )


def test_sealed_before_is_sealed(host: Host) -> None:
    Path(host.root, "proc/sys/kernel/modules_disabled").write_text("1\n")
    assert seal(Seal.MODULES, LOADABLE, Demand((GCM,)), host).done
