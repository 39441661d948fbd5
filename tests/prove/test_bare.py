# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the part of pyroute2 that is used gets loaded, and the whole can still be had."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    """What a Python of its own prints."""
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


COUNT = """
print(*{"asyncio", "ssl", "sqlite3", "multiprocessing", "subprocess", "dataclasses", "inspect"}
      & set(sys.modules))
"""


def test_proving_loads_little() -> None:
    assert run("import sys, modprobe_ipsec.prove.ask" + COUNT) == ""


def test_who_wants_it_whole_gets_it_whole() -> None:
    code = """
from modprobe_ipsec.prove.xfrm import nlmsg
import pyroute2, pyroute2.netlink
print(pyroute2.IPRoute.__name__, pyroute2.netlink.nlmsg is not nlmsg)
"""
    assert run(code) == "IPRoute True"


def test_what_is_whole_already_stays_so() -> None:
    code = """
import pyroute2.netlink
from modprobe_ipsec.prove.xfrm import nlmsg
import sys
print(sys.modules["pyroute2"] is pyroute2, pyroute2.netlink.nlmsg is nlmsg)
"""
    assert run(code) == "True True"


@pytest.mark.parametrize("broken", ["find_spec", "module_from_spec"])
def test_if_it_cannot_be_had_in_parts(broken: str) -> None:
    code = f"""
from modprobe_ipsec.prove import bare
bare.{broken} = None
from modprobe_ipsec.prove import xfrm
import sys
print(xfrm.usersa_info.__name__, "asyncio" in sys.modules)
"""
    assert run(code) == "usersa_info True"


def test_without_pyroute2() -> None:
    code = """
import sys
sys.path_importer_cache.clear()
class Hide:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "pyroute2":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
from tests.prove.sample import CBC
from modprobe_ipsec.prove.prover import prove
(proof,) = prove([CBC]).proofs
print(proof.answer, "-", proof.why)
"""
    said = run(code)
    assert said.startswith("not asked - the process that asks failed: ModuleNotFoundError")
    assert "No module named 'pyroute2" in said
