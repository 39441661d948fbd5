# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connections of libreswan's ipsec.conf ask of the kernel, and which ask for nothing.

source: programs/pluto/{connections,kernel,plutomain}.c of 5.2, extract.c of 5.4
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.base.text import name as show_name
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol
from modprobe_ipsec.daemons.common.errors import show
from modprobe_ipsec.daemons.common.networks import networks
from modprobe_ipsec.daemons.common.text import MAX_LENGTH
from modprobe_ipsec.daemons.libreswan import DAEMON
from modprobe_ipsec.daemons.libreswan import proposals as libreswan
from modprobe_ipsec.daemons.libreswan.also import Conn
from modprobe_ipsec.daemons.libreswan.conf import Config, load
from modprobe_ipsec.daemons.libreswan.lines import Assignment, is_number
from modprobe_ipsec.daemons.libreswan.options import LibreswanOptions, Version, at
from modprobe_ipsec.daemons.libreswan.question import (
    Common,
    ConnNeeds,
    Question,
    Refused,
    answer_to,
    default_of,
)
from modprobe_ipsec.daemons.libreswan.refused import asks, check, check_ends
from modprobe_ipsec.daemons.libreswan.setting import Setting, wrong_value
from modprobe_ipsec.daemons.libreswan.unknown import any_release
from modprobe_ipsec.needs.need import FeatureNeed, Mode, Need, Source, collect
from modprobe_ipsec.needs.reading import Files, IgnoredConnection, Place, Problem, Reading

# One of these has to be there for pluto to start, up to 5.2.
# source: kernel_xfrm.c, init_netlink() of 4.10, kernel_xfrm_init() of 5.2
_PROC = ("/proc/net/xfrm_stat", "/proc/sys/net/core/xfrm_acq_expires")
_NO_PROC_NEEDED = (5, 3)
_NO_START = (
    "not there, nor /proc/sys/net/core/xfrm_acq_expires: {} takes that for a kernel without XFRM "
    "and does not start; it takes a kernel with CONFIG_XFRM_STATISTICS, the host's own user "
    "namespace, or libreswan 5.3"
)

# Steps that a reason for a need costs, a text of proposals to read, and a character of one: it
# takes some milliseconds for a long one.
_REASON, _TEXT, _CHARACTER = 5, 256, 8
# Wrong proposals for which a right word is looked for; that takes longer than all the rest.
_SUGGESTIONS = 100

# source: ikev1_spdb_struct.c, ikev1_verify_esp()
_IKEV1_IS_CHECKED = (4, 15)
_ANY_TRANSFORM = (
    "{} takes whatever algorithms an IKEv1 peer offers where nothing is said, as in this connection"
    "{}: only those that it offers itself count; say which with esp= or ah="
)
_NEVER = frozenset({"pass", "drop", "reject"})
_ESN = {"yes": (True,), "no": (False,), "either": libreswan.EITHER}


def read(
    path: str,
    files: Files,
    catalog: Catalog,
    *,
    families: tuple[Family, ...],
    version: tuple[int, ...] | None,
    fips: bool,
    options: LibreswanOptions,
    vendor: str = "",
) -> Reading:
    """Read libreswan's configuration: every need that its connections can put to the kernel.

    `families` are those that the host has; `version` is libreswan's, None where nobody knows it;
    `vendor` tells whose build it is. Raises ConfigError for what is no configuration at all.
    """

    known: dict[str, Assignment] = {}

    def read_as(version: Version) -> Reading:
        release = options.at(version, vendor)
        common = Common(catalog, options, release, vendor, families, fips)
        reading = _Demand(common, load(path, files, release, known)).reading()
        if version >= _NO_PROC_NEEDED or not _lacks_proc(files):
            return reading
        stops = Problem(Place(_PROC[0], 0), "", _NO_START.format(release.name), refuses=True)
        return reading._replace(problems=(stops, *reading.problems))

    if version:
        return read_as(version)
    return any_release(path, {version: read_as(version) for version in options.releases})


def _lacks_proc(files: Files) -> bool:
    """Whether both files are gone of a /proc that is there; a tree without /proc tells nothing."""
    return files.exists("/proc/net/dev") and not any(files.exists(path) for path in _PROC)


