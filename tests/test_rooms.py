# SPDX-License-Identifier: GPL-3.0-or-later
"""The house stays as planned: who may import whom, and what a quick check must not pay for."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.report import formats
from tests.daemons.libreswan.big import make_config
from tests.hosts import tree as recorded
from tests.shipped import MODULES

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "modprobe_ipsec"
# | base | 0 | no | errors and exit codes, ...
ROW = re.compile(r"^\| (\w+) \| (\d+) \| ([a-z ]+) \|", re.MULTILINE)
ROWS = ROW.findall((REPOSITORY / "docs/architecture.md").read_text())
FLOORS = {room: int(floor) for room, floor, _ in ROWS}
# base may name error numbers and their texts; whatever else says "no" is without any effect.
PURE = {room for room, _, touches in ROWS if touches == "no"} - {"base"}
# What touches the machine, or costs a start-up; each dependency has its facade.
IMPURE = {
    "os",
    "io",
    "subprocess",
    "socket",
    "_socket",
    "ctypes",
    "pathlib",
    "shutil",
    "glob",
    "tempfile",
}
FACADES = {
    "kmodpy": {"kernel/kmod"},
    "pyroute2": {"devices/ethtool", "lab/messages", "lab/network"},
    "pyudev": {"devices/udev"},
    "yaml": {"catalog/strict_yaml", "manifest/yaml_text"},
}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Room, place and syntax tree of every module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE).with_suffix(""))
        if place not in ("__init__", "__main__"):
            yield place.partition("/")[0], place, ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    """Full names of all modules that are imported anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide the room"
            yield node.module
            if node.module.count(".") == 0:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_room_has_a_floor_in_the_table() -> None:
    assert {room for room, _, _ in modules()} == FLOORS.keys()


def test_rooms_import_only_from_lower_floors() -> None:
    wrong = []
    for room, place, tree in modules():
        for name in imports(tree):
            package, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if package != "modprobe_ipsec" or other in (
                "",
                room,
                "_map",
                "_glossary",
                "_xfrm",
                "__version__",
            ):
                continue
            if FLOORS[other] >= FLOORS[room]:
                wrong.append(f"{place} imports {name}")
    assert wrong == []


