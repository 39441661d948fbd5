# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of whole module directories and of modprobe.d, against libkmod's."""

import random
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from modprobe_ipsec.base import names
from modprobe_ipsec.host.facts import Directive, ModuleIndex, Rule, Unreadable
from modprobe_ipsec.host.kernel import modprobe_d
from modprobe_ipsec.host.kernel import module_index as modules
from modprobe_ipsec.host.root import Host
from tests.vm.harness.kernels import DEFAULT, Kernel
from tests.vm.harness.libkmod import oracle
from tests.vm.harness.uml import SUITES

# none of them is booted
pytestmark = pytest.mark.kernels(*DEFAULT, *SUITES)


@pytest.fixture(scope="module")
def index(kernel: Kernel) -> ModuleIndex:
    gaps: list[Unreadable] = []
    found = modules.read_index(Host(str(kernel.root), kernel.release), gaps)
    assert found and not gaps
    return found


def test_every_alias_that_is_indexed(kernel: Kernel, index: ModuleIndex) -> None:
    kinds = ("crypto-", "xfrm-", "net-pf-", "rtnl-link-", "ipt_", "nft-expr-")
    asked = {alias: known for alias, known in index.aliases.items() if alias.startswith(kinds)}
    wrong = {}
    with oracle(kernel.modules, []) as libkmod:
        for alias, known in asked.items():
            # libkmod looks at built-in code only if nothing can be loaded
            loadable = [name for name in known if name not in index.builtin]
            theirs = libkmod.lookup(alias)
            if set(theirs) != set(loadable or known):
                wrong[alias] = (theirs, known)
    assert len(asked) > 200
    assert wrong == {}


def test_every_alias_of_all_kinds(kernel: Kernel, index: ModuleIndex) -> None:
    """The same reader and the same matching, over the 26,000 that the tool never asks for."""
    text = (kernel.modules / "modules.alias").read_text()
    patterns = list(index.aliases.items())
    lines = {line.split()[1] for line in text.splitlines() if line.startswith("alias ")}
    assert lines <= {pattern for pattern, _ in patterns}
    find = _Finder(patterns)
    wrong = {}
    with oracle(kernel.modules, []) as libkmod:
        for pattern, _ in patterns:
            alias = _example(pattern)
            theirs, found = libkmod.lookup(alias), find(alias)
            name = names.canonical(alias)
            # names come before aliases, and what can be loaded before what is built in
            ways = (
                {name} & index.files.keys(),
                set(found) - index.builtin,
                {name} & index.builtin,
                set(found),
            )
            if not theirs or set(theirs) != next(way for way in ways if way):
                wrong[alias] = (theirs, found)
    # user-mode-linux has the fewest
    assert len(patterns) > 500
    assert wrong == {}


def _example(pattern: str) -> str:
    """Something that fits a pattern: `pci:v*d0001[0-4]` -> pci:vd00010."""
    return re.sub(r"\[(.)[^]]*\]", r"\1", pattern).replace("*", "").replace("?", "0")


class _Finder:
    """Modules by something that patterns may fit, without asking all of them each time."""

    def __init__(self, patterns: Iterable[tuple[str, modules.Names]]) -> None:
        self._by_start: dict[str, list[tuple[str, str, modules.Names]]] = {}
        for pattern, found in patterns:
            # as libkmod compares them
            pattern = names.underscores(pattern) or ""
            pieces = re.split(r"\*|\?|\[.*?\]", pattern)
            # most patterns of one start differ in this
            longest = max(pieces, key=len)
            self._by_start.setdefault(pieces[0], []).append((longest, pattern, found))

    def __call__(self, alias: str) -> list[str]:
        alias = alias.replace("-", "_")
        starts = (alias[:length] for length in range(len(alias) + 1))
        return [
            name
            for start in starts
            for piece, pattern, found in self._by_start.get(start, ())
            if piece in alias and names.glob(alias, pattern)
            for name in found
        ]


def test_every_dependency(kernel: Kernel, index: ModuleIndex) -> None:
    wrong = {}
    with oracle(kernel.modules, []) as libkmod:
        for name, file in index.files.items():
            theirs = libkmod.dependencies(name)
            # in the order in which they are loaded
            if theirs != list(reversed(file.deps)):
                wrong[name] = (theirs, file.deps)
    assert len(index.files) > 500
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
    wanted = " ".join(dice.choice(("pre:", "post:", *NAMES)) for _ in range(4))
    return dice.choice(
        [
            f"softdep {dice.choice(NAMES + PATTERNS)} {wanted}\n",
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


@pytest.mark.kernels("uml-7")
@pytest.mark.parametrize("seed", range(200))
def test_generated_configuration(kernel: Kernel, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    _write(dice, tmp_path)
    directories = [tmp_path / name for name in modprobe_d.DIRECTORIES]
    rules = modprobe_d.read(Host(str(tmp_path), "6.1"), [])
    installs, aliases, softdeps = (
        _of(rules, directive)
        for directive in (Directive.INSTALL, Directive.ALIAS, Directive.SOFTDEP)
    )
    with oracle(kernel.modules, directories) as libkmod:
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
            words = next((r.command for r in softdeps if modprobe_d.applies(r, name)), "")
            before, after = modules.softdep(words)
            assert libkmod.softdeps(name) == (
                [module for word in before for module in libkmod.lookup(word)],
                [module for word in after for module in libkmod.lookup(word)],
            ), name
        for alias in (*NAMES, "crypto-seqiv"):
            found = {rule.command for rule in aliases if modprobe_d.applies(rule, alias)}
            # what modprobe.d says comes before the tree
            assert not found or set(libkmod.lookup(alias)) == found, alias
