# SPDX-License-Identifier: GPL-3.0-or-later
"""A stray `include /etc/ipsec.d/*`, a password in an install line: no output quotes what was not
understood.

A canary stands wherever a secret may, and is looked for in all that is said and written.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.commands import engine, oci_hook
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.machine import oci_state
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.manifest import formats as manifests
from modprobe_ipsec.report import formats
from tests.commands.bundle import make, state
from tests.hosts import tree

CANARY = "hunter2canary"

# What lies beside a configuration, and is included by mistake.
SECRETS = f"""\
@east @west : PSK "{CANARY}"
: RSA {{
\t# RSA 2048 bits
\tPrivateExponent: 0x{CANARY}
\tModulus={CANARY}
\t}}
user : XAUTH "{CANARY}"
"""
SHADOW = f"root:$y$j9T${CANARY}:19000:0:99999:7:::\nconn:{CANARY}=\n"
KEY = f"-----BEGIN PRIVATE KEY-----\n{CANARY}AAA==\n {CANARY}\n{CANARY}=\n-----END-----\n"

# Lines with something that no daemon understands.
LINES = (
    CANARY,
    f"  {CANARY}",
    f"{CANARY} = 1",
    f"  {CANARY}=1",
    f"  pfs={CANARY}",
    f"  type={CANARY}",
    f"  auto={CANARY}",
    f"  authby={CANARY}",
    f"  leftxauthusername={CANARY}",
    f'  leftid="{CANARY}',
    f"  also={CANARY}",
    f"  esp={CANARY}",
    f"  esp=aes128-{CANARY}",
    f"  esp=aes128-sha1-ke1_{CANARY}",
    f"  ah={CANARY}",
    f"  ike={CANARY}",
    f"  ike=aes128-{CANARY}",
    f"  replay-window={CANARY}",
    f"  salifetime=5{CANARY}",
    f"  ipsec-interface={CANARY}",
    f"  vti-interface={CANARY}\n  mark=5",
    f"  sec-label={CANARY}",
    f"  encapsulation={CANARY}",
    f"  rightsubnets={CANARY} {CANARY}",
    f"  esp=aes {CANARY}",
    f"  esp=aes #{CANARY}",
    f"  esp=aes\n  esp={CANARY}",
    f"  leftupdown={CANARY}\n  leftupdown=x{CANARY}",
    f"include /etc/{CANARY}",
    f'include "/etc/{CANARY}',
    f"include /etc/{CANARY}*/x[",
    f"config {CANARY}",
    f"config setup\n  listen-tcp={CANARY}\n  {CANARY}=1",
    f"version {CANARY} {CANARY}",
    f"ca {CANARY}",
    f"  x-{CANARY}",
    f"#{CANARY}",
)
CHILD = "connections { gw { %s\n children { net { %s } } } }\n"
SWANCTL = (
    CANARY,
    f"{CANARY} {{",
    f"{CANARY} : {CANARY} {{ }}",
    f"a : {CANARY}",
    f'"{CANARY}"',
    f'a = "{CANARY}',
    f"include {CANARY}",
    f"include /etc/{CANARY}*/[",
    f"secrets {{ ike {{ secret = {CANARY} }} }}",
    *(CHILD % (f"{key} = {CANARY}", "") for key in ("version", "local_addrs", "vips", "proposals")),
    *(CHILD % ("", f"{key} = {CANARY}") for key in ("mode", "esp_proposals", "local_ts", "reqid")),
    *(CHILD % ("", f"{key} = {CANARY}") for key in ("hw_offload", "updown", "label", "if_id_in")),
    CHILD % (f"{CANARY} = 1", ""),
    CHILD % (f"{CANARY} {{ }}", ""),
    CHILD % (f"local {{ {CANARY} = 1 }}", ""),
    CHILD % (f"local {{ auth = bliss{CANARY} }}", ""),
    CHILD % ("proposals = aes128-sha1-ke1_mlkem768", f"esp_proposals = aes128-ke1_{CANARY}"),
)
STRONGSWAN = (
    f"charon {{ plugins {{ sql {{ load = yes\n database = mysql://me:{CANARY}@db/x }} }} }}",
    f"charon {{ plugins {{ sql {{ load = yes\n database = {CANARY}://x }} }} }}",
    f"charon {{ load = {CANARY}\n plugins {{ {CANARY} {{ load = yes }} }} }}",
    f"charon {{ plugins {{ ha {{ load = yes\n secret = {CANARY}\n local = 1.1.1.1\n"
    "remote = 1.1.1.2 } } }",
    f"charon : {CANARY} {{ }}",
    CANARY,
)
MODPROBE = f"""\
{CANARY}
install esp4 /usr/bin/curl -u me:{CANARY} https://example.org
install esp6 /bin/false {CANARY}
install gcm /bin/sh -c 'echo {CANARY}; /sbin/modprobe --ignore-install gcm'
install seqiv /opt/{CANARY}/false
install ctr /bin/false \\
 {CANARY}
