# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/ipsec.conf as libreswan reads it: lines, sections, includes, `also=` and `conn %default`.

Where the daemon refuses the whole file for one line, here only the connection is lost in which the
line stands: a file of another release is read as well as can be.
source: lib/libipsecconf/{parser.lex,parser.y,confread.c} of 5.2; 4.10 differs where it is said
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from modprobe_ipsec.demand.errors import show
from modprobe_ipsec.demand.libreswan_options import Option, Options, Version
from modprobe_ipsec.demand.reading import Files, Place, Problem
from modprobe_ipsec.errors import ConfigError

# The daemon has the first one only.
MAX_DEPTH = 10
MAX_FILES = 1000
MAX_CHARACTERS = 32 << 20
MAX_CONNS = 100_000
MAX_ALSO = 1000
# Lines without a meaning. Who has more has no ipsec.conf.
MAX_UNREADABLE = 1000
# Settings that also= copies, all in all: a chain for each of many connections would take for ever.
MAX_COPIED = 2_000_000

DEFAULT = "%default"

_BLANK = re.compile(r"[ \t]*(?:#.*)?\Z")
_COMMENT = re.compile(r'[ \t]*#[^"= \t]*\Z')
_WORD = re.compile(r'[^"= \t]+')
# `key = value`; flex skips what it does not know before the `=`. Without ++ it would look for the
# `=` once for each character of the key.
_SETTING = re.compile(r'([^"= \t]++)[^=]*+=[ \t]*')
_PLAIN = re.compile(r'[^"{} \t]+')
# A value in order of preference; the longest one counts.
_VALUES = (
    re.compile(r'"([^"]*)"'),
    re.compile(r'\{([^"]*)\}'),
    re.compile(r'([^" \t]+)'),
    re.compile(r"([^{} \t]+)"),
)
# A word that the lexer itself makes a number of.
_FOREVER = "%forever"
_NUMBER = re.compile(r"(?:[0-9]+|%forever)(?![^ \t])")
# Options that are a text to us, and to 4.x one or the other.
_NUMBER_OR_TEXT = frozenset({"ipsec-interface", "left", "right"})
_PRIVATE = re.compile(r"[Xx][_-].")
_TIME = re.compile(r"([0-9]+)(us|ms|s|m|h|d|w|)\Z", re.IGNORECASE)
_MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "": 1_000_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}

# Who alone knows these. source: the keyword tables of both (libreswan keywords.c; strongSwan
# src/starter/keywords.txt, args.c)
_LIBRESWAN = """
protostack logfile logappend logtime logip nssdir dumpdir ikev1-policy listen-tcp listen-udp
virtual-private ddos-mode seccomp dnssec-enable nhelpers ocsp-enable crl-strict audit-log
shuntlifetime phase2 phase2alg ikev2 esn nic-offload ipsec-interface vti-interface nflog
nflog-group nflog-all enable-tcp sha2-truncbug salifetime ipsec-lifetime replay-window narrowing
encapsulation leftaddresspool rightaddresspool leftxauthserver rightxauthserver leftxauthclient
rightxauthclient leftmodecfgserver rightmodecfgserver leftmodecfgclient rightmodecfgclient
leftsubnets rightsubnets modecfgpull initial-contact sec-label policy-label iptfs
retransmit-timeout ignore-peer-dns remote-peer-type hostaddrfamily negotiationshunt failureshunt
"""
_STRONGSWAN = """
charondebug cachecrls charonstart eap_identity aaa_identity leftfirewall rightfirewall
lefthostaccess righthostaccess leftauth2 rightauth2 leftid2 rightid2 leftcert2 rightcert2 leftca2
rightca2 leftgroups rightgroups leftdns rightdns leftallowany rightallowany leftcertpolicy
rightcertpolicy leftsigkey rightsigkey closeaction inactivity installpolicy ikedscp lifebytes
lifepackets marginbytes marginpackets margintime mark_in mark_out mediated_by mediation me_peerid
replay_window sha256_96 crluri crluri1 crluri2 ocspuri xauth_identity modeconfig
signature_authentication
"""


class Setting(NamedTuple):
    """An option where it is set."""

    # As the option's table has it: `yes` for `true`.
    value: str
    # As it is written.
    key: str
    text: str
    place: Place

    @property
    def written(self) -> str:
        """`esp=aes`, as messages and sources show it."""
        return f"{self.key}={show(self.text)}"


Settings = Mapping[str, Setting]


