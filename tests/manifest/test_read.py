# SPDX-License-Identifier: GPL-3.0-or-later
"""A host plan is read back as it was written; one that somebody made up is refused by name."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.manifest.handover import json, yaml
from modprobe_ipsec.manifest.model import HostPlan, ManifestOptions
from modprobe_ipsec.manifest.read import MAX_BYTES, parse
from modprobe_ipsec.manifest.words import clean
from modprobe_ipsec.needs.need import AnyNeed, Source
from tests.hosts import tree
from tests.manifest.common import EVERYTHING, FEATURES, NEEDS, facts_of, plan, plan_of
from tests.shipped import CATALOG


def text_of(found: HostPlan) -> str:
    return yaml.write(found, ManifestOptions())[0].text


def read(text: str) -> HostPlan:
    return parse(text, "x.yaml", CATALOG)


@pytest.mark.parametrize("name", tree.names())
def test_round_trip_on_every_host(name: str) -> None:
    found = plan(name, EVERYTHING if name.startswith(("booted", "fips")) else NEEDS)
    assert read(text_of(found)) == found
    assert parse(json.write(found, ManifestOptions())[0].text, "x.json", CATALOG) == found


def test_the_format_before() -> None:
    found = plan("modprobe-empty", NEEDS)
    # a container may have an older modprobe-ipsec: other words for the same, and no gateways
    text = text_of(found).replace("host-plan: 2", "host-plan: 1")
    text = text.replace("accelerator: true", "faster: true")
    assert "faster: true" in text and read(text) == found


sources = st.builds(
    Source,
    st.text(max_size=40).map(clean),
    st.text(max_size=40).map(clean),
    st.sampled_from([None, *DAEMONS]),
    st.sampled_from([(), (Family.IPV6,), tuple(Family)]),
    # a plan has no connections and no places, which may tell more than its host has to know
    conn=st.just(""),
    place=st.just(""),
    offered=st.booleans(),
)
needs = st.lists(
    st.builds(
        lambda need, found: need._replace(sources=tuple(found)),
        st.sampled_from(EVERYTHING),
        st.lists(sources, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda need: need.label,
)


@given(needs, st.sampled_from(tree.names()), st.lists(st.text(max_size=30), max_size=3))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_round_trip(wanted: list[AnyNeed], name: str, configs: list[str]) -> None:
    found = plan_of(tuple(wanted), facts_of(name), tuple(configs))
    assert read(text_of(found)) == found


BASE = text_of(plan("modprobe-empty", (*NEEDS, *FEATURES)))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: esp4\n", "name: evil\n", "`...` is no module of the map"),
        ("name: esp4\n", "name: aes_ti\n", "`...` is no module"),
        ("name: esp4\n", "name: ../esp4\n", "`...` is no module"),
        ("name: esp4\n", 'name: "esp4 foo=1"\n', "`...` is no module"),
        ("name: esp4\n", 'name: "esp4\\nevil"\n', "is no module"),
        ("request: xfrm-type-2-50", "request: fs-ext4", "`...` is no request"),
        ("request: xfrm-type-2-50", "request: crypto-evil", "`...` is no request"),
        ("    request: xfrm-type-2-50\n", "", "`request` is missing"),
        ("name: esp4\n", "name: esp4\n    options: x=1\n", "unknown key `...`"),
        ("name: esp4\n", "name: esp4\n    path: /tmp/esp4.ko\n", "unknown key `...`"),
        ("name: esp4\n", "name: xfrm_user\n", "no module of the map for xfrm-type-2-50"),
        ("state: loadable", "state: loaded", "`...` is none of builtin"),
        ("transform: AES_GCM_16", "transform: ROT13", "`...` is not a transform of the map"),
        ("key_bits: 256", "key_bits: 257", "no key of 257 bits"),
        ("key_bits: 256", "key_bits: 99999999999", "put it in quotes"),
        ("protocol: esp", "protocol: ah", "is no transform of ah"),
        ("protocol: esp", "protocol: gre", "`...` is none of esp"),
        ("esn: true", "esn: yes", "put it in quotes"),
        ("- ipv4\n", "- ipv5\n", "`...` is none of"),
        ("feature: tun", "feature: evil", "`...` is not a feature"),
        ("key: net.ipv4.ip_forward", "key: kernel.core_pattern", "`...` is not"),
        ('value: "1"', 'value: "|/tmp/x"', "small number"),
        ("NET_ADMIN", "SYS_MODULE", "`...` is none of"),
        ("/dev/net/tun", "/dev/sda", "`...` is none of"),
        ('"500/udp"', '"22/tcp"', "`...` is none of"),
        ("kind: autoload off", "kind: nothing", "`...` is not a kind"),
        ("host-plan: 2", "host-plan: 3", "format 3 is not known"),
        ("host-plan: 2", "host-plan: no", "put it in quotes"),
        ("modprobe-ipsec-host-plan: 2\n", "", "no host plan"),
        ("needs:\n", "needs: &a\n", "anchors"),
        ("needs:\n", '"\\e": x\n"\\e": x\nneeds:\n', "stands here twice"),
        ("needs:\n", "load: [evil]\nneeds:\n", "unknown key `...`"),
        ("needs:\n", "needs: []\nneeds:\n", "stands here twice"),
        ("arch: x86_64", 'arch: "{{ evil }}"', "printable line"),
        ("arch: x86_64", 'arch: "a\\u001b[31m"', "printable line"),
        ("after:\n      - ghash_generic", "after:\n      - evil", "`...`, which is not before it"),
        ("autoload: false", "autoload: perhaps", "true or false"),
        ('why: "the XFRM', 'why: "' + "x" * 500, "printable line of at most"),
    ],
)
def test_what_is_not_in_the_map_is_refused(old: str, new: str, words: str) -> None:
    assert old in BASE, "the case changes nothing"
    with pytest.raises(ConfigError) as caught:
        read(BASE.replace(old, new, 1))
    message = caught.value.message
    assert words in message and message.startswith("x.yaml:") and message.isprintable()
    assert message.split(":")[1].isdecimal()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "[" * 100_000,
        "{a: " * 100_000,
        "a: &a [x]\nb: *a\n",
        "!!python/object/apply:os.system [id]",
        "a: !!binary x",
        "\0",
        "%YAML 9.9\n---\na: b",
        "a: b\n---\nc: d\n",
        "x: y\n" * 1000,
        "modprobe-ipsec-host-plan: 1\nmade: {}\nneeds: [" + "{}," * 5000 + "]\n",
        "modprobe-ipsec-host-plan: 1\nmade: {}\nneeds: [{}]\n",
        "modprobe-ipsec-host-plan: 1\nmade: []\n",
        "x" * (MAX_BYTES + 1),
        "\ud800",
    ],
    ids=range(17),
)
def test_hostile_documents(text: str) -> None:
    with pytest.raises(ConfigError):
        read(text)


def test_an_alias_bomb_does_not_go_off() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi")]  # noqa: B905
    with pytest.raises(ConfigError, match="anchors"):
        read("\n".join(lines))


ODD = (
    "evil ../../x /etc/shadow $(id) ; | `id` --ignore-install 'x' \"x\" {{x}} !!python/none & * "
    "true no 0 1 -1 1e9 99999999999999999999 null ~ [] {} [a] {a: b} \\ \x1b \u202e aes_ti af_key "
    "SYS_MODULE net.ipv4.ip_forward 0644 name: request: state: builtin live loadable blocked"
)
ATOMS = ODD.split(" ")


def mutated(random: Random, text: str) -> str:
    """The text with a few lines, words or characters changed."""
    for _ in range(random.randint(1, 3)):
        lines = text.split("\n")
        spot = random.randrange(len(lines))
        match random.randrange(8):
            case 0:
                del lines[spot]
            case 1:
                lines.insert(spot, random.choice(lines))
            case 2:
                other = random.randrange(len(lines))
                lines[spot], lines[other] = lines[other], lines[spot]
            case 3:
                lines[spot] = " " * random.randint(1, 4) + lines[spot]
            case 4:
                key, colon, _ = lines[spot].partition(": ")
                lines[spot] = f"{key}{colon}{random.choice(ATOMS)}"
            case 5:
                words = lines[spot].split(" ")
                words[random.randrange(len(words))] = random.choice(ATOMS)
                lines[spot] = " ".join(words)
            case 6:
                at = random.randint(0, len(lines[spot]))
                char = chr(random.choice([0, 9, 10, 13, 34, 35, 38, 39, 42, 58, 91, 123, 0x2028]))
                lines[spot] = lines[spot][:at] + char + lines[spot][at + random.randint(0, 2) :]
            case _:
                lines = lines[: spot + 1]
        text = "\n".join(lines)
    return text


@pytest.mark.fuzz
def test_ten_thousand_mutated_plans(rounds: Callable[[int], int]) -> None:
    count = rounds(10_000)
    random = Random("host plans")  # noqa: S311
    small = text_of(plan("modprobe-empty", NEEDS[:1]))
    read_back = refused = 0
    for _ in range(count):
        text = mutated(random, small)
        try:
            found = read(text)
        except ConfigError as error:
            assert error.message.isprintable() and len(error.message) < 700, text
            refused += 1
            continue
        # what was read is a plan that we would write, and means the same again
        assert read(text_of(found)) == found
        read_back += 1
    # both answers are really exercised
    assert read_back > count * 0.03 and refused > count / 2, (read_back, refused)
