# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files and the files that they include, within bounds; both formats share this.

source: src/libstrongswan/utils/parser_helper.c
"""

from bisect import bisect_right

from modprobe_ipsec.base.annotations import NoReturn
from modprobe_ipsec.base.budget import Budget, TooMuch
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.needs.reading import Files, Place, Problem

# Files inside one another; strongSwan itself stops where no file can be opened any more.
MAX_DEPTH = 20
# Steps that a statement costs.
_STATEMENT = 5

_WILD = frozenset("*?[")


class Text:
    """A file's text, which knows its lines."""

    __slots__ = ("_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self._starts: list[int] = []

    def __str__(self) -> str:
        return self.path

    def place(self, at: int) -> Place:
        """The line of character `at`."""
        if not self._starts:
            self._starts = [0]
            end = self.text.find("\n")
            while end >= 0:
                self._starts.append(end + 1)
                end = self.text.find("\n", end + 1)
        return Place(self.path, bisect_right(self._starts, at))

    def fail(self, at: int, what: str) -> NoReturn:
        """The file cannot be read any further."""
        raise ConfigError(
            f"{self.path}:{self.place(at).line}: {what}",
            "strongSwan rejects the file as a whole; correct this line",
        )

    def refuse(self, at: int, what: str) -> NoReturn:
        """The file goes beyond what is read here, whatever strongSwan makes of it."""
        raise ConfigError(
            f"{self.path}:{self.place(at).line}: {what}",
            "no more than that is read; say what is needed with --esp, --ah and --ipcomp",
        )


class Frame:
    """A file that is being read, how far, and the file that includes it."""

    __slots__ = ("at", "parent", "text")

    def __init__(self, text: Text, parent: "Frame | None") -> None:
        self.text, self.at, self.parent = text, 0, parent


class Opener:
    """The files of one configuration; `problems` are includes that came to nothing."""

    def __init__(self, files: Files, budget: Budget) -> None:
        self.problems: list[Problem] = []
        self.stack: list[Frame] = []
        self._files, self._budget = files, budget

    def start(self, path: str) -> None:
        """Open the first file. Raises ConfigError."""
        self.stack.append(Frame(self._open(path), None))

    def include(self, pattern: str, at: int) -> None:
        """Continue with the files that match, the first of them on top of the stack.

        No match at all is no mistake if it is a pattern; the shipped files have such.
        """
        frame = self.stack[-1]
        text = frame.text
        if not pattern:
            self._problem(text, at, "`include` names no file and is ignored")
            return
        if "\0" in pattern:
            text.fail(at, "`include` names a file with a NUL character")
        if not pattern.startswith("/"):
            directory, slash, _ = text.path.rpartition("/")
            pattern = f"{directory}{slash}{pattern}" if slash else pattern
        self._budget.spend("includes", 1, text)
        above: list[str] = []
        parent: Frame | None = frame
        while parent:
            above.append(parent.text.path)
            parent = parent.parent
        if len(above) > MAX_DEPTH:
            text.refuse(at, f"files are included more than {MAX_DEPTH} deep")
        try:
            matches = self._files.glob(pattern, self._budget)
        except TooMuch:
            raise
        except ConfigError as error:
            self._problem(text, at, f"`include`: {error.message}", unread=True)
            return
        if not matches and not _WILD & set(pattern):
            self._problem(text, at, "`include`: there is no such file")
        found: list[Frame] = []
        for match in matches:
            if match in above:
                text.fail(at, f"{show_name(match)} includes itself, by way of this line")
            try:
                found.append(Frame(self._open(match), frame))
            except TooMuch:
                raise
            except ConfigError as error:
                self._problem(text, at, f"`include`: {error.message}", unread=True)
        self.stack += reversed(found)

    def count(self, text: Text, at: int) -> None:
        """One more statement."""
        self._budget.spend("steps", _STATEMENT, text)

    def _open(self, path: str) -> Text:
        self._budget.spend("files", 1, path)
        text = self._files.text(path)
        self._budget.spend("characters", len(text), path)
        if "\0" in text:
            raise ConfigError(f"{path}: this is a binary file, not a configuration")
        return Text(path, text)

    def _problem(self, text: Text, at: int, what: str, *, unread: bool = False) -> None:
        self._budget.spend("problems", 1, text)
        self.problems.append(Problem(text.place(at), "", what, unread))
