# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents and comments name is there: files, make targets, modules to run."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
_FOLDERS = ("container", "data", "docs", "modprobe_ipsec", "scripts", "tests")
PAGES = sorted(
    (*REPOSITORY.glob("*.md"), *(p for top in _FOLDERS for p in (REPOSITORY / top).rglob("*.md")))
)
# There once it is installed, or built.
_MADE = (
    "modprobe_ipsec/data",
    *(f"modprobe_ipsec/{name}.py" for name in ("_map", "_glossary", "_xfrm")),
)
# With a word in capitals for what the reader fills in: data/daemons/NAME.yaml.
_PATH = re.compile(
    r"(?<![\w/.-])((?:data|docs|man|modprobe_ipsec|scripts|systemd|tests)/[\w./-]*\w)(?![\w*{])"
)
_TARGET = re.compile(r"(?:^    |`)make ([a-z]+)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_MODULE = re.compile(r"python -m\s+(?:#\s+)?((?:tests|scripts)\.[a-z_.]*[a-z_])")
_TARGETS = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def missing(path: Path) -> Iterator[str]:
    text = path.read_text()
    if path.suffix == ".md":
        yield from (f"make {name}" for name in _TARGET.findall(text) if name not in _TARGETS)
        yield from (link for link in _LINK.findall(text) if not (path.parent / link).exists())
        for name in _PATH.findall(text):
            filled_in = re.search("[A-Z]{4}", name) or name in _MADE
            if not (filled_in or (REPOSITORY / name).exists()):
                yield name
    yield from (name for name in _MODULE.findall(text) if find_spec(name) is None)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_a_page_names_is_there(path: Path) -> None:
    assert list(missing(path)) == []


def test_what_a_comment_tells_to_run_or_to_read_is_there() -> None:
    found = [path for top in _FOLDERS for path in (REPOSITORY / top).rglob("*")]
    wrong = []
    for path in (REPOSITORY / "Makefile", *(p for p in found if p.suffix in (".py", ".yaml"))):
        text = path.read_text()
        wrong += [(path.name, name) for name in _MODULE.findall(text) if find_spec(name) is None]
        named = re.findall(r"\btests/[\w/]+\.py\b", text)
        wrong += [(path.name, name) for name in named if not (REPOSITORY / name).exists()]
    assert wrong == []
