# SPDX-License-Identifier: GPL-3.0-or-later
"""strongswan.conf: what of it changes what the daemon asks the kernel for.

source: src/libstrongswan/plugins/plugin_loader.c modular_pluginlist, library.c;
        src/libcharon/plugins/kernel_netlink/kernel_netlink_xfrmi.c
"""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions
from modprobe_ipsec.daemons.strongswan.settings import (
    FALSE,
    TRUE,
    Node,
    Setting,
    Settings,
    as_number,
    parse,
)
from modprobe_ipsec.needs.need import FeatureNeed, Source
from modprobe_ipsec.needs.reading import Files, Place, Problem

DEFAULT_REPLAY_WINDOW = 32

# Whose sections are read, the first that has a setting wins.
_FALLBACKS = ("charon", "libstrongswan")
_TEST_INTERFACE = "charon's test interface"


class LoadedPlugin(Value):
    """A plugin of interest that is loaded, and what its section sets."""

    place: Place
    settings: Mapping[str, Setting] = {}  # noqa: RUF012 (never changed)

    def value(self, key: str) -> str:
        """A setting; empty if it is not there."""
        return self.settings[key].value or "" if key in self.settings else ""


class DaemonConf(Value):
    """The daemon as strongswan.conf makes it."""

    # netlink, pfkey or libipsec: who sets up SAs.
    kernel: str = "netlink"
    replay_window: int = DEFAULT_REPLAY_WINDOW
    # What the daemon's plugins ask for, whatever connections there are.
    features: tuple[FeatureNeed, ...] = ()
    # The same, but nothing fails without it: `xfrmi-test-N`, made and deleted at every start
    # since 5.9.10; crypto for IKE that the daemon has a replacement for.
    optional: tuple[FeatureNeed, ...] = ()
    problems: tuple[Problem, ...] = ()
    plugins: Mapping[str, LoadedPlugin] = {}  # noqa: RUF012 (never changed)
    # starter.config_file: another place for ipsec.conf; empty if it is the usual one.
    ipsec_conf: str = ""


class _Chain:
    """The sections that the daemon reads, the first that has something wins."""

    def __init__(self, settings: Settings, names: tuple[str, ...]) -> None:
        self.nodes = [settings.find(name) for name in names]

    def value(self, key: str, *path: str) -> tuple[str, Place | None]:
        for node in self.nodes:
            for name in path:
                node = node.child(name)
            setting = node.values().get(key)
            if setting:
                return setting.value or "", setting.place
        return "", None

    def section(self, *path: str) -> dict[str, Setting]:
        """All that is set there."""
        found: dict[str, Setting] = {}
        for node in self.nodes:
            for name in path:
                node = node.child(name)
            for key, setting in node.values().items():
                found.setdefault(key, setting)
        return found

    def sections(self, name: str) -> list[str]:
        nodes: list[Node] = [node.child(name) for node in self.nodes]
        return list(dict.fromkeys(child for node in nodes for child, _ in node.children()))


def read(
    path: str, files: Files, *, options: StrongswanOptions, daemon: str = "charon-systemd"
) -> DaemonConf:
    """Read strongswan.conf as `daemon` does: charon-systemd, or charon under starter.

    Without the file the daemon has its defaults. Raises ConfigError.
    """
    if not files.exists(path):
        return DaemonConf(optional=(_test_interface(),))
    settings = parse(path, files)
    chain = _Chain(settings, tuple(dict.fromkeys((daemon, *_FALLBACKS))))
    plugins = _plugins(chain, options)
    kernel = next((name for name in plugins if options.plugins[name].kernel), "kernel-netlink")
    features: list[FeatureNeed] = []
    optional = [_test_interface()] if "kernel-netlink" in plugins else []
    for name, place in plugins.items():
        plugin = options.plugins[name]
        # what another plugin has taken over is not used
        if plugin.feature and (not plugin.kernel or name == kernel):
            where = str(place or path)
            source = Source(where, f"plugin {name}", DAEMON.name, place=where)
            need = FeatureNeed(plugin.feature, None, (source,))
            (optional if plugin.optional else features).append(need)
    window, _ = chain.value("replay_window")
    ipsec_conf = settings.find("starter").values().get("config_file")
    return DaemonConf(
        kernel=options.plugins[kernel].kernel,
        replay_window=as_number(window, DEFAULT_REPLAY_WINDOW),
        features=tuple(features),
        optional=tuple(optional),
        problems=tuple(settings.problems),
        plugins={
            name: LoadedPlugin(place or Place(path, 1), chain.section("plugins", name))
            for name, place in plugins.items()
        },
        ipsec_conf=(ipsec_conf.value or "") if ipsec_conf else "",
    )


def _plugins(chain: _Chain, options: StrongswanOptions) -> dict[str, Place | None]:
    """Plugins of interest that are loaded, in their order, each with the line that says so."""
    listed, listing = chain.value("load")
    given = [name.removesuffix("!") for name in listed.split(" ") if name]
    modular, _ = chain.value("load_modular")
    is_modular = modular.lower() in TRUE
    builtin = list(options.plugins)
    # what is built in nobody can see here; kernel-netlink is, and what somebody has set up
    names = given if listing else ["kernel-netlink", *_set_up(chain, options)]
    if is_modular:
        names = chain.sections("plugins")
    order: dict[str, int] = {}
    for at, name in enumerate(given if listing else builtin):
        order.setdefault(name, at)
    names = list(dict.fromkeys(names))
    found: list[tuple[int, int, str, Place | None]] = []
    for name in names:
        if name not in options.plugins:
            continue
        load, place = chain.value("load", "plugins", name)
        priority = as_number(load, 0)
        if not priority:
            if load.lower() in FALSE or (is_modular and load.lower() not in TRUE):
                continue
            priority = 1
        found.append((-priority, order.get(name, len(order)), name, place or listing))
    return {name: place for _, _, name, place in sorted(found, key=lambda item: item[:3])}


def _set_up(chain: _Chain, options: StrongswanOptions) -> list[str]:
    return [
        name
        for name, plugin in options.plugins.items()
        if plugin.given and plugin.given in chain.section("plugins", name)
    ]


def _test_interface() -> FeatureNeed:
    source = Source(_TEST_INTERFACE, "xfrmi-test", DAEMON.name)
    return FeatureNeed("xfrm_interface", None, (source,))
