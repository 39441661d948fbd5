# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are no IKE daemons: what each asks for."""

from pathlib import Path

import pytest

from modprobe_ipsec.daemons import others
from modprobe_ipsec.daemons.installed import Installed
from modprobe_ipsec.daemons.registry import DAEMONS
from tests.daemons.common import CATALOG

from .common import NOBODY, PLUTO, STARTER, asked, file, host, problems

NETWORKD, L2TP, OVS = "systemd-networkd", "network-manager-l2tp", "openvswitch-ipsec"
REPOSITORY = Path(__file__).parents[3]


def test_a_row_each_and_a_reader_for_those_that_ask() -> None:
    ask = {name for name, program in CATALOG.others.items() if not program.nothing}
    assert ask == set(others.names())
    for program in CATALOG.others.values():
        assert program.writes.keys() <= DAEMONS.keys()
        assert all(path.startswith("/") for path in (*program.programs, *program.files))


def test_the_unit_comes_before_those_that_start_daemons_themselves() -> None:
    lines = (REPOSITORY / "systemd/modprobe-ipsec.service").read_text().splitlines()
    (before,) = (line for line in lines if line.startswith("Before="))
    units = {unit for program in CATALOG.others.values() for unit in program.units}
    assert units and units <= set(before.removeprefix("Before=").split())


@pytest.mark.parametrize(
    ("files", "needs"),
    [
        ({"a": "[NetDev]\nName=x\nKind=xfrm\n"}, ["xfrm_interface"]),
        ({"a": "[NetDev]\nName=x\nKind=vti\n"}, ["ip_vti IPv4"]),
        ({"a": "[NetDev]\nName=x\nKind=\\\n# said\nvti6\n"}, ["ip_vti IPv6"]),
        ({"a": "[NetDev]\nKind=xfrm\n"}, []),
        ({"a": "[NetDev]\nName=x\nKind=bridge\nKind=xfrm\n"}, []),
        ({"a": "[Match]\nKind=xfrm\n[NetDev]\nName=x\nKind=wireguard\n"}, []),
    ],
)
def test_netdevs(files: dict[str, str], needs: list[str]) -> None:
    paths = {f"/etc/systemd/network/{name}.netdev": text for name, text in files.items()}
    assert asked(host(NETWORKD, paths)) == needs
    # one that has none is not worth a word
    assert bool(host(NETWORKD, paths).others) == bool(needs)


PROFILE = (
    "[connection]\nid=The office\ntype=vpn\n[vpn]\ngateway=192.0.2.7\n{}"
    "service-type=org.freedesktop.NetworkManager.l2tp\n"
)
PLACE = "/etc/NetworkManager/system-connections/x.nmconnection"


def profile(*lines: str) -> dict[str, str]:
    return {PLACE: PROFILE.format("".join(f"{line}\n" for line in lines))}


def test_l2tp_without_ipsec_asks_for_l2tp_alone() -> None:
    assert asked(host(L2TP, profile(), STARTER)) == ["l2tp_ppp"]


@pytest.mark.parametrize("installed", [STARTER, PLUTO], ids=["starter", "pluto"])
def test_l2tp_takes_its_own_old_proposals_for_ikev1(installed: Installed) -> None:
    reading = host(L2TP, profile("ipsec-enabled=yes"), installed)
    of_profile = {
        need.label
        for need in reading.needs
        if any(source.where == f"{PLACE} profile The-office" for source in need.sources)
    }
    # a peer that has no transport mode gets a tunnel from charon
    assert {label for label in of_profile if "transport" in label} == {
        "ESP IPv4 transport AES_CBC_256 HMAC_SHA1_96",
        "ESP IPv4 transport AES_CBC_128 HMAC_SHA1_96",
        "ESP IPv4 transport 3DES HMAC_SHA1_96",
    }
    assert "l2tp_ppp" in asked(reading) and not problems(reading)


def test_l2tp_with_a_libreswan_that_drops_ikev1() -> None:
    new = PLUTO._replace(releases={"libreswan": (5, 2)})
    reading = host(L2TP, profile("ipsec-enabled=yes"), new)
    assert [silent.conn for silent in reading.silent] == ["The-office"]


