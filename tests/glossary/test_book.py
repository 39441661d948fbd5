# SPDX-License-Identifier: GPL-3.0-or-later
"""A name is found however it is spelled; a mistake in a file names file and line."""

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog import glossary
from modprobe_ipsec.catalog.strict_yaml import parse
from tests.glossary import BOOK
from tests.shipped import CATALOG


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("NOECN", "noecn"),
        ("decap_dscp", "decap-dscp"),
        (" level  use ", "use"),
        ("/proc/sys/net/core/xfrm_larval_drop", "net.core.xfrm_larval_drop"),
        ("net.core.xfrm_larval_drop", "net.core.xfrm_larval_drop"),
        ("net.ipv4.conf.eth0.100.disable_xfrm", "net.ipv4.conf.all.disable_xfrm"),
        ("/proc/sys/net/ipv4/conf/eth0/disable_policy", "net.ipv4.conf.all.disable_policy"),
        ("xfrminnostates", "XfrmInNoStates"),
        ("errno 93", "EPROTONOSUPPORT"),
        ("errno=38", "ENOSYS"),
        ("2", "ENOENT"),
        ("95", "EOPNOTSUPP"),
        ("protocol not supported", "EPROTONOSUPPORT"),
        ("config_xfrm_user", "CONFIG_XFRM_USER"),
        ("esp4.ko", "esp4"),
        ("crypto-gcm", "gcm"),
        ("requested type not found", "Requested type not found"),
        ("cve-2026-46300", "Fragnesia"),
        ("ENCR_AES_GCM_16", "AES_GCM_16"),
        ("AES_CBC_256", "AES_CBC"),
        ("copyfail", "Copy Fail"),
        ("SecureBoot", "signature"),
        ("decap dscp", "decap-dscp"),
        ("no-ecn", "noecn"),
        ("natt", "espinudp"),
        ("InNoStates", "XfrmInNoStates"),
        ("LINUX_MIB_XFRMINNOSTATES", "XfrmInNoStates"),
        ("sysctl net.core.xfrm_acq_expires", "net.core.xfrm_acq_expires"),
        ("net/ipv4/conf/eth0/disable_xfrm", "net.ipv4.conf.all.disable_xfrm"),
        ("esp4.ko.xz", "esp4"),
        ("-93", "EPROTONOSUPPORT"),
        ("error 93", "EPROTONOSUPPORT"),
        ("gcm(aes)", "gcm"),
        ("crypto-rfc4106(gcm(aes))", "AES_GCM_16"),
        ("seqiv(rfc4106(gcm(aes)))", "seqiv"),
        ("charon", "strongSwan"),
        ("acq_expires", "net.core.xfrm_acq_expires"),
        ("pluto", "libreswan"),
    ],
)
def test_spelling_is_not_looked_at_closely(asked: str, name: str) -> None:
    assert name in [entry.term.name for _, entry in BOOK.find(asked)]


def test_what_means_two_things_is_answered_twice() -> None:
    assert {chapter for chapter, _ in BOOK.find("icmp")} == {"sa-flags", "policies"}
    assert {chapter for chapter, _ in BOOK.find("xfrm_user")} == {"modules", "options"}
    assert {chapter for chapter, _ in BOOK.find("aes")} == {"algorithms", "proposals"}


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("noecm", "noecn"),
        ("XfrmInNoState", "XfrmInNoStates"),
        ("acq_expire", "xfrm_acq_expires"),
        ("espintpc", "espintcp"),
        ("sa-flag", "sa-flags"),
    ],
)
def test_the_nearest_names_are_suggested(asked: str, near: str) -> None:
    assert BOOK.find(asked) == []
    assert near in BOOK.near(asked)


# What these write has neither the errno's text nor its number.
OTHERWISE = {
    *(("EEXIST", "strongswan"), ("ENOPROTOOPT", "libreswan"), ("EOPNOTSUPP", "libreswan")),
}


def test_a_daemons_words_are_known() -> None:
    ((_, entry),) = BOOK.find("aes256gcm16")
    assert dict(entry.term.daemons) == {"strongswan": "AES_GCM_16 with 256 bits"}
    ((_, entry),) = [found for found in BOOK.find("AES_GCM_16") if found[0] == "transforms"]
    assert "aes_gcm" in dict(entry.term.daemons)["libreswan"]


@pytest.mark.parametrize("chapter", ["errors", "texts"])
def test_each_daemons_line_is_known(chapter: str) -> None:
    """Or it is said why there is none."""
    for lead in BOOK.chapter(chapter).leads:
        term = lead.entry().term
        said = dict(term.daemons)
        assert said.keys() == CATALOG.vocabularies.keys(), term.name
        for daemon, line in said.items():
            assert "{" not in line and "errno )" not in line, term.name
            quotes = term.name if chapter == "texts" else term.also[-1]
            nothing = line.startswith("nothing: ")
            assert nothing or quotes in line or (term.name, daemon) in OTHERWISE, (term.name, line)


def test_a_line_has_the_terms_own_number() -> None:
    ((_, entry),) = BOOK.find("Requested mode not found")
    assert dict(entry.term.daemons)["strongswan"] == (
        "received netlink error: Requested mode not found (93) (from 6.0 on)"
    )
    ((_, entry),) = BOOK.find("ENOSYS")
    assert dict(entry.term.daemons)["libreswan"] == (
        "netlink response for WHAT: Function not implemented (errno 38)"
    )


HEAD = "title: t\nsource: s\nterms:\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: s\nterms: {}\n", "data/glossary/x.yaml:1: `title` is missing"),
        ("title: t\nsource: s\nhere: moon\nterms: {}\n", "x.yaml:3: `moon` is none of"),
        ("title: t\nsource: s\nterms: {}\nmore: x\n", "x.yaml:4: unknown key `more`"),
        (f"{HEAD}  a: {{is: One.}}\n  b: {{does: One.}}\n", "x.yaml:5: `is` is missing"),
        (f"{HEAD}  a:\n    is: One\n", "x.yaml:5: `is` must end as a sentence does"),
        (f"{HEAD}  a:\n    is: One.\n    dose: Two.\n", "x.yaml:6: unknown key `dose`"),
        (f"{HEAD}  a:\n    is: One.\n    also: b\n", "x.yaml:6: `also` must be a list"),
        (f"{HEAD}  a: {{is: One., daemons: {{racoon: x}}}}\n", "`racoon` is no daemon"),
        (f"{HEAD}  a: text\n", "x.yaml:4: a mapping is expected"),
    ],
)
def test_a_mistake_names_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        glossary.check("x", parse(text, "data/glossary/x.yaml"), CATALOG.vocabularies)
    assert message in caught.value.message
