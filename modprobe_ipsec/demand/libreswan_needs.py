# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connections of libreswan's ipsec.conf ask of the kernel, and which ask for nothing.

source: programs/pluto/{connections,kernel,plutomain}.c of 5.2, extract.c of 5.4
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from modprobe_ipsec.catalog.model import Catalog, Daemon, Family, Protocol
from modprobe_ipsec.demand import libreswan
from modprobe_ipsec.demand.errors import Misread, ProposalError, show
from modprobe_ipsec.demand.libreswan_also import Conn
from modprobe_ipsec.demand.libreswan_conf import Config, load
from modprobe_ipsec.demand.libreswan_options import NEWEST, Options, Version, at
from modprobe_ipsec.demand.libreswan_setting import Setting
from modprobe_ipsec.demand.need import Choice, FeatureNeed, Mode, Need, Source, Suite
from modprobe_ipsec.demand.proposals import ipcomp_needs
from modprobe_ipsec.demand.reading import Files, Problem, Reading, Silent
from modprobe_ipsec.demand.text import MAX_LENGTH, split
from modprobe_ipsec.errors import ConfigError

# Needs times their sources. Who has more has not written them by hand.
MAX_REASONS = 2_000_000
# Characters of proposals that differ: each takes some milliseconds to read.
MAX_PROPOSALS = 1 << 20

_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}\Z")
_NEVER = frozenset({"pass", "drop", "reject"})
_ESN = {"yes": (True,), "no": (False,), "either": libreswan.EITHER}
_NO = frozenset({"no", "false", "off", "n"})
_INTERFACE = re.compile(r"(?:[0-9]+|yes|no|true|false|on|off|y|n)\Z", re.IGNORECASE)
_PACKET_WINDOWS = ("32", "64", "128", "256")


def read(
    path: str,
    files: Files,
    catalog: Catalog,
    *,
    families: tuple[Family, ...],
    version: tuple[int, int] | None,
    fips: bool,
    options: Options,
) -> Reading:
    """Read libreswan's configuration: every need that its connections can put to the kernel.

    `families` are those that the host has; `version` is libreswan's, None for the newest.
    Raises ConfigError for what is no configuration at all.
    """
    version = version or NEWEST
    config = load(path, files, options, version)
    host = _Host(catalog, options, families, version, fips)
    return _Demand(host, config).reading()


class _Host(NamedTuple):
    """What is the same for all connections."""

    catalog: Catalog
    options: Options
    families: tuple[Family, ...]
    version: Version
    fips: bool


class _Refused(Exception):
    """pluto does not take a connection; where it says so, and why."""

    def __init__(self, why: str, setting: Setting | None = None) -> None:
        super().__init__(why)
        self.why, self.setting = why, setting


class _Question(NamedTuple):
    """All that decides which SAs a connection may ask for."""

    # None: what libreswan offers by itself.
    text: str | None
    protocol: Protocol
    ike: int
    pfs: bool
    esn: tuple[bool, ...]
    mode: Mode
    compress: bool
    truncated: bool
    families: tuple[Family, ...]


class _Answer(NamedTuple):
    needs: tuple[Need, ...]
    error: str


