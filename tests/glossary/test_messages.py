# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever word of the field a message can hold is explained: all our texts are walked."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modprobe_ipsec.commands.options import OPTIONS
from tests.glossary import BOOK, TREES
from tests.shipped import TREES as MAP

PACKAGE = Path(__file__).parents[2] / "modprobe_ipsec"
# What these hold is text of files for other programs, and its words are theirs.
FILES_OF_OTHERS = tuple(
    f"manifest/{below}/" for below in ("hosts", "engines", "containers", "kubernetes")
)
# AES-GCM, ESN, CAP_NET_ADMIN, EPERM; XfrmInNoStates; net.core.xfrm_acq_expires; /proc/crypto
TERM = re.compile(
    r"(?<![\w./-])(?:[A-Z][A-Z0-9]+(?:[_-][A-Z0-9]+)*|Xfrm\w+"
    r"|(?:net|kernel|crypto|module)\.(?:\w+\.)*\w+|/proc/\w+)(?![\w*/]|\.\w)"
)
# Words that are nobody's in particular; NET_ADMIN is how engines write CAP_NET_ADMIN. Long words
# in capitals, as FORMAT and DIRECTORY, stand for what somebody fills in.
EVERYDAY = set(
    re.findall(
        r"\S+",
        """
        II NOT SYS_CHROOT
        API ARM ASCII BE DENIED FAMILY-PROTOCOL IP IPSEC_VERSION JSON KEY MB MET MUST
        NAME NET_ADMIN
        NO_COLOR NUL OF OK PATH RHEL SP TERM TEXT TREE TREES UTF-8 VALUE VIA YAML
        """,
    )
)
_FILLED_IN = re.compile(r"[A-Z]{6,}")
EVERYDAY |= {word for option in OPTIONS for word in re.findall(r"\w+", option.metavar)}
# Parts of the kernel's texts that are quoted; the whole text is a term.
QUOTED = {"MTIMER_THRESH", "SA_PCPU", "SA_DIR", "CRYPT", "AUTH_TRUNC"}


def texts(path: Path) -> Iterator[str]:
    """Every text with a space in it, but for docstrings: what people may get to see."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            value = node.value
            if isinstance(value, str) and " " in value:
                yield value


def leaves(value: object) -> Iterator[str]:
    """Every sentence in a file of the map or of the glossary, but for what daemons write."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key not in ("source", "also", "asks", "errno", "daemons", "values"):
                yield from leaves(below)
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below)
    elif isinstance(value, str) and " " in value:
        yield value


MODULES = {
    place: "\n".join(texts(path))
    for path in sorted(PACKAGE.rglob("*.py"))
    if not (place := str(path.relative_to(PACKAGE))).startswith(FILES_OF_OTHERS)
}
DATA = {
    name: "\n".join(leaves(tree))
    for name, tree in {**{f"map {n}": t for n, t in MAP.items()}, **TREES}.items()
    # whose words those of the daemons' own files are, and commands of distributions
    if not name.startswith(("map daemons/", "map packages"))
}


@pytest.mark.parametrize("name", [name for name, text in {**MODULES, **DATA}.items() if text])
def test_no_word_of_the_field_is_left_unexplained(name: str) -> None:
    found = set(TERM.findall({**MODULES, **DATA}[name])) - EVERYDAY - QUOTED
    found = {term for term in found if not _FILLED_IN.fullmatch(term) or term.startswith("E")}
    assert {term for term in found if not BOOK.find(term)} == set()


def test_the_walk_sees_what_it_is_to_see() -> None:
    said = "\n".join((*MODULES.values(), *DATA.values()))
    seen = set(TERM.findall(said))
    assert len(seen) > 150
    assert {"CAP_NET_ADMIN", "EPERM", "ESN", "AES-GCM", "/proc/modules", "XfrmOutNoStates"} <= seen
    assert "kernel.modules_disabled" in seen
    assert not BOOK.find("FROB-2") and TERM.findall("no FROB-2 here") == ["FROB-2"]
