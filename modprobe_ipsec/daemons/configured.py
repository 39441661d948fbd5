# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configurations a host has, whose they are, and what all of them together ask for."""

from modprobe_ipsec.base.annotations import Collection, Iterable, Iterator
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.common.descriptor import Configuration, Context, Daemon
from modprobe_ipsec.daemons.installed import Installed
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.whose import Owner, owner
from modprobe_ipsec.needs.need import merge
from modprobe_ipsec.needs.reading import Files, Place, Problem, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.daemons.common.peers import PeerConnection


def read_file(path: str, files: Files, context: Context, installed: Installed) -> Reading:
    """Read one configuration, whatever kind it is.

    Raises ConfigError if it cannot be read, is none, or may be several daemons'.
    """
    text = files.text(path)
    owners = _named_for(path, text, context)
    if not owners:
        whose = context.daemon.title if context.daemon else "any daemon"
        raise ConfigError(f"{path} is no configuration of {whose} that is known here")
    return _read(owner(path, text, owners, context, installed), path, files, context, installed)


def _named_for(path: str, text: str, context: Context) -> tuple[Owner, ...]:
    """Whose configuration a file may be."""
    of = (context.daemon,) if context.daemon else tuple(DAEMONS.values())
    owners = tuple(
        Owner(daemon, kind)
        for daemon in of
        for kind in daemon.configurations
        if kind.fits(path, text)
    )
    # who is named for such a file, before who might read anything of that form
    named = tuple(o for o in owners if path.rpartition("/")[2] == o.kind.title)
    return named or owners


def read_host(
    files: Files, context: Context, installed: Installed
) -> tuple[tuple[str, ...], Reading]:
    """Read all that the installed daemons would read; the paths, and what they ask for together.

    Raises ConfigError as `read_file` does.
    """
    readings: dict[str, Reading] = {}
    for path, owners in _by_path(files, context, installed).items():
        if files.exists(path):
            found = owners[0]
            if len(owners) > 1:
                found = owner(path, files.text(path), owners, context, installed)
            readings[path] = _read(found, path, files, context, installed)
    reading = _together(readings.values())
    left = tuple(_left_behind(files, context, installed, readings))
    return tuple(readings), reading._replace(problems=(*reading.problems, *left))


def peers(
    config: str, files: Files, context: Context, installed: Installed
) -> "Iterator[PeerConnection]":
    """The peers of all connections, of one file or of all that the installed daemons would read.

    Raises ConfigError as `read_file` does.
    """
    if config:
        found = {config: _named_for(config, files.text(config), context)}
    else:
        found = _by_path(files, context, installed)
    for path, owners in found.items():
        if not owners or not files.exists(path):
            continue
        whose = owners[0]
        if len(owners) > 1:
            whose = owner(path, files.text(path), owners, context, installed)
        if whose.kind.peers:
            asker = installed.asker(whose.daemon, context.release)
            told = context._replace(release=asker.release, vendor=installed.vendor)
            yield from whose.kind.peers(path, files, told)


def _left_behind(
    files: Files, context: Context, installed: Installed, looked_at: Collection[str]
) -> Iterator[Problem]:
    """Files of daemons that are not found: they may be gone, or lie where nobody looks.

    Without any daemon nothing else says what is needed, so what they ask for is unknown.
    """
    readers: dict[str, list[str]] = {}
    for daemon in (context.daemon,) if context.daemon else DAEMONS.values():
        for kind in daemon.configurations:
            for path in kind.paths:
                readers.setdefault(path, []).append(daemon.title)
    for path, titles in readers.items():
        if path not in looked_at and files.exists(path):
            whose = " or ".join(titles)
            why = f"is not read: no program of {whose} is found that would read it"
            advice = f"; if there is one, say --config {path}"
            yield Problem(Place(path, 1), "", why + advice, unread=not installed.daemons)


def _by_path(files: Files, context: Context, installed: Installed) -> dict[str, tuple[Owner, ...]]:
    """Where the installed daemons look for their files, and who looks there."""
    found: dict[str, tuple[Owner, ...]] = {}
    for daemon, kind in _installed(context.daemon, installed):
        told = kind.elsewhere(files, context) if kind.elsewhere else ""
        for path in (told,) if told else kind.paths:
            found[path] = (*found.get(path, ()), Owner(daemon, kind))
    return found


def _installed(only: Daemon | None, installed: Installed) -> Iterator[tuple[Daemon, Configuration]]:
    for daemon in (only,) if only else installed.daemons:
        for kind in daemon.configurations:
            if installed.reads(kind):
                yield daemon, kind


def _read(found: Owner, path: str, files: Files, context: Context, installed: Installed) -> Reading:
    asker = installed.asker(found.daemon, context.release)._replace(config=path)
    context = context._replace(release=asker.release, vendor=installed.vendor)
    return found.kind.read(path, files, context)._replace(askers=(asker,))


def _together(readings: Iterable[Reading]) -> Reading:
    all_of = tuple(readings)
    return Reading(
        needs=merge(need for reading in all_of for need in reading.needs),
        features=merge(feature for reading in all_of for feature in reading.features),
        problems=tuple(problem for reading in all_of for problem in reading.problems),
        silent=tuple(silent for reading in all_of for silent in reading.silent),
        askers=tuple(asker for reading in all_of for asker in reading.askers),
    )
