# SPDX-License-Identifier: GPL-3.0-or-later
"""ipsec-tools: what setkey sets up by hand, over PF_KEY, and racoon, whose files are not read.

source: setkey(8), src/setkey/parse.y, token.l; Debian's setkey init script
"""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import KernelInterface, Protocol, XfrmTable
from modprobe_ipsec.daemons.others import OtherReader, ProgramFiles, Said, number
from modprobe_ipsec.daemons.others import _states as states
from modprobe_ipsec.needs.need import Choice, FeatureNeed, Mode, Need, Source, Suite, merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

_PROTOCOLS = {
    "esp": Protocol.ESP,
    "esp-udp": Protocol.ESP,
    "ah": Protocol.AH,
    "ipcomp": Protocol.COMP,
}
_SA_COMMANDS = frozenset(("add", "update", "delete", "deleteall", "get", "flush", "dump"))
_COMMANDS = _SA_COMMANDS | {"exit", "quit"} | {f"spd{verb}" for verb in ("add", "update")}
_COMMANDS |= {"spddelete", "spdflush", "spddump"}
_AF_KEY = "af_key"


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each up to its `;`, with the line where it begins; a text in quotes is one word."""
    words: list[str] = []
    begin = 0
    for at, raw in enumerate(text.split("\n"), 1):
        for word in _words(raw):
            if word == ";":
                if words:
                    yield begin, words
                words = []
            else:
                begin = begin if words else at
                words.append(word)


def _words(line: str) -> Iterator[str]:
    word, quoted = "", False
    for char in line:
        if char == '"':
            quoted = not quoted
            word += char
        elif quoted:
            word += char
        elif char == "#":
            break
        elif char.isspace() or char == ";":
            if word:
                yield word
            word = ""
            if char == ";":
                yield char
        else:
            word += char
    if word:
        yield word


def _fits(text: str) -> bool:
    found = [words[0] for _, words in _statements(text)]
    return bool(found) and set(found) <= _COMMANDS


def _key_bits(text: str) -> int | None:
    return states.key_bits(text.strip('"'))


def _suite(protocol: Protocol, words: Sequence[str], its: ProgramFiles) -> tuple[Suite, Mode]:
    """What stands behind the SPI. Raises Unknown."""
    mode = Mode.TRANSPORT
    encryption: Choice | None = None
    integrity: Choice | None = None
    following = [*words[1:], "", ""]
    for at, word in enumerate(words):
        name, key = following[at], following[at + 1]
        if word == "-m":
            mode = Mode.TUNNEL if name == "tunnel" else Mode.TRANSPORT
        elif word == "-E":
            encryption = _choice(name, _key_bits(key), its)
        elif word == "-A":
            integrity = None if name == "null" else _choice(name, None, its)
        elif word == "-C":
            encryption = _choice(name, 0, its)
    suite = Suite(protocol, encryption, integrity)
    if not suite.is_possible:
        raise states.Unknown("algorithms that make no SA together")
    return suite, mode


def _choice(name: str, bits: int | None, its: ProgramFiles) -> Choice:
    transform = its.program.words.get(name)
    if transform is None:
        raise states.Unknown("an algorithm that is not known here")
    if transform.kind is XfrmTable.AUTH or bits is None:
        return Choice(transform, transform.key_bits[-1])
    length = bits - transform.salt_bits if transform.key_bits != (0,) else 0
    if length not in transform.key_bits:
        raise states.Unknown(f"`{name}` with a key of {bits} bits")
    return Choice(transform, length)


def _read(path: str, its: ProgramFiles) -> Said:
    needs: list[Need] = []
    problems: list[Problem] = []
    count = policies = 0
    for line, words in _statements(its.text(path)):
        its.budget.spend("connections")
        policies += words[0] == "spdadd"
        if words[0] not in ("add", "update"):
            continue
        count += 1
        place = Place(path, line)
        # options of the addresses stand before them
        rest = [word for word in words[1:] if word not in ("-4", "-6", "-46", "-n")]
        protocol = _PROTOCOLS.get(rest[2]) if len(rest) > 4 else None
        try:
            if protocol is None:
                raise states.Unknown("a protocol that no kernel has, or nothing at all")
            suite, mode = _suite(protocol, rest[4:], its)
        except states.Unknown as unknown:
            problems.append(Problem(place, f"SA of line {line}", f"names {unknown}"))
            continue
        sources = (Source(f"{place} setkey", suite.label, place=str(place)),)
        needs += (
            Need(suite, family, sources, mode, KernelInterface.PF_KEY)
            for family in states.families(rest[1], its.context.families)
        )
    socket = FeatureNeed(_AF_KEY, None, (Source(path, "setkey's PF_KEY socket"),))
    text = f"sets up {number(count, 'SA')}"
    if policies and not count:
        text = "sets up policies alone, whose SAs an IKE daemon makes"
    return Said(text, Reading(merge(needs), (socket,), tuple(problems), ()))


def _host(its: ProgramFiles) -> Said | None:
    needs: list[Need] = []
    features: list[FeatureNeed] = []
    problems: list[Problem] = []
    for path in its.own_files:
        if path.endswith("/racoon.conf"):
            text = "racoon's configuration is not read: say what it negotiates with --esp"
            problems.append(Problem(Place(path, 0), "", text, unread=True))
            features.append(FeatureNeed(_AF_KEY, None, (Source(path, "racoon's PF_KEY socket"),)))
            continue
        try:
            read = _read(path, its).reading
        except ConfigError as error:
            problems.append(Problem(Place(path, 0), "", error.message, unread=True))
            continue
        needs, features = [*needs, *read.needs], [*features, *read.features]
        problems += read.problems
    if not features and not problems:
        return None
    reading = Reading(merge(needs), merge(features), tuple(problems), ())
    return Said("sets up SAs and policies over PF_KEY", reading)


READER = OtherReader(host=_host, fits=_fits, file=_read)
