# SPDX-License-Identifier: GPL-3.0-or-later
"""--explain: what is printed, how a term stands on recorded hosts, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands.main import main
from tests.glossary import BOOK
from tests.hosts import tree


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["--explain", *arguments]) == code
    out = capsys.readouterr()
    return out.err if code else out.out


def here(capsys: pytest.CaptureFixture[str], root: Path, name: str) -> list[dict[str, Any]]:
    """How the first entry of this name stands on a recorded host."""
    document = json.loads(said(capsys, name, "--format", "json", "--root", str(root)))
    assert document["schema"] == 1
    found: list[dict[str, Any]] = document["entries"][0].get("here", [])
    return found


def test_an_entry_says_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "decap-dscp")
    assert text.startswith("decap-dscp (XFRM_STATE_DECAP_DSCP)\n  chapter sa-flags: ")
    for line in (
        "  is      SA flag 2: ",
        "  does    An inner 0xb8 ",
        "  needs   tunnel mode; with a direction, `in`",
        "  daemons libreswan: decap-dscp=yes\n          strongSwan: copy_dscp = in or yes ",
        "  source  packets on 5.10",
    ):
        assert line in text
    assert max(map(len, text.splitlines())) <= 100


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(said(capsys, "aes", "--format", "json"))
    assert {entry["chapter"] for entry in document["entries"]} == {"algorithms", "proposals"}
    document = json.loads(said(capsys, "esn", "--format", "json"))
    (flag,) = document["entries"]
    assert flag["name"] == "esn (SA)" and "XFRM_STATE_ESN" in flag["also"]
    assert flag["daemons"]["libreswan"] == "esn=yes"
    assert {"is", "does", "when", "needs", "source"} <= flag.keys()
    assert document["terms"] == []


def test_alone_it_lists_the_chapters(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    assert all(f"\n  {name} " in text for name in BOOK.names())
    chapters = json.loads(said(capsys, "--format", "json"))["chapters"]
    assert [chapter["name"] for chapter in chapters] == list(BOOK.names())
    assert sum(chapter["terms"] for chapter in chapters) > 700


def test_a_chapter_lists_its_terms(capsys: pytest.CaptureFixture[str]) -> None:
    for spelled in ("counters", "Counters"):
        text = said(capsys, spelled)
        assert text.startswith(f"{spelled}: what /proc/net/xfrm_stat counts\n  XfrmInError, ")
    terms = json.loads(said(capsys, "sa_flags", "--format", "json"))["terms"]
    assert terms[:2] == ["noecn", "decap-dscp"]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("modprobe: ERROR: could not insert 'esp4': Operation not permitted", "could not insert"),
        ("[   42.5] Module esp4 is blacklisted", "is blacklisted"),
        ("received netlink error: Protocol not supported (93)", "EPROTONOSUPPORT"),
        ("netlink ext_ack: Requested type not found", "Requested type not found"),
    ],
)
def test_a_line_of_a_log_is_a_name_too(
    line: str, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, line).startswith(first)


def test_an_unknown_name_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "noecm", code=64)
    assert "--explain noecm: no such term; did you mean noecn" in text
    assert "no such term\n" in said(capsys, "zzzzzzzz", code=64)


def test_it_has_two_formats(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "noecn", "--format", "journal", code=64)
    assert "--explain goes with --format text or json, not journal" in text


def test_a_blocked_module_names_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("install-false", tmp_path / "root")
    (found,) = here(capsys, root, "esp4")
    assert found["value"] == "blocked"
    assert found["text"].startswith("esp4: blocked: esp4 is blocked by /etc/modprobe.d/")
    assert found["text"].endswith(": install esp4 /bin/false")
    assert found["remedy"]
    (found,) = here(capsys, root, "xfrm-type-2-50")
    assert found["value"] == "blocked"
    assert {h["value"] for h in here(capsys, root, "ENCR_AES_GCM_12")} == {"blocked", "loadable"}


def test_an_option_says_how_the_kernel_was_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("booted-6.12", tmp_path / "root")
    (found,) = here(capsys, root, "CONFIG_INET_ESP")
    assert found["value"] == "m" and found["text"].startswith("CONFIG_INET_ESP=m in /")
    (found,) = here(capsys, root, "CONFIG_INET_ESPINTCP")
    assert found["value"] == "n"


def test_values_of_a_recorded_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree.assemble("booted-6.12", tmp_path / "root")
    values = {
        "proc/sys/net/core/xfrm_acq_expires": "165",
        "proc/sys/net/ipv4/conf/eth0.5/disable_xfrm": "1",
        "proc/sys/net/ipv4/conf/all/disable_xfrm": "0",
    }
    for path, value in values.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{value}\n")
    (root / "proc/net").mkdir(parents=True, exist_ok=True)
    (root / "proc/net/xfrm_stat").write_text("XfrmInError  \t0\nXfrmInNoStates   \t4711\n")
    assert here(capsys, root, "xfrm_acq_expires")[0]["value"] == "165"
    device = here(capsys, root, "net.ipv4.conf.eth0.5.disable_xfrm")
    assert [found["value"] for found in device] == ["0", "1"]
    assert here(capsys, root, "XfrmInNoStates")[0] == {
        "text": "XfrmInNoStates 4711 since boot, or since this network namespace was made",
        "remedy": "",
        "value": "4711",
    }
    (absent,) = here(capsys, root, "XfrmOutNoQueueSpace")
    assert absent["text"].startswith("not counted: ") and absent["value"] == ""


def test_in_a_user_namespace_a_value_is_hidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("user-namespace", tmp_path / "root")
    (root / "proc/sys/net/core/xfrm_acq_expires").unlink(missing_ok=True)
    (found,) = here(capsys, root, "net.core.xfrm_acq_expires")
    assert found["text"].startswith("hidden, because this network namespace belongs to another")
    assert found["remedy"] and found["value"] == ""


def test_what_the_readme_shows_is_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = readme.partition("$ modprobe-ipsec --explain decap-dscp\n")[2].partition("```")[0]
    assert shown == said(capsys, "decap-dscp")
