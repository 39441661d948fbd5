# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded hosts, one for each obstacle and each kernel: what the tool says lies beside each.

pytest tests/hosts/test_hosts.py --update        write down what it says now
"""

import json
import shutil
from pathlib import Path

import pytest

from modprobe_ipsec.commands.main import main
from modprobe_ipsec.diagnose.obstacles import kinds
from modprobe_ipsec.report.model import Report, Style
from tests.hosts import tree


def said(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str]:
    code = main(["--check", "--root", str(root), *arguments])
    out = capsys.readouterr()
    return code, tree.plain(out.out + out.err, root)


@pytest.mark.parametrize("name", tree.names())
def test_tree(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    root = tree.assemble(name, tmp_path / "root")
    arguments = tree.arguments(name)
    code, text = said(capsys, root, *arguments)
    json_code, document = said(capsys, root, *arguments, "--format", "json")
    assert code == json_code
    text = f"{text}exit status {code}\n"
    expected = tree.CASES / name / "expected"
    if request.config.getoption("--update"):
        expected.mkdir(exist_ok=True)
        (expected / "check.txt").write_text(text)
        (expected / "check.json").write_text(document)
    assert text == (expected / "check.txt").read_text()
    assert document == (expected / "check.json").read_text()


_NEEDS = ("--esp", "--ah", "--ipcomp", "--all", "--daemon")
ASKED = [
    name for name in tree.names() if any(word.startswith(_NEEDS) for word in tree.arguments(name))
]
# What is asked stands in the host's configuration, of whose names and places a record has nothing.
CONFIGURED = [name for name in tree.names() if name not in ASKED]


@pytest.mark.parametrize("name", CONFIGURED)
def test_the_record_of_a_configured_host_has_its_needs(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble(name, tmp_path / "root")
    arguments = tree.arguments(name)
    code, before = said(capsys, root, *arguments, "--format", "json")
    copy = tmp_path / "copy"
    assert main(["--record", str(copy), "--root", str(root), *arguments]) == 0
    capsys.readouterr()
    again, after = said(capsys, copy, "--format", "json")
    assert _judged(after) == _judged(before)
    # that connections were lost is in what was asked, not in what is needed
    assert json.loads((copy / "question.json").read_text())["exit_status"] == code
    assert again == code or json.loads(before)["problems"]


@pytest.mark.parametrize("name", ASKED)
def test_the_record_of_a_tree_says_the_same(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble(name, tmp_path / "root")
    arguments = tree.arguments(name)
    code, before = said(capsys, root, *arguments, "--format", "json")
    copy = tmp_path / "copy"
    recorded = main(["--record", str(copy), "--root", str(root), *arguments])
    listed = capsys.readouterr().out.split()
    if recorded:
        # a tree that cannot be read at all has nothing to record
        assert recorded == code
        return
    assert sorted(listed) == sorted(
        str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()
    )
    again, after = said(capsys, copy, *arguments, "--format", "json")
    assert (again, json.loads(after)["needs"]) == (code, json.loads(before)["needs"])
    # and without the words: the record has them
    assert json.loads((copy / "question.json").read_text())["exit_status"] == code
    again, after = said(capsys, copy, "--format", "json")
    assert (again, _judged(after)) == (code, _judged(before))


def _judged(document: str) -> list[dict[str, object]]:
    """The needs without where they come from: a configuration's names are not recorded."""
    needs = json.loads(document)["needs"]
    return [{key: value for key, value in need.items() if key != "sources"} for need in needs]


def test_there_is_a_tree_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports: list[Report] = []

    def render(report: Report, style: Style) -> str:
        reports.append(report)
        return ""

    monkeypatch.setattr("modprobe_ipsec.report.formats.json.render", render)
    names = tree.names()
    for name in names:
        said(capsys, tree.assemble(name, tmp_path / name), *tree.arguments(name), "--format=json")
    reasons = [r for report in reports for j in report.verdicts for r in j.reasons]
    assert len(names) >= 40
    assert {tree.base(name) for name in names} - {""} == {
        path.name for path in tree.BASES.iterdir()
    }
    assert {reason.obstacle.kind for reason in reasons if reason.obstacle} == set(kinds().values())
    assert all(reason.remedy for reason in reasons), "whatever is not ready says what would help"


def test_a_record_goes_only_into_a_new_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("install-false", tmp_path / "root")
    used = tmp_path / "used"
    used.mkdir()
    (used / "x").touch()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    other = tmp_path / "other"
    other.symlink_to(used)
    for place in (used, link, other, tmp_path / "no/such/place", root / "proc/cmdline"):
        assert main(["--record", str(place), "--root", str(root)]) == 64
        assert str(place) in capsys.readouterr().err
    assert [path.name for path in used.iterdir()] == ["x"]
    assert not (tmp_path / "nowhere").exists()


def test_a_record_has_no_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree.assemble("install-false", tmp_path / "root")
    (root / "proc/cmdline").write_text("root=x secret=HUSH module_blacklist=a luks=HUSH")
    (root / "etc/modprobe.d/y.conf").write_text(
        "# HUSH\noptions wl key=HUSH\nblacklist b # the\\\nblacklist c\n"
    )
    (root / "etc/ipsec.conf").write_text("# HUSH\n")
    (root / "etc/ipsec.secrets").write_text("HUSH\n")
    (root / "proc/modules").write_text("esp4 1 0 - Live 0xffffffffc0123000\n")
    (root / "etc/modprobe.d/z.conf").symlink_to("/etc/ipsec.secrets")
    copy = tmp_path / "copy"
    assert main(["--record", str(copy), "--root", str(root)]) == 0
    capsys.readouterr()
    text = b"".join(path.read_bytes() for path in copy.rglob("*") if path.is_file())
    assert b"HUSH" not in text and b"c0123" not in text
    lines = (copy / "etc/modprobe.d/y.conf").read_text().split("\n")
    assert lines == ["", "", "blacklist b", ""]
    assert shutil.disk_usage(copy)
    assert sum(path.stat().st_size for path in copy.rglob("*")) < 1 << 20
