# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configurations a host has, whose they are, and what all of them together ask for."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from modprobe_ipsec.catalog.model import Catalog, Daemon, Family
from modprobe_ipsec.demand import libreswan_needs, libreswan_whose, strongswan_daemon, swanctl
from modprobe_ipsec.demand import strongswan_starter as starter
from modprobe_ipsec.demand.libreswan_options import libreswan_options
from modprobe_ipsec.demand.need import FeatureNeed, Source, merge, merge_features
from modprobe_ipsec.demand.reading import Files, Reading
from modprobe_ipsec.demand.strongswan_options import build as strongswan_options
from modprobe_ipsec.errors import ConfigError
from modprobe_ipsec.host.daemons import Installed

# Debian and most others; Fedora and RHEL put strongSwan's below a directory of its own.
_IPSEC_CONF = ("/etc/ipsec.conf", "/etc/strongswan/ipsec.conf")
_SWANCTL_CONF = ("/etc/swanctl/swanctl.conf", "/etc/strongswan/swanctl/swanctl.conf")
_STRONGSWAN_CONF = ("/etc/strongswan.conf", "/etc/strongswan/strongswan.conf")


class Context(NamedTuple):
    """What the readers have to know besides the files."""

    catalog: Catalog
    # data/libreswan.yaml and data/strongswan.yaml, parsed.
    trees: Mapping[str, Mapping[str, object]]
    families: tuple[Family, ...]
    fips: bool
    # Whose configuration it is, if the user says so.
    daemon: Daemon | None
    # libreswan's release, None for the newest.
    release: tuple[int, int] | None


def read_file(path: str, files: Files, context: Context) -> Reading:
    """Read one configuration, whatever kind it is.

    Raises ConfigError if it cannot be read, is none, or may be either daemon's.
    """
    text = files.text(path)
    if path.endswith("swanctl.conf") or _is_settings(text):
        return _swanctl(path, files, context)
    daemon = context.daemon or _whose(path, text, context)
    if daemon is Daemon.LIBRESWAN:
        return _libreswan(path, files, context)
    return _starter(path, files, context)


def read_host(
    files: Files, context: Context, installed: Installed
) -> tuple[tuple[str, ...], Reading]:
    """Read all that the installed daemons would read; the paths, and what they ask for together.

    Raises ConfigError as `read_file` does.
    """
    readings: dict[str, Reading] = {}
    for path in _ipsec_confs(files, context, installed):
        if not files.exists(path):
            continue
        daemon = context.daemon
        if daemon is None and installed.libreswan != installed.starter:
            daemon = Daemon.LIBRESWAN if installed.libreswan else Daemon.STRONGSWAN
        if daemon is None and installed.strongswan and not installed.libreswan:
            # left behind: nothing that is installed reads it
            continue
        readings[path] = read_file(path, files, context._replace(daemon=daemon))
    if installed.strongswan and context.daemon is not Daemon.LIBRESWAN:
        for path in _SWANCTL_CONF:
            if files.exists(path):
                readings[path] = _swanctl(path, files, context)
    return tuple(readings), _together(iter(readings.values()))


def _ipsec_confs(files: Files, context: Context, installed: Installed) -> tuple[str, ...]:
    """Where an ipsec.conf may lie; strongSwan's starter can be told another place."""
    if installed.starter and context.daemon is not Daemon.LIBRESWAN:
        options = strongswan_options(context.trees["strongswan"])
        conf = strongswan_daemon.read(_conf(files), files, options=options, daemon="charon")
        if conf.ipsec_conf:
            return (conf.ipsec_conf,)
    return _IPSEC_CONF


def _is_settings(text: str) -> bool:
    """Whether it is written in braces, as swanctl.conf is, and not in indented sections."""
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] in ("conn", "config", "ca", "version"):
            return False
        if "{" in line:
            return True
    return False


def _whose(path: str, text: str, context: Context) -> Daemon:
    """Whose ipsec.conf it is, by what only one of them knows."""
    votes = {
        # each reader knows its own words, and those that only the other one has
        Daemon.LIBRESWAN if libreswan_whose.looks_like(text) else None,
        _STARTER_SAYS[starter.looks_like(text, strongswan_options(context.trees["strongswan"]))],
    } - {None}
    if len(votes) == 1:
        (daemon,) = votes
        assert daemon  # noqa: S101  # for mypy; None was taken out
        return daemon
    raise ConfigError(
        f"{path}: libreswan and strongSwan both read such a file, and nothing tells whose it is",
        "say it: --daemon libreswan or --daemon strongswan",
    )


_STARTER_SAYS = {True: Daemon.STRONGSWAN, False: Daemon.LIBRESWAN, None: None}


def _libreswan(path: str, files: Files, context: Context) -> Reading:
    reading = libreswan_needs.read(
        path,
        files,
        context.catalog,
        families=context.families,
        version=context.release,
        fips=context.fips,
        options=libreswan_options(context.trees["libreswan"]),
    )
    socket = _socket(Daemon.LIBRESWAN)
    return reading._replace(features=merge_features((socket, *reading.features)))


def _swanctl(path: str, files: Files, context: Context) -> Reading:
    return _strongswan(path, files, context, swanctl.read, "charon-systemd")


def _starter(path: str, files: Files, context: Context) -> Reading:
    return _strongswan(path, files, context, starter.read, "charon")


def _strongswan(
    path: str, files: Files, context: Context, read: Callable[..., Reading], daemon: str
) -> Reading:
    """The connections of a file, and what charon itself asks for.

    What charon only tries at its start (`conf.optional`) is left out: it goes on without.
    """
    options = strongswan_options(context.trees["strongswan"])
    conf = strongswan_daemon.read(_conf(files), files, options=options, daemon=daemon)
    reading = read(
        path,
        files,
        context.catalog,
        options=options,
        families=context.families,
        daemon_conf=conf,
    )
    return reading._replace(
        features=merge_features((_socket(Daemon.STRONGSWAN), *conf.features, *reading.features)),
        problems=(*conf.problems, *reading.problems),
    )


def _socket(daemon: Daemon) -> FeatureNeed:
    """Either daemon opens its XFRM socket at start, connections or not, and ends where it cannot.

    source: libreswan kernel_xfrm.c init_netlink(); strongSwan kernel_netlink_ipsec.c
    """
    program = {Daemon.LIBRESWAN: "pluto", Daemon.STRONGSWAN: "charon"}[daemon]
    source = Source(f"{program}'s start", "its XFRM socket", daemon)
    return FeatureNeed("xfrm_socket", None, (source,))


def _conf(files: Files) -> str:
    return next((path for path in _STRONGSWAN_CONF if files.exists(path)), _STRONGSWAN_CONF[0])


def _together(readings: Iterator[Reading]) -> Reading:
    all_of = list(readings)
    return Reading(
        merge(need for reading in all_of for need in reading.needs),
        merge_features(feature for reading in all_of for feature in reading.features),
        tuple(problem for reading in all_of for problem in reading.problems),
        tuple(silent for reading in all_of for silent in reading.silent),
    )
