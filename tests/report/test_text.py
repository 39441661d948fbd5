# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody reads who has to mend something: whole reports of recorded hosts."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.base.text import printable
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.report.table import table, wrapped
from tests.hosts import tree
from tests.report_schema import checked

PLUTO = {
    "usr/libexec/ipsec/pluto": "",
    "var/lib/dpkg/status": (
        "Package: libreswan\nStatus: install ok installed\nVersion: 4.10-2+deb12u1\n\n"
    ),
}
ENDS = "\tleft=192.0.2.1\n\tright=198.51.100.1\n\tauto=start\n\tauthby=secret\n"


def conns(*names: str, more: str = "") -> str:
    return "config setup\n\n" + "".join(f"conn {name}\n{ENDS}{more}\n" for name in names)


Said = Callable[..., str]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """What is said of a host with some files, and the exit status."""
    number = count()

    def ask(files: Mapping[str, str], *options: str, wide: bool = False) -> str:
        root = tree.assemble("booted-6.12", tmp_path / str(next(number)))
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        if "no ESP" in options:
            options = tuple(option for option in options if option != "no ESP")
            _without_esp(root)
        code = main([*(options or ("--check",)), "--root", str(root)])
        out = capsys.readouterr()
        text = tree.plain(out.out + out.err, root)
        if not wide and not any(option.startswith("--manifest") for option in options):
            assert max(map(len, out.out.split("\n"))) <= 100
        return f"{text}exit status {code}\n"

    return ask


def _without_esp(root: Path) -> None:
    (config,) = root.glob("boot/config-*")
    lines = config.read_text().split("\n")
    config.write_text("\n".join(line for line in lines if "_ESP=" not in line))
    for index in root.glob("lib/modules/*/modules.*"):
        if index.name in ("modules.dep", "modules.alias"):
            lines = index.read_text().split("\n")
            kept = [x for x in lines if not any(w in x for w in ("/esp4.ko", "/esp6.ko", " esp"))]
            index.write_text("\n".join(kept))


def test_a_kernel_without_esp(said: Said) -> None:
    assert said(
        {**PLUTO, "etc/ipsec.conf": conns("a", "b", "c", "d", "e")}, "--check", "no ESP"
    ) == (
        """\
kernel 6.12.117+deb13-amd64 (x86_64)
/etc/ipsec.conf of libreswan 4.10 (says dpkg): 5 connections
13 needs: 12 missing, 1 loadable (nothing changed, the kernel was not asked)

missing: This kernel has no ESP at all (CONFIG_INET_ESP is not set): no connection can work
  stops  all 5 connections: a (/etc/ipsec.conf:3), b (/etc/ipsec.conf:9), c (/etc/ipsec.conf:15) and
         2 more
  to do  a kernel with CONFIG_INET_ESP

loadable: not loaded: xfrm_user; the kernel loads what it needs when asked
  needs  xfrm_socket
  to do  run modprobe-ipsec without --check, as root
exit status 2
"""
    )


LOST = """\
kernel 6.12.117+deb13-amd64 (x86_64)
/etc/ipsec.conf of libreswan 4.10 (says dpkg): 30 connections
30 of 30 connections are left out (see below); what is left has 1 need: 1 loadable (nothing changed,
  the kernel was not asked)

configuration:
  a word of it is not recognized as ESP encryption (at character 1, read as libreswan's); 30
    connections are left out: c0 (/etc/ipsec.conf:8), c1 (/etc/ipsec.conf:15), c2
    (/etc/ipsec.conf:22) and 27 more
"""


def test_lost_connections_count(said: Said) -> None:
    files = {
        **PLUTO,
        "etc/ipsec.conf": conns(*(f"c{n}" for n in range(30)), more="\tesp=foo-bar\n"),
    }
    text = said(files)
    assert text.startswith(LOST) and text.endswith("exit status 3\n")