class _Demand:
    """Goes through the connections; those that ask the same share an answer."""

    def __init__(self, host: _Host, config: Config) -> None:
        self._host, self._config = host, config
        self._ikev1 = _ikev1_policy(host, config)
        self._answers: dict[_Question, _Answer] = {}
        self._read = 0
        # The sources of each answer's needs, and of each feature.
        self._sources: dict[_Question, list[Source]] = {}
        self._features: dict[tuple[str, Family | None], list[Source]] = {}
        self._problems = list(config.problems)
        self._silent: list[Silent] = []

    def reading(self) -> Reading:
        probe = list(self._probe())
        self._setup()
        for conn in self._config.conns:
            self._conn(conn)
        features = (
            FeatureNeed(feature, family, tuple(dict.fromkeys(sources)))
            for (feature, family), sources in self._features.items()
        )
        needs = _collect([*probe, *self._asked()])
        return Reading(needs, tuple(features), tuple(self._problems), tuple(self._silent))

    def _asked(self) -> Iterator[tuple[tuple[Need, ...], list[Source]]]:
        for question, sources in self._sources.items():
            yield self._answers[question].needs, sources

    def _probe(self) -> Iterator[tuple[tuple[Need, ...], list[Source]]]:
        """What pluto asks for before it has read a connection."""
        probe = self._host.options.probe
        if self._host.version < probe.since or Family.IPV4 not in self._host.families:
            return
        source = Source("pluto's start-up probe", probe.esp, Daemon.LIBRESWAN)
        suites = libreswan.read(probe.esp, Protocol.ESP, self._host.catalog, esn=(False,))
        yield tuple(Need(suite, Family.IPV4) for suite in suites), [source]
        for feature in probe.features:
            self._feature(feature, (), source)

    def _setup(self) -> None:
        for name, option in self._host.options.setup.items():
            setting = self._config.setup.get(name)
            if setting and option.feature and _asks(setting, option.when, option.kind):
                where = f"{setting.place} config setup"
                source = Source(where, setting.written, Daemon.LIBRESWAN)
                self._feature(option.feature, self._host.families, source)

    def _conn(self, conn: Conn) -> None:
        # whether a connection counts is not known if its lines cannot be read
        if not (conn.lost and not conn.lost.readable) and (why := self._why_silent(conn)):
            self._silent.append(Silent(conn.place, conn.name, why))
            return
        if conn.lost:
            self._problems.append(Problem(conn.lost.place, conn.name, conn.lost.why))
            return
        try:
            families = _families(conn, self._host.families)
            if not families:
                why = f"its hosts have IPv6 addresses, and this is read for {_names(self._host)}"
                if Family.IPV6 in self._host.families:
                    why = why.replace("IPv6", "IPv4", 1)
                self._silent.append(Silent(conn.place, conn.name, why))
                return
            question, text = self._question(conn, families)
            self._check(conn, question)
            if question not in self._answers:
                self._spend(question.text or "")
                self._answers[question] = _answer(question, self._host)
            answer = self._answers[question]
            if answer.error:
                raise _Refused(answer.error, text)
        except _Refused as refused:
            place = refused.setting.place if refused.setting else conn.place
            self._problems.append(Problem(place, conn.name, refused.why))
            return
        source = _source(conn, text, question, self._host)
        self._sources.setdefault(question, []).append(source)
        self._conn_features(conn, families)

    def _spend(self, proposals: str) -> None:
        # longer ones are refused unread
        self._read += min(len(proposals), MAX_LENGTH)
        if self._read > MAX_PROPOSALS:
            raise ConfigError(
                f"libreswan's connections have more than {MAX_PROPOSALS >> 20} MiB of proposals",
                "let connections share their proposals, in conn %default",
            )

    def _why_silent(self, conn: Conn) -> str:
        if conn.value("auto", "ignore") == "ignore":
            by_hand = "it is loaded only by hand, with `ipsec add`"
            return f"auto={'ignore' if conn.get('auto') else ' is not set'}: {by_hand}"
        if (kind := conn.get("type")) and kind.value in _NEVER:
            return f"{kind.written}: packets pass or not, and nothing is encrypted"
        if _ike(conn) == 1 and self._ikev1 != "accept":
            said = "config setup has" if "ikev1-policy" in self._config.setup else "by default"
            return f"it is for IKEv1, and {said} ikev1-policy={self._ikev1}"
        return ""

    def _question(
        self, conn: Conn, families: tuple[Family, ...]
    ) -> tuple[_Question, Setting | None]:
        protocol, text = _proposal(conn, self._host.version)
        ike, esn = _ike(conn), _ESN[conn.value("esn", "either")]
        if ike == 1 or conn.value("replay-window") == "0":
            # source: connections.c, "forcing esn=no as replay-window=0"
            esn = (False,)
        mode = Mode.TRANSPORT if conn.value("type") == "transport" else Mode.TUNNEL
        question = _Question(
            text=text.value if text else None,
            protocol=protocol,
            ike=ike,
            pfs=conn.value("pfs", "yes") == "yes",
            esn=esn,
            mode=Mode.IPTFS if conn.value("iptfs") == "yes" else mode,
            compress=conn.value("compress") == "yes",
            truncated=conn.value("sha2-truncbug") == "yes",
            families=families,
        )
        return question, text

    def _check(self, conn: Conn, question: _Question) -> None:
        """Combinations that pluto does not take. Raises _Refused."""
        ikev1, ah = question.ike == 1, question.protocol is Protocol.AH
        transport = conn.value("type") == "transport"
        no_tunnel = "needs tunnel mode, and the connection has type=transport"
        tfc = conn.value("tfc", "0") != "0"
        rules: Iterable[tuple[str, tuple[str, ...], str, bool]] = (
            ("vti-interface", (), no_tunnel, transport),
            ("aggressive", ("yes",), "is for IKEv1 only", not ikev1),
            ("mobike", ("yes",), "needs IKEv2", ikev1),
            ("mobike", ("yes",), no_tunnel, transport),
            ("iptfs", ("yes",), "needs IKEv2", ikev1),
            ("iptfs", ("yes",), no_tunnel, transport),
            ("iptfs", ("yes",), "and tfc= exclude each other", tfc),
            ("iptfs", ("yes",), "and compress=yes exclude each other", question.compress),
            ("iptfs", ("yes",), "is for ESP, and the connection uses AH", ah),
            ("enable-tcp", ("yes", "fallback"), "needs IKEv2", ikev1),
            ("nic-offload", ("packet",), "needs type=transport", not transport),
            ("nic-offload", ("packet",), "is for ESP, and the connection uses AH", ah),
            ("nic-offload", ("packet",), "and compress=yes exclude each other", question.compress),
            (
                "nic-offload",
                ("packet",),
                "and encapsulation=yes exclude each other",
                conn.value("encapsulation") == "yes",
            ),
            (
                "nic-offload",
                ("packet",),
                f"needs a replay-window of {', '.join(_PACKET_WINDOWS)}",
                conn.value("replay-window", "128") not in _PACKET_WINDOWS,
            ),
            ("tfc", (), no_tunnel, transport),
            ("tfc", (), "is for ESP, and the connection uses AH", ah),
            ("sec-label", (), "needs IKEv2", ikev1 and self._host.version >= (5, 0)),
            ("authby", ("never",), "needs type=pass, drop or reject", True),
        )
        interface = conn.get("ipsec-interface")
        if interface and not _INTERFACE.match(interface.value):
            raise _Refused(f"{interface.written} is neither yes, no nor a number", interface)
        for name, values, problem, applies in rules:
            setting = conn.get(name) if applies else None
            if setting and _asks(setting, values):
                raise _Refused(f"{setting.written} {problem}", setting)

    def _conn_features(self, conn: Conn, families: tuple[Family, ...]) -> None:
        options = self._host.options.conn
        for setting in (*conn.own.values(), *conn.default.values()):
            option = options[setting.key]
            if not option.feature or not _asks(setting, option.when, option.kind):
                continue
            # one of %default may be overruled
            if conn.get(option.name) is setting and self._applies(conn, option.name, setting):
                source = Source(
                    f"{setting.place} conn {show(conn.name)}", setting.written, Daemon.LIBRESWAN
                )
                of = (Family.IPV4,) if option.feature == "ip_vti" else families
                self._feature(option.feature, of, source)

    def _applies(self, conn: Conn, name: str, setting: Setting) -> bool:
        if name == "vti-interface":
            # source: _updown.xfrm: without a mark, and for IPv6, nothing is made
            marked = any(conn.get(mark) for mark in ("mark", "mark-in", "mark-out"))
            return marked and Family.IPV4 in _families(conn, self._host.families)
        if name == "ipsec-interface":
            managed = self._config.setup.get("ipsec-interface-managed")
            return not (managed and managed.value == "no")
        return True

    def _feature(self, name: str, families: tuple[Family, ...], source: Source) -> None:
        options = self._host.options
        meaning = options.meaning.get(name)
        for feature in at(meaning, self._host.version) if meaning else (name,):
            of: tuple[Family | None, ...] = families if feature in options.by_family else (None,)
            for family in of:
                self._features.setdefault((feature, family), []).append(source)