def test_l2tp_with_a_proposal_of_the_profile() -> None:
    words = ("ipsec-enabled=yes", "ipsec-ikev2=yes", "ipsec-esp=aes128gcm16!", "ipsec-ipcomp=yes")
    needs = asked(host(L2TP, profile(*words), STARTER))
    assert {need for need in needs if need.startswith("ESP IPv4 transport")} == {
        "ESP IPv4 transport AES_GCM_16_128"
    }
    assert any(need.startswith("IPComp") for need in needs)


def test_l2tp_without_a_daemon() -> None:
    assert problems(host(L2TP, profile("ipsec-enabled=yes"))) == [
        f"{PLACE}: writes ipsec.conf, and no daemon that reads one is found here"
    ]


@pytest.mark.parametrize("installed", [STARTER, PLUTO], ids=["starter", "pluto"])
def test_tunnels_of_open_vswitch_that_come_later(installed: Installed) -> None:
    needs = asked(host(OVS, {}, installed))
    for family in ("IPv4", "IPv6"):
        assert f"ESP {family} transport AES_GCM_16_256" in needs


def test_open_vswitch_without_the_program_that_it_drives() -> None:
    reading = host(OVS, {}, Installed(frozenset(("/usr/sbin/swanctl",))))
    assert not reading.needs and [problem.unread for problem in reading.problems] == [True]


VOLUMES = "/var/lib/kubelet/pods/1/volumes"
SWITCH = f"{VOLUMES}/kubernetes.io~empty-dir/tmp/cilium/config-map/enable-ipsec"
KEYS = f"{VOLUMES}/kubernetes.io~secret/cilium-ipsec-secrets/keys"


@pytest.mark.parametrize(
    ("files", "needs", "unread"),
    [
        ({}, [], True),
        ({SWITCH: "false"}, [], False),
        ({SWITCH: "true"}, [], True),
        (
            {SWITCH: "true", KEYS: f"3+ rfc4106(gcm(aes)) {'0' * 40} 128\n"},
            ["ESP IPv4 AES_GCM_16_128 ESN", "ESP IPv6 AES_GCM_16_128 ESN"],
            False,
        ),
        (
            {KEYS: f"1 hmac(sha256) 0x{'0' * 64} cbc(aes) 0x{'0' * 64}\n"},
            [
                "ESP IPv4 AES_CBC_256 HMAC_SHA2_256_96 ESN",
                "ESP IPv6 AES_CBC_256 HMAC_SHA2_256_96 ESN",
            ],
            False,
        ),
    ],
    ids=["nothing yet", "off", "no keys", "gcm", "cbc"],
)
def test_cilium(files: dict[str, str], needs: list[str], unread: bool) -> None:
    reading = host("cilium", files)
    assert asked(reading) == needs
    assert any(problem.unread for problem in reading.problems) == unread


SETKEY = "add 192.0.2.1 192.0.2.2 {} 0x201 {} ;\n"
KEY = "0x" + "0" * 32


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        (
            SETKEY.format("esp", f"-m tunnel\n-E rijndael-cbc {KEY} # a\n-A hmac-sha1 {KEY}"),
            ["ESP IPv4 AES_CBC_128 HMAC_SHA1_96 by PF_KEY"],
        ),
        (
            SETKEY.format("ah", '-A hmac-sha256 "a; b # c"'),
            ["AH IPv4 transport HMAC_SHA2_256_96 by PF_KEY"],
        ),
        (
            SETKEY.format("esp", f"-E aes-ctr {KEY}00000000"),
            ["ESP IPv4 transport AES_CTR_128 by PF_KEY"],
        ),
        (SETKEY.format("ipcomp", "-C deflate"), ["IPComp IPv4 transport DEFLATE by PF_KEY"]),
        ("spdadd ::1 ::2 any -P out none;\n", []),
    ],
)
def test_setkey(text: str, needs: list[str]) -> None:
    assert asked(file(text)) == [*needs, "af_key"]
    assert not problems(file(text))


