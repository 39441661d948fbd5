# SPDX-License-Identifier: GPL-3.0-or-later
"""What iked offers, clause by clause -> the suites that may come of it, and what comes to nothing.

source: iked/parse.y create_ike, iked/pfkey.c pfkey_sa; seen with 7.2 and 7.4
"""

from modprobe_ipsec.base.annotations import Iterable, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Protocol
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.common.errors import ProposalSyntaxError
from modprobe_ipsec.daemons.common.text import check_length
from modprobe_ipsec.daemons.iked.policy import Clause
from modprobe_ipsec.daemons.iked.tables import Tables, lookup, tables
from modprobe_ipsec.needs.need import Choice, Suite
from modprobe_ipsec.needs.reading import Place

_NAME = "iked"
# What a clause is made of; `auth` and the like are followed by a word.
_WORDS = ("enc", "auth", "prf", "group")
_SWITCHES = ("esn", "noesn")
_NOWHERE = Place("", 0)
_OK = "`iked -n` calls the file OK"


class Outcome(Value):
    """What becomes of a clause on Linux."""

    # In the order in which they are offered.
    suites: tuple[Suite, ...]
    # What of it comes to nothing, in words.
    traps: tuple[str, ...]


class Offers:
    """Tells what becomes of clauses, of each once."""

    def __init__(self, protocol: Protocol, catalog: Catalog, words: Tables) -> None:
        self._protocol, self._words = protocol, words
        vocabulary = catalog.vocabularies[_NAME]
        self._choices = {
            word: Choice(found.transform, found.key_bits)
            for word, found in vocabulary.words.items()
        }
        self.default_text = vocabulary.default(protocol, None)
        self._default = _clause(self.default_text, words)
        self._seen: dict[Clause, Outcome] = {}

    def default(self) -> Outcome:
        """What is offered without any clause."""
        return self.of(self._default)

    def of(self, clause: Clause) -> Outcome:
        """What becomes of one."""
        key = clause._replace(place=_NOWHERE, prf=(), group=())
        if key not in self._seen:
            self._seen[key] = self._of(key)
        return self._seen[key]

    def _of(self, clause: Clause) -> Outcome:
        enc = dict.fromkeys(clause.enc or self._default.enc)
        auth = dict.fromkeys(clause.auth or self._default.auth)
        own = [word for word in enc if word in self._words.implicit]
        if own:
            return Outcome(
                (), (f"`childsa enc {' enc '.join(own)}` vanishes without a word: {_DROPS}",)
            )
        fails = self._words.fails
        traps = [
            f"`{kind} {word}` may be agreed on, and then {fails[word]}; {_OK}"
            for kind, words in (("enc", enc), ("auth", auth))
            for word in words
            if word in fails
        ]
        if "esn" in clause.esn:
            traps.append(f"`esn` may be agreed on, and then {_ESN}; {_OK}")
            if "noesn" not in clause.esn:
                return Outcome((), tuple(traps))
        ciphers = [self._choices[word] for word in enc if word not in fails]
        hashes = [self._choices[word] for word in auth if word not in fails]
        pairs: Iterable[Suite] = (
            Suite(self._protocol, cipher, integrity) for cipher in ciphers for integrity in hashes
        )
        if self._protocol is Protocol.AH:
            # iked sets up a cipher along with it, which AH does not use
            pairs = (Suite(self._protocol, None, integrity) for integrity in hashes if ciphers)
        return Outcome(tuple(dict.fromkeys(pairs)), tuple(traps))


_DROPS = f"on Linux iked leaves out ciphers with integrity of their own, as PF_KEY has none; {_OK}"
_ESN = (
    "iked sets up no SA, as it cannot ask for that over PF_KEY "
    "(pfkey_sa: kernel has no support for extended sequence numbers (ESN))"
)


def parse(text: str, protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    """Proposals of a command line, as they stand behind `childsa`: `enc aes-256 auth hmac-sha1`;
    another `childsa` begins another.

    Raises ProposalError for what is too long, ProposalSyntaxError.
    """
    check_length(text)
    words = _split(text)
    first = words[0][1] if words else ""
    if first not in (*_WORDS, *_SWITCHES, "childsa"):
        # before anything is read: most proposals are another daemon's
        known = (*_WORDS, "childsa")
        raise ProposalSyntaxError("is not recognized", first, words[0][0] if words else 0, known)
    found = tables(context.tree(_NAME))
    offers = Offers(protocol, context.catalog, found)
    suites: dict[Suite, None] = {}
    for position, clause in _clauses(words, found):
        outcome = offers.of(clause)
        suites |= dict.fromkeys(outcome.suites)
        if not outcome.suites:
            problem = f"comes to nothing on Linux: {'; '.join(outcome.traps)}"
            raise ProposalSyntaxError(problem, text[position:], position)
    return tuple(suites)


def default(protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    """What it offers by itself."""
    return Offers(protocol, context.catalog, tables(context.tree(_NAME))).default().suites


def _split(text: str) -> list[tuple[int, str]]:
    """Words with their positions."""
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append((at, word))
        at += len(word)
    return found


def _clauses(words: Sequence[tuple[int, str]], of: Tables) -> list[tuple[int, Clause]]:
    """Each clause with its position. Raises ProposalSyntaxError."""
    found: list[tuple[int, dict[str, list[str]]]] = []
    left = iter(words)
    for position, word in left:
        if word == "childsa" or not found:
            found.append((position, {kind: [] for kind in (*_WORDS, "esn")}))
            if word == "childsa":
                continue
        clause = found[-1][1]
        if word in _SWITCHES:
            clause["esn"].append(word)
        elif word in _WORDS:
            at, value = next(left, (position, ""))
            entry = lookup(value, of.kinds[word]) if value else None
            if entry is None:
                raise ProposalSyntaxError(f"is no word for {word}", value, at, of.kinds[word])
            clause[word].append(entry)
        else:
            raise ProposalSyntaxError("is not recognized", word, position, (*_WORDS, "childsa"))
    clauses = []
    for position, kinds in found:
        clause_of = Clause(_NOWHERE, **{kind: tuple(values) for kind, values in kinds.items()})
        _check(clause_of, position, of)
        clauses.append((position, clause_of))
    return clauses


def _check(clause: Clause, position: int, of: Tables) -> None:
    own = [word for word in clause.enc if word in of.implicit]
    if own and (len(own) < len(clause.enc) or clause.auth):
        problem = "has integrity of its own, and other words of the clause do not fit that"
        raise ProposalSyntaxError(problem, "", position)
    if not clause.text:
        raise ProposalSyntaxError("has no transform behind it", "childsa", position)


def _clause(text: str, of: Tables) -> Clause:
    """A single clause that is known to be one."""
    ((_, clause),) = _clauses(_split(text), of)
    return clause
