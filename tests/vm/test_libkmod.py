# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of whole module trees and of modprobe.d, against libkmod's."""

import random
from pathlib import Path

import pytest

from modprobe_ipsec.host import modprobe_d, modules
from modprobe_ipsec.host.facts import Directive, Gap, ModuleIndex, Rule
from modprobe_ipsec.host.root import Host

from .kernels import Kernel
from .libkmod import oracle

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def index(kernel: Kernel) -> ModuleIndex:
    gaps: list[Gap] = []
    found = modules.read_index(Host(str(kernel.root), kernel.release), gaps)
    assert found and not gaps
    return found


def test_every_alias(kernel: Kernel, index: ModuleIndex) -> None:
    wrong = {}
    with oracle(kernel.modules, []) as libkmod:
        for alias, names in index.aliases.items():
            # libkmod looks at built-in code only if nothing can be loaded
            loadable = [name for name in names if name not in index.builtin]
            theirs = libkmod.lookup(alias)
            if set(theirs) != set(loadable or names):
                wrong[alias] = (theirs, names)
    assert len(index.aliases) > 300
    assert wrong == {}


def test_every_dependency(kernel: Kernel, index: ModuleIndex) -> None:
    wrong = {}
    with oracle(kernel.modules, []) as libkmod:
        for name, file in index.files.items():
            theirs = libkmod.dependencies(name)
            # in the order in which they are loaded
            if theirs != list(reversed(file.deps)):
                wrong[name] = (theirs, file.deps)
    assert len(index.files) > 1000
    assert wrong == {}


def test_every_soft_dependency(kernel: Kernel, index: ModuleIndex) -> None:
    wrong = {}
    with oracle(kernel.modules, []) as libkmod:
        for name in index.files:
            ours = index.softdeps.get(name, ((), ()))
            looked_up = tuple([m for word in words for m in libkmod.lookup(word)] for words in ours)
            theirs = libkmod.softdeps(name)
            if theirs != looked_up:
                wrong[name] = (theirs, ours)
    assert index.softdeps
    assert wrong == {}


NAMES = ("esp4", "esp6", "xfrm-user", "gcm", "aesni_intel", "crypto-gcm", "xfrm-type-2-50")
PATTERNS = ("esp*", "esp[46]", "*", "xfrm?user", "aesni-*", "crypto-*", "e[!s]p4", "esp[-4]")
COMMANDS = ("/bin/false", "/bin/true", "modprobe -i esp4", "  echo a  b ", "exit 1 # no")
ODD = (
    "install esp4\n",
    "blacklist\n",
    "# install esp4 x\n",
    "remove esp4 x\n",
    "install e[sp4 x\n",
    "install esp4 \\\n/bin/false\n",
    "softdep gcm pre: ctr post: ghash\n",
    "\tblacklist\tgcm\n",
)


def _line(dice: random.Random) -> str:
    name = dice.choice(NAMES + PATTERNS)
    return dice.choice(
        [
            f"install {name} {dice.choice(COMMANDS)}\n",
            f"blacklist {dice.choice(NAMES)}\n",
            f"alias {name} {dice.choice(NAMES)}\n",
            dice.choice(ODD),
        ]
    )


def _write(dice: random.Random, root: Path) -> None:
    """Some files in some of the directories, several of them of the same name."""
    for directory in modprobe_d.DIRECTORIES:
        if dice.random() < 0.3:
            continue
        (root / directory).mkdir(parents=True)
        for name in dice.sample(["a.conf", "b.conf", "z.conf", "c.alias", "no.txt"], 2):
            lines = [_line(dice) for _ in range(dice.randrange(5))]
            (root / directory / name).write_text("".join(lines))
        if dice.random() < 0.3:
            (root / directory / "masked.conf").symlink_to("/dev/null")


def _of(rules: tuple[Rule, ...], directive: Directive) -> list[Rule]:
    return [rule for rule in rules if rule.directive is directive]


@pytest.mark.parametrize("seed", range(200))
def test_generated_configuration(newest_kernel: Kernel, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    _write(dice, tmp_path)
    directories = [tmp_path / name for name in modprobe_d.DIRECTORIES]
    rules = modprobe_d.read(Host(str(tmp_path), "6.1"), [])
    installs = _of(rules, Directive.INSTALL)
    with oracle(newest_kernel.modules, directories) as libkmod:
        assert sorted(libkmod.blacklists()) == sorted(
            rule.name for rule in _of(rules, Directive.BLACKLIST)
        )
        assert [(name, text.strip()) for name, text in libkmod.installs()] == [
            (rule.name, rule.command) for rule in installs
        ]
        for name in ("esp4", "esp6", "xfrm_user", "gcm", "aesni_intel", "ccm"):
            ours = next((r.command for r in installs if modprobe_d.applies(r, name)), None)
            theirs = libkmod.install(name)
            assert (theirs.strip() if theirs is not None else None) == ours, name
