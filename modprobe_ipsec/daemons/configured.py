# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configurations a host has, whose they are, and what all of them together ask for."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Daemon
from modprobe_ipsec.daemons.common.context import Context, socket_of
from modprobe_ipsec.host.machine.installed import Installed
from modprobe_ipsec.needs.need import merge, merge_features
from modprobe_ipsec.needs.reading import Files, Reading

# A daemon's own readers are imported where its files are read: either's are a fifth of a start-up,
# and few hosts have both.

# Debian and most others; Fedora and RHEL put strongSwan's below a directory of its own.
_IPSEC_CONF = ("/etc/ipsec.conf", "/etc/strongswan/ipsec.conf")
_SWANCTL_CONF = ("/etc/swanctl/swanctl.conf", "/etc/strongswan/swanctl/swanctl.conf")


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
        from modprobe_ipsec.daemons.strongswan import confs as strongswan_confs

        if path := strongswan_confs.ipsec_conf(files, context):
            return (path,)
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
    from modprobe_ipsec.daemons.libreswan import whose as libreswan_whose
    from modprobe_ipsec.daemons.strongswan import confs as strongswan_confs

    votes = {
        # each reader knows its own words, and those that only the other one has
        Daemon.LIBRESWAN if libreswan_whose.looks_like(text) else None,
        _STARTER_SAYS[strongswan_confs.looks_like(text, context)],
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
    from modprobe_ipsec.daemons.libreswan import needs as libreswan_needs
    from modprobe_ipsec.daemons.libreswan.options import libreswan_options

    reading = libreswan_needs.read(
        path,
        files,
        context.catalog,
        families=context.families,
        version=context.release,
        fips=context.fips,
        options=libreswan_options(context.trees["libreswan"]),
    )
    features = (socket_of(Daemon.LIBRESWAN), *reading.features)
    return reading._replace(features=merge_features(features))


def _swanctl(path: str, files: Files, context: Context) -> Reading:
    from modprobe_ipsec.daemons.strongswan import confs as strongswan_confs

    return strongswan_confs.read_swanctl(path, files, context)


def _starter(path: str, files: Files, context: Context) -> Reading:
    from modprobe_ipsec.daemons.strongswan import confs as strongswan_confs

    return strongswan_confs.read_starter(path, files, context)


def _together(readings: Iterator[Reading]) -> Reading:
    all_of = list(readings)
    return Reading(
        merge(need for reading in all_of for need in reading.needs),
        merge_features(feature for reading in all_of for feature in reading.features),
        tuple(problem for reading in all_of for problem in reading.problems),
        tuple(silent for reading in all_of for silent in reading.silent),
    )
