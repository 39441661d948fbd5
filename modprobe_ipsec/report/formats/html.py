# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one page for a browser: no script, nothing from elsewhere, readable on a phone."""

import time

from modprobe_ipsec.base.annotations import Iterable, Iterator, Sequence
from modprobe_ipsec.base.text import SHOWN, facts_of, first, name
from modprobe_ipsec.base.text import line as line_of
from modprobe_ipsec.plan.causes import Cause, Conn, causes, connections, connections_of, effect_of
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report import evidence
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.words import against, because, head, named, notes, problems, some

SUMMARY = "for a browser: one page with causes, needs, connections and all evidence"

UTF_8 = True
# Rows of a table; connections there may be thousands of.
_ROWS = 500
_UNMET = (Verdict.BLOCKED, Verdict.MISSING)
_WORDS = ("ready", "not ready yet", "cannot work", "cannot be told")

_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --bad: #b3261e; --wait: #8a5a00;
  --unknown: #6a3ea1; --good: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --wait: #ffcc66; --unknown: #d0b0ff;
  --good: #7bd99a; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } code, pre { font: .875em/1.5 ui-monospace, monospace; }
pre { margin: .5rem 0; padding: .5rem; background: var(--soft); white-space: pre-wrap; }
.cause { border-left: .3rem solid; padding: .1rem .75rem; margin: .75rem 0;
  background: var(--soft); }
.verdict { font-weight: 600; white-space: nowrap; }
.blocked, .missing, .s2 { color: var(--bad); } .loadable, .slow, .s1 { color: var(--wait); }
.unknown, .s3 { color: var(--unknown); } .ready, .s0 { color: var(--good); }
.cause > * { color: CanvasText; } .cause > .verdict { color: inherit; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--line); }
details { border-bottom: 1px solid var(--line); padding: .25rem 0; } summary { cursor: pointer; }
@media (max-width: 40rem) { thead { position: absolute; left: -999rem; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: .3rem 0; }
  td { display: block; border: 0; padding: 0; }
  td[data-of]::before { content: attr(data-of) ": "; opacity: .7; } }
"""


def render(report: Report, style: Style) -> str:
    """The whole page."""
    if report.lab or report.measured:
        return _page(report, [])
    verdicts = report.verdicts
    found = causes(verdicts)
    sections = [
        _section("What stands in the way, and what to do", _causes(found, verdicts)),
        _section("Problems in configurations", _paragraphs(problems(report.demand))),
        _section("Profile", _paragraphs(against(report))),
        _section("Connections", _connections(verdicts)),
        _section("What is needed", _needs(verdicts)),
        _section("Algorithms that should not be used", _paragraphs(notes(report))),
        _section("What was loaded", _loads(report)),
        _section("Evidence", _evidence(verdicts)),
        _section("The stack itself", _stack(report)),
    ]
    return _page(report, sections)


def _page(report: Report, sections: Iterable[str]) -> str:
    run, status = report.run, report.exit_code
    word = _WORDS[status] if status < len(_WORDS) else "no permission to load"
    title = f"IPsec on {run.host}" if run.host else f"IPsec in {run.root}"
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.began))
    lines = "".join(f"<p>{_text(said)}</p>\n" for said in head(report))
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{_text(title)}: {word}</title>
<style>
{_STYLE}</style>
</head>
<body>
<h1>{_text(title)}: <span class="s{min(status, 3)}">{word}</span></h1>
{lines}{"".join(sections)}<footer>
<p><small>modprobe-ipsec {_text(run.version)}, {when}</small></p>
</footer>
</body>
</html>
"""


