# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is read, and whose it is."""

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.common.descriptor import Context, Daemon
from modprobe_ipsec.daemons.configured import read_file, read_host
from modprobe_ipsec.daemons.installed import Installed, release
from tests import shipped
from tests.daemons.texts import Texts
from tests.shipped import CATALOG, daemon_tree

CONTEXT = Context(CATALOG, daemon_tree, tuple(Family), fips=False)
PLUTO, STARTER_PROGRAM, SWANCTL_PROGRAM = (
    *("/usr/libexec/ipsec/pluto", "/usr/lib/ipsec/starter", "/usr/sbin/swanctl"),
)


def installed(*programs: str) -> Installed:
    return Installed(frozenset(programs))


LIBRESWAN = (
    "config setup\nconn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n\tikev2=insist\n"
)
STARTER = "ca x\n\tcacert=x.pem\nconn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n"
EITHER = "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n"
SWANCTL = "connections {\n a { children { b { esp_proposals = aes256gcm16 } } }\n}\n"


def owners(path: str, text: str, daemon: Daemon | None = None) -> set[str | None]:
    context = CONTEXT._replace(daemon=daemon)
    reading = read_file(path, Texts({path: text}), context, installed())
    return {source.daemon for need in reading.needs for source in need.sources}


def test_a_file_tells_whose_it_is() -> None:
    assert owners("/x/ipsec.conf", LIBRESWAN) == {"libreswan"}
    assert owners("/x/ipsec.conf", STARTER) == {"strongswan"}
    assert owners("/x/my.conf", SWANCTL) == {"strongswan"}


def test_what_both_could_read_is_asked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        owners("/x/ipsec.conf", EITHER)
    assert "--daemon libreswan" in caught.value.hint
    assert owners("/x/ipsec.conf", EITHER, shipped.LIBRESWAN) == {"libreswan"}
    assert owners("/x/ipsec.conf", EITHER, shipped.STRONGSWAN) == {"strongswan"}


BOTH = {"/etc/ipsec.conf": EITHER, "/etc/swanctl/swanctl.conf": SWANCTL}


@pytest.mark.parametrize(
    ("there", "paths"),
    [
        (installed(PLUTO), ["/etc/ipsec.conf"]),
        (installed(STARTER_PROGRAM), list(BOTH)),
        # left behind by a daemon that is gone
        (installed(SWANCTL_PROGRAM), ["/etc/swanctl/swanctl.conf"]),
    ],
)
def test_what_is_installed_decides(there: Installed, paths: list[str]) -> None:
    read, reading = read_host(Texts(BOTH), CONTEXT, there)
    assert list(read) == paths
    assert reading.needs


def test_both_installed_and_nothing_tells() -> None:
    with pytest.raises(ConfigError, match="nothing tells whose it is"):
        read_host(Texts(BOTH), CONTEXT, installed(PLUTO, STARTER_PROGRAM))


def test_starter_may_have_its_file_elsewhere() -> None:
    files = Texts(
        {
            "/etc/strongswan.conf": "starter { config_file = /srv/ipsec.conf }\n",
            "/srv/ipsec.conf": EITHER,
            **BOTH,
        }
    )
    read, _ = read_host(files, CONTEXT, installed(STARTER_PROGRAM))
    assert list(read) == ["/srv/ipsec.conf", "/etc/swanctl/swanctl.conf"]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/etc/swanctl/swanctl.conf", installed(SWANCTL_PROGRAM)),
        ("/etc/ipsec.conf", installed(PLUTO)._replace(releases={"libreswan": (4, 10)})),
    ],
    ids=["charon", "pluto"],
)
def test_a_daemon_needs_its_socket_even_without_connections(path: str, there: Installed) -> None:
    _, reading = read_host(Texts({path: "# nothing yet\n"}), CONTEXT, there)
    assert [feature.feature for feature in reading.features] == ["xfrm_socket"]
    assert reading.needs == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1:4.10-2+deb12u1", (4, 10)),
        ("5.2-2.5", (5, 2)),
        ("5.3", (5, 3)),
        ("5.9.8-5+deb12u1", (5, 9, 8)),
        ("6.0.0~rc1-1", (6, 0, 0)),
        ("5.9.14-r0", (5, 9, 14)),
        ("5.9.x", None),
        ("5", None),
        ("", None),
        ("x.y", None),
    ],
)
def test_release(text: str, number: tuple[int, ...] | None) -> None:
    assert release(text) == number
