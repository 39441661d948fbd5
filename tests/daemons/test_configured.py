# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is read, and whose it is."""

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.loader import DAEMON_FILES, parse_all
from modprobe_ipsec.catalog.model import Daemon, Family
from modprobe_ipsec.daemons.common.context import Context
from modprobe_ipsec.daemons.configured import read_file, read_host
from modprobe_ipsec.host.machine.installed import Installed, release
from modprobe_ipsec.host.shipped import read_data
from tests.daemons.texts import Texts
from tests.shipped import CATALOG

TREES = parse_all(read_data(DAEMON_FILES))
CONTEXT = Context(CATALOG, TREES, tuple(Family), False, None, None)

LIBRESWAN = (
    "config setup\nconn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n\tikev2=insist\n"
)
STARTER = "ca x\n\tcacert=x.pem\nconn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n"
EITHER = "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n"
SWANCTL = "connections {\n a { children { b { esp_proposals = aes256gcm16 } } }\n}\n"


def owners(path: str, text: str, daemon: Daemon | None = None) -> set[Daemon | None]:
    reading = read_file(path, Texts({path: text}), CONTEXT._replace(daemon=daemon))
    return {source.daemon for need in reading.needs for source in need.sources}


def test_a_file_tells_whose_it_is() -> None:
    assert owners("/x/ipsec.conf", LIBRESWAN) == {Daemon.LIBRESWAN}
    assert owners("/x/ipsec.conf", STARTER) == {Daemon.STRONGSWAN}
    assert owners("/x/my.conf", SWANCTL) == {Daemon.STRONGSWAN}


def test_what_both_could_read_is_asked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        owners("/x/ipsec.conf", EITHER)
    assert "--daemon libreswan" in caught.value.hint
    assert owners("/x/ipsec.conf", EITHER, Daemon.LIBRESWAN) == {Daemon.LIBRESWAN}
    assert owners("/x/ipsec.conf", EITHER, Daemon.STRONGSWAN) == {Daemon.STRONGSWAN}


BOTH = {"/etc/ipsec.conf": EITHER, "/etc/swanctl/swanctl.conf": SWANCTL}


@pytest.mark.parametrize(
    ("installed", "paths"),
    [
        (Installed(True, None, False, False), ["/etc/ipsec.conf"]),
        (Installed(False, None, True, True), list(BOTH)),
        # left behind by a daemon that is gone
        (Installed(False, None, True, False), ["/etc/swanctl/swanctl.conf"]),
    ],
)
def test_what_is_installed_decides(installed: Installed, paths: list[str]) -> None:
    read, reading = read_host(Texts(BOTH), CONTEXT, installed)
    assert list(read) == paths
    assert reading.needs


def test_both_installed_and_nothing_tells() -> None:
    with pytest.raises(ConfigError, match="nothing tells whose it is"):
        read_host(Texts(BOTH), CONTEXT, Installed(True, None, True, True))


def test_starter_may_have_its_file_elsewhere() -> None:
    files = Texts(
        {
            "/etc/strongswan.conf": "starter { config_file = /srv/ipsec.conf }\n",
            "/srv/ipsec.conf": EITHER,
            **BOTH,
        }
    )
    read, _ = read_host(files, CONTEXT, Installed(False, None, True, True))
    assert list(read) == ["/srv/ipsec.conf", "/etc/swanctl/swanctl.conf"]


@pytest.mark.parametrize(
    ("path", "installed"),
    [
        ("/etc/swanctl/swanctl.conf", Installed(False, None, True, False)),
        ("/etc/ipsec.conf", Installed(True, (4, 10), False, False)),
    ],
    ids=["charon", "pluto"],
)
def test_a_daemon_needs_its_socket_even_without_connections(
    path: str, installed: Installed
) -> None:
    context = CONTEXT._replace(release=installed.libreswan_release)
    _, reading = read_host(Texts({path: "# nothing yet\n"}), context, installed)
    assert [feature.feature for feature in reading.features] == ["xfrm_socket"]
    assert reading.needs == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1:4.10-2+deb12u1", (4, 10)),
        ("5.2-2.5", (5, 2)),
        ("5.3", (5, 3)),
        ("5", None),
        ("", None),
        ("x.y", None),
    ],
)
def test_release(text: str, number: tuple[int, int] | None) -> None:
    assert release(text) == number
