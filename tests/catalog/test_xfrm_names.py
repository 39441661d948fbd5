# SPDX-License-Identifier: GPL-3.0-or-later
"""data/xfrm.yaml: all that linux/xfrm.h (7.3) and the help of `ip xfrm` name, with its value."""

from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.strict_yaml import parse
from modprobe_ipsec.catalog.xfrm_names import read_xfrm_names
from modprobe_ipsec.lab.messages import XfrmMessage
from tests.shipped import TEXTS, TREES

NAMES = read_xfrm_names(TREES["xfrm"])
HEADER = (Path(__file__).parents[1] / "glossary/names/xfrm.h").read_text().split()
# Not of SAs and policies: of lists, bounds, and another name for SET_MARK.
OTHERS = {"UNSPEC", "MAX", "OUTPUT_MARK", "REPLAY_ESN_MAX"}


def test_every_attribute_is_there() -> None:
    known = {
        name.removeprefix("XFRMA_")
        for name in HEADER
        if name.startswith("XFRMA_") and not name.startswith(("XFRMA_SAD_", "XFRMA_SPD_"))
    }
    found = {each.name: each for each in NAMES["sa attributes"] if each.name != "no such attribute"}
    assert found.keys() == known - OTHERS
    numbers = {name.removeprefix("XFRMA_"): number for number, name, _ in XfrmMessage.nla_map}
    for table in ("sa attributes", "policy attributes"):
        assert all(numbers[each.name] == each.value for each in NAMES[table])


@pytest.mark.parametrize(
    ("table", "prefix"),
    [
        ("sa flags", "XFRM_STATE_"),
        ("extra flags", "XFRM_SA_XFLAG_"),
        ("modes", "XFRM_MODE_"),
    ],
)
def test_every_flag_and_mode_is_there(table: str, prefix: str) -> None:
    known = {name.removeprefix(prefix) for name in HEADER if name.startswith(prefix)} - OTHERS
    found = {each.name.upper().replace("-", "_") for each in NAMES[table]} - {"NO SUCH FLAG"}
    # the header writes this one in full
    assert found == {"RO" if name == "ROUTEOPTIMIZATION" else name for name in known}


def test_every_flag_of_policies_is_there() -> None:
    assert [each.name for each in NAMES["policy flags"]][:3] == ["localok", "icmp", "cpu-acquire"]
    assert {"XFRM_POLICY_LOCALOK", "XFRM_POLICY_ICMP", "XFRM_POLICY_CPU_ACQUIRE"} <= set(HEADER)


def test_each_tells_what_it_does_or_why_it_is_not_asked() -> None:
    for table in ("sa attributes", "policy attributes"):
        for each in NAMES[table]:
            assert not (each.unasked and (each.data or each.unseen)), each.name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{value: 9, data: "u99:5"}', "`u99:5` is no field such as u32:5"),
        ('{value: 9, data: "u8:256"}', "`u8:256` does not fit"),
        ("{value: 9, with: [moon]}", "`moon` is none of in_udp, tunnel, "),
        ("{value: 9, colour: red}", "unknown key `colour`"),
    ],
)
def test_a_mistake_names_its_line(row: str, message: str) -> None:
    text = TEXTS["xfrm"].replace("  noecn: {value: 1}", f"  noecn: {row}")
    line = 1 + text[: text.index(row)].count("\n")
    with pytest.raises(ConfigError) as error:
        read_xfrm_names(parse(text, "data/xfrm.yaml"))
    assert f"data/xfrm.yaml:{line}: {message}" in str(error.value)