@pytest.mark.parametrize("verb", ["--check", "--dry-run", "--manifest=docker", "--manifest=yaml"])
def test_no_verb_is_content_without_a_connection(said: Said, verb: str) -> None:
    text = conns("good") + f"conn bad\n{ENDS}\tesp=foo-bar\n"
    files = {**PLUTO, "etc/ipsec.conf": text, "proc/modules": "xfrm_user 1 0 - Live 0x0\n"}
    told = said(files, verb)
    assert "exit status 3\n" in told or (verb == "--check" and "exit status 1\n" in told)
    assert "bad is left out" in told.replace("\n    ", " ")


SWANCTL = {
    "usr/sbin/swanctl": "",
    "etc/swanctl/swanctl.conf": (
        "connections {\n gw { children { net { esp_proposals = aes256gcm16-x25519 } } }\n}\n"
        "include nowhere.conf\n"
    ),
}


def test_strict_counts_for_a_manifest(said: Said) -> None:
    told = said(SWANCTL, "--manifest=docker")
    assert "there is no such file" in told and told.endswith("exit status 0\n")
    assert said(SWANCTL, "--manifest=docker", "--strict").endswith("exit status 3\n")


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"usr/sbin/swanctl": ""},
            "no configuration of strongSwan (release unknown): its defaults",
        ),
        (
            {**PLUTO, "etc/ipsec.conf": "config setup\n"},
            "/etc/ipsec.conf of libreswan 4.10 (says dpkg): no connection in it",
        ),
        (
            {
                "usr/libexec/ipsec/pluto": "",
                "usr/sbin/ipsec": 'export IPSEC_VERSION="5.2"\n',
                "etc/ipsec.conf": conns("a") + f"conn b\n{ENDS}\ttype=drop\n",
            },
            "/etc/ipsec.conf of libreswan 5.2 (says /usr/sbin/ipsec): 2 connections, 1 of them "
            "asks for nothing",
        ),
        (SWANCTL, "/etc/swanctl/swanctl.conf of strongSwan (release unknown): 1 connection"),
    ],
)
def test_what_was_read_comes_first(said: Said, files: dict[str, str], line: str) -> None:
    assert said(files).replace("\n  ", " ").split("\n")[1] == line


def test_what_is_only_assumed_is_said_before_anything_else(said: Said) -> None:
    assumes = "no IKE daemon is found: this assumes the defaults of both, libreswan and strongSwan"
    first, kernel, *_ = said({}).replace("\n  ", " ").split("\n")
    assert first == assumes and kernel.startswith("kernel ")
    journal = said({}, "--check", "--format=journal", wide=True)
    assert journal.startswith(f"<6>{assumes}; kernel ")
    for options, assumed in ([], True), (["--daemon=libreswan"], False):
        text = said({}, "--check", *options, "--format=json", wide=True)
        assert checked(text.partition("exit status")[0])["assumed"] is assumed


def test_the_release_that_the_user_names(said: Said) -> None:
    told = said({"x.conf": conns("a")}, "--check", "--config=/x.conf", "--daemon=libreswan=5.2")
    assert told.split("\n")[1] == "/x.conf of libreswan 5.2 (says --daemon): 1 connection"


def test_connections_that_ask_for_nothing_are_one_paragraph(said: Said) -> None:
    silent = "".join(f"conn d{n}\n{ENDS}\ttype=drop\n" for n in range(9))
    told = said({**PLUTO, "etc/ipsec.conf": conns("a") + silent})
    assert (
        "\nasks the kernel for nothing: d0, d1, d2 and 6 more "
        "(type=drop: packets pass or not, and nothing is\n  encrypted)\n"
    ) in told
    whole = said({**PLUTO, "etc/ipsec.conf": conns("a") + silent}, "--check", "-v")
    assert whole.count(" d8: type=drop") == 1


def test_the_stack_is_shown_where_it_explains_something(said: Said) -> None:
    assert "the stack itself" not in said({})
    dropped = "XfrmInError 0\nXfrmInStateProtoError 12\n"
    told = said({"proc/net/xfrm_stat": dropped})
    assert (
        "the stack itself:\n  /proc/net/xfrm_stat  2 counters, XfrmInStateProtoError 12\n" in told
    )


LONG = st.text(st.characters(codec="utf-8"), max_size=300)


