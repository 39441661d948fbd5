# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences about what happened. Pure."""

from modprobe_ipsec.base.annotations import Any, Mapping, Sequence
from modprobe_ipsec.base.text import first, listed, name
from modprobe_ipsec.watch.connections import PeerIndex
from modprobe_ipsec.watch.episodes import Episode
from modprobe_ipsec.watch.event import Kind, Level, State, Told
from modprobe_ipsec.watch.readiness import Connection
from modprobe_ipsec.watch.signs import (
    PROTOCOLS,
    Acquired,
    Flushed,
    MappingChanged,
    ModuleCame,
    ModuleGone,
    SaName,
    shown,
)
from modprobe_ipsec.watch.strays import StrayReport

_SHOWN = 3


def stray(report: StrayReport, connections: PeerIndex) -> Told:
    """A sender whose packets no SA here takes."""
    sender = report.sender
    source, destination = shown(sender.source), shown(sender.destination)
    protocol = PROTOCOLS.get(sender.protocol, "ESP or AH") + " in UDP" * sender.in_udp
    port = f" port {report.port}" if sender.in_udp else ""
    spis = listed([f"0x{spi:08x}" for spi in report.spis])
    who = f"{protocol} from {source}{port} to {destination} with SPI {spis}"
    about: dict[str, Any] = {
        "source": source,
        "destination": destination,
        "protocol": PROTOCOLS.get(sender.protocol, "").lower(),
        "in_udp": sender.in_udp,
        "port": report.port or None,
        "spis": list(report.spis),
        "packets": report.packets,
        "seconds": round(report.seconds, 1),
        **_connections(connections.of(sender.source, sender.destination)),
    }
    if report.state is State.OVER:
        text = f"{who}: {_packets(report.packets)} in all"
        return Told(Kind.UNKNOWN_SPI, Level.INFO, report.state, text, about)
    since = f" in {report.seconds:.0f} s" if report.state is State.LASTS else ""
    text = f"{who}, which no SA here has: {_packets(report.packets)}{since}"
    whose = connections.named(sender.source, sender.destination)
    text += f"; {whose}" if whose else "; no connection has this peer"
    known = connections.is_peer(sender.source)
    level = Level.WARNING if known else Level.NOTICE
    return Told(Kind.UNKNOWN_SPI, level, report.state, text, about)


def others(number: int) -> Told:
    """Strangers that no line names."""
    text = f"{_packets(number)} with SPIs that no SA here has, from other addresses"
    about = {"packets": number}
    return Told(Kind.UNKNOWN_SPI, Level.NOTICE, State.ONCE, text, about)


def uncounted(number: int, state: State, without: Sequence[Connection]) -> Told:
    """Packets of which only their number is known."""
    text = f"{_packets(number)} with SPIs that no SA here has (XfrmInNoStates); who sends them"
    text += " is not seen"
    if without:
        names, left = first([f"{each.conn} ({each.place})" for each in without], _SHOWN)
        text += (
            f"; connections without an SA: {listed([*names, f'{left} more'] if left else names)}"
        )
        commands = [each.command for each in without if each.command][:_SHOWN]
        text += f". To do: {' or '.join(commands)}" if commands else ""
    level = Level.INFO if state is State.OVER else Level.WARNING
    about = {"packets": number, **_connections(without)}
    return Told(Kind.UNKNOWN_SPI, level, state, text, about)


def acquire(asked: Acquired, episode: Episode, state: State, connections: PeerIndex) -> Told:
    """The kernel asked for an SA, and nobody made one."""
    who = f"{_protocol(asked.protocol)} from {shown(asked.source)} to {shown(asked.destination)}"
    for_what = f" for {asked.flow}" if asked.flow else ""
    about = {
        **_ends(asked.source, asked.destination, asked.protocol),
        "flow": asked.flow,
        "times": episode.count,
        **_connections(connections.of(asked.destination, asked.source)),
    }
    if state is State.OVER:
        text = f"{who}{for_what} is there, or not asked for any more"
        return Told(Kind.UNANSWERED_ACQUIRE, Level.INFO, state, text, about)
    text = f"the kernel asked for {who}{for_what}, and no daemon has made it"
    if whose := connections.named(asked.destination, asked.source):
        text += f"; {whose}"
    return Told(Kind.UNANSWERED_ACQUIRE, Level.WARNING, state, text, about)


def larval(asked: Acquired, seconds: float, connections: PeerIndex) -> Told:
    """A placeholder that stays."""
    who = f"{_protocol(asked.protocol)} from {shown(asked.source)} to {shown(asked.destination)}"
    text = f"the larval SA for {who} is there since {seconds:.0f} s: packets for it are dropped"
    if asked.life == 0:
        text += "; net.core.xfrm_acq_expires is 0, so it never goes by itself"
    about = {**_ends(asked.source, asked.destination, asked.protocol), "seconds": round(seconds)}
    return Told(Kind.LARVAL_SA, Level.WARNING, State.ONCE, text, about)


