# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan's ipsec.conf, as starter reads it: its conns -> what they ask of the kernel.

source: src/starter/confread.c, args.c; src/libcharon/plugins/stroke/stroke_config.c
"""

from modprobe_ipsec.base.annotations import Iterable, Mapping
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol
from modprobe_ipsec.daemons.common import form
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.daemons.common.networks import networks
from modprobe_ipsec.daemons.strongswan import backends
from modprobe_ipsec.daemons.strongswan.asks import Asks, Child, Offer, RejectedConnection, wrong
from modprobe_ipsec.daemons.strongswan.daemon import DaemonConf
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions
from modprobe_ipsec.daemons.strongswan.releases import ReleaseRules
from modprobe_ipsec.daemons.strongswan.sections import Conn, Conns, parse
from modprobe_ipsec.daemons.strongswan.settings import Setting
from modprobe_ipsec.daemons.strongswan.values import Values
from modprobe_ipsec.needs.reading import Files, IgnoredConnection, Place, Problem, Reading

_ENDS = ("left", "right")
_HEADERS = frozenset({"conn", "config", "ca", "include", "version"})


def read(
    path: str,
    files: Files,
    catalog: Catalog,
    *,
    options: StrongswanOptions,
    families: Iterable[Family],
    daemon_conf: DaemonConf,
    release: Release | None = None,
) -> Reading:
    """Read an ipsec.conf and all that it includes.

    Raises ConfigError for a file that starter cannot read at all.
    """
    conns = parse(path, files)
    knowledge = ReleaseRules(options.history, release, files)
    values = Values(catalog, options, swanctl=False, release=release)
    asks = Asks(catalog, options, values, families, daemon_conf)
    backends.add(daemon_conf.plugins, asks, values)
    reader = _Reader(conns, options, values, knowledge)
    notes: dict[str, Problem] = {}
    for name, conn in conns.conns.items():
        if name == "%default":
            continue
        place = conn.text.place(conn.at)
        try:
            child, startup = reader.conn(conn, place)
        except RejectedConnection as lost:
            asks.lost(name, lost)
            continue
        if startup == "ignore":
            why = "`auto` is `ignore`, also where it is not set: starter does not load it"
            asks.silent.append(IgnoredConnection(place, name, why))
        elif what := reader.wrong_proposal:
            asks.lost(name, what)
        else:
            asks.add(child)
            for note in reader.notes:
                notes.setdefault(note.text, note)
    return asks.reading((*conns.problems, *reader.problems.values(), *notes.values()))


def knows(setting: form.Setting, options: StrongswanOptions, values: Values) -> bool:
    """Whether starter has the keyword and takes the value."""
    if setting.header:
        return setting.key in _HEADERS
    key = setting.key
    if key == "also" or key in options.elsewhere or key in options.deprecated:
        return True
    kind = _kind(key, options)
    return kind is not None and not values.wrong(key, setting.value, kind)


def _kind(key: str, options: StrongswanOptions) -> str | None:
    """Of which kind the values of a conn's keyword are; None: starter does not know it there."""
    kind = options.conn.get(key)
    if kind is None:
        for end in _ENDS:
            if key.startswith(end):
                return options.end.get(key.removeprefix(end))
    return kind