def _answer(question: _Question, host: _Host) -> _Answer:
    """The SAs of a connection, or why pluto refuses it."""
    try:
        suites = _suites(question, host)
        if question.truncated:
            suites = _truncate(suites, host)
    except Misread as misread:
        return _Answer((), misread.explain(question.text or "", Daemon.LIBRESWAN).message)
    except ProposalError as error:
        # too long
        return _Answer((), error.message)
    except _Refused as refused:
        return _Answer((), refused.why)
    # source: kernel.c, setup_half_kernel_state(): the outermost SA has the conn's mode
    mode = Mode.TRANSPORT if question.compress else question.mode
    needs = [Need(suite, family, (), mode) for suite in suites for family in question.families]
    if question.compress:
        compression = ipcomp_needs(host.catalog, question.families, Source(""))
        needs += [need._replace(sources=(), mode=question.mode) for need in compression]
    return _Answer(tuple(needs), "")


def _suites(question: _Question, host: _Host) -> tuple[Suite, ...]:
    """Raises Misread."""
    if question.text is not None:
        return tuple(dict.fromkeys(_parse(question, question.text, host)))
    found: dict[Suite, None] = {}
    for _, alternative in split(_default(question.protocol, question.ike, host), ","):
        try:
            found |= dict.fromkeys(_parse(question, alternative, host))
        except Misread:
            # what FIPS mode lacks is left out
            if not host.fips:
                raise
    return tuple(found)