def test_racoon_is_named_and_not_read() -> None:
    reading = host("ipsec-tools", {"/etc/racoon/racoon.conf": "remote anonymous {}\n"})
    assert asked(reading) == ["af_key"] and [p.unread for p in reading.problems] == [True]


STATE = "ip xfrm state add src 192.0.2.1 dst {} proto {} spi 1 {}\n"


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        (
            STATE.format("192.0.2.2", "esp", f"aead 'rfc4106(gcm(aes))' {KEY}00000000 96"),
            ["ESP IPv4 transport AES_GCM_12_128"],
        ),
        (
            STATE.format("2001:db8::2", "esp", f"mode tunnel enc aes {KEY} auth sha1 {KEY}"),
            ["ESP IPv6 AES_CBC_128 HMAC_SHA1_96"],
        ),
        (
            STATE.format("$THERE", "ah", f"auth-trunc 'hmac(sha256)' {KEY} 128"),
            ["AH IPv4 transport HMAC_SHA2_256_128", "AH IPv6 transport HMAC_SHA2_256_128"],
        ),
        (
            STATE.format("192.0.2.2", "esp", f"enc 'ecb(cipher_null)' '' auth 'hmac(md5)' {KEY}")
            + "# ip xfrm state add nothing\necho xfrm state\n",
            ["ESP IPv4 transport NULL HMAC_MD5_96"],
        ),
        # `ip -batch`, an SA that is offloaded, and two in a line
        (
            f"xfrm state add dst 192.0.2.2 proto esp enc 'cbc(aes)' {KEY} auth 'hmac(sha1)' {KEY} "
            "offload packet dev eth0 dir out\n",
            ["ESP IPv4 transport AES_CBC_128 HMAC_SHA1_96", "packet_offload IPv4"],
        ),
        (
            f"/sbin/ip -n a x s a dst 192.0.2.2 proto comp comp deflate ; true\n"
            f"ip xfrm s add dst ::2 proto 51 auth 'xcbc(aes)' {KEY} && ip xfrm state\n",
            ["AH IPv6 transport AES_XCBC_96"],
        ),
    ],
)
def test_ip_xfrm(text: str, needs: list[str]) -> None:
    assert asked(file(text)) == needs
    assert not problems(file(text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (STATE.format("a", "esp", "enc 'cbc(x)' SECRET"), "an algorithm that is not known here"),
        (STATE.format("a", "esp", "enc 'cbc(aes)' SECRET"), "`cbc(aes)` with a key of 48 bits"),
        (STATE.format("a", "esp", f"auth 'hmac(sha1)' {KEY}"), "algorithms that make no SA"),
        (SETKEY.format("esp", "-E rijndael-cbc SECRET"), "`rijndael-cbc` with a key of 48 bits"),
        (SETKEY.format("esp", "-E x SECRET"), "an algorithm that is not known here"),
        ("1 rfc4106(gcm(aes)) SECRET 128\n", "`rfc4106(gcm(aes))` with a key of"),
    ],
)
def test_what_is_wrong_is_named_and_no_key_is_quoted(text: str, problem: str) -> None:
    (said,) = problems(file(text))
    assert problem in said and "SECRET" not in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "conn a\n\tleft=%any\n\t# ip xfrm state add\n",
        "# add and spdadd\nconn a\n",
        'ikev2 "a" esp from 10.1.0.0/16 to 10.2.0.0/16 childsa enc aes-128\n',
        "connections {\n a { children { b { esp_proposals = aes128 } } }\n}\n",
    ],
)
def test_configurations_of_daemons_are_none_of_theirs(text: str) -> None:
    assert file(text) is None


def test_nothing_is_all_that_some_ask_for() -> None:
    for name, program in CATALOG.others.items():
        if program.nothing:
            reading = host(name, {}, NOBODY)
            assert asked(reading) == list(program.asks) and not reading.needs
            assert [other.asks for other in reading.others] == [False]
