# SPDX-License-Identifier: GPL-3.0-or-later
"""Sixty configurations by hand, and as many as one likes that a grammar of nonsense makes."""

from random import Random

_ENDS = "from 10.0.0.0/24 to 10.1.0.0/24 local 192.0.2.1 peer 192.0.2.2"
_PSK = 'psk "secret"'


def _rule(before: str = "", after: str = "", ends: str = _ENDS) -> str:
    return f"ikev2 {before} {ends} {after} {_PSK}\n"


WRITTEN = {
    "nothing": "",
    "comments": "# a\n   # b \\\n continued\n\n\t\n",
    "plain": _rule(),
    "no end of line": _rule().rstrip("\n"),
    "name": _rule('"an office"'),
    "single quotes": _rule("'an office'"),
    "bare name": _rule("office.example-1_x"),
    "default mode": _rule("quick passive"),
    "active": _rule("active"),
    "active to anybody": _rule("active", ends="from any to any local 192.0.2.1 peer any"),
    "active to a network": _rule("active", ends="from any to any peer 192.0.2.0/24"),
    "transport": _rule("active transport esp"),
    "ipcomp": _rule("ipcomp tunnel"),
    "wrong order": _rule("transport active"),
    "ah": _rule("ah"),
    "inet": _rule("inet", ends="from any to any peer any"),
    "inet6": _rule("inet6", ends="from any to any peer any"),
    "both families": _rule(ends="from any to dynamic peer any"),
    "wrong family": _rule("inet6"),
    "ipv6": _rule("active", ends="from 2001:db8::/64 to ::/0 local 2001:db8::1 peer 2001:db8:1::1"),
    "mixed ends": _rule(ends="from any to any local 192.0.2.1 peer 2001:db8::1"),
    "mixed flow": _rule(ends="from 10.0.0.0/8 to 2001:db8::/32 peer any"),
    "host to host": _rule(ends="from 192.0.2.1 to 192.0.2.2"),
    "two flows without ends": _rule(ends="from 192.0.2.1 to 192.0.2.2 from 10.0.0.1 to 10.0.0.2"),
    "two flows": _rule(ends="from 10.0.0.1 to 10.0.0.2, to 10.0.0.4 from 10.0.0.3 peer 192.0.2.2"),
    "reversed": _rule(ends="to 10.1.0.0/16 from 10.0.0.0/16 peer 192.0.2.2 local 192.0.2.1"),
    "ports": _rule("proto 17", ends="from any port 1701 to any port 1701 peer 192.0.2.2"),
    "protocols": _rule("proto { 6, 17 1 }"),
    "nat": _rule(ends="from 10.0.0.0/24 (172.16.0.0/24) to 10.1.0.0/24 peer 192.0.2.2"),
    "nat of the destination": _rule(ends="from 10.0.0.1 to 10.1.0.1 (10.2.0.1) peer 192.0.2.2"),
    "long mask": _rule(ends="from 10.0.0.0/129 to any peer 192.0.2.2"),
    "short address": _rule(ends="from 10.1/16 to any peer 192.0.2.2"),
    "octal address": _rule(ends="from 010.1.0.9/32 to any peer 192.0.2.2"),
    "rdomain": _rule("rdomain 1"),
    "child": _rule(after="childsa enc aes-128 auth hmac-sha1"),
    "children": _rule(
        after="childsa enc aes-256 auth hmac-sha2-512 childsa enc 3des auth hmac-md5"
    ),
    "alternatives": _rule(after="childsa auth hmac-sha1 enc aes-128 auth hmac-sha2-256 enc cast"),
    "cut short": _rule(after="childsa enc aes auth hmac-sha2 group modp"),
    "only a group": _rule(after="childsa group grp14"),
    "ctr": _rule(after="childsa enc aes-256-ctr auth hmac-sha1"),
    "gcm": _rule(after="childsa enc aes-256-gcm"),
    "gcm and cbc": _rule(after="childsa enc aes-256-gcm childsa enc aes-256"),
    "gmac and chacha": _rule(after="childsa enc aes-128-gmac enc chacha20-poly1305"),
    "gcm with auth": _rule(after="childsa enc aes-256-gcm auth hmac-sha1"),
    "gcm beside cbc": _rule(after="childsa enc aes-256-gcm enc aes-256"),
    "null": _rule(after="childsa enc null auth hmac-sha1"),
    "blowfish": _rule(after="childsa enc blowfish"),
    "esn": _rule(after="childsa esn noesn enc aes-192"),
    "noesn": _rule(after="childsa enc aes-192 noesn"),
    "prf in a child": _rule(after="childsa prf hmac-sha1 enc aes-192"),
    "unknown cipher": _rule(after="childsa enc twofish"),
    "nothing behind childsa": _rule(after="childsa"),
    "nothing behind ikesa": _rule(after="ikesa childsa enc aes-128"),
    "ike": _rule(after="ikesa enc aes-256-gcm prf hmac-sha2-256 group curve25519 ikesa enc 3des"),
    "ctr for ike": _rule(after="ikesa enc aes-128-ctr"),
    "no group for ike": _rule(after="ikesa enc aes-128 group none"),
    "esn for ike": _rule(after="ikesa enc aes-128 noesn"),
    "rest": 'user "a" "b"\nset dpd_check_interval 5\nset ocsp "http://x" tolerate 5m maxage 1h\n'
    "set decouple\nset couple\nset cert_partial_chain\nset nomobike\n"
    + f'ikev2 {_ENDS} srcid a dstid "b c" ikelifetime 3h lifetime 10800 bytes 512M eap "mschap-v2" '
    'config address 10.5.0.1 config netmask 255.0.0.0 request name-server any tag "x" tap "enc1"\n',
    "macros": f'n = "aes-128"\nm = "enc" "192"\nsum = $m x\n'
    f"ikev2 $sum {_ENDS} childsa enc $n $m aes-$n\n",
    "macro as a piece": 'net = "10.0"\nc = "enc aes-128 auth hmac-sha1"\n'
    f"ikev2 from $net.0.0/24 to $net.1.0/24 peer 192.0.2.2 childsa $c {_PSK}\n",
    "macro not set": f"ikev2 {_ENDS} childsa enc $x {_PSK}\n",
    "keyword as a value": "x = esp\n",
    "keyword as a name": '"esp" = "y"\nikev2 "$esp" ' + f"{_ENDS} childsa enc aes-128 {_PSK}\n",
    "others' lines": 'ike esp from any to any $x "\nflow esp \\\n from x\ntcpmd5\nfrom\nsa x\n'
    + _rule(),
    "escapes": f'ikev2 "a\\"b\\ c\\n" {_ENDS} childsa enc \\aes-128 {_PSK}\n',
    "quotes over lines": f'ikev2 "a\nb" {_ENDS} childsa enc "aes-\n128" {_PSK}\n',
    "joined": f"ikev2 \\\n  {_ENDS} \\\n\tchildsa \\\n enc aes-1\\\n92 {_PSK}\n",
    "quote without end": f'ikev2 "a {_ENDS}\n',
    "nul": _rule() + "\0 nonsense (\n",
    "bytes": f'ikev2 "b\xe9ta" {_ENDS} {_PSK}\n',
    "bytes outside": f"ikev2 b\xe9ta {_ENDS} {_PSK}\n",
    "start of expansion": f"x = \1\nikev2 $x {_ENDS} {_PSK}\n",
    "method": f"ikev2 {_ENDS} rsa\nikev2 {_ENDS} e\nikev2 {_ENDS}\n",
    "no method": f"ikev2 {_ENDS} none\n",
    "keys": f'ikev2 {_ENDS} psk 0x00ff1\nikev2 {_ENDS} psk "0x"\n',
    "key as a number": f"ikev2 {_ENDS} psk 12345\n",
    "key with letters": f"ikev2 {_ENDS} psk 0xzz\n",
    "long name": _rule(f'"{"n" * 1024}"'),
    "long word": _rule(f'"{"n" * 8090}"'),
    "longer word": f'x = "{"n" * 8094}"\n',
    "longest word": f'x = "{"n" * 8095}"\n',
    "number": "set dpd_check_interval 99999999999999999999\n",
    "negative number": "set dpd_check_interval -1\n",
    "time": _rule(after="lifetime 5d"),
    "bytes without unit": _rule(after='lifetime 5 bytes "5"'),
    "user without password": 'user "a" ""\n',
    "unknown statement": "listen on any\n",
    "unknown setting": "set natt\n",
    "natt": _rule("natt esp"),
    "include nothing": 'include "@HERE@/none"\n',
}
"""By what is special about it. Each character is a byte."""


