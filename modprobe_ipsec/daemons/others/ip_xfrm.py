# SPDX-License-Identifier: GPL-3.0-or-later
"""`ip xfrm state add` in a script, or in a file for `ip -batch`: read where --config names it.

Lines are taken apart as a shell would take simple ones; keys are never quoted.
source: ip-xfrm(8); iproute2 ip/ip.c, ip/xfrm_state.c xfrm_state_modify(), xfrm_algo_parse()
"""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Protocol
from modprobe_ipsec.daemons.others import OtherReader, ProgramFiles, Said, number
from modprobe_ipsec.daemons.others import _states as states
from modprobe_ipsec.needs.need import Choice, FeatureNeed, Mode, Need, Source, Suite, merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

_PROTOCOLS = {
    "esp": Protocol.ESP,
    "50": Protocol.ESP,
    "ah": Protocol.AH,
    "51": Protocol.AH,
    "comp": Protocol.COMP,
    "108": Protocol.COMP,
}
# How many words follow an algorithm's name.
_ALGORITHMS = {"aead": 2, "auth-trunc": 2, "auth": 1, "enc": 1, "comp": 0}
_OFFLOAD = {"crypto": "offload", "packet": "packet_offload"}
_SEPARATORS = frozenset((";", "&&", "||", "|", "&"))


def _commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """What follows `xfrm state add`, or the like, with the line where it stands."""
    begun, start = "", 0
    for at, raw in enumerate(text.split("\n"), 1):
        if not begun:
            start = at
        line = begun + raw
        if line.endswith("\\"):
            begun = line[:-1] + " "
            continue
        begun = ""
        if "xfrm" in line:
            for words in _simple(_words(line)):
                if found := _added(words):
                    yield start, found


def _words(line: str) -> list[str]:
    """The words of a line, without quotes and comments."""
    words: list[str] = []
    word, quote, inside = "", "", False
    for char in line:
        if quote:
            inside, quote = True, "" if char == quote else quote
            word += char if quote else ""
        elif char in "\"'":
            quote, inside = char, True
        elif char.isspace() or char == ";":
            if word or inside:
                words.append(word)
            word, inside = "", False
            if char == ";":
                words.append(char)
        elif char == "#" and not word and not inside:
            break
        else:
            word += char
    return [*words, word] if word or inside else words


def _simple(words: Sequence[str]) -> Iterator[list[str]]:
    """The commands of a line."""
    command: list[str] = []
    for word in [*words, ";"]:
        if word in _SEPARATORS:
            yield command
            command = []
        else:
            command.append(word)


def _added(words: Sequence[str]) -> list[str]:
    """`ip -6 xfrm state add ...`, whatever stands before `xfrm`; empty if it is something else."""
    if "xfrm" not in words:
        return []
    verb = words[words.index("xfrm") + 1 :]
    # ip takes words that are cut short
    if len(verb) < 3 or not "state".startswith(verb[0]):
        return []
    return list(verb[2:]) if verb[1] in ("add", "update", "a", "ad", "upd") else []


class _State(Value):
    """One SA as the words say it."""

    words: dict[str, str]
    # By kind, the name and what follows it.
    algorithms: dict[str, list[str]]
    flags: tuple[str, ...]


def _state(words: Sequence[str]) -> _State:
    found, algorithms, flags = dict[str, str](), dict[str, list[str]](), list[str]()
    at = 0
    while at < len(words):
        word = words[at]
        if word in _ALGORITHMS:
            end = at + 2 + _ALGORITHMS[word]
            algorithms[word] = list(words[at + 1 : end])
            at = end
            continue
        if word == "flag":
            flags += words[at + 1 : at + 8]
        elif word in ("src", "dst", "proto", "mode", "dir", "if_id") and at + 1 < len(words):
            # those of a selector (`sel src ...`) come later, and count for nothing
            found.setdefault(word, words[at + 1])
        elif word == "offload" and at + 1 < len(words):
            kind = words[at + 1]
            found["offload"] = kind if kind in _OFFLOAD else "crypto"
        at += 1
    return _State(found, algorithms, tuple(flags))


def _suite(state: _State, catalog: Catalog) -> Suite | None:
    """None for what is neither ESP, AH nor IPComp. Raises Unknown."""
    protocol = _PROTOCOLS.get(state.words.get("proto", ""))
    if protocol is None:
        return None
    encryption: Choice | None = None
    integrity: Choice | None = None
    for kind, (name, *rest) in ((k, v) for k, v in state.algorithms.items() if v):
        bits = states.key_bits(rest[0]) if rest else None
        icv = int(rest[1]) if len(rest) > 1 and rest[1].isdecimal() and len(rest[1]) < 5 else None
        if kind == "aead":
            encryption = states.aead(catalog, name, bits, icv or 0)
        elif kind == "enc":
            encryption = states.cipher(catalog, name, bits)
        elif kind == "comp":
            encryption = states.compression(catalog, name)
        else:
            integrity = states.auth(catalog, name, icv)
    suite = Suite(protocol, encryption, integrity, "esn" in state.flags)
    if not suite.is_possible:
        raise states.Unknown("algorithms that make no SA together")
    return suite


def _fits(text: str) -> bool:
    return any(True for _ in _commands(text))


def _read(path: str, its: ProgramFiles) -> Said:
    needs: list[Need] = []
    features: list[FeatureNeed] = []
    problems: list[Problem] = []
    count = 0
    context = its.context
    for line, words in _commands(its.text(path)):
        its.budget.spend("connections")
        place, state = Place(path, line), _state(words)
        count += 1
        try:
            suite = _suite(state, context.catalog)
        except states.Unknown as unknown:
            problems.append(Problem(place, f"SA of line {line}", f"names {unknown}"))
            continue
        if suite is None:
            continue
        mode = state.words.get("mode", "transport")
        address = state.words.get("dst", state.words.get("src", ""))
        sources = (Source(f"{place} ip xfrm state", suite.label, place=str(place)),)
        for family in states.families(address, context.families):
            needs.append(
                Need(suite, family, sources, Mode(mode) if mode in set(Mode) else Mode.TRANSPORT)
            )
            if kind := _OFFLOAD.get(state.words.get("offload", "")):
                features.append(FeatureNeed(kind, family, sources))
    reading = Reading(merge(needs), merge(features), tuple(problems), ())
    return Said(number(count, "SA"), reading)


READER = OtherReader(fits=_fits, file=_read)
