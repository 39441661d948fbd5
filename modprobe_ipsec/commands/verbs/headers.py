# SPDX-License-Identifier: GPL-3.0-or-later
"""--headers: can userland be compiled against the XFRM headers that are installed."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put
from modprobe_ipsec.glossary.book import Book
from modprobe_ipsec.headers.compiler import Compiler
from modprobe_ipsec.headers.running import Known, ask
from modprobe_ipsec.headers.survey import XFRM, HeaderPair, Survey, survey
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.need import FeatureNeed
from modprobe_ipsec.plan.planner import make_plan

_SCHEMA = 1
# Of the names that the glossary has of linux/xfrm.h: attributes, messages, modes, flags.
_PREFIXES = (
    *("XFRMA_", "XFRM_MSG_", "XFRM_MODE_", "XFRM_STATE_", "XFRM_SA_", "XFRM_POLICY_"),
    *("XFRM_OFFLOAD_", "XFRM_MIGRATE_STATE_", "XFRMNLGRP_"),
)
# The kernel's own states of an SA, which no header shows.
_NOT_IN_IT = ("XFRM_STATE_ACQ",)


def run(arguments: Arguments) -> int:
    """Ask the compiler and the kernel, and say what came of it."""
    format = arguments.value("--format")
    if format not in ("text", "json"):
        raise UsageError(f"--headers goes with --format text or json, not {format}")
    book = Book(engine.glossary_trees(), engine.catalog())
    since = dict(names(book))
    compiler = Compiler(arguments.value("--cc"), arguments.value("--sysroot"))
    found = survey(compiler, since, arguments.value("--headers"))
    kernel = _kernel()
    if format == "json":
        put(_json(found, kernel, compiler))
    else:
        put(text(found, kernel, compiler, since))
    return status(found, kernel)


def status(found: Survey, kernel: Known) -> int:
    """0 if all goes with all in both orders, 1 if the order matters or something lacks, 2 if
    linux/xfrm.h does not compile, or not with one of the others in any order."""
    broken = [pair for pair in found.pairs if not pair.works and XFRM in (pair.first, pair.second)]
    if XFRM in found.alone or broken:
        return 2
    clean = all(pair.both for pair in found.pairs) and not found.alone
    # what the kernel has not either is no loss
    lost = [name for name in found.lacking if kernel.names.get(name, True)]
    return 0 if clean and not lost and found.newer else 1


def _kernel() -> Known:
    """What the running kernel knows; it is not asked where that would load a module."""
    socket = [FeatureNeed("xfrm_socket", None)]
    if make_plan(socket, gather(Host()), engine.catalog()).steps:
        return Known({}, "it would load xfrm_user for that")
    return ask()


def names(book: Book) -> Iterator[tuple[str, str]]:
    """Each name of the newest linux/xfrm.h, and since when its term is there, if that is known."""
    for chapter in book.names():
        for lead in book.chapter(chapter).leads:
            for name in lead.names:
                if name.startswith(_PREFIXES) and name.isidentifier() and name not in _NOT_IN_IT:
                    yield name, lead.entry().term.since


def text(found: Survey, kernel: Known, compiler: Compiler, since: dict[str, str]) -> str:
    """All of it for people; `since` has the first kernel of each name, if that is known."""
    where = f" below {compiler.sysroot}" if compiler.sysroot else ""
    lines = [f"headers{where}, by {compiler.program}: {len(found.pairs)} pairs in both orders"]
    lines += [f"  {name} does not compile alone, or is not there" for name in found.alone]
    lines += [f"  {_says(pair)}" for pair in found.pairs if not pair.both]
    if all(pair.both for pair in found.pairs):
        lines.append("  every pair compiles in both orders")
    cannot = f"was not asked for ({kernel.why})" if kernel.why else "cannot be asked for"
    for has, said in (
        (True, "and the running kernel has"),
        (False, "and so does the running kernel"),
        (None, f"and the running kernel {cannot}"),
    ):
        missing = [name for name in found.lacking if kernel.names.get(name) is has]
        lines += ["", f"{XFRM} lacks, {said}:"] if missing else []
        lines += [
            f"  {name}" + (f" (kernel {since[name]})" if since[name] else "") for name in missing
        ]
    if not found.newer:
        lines += [
            "",
            f"a copy of the newest {XFRM} over these headers does not compile: their",
            "linux/stddef.h has no __counted_by; -D'__counted_by(m)=' mends it",
        ]
    return "".join(f"{line}\n" for line in lines)


def _says(pair: HeaderPair) -> str:
    if not pair.works:
        return f"{pair.first} and {pair.second} do not go together in any order"
    first, second = pair[:2] if pair.forward else (pair.second, pair.first)
    return f"{first} has to come before {second}"


def _json(found: Survey, kernel: Known, compiler: Compiler) -> str:
    import json

    document = {
        "schema": _SCHEMA,
        "compiler": compiler.program,
        "sysroot": compiler.sysroot,
        "alone": list(found.alone),
        "pairs": [pair._asdict() for pair in found.pairs],
        "lacking": list(found.lacking),
        "kernel": {name: kernel.names.get(name) for name in found.lacking},
        "not_asked": kernel.why,
        "newer": found.newer,
    }
    return json.dumps(document, indent=2) + "\n"