@given(LONG, st.integers(40, 120), st.sampled_from(["", "  ", "kernel  "]))
def test_no_line_is_wider_than_it_may_be(text: str, width: int, first: str) -> None:
    lines = wrapped(text, width, first)
    assert all(len(line) <= width and line.isprintable() for line in lines)
    assert "".join("".join(lines).split()) == "".join((first + printable(text)).split())


@given(st.lists(st.tuples(LONG, LONG), min_size=1, max_size=4), st.integers(40, 120))
def test_nor_is_one_of_a_table(rows: list[tuple[str, str]], width: int) -> None:
    assert all(len(line) <= width for line in table(rows, width=width))


OFFERS = (
    conns("a")
    + f"conn b\n{ENDS}\tesp=3des-sha1\n\n"
    + f"conn c\n{ENDS}\tesp=aes256-sha1\n\n"
    + f"conn d\n{ENDS}\tesp=null-md5\n"
)


def test_algorithms_that_should_not_be_used_are_a_note(said: Said) -> None:
    files = {**PLUTO, "etc/ipsec.conf": OFFERS}
    told = said(files)
    assert told.endswith("exit status 1\n")
    notes = told.partition("\nalgorithms that should not be used:\n")[2].partition("exit")[0]
    assert notes == (
        "  3DES: SHOULD NOT, 64-bit blocks (RFC 8221, section 5): b (/etc/ipsec.conf:14)\n"
        "  HMAC_SHA1_96: MUST-, on its way out (RFC 8221, section 6; RFC 8247, section 2.3): b\n"
        "    (/etc/ipsec.conf:14) and c (/etc/ipsec.conf:21)\n"
        "  NULL: integrity without encryption (RFC 2410): d (/etc/ipsec.conf:28)\n"
        "  HMAC_MD5_96: MUST NOT (RFC 8221, section 6): d (/etc/ipsec.conf:28)\n"
    )
    assert "should not be used" not in said(files, "--check", "-q")


CNSA = """\
CNSA 2.0: not in it (ESP and AH alone; IKE's own algorithms are not looked at):
  it has ESP with AES-GCM and 256-bit keys alone (CNSA 2.0, table II; RFC 9206, section 5):
    AES_CBC_256: c (/x.conf:8)
    HMAC_SHA1_96: c (/x.conf:8)
"""


@pytest.mark.parametrize(("verb", "fits"), [("--check", 1), ("--dry-run", 0)])
def test_a_profile_makes_a_check_of_it(said: Said, verb: str, fits: int) -> None:
    options = (verb, "--config=/x.conf", "--daemon=libreswan=5.2", "--profile=cnsa2")
    # pluto's own probe with 128 bits goes to no peer
    told = said({"x.conf": f"config setup\n\nconn a\n{ENDS}\tesp=aes_gcm256\n"}, *options)
    assert "\nCNSA 2.0: all that is asked for is in it (ESP and AH alone; IKE's own" in told
    assert told.endswith(f"exit status {fits}\n")
    bad = {"x.conf": f"config setup\n\nconn c\n{ENDS}\tesp=aes256-sha1\n"}
    told = said(bad, *options)
    assert CNSA in told and told.endswith("exit status 2\n")
    # what the profile says is no note as well
    told = said(bad, *options[:3], "--profile=rfc8221")
    assert told.count("HMAC_SHA1_96: MUST-") == 1 and told.endswith("exit status 2\n")


def test_programs_get_notes_and_profile(said: Said) -> None:
    words = ("--check", "--format=json", "--esp=3des-sha256", "--daemon=strongswan", "-4")
    told = said({}, *words, "--profile=bsi", wide=True)
    report = checked(told.rpartition("exit status")[0])
    assert [note["algorithm"] for note in report["notes"]] == ["3DES"]
    assert report["notes"][0]["needs"] == ["esp.ipv4.tunnel.3des.hmac_sha2_256_128"]
    assert [found["algorithm"] for found in report["profile"]["against"]] == ["3DES"]
    assert report["exit_code"] == 2
    assert checked(said({}, *words, wide=True).rpartition("exit status")[0])["profile"] is None
