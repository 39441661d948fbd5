# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped map, and suites written as text."""

from collections.abc import Iterable
from pathlib import Path

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.needs.need import Suite
from tests.shipped import CATALOG as CATALOG
from tests.shipped import daemon_tree

ESP, AH = Protocol.ESP, Protocol.AH
CONTEXT = Context(
    catalog=CATALOG, tree=daemon_tree, families=(Family.IPV4, Family.IPV6), fips=False
)


def labels(suites: Iterable[Suite]) -> list[str]:
    """`AES_CBC_128 HMAC_SHA1_96`, in order, each once: without protocol and ESN."""
    names = (suite.label.partition(" ")[2].removesuffix(" ESN") for suite in suites)
    return list(dict.fromkeys(names))


def esn(suites: Iterable[Suite]) -> set[bool]:
    """What may be negotiated about ESN; the same for every combination of algorithms."""
    every = list(suites)
    found = {suite.esn for suite in every}
    assert len(every) == len(labels(every)) * len(found)
    return found


def table(name: str) -> list[dict[str, str]]:
    """The rows of a .tsv file beside this one."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    return [dict(zip(head, line.split("\t"), strict=True)) for line in lines[1:]]
