# SPDX-License-Identifier: GPL-3.0-or-later
"""PF_KEY is found by whoever sees it, and gone only where two say so; on real kernels, too."""

from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.diagnose.pf_key import PfKeyState, pf_key
from modprobe_ipsec.host.facts import KernelConfig, StackSign
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.root import Host
from tests.facts import MODERN, facts, live
from tests.hosts import tree


def config(value: str) -> KernelConfig:
    line = f"CONFIG_NET_KEY={value}" if value != "n" else "# CONFIG_NET_KEY is not set"
    return KernelConfig(f"CONFIG_NET=y\n{line}\n", "boot/config")


FILE = StackSign("proc/net/pfkey", True, "af_key is there, 1 sockets")
NO_FILE = FILE._replace(present=False, shows="not there")
MODULE = MODERN._replace(
    files={**MODERN.files, "af_key": MODERN.files["seqiv"]},
    aliases={**MODERN.aliases, "net-pf-15": ("af_key",)},
)
RENAMED = MODERN._replace(aliases={**MODERN.aliases, "net-pf-15": ("pf_key",)})
BUILTIN = MODERN._replace(builtin=frozenset((*MODERN.builtin, "af_key")))


@pytest.mark.parametrize(
    ("more", "state", "text"),
    [
        ({"stack_signs": (FILE,)}, PfKeyState.THERE, "there: af_key is there, 1 sockets"),
        ({"stack_signs": (FILE,), "config": config("n")}, PfKeyState.THERE, "is not set"),
        ({"modules": live("af_key")}, PfKeyState.THERE, "there: af_key is loaded"),
        ({"module_index": BUILTIN}, PfKeyState.THERE, "built in"),
        ({"config": config("y")}, PfKeyState.THERE, "CONFIG_NET_KEY=y"),
        (
            {"module_index": MODULE, "stack_signs": (NO_FILE,), "config": config("m")},
            PfKeyState.LOADABLE,
            "not loaded: no /proc/net/pfkey; af_key is a module; CONFIG_NET_KEY=m",
        ),
        ({"module_index": RENAMED}, PfKeyState.LOADABLE, "pf_key answers net-pf-15"),
        (
            {"config": config("n"), "stack_signs": (NO_FILE,)},
            PfKeyState.GONE,
            "this kernel has none: no /proc/net/pfkey; no module answers net-pf-15; "
            "CONFIG_NET_KEY is not set",
        ),
        ({"module_index": None, "config": config("n")}, PfKeyState.GONE, "has none"),
        # a package that is not installed, as the modules of a kernel may be split
        ({"config": config("m")}, PfKeyState.UNKNOWN, "cannot be told: no module answers"),
        ({}, PfKeyState.UNKNOWN, "cannot be told: no module answers"),
        ({"module_index": None}, PfKeyState.UNKNOWN, "cannot be told"),
    ],
)
def test_who_tells(more: dict[str, Any], state: PfKeyState, text: str) -> None:
    found = pf_key(facts(**more))
    assert found.state is state
    assert text in found.text


@pytest.mark.parametrize("base", [name for name in tree.names() if name.startswith("booted-")])
def test_every_kernel_of_today_has_it(base: str, tmp_path: Path) -> None:
    words = tree.arguments(base)
    kernel = words[words.index("--kernel") + 1] if "--kernel" in words else None
    found = pf_key(gather(Host(str(tree.assemble(base, tmp_path / "root")), kernel)))
    assert found.state is PfKeyState.LOADABLE


def test_it_is_explained_for_this_kernel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("booted-7.2", tmp_path / "root")
    assert main(["--explain", "PF_KEY", "--root", str(root)]) == 0
    assert "af_key is a module" in " ".join(capsys.readouterr().out.split())