def _text(text: str) -> str:
    """What somebody else may have chosen, as text and nothing else."""
    # what html.escape does, without its imports
    shown = line_of(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return shown.replace('"', "&quot;").replace("'", "&#x27;")


def _section(title: str, body: Iterable[str]) -> str:
    inside = "".join(f"{part}\n" for part in body)
    return f"<section>\n<h2>{title}</h2>\n{inside}</section>\n" if inside else ""


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    return (f"<p>{_text(text)}</p>" for text in texts)


def _verdict(verdict: Verdict) -> str:
    return f'<span class="verdict {verdict}">{verdict}</span>'


def _causes(found: Sequence[Cause], verdicts: Sequence[NeedVerdict]) -> Iterator[str]:
    if not found:
        yield "<p>Nothing.</p>" if verdicts else "<p>Nothing is asked for.</p>"
    for cause in found:
        rows = [("the kernel", answer) for answer in cause.answers]
        if cause.verdict in _UNMET:
            effect = effect_of(cause, verdicts)
            rows += [("stops", named(effect.stops)), ("limits", named(effect.limits))]
            rows.append(("stops, with other causes", named(effect.helps_stop)))
        rows.append(("met at", some(evidence.names(cause.met_at))))
        rows.append(("to do", cause.remedy))
        yield f'<div class="cause {cause.verdict}">'
        yield f'<span class="verdict">{cause.verdict}</span> <p>{_text(cause.text)}</p>'
        yield from (f"<p><b>{what}:</b> {_text(said)}</p>" for what, said in rows if said)
        commands = dict.fromkeys(str(fact.get("command", "")) for fact in facts_of(cause.remedy))
        yield from (f"<pre>{_text(command)}</pre>" for command in commands if command)
        yield "</div>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], more: int) -> Iterator[str]:
    """A table of cells that are HTML already."""
    lines = [
        "<tr>"
        + "".join(f'<td data-of="{h}">{cell}</td>' for h, cell in zip(heads, row, strict=True))
        + "</tr>"
        for row in rows
    ]
    if not lines:
        return
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<table><thead><tr>{columns}</tr></thead><tbody>"
    yield from lines
    yield "</tbody></table>"
    if more:
        yield f"<p>and {more} more</p>"


def _connections(verdicts: Sequence[NeedVerdict]) -> Iterator[str]:
    """Each with how its needs stand; it works if one of its proposals does."""
    counts: dict[Conn, dict[Verdict, int]] = {}
    for judged in verdicts:
        for conn in connections(judged.need.sources):
            of = counts.setdefault(conn, {})
            of[judged.verdict] = of.get(judged.verdict, 0) + 1
    places = connections_of(verdicts)
    shown, more = first(counts.items(), _ROWS)
    rows = (
        (
            _text(name(conn)),
            _text(daemon or ""),
            f"<code>{_text(places[daemon, conn])}</code>",
            ", ".join(f"{of[verdict]} {_verdict(verdict)}" for verdict in Verdict if verdict in of),
        )
        for (daemon, conn), of in shown
    )
    return _table(("Connection", "Daemon", "Place", "Needs"), rows, more)


def _needs(verdicts: Sequence[NeedVerdict]) -> Iterator[str]:
    worst_first = sorted(verdicts, key=lambda judged: list(Verdict).index(judged.verdict))
    shown, more = first(evidence.rows(worst_first), _ROWS)
    rows = ((_verdict(v), _text(what), _text(over), _text(why)) for v, what, over, why in shown)
    return _table(("Verdict", "Need", "Over", "Because"), rows, more)


def _loads(report: Report) -> Iterator[str]:
    rows = [
        (_text(result.outcome), _text(", ".join(result.loaded) or result.step.module),
         _text(result.why or result.step.why))
        for result in report.loads
    ]  # fmt: skip
    rows += [("by the kernel itself", _text(module), "") for module in report.autoloaded]
    return _table(("Outcome", "Modules", "Why"), rows, 0)


def _evidence(verdicts: Sequence[NeedVerdict]) -> Iterator[str]:
    """Each need, where it comes from, and its requests."""
    shown, more = first(verdicts, _ROWS)
    for judged in shown:
        yield f"<details><summary>{_verdict(judged.verdict)} {_text(judged.need.label)}</summary>"
        yield f"<p>{_text(because(judged))}</p>"
        sources, more_sources = first(judged.need.sources, SHOWN)
        asked = [f"{source.where}: {source.text}".rstrip(": ") for source in sources]
        yield from (f"<p>from <code>{_text(text)}</code></p>" for text in asked)
        yield f"<p>and {more_sources} more</p>" if more_sources else ""
        rows = (
            (f"<code>{_text(r.request)}</code>", r.state, _text(r.module), _text(r.evidence))
            for r in judged.resolutions
        )
        yield from _table(("Request", "State", "Module", "Evidence"), rows, 0)
        yield "</details>"
    if more:
        yield f"<p>and {more} more</p>"


def _stack(report: Report) -> Iterator[str]:
    rows = [(f"/{sign.path}", sign.shows) for sign in report.facts.stack_signs]
    gaps, more = first(report.facts.unreadable)
    rows += [(f"/{gap.path}", f"not read: {gap.why}") for gap in gaps]
    cells = ((f"<code>{_text(path)}</code>", _text(said)) for path, said in rows)
    return _table(("Place", "Shows"), cells, more)
