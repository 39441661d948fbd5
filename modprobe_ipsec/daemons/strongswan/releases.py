# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release of strongSwan knows: `since` and `gone` of data/daemons/strongswan.yaml.

A release is a tuple of its numbers, (5, 9, 8). A shorter one, (5, 9), may be any that begins so.
"""

import re

from modprobe_ipsec.base.annotations import Callable, Iterator, Mapping
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value, once
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.daemons.common.errors import ProposalSyntaxError
from modprobe_ipsec.needs.reading import Files

# Where its main library lies: Debian and OpenWrt, Fedora and RHEL, Alpine and Arch, upstream.
_LIBRARIES = tuple(
    f"/usr/{directory}/libcharon.so.0"
    for directory in ("lib/ipsec", "lib64/strongswan", "lib/strongswan", "local/lib/ipsec")
)
# A line of the log that only IKEv1 has.
_IKEV1 = "Main Mode"
# In the data: any `ke1_` to `ke7_` before a method.
_ADDITIONAL = "ke#_"
# Kinds of values that are made of words.
_PROPOSALS = ("proposals", "ike_proposals")
_BETWEEN = str.maketrans(",\"'!", "----")
_ASK = "nothing here tells the release; say it with --daemon strongswan=RELEASE"


class Span(Value):
    """The first release that has something, and the first that has it no more; (): always."""

    since: Release = ()
    gone: Release = ()


class History(Value):
    """What not every release has."""

    # Words of proposals, and options.
    words: Mapping[str, Span]
    options: Mapping[str, Span]
    # Option -> values, as a pattern in any case.
    values: Mapping[str, tuple[tuple[str, Span], ...]]
    # The same; they are taken, but what they name is not built in by default.
    unbuilt: Mapping[str, tuple[tuple[str, Span], ...]]


class Ruling(Value):
    """What a release makes of a setting: nothing to tell, or a text."""

    text: str = ""
    # Whether the connection cannot come up by it; else that depends on the release.
    lost: bool = False


FINE = Ruling()


class ReleaseRules:
    """What one release knows; None stands for a release that nobody knows."""

    def __init__(
        self, history: History, release: Release | None, files: Files | None = None
    ) -> None:
        """`files` may tell whether it was built with IKEv1."""
        self._history, self._release = history, release
        self._has_ikev1: Callable[[], bool] = once(lambda: files is not None and _has_ikev1(files))
        self._in_question = {*history.options, *history.values, *history.unbuilt}
        self._known: dict[tuple[str, str], Ruling] = {}

    def of(self, option: str, value: str, kind: str) -> Ruling:
        """What it makes of an option with a value of that kind."""
        if kind not in _PROPOSALS and option not in self._in_question:
            return FINE
        key = (option, value)
        if key not in self._known:
            self._known[key] = self._of(option, value, kind)
        return self._known[key]

    def check(self, proposals: str) -> None:
        """Let proposals pass that have no word which the release lacks.

        Raises ProposalSyntaxError.
        """
        for start, word, span in self._words(proposals):
            if self._in(span) is False:
                problem = f"is no word of {self._name} ({_when(span)})"
                raise ProposalSyntaxError(problem, word, start)

    def _of(self, option: str, value: str, kind: str) -> Ruling:
        # the newest of what is new comes first
        parts = sorted(self._parts(option, value, kind), key=lambda part: part[1], reverse=True)
        verdicts = [self._judge(what, span) for what, span in parts]
        verdicts += [
            self._unbuilt(option, span)
            for pattern, span in self._history.unbuilt.get(option, ())
            if re.fullmatch(pattern, value, re.IGNORECASE)
        ]
        for found in verdicts:
            if found.lost:
                return found
        return next((found for found in verdicts if found.text), FINE)

    def _parts(self, option: str, value: str, kind: str) -> Iterator[tuple[str, Span]]:
        """Whatever in it not every release has."""
        if span := self._history.options.get(option):
            yield option, span
        for pattern, span in self._history.values.get(option, ()):
            if re.fullmatch(pattern, value, re.IGNORECASE):
                # a pattern with an open end may have taken anything
                known = value.lower() in pattern.split("|")
                yield f"{option} = {value}" if known else option, span
        if kind in _PROPOSALS:
            # `ke1_` of what may be anything
            words = self._history.words
            yield from (
                (word if words.keys() & {word, word[4:]} else word[:4], span)
                for _, word, span in self._words(value)
            )

    def _words(self, proposals: str) -> Iterator[tuple[int, str, Span]]:
        """Words that not every release has, and where each begins."""
        words, at = self._history.words, 0
        for part in proposals.translate(_BETWEEN).split("-"):
            word = part.strip(" ")
            start, at = at + part.find(word), at + len(part) + 1
            if span := words.get(word):
                yield start, word, span
            elif word[:2].lower() == "ke" and word[3:4] == "_":
                yield start, word, words[_ADDITIONAL]
                yield start, word, words.get(word[4:], Span())

    def _in(self, span: Span) -> bool | None:
        """Whether the release has it; None: that cannot be told."""
        since = _reaches(self._release, span.since)
        gone = bool(span.gone) and _reaches(self._release, span.gone)
        if since is False or gone is True:
            return False
        return None if since is None or gone is None else True

    def _judge(self, what: str, span: Span) -> Ruling:
        has = self._in(span)
        if has:
            return FINE
        if has is False:
            return Ruling(
                f"{self._name} does not know `{what}` ({_when(span)}), and does not load this "
                "connection",
                lost=True,
            )
        if span.gone:
            text = f"`{what}` is gone since strongSwan {_text(span.gone)}, which does"
        else:
            text = f"`{what}` came with strongSwan {_text(span.since)}, and an older one does"
        return Ruling(f"{text} not load this connection; {_ASK}")

    def _unbuilt(self, what: str, span: Span) -> Ruling:
        has = self._in(span)
        if has or self._has_ikev1():
            return FINE
        text = "built without IKEv1 unless somebody asks for it (--enable-ikev1)"
        if has is False:
            text = f"`{what}`: {self._name} is {text}; this connection is loaded and never comes up"
            return Ruling(text, lost=True)
        text = f"`{what}`: since {_text(span.gone)} strongSwan is {text}, and this connection then"
        return Ruling(f"{text} never comes up; {_ASK}")

    @property
    def _name(self) -> str:
        return f"strongSwan {_text(self._release or ())}"


def _has_ikev1(files: Files) -> bool:
    """Whether a library is there that was built with IKEv1."""
    for path in _LIBRARIES:
        try:
            if files.exists(path):
                return _IKEV1 in files.text(path)
        except ConfigError:
            # no permission, or somebody's bad joke
            continue
    return False


def _reaches(release: Release | None, other: Release) -> bool | None:
    """Whether it is that release or a later one; None: that cannot be told."""
    if not other:
        return True
    if release is None or (len(release) < len(other) and release == other[: len(release)]):
        return None
    return release >= other


def _when(span: Span) -> str:
    return f"gone since {_text(span.gone)}" if span.gone else f"since {_text(span.since)}"


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def history(since: Row, gone: Row) -> History:
    """Check the two tables. Raises ConfigError with file and line."""
    spans: dict[str, dict[str, Span]] = {"words": {}, "options": {}}
    values: dict[str, dict[str, tuple[tuple[str, Span], ...]]] = {"values": {}, "unbuilt": {}}
    for table, is_gone in ((since, False), (gone, True)):
        for text, row in table.rows():
            release = _release(table, text)
            span = Span(gone=release) if is_gone else Span(since=release)
            for name, of in spans.items():
                of.update(dict.fromkeys(row.texts(name, []), span))
            for name, patterns in values.items():
                below = row.sub(name).words() if name in row else {}
                for option, pattern in below.items():
                    patterns[option] = (*patterns.get(option, ()), (pattern, span))
            row.done()
    return History(
        words=spans["words"],
        options=spans["options"],
        values=values["values"],
        unbuilt=values["unbuilt"],
    )


def _release(table: Row, text: str) -> Release:
    numbers = text.split(".")
    if len(numbers) != 3 or not all(map(str.isdecimal, numbers)):
        raise table.error(f"`{text}` is no release such as 5.9.8", text)
    return tuple(map(int, numbers))
