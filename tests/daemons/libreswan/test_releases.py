# SPDX-License-Identifier: GPL-3.0-or-later
"""What one release reads in another way than the next: types, defaults, refused files, words."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons import installed
from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.libreswan.proposals import read as read_proposals
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.reading import Reading
from tests.daemons.common import CATALOG, labels

from .common import CONF, read

OFFICE = (
    "conn office\n\tauto=add\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tesp=aes128-sha1\n\tesn=no\n"
)
SUITE = "ESP IPv4 AES_CBC_128 HMAC_SHA1_96"
DPKG, OLD = "var/lib/dpkg/status", "Package: libreswan\nVersion: 4.10-2+deb12u1\n"
RELEASES = [(4, 1), (4, 10), (4, 15), (5, 0), (5, 2), (5, 3), (5, 3, 1), (5, 4)]


def asked(reading: Reading) -> list[str]:
    """The needs of connections, without those of the start-up probe."""
    return [n.label for n in reading.needs if any("conn" in s.where for s in n.sources)]


def refused(reading: Reading) -> bool:
    return any(problem.refuses for problem in reading.problems)


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize(
    "line", ["dpddelay=30", "dpdtimeout=120", "ikelifetime=8h", "salifetime=3600", "keylife=1h"]
)
def test_a_time_is_one_in_every_release(version: tuple[int, ...], line: str) -> None:
    reading = read(f"{OFFICE}\t{line}\n", version=version)
    assert (asked(reading), reading.problems) == ([SUITE], ())


@pytest.mark.parametrize("line", ["modecfgbanner=7", "leftcert=5", "leftca=123"])
def test_digits_are_no_text_to_4(line: str) -> None:
    assert asked(read(f"{OFFICE}\t{line}\n", version=(4, 10))) == []
    assert asked(read(f"{OFFICE}\t{line}\n", version=(5, 2))) == [SUITE]
    quoted = line.replace("=", '="') + '"'
    assert asked(read(f"{OFFICE}\t{quoted}\n", version=(4, 10))) == [SUITE]


REFUSED = [
    # line of the conn, of config setup, releases that refuse it, releases that take it
    ("keyexchange=ikev2", "", [(4, 1), (4, 10), (4, 15)], [(5, 0), (5, 2), (5, 4)]),
    ("leftauth=esp", "", [(4, 10)], [(5, 0), (5, 2)]),
    ("clones=2", "", [(4, 10), (5, 2), (5, 3)], [(5, 4)]),
    ("forceencaps=yes", "", [(5, 0), (5, 4)], [(4, 1), (4, 10)]),
    ("rekeyfuzz=100", "", [(4, 10)], [(5, 2)]),
    ("pfs=TRUE", "", [(4, 10)], [(5, 0), (5, 4)]),
    ("share-lease=yes", "", [(4, 10), (5, 2)], [(5, 3), (5, 4)]),
    ("send-supported-auth-methods=yes", "", [(5, 3)], [(5, 4)]),
    ("leftupdown-config=exec", "", [(5, 3)], [(5, 4)]),
    ("cisco-split=yes", "", [(5, 2)], [(5, 3)]),
    ("left-subnet=10.0.0.0/8", "", [(4, 10)], [(5, 0), (5, 4)]),
    ("", "nat_traversal=yes", RELEASES, []),
    ("", "oe=off", RELEASES, []),
    ("", "keep_alive=20", RELEASES, []),
    ("", "force_keepalive=yes", RELEASES, []),
    ("", "crl-timeout=5s", [(4, 10), (5, 2)], [(5, 3), (5, 4)]),
    ("", "loglimit=no", [(5, 3)], [(5, 4)]),
    ("", "listen-tcp=maybe", [(4, 10), (5, 3), (5, 4)], [(5, 0), (5, 2)]),
    ("", "plutodebug=control", [(4, 10)], [(5, 2), (5, 4)]),
]


@pytest.mark.parametrize(("conn", "setup", "by", "taken"), REFUSED)
def test_a_file_that_is_refused_whole(
    conn: str, setup: str, by: Iterable[tuple[int, ...]], taken: Iterable[tuple[int, ...]]
) -> None:
    text = (
        (f"config setup\n\t{setup}\n" if setup else "") + OFFICE + (f"\t{conn}\n" if conn else "")
    )
    assert [refused(read(text, version=v, vendor="debian")) for v in by] == [True for _ in by]
    assert [refused(read(text, version=v, vendor="debian")) for v in taken] == [
        False for _ in taken
    ]


def test_seccomp_is_an_option_of_some_builds() -> None:
    text = f"config setup\n\tseccomp=enabled\n{OFFICE}"
    assert refused(read(text, version=(4, 10), vendor="debian"))
    assert not refused(read(text, version=(4, 12), vendor="rhel8"))
    assert not refused(read(text, version=(5, 4), vendor="debian"))


@pytest.mark.parametrize(
    ("files", "vendor"),
    [
        ({"etc/os-release": "ID=debian\n"}, "debian"),
        ({"etc/os-release": "ID=linuxmint\nID_LIKE=ubuntu\n"}, "ubuntu"),
        ({"etc/os-release": 'ID="almalinux"\nID_LIKE="rhel fedora"\nVERSION_ID="9.4"\n'}, "rhel9"),
        ({"usr/lib/os-release": 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="8.10"\n'}, "rhel8"),
        ({"var/lib/dpkg/status": "Package: libreswan\nVersion: 4.10-2+deb12u1\n"}, "debian"),
        ({"usr/local/libexec/ipsec/pluto": "", "etc/os-release": "ID=debian\n"}, ""),
        ({}, ""),
    ],
)
def test_whose_build(tmp_path: Path, files: Mapping[str, str], vendor: str) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert installed.read(Host(str(tmp_path), "6.1")).vendor == vendor


@pytest.mark.parametrize("prefix", ["usr", "usr/local"])
def test_the_release_in_its_own_script(tmp_path: Path, prefix: str) -> None:
    for path, text in (
        (f"{prefix}/libexec/ipsec/pluto", ""),
        (f"{prefix}/sbin/ipsec", '#!/bin/sh\nexport IPSEC_VERSION="4.12"\n'),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert installed.read(Host(str(tmp_path), "6.1")).releases["libreswan"][:2] == (4, 12)


@pytest.mark.parametrize(
    ("files", "release"),
    [
        (
            {"usr/libexec/ipsec/pluto": "\0Libreswan %s\0Libreswan 3.0 - 3.5\0Libreswan 4.12\0"},
            (4, 12),
        ),
        ({"usr/local/libexec/ipsec/pluto": "\0Libreswan 5.4\0", DPKG: OLD}, (5, 4)),
        ({"usr/local/libexec/ipsec/pluto": "", DPKG: OLD}, None),
        ({"usr/libexec/ipsec/pluto": "\0Libreswan 5.4\0", DPKG: OLD}, (4, 10)),
        ({"usr/libexec/ipsec/pluto": "\0Libreswan 5.4\0Libreswan 5.3\0"}, None),
    ],
)
def test_who_tells_the_release(
    tmp_path: Path, files: Mapping[str, str], release: tuple[int, ...] | None
) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert installed.read(Host(str(tmp_path), "6.1")).releases.get("libreswan") == release


L2TP = OFFICE.replace("esn=no", "ikev2=no\n\ttype=transport")
ACCEPTED = "config setup\n\tikev1-policy=accept\n" + L2TP


@pytest.mark.parametrize(
    ("version", "vendor", "accepts"),
    [
        ((4, 10), "debian", False),
        ((4, 3), "debian", True),
        ((4, 14), "ubuntu", False),
        ((4, 12), "rhel8", True),
        ((4, 12), "rhel9", False),
        ((4, 4), "rhel9", True),
        ((4, 15), "", True),
        ((5, 0), "", False),
        ((5, 2), "fedora", False),
    ],
)
def test_who_drops_ikev1(version: tuple[int, ...], vendor: str, accepts: bool) -> None:
    transport = ["ESP IPv4 transport AES_CBC_128 HMAC_SHA1_96"]
    reading = read(L2TP, version=version, vendor=vendor)
    assert asked(reading) == (transport if accepts else [])
    assert bool(reading.silent) is not accepts
    assert asked(read(ACCEPTED, version=version, vendor=vendor)) == transport


@pytest.mark.parametrize(
    "line", ["rekeymargin=x", "rekeyfuzz=5", "narrowing=maybe", "nic-offload=auto"]
)
def test_a_wrong_value_costs_the_connection_in_5_4(line: str) -> None:
    assert asked(read(f"{OFFICE}\t{line}\n", version=(5, 4))) == []
    assert asked(read(f"{OFFICE}\t{line}\n", version=(5, 2))) == [SUITE]


@pytest.mark.parametrize(
    ("line", "by", "taken"),
    [
        ("authby=psk", [(4, 4), (4, 10), (5, 2), (5, 4)], []),
        ("authby=eddsa", [(4, 10), (5, 3)], [(5, 4)]),
        ('authby="rsasig, secret"', [(4, 7), (5, 4)], [(4, 6)]),
        ("narrowing=yes\n\tikev2=no", [(4, 10)], [(5, 2)]),
        ("authby=ecdsa\n\tikev2=no", [(4, 10), (5, 4)], []),
        ("aggressive=yes\n\tikev2=no", [(5, 0), (5, 4)], []),
        ("aggressive=yes\n\tikev2=no\n\tike=aes128-sha1;modp2048", [], [(4, 10), (5, 4)]),
        ("leftauth=secret", [(4, 10), (5, 4)], []),
        ("leftauth=secret\n\trightauth=secret", [], [(4, 10), (5, 4)]),
        (
            "leftaddresspool=10.1.0.1-10.1.0.9\n\trightaddresspool=10.2.0.1-10.2.0.9",
            [(4, 10), (5, 2)],
            [],
        ),
        ("leftnexthop=fd00::1", [(5, 4)], [(4, 10), (5, 2)]),
        ("leftsubnet=fd00::/64", [(4, 10), (5, 2)], []),
        ("leftsubnet=fd00::/64\n\trightsubnet=10.0.0.0/8", [(4, 10), (5, 2)], []),
        ("leftsubnet=fd00::/64\n\trightsubnet=fd01::/64", [], [(4, 10), (5, 2)]),
        ("leftmodecfgserver=yes\n\tleftmodecfgclient=yes", [(5, 2)], [(4, 10)]),
        ("leftcat=yes\n\trightcat=yes", [(5, 2)], [(4, 10)]),
    ],
)
def test_what_pluto_does_not_take(
    line: str, by: Iterable[tuple[int, ...]], taken: Iterable[tuple[int, ...]]
) -> None:
    text = f"config setup\n\tikev1-policy=accept\n{OFFICE}\t{line}\n"
    for version in by:
        reading = read(text, version=version)
        assert asked(reading) == []
        assert [problem.conn for problem in reading.problems] == ["office"]
    assert [asked(read(text, version=version)) for version in taken] == [[SUITE] for _ in taken]


def test_without_esp_an_ikev1_peer_decides_before_4_15() -> None:
    text = ACCEPTED.replace("\tesp=aes128-sha1\n", "")
    reading = read(text, version=(4, 14))
    (problem,) = reading.problems
    assert (problem.conn, problem.unread) == ("", False)
    assert "takes whatever algorithms an IKEv1 peer offers" in problem.text
    assert "ESP IPv4 transport AES_CBC_128 HMAC_SHA1_96" in asked(reading)
    assert read(text, version=(4, 15)).problems == ()
    assert read(text.replace("ikev2=no", "ikev2=yes"), version=(4, 14)).problems == ()
    assert read(ACCEPTED, version=(4, 14)).problems == ()


@pytest.mark.parametrize("version", [(4, 10), (5, 2)])
def test_an_opportunistic_connection_is_ikev2s(version: tuple[int, ...]) -> None:
    text = ACCEPTED.replace("192.0.2.2", "%opportunisticgroup")
    assert asked(read(text, version=version)) == []
    assert asked(read(text.replace("ikev2=no", "ikev2=yes"), version=version))


BASE = "conn base\n\tesp=aes256-sha1\n"


@pytest.mark.parametrize(
    ("version", "label"),
    [
        ((4, 10), SUITE),
        ((5, 0), ""),
        ((5, 2), ""),
        # line by line: also= stands before esp=
        ((5, 3), "ESP IPv4 AES_CBC_256 HMAC_SHA1_96"),
        ((5, 4), "ESP IPv4 AES_CBC_256 HMAC_SHA1_96"),
    ],
)
def test_two_values_by_also(version: tuple[int, ...], label: str) -> None:
    text = OFFICE.replace("\tleft=", "\talso=base\n\tleft=", 1) + BASE
    # its ends are its own, so that 5.2 cannot add it all the same
    from modprobe_ipsec.daemons.libreswan import needs

    from .common import BOTH, CONF, OPTIONS, Texts

    reading = needs.read(
        CONF,
        Texts({CONF: text}),
        CATALOG,
        families=BOTH,
        version=version,
        fips=False,
        options=OPTIONS,
    )
    assert asked(reading) == ([label] if label else [])


@pytest.mark.parametrize("version", [(4, 10), (5, 3), (5, 4)])
def test_also_that_names_nothing_costs_nothing(version: tuple[int, ...]) -> None:
    assert asked(read(f"{OFFICE}\talso=nowhere\n", version=version)) == [SUITE]


def test_an_unknown_release_is_none_in_particular() -> None:
    reading = read(OFFICE.replace("esp=aes128-sha1", "keyexchange=ikev1"), version=None)
    assert not refused(reading)
    (problem,) = reading.problems
    assert "release is not known" in problem.text
    # 4.4 and 4.15 take it for IKEv1 only as ikev2=no
    assert "libreswan 4.4 to 4.15 refuse it" in problem.text
    both = read(L2TP, version=None)
    assert asked(both) == ["ESP IPv4 transport AES_CBC_128 HMAC_SHA1_96"]
    assert any("asks for nothing in some" in problem.text for problem in both.problems)


STAT, ACQ_EXPIRES, NET = (
    "/proc/net/xfrm_stat",
    "/proc/sys/net/core/xfrm_acq_expires",
    "/proc/net/dev",
)


@pytest.mark.parametrize(
    ("version", "there", "starts"),
    [
        ((4, 10), (NET,), False),
        ((5, 2), (NET,), False),
        ((5, 2), (NET, STAT), True),
        ((4, 10), (NET, ACQ_EXPIRES), True),
        ((5, 3), (NET,), True),
        # an image: nothing of /proc tells
        ((4, 10), (), True),
    ],
)
def test_pluto_up_to_5_2_wants_one_of_two_files(
    version: tuple[int, ...], there: tuple[str, ...], starts: bool
) -> None:
    files = {CONF: OFFICE, **dict.fromkeys(there, "")}
    reading = read(files, version=version)
    assert refused(reading) is not starts
    assert asked(reading) == [SUITE]
    if not starts:
        problem = next(problem for problem in reading.problems if problem.refuses)
        assert f"{problem.place}: {problem.text}".startswith(
            f"{STAT}: not there, nor {ACQ_EXPIRES}"
        )
        assert "CONFIG_XFRM_STATISTICS" in problem.text


TYPED = [
    # protocol, IKE, text, what 5.4 makes of it
    ("esp", 2, "encrypt=aes128-sha1", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("esp", 2, "encrypt=aes128-sha1-modp2048", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("esp", 2, "encrypt=aes_gcm128-none", ["AES_GCM_16_128"]),
    ("esp", 2, "ke=modp2048;encrypt=aes128-sha1", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("esp", 2, "aes128;integ=sha1-modp2048", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("esp", 2, "encrypt=aes128;integ=sha1;modp2048", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("ah", 2, "integ=sha1-modp2048", ["HMAC_SHA1_96"]),
    ("ah", 2, "ke=dh19", ["HMAC_SHA2_512_256", "HMAC_SHA2_256_128"]),
    ("ah", 2, "sn=yes", ["HMAC_SHA2_512_256", "HMAC_SHA2_256_128"]),
    ("esp", 1, "aes128-sha1;dh19", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("esp", 1, "aes128-sha1;dh21", ["AES_CBC_128 HMAC_SHA1_96"]),
    ("ah", 1, "sha1;dh31", ["HMAC_SHA1_96"]),
    ("esp", 2, "aes128-sha1;sn=yes-modp2048", None),
    ("esp", 2, "aes128-sha1-x25519", None),
    ("esp", 2, "!aes128-none", None),
    ("ah", 2, "!sha1", None),
    ("ah", 1, "ke=dh19", None),
]


def suites(protocol: str, ike: int, text: str, version: tuple[int, ...]) -> list[str] | None:
    try:
        return labels(read_proposals(text, Protocol(protocol), CATALOG, ike=ike, version=version))
    except ProposalError:
        return None


@pytest.mark.parametrize(("protocol", "ike", "text", "expected"), TYPED)
def test_proposals_of_5_4(protocol: str, ike: int, text: str, expected: list[str] | None) -> None:
    assert suites(protocol, ike, text, (5, 4)) == expected
    assert suites(protocol, ike, text, (5, 3)) is None


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("aes256sha256", "aes256-sha256"),
        ("aes_gmc256", "aes_gcm"),
        ("nul", ""),
        ("3dess", ""),
        ("aes128-md55", ""),
        ("aes128-nonee", ""),
    ],
)
def test_no_suggestion_weakens(text: str, nearest: str) -> None:
    with pytest.raises(ProposalError) as caught:
        read_proposals(text, Protocol.ESP, CATALOG)
    assert caught.value.nearest.startswith(nearest)
    assert caught.value.nearest not in ("null", "none", "3des", "md5", "aes_gmac")
