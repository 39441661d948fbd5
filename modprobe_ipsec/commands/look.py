# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the readiness for --watch: runs in a child process, which says what it has found.

The message is what `watch.readiness.from_message` reads.
"""

import time
from contextlib import suppress
from itertools import islice

from modprobe_ipsec.base.annotations import Any
from modprobe_ipsec.base.errors import ConfigError, as_error
from modprobe_ipsec.base.text import first
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.reporting import make_report, query_of
from modprobe_ipsec.daemons.selection import peers
from modprobe_ipsec.host.facts import Facts, Unreadable
from modprobe_ipsec.host.root import LIMIT, Host
from modprobe_ipsec.kernel import child
from modprobe_ipsec.kernel.unprivileged import only_read
from modprobe_ipsec.plan.causes import Cause, causes, connections_of
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Action, Report

# Paths that are watched, connections that are told apart, needs and connections of a cause.
_PATHS, _CONNECTIONS, _SHOWN = 4096, 20_000, 5
# What a kernel shows there changes with each look.
_NOT_WATCHED = ("proc/", "sys/", "dev/")
_RIGHTS = "proc/self/status"


class TracingHost(Host):
    """This machine, and what was looked at on it."""

    __slots__ = ("_before", "paths")

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        super().__init__()
        # What this process may do counts as it is before it gives its capabilities up.
        self._before = super().read(_RIGHTS)

    def read(self, path: str, limit: int = LIMIT, head: bool = False) -> bytes | Unreadable:
        return self._before if path == _RIGHTS else super().read(path, limit, head)

    def _look(self, path: str) -> int:
        if len(self.paths) < _PATHS and not path.startswith(_NOT_WATCHED):
            self.paths[f"/{path}"] = None
        return super()._look(path)


def look(arguments: Arguments, send: child.Send) -> None:
    """In the child: look, and say what there is."""
    began = time.time_ns()
    host = TracingHost()
    found: dict[str, Any] = {
        "exit_code": 3,
        "troubles": [],
        "connections": [],
        "modules": {},
        "paths": [],
        "module_directory": True,
        "cards": None,
        "counters": {},
        "began": began,
        "error": "",
    }
    try:
        found["cards"] = _cards()
        only_read()
        report, _ = make_report(Action.CHECK, arguments, host=host)
        found |= _of_report(report)
        found["module_directory"] = host.exists(host.module_directory) is not False
        found["connections"] = _connections(arguments, report.facts, host)
        found["counters"] = _counters()
    except OSError as error:
        found["error"] = f"no process without capabilities can be made: {error.strerror}"
    except MemoryError:
        found["error"] = "it takes too much memory"
    except Exception as error:
        found["error"] = as_error(error).message
    found["paths"] = list(host.paths)
    send(found)


def _of_report(report: Report) -> dict[str, Any]:
    troubles = [
        _trouble(cause) for cause in causes(report.verdicts) if cause.verdict is not Verdict.READY
    ]
    return {
        "exit_code": report.exit_code,
        "troubles": troubles,
        "modules": _modules(report.verdicts),
    }


def _trouble(cause: Cause) -> list[Any]:
    needs, _ = first((judged.need.label for judged in cause.met_at), _SHOWN)
    conns = connections_of(cause.met_at)
    shown, _ = first(((conn, place) for (_, conn), place in conns.items()), _SHOWN)
    return [str(cause.verdict), cause.text, cause.remedy, needs, len(cause.met_at), shown]


def _modules(verdicts: tuple[NeedVerdict, ...]) -> dict[str, list[str]]:
    """Modules that serve, or would serve, each with a few of the needs."""
    found: dict[str, dict[str, None]] = {}
    for judged in verdicts:
        for resolution in judged.resolutions:
            for module in (resolution.module, *resolution.dependencies):
                labels = found.setdefault(module, {})
                if len(labels) < _SHOWN:
                    labels[judged.need.label] = None
    return {module: list(labels) for module, labels in found.items() if module}


def _connections(arguments: Arguments, facts: Facts, host: Host) -> list[list[Any]]:
    query = query_of(arguments, facts, host)
    if query.esp or query.ah or query.ipcomp or query.everything:
        # then nothing of a configuration counts for the needs, but its connections are there
        query = query._replace(esp=(), ah=(), ipcomp=False, everything=False)
    with suppress(ConfigError):
        # what cannot be read is a problem of the report
        made = islice(peers(query, host, engine.catalog(), engine.daemon_tree), _CONNECTIONS)
        return [
            [each.daemon, each.conn, each.place, list(each.ends), each.anybody, each.command]
            for each in made
        ]
    return []


def _cards() -> list[list[Any]] | None:
    """The network cards with what they do for ESP; None where they cannot be asked."""
    from modprobe_ipsec.devices.survey import survey

    cards = survey()
    if not cards.cards:
        return None if cards.incomplete else []
    return [
        [card.name, card.driver, {flag: str(state) for flag, state in card.features.items()}]
        for card in cards.cards
    ]


def _counters() -> dict[str, str]:
    """What each counter of xfrm_stat means, in a sentence."""
    terms: Any = engine.glossary_trees()["counters"]["terms"]
    return {name: str(term["is"]) for name, term in terms.items()}