def _parse(question: _Question, text: str, host: _Host) -> Iterator[Suite]:
    def parse(text: str) -> tuple[Suite, ...]:
        return libreswan.parse(
            text,
            question.protocol,
            host.catalog,
            ike=question.ike,
            fips=host.fips,
            pfs=question.pfs and question.text is not None,
            esn=question.esn,
        )

    everything = parse(text)
    if question.ike != 1 or host.version >= (4, 15) or question.protocol is not Protocol.ESP:
        yield from everything
        return
    for alternative in text.split(","):
        # before 4.15 only SHA1 where no integrity is named; where some is, this is none to parse
        cipher, semicolon, rest = alternative.partition(";")
        try:
            yield from parse(f"{cipher}-sha1{semicolon}{rest}")
        except Misread:
            yield from parse(alternative)


def _truncate(suites: Iterable[Suite], host: _Host) -> tuple[Suite, ...]:
    """sha2-truncbug=yes: SHA2-256 as some old peers cut it. source: kernel.c"""
    right, wrong = (
        host.catalog.transforms[name] for name in ("HMAC_SHA2_256_128", "HMAC_SHA2_256_96")
    )
    found: dict[Suite, None] = {}
    for suite in suites:
        if suite.integrity and suite.integrity.transform is right:
            if host.fips:
                raise _Refused("sha2-truncbug=yes is not allowed in FIPS mode")
            suite = suite._replace(integrity=Choice(wrong, suite.integrity.key_bits))
        found[suite] = None
    return tuple(found)