class Lost(NamedTuple):
    """Why libreswan does not load a connection, and where that stands."""

    place: Place
    why: str
    # Whether its lines could be read, so that only their sum is wrong.
    readable: bool = True


class Conn(NamedTuple):
    """A connection with all that also= and %default add to it."""

    name: str
    place: Place
    own: Settings
    default: Settings
    lost: Lost | None = None

    def get(self, option: str) -> Setting | None:
        """What an option is set to, here or in %default."""
        return self.own.get(option) or self.default.get(option)

    def value(self, option: str, default: str = "") -> str:
        """The same without its place."""
        setting = self.own.get(option) or self.default.get(option)
        return setting.value if setting else default


class Config(NamedTuple):
    """All that was read."""

    setup: Settings
    conns: Sequence[Conn]
    problems: Sequence[Problem]


class _Section:
    """A section while its lines are read."""

    __slots__ = ("also", "lost", "name", "place", "settings")

    def __init__(self, name: str, place: Place) -> None:
        self.name, self.place = name, place
        self.settings: dict[str, Setting] = {}
        self.also: list[tuple[str, Place]] = []
        self.lost: Lost | None = None


class _Unreadable(Exception):
    """A line that libreswan's parser stops at."""


def load(path: str, files: Files, options: Options, version: Version) -> Config:
    """Read a file with all that it includes. Raises ConfigError."""
    reader = _Reader(files, options, version)
    reader.file(path, files.text(path), ())
    if reader.first_unreadable and not reader.known:
        first = reader.first_unreadable
        raise ConfigError(
            f"{path} is no ipsec.conf: it has no `conn` and no `config setup`; {first.place}: "
            f"{first.text}",
            "name the daemon's configuration file: --config FILE",
        )
    conns = tuple(_Resolver(reader, version).conns())
    return Config(reader.setup.settings, conns, reader.problems)


def looks_like(text: str) -> bool | None:
    """Whether a file holds what only libreswan knows (True) or only strongSwan (False).

    None where it holds neither, or as much of either: then only its place tells whose it is.
    """
    libreswan, strongswan = frozenset(_LIBRESWAN.split()), frozenset(_STRONGSWAN.split())
    score = 0
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            word = _WORD.match(line.lstrip(" \t"))
            key = word[0].lower() if word else ""
            score += (key in libreswan) - (key in strongswan)
        elif line.startswith(("ca ", "ca\t")):
            score -= 1
    return None if score == 0 else score > 0


