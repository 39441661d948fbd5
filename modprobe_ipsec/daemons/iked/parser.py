# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of iked.conf: tokens -> policies, and whatever iked refuses the file for.

A mistake costs its line here, so that all mistakes are named and the other policies are known; iked
itself does not start for any of them. source: iked/parse.y, grammar and create_ike
"""

from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.iked import checks
from modprobe_ipsec.daemons.iked.hosts import ANY, DYNAMIC, Address, address
from modprobe_ipsec.daemons.iked.lexer import (
    END,
    END_OF_LINE,
    NUMBER,
    STRING,
    Lexer,
    Misread,
    Token,
    readable,
)
from modprobe_ipsec.daemons.iked.policy import Clause, IkedConf, IkedPolicy, Mistake
from modprobe_ipsec.daemons.iked.tables import Tables, lookup
from modprobe_ipsec.needs.reading import Files, Place

# Lines of OpenBSD's ipsec.conf, which iked passes over.
_OTHERS = frozenset(("ike", "flow", "tcpmd5", "sa", "from", "to", "tunnel", "transport"))
_KINDS = ("auth", "enc", "prf", "group")
# Mistakes that are told; each line of a file may be one.
_MOST = 100


def parse(path: str, files: Files, tables: Tables) -> IkedConf:
    """Read iked.conf and all that it includes.

    Raises ConfigError if the file cannot be read, or there is too much in it.
    """
    budget = Budget()
    return _Parser(Lexer(path, files, tables.keywords, budget), tables, budget).read()


class _Parser:
    def __init__(self, lexer: Lexer, tables: Tables, budget: Budget) -> None:
        self._lexer, self._tables, self._budget = lexer, tables, budget
        self._peeked: Token | None = None
        self._policies: list[IkedPolicy] = []
        self._count = 0
        self._decoupled = False

    def read(self) -> IkedConf:
        """All statements."""
        mistakes: list[Mistake] = []
        going = True
        while going:
            try:
                going = self._statement()
            except Misread as wrong:
                if len(mistakes) < _MOST:
                    mistakes.append(Mistake(wrong.place, wrong.what))
                if wrong.rest:
                    self._recover()
        found = (*self._lexer.mistakes, *mistakes)
        return IkedConf(tuple(self._policies), found, self._decoupled)

    def _recover(self) -> None:
        """Pass over the line, as far as it makes tokens."""
        try:
            while self._take().kind not in (END_OF_LINE, END):
                pass
        except Misread as wrong:
            if wrong.rest:
                self._recover()

    def _peek(self) -> Token:
        if self._peeked is None:
            self._peeked = self._lexer.token()
        return self._peeked

    def _take(self) -> Token:
        token, self._peeked = self._peek(), None
        return token

    def _accept(self, *kinds: str) -> Token | None:
        """The next token, if it is one of these."""
        return self._take() if self._peek().kind in kinds else None

    def _expect(self, *kinds: str) -> Token:
        token = self._peek()
        if token.kind not in kinds:
            raise Misread(token.place, f"{token.shown} where {' or '.join(kinds)} should be")
        return self._take()

    def _statement(self) -> bool:
        """One line; False at the end."""
        token = self._take()
        if token.kind in (END, END_OF_LINE):
            return token.kind != END
        if token.kind == "include":
            # nothing is looked at behind it before that file has been read
            self._lexer.include(self._expect(STRING).text, token.place)
        elif token.kind == "set":
            self._set()
        elif token.kind == "user":
            checks.user(token.place, self._expect(STRING).text, self._expect(STRING).text)
        elif token.kind == "ikev2":
            self._rule(token.place)
        elif token.kind == STRING:
            self._macro(token)
        elif token.kind in _OTHERS:
            self._lexer.skip_line()
        else:
            raise Misread(token.place, f"{token.shown} begins no rule")
        self._expect(END_OF_LINE)
        return True

    def _macro(self, name: Token) -> None:
        self._expect("=")
        values = [self._expect(STRING).text]
        while token := self._accept(STRING):
            values.append(token.text)
        if set(name.text[1:]) & set(" \t\n\v\f\r"):
            raise Misread(name.place, "the name of a macro has white space in it")
        self._lexer.define(name.text, " ".join(values))

    def _set(self) -> None:
        token = self._take()
        if token.kind in self._tables.switches:
            if token.kind in ("couple", "decouple"):
                self._decoupled = token.kind == "decouple"
        elif token.kind == "ocsp":
            self._expect(STRING)
            if self._accept("tolerate"):
                self._time()
                if self._accept("maxage"):
                    self._time()
        elif token.kind == "dpd_check_interval":
            if self._expect(NUMBER).number < 0:
                raise Misread(token.place, "`dpd_check_interval` is negative")
        else:
            self._peeked = token
            raise Misread(token.place, f"{token.shown} cannot be set")

    def _rule(self, place: Place) -> None:
        name = self._accept(STRING)
        self._accept("quick", "skip", "default")
        mode = self._accept("passive", "active")
        ipcomp = self._accept("ipcomp")
        tunnel = self._accept("tunnel", "transport")
        self._accept("natt")
        protocol = self._accept("esp", "ah")
        family = self._accept("inet", "inet6")
        protocols = self._protocols() if self._accept("proto") else 0
        if rdomain := self._accept("rdomain"):
            self._expect(NUMBER)
            raise Misread(rdomain.place, "`rdomain` is not supported on Linux")
        flows = self._flows()
        local, peer = self._ends()
        ike = self._clauses("ikesa")
        child = self._clauses("childsa")
        ids = self._ids()
        if self._accept("ikelifetime"):
            self._time()
        if self._accept("lifetime"):
            self._time()
            if self._accept("bytes"):
                self._bytes()
        self._authentication()
        while token := self._accept("config", "request"):
            self._configured(token)
        if self._accept("iface"):
            self._expect(STRING)
        while token := self._accept("tag", "tap"):
            value = self._expect(STRING)
            if token.kind == "tap":
                checks.tap(value)
        # the grammar looks at what follows before it does anything
        end = self._peek()
        if end.kind != END_OF_LINE:
            raise Misread(end.place, f"{end.shown} does not belong here, or not in this order")
        self._count += 1
        self._budget.spend("connections", where=place)
        checks.lengths(place, protocols, name.text if name else "", ids)
        families = checks.ends(
            place, family.kind if family else "", local, peer, flows, active=_is(mode, "active")
        )
        checks.ike(ike, self._tables.implicit)
        checks.child(child, self._tables.implicit)
        checks.flows(place, flows)
        self._policies.append(
            IkedPolicy(
                place=place,
                name=readable(name.text) if name else f"policy{self._count}",
                protocol=Protocol.AH if _is(protocol, "ah") else Protocol.ESP,
                ipcomp=ipcomp is not None,
                transport=_is(tunnel, "transport"),
                families=families,
                sources=tuple(source.text for source, _ in flows),
                clauses=child,
            )
        )

    def _protocols(self) -> int:
        """How many there are."""
        if not self._accept("{"):
            checks.protocol(self._expect(STRING, NUMBER))
            return 1
        count = 0
        while not (count and self._accept("}")):
            if count:
                self._accept(",")
            checks.protocol(self._expect(STRING, NUMBER))
            count += 1
        return count

    def _flows(self) -> list[tuple[Address, Address]]:
        """Source and destination of each."""
        found = []
        while True:
            token = self._expect("from", "to")
            first, nat_first = self._flow_end()
            self._expect("to" if token.kind == "from" else "from")
            second, nat_second = self._flow_end()
            if nat_second if token.kind == "from" else nat_first:
                raise Misread(token.place, "a destination takes no address for NAT")
            found.append((first, second) if token.kind == "from" else (second, first))
            if not self._accept(",") and self._peek().kind not in ("from", "to"):
                return found

    def _flow_end(self) -> tuple[Address, bool]:
        """A host with its port, and whether there is an address for NAT with it."""
        nat = None
        if token := self._accept("any", "dynamic"):
            end = ANY if token.kind == "any" else DYNAMIC
        else:
            end = self._host()
            if parenthesis := self._accept("("):
                nat = self._host()
                self._expect(")")
                if None not in (end.family, nat.family) and end.family != nat.family:
                    raise Misread(parenthesis.place, "NAT to an address of another family")
        if self._accept("port"):
            checks.port(self._expect(STRING, NUMBER))
        return end, nat is not None

    def _host(self) -> Address:
        token = self._expect(STRING)
        text = token.text
        if self._accept("/"):
            text += f"/{self._expect(NUMBER).number}"
        found = address(text)
        if found is None:
            raise Misread(token.place, "this is no address, and no name")
        return found

    def _any_host(self) -> Address:
        return ANY if self._accept("any") else self._host()

    def _ends(self) -> tuple[Address | None, Address | None]:
        """Local and peer."""
        first = self._accept("local", "peer")
        if not first:
            return None, None
        one, other = self._any_host(), None
        if self._accept("peer" if first.kind == "local" else "local"):
            other = self._any_host()
        return (one, other) if first.kind == "local" else (other, one)

    def _clauses(self, kind: str) -> tuple[Clause, ...]:
        found = []
        while token := self._accept(kind):
            found.append(self._clause(token))
        return tuple(found)

    def _clause(self, start: Token) -> Clause:
        kinds = self._tables.kinds
        words: dict[str, list[str]] = {kind: [] for kind in (*_KINDS, "esn")}
        while token := self._accept(*_KINDS, "esn", "noesn"):
            if token.kind in ("esn", "noesn"):
                words["esn"].append(token.kind)
                continue
            is_ike = start.kind == "ikesa" and token.kind == "enc"
            value = self._expect(STRING)
            entry = lookup(value.text, kinds["ikesa" if is_ike else token.kind])
            if entry is None:
                problem = f"the word behind `{token.kind}` is no transform of {start.kind}"
                raise Misread(value.place, problem)
            words[token.kind].append(entry)
        if not any(words.values()):
            raise Misread(start.place, f"`{start.kind}` without a transform")
        return Clause(start.place, **{kind: tuple(found) for kind, found in words.items()})

    def _ids(self) -> tuple[str, ...]:
        found = []
        if self._accept("srcid"):
            found.append(self._expect(STRING).text)
        if self._accept("dstid"):
            found.append(self._expect(STRING).text)
        return tuple(found)

    def _time(self) -> None:
        checks.amount(self._expect(STRING, NUMBER), "mh")

    def _bytes(self) -> None:
        checks.amount(self._expect(STRING, NUMBER), "kmg")

    def _authentication(self) -> None:
        if self._accept("psk"):
            if self._accept("file"):
                self._expect(STRING)
            else:
                checks.key(self._expect(STRING))
        elif token := self._accept("eap"):
            method = self._expect(STRING).text
            if method.replace("-", "_").lower() != "mschap_v2":
                raise Misread(token.place, "iked has no such EAP method")
        else:
            token = self._accept(STRING)
            if token and lookup(token.text, self._tables.methods) in (None, "none"):
                raise Misread(token.place, "iked has no such authentication method")

    def _configured(self, token: Token) -> None:
        word = self._expect(STRING)
        host = self._host() if token.kind == "config" else self._any_host()
        family = host.family
        for entry, families in self._tables.config.items():
            if entry.startswith(word.text) and (family is None or family in families):
                return
        raise Misread(word.place, f"the word behind `{token.kind}` is nothing to {token.kind}")


def _is(token: Token | None, kind: str) -> bool:
    return token is not None and token.kind == kind
