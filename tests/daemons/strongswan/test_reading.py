# SPDX-License-Identifier: GPL-3.0-or-later
"""What the trees do not show: sources, narrowed families, the daemon without a file, whose file."""

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.strict_yaml import parse
from modprobe_ipsec.daemons.strongswan import daemon as strongswan_daemon
from modprobe_ipsec.daemons.strongswan.options import build
from modprobe_ipsec.host.shipped import read_data
from modprobe_ipsec.needs.need import Mode, Source
from modprobe_ipsec.needs.reading import IgnoredConnection, Place, Problem
from tests.shipped import CATALOG, TEXTS

from .common import IPSEC, OPTIONS, STRONGSWAN, SWANCTL, Texts, read

CHILD = (
    "connections {\n gw {\n  remote_addrs = %s\n  children {\n   net {\n    %s\n   }\n  }\n }\n}\n"
)


def child(option: str = "esp_proposals = aes128gcm16", remote: str = "192.0.2.1") -> str:
    return CHILD % (remote, option)


def test_source_of_a_proposal() -> None:
    (need,) = read(child()).needs
    place, conn = "/etc/swanctl/swanctl.conf:6", "gw children net"
    source = Source(f"{place} {conn}", "aes128gcm16", "strongswan", conn=conn, place=place)
    assert need.sources == (source,)
    assert need.mode is Mode.TUNNEL


def test_source_of_the_defaults() -> None:
    source = read(child("reqid = 1")).needs[0].sources[0]
    assert source.where == "/etc/swanctl/swanctl.conf:5 gw children net"
    assert source.text.startswith("aes128gcm16-aes192gcm16-")


def test_source_of_a_conn() -> None:
    (need,) = read({IPSEC: "conn a\n right=192.0.2.1\n auto=add\n esp=aes128gcm16!\n"}).needs
    place = "/etc/ipsec.conf:4"
    source = Source(f"{place} a", "aes128gcm16!", "strongswan", conn="a", place=place)
    assert need.sources == (source,)


def test_narrowed_family() -> None:
    reading = read(child(remote="%any"), families=(Family.IPV6,))
    assert [need.family for need in reading.needs] == [Family.IPV6]
    reading = read(child(), families=(Family.IPV6,))
    assert not reading.needs
    (silent,) = reading.silent
    assert silent.why == "its addresses are IPv4 only, which is left out"


def test_problem() -> None:
    (problem,) = read(child("mode = tunel")).problems
    assert problem.place == Place(SWANCTL, 6)
    assert problem.conn == "gw"
    assert "`mode`: it is none of tunnel, transport" in problem.text


def test_no_file() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read({SWANCTL + ".bak": ""}, daemon_conf=strongswan_daemon.DaemonConf())


def test_an_unreadable_include_is_no_secret() -> None:
    class Door(Texts):
        def text(self, path: str) -> str:
            if path == "/etc/swanctl/conf.d/a.conf":
                raise ConfigError(f"{path}: permission denied")
            return super().text(path)

    files = Door({SWANCTL: "include conf.d/*\n" + child(), "/etc/swanctl/conf.d/a.conf": ""})
    from modprobe_ipsec.daemons.strongswan import swanctl

    reading = swanctl.read(
        SWANCTL,
        files,
        CATALOG,
        options=OPTIONS,
        families=tuple(Family),
        daemon_conf=strongswan_daemon.DaemonConf(),
    )
    assert len(reading.needs) == 1
    text = "`include`: /etc/swanctl/conf.d/a.conf: permission denied"
    assert reading.problems == (Problem(Place(SWANCTL, 1), "", text, unread=True),)


def test_hw_offload_auto() -> None:
    reading = read(child("hw_offload = auto\n    esp_proposals = aes128gcm16"))
    assert not reading.features
    (silent,) = reading.silent
    assert isinstance(silent, IgnoredConnection)
    assert "nothing fails where none has" in silent.why


@pytest.mark.parametrize("window", ["0", "0x0", "-0", "4294967296", "9" * 5000 + "0", ""])
def test_esn_needs_a_replay_window(window: str) -> None:
    reading = read(child(f"replay_window = {window}\n    esp_proposals = aes128-sha1-esn"))
    off = window in ("0", "0x0", "-0", "4294967296")
    assert [need.suite.esn for need in reading.needs] == [not off]


@pytest.mark.parametrize("daemon", ["charon-systemd", "charon"])
def test_daemon_without_a_file(daemon: str) -> None:
    conf = strongswan_daemon.read(STRONGSWAN, Texts({}), options=OPTIONS, daemon=daemon)
    assert (conf.kernel, conf.replay_window, conf.features) == ("netlink", 32, ())
    (test_interface,) = conf.optional
    assert test_interface.feature == "xfrm_interface"
    assert test_interface.sources[0].where == "charon's test interface"


def test_whose_section() -> None:
    """charon-systemd falls back to charon; charon under starter knows nothing of charon-systemd."""
    files = Texts({STRONGSWAN: "charon-systemd {\n replay_window = 0\n}\ncharon {\n load = a\n}\n"})
    conf = strongswan_daemon.read(STRONGSWAN, files, options=OPTIONS)
    assert conf.replay_window == 0
    conf = strongswan_daemon.read(STRONGSWAN, files, options=OPTIONS, daemon="charon")
    assert conf.replay_window == 32


def test_without_kernel_netlink_no_test_interface() -> None:
    files = Texts({STRONGSWAN: "charon {\n load = kernel-pfkey kernel-pfroute\n}\n"})
    conf = strongswan_daemon.read(STRONGSWAN, files, options=OPTIONS)
    assert conf.kernel == "pfkey"
    assert not conf.optional


def test_features_are_known() -> None:
    known = parse(read_data(("features",))["features"], "data/features.yaml")
    asked = {ask.feature for ask in OPTIONS.asks.values()}
    asked |= {plugin.feature for plugin in OPTIONS.plugins.values() if plugin.feature}
    assert asked <= known.keys()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    mobike: bool", "    mobike: boolean", "`boolean` is no kind of value"),
        ("  iptfs: [iptfs, tunnel]", "  iptfs: [iptf]", "'iptf' is no Mode of an SA"),
        ("kernel: netlink}", "kernel: pluto}", "`pluto` is none of netlink, pfkey, libipsec"),
        ("  yes_no: {exact:", "  yes_no: {exactly:", "one of `words`, `exact` and `pattern`"),
        ("families: true", 'families: "yes"', "`families` must be true or false"),
        ("feature: iptfs, pattern", "features: iptfs, pattern", "`feature` is missing"),
        ("deprecated: [pfs,", "deprecated: [1,", "`deprecated` must hold texts"),
        ("shunts:", "surprise: x\nshunts:", "unknown key `surprise`"),
    ],
)
def test_a_mistake_in_the_table(old: str, new: str, message: str) -> None:
    text = TEXTS["daemons/strongswan"]
    assert old in text
    with pytest.raises(ConfigError, match=r"data/daemons/strongswan.yaml:\d+: ") as caught:
        build(parse(text.replace(old, new, 1), "data/daemons/strongswan.yaml"))
    assert message in caught.value.message


def test_pass_and_drop_are_not_ipsec_conf_names() -> None:
    assert read(child("mode = passthrough")).problems
    assert read(child("mode = pass")).silent
