# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked, as two files of a record: `--root DIR` alone then gives the same answer.

question.json has the words about needs and how `--check` ended. Where no word named a need,
needs.yaml is a host plan with all of them, without the names and places of the configuration that
they came from.
"""

import json

from modprobe_ipsec import __version__
from modprobe_ipsec.base.errors import ConfigError, UsageError
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.commands import host_plan
from modprobe_ipsec.commands.command_line import Arguments, parse
from modprobe_ipsec.commands.options import OPTIONS
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.manifest.make import make
from modprobe_ipsec.manifest.model import ManifestOptions
from modprobe_ipsec.manifest.read import MAX_BYTES
from modprobe_ipsec.manifest.read import parse as parse_plan
from modprobe_ipsec.needs.need import AnyNeed, Source
from modprobe_ipsec.report.model import Report

FILE, NEEDS = "question.json", "needs.yaml"
# What is replayed; of these, the first four name needs.
_WORDS = ("--esp", "--ah", "--ipcomp", "--all", "--daemon", "-4", "-6")
_NAMING = 4
_LIMIT = 1 << 16


def asked(arguments: Arguments, exit_status: int) -> dict[str, bytes]:
    """The words about needs, and how `--check` ended."""
    words = [
        word
        for name in _WORDS
        for value in arguments.values(name)
        for word in ((name, value) if value else (name,))
    ]
    what = {"version": __version__, "arguments": words, "exit_status": exit_status}
    return {FILE: f"{json.dumps(what, indent=2)}\n".encode()}


def needed(arguments: Arguments, report: Report, host: Host, catalog: Catalog) -> dict[str, bytes]:
    """The needs, unless the words say them; nothing of the configuration but its proposals."""
    if any(map(arguments.has, _WORDS[:_NAMING])):
        return {}
    verdicts = tuple(v._replace(need=_anonymous(v.need)) for v in report.verdicts)
    demand = Demand(tuple(map(_anonymous, report.demand.needs)))
    plan = make(demand, verdicts, report.facts, host.root, catalog)
    (file,) = host_plan.write(plan, "yaml", ManifestOptions())
    return {NEEDS: file.text.encode()}


def replayed(host: Host, catalog: Catalog) -> Arguments | Demand:
    """What was asked when this tree was recorded: all needs, or the words that name them.

    Raises ConfigError for a question that nobody can have asked.
    """
    plan = host.read(NEEDS, MAX_BYTES)
    if isinstance(plan, bytes):
        text = plan.decode("utf-8", "replace")
        return host_plan.wanted(parse_plan(text, f"/{NEEDS}", catalog), f"/{NEEDS}")
    answer = host.read(FILE, _LIMIT)
    if isinstance(answer, Unreadable):
        raise ConfigError(f"/{FILE}: {answer.why}")
    try:
        words = json.loads(answer)["arguments"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TypeError
        given = parse(words)
    except (ValueError, RecursionError, LookupError, TypeError):
        raise ConfigError(f"/{FILE}: no recorded question") from None
    except UsageError:
        # its words are a file's, and not for a message
        raise ConfigError(f"/{FILE}: what was asked is no question here") from None
    if any(given.has(option.name) for option in OPTIONS if option.name not in _WORDS):
        raise ConfigError(f"/{FILE}: only {', '.join(_WORDS)} are replayed")
    return given


def _anonymous(need: AnyNeed) -> AnyNeed:
    sources = {Source("the record", source.text, source.daemon): None for source in need.sources}
    return need._replace(sources=tuple(sources))