def expired(sa: SaName, replaced: bool, connections: PeerIndex) -> Told:
    """An SA came to its hard limit."""
    text = f"{_sa(sa)} came to its hard limit"
    about = {**_sa_data(sa), "replaced": replaced}
    if replaced:
        text += "; there is another one between the two"
        return Told(Kind.EXPIRED_SA, Level.NOTICE, State.ONCE, text, about)
    text += ", and no other is there between the two"
    whose = connections.named(sa.source, sa.destination)
    if not whose or whose.startswith("maybe"):
        whose = connections.named(sa.destination, sa.source) or whose
    text += f"; {whose}" if whose else ""
    return Told(Kind.EXPIRED_SA, Level.WARNING, State.ONCE, text, about)


def flushed(sign: Flushed) -> Told:
    """All at once were removed."""
    which = f"all {PROTOCOLS[sign.protocol]} SAs" if sign.protocol in PROTOCOLS else None
    text = f"{which or f'all {sign.what}'} were removed at once"
    text += f" by {name(sign.who)}" if sign.who else ""
    about = {"what": sign.what, "by": name(sign.who) or None}
    return Told(Kind.FLUSHED, Level.WARNING, State.ONCE, text, about)


def mapped(sign: MappingChanged, connections: PeerIndex) -> Told:
    """A peer behind a NAT comes from elsewhere."""
    (old, old_port), (new, new_port) = sign.old, sign.new
    text = (
        f"{shown(old)} port {old_port} now sends from {shown(new)} port {new_port} "
        f"(SPI 0x{sign.sa.spi:08x})"
    )
    found = connections.of(old, sign.sa.destination)
    if found and not found[0].anybody:
        text += f"; connection {found[0].conn} ({found[0].place})"
    about = {"old": [shown(old), old_port], "new": [shown(new), new_port], "spi": sign.sa.spi}
    return Told(Kind.MAPPING, Level.NOTICE, State.ONCE, text, about)


def counter(counter: str, number: int, state: State, meaning: Mapping[str, str]) -> Told:
    """One of /proc/net/xfrm_stat rises."""
    about = {"counter": counter, "rise": number}
    if state is State.OVER:
        text = f"{counter} rises no more; +{number} in all"
        return Told(Kind.COUNTER, Level.INFO, state, text, about)
    text = f"{counter} +{number}"
    text += f": {meaning[counter]}" if counter in meaning else ""
    return Told(Kind.COUNTER, Level.WARNING, state, text, about)


def failures(sa: SaName, what: str, number: int, state: State, connections: PeerIndex) -> Told:
    """An SA refuses packets."""
    why = "with a wrong ICV" if what == "integrity" else "replayed, or too late for the window"
    about = {**_sa_data(sa), "what": what, "packets": number}
    if state is State.OVER:
        text = f"{_sa(sa)}: no more packets {why}; {number} in all"
        return Told(Kind.SA_FAILURES, Level.INFO, state, text, about)
    text = f"{_sa(sa)} refuses {_packets(number)} {why}"
    found = connections.of(sa.source, sa.destination)
    if found and not found[0].anybody:
        text += f"; connection {found[0].conn} ({found[0].place})"
    return Told(Kind.SA_FAILURES, Level.WARNING, state, text, about)


def module(sign: ModuleCame | ModuleGone, needs: Sequence[str]) -> Told:
    """A module came or went."""
    came = isinstance(sign, ModuleCame)
    text = f"{name(sign.name)} was {'loaded' if came else 'unloaded'}"
    how = sign.how if isinstance(sign, ModuleCame) else ""
    text += f" {how}" if how else ""
    if needs:
        shown_, left = first(needs, _SHOWN)
        text += f"; needed for {listed([*shown_, f'{left} more'] if left else shown_)}"
    about = {"module": sign.name, "loaded": came, "how": how, "needs": list(needs)}
    level = Level.INFO if came else Level.WARNING if needs else Level.NOTICE
    return Told(Kind.MODULE, level, State.ONCE, text, about)


def _packets(number: int) -> str:
    return f"{number} packet{'s' * (number != 1)}"


def _protocol(protocol: int) -> str:
    return PROTOCOLS.get(protocol, f"protocol {protocol}")


def _sa(sa: SaName) -> str:
    ends = f"from {shown(sa.source)} to {shown(sa.destination)}"
    return f"the SA {_protocol(sa.protocol)} {ends} with SPI 0x{sa.spi:08x}"


def _ends(source: bytes, destination: bytes, protocol: int) -> dict[str, Any]:
    return {
        "source": shown(source),
        "destination": shown(destination),
        "protocol": _protocol(protocol).lower(),
    }


def _sa_data(sa: SaName) -> dict[str, Any]:
    return {**_ends(sa.source, sa.destination, sa.protocol), "spi": sa.spi}


def _connections(found: Sequence[Connection]) -> dict[str, Any]:
    return {
        "connections": [
            {
                "daemon": each.daemon,
                "name": each.conn,
                "place": each.place,
                "command": each.command or None,
            }
            for each in found[:_SHOWN]
        ]
    }