def _proposal(conn: Conn, version: Version) -> tuple[Protocol, Setting | None]:
    """Which protocol, and the setting that has the proposals. Raises _Refused.

    source: extract.c of 5.3 and later; up to 5.2 esp=, ah= and phase2alg= are one option
    """
    phase2 = conn.value("phase2", "default")
    esp = conn.get("esp")
    if version < (5, 3):
        return Protocol.AH if phase2 == "ah" else Protocol.ESP, esp
    ah, either = conn.get("ah"), conn.get("phase2alg")
    given = [setting for setting in (esp, ah, either) if setting]
    if len(given) > 1:
        raise _Refused(
            f"{given[0].written} and {given[1].written} exclude each other "
            f"({given[0].place}, {given[1].place})",
            given[1],
        )
    if phase2 == "default":
        phase2 = "esp" if esp or not ah else "ah"
    protocol = Protocol(phase2)
    return protocol, either or (ah if protocol is Protocol.AH else esp)


def _default(protocol: Protocol, ike: int, host: _Host) -> str:
    return at(host.options.defaults[f"{protocol}_ikev{ike}"], host.version)


def _source(conn: Conn, setting: Setting | None, question: _Question, host: _Host) -> Source:
    """The line with the proposal; the connection's where it has none."""
    place = setting.place if setting else conn.place
    text = question.text
    if text is None:
        text = _default(question.protocol, question.ike, host)
    return Source(f"{place} conn {show(conn.name)}", show(text), Daemon.LIBRESWAN)


def _ike(conn: Conn) -> int:
    """source: confread.c, load_conn()"""
    exchange = conn.value("keyexchange", "ike")
    if exchange == "ike":
        return 1 if conn.value("ikev2") == "no" else 2
    return int(exchange[-1])


def _ikev1_policy(host: _Host, config: Config) -> str:
    setting = config.setup.get("ikev1-policy")
    default = "accept" if host.version < (5, 0) else "drop"
    return setting.value if setting else default


def _families(conn: Conn, families: tuple[Family, ...]) -> tuple[Family, ...]:
    """The outer families of a connection's SAs, of those that count."""
    wanted = conn.value("hostaddrfamily")
    if not wanted:
        hosts = [conn.value(side + end) for end in ("", "nexthop") for side in ("left", "right")]
        six = any(":" in host or host in ("%any6", "%defaultroute6") for host in hosts)
        four = any(_IPV4.match(host) for host in hosts)
        if six and four:
            raise _Refused("its hosts have addresses of both families, IPv4 and IPv6")
        wanted = Family.IPV6 if six else Family.IPV4 if four else ""
    # %any, %defaultroute and names say nothing
    return tuple(family for family in families if not wanted or family == wanted)


def _names(host: _Host) -> str:
    return " and ".join("IPv4" if family is Family.IPV4 else "IPv6" for family in host.families)


def _asks(setting: Setting, values: tuple[str, ...], kind: str = "number") -> bool:
    """Whether a setting switches on what its option is for."""
    if values:
        return setting.value in values
    if kind == "number":
        return setting.value not in ("", "0")
    # ipsec-interface=0 is an interface as any other
    return bool(setting.value) and setting.value.lower() not in _NO


def _collect(asked: Iterable[tuple[tuple[Need, ...], list[Source]]]) -> tuple[Need, ...]:
    """Equal needs made one, in the order of their first appearance, with all their sources.

    `need.merge` does the same and looks for each source in all others: too slow for thousands.
    """
    found: dict[Need, list[list[Source]]] = {}
    for needs, sources in asked:
        for need in needs:
            found.setdefault(need, []).append(sources)
    # most needs come from the same connections as others do
    shared: dict[tuple[int, ...], tuple[Source, ...]] = {}
    reasons = 0
    collected = []
    for need, lists in found.items():
        key = tuple(map(id, lists))
        if key not in shared:
            shared[key] = tuple(dict.fromkeys(source for part in lists for source in part))
            reasons += len(key) + len(shared[key])
            if reasons > MAX_REASONS:
                raise ConfigError(
                    f"libreswan's connections give more than {MAX_REASONS} reasons for SAs",
                    "let connections share their proposals, in conn %default",
                )
        collected.append(need._replace(sources=shared[key]))
    return tuple(collected)
