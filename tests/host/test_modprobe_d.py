# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe.d and the kernel command line; the oracle is `modprobe --showconfig`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modprobe_ipsec.host.facts import Directive, Rule, Unreadable
from modprobe_ipsec.host.kernel.modprobe_d import (
    about,
    applies,
    blocks,
    parse,
    parse_cmdline,
    read,
)
from modprobe_ipsec.host.root import Host

SAMPLE = r"""# dirtyfrag
install esp4 /bin/false
  install esp-6   /bin/true # why

blacklist ghash-clmulni-intel # slow
alias crypto-seqiv off
alias my-[a-z]-x tgt-mod more
alias bad[ x
install xfrm* /bin/\
fal\
se
softdep esp4 pre: crypto-gcm e post: f
options aesni_intel x=1  y=2
blacklist
install nocmd
remove esp4 /bin/false
include /etc/x
#comment \
blacklist hidden
install back\slash \/bin/true
blacklist last"""


def test_lines() -> None:
    rules = parse(SAMPLE, "/x.conf")
    assert [(r.directive.value, r.name, r.command, int(r.where[8:])) for r in rules] == [
        ("install", "esp4", "/bin/false", 2),
        ("install", "esp_6", "/bin/true # why", 3),
        ("blacklist", "ghash_clmulni_intel", "", 5),
        ("alias", "crypto_seqiv", "off", 6),
        ("alias", "my_[a-z]_x", "tgt_mod", 7),
        ("install", "xfrm*", "/bin/false", 9),
        ("softdep", "esp4", "pre: crypto-gcm e post: f", 12),
        ("options", "aesni_intel", "x=1  y=2", 13),
        ("install", "backslash", "/bin/true", 20),
        ("blacklist", "last", "", 21),
    ]
    assert rules[1].text == "install esp-6   /bin/true # why"


def test_carriage_return_is_part_of_the_name() -> None:
    (rule,) = parse("blacklist esp4\r\n", "x")
    assert not applies(rule, "esp4")
    # but a program of that name does not exist, so that nothing is loaded
    (rule,) = parse("install esp4 /bin/true\r\n", "x")
    assert applies(rule, "esp4")
    assert blocks(rule) is True


def test_a_command_of_blanks_is_one() -> None:
    assert parse("install esp4 ", "x") == []
    (rule,) = parse("install esp4  ", "x")
    assert (rule.name, rule.command, blocks(rule)) == ("esp4", "", True)


def test_directories(tmp_path: Path) -> None:
    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    write("etc/modprobe.d/z.conf", "blacklist z-etc\n")
    write("etc/modprobe.d/.hidden.conf", "blacklist hidden\n")
    write("etc/modprobe.d/note.txt", "blacklist text\n")
    write("run/modprobe.d/b.conf", "blacklist b-run\n")
    write("usr/lib/modprobe.d/b.conf", "blacklist b-usr\n")
    write("usr/lib/modprobe.d/a.conf", "\nblacklist a-usr\n")
    write("usr/lib/modprobe.d/masked.conf", "blacklist masked\n")
    (tmp_path / "etc/modprobe.d/masked.conf").symlink_to("/dev/null")
    (tmp_path / "lib").symlink_to("usr/lib")
    write("proc/cmdline", "quiet module_blacklist=esp4\n")
    gaps: list[Unreadable] = []
    assert [(rule.name, rule.where) for rule in read(Host(str(tmp_path), "6.1"), gaps)] == [
        ("a_usr", "/usr/lib/modprobe.d/a.conf:2"),
        ("b_run", "/run/modprobe.d/b.conf:1"),
        ("z_etc", "/etc/modprobe.d/z.conf:1"),
        ("esp4", "kernel command line"),
    ]
    assert gaps == []


def test_kernel_command_line() -> None:
    rules = parse_cmdline(
        'root=/dev/sda1 modprobe.blacklist=x-y,,z module_blacklist=first "name=a b"'
        ' module-blacklist=esp4,esp6 initcall_blacklist=aesni_init dyndbg="file a +p"'
        " -- module_blacklist=for_init modprobe.blacklist=late\n"
    )
    assert [(rule.directive, rule.name) for rule in rules] == [
        (Directive.BLACKLIST, "x-y"),
        (Directive.BLACKLIST, "z"),
        (Directive.INITCALL_BLACKLIST, "aesni_init"),
        (Directive.BLACKLIST, "late"),
        (Directive.MODULE_BLACKLIST, "esp4"),
        (Directive.MODULE_BLACKLIST, "esp6"),
    ]
    assert rules[-1].text == "module-blacklist=esp4,esp6"
    # nobody maps the dashes of this one
    assert not applies(rules[0], "x-y")


