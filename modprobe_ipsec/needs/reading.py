# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of reading a daemon's configuration: the common end of all configuration readers."""

from modprobe_ipsec.base.annotations import Protocol, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.needs.need import FeatureNeed, Need

TYPE_CHECKING = False
if TYPE_CHECKING:
    # only who reads a configuration has one
    from modprobe_ipsec.base.budget import Budget


class Place(Value):
    """A line of a file, as messages name it."""

    file: str
    # 0: the file itself.
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Problem(Value):
    """Something in a configuration that the daemon, or we, cannot follow.

    It costs the connection it stands in (or nothing, if `conn` is empty), never the others.
    """

    place: Place
    # Name of the connection or child that is lost by it; empty if none is.
    conn: str
    text: str
    # A file could not be read, which the daemon may be able to: what it asks for is unknown.
    unread: bool = False
    # The daemon refuses the whole configuration for it, and does not start.
    refuses: bool = False


class Asker(Value):
    """A daemon that asks, by its configuration or by what it proposes by itself."""

    # Its name: libreswan
    daemon: str
    # Its release and what tells it: (4, 10) and `dpkg`, a file, `--daemon`; None and empty if
    # nothing does.
    release: tuple[int, ...] | None = None
    told_by: str = ""
    # The file that it reads; empty: its own proposals count.
    config: str = ""


class IgnoredConnection(Value):
    """A connection that asks the kernel for nothing, and why."""

    place: Place
    conn: str
    why: str


class OtherAsker(Value):
    """A program that is no IKE daemon, and what it asks the kernel for, or why it does not."""

    # Its name in data/others.yaml, and as people write it.
    program: str
    title: str
    # The program, or the file of its kind that was read.
    path: str
    asks: bool
    # What, or why not: goes on after its title.
    says: str


class Reading(Value):
    """All that the connections of one configuration ask for."""

    needs: tuple[Need, ...]
    features: tuple[FeatureNeed, ...]
    problems: tuple[Problem, ...]
    silent: tuple[IgnoredConnection, ...]
    # Whose configuration it is.
    askers: tuple[Asker, ...] = ()
    others: tuple[OtherAsker, ...] = ()


class Files(Protocol):
    """The reader's door to files: they themselves open nothing.

    Paths are those of the host that is looked at. All answer within bounds, whatever is there.
    """

    def text(self, path: str) -> str:
        """The file's text. Raises ConfigError that names the file and why it cannot be read."""

    def glob(self, pattern: str, budget: "Budget") -> Sequence[str]:
        """Files that match, sorted, as glob(3) has them. Raises ConfigError if there are too many
        or a directory cannot be read, TooMuch if the budget does not allow to look."""

    def exists(self, path: str) -> bool:
        """Whether something is there. Raises ConfigError if that cannot be seen."""

    def rights(self, path: str) -> tuple[int, int] | None:
        """The file's owner and its mode as in stat(2); None where they tell nothing: in the tree of
        another machine, whose files somebody has copied, or for what stands in no file."""
