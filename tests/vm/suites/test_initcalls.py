# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions that start modules and built-in code have the names that the map says."""

import pytest

from modprobe_ipsec.host.facts import ModuleIndex
from modprobe_ipsec.host.kernel import module_index as modules
from modprobe_ipsec.host.root import Host
from tests.shipped import CATALOG
from tests.vm.harness.elf import initial
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import DEFAULT, Kernel, fetch

# what is built in changed between these; it is one boot each
pytestmark = pytest.mark.kernels("5.10", "6.12", "7")

INITCALLS = CATALOG.knowledge.initcalls
CALLED = "dmesg | sed -n 's/.*calling *\\([a-z0-9_]*\\)+0x.*/\\1/p'"


def index(kernel: Kernel) -> ModuleIndex:
    found = modules.read_index(Host(str(kernel.root), kernel.release), [])
    assert found
    return found


def of_modules(kernel: Kernel) -> dict[str, set[str]]:
    """The names of the function that starts each module of the map."""
    files = index(kernel).files
    return {name: initial(kernel.modules / files[name].path) for name in INITCALLS if name in files}


def test_modules(kernel: Kernel) -> None:
    found = of_modules(kernel)
    assert len(found) > 20
    assert {name for name, names in found.items() if not names & {*INITCALLS[name]}} == set()


def test_built_in_code(kernel: Kernel) -> None:
    result = run(kernel, ["sh", "-c", CALLED], cmdline="initcall_debug log_buf_len=8M")
    called = set(result.stdout.split())
    assert len(called) > 500
    built_in = index(kernel).builtin & INITCALLS.keys()
    assert len(built_in) > 5
    assert {name for name in built_in if not called & {*INITCALLS[name]}} == set()


def test_nothing_stands_there_that_no_kernel_has() -> None:
    # which of the two it is, the other tests say
    indexes = [index(fetch(name)) for name in DEFAULT]
    known = {name for found in indexes for name in (*found.files, *found.builtin)}
    assert set(INITCALLS) <= known
