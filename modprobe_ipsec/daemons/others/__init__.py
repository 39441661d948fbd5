# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are no IKE daemons and ask the kernel for IPsec all the same, one file each.

A file NAME.py keeps its `READER` here; what is known of the program without reading anything is its
row of data/others.yaml. One that asks for nothing is a row alone. To add one: docs/adding-one.md.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import OtherProgram
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.installed import Installed
from modprobe_ipsec.needs.need import FeatureNeed, Source, merge
from modprobe_ipsec.needs.reading import Files, OtherAsker, Place, Problem, Reading

_NOTHING = Reading((), (), (), ())


class ProgramFiles(Value):
    """What a reader has to work with."""

    # Its name in data/others.yaml and its row there.
    name: str
    program: OtherProgram
    # Where it lies; empty for a file that --config names.
    path: str
    files: Files
    context: Context
    installed: Installed
    budget: Budget

    @property
    def own_files(self) -> list[str]:
        """Those of its files that are there, in the order of the row."""
        found: dict[str, None] = {}
        for pattern in self.program.files:
            found |= dict.fromkeys(self.files.glob(pattern, self.budget))
        return list(found)

    def text(self, path: str) -> str:
        """A file's text, within the budget. Raises ConfigError."""
        self.budget.spend("files")
        text = self.files.text(path)
        self.budget.spend("characters", len(text))
        return text


class Said(Value):
    """What a program's files say."""

    # Goes on after its title: `2 SAs`
    text: str
    reading: Reading = _NOTHING
    # Whether it asks for anything.
    asks: bool = True


class OtherReader(Value):
    """How one program's files are read. All raise ConfigError."""

    # All that lies on a host; None: nothing that concerns IPsec.
    host: Callable[[ProgramFiles], Said | None] | None = None
    # Whether a text is of a file of its kind, and what such a file says.
    fits: Callable[[str], bool] | None = None
    file: Callable[[str, ProgramFiles], Said] | None = None


def names() -> tuple[str, ...]:
    """All that have a reader."""
    return registry.names(__path__)


def read_host(
    found: dict[str, str], files: Files, context: Context, installed: Installed
) -> Reading:
    """What all programs ask for that are found: by name, where each lies.

    What cannot be read of one is a problem that leaves open what it needs.
    """
    readings = []
    for name, path in found.items():
        program = context.catalog.others[name]
        said: Said | None
        if program.nothing:
            source = Source(path, program.title)
            features = tuple(FeatureNeed(feature, None, (source,)) for feature in program.asks)
            said = Said(program.nothing, _NOTHING._replace(features=features), asks=False)
        else:
            its = ProgramFiles(name, program, path, files, context, installed, Budget())
            try:
                read = _reader(name).host
                said = read(its) if read else None
            except ConfigError as error:
                problem = Problem(Place(path, 0), "", f"{program.title}: {error}", unread=True)
                said = Said("its files cannot be read", _NOTHING._replace(problems=(problem,)))
        if said:
            readings.append(_with_asker(said, name, program, path))
    return _together(readings)


def read_file(
    path: str, files: Files, context: Context, installed: Installed, text: str
) -> Reading | None:
    """What a file asks for that is some program's; None if it is none's. Raises ConfigError."""
    for name, program in context.catalog.others.items():
        if not any(mark in text for mark in program.marks):
            continue
        reader = _reader(name)
        if reader.fits and reader.file and reader.fits(text):
            its = ProgramFiles(name, program, "", files, context, installed, Budget())
            return _with_asker(reader.file(path, its), name, program, path)
    return None


def _reader(name: str) -> OtherReader:
    reader: OtherReader = registry.load(__name__, name).READER
    return reader


def _with_asker(said: Said, name: str, program: OtherProgram, path: str) -> Reading:
    asker = OtherAsker(name, program.title, path, said.asks, said.text)
    return said.reading._replace(others=(asker,), askers=())


def _together(readings: list[Reading]) -> Reading:
    return Reading(
        needs=merge(need for reading in readings for need in reading.needs),
        features=merge(feature for reading in readings for feature in reading.features),
        problems=tuple(problem for reading in readings for problem in reading.problems),
        silent=tuple(silent for reading in readings for silent in reading.silent),
        others=tuple(other for reading in readings for other in reading.others),
    )


def number(count: int, what: str) -> str:
    """`1 SA`, `2 SAs`."""
    return f"{count} {what}{'s' * (count != 1)}"