class _Reader:
    """Reads one conn after the other."""

    def __init__(
        self, conns: Conns, options: StrongswanOptions, values: Values, knowledge: ReleaseRules
    ) -> None:
        self._conns, self._options, self._values = conns, options, values
        self._knowledge = knowledge
        # Keywords that starter skips, each named once.
        self.problems: dict[tuple[Place, str], Problem] = {}
        # Of the last conn: what depends on the release, which nobody knows.
        self.notes: list[Problem] = []
        # Of the last conn: not starter but charon declines it, so only if it is loaded.
        self.wrong_proposal: RejectedConnection | None = None

    def conn(self, conn: Conn, place: Place) -> tuple[Child, str]:
        """What it asks for, and `auto`. Raises Lost."""
        self.wrong_proposal = None
        self.notes = []
        settings = self._conns.settings(conn)
        mode = "tunnel"
        for key, setting in settings.items():
            # with `ah` nobody reads `esp`
            if key != "esp" or "ah" not in settings:
                self._check(key, setting)
            if key == "type":
                mode = setting.value or ""
            elif key in ("leftsourceip", "rightsourceip"):
                # whichever of the two comes last
                mode = "tunnel"
        self._check_firewall(settings)
        families = self._family(settings, "left") & self._family(settings, "right")
        if not families:
            text = "`left` and `right` have no address family in common"
            raise RejectedConnection(settings["right"].place, text)
        compress = settings.get("compress")
        window = _text(settings, "replay_window").strip()
        child = Child(
            name=conn.name,
            place=place,
            offers=(_offer(settings, place),),
            mode=mode,
            families=families,
            ipcomp=compress.place if compress and compress.value == "yes" else None,
            sha256_96=_text(settings, "sha256_96") == "yes",
            # -1, too, leaves it to the daemon
            replay_window=int(window[:20]) if window not in ("", "-1") else None,
            options=_asking(settings),
            networks=networks(_text(settings, "leftsubnet")),
        )
        return child, _text(settings, "auto") or "ignore"

    def _check(self, key: str, setting: Setting) -> None:
        kind = _kind(key, self._options)
        value = setting.value or ""
        if kind is None:
            place = setting.place
            if key in self._options.elsewhere:
                raise RejectedConnection(
                    place, f"`{key}` does not belong into a conn; starter ignores it"
                )
            if (place, key) not in self.problems:
                text = "this is no keyword of starter's: skipped"
                if key in self._options.deprecated:
                    text = f"`{key}` has no effect any more: skipped"
                self.problems[place, key] = Problem(place, "", text)
        elif kind in ("proposals", "ike_proposals"):
            if what := self._values.wrong(key, value, kind):
                self.wrong_proposal = RejectedConnection(setting.place, wrong(key, what))
        elif what := self._values.wrong(key, value, kind):
            raise RejectedConnection(setting.place, wrong(key, what))
        if kind is not None and (verdict := self._knowledge.of(key, value, kind)).text:
            if verdict.lost:
                self.wrong_proposal = RejectedConnection(setting.place, verdict.text)
            else:
                self.notes.append(Problem(setting.place, "", verdict.text))

    def _check_firewall(self, settings: Mapping[str, Setting]) -> None:
        for end in _ENDS:
            firewall, updown = f"{end}firewall", f"{end}updown"
            if _text(settings, firewall) == "yes" and updown in settings:
                text = f"`{firewall}` and `{updown}` exclude each other; starter ignores the conn"
                raise RejectedConnection(settings[firewall].place, text)

    def _family(self, settings: Mapping[str, Setting], end: str) -> frozenset[Family]:
        value = _text(settings, end)
        if value == "%defaultroute":
            value = "%any"
        prefixed = value.startswith("%") and value not in ("%any", "%any4", "%any6")
        if prefixed or _text(settings, f"{end}allowany") == "yes":
            # charon then takes any address beside the one that is named
            return frozenset(Family)
        return self._values.families(value)


def _offer(settings: Mapping[str, Setting], place: Place) -> Offer:
    """AH if it is set, ESP otherwise; never both."""
    for option, protocol in (("ah", Protocol.AH), ("esp", Protocol.ESP)):
        if option in settings:
            return Offer(protocol, settings[option].value, settings[option].place)
    return Offer(Protocol.ESP, None, place)


def _asking(settings: Mapping[str, Setting]) -> dict[str, tuple[str, Place]]:
    found = {}
    for end in _ENDS:
        for option in ("firewall", "updown"):
            if setting := settings.get(f"{end}{option}"):
                found[option] = (setting.value or "", setting.place)
    return found


def _text(settings: Mapping[str, Setting], key: str) -> str:
    setting = settings.get(key)
    return setting.value or "" if setting else ""
