# SPDX-License-Identifier: GPL-3.0-or-later
"""swanctl.conf: its connections and their children -> what they ask of the kernel.

source: src/swanctl/commands/load_conns.c, src/libcharon/plugins/vici/vici_config.c
"""

from modprobe_ipsec.base.annotations import Iterable, Mapping
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.daemons.common.networks import networks
from modprobe_ipsec.daemons.strongswan import backends
from modprobe_ipsec.daemons.strongswan.asks import Asks, Child, Offer, RejectedConnection, wrong
from modprobe_ipsec.daemons.strongswan.daemon import DaemonConf
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions
from modprobe_ipsec.daemons.strongswan.releases import ReleaseRules
from modprobe_ipsec.daemons.strongswan.settings import Node, Setting, parse
from modprobe_ipsec.daemons.strongswan.values import Values, printable, tokens
from modprobe_ipsec.needs.reading import Files, IgnoredConnection, Place, Problem, Reading

_PROTOCOLS = {"esp_proposals": Protocol.ESP, "ah_proposals": Protocol.AH}
_IF_IDS = ("if_id_in", "if_id_out")
_YES = ("1", "yes", "true", "enabled")
# Is there where the kernel has SELinux and it is switched on.
_SELINUX = "/sys/fs/selinux/enforce"


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
    """Read swanctl.conf and all that it includes.

    Raises ConfigError for a file that swanctl cannot read at all.
    """
    settings = parse(path, files)
    knowledge = ReleaseRules(options.history, release, files)
    values = Values(catalog, options, swanctl=True, release=release)
    asks = Asks(catalog, options, values, families, daemon_conf)
    backends.add(daemon_conf.plugins, asks, values)
    reader = _Reader(options, values, knowledge, selinux=_has_selinux(files))
    for name, node in settings.find("connections").children():
        try:
            children = reader.connection(name, node)
        except RejectedConnection as lost:
            asks.lost(name, lost)
            continue
        for child in children:
            asks.add(child)
        if not children:
            why = "it has no children; IKE alone asks the kernel for no SA"
            asks.silent.append(IgnoredConnection(node.place, name, why))
    return asks.reading((*settings.problems, *reader.notes.values()))


def _has_selinux(files: Files) -> bool:
    """A hook does not look into a container's /sys; who cannot look takes it for switched off."""
    try:
        return files.exists(_SELINUX)
    except ConfigError:
        return False


class _Reader:
    """Reads one connection after the other."""

    def __init__(
        self, options: StrongswanOptions, values: Values, knowledge: ReleaseRules, *, selinux: bool
    ) -> None:
        # What depends on the release, which nobody knows; each said once.
        self.notes: dict[str, Problem] = {}
        self._options, self._values, self._selinux = options, values, selinux
        self._knowledge = knowledge
        self._child_asks = tuple(name for name in options.asks if name in options.child)

    def connection(self, name: str, node: Node) -> list[Child]:
        """Its children. Raises Lost."""
        _check_name(name, node)
        values = self._checked(node, self._options.connection)
        families = self._values.families(_text(values, "local_addrs"))
        remote = self._values.families(_text(values, "remote_addrs"))
        if not families & remote:
            place = values["remote_addrs"].place
            raise RejectedConnection(
                place, "`local_addrs` and `remote_addrs` have no address family in common"
            )
        found: list[Child] = []
        for section, below in node.children():
            kind = section.lower()
            if kind == "children":
                for child, inner in below.children():
                    _check_name(child, inner)
                    full = f"{name} children {child}"
                    found.append(self._child(full, inner, values, families & remote))
            elif kind.startswith(("local", "remote")):
                _check_name(section, below)
                self._checked(below, self._options.authentication)
            else:
                raise RejectedConnection(
                    below.place,
                    "a connection has no such section; strongSwan does not load it",
                )
        return found

    def _child(
        self, name: str, node: Node, above: Mapping[str, Setting], families: frozenset[Family]
    ) -> Child:
        values = self._checked(node, self._options.child)
        place = node.place
        offers = tuple(
            Offer(protocol, _text(values, option), values[option].place)
            for option, protocol in _PROTOCOLS.items()
            # an empty list is none
            if option in values and tokens(_text(values, option))
        )
        window = _text(values, "replay_window").strip()
        ipcomp = values.get("ipcomp")
        return Child(
            name=name,
            place=place,
            offers=offers or (Offer(Protocol.ESP, None, place),),
            mode=(_text(values, "mode") or "tunnel").lower(),
            families=families,
            ipcomp=ipcomp.place if ipcomp and (ipcomp.value or "").lower() in _YES else None,
            sha256_96=_text(values, "sha256_96").lower() in _YES,
            replay_window=_number(window) if "replay_window" in values else None,
            options=self._asking(values, above),
            networks=networks(_text(values, "local_ts")),
        )

    def _asking(
        self, values: Mapping[str, Setting], above: Mapping[str, Setting]
    ) -> dict[str, tuple[str, Place]]:
        """Options that may ask for a feature. An interface id may stand in the connection."""
        found = {}
        for option in self._child_asks:
            setting = values.get(option)
            if option in _IF_IDS and (not setting or not _number(setting.value or "")):
                setting = above.get(option)
            if setting:
                found[option] = (setting.value or "", setting.place)
        if "label" in found and not self._labels(values):
            del found["label"]
        return found

    def _labels(self, values: Mapping[str, Setting]) -> bool:
        """Whether labels go to the kernel, and do not stay in IKE."""
        mode = (_text(values, "label_mode") or "system").lower()
        return mode == "selinux" or (mode == "system" and self._selinux)

    def _checked(self, node: Node, table: Mapping[str, str]) -> dict[str, Setting]:
        """The settings, if strongSwan takes each of them. Raises Lost for the first it does not."""
        values = node.values()
        for option, setting in values.items():
            value = setting.value or ""
            kind = table.get(option)
            if kind is None:
                raise RejectedConnection(
                    setting.place,
                    "strongSwan knows no such option here, and does not load this connection",
                )
            if what := self._values.wrong(option, value, kind):
                raise RejectedConnection(setting.place, wrong(option, what))
            verdict = self._knowledge.of(option, value, kind)
            if verdict.lost:
                raise RejectedConnection(setting.place, verdict.text)
            if verdict.text:
                self.notes.setdefault(verdict.text, Problem(setting.place, "", verdict.text))
        return values


def _check_name(name: str, node: Node) -> None:
    # swanctl takes a name for a format of printf(3): it loses what stands below, or crashes
    if "%" in name or not printable(name):
        raise RejectedConnection(
            node.place,
            "the name has a `%`, or other than printable ASCII characters; strongSwan does not "
            "load this connection as it stands here",
        )


def _text(values: Mapping[str, Setting], option: str) -> str:
    setting = values.get(option)
    return setting.value or "" if setting else ""


def _number(text: str) -> int:
    """As strtoul(3) with base 0 has it; a name such as %unique counts as some number."""
    # charon's buffer, and no more digits than Python takes
    text = text[:31].strip().lstrip("+-").lower()
    if not text:
        return 0
    if not text[0].isdecimal():
        return 1
    base = 16 if text.startswith("0x") else 8 if text.startswith("0") else 10
    # it is cut to 32 bits
    return int(text, base) & 0xFFFFFFFF