options ipv6 disable=1 token={CANARY}
options esp4 token={CANARY}
blacklist xfrm_user {CANARY}
# {CANARY}
# commented out \\
install ghash_generic {CANARY}
"""


IKED = (
    CANARY,
    f'ikev2 "{CANARY}',
    f"ikev2 esp from {CANARY} to any",
    f"ikev2 esp from any to any peer {CANARY}",
    f"ikev2 esp from any to any childsa enc {CANARY}",
    f"ikev2 esp from any to any port {CANARY}",
    f"ikev2 esp from any to any lifetime {CANARY}",
    f"ikev2 esp proto {CANARY} from any to any",
    f"ikev2 esp from any to any tap {CANARY}",
    f'ikev2 esp from any to any psk "{CANARY}" {CANARY}',
    f"ikev2 esp from any to any psk 0x{CANARY}",
    f'user "a" "{CANARY}" {CANARY}',
    f'user "{CANARY * 9}" "x"',
    f"set {CANARY}",
    f"{CANARY} = ",
    f"ikev2 $ {CANARY}",
    f"ikev2 ${CANARY}",
    f'include "/etc/{CANARY}"',
    f"include {CANARY}",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tree.assemble("booted-6.12", tmp_path / "host")


def put(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def installed(root: Path, daemon: str) -> None:
    """A daemon's program; of a release that somebody has put a secret into."""
    program = {
        "libreswan": "usr/libexec/ipsec/pluto",
        "strongswan": "usr/sbin/charon-systemd",
        "starter": "usr/lib/ipsec/starter",
    }[daemon]
    package = "libreswan" if daemon == "libreswan" else "strongswan"
    text = f"Package: {package}\nStatus: install ok installed\nVersion: {CANARY}\n\n"
    put(root, {program: "", "var/lib/dpkg/status": text})


def ways(root: Path) -> Iterator[list[str]]:
    """All that can be asked of a tree, and how it is said."""
    for name in formats.names():
        yield ["--check", "--format", name]
    yield ["--check", "-v", "-v"]
    yield ["--dry-run"]
    for name in manifests.names():
        yield ["--manifest", name]
    yield ["--record", str(root.parent / "record")]
    yield ["--manifest", "systemd", "--output", str(root.parent / "output")]


