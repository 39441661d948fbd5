# SPDX-License-Identifier: GPL-3.0-or-later
"""exampled, a daemon that does not exist: `peer NAME esp PROPOSAL` a line, in exampled.conf."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.catalog.model import Protocol, XfrmTable
from modprobe_ipsec.daemons.common.descriptor import Configuration, Context, Daemon, programs
from modprobe_ipsec.daemons.common.errors import ProposalSyntaxError
from modprobe_ipsec.needs.need import Choice, Need, Source, Suite
from modprobe_ipsec.needs.reading import Files, Place, Problem, Reading


def _suites(text: str, protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    """`aes-256/sha2`, or `aes-256-gcm` alone."""
    words = context.catalog.vocabularies[DAEMON.name].words
    choices, position = [], 0
    for name in text.split("/"):
        if name not in words:
            raise ProposalSyntaxError("is not known", name, position, words)
        choices.append(Choice(words[name].transform, words[name].key_bits))
        position += len(name) + 1
    kinds = [choice.transform.kind for choice in choices]
    if kinds == [XfrmTable.CIPHER, XfrmTable.AUTH]:
        return (Suite(protocol, choices[0], choices[1]),)
    if kinds == [XfrmTable.AEAD]:
        return (Suite(protocol, choices[0], None),)
    raise ProposalSyntaxError("is no cipher with integrity", text, 0)


def _default_suites(protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    text = context.catalog.vocabularies[DAEMON.name].default(protocol)
    return _suites(text, protocol, context)


def _read(path: str, files: Files, context: Context) -> Reading:
    needs: list[Need] = []
    problems = []
    for place, name, text in _peers(path, files.text(path)):
        where = f"{place} peer {name}"
        source = Source(where, text, DAEMON.name, conn=name, place=str(place))
        try:
            suites = _suites(text, Protocol.ESP, context)
        except ProposalSyntaxError as wrong:
            problems.append(Problem(place, name, wrong.explain(text, DAEMON).message))
            continue
        needs += [Need(suite, f, (source,)) for suite in suites for f in context.families]
    return Reading(tuple(needs), DAEMON.start_needs, tuple(problems), ())


def _peers(path: str, text: str) -> Iterator[tuple[Place, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) == 4 and words[0] == "peer" and words[2] == "esp":
            yield Place(path, number), words[1], words[3]


DAEMON = Daemon(
    name="exampled",
    title="Exampled",
    program="exampled",
    configurations=(
        Configuration(
            title="exampled.conf",
            paths=("/etc/exampled.conf",),
            programs=programs(("/usr/sbin", "/usr/local/sbin"), "exampled"),
            fits=lambda path, text: path.endswith("exampled.conf"),
            read=_read,
        ),
    ),
    packages={"dpkg": ("exampled",)},
    units=("exampled.service",),
    suites=_suites,
    default_suites=_default_suites,
    start={"af_key": "its PF_KEY socket"},
)
