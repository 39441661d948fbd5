# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules: those that answer requests, those that are never loaded, and helpers."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.glossary import Term, WrittenChapter
from modprobe_ipsec.catalog.model import Catalog, ModuleRequest
from modprobe_ipsec.catalog.reach import module_requests_of
from modprobe_ipsec.diagnose.requests import NeedRequests
from modprobe_ipsec.glossary.entry import Entry, Lead
from modprobe_ipsec.needs.need import FeatureNeed

TITLE = "what is loaded for IPsec, comes along, or never should"


def leads(catalog: Catalog, written: WrittenChapter) -> Iterator[Lead]:
    """A term for each module."""
    answers: dict[str, list[ModuleRequest]] = {}
    for asked in module_requests_of(catalog).values():
        for request in filter(lambda request: request.module, asked):
            answers.setdefault(request.module, []).append(request)
    for name in written.names():

        def from_file(name: str = name) -> Entry:
            return _written(written.term(name), catalog)

        yield Lead((name,), from_file)
    named = dict.fromkeys((*answers, *catalog.never_load))
    for name in filter(lambda name: name not in written.names(), named):

        def entry(name: str = name) -> Entry:
            return _entry(name, answers.get(name, []), catalog)

        yield Lead((name,), entry)


def _entry(name: str, answers: list[ModuleRequest], catalog: Catalog) -> Entry:
    serves = ", ".join(dict.fromkeys(request.title for request in answers))
    by_name = ModuleRequest(alias=name, module=name, config="", title="")
    why = catalog.never_load.get(name, "")
    does = f"This program never loads it: {why}." if why else ""
    options = dict.fromkeys(f"CONFIG_{request.config}" for request in answers)
    return Entry(
        term=Term(
            name=name,
            what=f"Module: {serves}." if serves else "Module that IPsec does not need.",
            does=" ".join(filter(None, (_asked(answers), does, _start(name, catalog)))),
            needs=", ".join(options),
            source="data/protocols.yaml, data/features.yaml, data/never_load.yaml",
        ),
        requests=(_one(answers[0] if answers else by_name),),
    )


def _written(term: Term, catalog: Catalog) -> Entry:
    start = _start(term.name, catalog)
    request = ModuleRequest(alias=term.name, module=term.name, config="", title="")
    return Entry(
        term=term._replace(does=" ".join(filter(None, (term.does, start)))),
        requests=(_one(request),),
    )


def _one(request: ModuleRequest) -> NeedRequests:
    return NeedRequests(need=FeatureNeed(request.module, None), modules=(request,))


def _asked(answers: list[ModuleRequest]) -> str:
    aliases = dict.fromkeys(request.alias for request in answers)
    return f"The kernel asks for it as {', '.join(aliases)}." if aliases else ""


def _start(name: str, catalog: Catalog) -> str:
    """What a line of initcall_blacklist= would have to name."""
    functions = catalog.knowledge.initcalls.get(name, ())
    return f"Built in, it is started by {' or '.join(functions)}." if functions else ""
