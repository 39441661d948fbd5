# SPDX-License-Identifier: GPL-3.0-or-later
"""strongswan.conf: what of it changes what the daemon asks the kernel for.

source: src/libstrongswan/plugins/plugin_loader.c modular_pluginlist, library.c;
        src/libcharon/plugins/kernel_netlink/kernel_netlink_xfrmi.c
"""

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.common.errors import show
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions
from modprobe_ipsec.daemons.strongswan.settings import FALSE, TRUE, Node, Settings, as_number, parse
from modprobe_ipsec.needs.need import FeatureNeed, Source
from modprobe_ipsec.needs.reading import Files, Place, Problem

DEFAULT_REPLAY_WINDOW = 32

# Whose sections are read, the first that has a setting wins.
_FALLBACKS = ("charon", "libstrongswan")
_TEST_INTERFACE = "charon's test interface"


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
    # Whether kernel-netlink is loaded, which opens an XFRM socket at the start.
    netlink: bool = True
    # Transforms that `kernel` cannot set up, and the problem to tell of where one is needed.
    cannot: frozenset[str] = frozenset()
    cannot_problem: Problem | None = None
    # The SA of plugin ha: the addresses of both ends, and where that is set.
    cluster: tuple[str, str, Place] | None = None
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
    problems: list[Problem] = []
    for name, place in plugins.items():
        plugin = options.plugins[name]
        # what another plugin has taken over is not used
        if plugin.feature and (not plugin.kernel or name == kernel):
            source = Source(str(place or path), f"plugin {name}", DAEMON.name)
            need = FeatureNeed(plugin.feature, None, (source,))
            (optional if plugin.optional else features).append(need)
        if plugin.connections:
            where = chain.value(plugin.setting, "plugins", name)[0] if plugin.setting else ""
            text = plugin.connections.replace("{}", show(where))
            problems.append(Problem(place or Place(path, 1), "", text, unread=True))
    serving = options.plugins[kernel]
    cannot = Problem(plugins.get(kernel) or Place(path, 1), "", serving.problem)
    window, _ = chain.value("replay_window")
    ipsec_conf = settings.find("starter").values().get("config_file")
    return DaemonConf(
        kernel=serving.kernel,
        replay_window=as_number(window, DEFAULT_REPLAY_WINDOW),
        features=tuple(features),
        optional=tuple(optional),
        problems=(*settings.problems, *problems),
        netlink="kernel-netlink" in plugins,
        cannot=serving.cannot,
        cannot_problem=cannot if serving.problem else None,
        cluster=_cluster(chain) if "ha" in plugins else None,
        ipsec_conf=(ipsec_conf.value or "") if ipsec_conf else "",
    )


def _cluster(chain: _Chain) -> tuple[str, str, Place] | None:
    """Plugin ha secures what it tells the other host only if it has a secret for that.

    source: src/libcharon/plugins/ha/ha_tunnel.c setup_tunnel()
    """
    (local, _), (remote, _), (secret, place) = (
        chain.value(key, "plugins", "ha") for key in ("local", "remote", "secret")
    )
    return (local, remote, place) if local and remote and secret and place else None


def _plugins(chain: _Chain, options: StrongswanOptions) -> dict[str, Place | None]:
    """Plugins of interest that are loaded, in their order, each with the line that says so."""
    listed, listing = chain.value("load")
    given = [name.removesuffix("!") for name in listed.split(" ") if name]
    modular, _ = chain.value("load_modular")
    is_modular = modular.lower() in TRUE
    builtin = list(options.plugins)
    # what is built in nobody can see here; kernel-netlink is
    names = given if listing else ["kernel-netlink"]
    if is_modular:
        names = chain.sections("plugins")
    order = given if listing else builtin
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
        position = order.index(name) if name in order else len(order)
        found.append((-priority, position, name, place or listing))
    return {name: place for _, _, name, place in sorted(found, key=lambda item: item[:3])}


def _test_interface() -> FeatureNeed:
    source = Source(_TEST_INTERFACE, "xfrmi-test", DAEMON.name)
    return FeatureNeed("xfrm_interface", None, (source,))