class _Reader:
    """Takes files apart into sections."""

    def __init__(self, files: Files, options: Options, version: Version) -> None:
        self._files, self._options, self._version = files, options, version
        self.setup = _Section("", Place("", 0))
        self.sections: list[_Section] = []
        self.problems: list[Problem] = []
        self.first_unreadable: Problem | None = None
        # Whether any line starts as one of an ipsec.conf does.
        self.known = False
        self._included = 0
        self._characters = 0
        self._unreadable = 0
        self._unknown: set[str] = set()
        # None: lines with an option have nowhere to go.
        self._section: _Section | None = None

    def file(self, path: str, text: str, above: tuple[str, ...]) -> None:
        """Read one file, below those that include it."""
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise ConfigError(
                f"{path}: with its includes it is larger than {MAX_CHARACTERS >> 20} MiB"
            )
        if "\0" in text:
            raise ConfigError(
                f"{path} is no ipsec.conf: it is not a text (it has a NUL character)",
                "see what this file is; restore it, or take it out of the include",
            )
        above = (*above, path)
        for number, line in enumerate(text.split("\n"), 1):
            if not line:
                continue
            try:
                if line[0] == "\t" or line[0] == " ":
                    self._indented(line, path, number)
                elif line[0] != "#":
                    self._header(line, Place(path, number), above)
            except _Unreadable as error:
                self._problem(Place(path, number), str(error))
        # An end of file ends a section as an end of line would.
        if not text or text.endswith("\n"):
            self._section = None
        elif _COMMENT.match(line):
            # to flex it is a comment only with its end of line
            why = f"`{show(line)}` must end with an end of line, or libreswan refuses the file"
            self._note(Place(path, number), why)

    def _indented(self, line: str, path: str, number: int) -> None:
        # flex warns of a quote that it finds here, and goes on
        body = line.lstrip(' \t"')
        # the most frequent case first; _BLANK is for the rest
        if not body or body[0] == "#":
            return
        if not (match := _SETTING.match(body)):
            if not _PRIVATE.match(body):
                self._no_setting(body)
            return
        key = match[1].lower()
        if _PRIVATE.match(key):
            return
        section = self._section
        if section is None:
            self._section = _Section("", Place(path, number))
            raise _Unreadable(
                "a line with a blank at its start is an option, and stands in no section"
            )
        if key in ("conn", "config", "include", "setup", "version"):
            self._no_setting(body)
        start = match.end()
        text = _value(body, start)
        place = Place(path, number)
        if self._version < (5, 0):
            if not text and start == len(body):
                # source: parser.y of 4.x, `KEYWORD EQUAL`: nothing is set
                return
            if _NUMBER.match(body, start) and self._no_text(section, key, text, place):
                return
        self._set(section, key, text, place)

    def _no_setting(self, body: str) -> None:
        word = _WORD.match(body)
        if word and word[0] in ("conn", "config", "include", "setup", "version"):
            self._section = _Section("", Place("", 0))
            raise _Unreadable(f"`{word[0]}` must stand at the start of the line, without blanks")
        raise _Unreadable(f"`{show(body)}` is no option: KEY=VALUE is expected")

    def _no_text(self, section: _Section, key: str, text: str, place: Place) -> bool:
        """4.x takes digits without quotes for a number, and a number for no text."""
        option = self._options.conn.get(key)
        if section is self.setup or not option or option.name in _NUMBER_OR_TEXT:
            return False
        if option.kind != "text":
            return False
        why = f"{key}={show(text)}: libreswan before 5.0 takes it for a number; quote it"
        if section.name == DEFAULT:
            self._note(place, why)
        section.lost = section.lost or Lost(place, why)
        return True

    def _set(self, section: _Section, key: str, text: str, place: Place) -> None:
        if text.endswith("\r"):
            raise _Unreadable(
                "the line ends with a carriage return, which libreswan takes for part of the "
                "value; write the file with Unix line ends"
            )
        if not section.name and section is not self.setup:
            # what it belongs to has been complained of
            return
        if key == "also" and section is not self.setup:
            if section.name == DEFAULT and self._version >= (5, 0):
                self._note(place, "also= has no effect in conn %default")
                return
            # 4.x puts all into one text, with blanks between
            names = text.split() if self._version < (5, 0) else [text]
            section.also += [(name, place) for name in names[:MAX_ALSO]]
            if len(section.also) > MAX_ALSO:
                raise _Unreadable(f"more than {MAX_ALSO} also= are not followed")
            return
        known = self._options.setup if section is self.setup else self._options.conn
        option = known.get(key)
        if option is None:
            self._unknown_key(section, key, place)
            return
        value = _meaning(option, text)
        if value is None:
            # source: parser.y, parser_kw(): 5.x warns and goes on, 4.x refuses the file
            self._note(place, f"`{show(text)}` is no value for {key}=; the line is ignored")
            return
        name = option.name
        if name in ("ah", "phase2alg") and self._version < (5, 3):
            name = "esp"
        setting = Setting(value, key, text, place)
        if (before := section.settings.get(name)) and section is not self.setup:
            if self._version >= (5, 3) or (self._version >= (5, 0) and before.key == key):
                if before.value != value:
                    self._note(
                        place, f"{setting.written} is ignored: {before.place} has {before.written}"
                    )
                return
            if section.name != DEFAULT:
                if not section.lost and quarrel(option, before, setting, self._version):
                    section.lost = Lost(place, _duplicate(setting, before))
                return
        section.settings[name] = setting

    def _unknown_key(self, section: _Section, key: str, place: Place) -> None:
        options = self._options
        if key in options.obsolete or key in self._unknown:
            return
        self._unknown.add(key)
        if key in options.conn or key in options.setup or key == "also":
            where = "config setup" if section is self.setup else "a conn"
            self._note(place, f"{key}= has no meaning in {where}; the line is ignored")
            return
        text = (
            f"`{show(key)}` is no known option and is ignored; a libreswan that does not know it "
            "either refuses the whole file"
        )
        self._count(place, text)
        self._note(place, text)

    def _header(self, line: str, place: Place, above: tuple[str, ...]) -> None:
        if _BLANK.match(line):
            return
        line = line.lstrip('"')
        word = _WORD.match(line)
        keyword = word[0] if word else ""
        starts = keyword in ("conn", "config", "include", "version")
        if word and not starts and line[word.end() :].lstrip(" \t").startswith("="):
            # the section it is meant for goes on
            raise _Unreadable(f"`{show(line)}` stands outside: an option must start with a blank")
        # whatever is wrong here, the options that follow belong to it
        self._section = _Section("", place)
        self.known = self.known or starts
        if keyword == "conn":
            self._open(self._section, line, place)
        elif keyword == "config":
            match = re.match(r"config[ \t]+(setup)", line)
            if not match:
                raise _Unreadable(f"`{show(line)}` is no section; did you mean `config setup`?")
            _end(line, match.end())
            self._section = self.setup
        elif keyword == "include":
            pattern = _value(line, len("include"))
            self._section = None
            self._include(pattern, place, above)
        elif keyword == "version":
            self._section = None
            _value(line, len("version"))
            if self.sections or self.setup.settings:
                raise _Unreadable("`version` may only come first")
        elif keyword == "ca":
            raise _Unreadable("`ca` is a section of strongSwan's; libreswan refuses the file")
        elif line.strip("\r"):
            raise _Unreadable(f"`{show(line)}` is neither `conn`, `config setup` nor `include`")
        else:
            raise _Unreadable("a carriage return stands here; write the file with Unix line ends")

    def _open(self, section: _Section, line: str, place: Place) -> None:
        section.name = name = _value(line, len("conn"))
        if not name:
            raise _Unreadable("`conn` needs a name")
        if len(self.sections) >= MAX_CONNS:
            raise ConfigError(f"{place}: more than {MAX_CONNS} connections are not read")
        self.sections.append(section)
        if name.endswith("\r"):
            section.name = name.rstrip("\r")
            raise _Unreadable(
                "the line ends with a carriage return, which libreswan takes for part of the "
                "name; write the file with Unix line ends"
            )

    def _include(self, pattern: str, place: Place, above: tuple[str, ...]) -> None:
        if not pattern:
            raise _Unreadable("`include` needs a file")
        if len(above) >= MAX_DEPTH:
            self._note(place, f"is not read: includes are nested at most {MAX_DEPTH} deep")
            return
        # relative to the working directory, which is / for a daemon
        absolute = pattern if pattern.startswith("/") else f"/{pattern}"
        directory = absolute.rpartition("/")[0] or "/"
        magic = any(char in absolute for char in "*?[")
        try:
            found = self._files.glob(absolute) if magic or self._files.exists(absolute) else ()
        except ConfigError as error:
            self._note(place, f"include {show(pattern)}: {error.message}")
            return
        if not found and not ("*" in absolute and self._files.exists(directory)):
            self._note(place, f"include {show(pattern)}: there is no such file; it is ignored")
        for path in found:
            self._included += 1
            if self._included > MAX_FILES:
                raise ConfigError(f"{place}: more than {MAX_FILES} files are included")
            if path in above:
                self._note(place, f"{path} includes itself; it is read once")
                continue
            try:
                text = self._files.text(path)
            except ConfigError as error:
                self._note(place, f"include {show(pattern)}: {error.message}")
            else:
                self.file(path, text, above)

    def _problem(self, place: Place, text: str) -> None:
        """A line that cannot be read: what it stands in is lost."""
        self._count(place, text)
        self.first_unreadable = self.first_unreadable or Problem(place, "", text)
        section = self._section
        if section is None or section is self.setup or section.name in ("", DEFAULT):
            self._note(place, text)
        elif not section.lost:
            section.lost = Lost(place, text, readable=False)

    def _note(self, place: Place, text: str) -> None:
        """Something that costs no connection."""
        self.problems.append(Problem(place, "", text))
        if len(self.problems) > MAX_CONNS:
            raise ConfigError(f"{place}: more than {MAX_CONNS} lines have no meaning")

    def _count(self, place: Place, text: str) -> None:
        self._unreadable += 1
        if self._unreadable > MAX_UNREADABLE:
            raise ConfigError(
                f"{place.file} is no ipsec.conf: more than {MAX_UNREADABLE} lines cannot be read; "
                f"{place}: {text}",
                "name the daemon's configuration file: --config FILE",
            )


