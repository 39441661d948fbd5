# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told: events, as values and as lines. Pure."""

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.base.text import line
from modprobe_ipsec.base.value import StrEnum, Value

# Of the JSON lines; raised whenever a key changes its meaning or goes away.
SCHEMA = 1


class Level(StrEnum):
    """How bad it is, as in syslog(3)."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"
    INFO = "info"


_NUMBERS = {Level.ERROR: 3, Level.WARNING: 4, Level.NOTICE: 5, Level.INFO: 6}


class State(StrEnum):
    """Where an event stands in what it is about."""

    # It happened, and there is no more to it.
    ONCE = "once"
    BEGINS = "begins"
    # Told again, since it lasts.
    LASTS = "lasts"
    OVER = "over"


class Kind(StrEnum):
    """What an event is about."""

    # The run itself: what it sees by, and what it cannot see.
    WATCH = "watch"
    UNKNOWN_SPI = "unknown-spi"
    UNANSWERED_ACQUIRE = "unanswered-acquire"
    LARVAL_SA = "larval-sa"
    EXPIRED_SA = "expired-sa"
    FLUSHED = "flushed"
    MAPPING = "nat-mapping"
    COUNTER = "counter"
    SA_FAILURES = "sa-failures"
    MODULE = "module"
    READINESS = "readiness"
    MODULE_DIRECTORY = "module-directory"
    CARD = "network-card"


class Told(Value):
    """One line."""

    kind: Kind
    level: Level
    state: State
    # A sentence for people.
    text: str
    # The same for programs.
    about: Mapping[str, Any] = {}  # noqa: RUF012 (never changed)


def as_line(event: Told) -> str:
    """For people."""
    over = "over: " if event.state is State.OVER else ""
    return line(f"{event.kind}: {over}{event.text}")


def as_journal(event: Told) -> str:
    """For a service's log: journald takes the `<N>` off and keeps the level (sd-daemon(3))."""
    return f"<{_NUMBERS[event.level]}>{as_line(event)}"


def as_data(event: Told, time: str) -> dict[str, Any]:
    """For programs; `time` is in ISO 8601."""
    return {
        "schema": SCHEMA,
        "time": time,
        "event": event.kind.value,
        "state": event.state.value,
        "level": event.level.value,
        "message": line(event.text),
        "about": dict(event.about),
    }
