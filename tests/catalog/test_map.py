# SPDX-License-Identifier: GPL-3.0-or-later
"""The map that is shipped: it is whole, and every mistake in one names its file and line."""

from collections.abc import Callable

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.loader import build, parse_all
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol, XfrmTable
from modprobe_ipsec.catalog.strict_yaml import parse
from tests.shipped import CATALOG, TEXTS

# net/xfrm/xfrm_algo.c, all that a daemon can ask for: ICV bits (AEAD), truncation bits (auth)
KERNEL_TABLE = {
    "rfc4106(gcm(aes))": {64, 96, 128},
    "rfc4309(ccm(aes))": {64, 96, 128},
    "rfc4543(gcm(aes))": {128},
    "rfc7539esp(chacha20,poly1305)": {128},
    "hmac(md5)": {96, 128},
    "hmac(sha1)": {96, 160},
    "hmac(sha256)": {96, 128},
    "hmac(sha384)": {192},
    "hmac(sha512)": {256},
    "xcbc(aes)": {96},
    "cmac(aes)": {96},
    "ecb(cipher_null)": {0},
    "cbc(des)": {0},
    "cbc(des3_ede)": {0},
    "cbc(cast5)": {0},
    "cbc(blowfish)": {0},
    "cbc(aes)": {0},
    "cbc(serpent)": {0},
    "cbc(camellia)": {0},
    "cbc(twofish)": {0},
    "rfc3686(ctr(aes))": {0},
    "deflate": {0},
}


def test_the_map_has_every_algorithm_of_the_kernel_that_a_daemon_can_name() -> None:
    ours: dict[str, set[int]] = {}
    for transform in CATALOG.transforms.values():
        if transform.xfrm:
            ours.setdefault(transform.xfrm, set()).add(transform.icv_bits)
    assert ours == KERNEL_TABLE


def test_what_no_kernel_can_do_says_why() -> None:
    impossible = {t.name for t in CATALOG.transforms.values() if not t.xfrm}
    assert {"CAMELLIA_CTR", "CAMELLIA_CCM_16", "CAMELLIA_XCBC_96", "AES_128_GMAC"} <= impossible
    assert all(CATALOG.transforms[name].why_not for name in impossible)


def test_geniv_is_what_xfrm_algo_c_says() -> None:
    for transform in CATALOG.transforms.values():
        if not transform.xfrm:
            continue
        if transform.kind is XfrmTable.AEAD or transform.xfrm == "rfc3686(ctr(aes))":
            assert transform.geniv == "seqiv", transform.name
        elif transform.kind is XfrmTable.CIPHER and transform.name != "NULL":
            assert transform.geniv == "echainiv", transform.name
        else:
            assert transform.geniv == "", transform.name


def test_every_protocol_and_family_has_its_requests() -> None:
    assert set(CATALOG.types) == {(p, f) for p in Protocol for f in Family}
    assert all(CATALOG.types.values())


def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert TEXTS[name].count(old) >= 1
    return {**TEXTS, name: TEXTS[name].replace(old, new, 1)}


