# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that write an IKE daemon's configuration: what that will be, as the daemon reads it."""

from modprobe_ipsec.base.annotations import Iterator, Mapping, Sequence
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.daemons.common.descriptor import Configuration, Daemon
from modprobe_ipsec.daemons.others import ProgramFiles
from modprobe_ipsec.needs.need import Source
from modprobe_ipsec.needs.reading import Files, Place, Reading


class _WithOne:
    """`needs.reading.Files`, with one more file."""

    def __init__(self, files: Files, path: str, text: str) -> None:
        self._files, self._path, self._text = files, path, text

    def text(self, path: str) -> str:
        return self._text if path == self._path else self._files.text(path)

    def glob(self, pattern: str, budget: Budget) -> Sequence[str]:
        return self._files.glob(pattern, budget)

    def exists(self, path: str) -> bool:
        return path == self._path or self._files.exists(path)

    def rights(self, path: str) -> tuple[int, int] | None:
        return None if path == self._path else self._files.rights(path)


def readers(its: ProgramFiles) -> Iterator[tuple[Daemon, Configuration]]:
    """The installed daemons that read such a file, and for which the program writes one."""
    for daemon in its.installed.daemons:
        for kind in daemon.configurations:
            written = daemon.name in its.program.writes and kind.title == its.program.file
            if written and its.installed.reads(kind):
                yield daemon, kind


def conn(name: str, settings: Mapping[str, str]) -> str:
    """A section of an ipsec.conf; a later setting takes the place of an earlier one."""
    return f"conn {name}\n" + "".join(f"\t{key}={value}\n" for key, value in settings.items())


def settings(text: str) -> dict[str, str]:
    """`type=transport auto=add` of data/others.yaml."""
    return {key: value for key, _, value in (word.partition("=") for word in text.split())}


def reading(
    its: ProgramFiles, daemon: Daemon, kind: Configuration, text: str, place: Place, what: str
) -> Reading:
    """What `text` asks for as the daemon reads it, were it the file that it is written to.

    All of it comes from `what` in `place`. Raises ConfigError.
    """
    asker = its.installed.asker(daemon, its.context.release)
    context = its.context._replace(
        daemon=daemon, release=asker.release, vendor=its.installed.vendor
    )
    path = f"/{its.name}"
    found = kind.read(path, _WithOne(its.files, path, text), context)
    source = Source(f"{place} {what}", daemon=daemon.name, place=str(place))
    shared: dict[int, tuple[Source, ...]] = {}
    for need in found.needs:
        # what the daemon asks for by itself stays its own
        sources = (
            source._replace(text=own.text, offered=own.offered) if own.conn else own
            for own in need.sources
        )
        shared[id(need.sources)] = tuple(dict.fromkeys(sources))
    return Reading(
        needs=tuple(need._replace(sources=shared[id(need.sources)]) for need in found.needs),
        features=found.features,
        problems=tuple(problem._replace(place=place) for problem in found.problems),
        silent=tuple(silent._replace(place=place) for silent in found.silent),
    )


def title(its: ProgramFiles) -> str:
    """What is said where no daemon is found that reads it."""
    return f"writes {its.program.file}, and no daemon that reads one is found here"