@pytest.mark.parametrize(
    ("line", "name", "does"),
    [
        ("install esp* /bin/false", "esp4", True),
        ("install esp[46] /bin/false", "esp6", True),
        ("install esp[46] /bin/false", "esp5", False),
        ("install crypto-seqiv /bin/false", "crypto-seqiv", True),
        ("alias xfrm-type-* off", "xfrm-type-2-50", True),
        ("blacklist esp*", "esp4", False),
        ("blacklist aesni-intel", "aesni_intel", True),
        ("options esp4 x=1", "esp4", True),
    ],
)
def test_applies(line: str, name: str, does: bool) -> None:
    (rule,) = parse(line, "x")
    assert applies(rule, name) is does


@pytest.mark.parametrize(
    ("command", "does"),
    [
        ("/bin/false", True),
        ("/bin/true", True),
        ("/usr/bin/true # CVE-2026-43284", True),
        ("/bin/false # not: modprobe -i esp4; see #7", True),
        ("echo 'a # b'; modprobe -i esp4", False),
        ("false", True),
        (":", True),
        ("exit 1", True),
        ("/sbin/nologin", True),
        ("/dev/null", True),
        ("/bin/echo 'esp4 is off' >&2; exit 1", True),
        ("{ /bin/false; }", True),
        ("/bin/true &>/dev/null", True),
        ("/bin/true > /dev/null 2>&1", True),
        ("exec /bin/false", True),
        ("/sbin/modprobe --ignore-install esp4", False),
        ("modprobe -i esp4 $CMDLINE_OPTS", False),
        ("/sbin/modprobe -qi esp4 && /usr/bin/setup", False),
        ("/sbin/modprobe bar; /sbin/modprobe --ignore-install esp4", False),
        ("/sbin/insmod /opt/esp4.ko", False),
        ("/sbin/modprobe --ignore-install esp6", None),
        ("/sbin/modprobe esp4", None),
        ("/sbin/modprobe -v esp4", None),
        ("/bin/false && modprobe -i esp4", None),
        ("exit 0; modprobe -i esp4", None),
        ("/usr/local/sbin/decide esp4", None),
        ("true $(modprobe -i esp4)", None),
        ("true `modprobe -i esp4`", None),
        ("sh -c 'exit 1'", None),
        ("if test -e /x; then modprobe -i esp4; fi", None),
    ],
)
def test_install_commands(command: str, does: bool | None) -> None:
    (rule,) = parse(f"install esp4 {command}", "x")
    assert blocks(rule) is does


def test_other_rules() -> None:
    def rule(line: str) -> bool | None:
        return blocks(parse(line, "x")[0])

    assert rule("blacklist esp4") is True
    assert rule("alias crypto-seqiv off") is True
    assert rule("alias crypto-seqiv other") is None
    assert rule("options esp4 x=1") is False
    assert rule("softdep esp4 pre: x") is False
    assert blocks(Rule(Directive.MODULE_BLACKLIST, "esp4", "", "", "")) is True


def test_obstacles() -> None:
    found = parse(
        "options esp4 x=1\n"
        "install esp6 modprobe -i esp6\n"
        "install esp* /bin/false\n"
        "install esp4 /bin/true\n"
        "blacklist aesni-intel\n"
        "alias crypto-seqiv off\n"
        "alias crypto-gcm other\n"
        "install gcm /sbin/decide\n"
        "blacklist gcm\n",
        "x",
    )

    def lines(name: str) -> list[int]:
        return [int(rule.where.partition(":")[2]) for rule in about([name], found, None)[name].all]

    # the first one counts; with it alone away, the next one would
    assert lines("esp4") == [3, 4]
    # the first install line for a module counts, and this one loads it
    assert lines("esp6") == []
    assert lines("aesni_intel") == [5]
    assert lines("crypto-seqiv") == [6]
    assert lines("crypto-gcm") == []
    # what a command does only a run would tell; to lift one of the two alone changes nothing
    assert lines("gcm") == [9, 8]
    assert lines("ccm") == []


