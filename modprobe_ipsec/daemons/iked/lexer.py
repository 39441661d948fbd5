# SPDX-License-Identifier: GPL-3.0-or-later
"""iked.conf -> tokens, character by character as iked takes it apart: macros, includes, quotes.

A character is a byte here, as it is there. source: iked/parse.y yylex, lgetc, igetc, pushfile
"""

from modprobe_ipsec.base.annotations import Collection
from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.iked.policy import Mistake
from modprobe_ipsec.needs.reading import Files, Place

# The kinds of tokens beside keywords and single characters.
STRING, NUMBER, END_OF_LINE, END = "a string", "a number", "the end of the line", "the end"

# Files inside one another.
MAX_DEPTH = 20
# What a character costs of the budget, those of macros and of files that are included again each
# time: so a million is read, and a thousand policies have some 200,000. They are counted in lots.
_STEPS, _LOT = 10, 4096
# Characters of one token.
_BUFFER = 8096

_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | _DIGITS
_STARTS = _LETTERS | frozenset(":_*")
# all punctuation but (){}<>!=/#,
_IN_STRING = _LETTERS | frozenset("\"$%&'*+-.:;?@[\\]^_`|~")
_SPACE = frozenset(" \t\n\v\f\r")
_AFTER_NUMBER = _SPACE | frozenset("),/}=")
# They stand around what a macro is replaced by, and are skipped wherever they stand.
_START_EXPAND, _DONE_EXPAND = "\1", "\2"
# strtonum(3) of a long long
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Token(Value):
    """What the grammar is made of."""

    # A keyword, a character, or one of the kinds above.
    kind: str
    place: Place
    text: str = ""
    number: int = 0

    @property
    def shown(self) -> str:
        """As a message names it: with nothing of a file that may hold anybody's secrets."""
        if self.kind in (STRING, NUMBER, END_OF_LINE, END):
            return self.kind
        return f"`{self.kind}`" if self.kind.isascii() else "a character"


class Misread(Exception):
    """iked refuses the file for what stands at `place`. `rest`: of this line, something is left."""

    def __init__(self, place: Place, what: str, *, rest: bool = True) -> None:
        super().__init__(what)
        self.place, self.what, self.rest = place, what, rest


class _File:
    __slots__ = ("at", "ended", "line", "path", "text", "unread")

    def __init__(self, path: str, text: str, line: int) -> None:
        self.path, self.line = path, line
        self.text = text.encode("utf-8", "surrogateescape").decode("latin-1")
        self.at, self.ended = 0, False
        # Characters that are read once more, the next one last.
        self.unread: list[str] = []