class _Resolver:
    """Adds up what a connection, the sections it names and %default say."""

    def __init__(self, reader: _Reader, version: Version) -> None:
        self._version = version
        self._options = reader._options.conn
        self._sections = reader.sections
        self._by_name: dict[str, _Section] = {}
        self._default: dict[str, Setting] = {}
        self._copied = 0
        # 4.x says that it is not valid there and follows it for each connection. It reads no
        # further %default than the first one with an error.
        self._also: list[tuple[str, Place]] = []
        failed = False
        for section in reader.sections:
            self._by_name.setdefault(section.name, section)
            # all are read before any connection; of two, the later one counts
            if section.name == DEFAULT and not failed:
                self._default.update(section.settings)
                self._also += section.also
                failed = bool(section.also or section.lost)

    def conns(self) -> Iterator[Conn]:
        for section in self._sections:
            if section.name == DEFAULT:
                continue
            own: Settings = section.settings
            lost = section.lost
            if section.also or self._also:
                own, problem = self._merge(section)
                lost = lost or problem
            yield Conn(section.name, section.place, own, self._default, lost)

    def _merge(self, conn: _Section) -> tuple[Settings, Lost | None]:
        """The settings of a connection and of all that it names, directly or not.

        Where two differ the connection is not loaded; %default takes no part in that.
        """
        merged = dict(conn.settings)
        lost: Lost | None = None
        been = {id(conn)}
        # reversed, so that the first one is taken next, with all that it names itself
        waiting = list(reversed([*self._also, *conn.also]))
        while waiting:
            name, place = waiting.pop()
            section = self._by_name.get(name)
            if section is None:
                lost = lost or Lost(place, f"also={show(name)}: there is no such conn")
                continue
            if id(section) in been:
                continue
            been.add(id(section))
            self._spend(len(section.settings) + len(section.also) + 1, place)
            if section.lost:
                why = f"{section.lost.place}: {section.lost.why}"
                lost = lost or Lost(place, f"also={show(name)} cannot be followed: {why}")
            for key, setting in section.settings.items():
                before = merged.setdefault(key, setting)
                if before is not setting and not lost:
                    option = self._options[setting.key]
                    if quarrel(option, before, setting, self._version):
                        lost = Lost(before.place, _duplicate(before, setting))
            waiting.extend(reversed(section.also))
        return merged, lost

    def _spend(self, settings: int, place: Place) -> None:
        self._copied += settings
        if self._copied > MAX_COPIED:
            raise ConfigError(
                f"{place}: also= adds up to more than {MAX_COPIED} options; that is not read"
            )