def test_no_module_needs_itself_to_be_imported() -> None:
    """What is imported where it is used is not counted: that is how a cost is put off."""
    files = {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        needs = graph.setdefault(module, set())
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                needs |= {name if name in files else node.module for name in full} & files.keys()
    assert len(graph) > 100
    graphlib.TopologicalSorter(graph).prepare()


def test_the_core_touches_nothing() -> None:
    wrong = []
    for room, place, tree in modules():
        if room not in PURE:
            continue
        wrong += [f"{place} imports {name}" for name in imports(tree) if name in IMPURE]
        calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
        wrong += [
            f"{place} calls {call.id}"
            for call in calls
            if isinstance(call, ast.Name) and call.id in ("open", "exec", "eval", "print", "input")
        ]
    assert wrong == []


def test_each_dependency_has_one_facade() -> None:
    found = {
        (name.partition(".")[0], place)
        for _, place, tree in modules()
        for name in imports(tree)
        if name.partition(".")[0] in FACADES
    }
    assert found == {(name, place) for name, places in FACADES.items() for place in places}


# What a quick check, as installed, has no use for. Each takes a start-up longer than what it does.
COSTLY = {
    *("argparse", "collections", "ctypes", "dataclasses", "difflib", "enum", "gettext", "kmodpy"),
    *("locale", "pathlib", "re", "socket", "subprocess", "textwrap", "typing", "yaml"),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where the parsed map lies that only a wheel has, and a host where nothing is in the way."""
    place = tmp_path_factory.mktemp("map")
    for name, text in MODULES.items():
        (place / name).write_text(text)
    host = recorded.assemble("booted-6.12", place / "host")
    for path, text in make_config(10, 1).items():
        file = host / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return place, host


def imported(arguments: list[str], installed: tuple[Path, Path]) -> set[str]:
    """What a run imports, as installed, on that host."""
    place, host = installed
    code = (
        "import sys; before = set(sys.modules); import modprobe_ipsec; "
        f"modprobe_ipsec.__path__.append({str(place)!r}); "
        "from modprobe_ipsec.commands.main import main; "
        f"main({[*arguments, '--root', str(host)]!r}); "
        "print(*(set(sys.modules) - before), file=sys.stderr)"
    )
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    names = set(done.stderr.split())
    assert "modprobe_ipsec._map" in names
    return names


# Of ours, on the way of a check; small ones that are always read together should be one.
MOST_FILES = 115


@pytest.mark.parametrize("format", formats.names())
@pytest.mark.parametrize("action", ["--check", "--dry-run"])
def test_a_check_does_not_pay_for_what_it_does_not_use(
    action: str, format: str, installed: tuple[Path, Path]
) -> None:
    names = imported([action, "--esp", "aes256gcm16", "--format", format], installed)
    # Python's own writer of JSON brings these
    allowed = {"re", "enum", "collections"} if format == "json" else set()
    assert COSTLY & names == allowed
    # each file that is found, read and run is a hundredth of what a check may take
    ours = {name for name in names if name.startswith("modprobe_ipsec.")}
    assert len(ours) <= MOST_FILES, sorted(ours)


def test_nor_does_one_that_reads_a_configuration(installed: tuple[Path, Path]) -> None:
    asked = ["--check", "--daemon", "libreswan=4.15", "--config", "/etc/ipsec.conf"]
    names = imported(asked, installed)
    assert "modprobe_ipsec.daemons.libreswan.needs" in names
    assert not COSTLY & names


def test_nothing_is_printed_or_ended_but_by_commands() -> None:
    for room, place, tree in modules():
        names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        calls = {
            n.func.id
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        if room != "commands":
            assert "print" not in calls, place
            assert "exit" not in names and not {"exit", "quit"} & calls, place


def test_neutral_code_names_no_daemon() -> None:
    """Only a daemon's own package does; everything else asks its descriptor."""
    daemons = [name for name, daemon in DAEMONS.items() for name in (name, daemon.program)]
    names = re.compile("|".join(daemons), re.IGNORECASE)
    own = tuple(f"daemons/{name}/" for name in DAEMONS)
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        if not place.startswith(own):
            wrong += [f"{place}: {said}" for said in _said(path.read_text()) if names.search(said)]
    assert wrong == []


def _said(text: str) -> Iterator[str]:
    """All names and texts of a module, but for docstrings."""
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str) and id(node) not in docstrings:
                yield value


CITED = re.compile(r"docs/facts/(\w+\.md)(?:, \"([^\"\n]+)\")?")


def test_every_fact_that_is_cited_is_there() -> None:
    """Sheets, and their sections; and none is cited that the repository has not got."""
    places = [*PACKAGE.rglob("*.py"), *(REPOSITORY / "data").rglob("*.yaml")]
    cited = {match for path in places for match in CITED.findall(path.read_text())}
    assert {sheet for sheet, _ in cited} >= {"kernel.md", "openwrt.md"}
    for sheet, section in cited:
        text = (REPOSITORY / "docs/facts" / sheet).read_text()
        assert f"\n## {section}" in text, (sheet, section)
    elsewhere = re.compile(r"(?<![/\w])(?:kernel|libreswan|strongswan|peers|daemons|stack)\.md \d")
    assert not [path for path in places if elsewhere.search(path.read_text())]


def test_no_file_is_long() -> None:
    long = {str(path) for path in PACKAGE.rglob("*.py") if path.read_text().count("\n") > 400}
    assert long == set()


# What Python would import for it and no check needs: see base/annotations.py and base/value.py.
SLOW = {"typing", "enum", "collections.abc", "dataclasses", "functools", "types"}


def test_annotations_and_values_cost_no_start_up() -> None:
    wrong = [
        f"{place} imports {name}"
        for _, place, tree in modules()
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imports(ast.Module([node], []))
        if name in SLOW and place not in ("base/annotations", "base/value")
    ]
    assert wrong == []


def test_no_public_class_has_the_name_of_one_in_another_room() -> None:
    rooms: dict[str, set[str]] = {}
    for room, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms.setdefault(node.name, set()).add(room)
    assert {name: sorted(found) for name, found in rooms.items() if len(found) > 1} == {}
