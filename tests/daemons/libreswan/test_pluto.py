# SPDX-License-Identifier: GPL-3.0-or-later
"""What pluto 4.10 and 5.2 made of a connection with one setting (`pluto.tsv`), and what we do."""

import pytest

from . import pluto
from .common import CONF, read
from .readwriteconf import VERSIONS

# Settings, by how they begin, that pluto looks at and this program does not, as the manual says.
NOT_LOOKED_AT = (
    *("leftcert=", "leftckaid=", "leftid=", "leftrsasigkey=", "ike=", "modecfgdns="),
    *("leftprotoport=", "leftsourceip=", "leftsubnet=10.0.0.0/33", "leftsubnet=foo"),
    "leftsubnets={10.1.0.0/16 10.2.0.x}",
)
ROWS = [
    (version, row[0], said == "added")
    for row in pluto.rows()
    for version, said in zip(VERSIONS.values(), row[1:], strict=True)
]


@pytest.mark.parametrize(("version", "setting", "added"), ROWS)
def test_a_connection(version: tuple[int, int], setting: str, added: bool) -> None:
    reading = read({CONF: pluto.config({"a": setting})}, version=version, vendor="debian")
    ours = any(" conn a" in source.where for need in reading.needs for source in need.sources)
    assert ours or not added
    if not setting.startswith(NOT_LOOKED_AT):
        assert ours is added
    if not ours:
        assert [problem.conn for problem in reading.problems] == ["a"]


def test_the_table_has_both() -> None:
    for version in VERSIONS.values():
        assert {added for of, _, added in ROWS if of == version} == {True, False}