def quarrel(option: Option, one: Setting, other: Setting, version: Version) -> bool:
    """Whether two settings of the same option cost the connection.

    source: confread.c, translate_field(): up to 5.2 the check for equal texts reads a field that
    is always empty, so even equal ones do
    """
    if option.kind == "list":
        return False
    if option.kind == "text" and version < (5, 3):
        return True
    return one.value != other.value


def _duplicate(one: Setting, other: Setting) -> str:
    same = " (equal values are refused, too, up to libreswan 5.2)" * (one.value == other.value)
    return f"{one.written} and {other.written} at {other.place} exclude each other{same}"


def _meaning(option: Option, text: str) -> str | None:
    """The value as the table has it, None for one that it does not have."""
    if option.words:
        word = text.lower() if text.isascii() else text
        found = option.words.get(word)
        return found if found is not None or not option.kind else word
    if option.kind == "number":
        digits = text.isascii() and text.isdecimal()
        return text.lstrip("0") or "0" if digits else _odd_number(text)
    if option.kind == "time" and (match := _TIME.match(text[:20])):
        return str(int(match[1]) * _MICROSECONDS[match[2].lower()])
    return text


def _odd_number(text: str) -> str | None:
    """`128k`, `0x10`, `all`: numbers to some options. A number it must be where it counts."""
    return None if text[:1] in ("", "-") else text


def _value(line: str, start: int) -> str:
    """The value from `start` on, which must be all that is left of the line but a comment."""
    rest = line[start:].lstrip(" \t")
    match = _PLAIN.match(rest)
    if match and match.end() == len(rest):
        return "0" if rest == _FOREVER else rest
    if not rest:
        return ""
    longest = max(
        (match for pattern in _VALUES if (match := pattern.match(rest))),
        key=lambda match: match.end(),
    )
    _end(rest, longest.end())
    return "0" if longest[0] == _FOREVER else longest[1]


def _end(line: str, start: int) -> None:
    """See that nothing follows but a comment. Raises _Unreadable."""
    rest = line[start:].lstrip(' \t"')
    if not rest:
        return
    if rest[0] != "#":
        raise _Unreadable(
            f"`{show(rest)}` stands behind the value: one with blanks must be put in quotes"
        )
    # flex takes `#word` for a word and `# word` for a comment
    if (word := _WORD.match(rest)) and word.end() == len(rest):
        raise _Unreadable(f"`{show(rest)}` is no comment to libreswan: a blank must follow the `#`")
