# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies ask of the kernel, and what iked takes, offers and then cannot do on Linux."""

import pytest

from modprobe_ipsec.base.budget import LIMITS
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family, KernelInterface
from modprobe_ipsec.daemons import proposals
from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.iked import DAEMON, needs
from modprobe_ipsec.needs.need import Mode, Source
from modprobe_ipsec.needs.reading import Reading
from tests.daemons.common import AH, CONTEXT, ESP, labels
from tests.daemons.texts import Texts

from .common import CONF, read

ENDS = "from 10.0.0.0/24 to 10.1.0.0/24 local 192.0.2.1 peer 192.0.2.2"
DEFAULT = [
    f"ESP IPv4 AES_CBC_{bits} {integrity} by PF_KEY"
    for bits in (256, 192, 128)
    for integrity in ("HMAC_SHA2_384_192", "HMAC_SHA2_512_256", "HMAC_SHA1_96")
]


def rule(after: str = "", before: str = "", ends: str = ENDS) -> Reading:
    return read(f'ikev2 "a" {before} {ends} {after} psk "x"\n')


def suites(reading: Reading) -> list[str]:
    return [need.label for need in reading.needs]


def test_what_it_offers_by_itself() -> None:
    reading = rule()
    assert suites(reading) == DEFAULT
    assert reading.problems == () and reading.silent == ()
    assert [need.label for need in reading.features] == ["af_key"]
    (source,) = reading.needs[0].sources
    assert (source.where, source.daemon) == (f"{CONF}:1 ikev2 a", "iked")
    assert source.text.startswith("enc aes-256 enc aes-192") and source.forwards == (Family.IPV4,)
    assert {need.interface for need in reading.needs} == {KernelInterface.PF_KEY}
    assert not any(need.suite.esn or need.impossible for need in reading.needs)


def test_an_empty_file_asks_for_its_socket_alone() -> None:
    reading = read("# as Debian ships it\n")
    assert reading.needs == ()
    assert [need.label for need in reading.features] == ["af_key"]


def test_several_clauses_and_several_words() -> None:
    after = "childsa enc 3des enc aes-128-ctr auth hmac-md5 childsa enc aes-192 auth hmac-sha2-512"
    assert suites(rule(after)) == [
        "ESP IPv4 3DES HMAC_MD5_96 by PF_KEY",
        "ESP IPv4 AES_CTR_128 HMAC_MD5_96 by PF_KEY",
        "ESP IPv4 AES_CBC_192 HMAC_SHA2_512_256 by PF_KEY",
    ]


@pytest.mark.parametrize(
    ("ends", "families"),
    [
        (ENDS, [Family.IPV4]),
        ("from any to any peer any", [Family.IPV4, Family.IPV6]),
        ("inet6 from any to any peer any", [Family.IPV6]),
        ("from any to any local 2001:db8::1 peer any", [Family.IPV6]),
        ("from any to any peer vpn.example.org", [Family.IPV4, Family.IPV6]),
        ("from 192.0.2.1 to 192.0.2.2", [Family.IPV4]),
    ],
)
def test_families(ends: str, families: list[Family]) -> None:
    assert list(dict.fromkeys(need.family for need in rule("", "", ends).needs)) == families


def test_a_family_that_is_left_out() -> None:
    text = f"ikev2 {ENDS}\nikev2 from ::1 to ::2\n"
    only = CONTEXT._replace(families=(Family.IPV4,))
    reading = needs.read(CONF, Texts({CONF: text}), only)
    assert suites(reading) == DEFAULT
    (silent,) = reading.silent
    assert silent.conn == "policy2"
    assert silent.why == "its addresses are IPv6 only, which is left out"


def test_transport_and_ah() -> None:
    reading = rule("childsa auth hmac-sha1", "transport ah")
    assert suites(reading) == ["AH IPv4 transport HMAC_SHA1_96 by PF_KEY"]
    assert reading.needs[0].mode is Mode.TRANSPORT
    assert reading.needs[0].sources[0].forwards == ()


def test_decoupled_it_asks_for_no_sa() -> None:
    reading = read(f"ikev2 {ENDS}\nset decouple\n")
    assert reading.needs == () and len(reading.features) == 1
    assert "sets up no SA" in reading.silent[0].why
    assert read(f"set decouple\nikev2 {ENDS}\nset couple\n").needs


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ("childsa enc aes-256-gcm", "`childsa enc aes-256-gcm` vanishes"),
        ("childsa enc aes-192-gmac", "vanishes"),
        ("childsa enc chacha20-poly1305", "vanishes"),
        ("childsa enc aes-128-g", "`childsa enc aes-128-gcm` vanishes"),
        ("childsa auth hmac-sha2-256", "unsupported integrity algorithm HMAC_SHA2_256_128"),
        ("childsa enc blowfish", "unsupported encryption algorithm BLOWFISH"),
        ("childsa enc cast", "unsupported encryption algorithm CAST"),
        ("childsa enc null auth hmac-sha1", "the kernel refuses it"),
        ("childsa esn", "no support for extended sequence numbers"),
    ],
)
def test_traps(after: str, what: str) -> None:
    """Alone each costs the policy; beside something that works it is named and costs nothing."""
    reading = rule(after)
    assert reading.needs == ()
    (problem,) = reading.problems
    assert problem.conn == "a" and not problem.refuses
    assert what in problem.text and "`iked -n` calls the file OK" in problem.text
    beside = rule(f"childsa enc aes-128 auth hmac-sha1 {after}")
    assert suites(beside) == ["ESP IPv4 AES_CBC_128 HMAC_SHA1_96 by PF_KEY"]
    assert [(p.conn, p.text) for p in beside.problems] == [("", problem.text)]