def test_the_next_install_line_is_named_too_where_the_first_one_blocks() -> None:
    text = "install esp4 /bin/false\ninstall esp4 /bin/true\ninstall esp4 modprobe -i esp4\n"
    assert [rule.command for rule in about(["esp4"], parse(text, "x"), None)["esp4"].against] == [
        "/bin/false",
        "/bin/true",
    ]
    text = "install esp4 modprobe -i esp4\ninstall esp4 /bin/false\n"
    assert about(["esp4"], parse(text, "x"), None)["esp4"].against == ()


_WORDS = st.sampled_from(
    ["install", "blacklist", "alias", "options", "softdep", "remove", "esp4", "a-b", "x[-]", "[",
     "]", "/bin/false", "modprobe", "-i", "pre:", "post:", "#", "\\", "\\\n", "\n", "\n", " ", " ",
     "\t", "\r", '"', "'", ";", "&&", "\v", "="]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(_WORDS, max_size=60).map("".join)))
def test_garbage(text: str) -> None:
    for rule in parse(text, "x") + parse_cmdline(text):
        blocks(rule)
        applies(rule, "esp4")
        assert rule.name


@pytest.mark.parametrize(
    "part", ["0", "i", "<", "-", "[]", "[", "*", "\\", "\\\n", " ", "#", ";", '"', "a ", "a[?]*"]
)
def test_length_costs_no_more_than_it_must(part: str) -> None:
    """A megabyte made of anything is read in seconds, not hours."""
    long = part * ((1 << 20) // len(part))
    for text in (
        long,
        f"install esp4 {long}",
        f"install esp4 modprobe -{long}!",
        f"alias {long} x",
    ):
        for rule in parse(text, "x") + parse_cmdline(text[: 1 << 16]):
            blocks(rule)
            applies(rule, "esp4")


# A user's PATH may not have it.
MODPROBE = shutil.which("modprobe", path=f"{os.environ['PATH']}:/sbin") or "modprobe"


def showconfig(directory: Path, text: str) -> list[tuple[str, ...]]:
    """What libkmod makes of a configuration file."""
    (directory / "modprobe.d").mkdir(exist_ok=True)
    (directory / "modprobe.d/a.conf").write_text(text)
    (directory / "lib/modules/1.0").mkdir(parents=True, exist_ok=True)
    for index in ("dep", "alias", "symbols", "builtin"):
        (directory / f"lib/modules/1.0/modules.{index}").touch()
    shown = subprocess.run(
        [MODPROBE, "-C", directory / "modprobe.d", "-d", directory, "-S", "1.0", "-c"],
        capture_output=True,
        check=False,
    )
    found = [
        tuple(word.strip(" \t") for word in line.split(" ", 2))
        for line in shown.stdout.decode().split("\n")
        if line.startswith(("install ", "blacklist ", "alias "))
    ]
    return sorted(found)


class TestAgainstLibkmod:
    def ours(self, text: str) -> list[tuple[str, ...]]:
        wanted = (Directive.INSTALL, Directive.BLACKLIST, Directive.ALIAS)
        return sorted(
            (r.directive.value, r.name)
            + (() if r.directive is Directive.BLACKLIST else (r.command,))
            for r in parse(text, "x")
            if r.directive in wanted
        )

    def test_sample(self, tmp_path: Path) -> None:
        ours = self.ours(SAMPLE)
        assert len(ours) == 8
        assert [rule for rule in showconfig(tmp_path, SAMPLE) if "kernel" not in rule] == ours

    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        text=st.lists(
            st.sampled_from(
                ["install ", "blacklist ", "alias ", "esp4", "a-b", "x[-a]", "y[", " ", "\t", "\n",
                 "\n", "\n", "#", "\\", "\\\n", "/bin/false", "off", ";"]
            ),
            max_size=40,
        ).map("".join)
    )  # fmt: skip
    def test_anything(self, tmp_path: Path, text: str) -> None:
        # a backslash at the very end becomes a byte 0xff there
        text += "\n\n"
        assert showconfig(tmp_path, text) == self.ours(text)