_CIPHERS = (
    *("3des", "3des-cbc", "aes-128", "aes-192", "aes-256", "aes-128-ctr", "aes-192-ctr"),
    *("aes-256-ctr", "aes", "a", "3", "aes-2", "$x", "blowfish", "cast", "null"),
)
_IMPLICIT = ("aes-128-gcm", "aes-256-gcm", "aes-128-g", "aes-256-gcm")
_UNKNOWN = ("twofish", "aes-512", "aes-256-gmac", "chacha20-poly1305")
_HASHES = (
    "hmac-md5",
    "hmac-sha1",
    "hmac-sha2-256",
    "hmac-sha2-384",
    "hmac-sha2-512",
    "hmac",
    "sha1",
)
_GROUPS = ("none", "modp2048", "grp5", "curve25519", "grp31", "ecp", "sntrup761x25519", "grp99")
_HOSTS4 = ("10.0.0.0/24", "192.0.2.7", "any", "10.1", "172.16.0.0/12", '"10.9.0.0/16"', "dynamic")
_HOSTS6 = ("2001:db8::/32", "::1", "fe80::1", "2001:db8:0:1::/64", "any", "1:2:3:4:5:6:7:8", "1::g")
_ODD = (
    "esp",
    "peer",
    "{",
    ",",
    '"',
    "$x",
    "\\",
    "#",
    "\n",
    "1",
    "childsa",
    "enc",
    "psk",
    "-",
    "=",
    "(",
)