def listen(root: Path, capsys: pytest.CaptureFixture[str], *more: str, all_ways: bool) -> None:
    """See that nothing says the canary."""
    few = (["--check", "-v", "-v"], ["--check", "--format", "json"])
    for arguments in ways(root) if all_ways else few:
        main([*arguments, "--root", str(root), *more])
        said = capsys.readouterr()
        assert CANARY not in said.out, arguments
        assert CANARY not in said.err, arguments
    for place in ("record", "output"):
        for path in (root.parent / place).rglob("*"):
            assert CANARY not in path.name
            assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_what_is_included_by_mistake(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    around = {"etc/ipsec.d/a": SECRETS, "etc/ipsec.d/b": SHADOW, "etc/ipsec.d/c": KEY}
    put(root, {**around, "etc/ipsec.conf": "include /etc/ipsec.d/*\n"})
    installed(root, "libreswan")
    listen(root, capsys, all_ways=True)


@pytest.mark.parametrize("text", [SECRETS, SHADOW, KEY], ids=["secrets", "shadow", "key"])
@pytest.mark.parametrize("daemon", ["libreswan", "starter", "strongswan"])
def test_each_daemon(
    root: Path, daemon: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = "etc/swanctl/swanctl.conf" if daemon == "strongswan" else "etc/ipsec.conf"
    put(root, {conf: "include secret\ninclude /etc/secret\n", "etc/secret": text})
    put(root, {"etc/swanctl/secret": text, "secret": text})
    installed(root, daemon)
    listen(root, capsys, all_ways=False)


@pytest.mark.parametrize("daemon", ["libreswan", "starter"])
def test_lines_of_ipsec_conf(root: Path, daemon: str, capsys: pytest.CaptureFixture[str]) -> None:
    installed(root, daemon)
    for line in LINES:
        text = f"conn a\n  left=192.0.2.1\n  right=192.0.2.2\n  auto=start\n{line}\n"
        put(root, {"etc/ipsec.conf": text})
        listen(root, capsys, all_ways=False)


def test_who_reads_it_is_unclear(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("libreswan", "starter"):
        installed(root, name)
    text = f"conn a\n  leftid={CANARY}\n  x-{CANARY}=1\n  ikev2=insist\n  closeaction=none\n"
    put(root, {"etc/ipsec.conf": text})
    listen(root, capsys, all_ways=False)


def test_statements_of_swanctl_conf(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installed(root, "strongswan")
    for text in SWANCTL:
        put(root, {"etc/swanctl/swanctl.conf": text})
        listen(root, capsys, all_ways=False)
    put(root, {"etc/swanctl/swanctl.conf": CHILD % ("", "")})
    for text in STRONGSWAN:
        put(root, {"etc/strongswan.conf": text})
        listen(root, capsys, all_ways=False)


def test_lines_of_iked_conf(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, {"usr/sbin/iked": ""})
    for line in (*IKED, SECRETS, SHADOW, KEY):
        put(root, {"etc/iked.conf": f"{line}\n"})
        listen(root, capsys, all_ways=False)


# What other programs keep beside their keys, in places that are looked at and in some that are not.
PROFILE = (
    f"[connection]\nid=a\nuuid={CANARY}\n[vpn]\nipsec-enabled=yes\nipsec-psk={CANARY}\n"
    f"ipsec-esp={CANARY}\ngateway={CANARY}\n{CANARY}={CANARY}\n"
    "service-type=org.freedesktop.NetworkManager.l2tp\n"
)
STATE = "ip xfrm state add src {0} dst {0} proto esp spi 1 enc {1} {0} auth {0} {0}\n"
SETKEY = 'add 192.0.2.1 192.0.2.2 esp 1 -E {1} "{0}" -A {0} {0};\n'
CILIUM = "1 {1} {0} 128\n"


def test_files_of_other_programs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installed(root, "starter")
    put(root, {"usr/lib/NetworkManager/nm-l2tp-service": "", "usr/sbin/setkey": ""})
    put(root, {"etc/NetworkManager/system-connections/a": PROFILE})
    for name in ("rijndael-cbc", CANARY):
        put(root, {"etc/ipsec-tools.conf": SETKEY.format(CANARY, name)})
        listen(root, capsys, all_ways=False)
    for form, names in ((STATE, ("'cbc(aes)'", CANARY)), (CILIUM, ("rfc4106(gcm(aes))",))):
        for name in names:
            put(root, {"x": form.format(CANARY, name)})
            listen(root, capsys, "--config", "/x", all_ways=False)


def test_lines_of_modprobe_d(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, {"etc/modprobe.d/x.conf": MODPROBE})
    (root / "proc").mkdir(exist_ok=True)
    put(
        root, {"proc/cmdline": f"root=/dev/x password={CANARY} modprobe.blacklist=esp4 -- {CANARY}"}
    )
    listen(root, capsys, "--esp", "aes128gcm16-noesn", "--daemon", "strongswan", all_ways=True)


def test_a_record_says_the_same(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written is made of the rules, so that no line means something else than before."""
    put(root, {"etc/modprobe.d/x.conf": MODPROBE})
    asked = ["--esp", "aes128gcm16", "--daemon", "strongswan", "-4"]
    code = main(["--check", "--root", str(root), *asked])
    before = capsys.readouterr().out
    main(["--record", str(root.parent / "record"), "--root", str(root), *asked])
    capsys.readouterr()
    assert main(["--check", "--root", str(root.parent / "record")]) == code
    after = capsys.readouterr().out
    assert "blocked by /etc/modprobe.d/x.conf:10: blacklist xfrm_user" in before, before
    # a command that does nothing stands for another one
    assert after.replace("seqiv /bin/false", "seqiv ...") == before


def test_a_plan(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--manifest", "yaml", "--root", str(root), "--esp", "aes128gcm16", "--ipcomp"])
    plan = capsys.readouterr().out
    lines = plan.splitlines()
    for number, line in enumerate(lines):
        key, colon, value = line.partition(": ")
        for twisted in (
            f"{key}: {CANARY}",
            f"{key}: [{CANARY}]",
            f"{key}: !{CANARY} x",
            f'{key}: "{CANARY}',
            f"{CANARY}{colon}{value}",
            f"{line}\n{' ' * (len(key) - len(key.lstrip()))}{CANARY}: 1",
        ):
            text = "\n".join([*lines[:number], twisted, *lines[number + 1 :]])
            if "text:" in line or "why:" in line or "remedy:" in line or "where:" in line:
                # sentences, which are shown
                continue
            put(root, {"needs.yaml": text, "question.json": "{}"})
            code = main(["--check", "--root", str(root)])
            said = capsys.readouterr()
            assert CANARY not in said.out + said.err or code < 4, twisted


@pytest.mark.parametrize(
    "question",
    [
        CANARY,
        f'{{"arguments": ["--{CANARY}"]}}',
        f'{{"arguments": ["{CANARY}"]}}',
        f'{{"arguments": ["--esp", "{CANARY}"]}}',
        f'{{"arguments": ["--daemon", "{CANARY}"]}}',
        f'{{"{CANARY}": "{CANARY}"}}',
    ],
)
def test_a_question(root: Path, question: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, {"question.json": question})
    listen(root, capsys, all_ways=False)


def test_a_hook(tmp_path: Path, root: Path) -> None:
    """A container's state, its bundle and its files."""
    catalog, facts = engine.catalog(), gather(Host(str(root)))
    bundle = make(tmp_path / "bundle")
    good = state(bundle)
    texts = [json.dumps({**good, key: CANARY}) for key in good]
    texts += [CANARY, json.dumps({**good, CANARY: CANARY}), json.dumps(good)[:-9] + CANARY]
    for line in LINES:
        texts.append(json.dumps(good))
        config = f"conn a\n  left=%any\n  right=192.0.2.2\n  auto=start\n{line}\n"
        (bundle / "rootfs/etc/ipsec.conf").write_text(config)
        for text in texts:
            try:
                demand = oci_hook.wanted_by(oci_state.parse_state(text.encode()), facts, catalog)
            except Error as error:
                said = f"{error.message} {error.hint}"
            else:
                said = " ".join(problem.text for problem in demand.problems)
                said += " ".join(str(need.sources) for need in demand.needs)
            if f'"bundle": "{CANARY}"' not in text:
                assert CANARY not in said, (line, text)
        texts.clear()
