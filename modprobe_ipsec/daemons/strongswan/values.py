# SPDX-License-Identifier: GPL-3.0-or-later
"""What strongSwan takes for a value of an option, and what an address says about its family."""

import re

from modprobe_ipsec.catalog.model import Catalog, Family, Protocol, XfrmTable
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.daemons.common.errors import ProposalError, ProposalSyntaxError
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.daemons.strongswan import proposals as strongswan
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions
from modprobe_ipsec.needs.need import Suite

# Wrong proposals for which a right word is looked for; that takes longer than all the rest.
_SUGGESTIONS = 100

_BOTH = frozenset(Family)
_IPV4 = frozenset({Family.IPV4})
_IPV6 = frozenset({Family.IPV6})
_NONE: frozenset[Family] = frozenset()

_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?=\d)|\Z)){4}\Z", re.ASCII)
_V6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?::[0-9.]+)?(?:%[\w.-]+)?\Z", re.ASCII)
_ANY = {"%any": _BOTH, "%any4": _IPV4, "%any6": _IPV6}
# Address, protocol and port; the two last may have names, or be numbers as strtol(3) has them.
# Characters, with the name of an interface.
_LONGEST_ADDRESS = 64
_SELECTOR = re.compile(r"([^\[]*+)(?:\[([^/]*)(?:/(.*))?\][^\]]*)?\Z", re.ASCII | re.DOTALL)
_NAMED = re.compile(r"[A-Za-z][\w.+-]*\Z|\Z", re.ASCII)
_NUMBER = re.compile(r"\s*[-+]?(?:0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"\s*\+?([0-9]+)\Z", re.ASCII)
# Nothing at all matches, too: else it would be looked for from each of many commas.
_TOKEN = re.compile(r"""[ ,]*+(?:"([^"]*+)"|'([^']*+)'|([^,]++)|)""")


class Values:
    """Checks values, each only once however often it stands there."""

    def __init__(
        self,
        catalog: Catalog,
        options: StrongswanOptions,
        *,
        swanctl: bool,
        release: Release | None = None,
    ) -> None:
        """`release`: whose defaults count."""
        self._catalog, self._options, self._swanctl = catalog, options, swanctl
        self._release = release
        self._checked: dict[tuple[str, str], str] = {}
        self._suites: dict[tuple[Protocol, str], tuple[Suite, ...] | str] = {}
        self._families: dict[str, frozenset[Family]] = {"": _BOTH}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._misread = 0

    def wrong(self, option: str, value: str, kind: str) -> str:
        """What is wrong with a value; empty if nothing is."""
        key = (option, value)
        if key not in self._checked:
            self._checked[key] = self._wrong(option, value, kind)
        return self._checked[key]

    def suites(self, text: str | None, protocol: Protocol) -> tuple[Suite, ...]:
        """What proposals that are right mean; the defaults if there are none."""
        if text is None:
            key = (protocol, "")
            if key not in self._suites:
                self._suites[key] = strongswan.default(protocol, self._catalog, self._release)
        else:
            key = (protocol, text)
            self._proposals(text, protocol)
        found = self._suites[key]
        return () if isinstance(found, str) else found

    def default_text(self, protocol: Protocol) -> str:
        """The defaults, written out."""
        return strongswan.default_text(protocol, self._catalog, self._release)

    def asks(self, pattern: str, value: str) -> bool:
        """Whether the whole value matches."""
        return bool(self._pattern(f"(?is:{pattern})").fullmatch(value))

    def families(self, addresses: str) -> frozenset[Family]:
        """Families that a list of addresses, ranges, subnets and names leaves open."""
        found = self._families.get(addresses)
        if found is None:
            found = self._families[addresses] = families_of(addresses)
        return found

    def _wrong(self, option: str, value: str, kind: str) -> str:
        if kind == "files":
            return ""
        if self._swanctl and not printable(value):
            return "VICI takes printable ASCII characters only"
        if kind == "text":
            return ""
        if kind == "proposals":
            if self._swanctl and not tokens(value):
                # an empty list is none
                return ""
            protocol = Protocol.AH if option.startswith("ah") else Protocol.ESP
            return self._proposals(value, protocol)
        if kind == "ike_proposals":
            return self._ike(value)
        if kind == "mode":
            names = (*self._options.modes, *self._options.shunts)
            # these are ipsec.conf's
            known = [name for name in names if name not in ("passthrough", "reject")]
            return "" if value.lower() in known else f"it is none of {', '.join(known)}"
        if kind in ("addresses", "selectors", "hosts"):
            return self._list(value, kind)
        rule = self._options.kinds[kind]
        if value in rule.exact or value.lower() in rule.words:
            return ""
        if rule.pattern:
            matches = self._pattern(rule.pattern).fullmatch(value)
            return "" if matches else f"this is no valid {kind.replace('_', ' ')}"
        return f"it is none of {', '.join(sorted(rule.words or rule.exact))}"

    def _proposals(self, text: str, protocol: Protocol) -> str:
        key = (protocol, text)
        if key not in self._suites:
            try:
                self._suites[key] = strongswan.parse(
                    text,
                    protocol,
                    self._catalog,
                    swanctl=self._swanctl,
                    release=self._release,
                )
            except ProposalError as error:
                self._suites[key] = error.message
            except ProposalSyntaxError as misread:
                self._misread += 1
                if self._misread > _SUGGESTIONS:
                    misread.known = ()
                self._suites[key] = misread.told(DAEMON, self._catalog.vocabularies[DAEMON.name])
        found = self._suites[key]
        return found if isinstance(found, str) else ""

    def _ike(self, text: str) -> str:
        """Proposals for IKE are no affair of the kernel, but a wrong one costs the connection."""
        if self._swanctl:
            items = tokens(text)
        else:
            items = (text[:-1] if text.endswith("!") else text).split(",")
        for item in items:
            if item.lower() == "default" and self._swanctl:
                continue
            if self._swanctl and len(item) > (most := strongswan.longest(self._release)):
                return f"a proposal is longer than {most} characters"
            if what := self._ike_proposal(item):
                return what
        return ""

    def _ike_proposal(self, text: str) -> str:
        vocabulary = self._catalog.vocabularies[DAEMON.name]
        kinds: set[XfrmTable | str] = set()
        for word in filter(None, (part.strip(" ") for part in text.split("-"))):
            word = word.strip("\"'")
            if word in vocabulary.words:
                kinds.add(vocabulary.words[word].transform.kind)
            elif word in vocabulary.prf:
                kinds.add("prf")
            elif word in ("none", "modpnone") or word in ("esn", "noesn"):
                continue
            elif strongswan.is_key_exchange(word, vocabulary):
                kinds.add("ke")
            else:
                return "a word of it is not recognized"
        if XfrmTable.AEAD in kinds and XfrmTable.CIPHER in kinds:
            return "it combines an AEAD with another cipher; use `,`"
        for needed, name in (
            ({XfrmTable.AEAD, XfrmTable.CIPHER}, "encryption"),
            ({"prf", XfrmTable.AUTH}, "PRF"),
            ({"ke"}, "key exchange"),
            ({XfrmTable.AEAD, XfrmTable.AUTH}, "integrity"),
        ):
            if not kinds & needed:
                return f"a proposal names no {name}, which IKE needs"
        return ""

    def _list(self, value: str, kind: str) -> str:
        for token in tokens(value):
            if kind == "hosts" and not _literal(token) and token not in _ANY:
                return "a word of it is no address"
            if kind == "selectors" and not _is_selector(token, self._release):
                return "a word of it is no traffic selector"
        return ""

    def _pattern(self, pattern: str) -> re.Pattern[str]:
        if pattern not in self._patterns:
            self._patterns[pattern] = re.compile(pattern, re.DOTALL)
        return self._patterns[pattern]


def printable(text: str) -> bool:
    """Whether it gets through VICI."""
    return text.isascii() and text.isprintable()


def tokens(text: str) -> list[str]:
    """Parts of a list, as strongSwan splits it: empty ones are skipped, spaces trimmed."""
    return [
        part
        for match in _TOKEN.finditer(text)
        if (part := (match[1] or match[2] or match[3] or "").strip(" "))
    ]


def families_of(addresses: str) -> frozenset[Family]:
    """Families that a list of addresses, ranges, subnets and names leaves open."""
    each = [_family(token) for token in tokens(addresses)]
    return frozenset().union(*each) if each else _BOTH


def _literal(text: str) -> frozenset[Family]:
    """The family of an address as such; none for anything else."""
    if ":" in text:
        return _IPV6 if len(text) <= _LONGEST_ADDRESS and _V6.match(text) else _NONE
    return _IPV4 if _V4.match(text) else _NONE


def _family(token: str) -> frozenset[Family]:
    """An address, subnet or range has one; a name may have both."""
    if token in _ANY:
        return _ANY[token]
    for separator in ("/", "-"):
        first, found, _ = token.partition(separator)
        if found and (family := _literal(first)):
            return family
    return _literal(token) or _BOTH


def _is_selector(token: str, release: Release | None) -> bool:
    """`dynamic`, an address, subnet or range; `[protocol/port]` may follow."""
    match = _SELECTOR.match(token)
    if not match:
        return False
    address, protocol, port = match[1], match[2] or "", match[3] or ""
    if not _NAMED.match(protocol) and not 0 <= _strtol(protocol, whole=True)[0] <= 0xFF:
        return False
    if not _NAMED.match(port) and not _is_port(port):
        return False
    if address == "dynamic":
        return True
    lower, dash, upper = address.partition("-")
    if dash:
        family = _literal(lower.rstrip(" "))
        return bool(family) and family == _literal(upper.lstrip(" "))
    net, slash, prefix = address.partition("/")
    family = _literal(net)
    if slash and family and release and release >= (6, 1):
        # before, whatever stands there counts for a number
        found = _PREFIX.match(prefix)
        if not found or int(found[1][:9]) > (32 if family is _IPV4 else 128):
            return False
    return net in _ANY or bool(family)


def _is_port(text: str) -> bool:
    """A number, or two with a dash between them; there may be none on a side of it."""
    first, rest = _strtol(text)
    last = 0
    if rest.startswith("-"):
        last, rest = _strtol(rest[1:])
    return not rest and 0 <= first <= 0xFFFF and 0 <= last <= 0xFFFF


def _strtol(text: str, *, whole: bool = False) -> tuple[int, str]:
    """A number as strtol(3) reads it with base 0, and what follows it; `whole`: -1 if that is more.

    What is no number is 0.
    """
    match = _NUMBER.match(text)
    rest = text[match.end() :] if match else text
    if whole and rest:
        return -1, rest
    if not match:
        return 0, rest
    # no more digits than Python takes
    digits = match[0].strip()[:31].lower()
    number = digits.lstrip("+-")
    base = 16 if number.startswith("0x") else 8 if number.startswith("0") else 10
    return (-1 if digits.startswith("-") else 1) * int(number, base), rest