class _Demand:
    """Goes through the connections; those that ask the same share an answer."""

    def __init__(self, common: Common, config: Config) -> None:
        self._common, self._config = common, config
        self._ikev1 = _ikev1_policy(common, config)
        self._answers: dict[Question, ConnNeeds] = {}
        self._misread = 0
        # The sources of each answer's needs, and of each feature.
        self._sources: dict[Question, list[Source]] = {}
        self._features: dict[tuple[str, Family | None], list[Source]] = {}
        self._problems = list(config.problems)
        self._silent: list[IgnoredConnection] = []
        # Connections of IKEv1 without proposals, in a release that then takes what the peer offers.
        self._any_transform: list[Place] = []

    def reading(self) -> Reading:
        probe = list(self._probe())
        self._setup()
        for conn in self._config.conns:
            self._conn(conn)
        features = (
            FeatureNeed(feature, family, tuple(dict.fromkeys(sources)))
            for (feature, family), sources in self._features.items()
        )
        needs = collect([*probe, *self._asked()], self._add_reasons)
        if first := next(iter(self._any_transform), None):
            more = len(self._any_transform) - 1
            text = _ANY_TRANSFORM.format(
                self._common.release.name, f" and {more} more" * bool(more)
            )
            self._problems.append(Problem(first, "", text))
        return Reading(needs, tuple(features), tuple(self._problems), tuple(self._silent))

    def _asked(self) -> Iterator[tuple[Need, list[Source]]]:
        for question, sources in self._sources.items():
            for need in self._answers[question].needs:
                yield need, sources

    def _add_reasons(self, number: int) -> None:
        self._config.budget.spend("steps", _REASON * number, "what libreswan's connections ask for")

    def _probe(self) -> Iterator[tuple[Need, list[Source]]]:
        """What pluto asks for before it has read a connection."""
        probe = self._common.options.probe
        if self._common.version < probe.since or Family.IPV4 not in self._common.families:
            return
        source = Source("pluto's start-up probe", probe.esp, DAEMON.name, offered=False)
        suites = libreswan.read(probe.esp, Protocol.ESP, self._common.catalog, esn=(False,))
        yield from ((Need(suite, Family.IPV4), [source]) for suite in suites)
        for feature in probe.features:
            self._feature(feature, (), source)

    def _setup(self) -> None:
        for name, option in self._common.release.setup.items():
            setting = self._config.setup.get(name)
            if setting and option.feature and asks(setting, option.when, option.kind):
                where = f"{setting.place} config setup"
                source = Source(where, setting.written, DAEMON.name, place=str(setting.place))
                self._feature(option.feature, self._common.families, source)

    def _conn(self, conn: Conn) -> None:
        if not (conn.lost and conn.lost.garbled) and (why := self._why_silent(conn)):
            self._silent.append(IgnoredConnection(conn.place, conn.name, why))
            return
        if conn.lost:
            self._problems.append(Problem(conn.lost.place, conn.name, conn.lost.why))
            return
        try:
            check_ends(conn, self._common.version)
            for setting in conn.settings.values():
                if setting.wrong:
                    raise Refused(wrong_value(setting.option, setting.key), setting)
            families = _families(conn, self._common)
            if not families:
                theirs = "IPv4" if Family.IPV6 in self._common.families else "IPv6"
                ours = _names(self._common)
                why = f"its hosts have {theirs} addresses, and this is read for {ours}"
                self._silent.append(IgnoredConnection(conn.place, conn.name, why))
                return
            question, text = self._question(conn, families)
            check(conn, question, self._common.version)
            if question not in self._answers:
                self._spend(question.text or "")
                answer = answer_to(question, self._common, suggest=self._misread < _SUGGESTIONS)
                self._misread += bool(answer.error)
                self._answers[question] = answer
            answer = self._answers[question]
            if answer.error:
                raise Refused(answer.error, text)
        except Refused as refused:
            place = refused.setting.place if refused.setting else conn.place
            self._problems.append(Problem(place, conn.name, refused.why))
            return
        if question.ike == 1 and not text and self._common.version < _IKEV1_IS_CHECKED:
            self._any_transform.append(conn.place)
        source = _source(conn, text, question, self._common)
        self._sources.setdefault(question, []).append(source)
        self._conn_features(conn, families)

    def _spend(self, proposals: str) -> None:
        # longer ones are refused unread
        number = _TEXT + _CHARACTER * min(len(proposals), MAX_LENGTH)
        self._config.budget.spend("steps", number, "the proposals of libreswan's connections")

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
    ) -> tuple[Question, Setting | None]:
        protocol, text = _proposal(conn, self._common.version)
        ike, esn = _ike(conn), _ESN.get(conn.value("esn"), libreswan.EITHER)
        if ike == 1 or conn.value("replay-window") == "0":
            # source: connections.c, "forcing esn=no as replay-window=0"
            esn = (False,)
        mode = Mode.TRANSPORT if conn.value("type") == "transport" else Mode.TUNNEL
        question = Question(
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

    def _conn_features(self, conn: Conn, families: tuple[Family, ...]) -> None:
        for name, setting in conn.settings.items():
            option = setting.option
            if not option.feature or not asks(setting, option.when, option.kind):
                continue
            if self._applies(conn, name, setting):
                source = _of(conn, setting.place, setting.written)
                of = (Family.IPV4,) if option.feature == "ip_vti" else families
                self._feature(option.instead.get(setting.value, option.feature), of, source)

    def _applies(self, conn: Conn, name: str, setting: Setting) -> bool:
        if name == "vti-interface":
            # source: _updown.xfrm: without a mark, and for IPv6, nothing is made
            marked = any(conn.get(mark) for mark in ("mark", "mark-in", "mark-out"))
            return marked and Family.IPV4 in _families(conn, self._common)
        if name == "ipsec-interface":
            managed = self._config.setup.get("ipsec-interface-managed")
            return not (managed and managed.value == "no")
        return True

    def _feature(self, name: str, families: tuple[Family, ...], source: Source) -> None:
        options = self._common.options
        meaning = options.meaning.get(name)
        for feature in at(meaning, self._common.version) if meaning else (name,):
            of: tuple[Family | None, ...] = families if feature in options.by_family else (None,)
            for family in of:
                self._features.setdefault((feature, family), []).append(source)


def _proposal(conn: Conn, version: Version) -> tuple[Protocol, Setting | None]:
    """Which protocol, and the setting that has the proposals. Raises Refused.

    source: extract.c of 5.3 and later; up to 5.2 esp=, ah= and phase2alg= are one option
    """
    phase2 = conn.value("phase2", "default")
    esp = conn.get("esp")
    if version < (5, 3):
        return Protocol.AH if phase2 == "ah" else Protocol.ESP, esp
    ah, either = conn.get("ah"), conn.get("phase2alg")
    if phase2 == "default":
        phase2 = "esp" if esp or not ah else "ah"
    protocol = Protocol(phase2)
    wanted, other = (ah, esp) if protocol is Protocol.AH else (esp, ah)
    if version >= (5, 4) and other:
        # 5.3 leaves out the one that phase2= does not choose
        against = wanted or conn.get("phase2")
        what = f"{against.written} and {other.written}" if against else other.written
        raise Refused(f"{what} exclude each other ({other.place})", other)
    if wanted and either:
        places = f"({wanted.place}, {either.place})"
        raise Refused(f"{wanted.written} and {either.written} exclude each other {places}", either)
    return protocol, either or wanted


def _source(conn: Conn, setting: Setting | None, question: Question, common: Common) -> Source:
    """The line with the proposal; the connection's where it has none."""
    place = setting.place if setting else conn.place
    text = question.text
    if text is None:
        text = default_of(question.protocol, question.ike, common)
    forwards = _networks(conn) if question.mode is not Mode.TRANSPORT else ()
    return _of(conn, place, show(text), forwards)


def _of(conn: Conn, place: Place, text: str, forwards: tuple[Family, ...] = ()) -> Source:
    """A line of a connection, as the source of a need."""
    shown, line = show_name(conn.name), str(place)
    return Source(
        where=f"{line} conn {shown}",
        text=text,
        daemon=DAEMON.name,
        forwards=forwards,
        conn=shown,
        place=line,
    )


def _networks(conn: Conn) -> tuple[Family, ...]:
    """Families of the networks behind this host, as far as the file tells which side it is.

    pluto asks the interfaces. Without them: a side with %any is the other one, a side with
    %defaultroute is this one, and where neither is said, what both have is there on either.
    """
    left, right = conn.value("left"), conn.value("right")
    for here, there, side in ((left, right, "left"), (right, left, "right")):
        if here.startswith("%defaultroute") or there.startswith(("%any", "%opportunistic")):
            return _behind(conn, side)
    found = _behind(conn, "left")
    return tuple(family for family in _behind(conn, "right") if family in found) if found else ()


def _behind(conn: Conn, side: str) -> tuple[Family, ...]:
    one, several = conn.value(f"{side}subnet"), conn.value(f"{side}subnets")
    return networks(f"{one} {several}") if one or several else ()


def _ike(conn: Conn) -> int:
    """source: confread.c, load_conn()"""
    older = 1 if conn.value("ikev2") == "no" else 2
    return {"ikev1": 1, "ikev2": 2}.get(conn.value("keyexchange"), older)


def _ikev1_policy(common: Common, config: Config) -> str:
    setting = config.setup.get("ikev1-policy")
    if setting:
        return setting.value
    dropped = common.options.ikev1_dropped
    since = min(dropped["upstream"], dropped.get(common.vendor, dropped["upstream"]))
    return "drop" if common.version >= since else "accept"


def _families(conn: Conn, common: Common) -> tuple[Family, ...]:
    """The outer families of a connection's SAs, of those that count."""
    wanted = conn.value("hostaddrfamily")
    if not wanted:
        hosts, nexthops = (
            _said_families(conn.value(side + end) for side in ("left", "right"))
            for end in ("", "nexthop")
        )
        # before 5.3 a nexthop tells only where no host does
        said = hosts | nexthops if common.version >= (5, 3) else hosts or nexthops
        if len(said) > 1:
            raise Refused("its hosts have addresses of both families, IPv4 and IPv6")
        wanted = next(iter(said), "")
    # %any, %defaultroute and names say nothing
    return tuple(family for family in common.families if not wanted or family == wanted)


def _said_families(hosts: Iterable[str]) -> set[Family]:
    found = set()
    for host in hosts:
        if ":" in host or host in ("%any6", "%defaultroute6"):
            found.add(Family.IPV6)
        elif _is_ipv4(host):
            found.add(Family.IPV4)
    return found


def _is_ipv4(host: str) -> bool:
    parts = host.split(".", 4)
    return len(parts) == 4 and all(is_number(part) and len(part) < 4 for part in parts)


def _names(common: Common) -> str:
    return " and ".join(family.label for family in common.families)
