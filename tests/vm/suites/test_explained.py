# SPDX-License-Identifier: GPL-3.0-or-later
"""The value that `--explain` shows for each sysctl and counter is the kernel's, or hidden."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.glossary import BOOK
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-5.10", "uml-7")
SCRIPT = Path(__file__).parents[1] / "guests" / "explained.py"
NAMES = [
    lead.names[0] for chapter in ("sysctls", "counters") for lead in BOOK.chapter(chapter).leads
]
Said = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def said(kernel: Kernel) -> dict[str, Said]:
    files = {"/names.json": json.dumps(NAMES).encode()}
    result = run(kernel, ["python3", str(SCRIPT)], files=files, timeout=300)
    assert result.status == 0, result.stderr
    found: dict[str, Said] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["root", "apart"])
def test_the_value_is_the_kernels(name: str, where: str, said: dict[str, Said]) -> None:
    seen = said[where][name]
    if seen["kernel"] is None:
        assert seen["here"]["value"] == "" and seen["here"]["text"], seen
    else:
        assert seen["here"]["value"] == seen["kernel"], seen


def test_what_was_changed_is_seen(said: dict[str, Said]) -> None:
    root = said["root"]
    assert (
        root["net.core.xfrm_acq_expires"]["here"]["text"] == "net.core.xfrm_acq_expires = 77 here"
    )
    assert root["net.core.xfrm_larval_drop"]["kernel"] == "0"
    assert root["net.ipv4.conf.all.disable_policy"]["here"]["value"] == "1"
    assert root["XfrmOutPolBlock"]["here"]["value"] == "3"
    assert said["apart"]["XfrmOutPolBlock"]["here"]["value"] == "0"


def test_in_a_user_namespace_they_are_hidden(said: dict[str, Said]) -> None:
    hidden = [name for name in NAMES if name.startswith("net.core.xfrm_")]
    assert len(hidden) == 4
    for name in hidden:
        seen = said["apart"][name]
        assert seen["kernel"] is None
        assert seen["here"]["text"].startswith("hidden, because this network namespace belongs")
    assert said["apart"]["net.ipv4.xfrm4_gc_thresh"]["here"]["value"] == "32768"


def test_newer_counters_are_not_there_on_an_old_kernel(
    kernel: Kernel, said: dict[str, Said]
) -> None:
    there = {name for name in NAMES if name.startswith("Xfrm") and said["root"][name]["kernel"]}
    assert len(there) == (28 if kernel.name == "uml-5.10" else 32)