def made(random: Random) -> str:
    """Statements of which iked takes about half as they are."""
    lines = [_policy(random) for _ in range(random.choice((1, 1, 1, 2)))]
    if random.random() < 0.2:
        line = random.choice(("set passive", "set x", "", "#", "set mobike # y", "ike esp from"))
        lines.insert(random.randrange(len(lines) + 1), line)
    lines.insert(0, f'x = "{random.choice(_CIPHERS[:8])}"')
    text = "\n".join(lines) + "\n" * random.choice((1, 1, 1, 0))
    if random.random() < 0.15:
        words = text.split(" ")
        at = random.randrange(len(words))
        words[at : at + random.choice((0, 1))] = [random.choice(_ODD)]
        text = " ".join(words)
    return text


def _policy(random: Random) -> str:
    def maybe(chance: float, *words: str) -> list[str]:
        return [random.choice(words)] if random.random() < chance else []

    def strange() -> bool:
        return random.random() < 0.03

    hosts = random.choice((_HOSTS4, _HOSTS4, _HOSTS6))
    flow_hosts = hosts if strange() else hosts[:6]
    words = ["ikev2", *maybe(0.5, '"a b"', "name", "'c'")]
    words += maybe(0.2, "quick", "skip", "default") + maybe(0.3, "passive")
    words += ["active"] if strange() else []
    words += maybe(0.1, "ipcomp") + maybe(0.4, "tunnel", "transport") + maybe(0.5, "esp", "ah")
    words += ["inet6"] if strange() else maybe(0.2, "inet" if hosts is _HOSTS4 else "inet6")
    words += ["proto 256"] if strange() else maybe(0.1, "proto 6", "proto { 6 17 }")
    for _ in range(random.choice((1, 1, 1, 2))):
        ends = (random.choice(flow_hosts) for _ in range(2))
        words += ["from", next(ends), *maybe(0.1, "port 500"), "to", next(ends)]
    # a flow may be dynamic, an end may not
    outer = [["local", random.choice(hosts[:3])], ["peer", random.choice(hosts[:3])]]
    random.shuffle(outer)
    words += [word for end in outer[: 0 if strange() else random.choice((1, 2))] for word in end]
    for kind, numbers in (("ikesa", (0, 0, 0, 1)), ("childsa", (0, 1, 1, 2, 3))):
        for _ in range(random.choice(numbers)):
            words += [kind, *_transforms(random, strange=strange(), child=kind == "childsa")]
    words += maybe(0.2, "srcid x", "dstid y") + maybe(0.2, "lifetime 3h", "lifetime 60 bytes 1G")
    return " ".join((*words, *maybe(0.9, 'psk "k"', "rsa", 'eap "mschap-v2"')))


def _transforms(random: Random, *, strange: bool, child: bool) -> list[str]:
    """Words of one clause, in any order; `strange`: any words, else those that go together."""
    implicit = random.random() < 0.2
    ciphers: tuple[str, ...] = _IMPLICIT if implicit else _CIPHERS if child else _CIPHERS[:5]
    ciphers = (*_CIPHERS, *_IMPLICIT, *_UNKNOWN) if strange else ciphers
    words = [f"enc {random.choice(ciphers)}" for _ in range(random.choice((0, 1, 1, 2)))]
    if strange or not words or not implicit:
        hashes = _HASHES if strange else _HASHES[:-1]
        words += [f"auth {random.choice(hashes)}" for _ in range(random.choice((0, 1, 1, 2)))]
    if random.random() < 0.3 or not words:
        words.append(f"group {random.choice(_GROUPS if strange or child else _GROUPS[1:-1])}")
    if random.random() < 0.15 and (child or strange):
        words.append(random.choice(("esn", "noesn")))
    random.shuffle(words)
    return words
