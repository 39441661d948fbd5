# SPDX-License-Identifier: GPL-3.0-or-later
"""--explain: what a term means, and how it stands here; or what the lines of a log mean."""

import os
import stat

from modprobe_ipsec.base.annotations import Iterator, Mapping, Sequence
from modprobe_ipsec.base.errors import Error, UsageError
from modprobe_ipsec.base.text import printable, reason
from modprobe_ipsec.base.value import once
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.diagnose.resolution import SERVED
from modprobe_ipsec.glossary import log, say
from modprobe_ipsec.glossary.book import Book
from modprobe_ipsec.glossary.entry import Entry, Here
from modprobe_ipsec.glossary.here import Asked
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Action

# Of the JSON; raised whenever a key changes its meaning or goes away.
_SCHEMA = 1
_STDIN = 0


def run(arguments: Arguments) -> int:
    """Print what is asked for. Raises UsageError for a name that nobody knows."""
    format = arguments.value("--format")
    if format not in ("text", "json"):
        raise UsageError(f"--explain goes with --format text or json, not {format}")
    catalog = engine.catalog()
    book = Book(engine.glossary_trees(), catalog)
    name = arguments.value("--explain")
    host = Host(arguments.value("--root"), arguments.value("--kernel") or None)
    asked = Asked(host, once(lambda: _facts(host)), catalog)
    if name != "-":
        _explain(name, book, asked, format)
    elif _is_log():
        _read_log(book, arguments, asked, format)
    else:
        _list_chapters(book, format)
    return 0


def _explain(name: str, book: Book, asked: Asked, format: str) -> None:
    terms = _terms(name, book)
    found = book.find(name)
    if not found and not terms:
        # a line of a log, perhaps
        found = [(finding.chapter, finding.entry) for finding in log.search(name, book).findings]
    answers = [
        say.Explained(chapter, book.title(chapter), entry, tuple(asked.about(entry, name)))
        for chapter, entry in found
    ]
    if not answers and not terms:
        near = book.near(name)
        meant = f"; did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"--explain {name}: no such term{meant}", "--explain alone lists chapters")
    if format == "json":
        _put_json({"entries": [say.data(answer) for answer in answers], "terms": terms})
        return
    listed = f"{name}: {book.title(_chapter(name))}\n{say.in_columns(terms)}" if terms else ""
    put("\n".join(filter(None, (say.text(answers, _titles()), listed))))


def _facts(host: Host) -> Facts:
    # a third of the run, which most terms need not pay
    from modprobe_ipsec.host.gather import gather

    return gather(host)


def _terms(name: str, book: Book) -> list[str]:
    """The terms of the chapter of this name; none if there is none."""
    chapter = _chapter(name)
    if chapter not in book.names():
        return []
    return [lead.names[0] for lead in book.chapter(chapter).leads]


def _chapter(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")


def _list_chapters(book: Book, format: str) -> None:
    chapters = [(chapter.name, chapter.title, len(chapter.leads)) for chapter in book.chapters()]
    if format == "json":
        _put_json({"chapters": [{"name": n, "title": t, "terms": c} for n, t, c in chapters]})
        return
    rows = [(name, f"{title} ({count})") for name, title, count in chapters]
    put(
        "chapters; --explain CHAPTER lists its terms, --explain TERM explains one:\n"
        f"{say.listed(rows, max(len(name) for name, _ in rows))}"
    )


def _is_log() -> bool:
    """Whether somebody pipes something in: a terminal or /dev/null is no log."""
    try:
        mode = os.fstat(_STDIN).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _read_log(book: Book, arguments: Arguments, asked: Asked, format: str) -> None:
    try:
        with open(_STDIN, "rb", closefd=False) as stdin:
            data = stdin.read(log.MAX_BYTES + 1)
    except OSError as error:
        raise Error(f"standard input: {reason(error)}") from None
    found = log.search(data[: log.MAX_BYTES].decode("utf-8", "replace"), book)
    found = found._replace(cut=found.cut or len(data) > log.MAX_BYTES)
    standing = _Standing(arguments)
    explained = [
        (
            f,
            say.Explained(
                f.chapter,
                book.title(f.chapter),
                f.entry,
                (*asked.values(f.entry), *standing.of(f.entry)),
            ),
        )
        for f in found.findings
    ]
    if format == "text":
        put(say.log_text(found, explained))
        return
    findings = [
        {"lines": list(f.lines), "times": f.times, **say.data(answer)} for f, answer in explained
    ]
    _put_json({"lines": found.lines, "cut": found.cut, "findings": findings})


class _Standing:
    """What stands in the way on this host of what its configuration asks for: a check, once."""

    def __init__(self, arguments: Arguments) -> None:
        self._check = once(lambda: self._checked(arguments))

    @staticmethod
    def _checked(arguments: Arguments) -> tuple[NeedVerdict, ...] | str:
        from modprobe_ipsec.commands.reporting import make_report

        try:
            report, _ = make_report(Action.CHECK, arguments)
        except Error as error:
            return error.message
        return report.verdicts

    def of(self, entry: Entry) -> tuple[Here, ...]:
        """What this host says about the requests that an entry is about."""
        if not entry.term.asks:
            return ()
        verdicts = self._check()
        if isinstance(verdicts, str):
            return (Here(f"cannot be told: {printable(verdicts)}"),)
        waits = (Verdict.LOADABLE, Verdict.SLOW)
        lacking = [verdict for verdict in verdicts if verdict.verdict not in waits]
        # what is only not loaded yet is worth a word where nothing else is in the way
        here = dict.fromkeys(_reasons(lacking, entry.term.asks))
        return tuple(here or dict.fromkeys(_reasons(verdicts, entry.term.asks)))


def _reasons(verdicts: Sequence[NeedVerdict], asks: tuple[str, ...]) -> Iterator[Here]:
    """Reasons for verdicts, as far as they are about these requests."""
    for verdict in verdicts:
        about = [r for r in verdict.resolutions if r.request.startswith(asks)]
        said = [text for r in about if r.state not in SERVED for text in (r.evidence, r.module)]
        for why in verdict.reasons:
            if any(text in why.text for text in said if text):
                yield Here(why.text, why.remedy)


def _titles() -> Mapping[str, str]:
    return {name: daemon.title for name, daemon in DAEMONS.items()}


def _put_json(document: Mapping[str, object]) -> None:
    import json

    put(json.dumps({"schema": _SCHEMA, **document}, indent=2) + "\n")
