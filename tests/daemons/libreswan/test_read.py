# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reading is made of; the cases beside it have the rules."""

import re

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.strict_yaml import parse
from modprobe_ipsec.daemons.libreswan.options import libreswan_options
from modprobe_ipsec.needs.need import Source
from tests.shipped import TEXTS

from .common import BOTH, OPTIONS, read
from .test_cases import CASES

YAML = TEXTS["daemons/libreswan"]
OFFICE = """\
conn office
\tleft=192.0.2.1
\tesp=aes_gcm256
\tesn=no
\tmobike=yes
\tauto=add
"""


def test_sources() -> None:
    reading = read(OFFICE, version=(5, 0))
    (need,) = reading.needs
    assert need.label == "ESP IPv4 AES_GCM_16_256"
    place, conn = "/etc/ipsec.conf:3", "office"
    source = Source(f"{place} conn {conn}", "aes_gcm256", "libreswan", conn=conn, place=place)
    assert need.sources == (source,)
    (feature,) = reading.features
    assert (feature.feature, feature.family) == ("migrate", None)
    assert [(s.where, s.text) for s in feature.sources] == [
        ("/etc/ipsec.conf:5 conn office", "mobike=yes")
    ]


def test_the_source_of_a_default_is_the_connection() -> None:
    reading = read("conn office\n\tauto=add\n", version=(5, 0))
    for need in reading.needs:
        (source,) = need.sources
        assert source.where == "/etc/ipsec.conf:1 conn office"
        assert source.text.startswith("aes_gcm_16_256,aes_gcm_16_128")


@pytest.mark.parametrize("version", [None, (5, 2), (5, 5)])
def test_start_up_probe(version: tuple[int, int] | None) -> None:
    reading = read("config setup\n", version=version)
    (need,) = reading.needs
    assert need.label == "ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128"
    assert [source.where for source in need.sources] == ["pluto's start-up probe"]
    (feature,) = reading.features
    assert feature.feature == "sa_dir"


@pytest.mark.parametrize("version", [(4, 10), (5, 1)])
def test_no_start_up_probe_before_5_2(version: tuple[int, int]) -> None:
    reading = read("config setup\n", version=version)
    assert not reading.needs
    assert not reading.features


def test_the_probe_is_merged_with_a_connection_that_asks_the_same() -> None:
    reading = read("conn a\n\tleft=192.0.2.1\n\tesp=aes128-sha2\n\tesn=no\n\tauto=add\n")
    (need,) = reading.needs
    assert [source.where for source in need.sources] == [
        "pluto's start-up probe",
        "/etc/ipsec.conf:3 conn a",
    ]


@pytest.mark.parametrize("families", [(Family.IPV4,), (Family.IPV6,), BOTH])
def test_only_the_families_that_are_asked_for(families: tuple[Family, ...]) -> None:
    reading = read("conn a\n\tenable-tcp=yes\n\tauto=add\n", families=families)
    assert {need.family for need in reading.needs} == set(families)
    espintcp = [feature for feature in reading.features if feature.feature == "espintcp"]
    assert {feature.family for feature in espintcp} == set(families)


def test_every_option_with_a_meaning_is_in_a_case() -> None:
    texts = "\n".join(case.read_text(encoding="utf-8") for case in CASES)
    used = set(re.findall(r"^\s+([a-z0-9_-]+)\s*=", texts.lower(), re.MULTILINE))
    assert not {key for key, option in OPTIONS.conn.items() if option.counts} - used


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('mobike: {is: "bool,', 'mobike: {is: "boole,', "neither in `words`"),
        (
            '"bool, pluto 5.4", feature: migrate',
            '"bool 5.4, pluto 5.3", feature: migrate',
            "must come first",
        ),
        ("  list: [connalias]", "  list: [connalias, esp]", "is there already"),
        ('when: ["yes"]}', "when: [maybe]}", "is never `maybe`"),
        ("by_family: [", "by_families: [", "`by_family` is missing"),
        ('since: "5.2"', "since: five", "no version"),
        ('"4.0": "sha1"', '"6.0": "sha1"', "oldest version must come first"),
        ("ikev1_defaults:\n  esp:", "ikev1_defaults:\n  es:", "must have esp and ah"),
        ("features: [sa_dir]", "features: sa_dir", "must be a list"),
        ('"4.0": [xt_policy]', '"4.0": [7]', "must hold texts"),
        ("drop: [drop]", "drop: [drop, accept]", "is `accept` already"),
        ("feature: migrate", "feature: 3", "must be a text"),
        ("feature: migrate", "featur: migrate", "unknown key `featur`"),
        ("same:\n", "same: x\nother:\n", "must be a mapping"),
        ("drop: [drop]", "drop: [Drop]", "must be lower case"),
    ],
)
def test_mistakes_in_the_map(old: str, new: str, message: str) -> None:
    assert old in YAML
    table = parse(YAML.replace(old, new, 1), "data/daemons/libreswan.yaml")
    with pytest.raises(ConfigError, match=message) as caught:
        libreswan_options(table)
    assert re.match(r"data/daemons/libreswan\.yaml:\d+: ", caught.value.message)