class Lexer:
    """The tokens of a file and of those that it includes.

    Raises ConfigError where there is nothing to read, or too much.
    """

    def __init__(self, path: str, files: Files, keywords: Collection[str], budget: Budget) -> None:
        # What iked refuses a file for, whatever is in it.
        self.mistakes: list[Mistake] = []
        self._files, self._budget = files, budget
        self._keywords = keywords
        self._macros: dict[str, str] = {}
        self._expanding = self._over = False
        self._characters = 0
        self._stack: list[_File] = []
        self._push(path, 1)

    def define(self, name: str, value: str) -> None:
        """Set a macro, or set it anew."""
        self._macros[name] = value

    def include(self, path: str, place: Place) -> None:
        """Go on with another file, which starts with an end of line. Raises Misread."""
        self._budget.spend("includes", where=place)
        if len(self._stack) > MAX_DEPTH:
            raise Misread(place, f"files are included more than {MAX_DEPTH} deep")
        try:
            self._push(readable(path), 0)
        except ConfigError as error:
            # the path is what stands in the file
            why = error.message.rpartition(": ")[2]
            raise Misread(place, f"`include`: {why}") from None
        self._unget("\n")

    def _push(self, path: str, line: int) -> None:
        self._stack.append(_File(path, self._files.text(path), line))
        if why := _not_secret(self._files.rights(path)):
            self.mistakes.append(Mistake(Place(path, 0), why))

    def _place(self) -> Place:
        file = self._stack[-1]
        return Place(file.path, file.line)

    def skip_line(self) -> None:
        """Pass over the rest of the line, whatever is in it."""
        while (c := self._get()) != "\n" and c:
            pass
        self._unget(c)

    def token(self) -> Token:
        """The next one; again and again the end, once it has come. Raises Misread."""
        token = self._token() if not self._over else Token(END, self._place())
        self._over = token.kind == END
        return token

    def _token(self) -> Token:
        c, place = self._start()
        while c == "$" and not self._expanding:
            if not self._expand(place):
                return Token(END, place)
            c, place = self._start()
        if c in ("'", '"'):
            return self._quoted(c, place)
        if c == "-" or c in _DIGITS:
            number = self._number(c, place)
            if number or c == "-":
                return number or Token(c, place)
        if c in _STARTS:
            return self._word(c, place)
        if c == "\n":
            # where an included file has ended, that is the line it was included in
            place = self._place()
            self._stack[-1].line += 1
            return Token(END_OF_LINE, place)
        # a NUL ends it all
        return Token(c, place) if c and c != "\0" else Token(END, place)

    def _start(self) -> tuple[str, Place]:
        """The next character that is neither white space nor in a comment, and where it stands."""
        while (c := self._get()) in (" ", "\t"):
            pass
        place = self._place()
        if c == "#":
            while (c := self._get()) != "\n" and c:
                pass
        return c, place

    def _expand(self, place: Place) -> bool:
        """Put the value of a macro before what is read next; False at the end of all files."""
        name = ""
        while True:
            c = self._get()
            if not c:
                return False
            self._check_length(name, _BUFFER - 1, place)
            if c not in _LETTERS and c != "_":
                break
            name += c
        self._unget(c)
        if name not in self._macros:
            raise self._lost(place, "a macro that is not defined")
        self._unget(_DONE_EXPAND)
        self._stack[-1].unread += self._macros[name][::-1]
        self._unget(_START_EXPAND)
        return True

    def _quoted(self, quote: str, place: Place) -> Token:
        found: list[str] = []
        while True:
            c = self._get_quoted(place)
            if c == "\n":
                self._stack[-1].line += 1
                continue
            if c == "\\":
                after = self._get_quoted(place)
                if after in (quote, " ", "\t"):
                    c = after
                elif after == "\n":
                    self._stack[-1].line += 1
                    continue
                else:
                    self._unget(after)
            elif c == quote:
                return Token(STRING, place, "".join(found))
            elif c == "\0":
                raise self._lost(place, "a NUL character in quotes")
            self._check_length(found, _BUFFER - 1, place)
            found.append(c)

    def _number(self, c: str, place: Place) -> Token | None:
        """A number; None, and nothing is read but the first character, if it is none."""
        found = [c]
        while (c := self._get()) in _DIGITS and c:
            self._check_length(found, _BUFFER + 1, place)
            found.append(c)
        self._unget(c)
        if found != ["-"] and (not c or c in _AFTER_NUMBER):
            text = "".join(found)
            # more digits than any long long, and than Python takes
            if len(text.lstrip("-0")) > 19 or not _SMALLEST <= int(text) <= _LARGEST:
                raise self._lost(place, "a number that is out of range")
            return Token(NUMBER, place, text, int(text))
        self._stack[-1].unread += found[:0:-1]
        return None

    def _word(self, c: str, place: Place) -> Token:
        found = [c]
        while (c := self._get()) in _IN_STRING and c:
            self._check_length(found, _BUFFER + 1, place)
            found.append(c)
        self._unget(c)
        text = "".join(found)
        return Token(text if text in self._keywords else STRING, place, text)

    def _check_length(self, found: str | list[str], most: int, place: Place) -> None:
        if len(found) + 1 >= most:
            raise self._lost(place, f"a word of more than {len(found)} characters")

    def _lost(self, place: Place, what: str) -> Misread:
        """For what no token can be made of: iked goes on behind the line."""
        while (c := self._get()) != "\n" and c:
            pass
        if c:
            self._stack[-1].line += 1
        return Misread(place, what, rest=False)

    def _unget(self, c: str) -> None:
        if c:
            self._stack[-1].unread.append(c)

    def _raw(self) -> str:
        """The next character of the file on top; nothing at its end."""
        file = self._stack[-1]
        while True:
            self._characters += 1
            if self._characters == _LOT:
                self._characters = 0
                self._budget.spend("steps", _STEPS * _LOT, self._place())
            if file.unread:
                c = file.unread.pop()
            else:
                c = file.text[file.at : file.at + 1]
                file.at += 1
            if c == _START_EXPAND:
                self._expanding = True
            elif c == _DONE_EXPAND:
                self._expanding = False
            else:
                return c

    def _get(self) -> str:
        """The next character with lines joined; nothing at the end of the first file."""
        while (c := self._raw()) == "\\":
            after = self._raw()
            if after != "\n":
                c = after
                break
            self._stack[-1].line += 1
        while not c:
            file = self._stack[-1]
            if not file.ended:
                # as if the last line had an end
                file.ended = True
                return "\n"
            if len(self._stack) == 1:
                return ""
            self._stack.pop()
            c = self._raw()
        return c

    def _get_quoted(self, place: Place) -> str:
        if c := self._raw():
            return c
        raise Misread(place, "a quote that does not end")


def readable(text: str) -> str:
    """What is read byte by byte, as people wrote it."""
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def _not_secret(rights: tuple[int, int] | None) -> str:
    """Why iked does not take a file with this owner and mode; empty if it does.

    source: check_file_secrecy; it is started by root
    """
    if rights is None:
        return ""
    owner, mode = rights
    if owner != 0:
        return "its owner is not root, and iked does not read it"
    # S_IWGRP | S_IXGRP | S_IRWXO
    if mode & 0o037:
        return (
            f"its mode is {mode & 0o777:04o}, and iked reads no file that its group may write or "
            "others may read (chmod 640)"
        )
    return ""
