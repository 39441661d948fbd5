# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that plugins of charon's make or fetch, and that stand in no ipsec.conf or
swanctl.conf.

source: src/libcharon/plugins/ha/ha_tunnel.c setup_tunnel, load_tester/load_tester_config.c,
        sql/sql_plugin.c, uci/uci_config.c
"""

from modprobe_ipsec.base.annotations import Callable, Mapping
from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.daemons.strongswan.asks import Asks, Child, Offer
from modprobe_ipsec.daemons.strongswan.daemon import LoadedPlugin
from modprobe_ipsec.daemons.strongswan.settings import TRUE
from modprobe_ipsec.daemons.strongswan.values import Values
from modprobe_ipsec.needs.reading import Place, Problem

_DATABASES = ("mysql", "sqlite")
_TESTED = "aes128-sha1"


def add(plugins: Mapping[str, LoadedPlugin], asks: Asks, values: Values) -> None:
    """What the plugins that are loaded ask for, or that it cannot be told."""
    for name, read in _BACKENDS.items():
        if name in plugins:
            read(plugins[name], asks, values)


def _sql(plugin: LoadedPlugin, asks: Asks, values: Values) -> None:
    # a URI may have a password in it
    uri = plugin.value("database")
    scheme, found, _ = uri.partition("://")
    if uri:
        shown = f"{scheme}://..." if found and scheme in _DATABASES else "..."
        place = plugin.settings["database"].place
        _unread(place, "sql", f"the database {shown}", asks)


def _uci(plugin: LoadedPlugin, asks: Asks, values: Values) -> None:
    _unread(plugin.place, "uci", "UCI", asks)


def _unread(place: Place, name: str, source: str, asks: Asks) -> None:
    text = f"connections come from {source} (plugin {name}), which is not read"
    asks.problems.append(Problem(place, "", text, unread=True))


def _ha(plugin: LoadedPlugin, asks: Asks, values: Values) -> None:
    """The tunnel in which two nodes of a cluster keep each other informed."""
    local, remote = plugin.value("local"), plugin.value("remote")
    if local and remote and plugin.value("secret"):
        families = values.families(local) & values.families(remote)
        place = plugin.settings["secret"].place
        child = _child(place, "ha", None, "transport", families)
        # the other node asks for the same
        asks.add(child._replace(agreed=True))


def _load_tester(plugin: LoadedPlugin, asks: Asks, values: Values) -> None:
    if plugin.value("enable").lower() not in TRUE or plugin.value("fake_kernel").lower() in TRUE:
        return
    proposal = plugin.value("esp") or _TESTED
    if "," in proposal or values.wrong("esp_proposals", proposal, "proposals"):
        proposal = _TESTED
    mode = plugin.value("mode")
    responder = plugin.value("responder")
    families = values.families(responder) if responder else frozenset(Family)
    mode = mode if mode in ("transport", "beet") else "tunnel"
    asks.add(_child(plugin.place, "load-tester", proposal, mode, families))


def _child(
    place: Place, name: str, proposal: str | None, mode: str, families: frozenset[Family]
) -> Child:
    return Child(
        name=f"plugin {name}",
        place=place,
        offers=(Offer(Protocol.ESP, proposal, place),),
        mode=mode,
        families=families,
        ipcomp=None,
        sha256_96=False,
        replay_window=None,
        options={},
    )


_BACKENDS: Mapping[str, Callable[[LoadedPlugin, Asks, Values], None]] = {
    "ha": _ha,
    "load-tester": _load_tester,
    "sql": _sql,
    "uci": _uci,
}
