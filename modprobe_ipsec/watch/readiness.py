# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the host's readiness says, as a message of the process that looked; and what of it
is new. Pure.
"""

from modprobe_ipsec.base.annotations import Any, Iterator, Mapping
from modprobe_ipsec.base.text import first, listed, name
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.watch.event import Kind, Level, State, Told

# Names in a line.
_SHOWN = 3


class Trouble(Value):
    """One cause for which needs are not ready."""

    # blocked, missing, ...
    verdict: str
    text: str
    remedy: str
    # Needs, of which the first few, and how many there are.
    needs: tuple[str, ...]
    number: int
    # PeerIndex with their places, likewise.
    conns: tuple[tuple[str, str], ...]


class Connection(Value):
    """A connection and its peer, as daemons.common.peers.PeerConnection."""

    daemon: str
    conn: str
    place: str
    ends: tuple[str, ...]
    anybody: bool
    command: str


class CardSeen(Value):
    """A network card and its features."""

    name: str
    driver: str
    flags: Mapping[str, str]


class Look(Value):
    """All that one look found."""

    # The exit status that --check would have.
    exit_code: int
    troubles: tuple[Trouble, ...] = ()
    connections: tuple[Connection, ...] = ()
    # Modules that needs rest on, each with some of these needs.
    modules: Mapping[str, tuple[str, ...]] = {}  # noqa: RUF012 (never changed)
    # Files and directories that were looked at.
    paths: tuple[str, ...] = ()
    # Whether the running kernel's module directory is there.
    module_directory: bool = True
    # None: they were not asked.
    cards: tuple[CardSeen, ...] | None = None
    # What each counter means.
    counters: Mapping[str, str] = {}  # noqa: RUF012 (never changed)
    # When it began, in nanoseconds since 1970.
    began: int = 0
    # Why there is no answer; empty if there is one.
    error: str = ""


def from_message(data: Any) -> Look:
    """The look again. Raises ValueError for what no process of ours can have said."""
    try:
        fields = dict(data)
        cards = fields["cards"]
        return Look(
            exit_code=int(fields["exit_code"]),
            troubles=tuple(
                Trouble(
                    str(verdict),
                    str(text),
                    str(remedy),
                    _texts(needs),
                    int(number),
                    tuple((str(conn), str(place)) for conn, place in conns),
                )
                for verdict, text, remedy, needs, number, conns in fields["troubles"]
            ),
            connections=tuple(
                Connection(
                    str(daemon), str(conn), str(place), _texts(ends), bool(anybody), str(command)
                )
                for daemon, conn, place, ends, anybody, command in fields["connections"]
            ),
            modules={str(module): _texts(needs) for module, needs in fields["modules"].items()},
            paths=_texts(fields["paths"]),
            module_directory=bool(fields["module_directory"]),
            cards=None
            if cards is None
            else tuple(
                CardSeen(str(card), str(driver), {str(k): str(v) for k, v in flags.items()})
                for card, driver, flags in cards
            ),
            counters={str(key): str(text) for key, text in fields["counters"].items()},
            began=int(fields["began"]),
            error=str(fields["error"]),
        )
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"no look: {error}") from None


def _texts(data: Any) -> tuple[str, ...]:
    return tuple(map(str, data))


_LEVELS = {"blocked": Level.ERROR, "missing": Level.ERROR, "unknown": Level.ERROR}


class Readiness:
    """What was found at the last look; tells what is new at the next."""

    __slots__ = ("_cards", "_error", "_there", "_troubles")

    def __init__(self) -> None:
        self._troubles: dict[tuple[str, str], Trouble] = {}
        self._there = True
        self._error = ""
        self._cards: dict[str, CardSeen] | None = None

    def see(self, look: Look) -> Iterator[Told]:
        """What is told of a look after the one before."""
        if look.error != self._error:
            state = State.BEGINS if look.error else State.OVER
            text = f"readiness cannot be told: {look.error or self._error}"
            self._error = look.error
            yield Told(Kind.READINESS, Level.ERROR, state, text)
        if look.error:
            return
        if look.module_directory != self._there:
            self._there = look.module_directory
            yield _directory(self._there)
        found = {(trouble.verdict, trouble.text): trouble for trouble in look.troubles}
        for key, trouble in self._troubles.items():
            if key not in found:
                yield _trouble(trouble, State.OVER)
        for key, trouble in found.items():
            if key not in self._troubles:
                yield _trouble(trouble, State.BEGINS)
        self._troubles = found
        if look.cards is not None:
            cards = {card.name: card for card in look.cards}
            if self._cards is not None:
                yield from _cards(self._cards, cards)
            self._cards = cards


def _directory(there: bool) -> Told:
    text = (
        "the module directory of the running kernel is gone: what is not loaded by now cannot be "
        "any more. To do: reboot into the installed kernel"
    )
    state = State.OVER if there else State.BEGINS
    return Told(Kind.MODULE_DIRECTORY, Level.INFO if there else Level.WARNING, state, text)


def _trouble(trouble: Trouble, state: State) -> Told:
    more = trouble.number - 1
    what = trouble.needs[0] if trouble.needs else "nothing"
    what += f" and {more} more" if more > 0 else ""
    text = f"{what}: {trouble.verdict}: {trouble.text}"
    conns, left = first([f"{name(conn)} ({place})" for conn, place in trouble.conns], _SHOWN)
    if conns:
        text += f"; for {listed([*conns, f'{left} more'] if left else conns)}"
    level = Level.INFO
    if state is not State.OVER:
        level = _LEVELS.get(trouble.verdict, Level.WARNING)
        text += f". To do: {trouble.remedy}" if trouble.remedy else ""
    about = {
        "verdict": trouble.verdict,
        "cause": trouble.text,
        "needs": list(trouble.needs),
        "number": trouble.number,
        "connections": [{"name": conn, "place": place} for conn, place in trouble.conns],
        "remedy": trouble.remedy,
    }
    return Told(Kind.READINESS, level, state, text, about)


def _cards(before: Mapping[str, CardSeen], after: Mapping[str, CardSeen]) -> Iterator[Told]:
    for card in after.values():
        old = before.get(card.name)
        if old is None:
            yield _card(card, f"{_called(card)} came: {_flags(card.flags)}")
        elif old.flags != card.flags:
            changed = {k: v for k, v in card.flags.items() if old.flags.get(k) != v}
            yield _card(card, f"{_called(card)} changed: {_flags(changed)}")
    for card in before.values():
        if card.name not in after:
            yield _card(card, f"{_called(card)} is gone")


def _card(card: CardSeen, text: str) -> Told:
    about = {"name": card.name, "driver": card.driver, "features": dict(card.flags)}
    return Told(Kind.CARD, Level.NOTICE, State.ONCE, text, about)


def _called(card: CardSeen) -> str:
    return f"{name(card.name)} ({name(card.driver)})" if card.driver else name(card.name)


def _flags(flags: Mapping[str, str]) -> str:
    return ", ".join(f"{flag} {state}" for flag, state in sorted(flags.items())) or "no ESP offload"