def test_alternatives_of_which_some_fail() -> None:
    reading = rule("childsa enc aes-256 enc blowfish auth hmac-sha2-256 auth hmac-sha1 esn noesn")
    assert suites(reading) == ["ESP IPv4 AES_CBC_256 HMAC_SHA1_96 by PF_KEY"]
    assert [problem.text.split("`")[1] for problem in reading.problems] == [
        "enc blowfish",
        "auth hmac-sha2-256",
        "esn",
    ]


def test_ipcomp_comes_to_nothing() -> None:
    reading = rule("", "ipcomp")
    (problem,) = reading.problems
    assert reading.needs == () and problem.conn == "a"
    assert "nothing crosses" in problem.text and "`iked -n`" in problem.text


def test_what_it_refuses_the_file_for_is_named_and_the_rest_is_read() -> None:
    reading = read(f"ikev2 {ENDS}\nikev2 (\nset x\nikev2 transport {ENDS}\n$y\n")
    assert [problem.place.line for problem in reading.problems] == [2, 3, 5]
    assert all(problem.refuses for problem in reading.problems)
    assert "does not start" in reading.problems[0].text
    assert {need.mode for need in reading.needs} == {Mode.TUNNEL, Mode.TRANSPORT}


def test_the_wrong_owner() -> None:
    reading = read(f"ikev2 {ENDS}\n", modes={CONF: (1000, 0o100600)})
    (problem,) = reading.problems
    assert problem.refuses and "owner is not root" in problem.text
    assert suites(reading) == DEFAULT


def test_a_secret_that_is_included_and_none() -> None:
    modes = {"/etc/keys": (0, 0o100644)}
    reading = read('include "/etc/keys"\ninclude "/etc/none"\n', keys="x = y\n", modes=modes)
    places = [str(problem.place) for problem in reading.problems]
    assert places == ["/etc/keys", f"{CONF}:2"]


def test_a_file_that_includes_itself_ends() -> None:
    (problem,) = read(f'include "{CONF}"\n').problems
    assert problem.refuses and "deep" in problem.text


@pytest.mark.parametrize(
    "text",
    [
        "\n" * (LIMITS["steps"] // 10 + 4096),
        # each line makes the macro twice as long
        "a = x x x x x x x x\n" + "a = $a $a\n" * 64,
        'include "/etc/other"\n' * (LIMITS["includes"] + 1),
    ],
)
def test_there_is_an_end_to_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"iked\.conf:\d+: (that takes|a word of)") as raised:
        reading = read(text, other="")
        raise ConfigError(str(reading.problems[0].place) + ": " + reading.problems[0].text)
    assert raised.value.message.isprintable()


def test_on_the_command_line() -> None:
    context = CONTEXT._replace(daemon=DAEMON)
    text = "enc aes-256 auth hmac-sha1 childsa enc aes-128 auth hmac-sha1 group none"
    (daemon,), found = proposals.read(text, ESP, CONTEXT)
    assert daemon is DAEMON
    assert labels(found) == ["AES_CBC_256 HMAC_SHA1_96", "AES_CBC_128 HMAC_SHA1_96"]
    asked = proposals.needs(found, (Family.IPV4,), Source("--esp", text), (daemon,))
    assert {need.interface for need in asked} == {KernelInterface.PF_KEY}
    assert labels(proposals.read("auth hmac-sha1", AH, context)[1]) == ["HMAC_SHA1_96"]


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("aes-256", "aes-256"),
        ("enc aes-512", "aes-512"),
        ("enc", ""),
        ("enc aes-256-gcm", "enc aes-256-gcm"),
        ("enc aes-256-gcm auth hmac-sha1", ""),
        ("childsa", "childsa"),
        ("enc aes-256 foo", "foo"),
        ("", ""),
    ],
)
def test_what_is_wrong_on_the_command_line(text: str, token: str) -> None:
    with pytest.raises(ProposalError) as raised:
        proposals.read(text, ESP, CONTEXT._replace(daemon=DAEMON))
    assert raised.value.token == token
    assert "OpenIKED" in raised.value.message


CANARY = "hunter2canary"


@pytest.mark.parametrize(
    "line",
    [
        CANARY,
        f"{CANARY} (",
        f'"{CANARY}',
        f"{CANARY}\0",
        f"${CANARY}",
        f"set {CANARY}",
        f"set ocsp {CANARY} tolerate {CANARY}",
        f'user "{CANARY}" ""',
        f"user {CANARY}",
        f'include "/etc/{CANARY}"',
        f"ikev2 {CANARY} {CANARY}",
        f"ikev2 {ENDS} childsa enc {CANARY}",
        f"ikev2 {ENDS} ikesa prf {CANARY}",
        f"ikev2 {ENDS} psk {CANARY} {CANARY}",
        f"ikev2 {ENDS} psk 0x{CANARY}",
        f"ikev2 {ENDS} eap {CANARY}",
        f"ikev2 {ENDS} {CANARY}",
        f"ikev2 {ENDS} lifetime {CANARY}",
        f"ikev2 {ENDS} psk x tap {CANARY}",
        f"ikev2 {ENDS} psk x config {CANARY} 10.0.0.1",
        f"ikev2 from {CANARY}/129 to any",
        f"ikev2 from any to any peer 1:{CANARY}",
        f"ikev2 {ENDS} srcid {CANARY * 100}",
    ],
)
def test_nothing_that_was_not_understood_is_quoted(line: str) -> None:
    reading = read(f"{line}\n")
    assert reading.problems
    for problem in reading.problems:
        assert CANARY not in f"{problem.place} {problem.conn} {problem.text}"