def line_of(name: str, text: str) -> int:
    return (
        TEXTS[name].splitlines().index(next(x for x in TEXTS[name].splitlines() if text in x)) + 1
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("transforms", "salt: 32", "slat: 32", "unknown key `slat`"),
        ("transforms", "kind: aead", "kind: aaed", "`aaed` is none of aead, cipher, auth, comp"),
        ("transforms", "iana: 20", "iana: '20'", "`iana` must be a whole number"),
        ("transforms", "iana: 20", "iana: 020", "YAML may read `020`"),
        ("transforms", "iana: 20", "iana: true", "`iana` must be a whole number"),
        ("transforms", "key: [192]", "key: []", "`key` must list key lengths"),
        ("daemons/strongswan", "[des=64]", "[des=56]", "`des=56` says no key length"),
        ("daemons/strongswan", "[des=64]", "[3des=64]", "`3des` is 3DES already"),
        ("daemons/strongswan", '"null=0"', "no", "YAML may read `no`"),
        ("daemons/strongswan", "    DES: [", "    DSE: [", "`DSE` is no transform"),
        ("daemons/libreswan", "[aesctr,", "[Aesctr,", "`Aesctr` must be lower case"),
        ("daemons/libreswan", "[aesctr,", "[aes,", "`aes` is AES_CBC already"),
        ("daemons/libreswan", "ikev2_only: [CH", "ikev2_only: [XCH", "`XCHACHA20_POLY1305` is no"),
        ("daemons/libreswan", "  no_socket:", "  no_sock:", "unknown key `no_sock`"),
        ("daemons/libreswan", "  refused:", "  refuse:", "unknown key `refuse`"),
        ("transforms", "AES_GCM_12:", "AES_GCM_16:", "`AES_GCM_16` stands here twice"),
        ("transforms", '"cbc(aes)"', '"cbc(sm4)"', "`sm4` has no kernel option: say `config"),
        ("transforms", "iana: 12,", "iana: 12, config: {sm4: SM4},", "`initcalls` is missing"),
        ("crypto", 'last: "6.18"', "last: 6.18", "YAML may read `6.18`"),
        ("crypto", 'last: "6.18"', 'last: "six"', "`six` is no version"),
        (
            "crypto",
            '"hmac(sha256) <=5.10 <5.14"',
            '"seqiv(x) <=5.10 <5.14"',
            "seqiv -> stdrng -> seqiv",
        ),
        (
            "crypto",
            '"hmac(sha256) <=5.10 <5.14"',
            '"hmac(sha256) <5.14"',
            "neither `<=X.Y <X.Y` nor",
        ),
        ("crypto", 'ccm: ["ctr(%)"', 'ccm: ["ccm(%)"', "circle: ccm -> ccm"),
        ("crypto", 'cipher_null: ["ecb(%)"]', 'cipher_null: ["%"]', "cipher_null -> cipher_null"),
        ("protocols", "module: esp4", "modul: esp4", "`module` is missing"),
        ("never_load", "tcrypt:", "aes_ti:", "`aes_ti` stands here twice"),
    ],
)
def test_a_mistake_names_its_file_and_line(file: str, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(parse_all(changed(file, old, new)))
    assert message in caught.value.message
    where, line, _ = caught.value.message.split(":", 2)
    assert where == f"data/{file}.yaml"
    # the entry or the line itself, never somewhere else
    assert 0 <= line_of(file, old) - int(line) <= 3
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "On", "010", "0x1f", "5.10", "1:20", "1e3", "~", "null", "2026-11-23", "1_000"],
)
def test_yaml_traps_are_errors_and_quotes_help(text: str) -> None:
    with pytest.raises(ConfigError, match="put it in quotes"):
        parse(f"key: {text}\n", "x.yaml")
    assert parse(f"key: '{text}'\n", "x.yaml") == {"key": text}


BROKEN: dict[str, Callable[[str], str]] = {
    "a tag": lambda _: "key: !!python/object:os.system ls\n",
    "an alias of nothing": lambda _: "a: &a [x]\nb: *a\nc: *c\n",
    "no mapping": lambda _: "- a\n- b\n",
    "nothing": lambda _: "",
    "unfinished": lambda _: "key: [a, b\n",
    "two documents": lambda _: "a: b\n---\nc: d\n",
    "control characters": lambda _: "a: \x07\n",
    "deep": lambda _: "a: " + "[" * 5000 + "]" * 5000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_map_is_an_error_with_the_file(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^x\.yaml:?"):
        parse(BROKEN[name](""), "x.yaml")


def test_catalog_is_a_value() -> None:
    assert isinstance(CATALOG, Catalog)
    assert build(parse_all(TEXTS)).transforms.keys() == CATALOG.transforms.keys()
