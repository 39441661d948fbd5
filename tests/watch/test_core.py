# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs in, events out: what is told, when, and when it is over."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.watch.core import SETTLE, Core
from modprobe_ipsec.watch.event import Kind, Level, State, Told, as_data, as_journal
from modprobe_ipsec.watch.readiness import CardSeen, Connection, Look, Trouble
from modprobe_ipsec.watch.sas import LATE
from modprobe_ipsec.watch.signs import (
    ESP,
    Acquired,
    Counted,
    Flushed,
    ModuleCame,
    ModuleGone,
    SaExpired,
    SaFailures,
    SaGone,
    SaMade,
    SaName,
    Sign,
    Stray,
    packed,
)

PEER, US = packed("192.0.2.1"), packed("192.0.2.2")
SA = SaName(PEER, US, ESP, 7)
OURS = SaName(US, PEER, ESP, 8)
STRAY = Stray(PEER, US, 7, ESP)
OFFICE = Connection(
    "libreswan",
    "office",
    "/etc/ipsec.conf:3",
    ("192.0.2.1", "192.0.2.2"),
    False,
    "ipsec up office",
)
MEANING = {"XfrmInHdrError": "A broken header."}
LOOK = Look(0, connections=(OFFICE,), counters=MEANING, modules={"esp4": ("ESP IPv4",)})


class Played:
    """A core, and what it has told when."""

    def __init__(self, look: Look = LOOK) -> None:
        self.core = Core()
        self.told: list[tuple[float, Told]] = []
        self.note(0.0, self.core.looked(look))

    def note(self, now: float, events: Iterable[Told]) -> None:
        self.told += [(now, event) for event in events]

    def see(self, now: float, *signs: Sign) -> None:
        for sign in signs:
            self.note(now, self.core.see(sign, now))

    def ticks(self, until: float, start: float = 0.0) -> None:
        """Four a second."""
        for quarter in range(int(start * 4), int(until * 4) + 1):
            self.note(quarter / 4, self.core.tick(quarter / 4))

    def of(self, kind: Kind) -> list[tuple[int, State]]:
        return [(round(now), told.state) for now, told in self.told if told.kind is kind]


def test_a_peer_whose_packets_no_sa_takes() -> None:
    played = Played()
    played.see(1, STRAY)
    played.ticks(100)
    assert played.of(Kind.UNKNOWN_SPI) == [(1, State.BEGINS), (61, State.OVER)]
    (_, told), _ = played.told
    assert told.level is Level.WARNING
    assert told.text == (
        "ESP from 192.0.2.1 to 192.0.2.2 with SPI 0x00000007, which no SA here has: 1 packet; "
        "connection office (/etc/ipsec.conf:3). To do: ipsec up office"
    )


def test_an_sa_that_is_told_late_is_none_that_is_lost() -> None:
    played = Played()
    played.see(1, STRAY)
    played.see(1 + SETTLE / 2, SaMade(SA))
    played.ticks(100)
    assert played.told == []


def test_packets_of_an_sa_that_was_replaced_are_on_their_way() -> None:
    played = Played()
    played.see(0, SaMade(SA), SaMade(SA._replace(spi=9)), SaGone(SA))
    played.see(1, STRAY)
    played.ticks(3)
    assert played.told == []
    # for a while
    played.see(20, STRAY)
    played.ticks(22, 20)
    assert played.of(Kind.UNKNOWN_SPI) == [(20, State.BEGINS)]


def test_what_is_flushed_is_lost_at_once() -> None:
    played = Played()
    played.see(0, SaMade(SA), Flushed("SAs", ESP))
    played.see(0.1, STRAY)
    played.ticks(1)
    assert played.of(Kind.FLUSHED) == [(0, State.ONCE)]
    assert played.of(Kind.UNKNOWN_SPI)[0][1] is State.BEGINS


def test_it_is_over_with_the_next_sa() -> None:
    played = Played()
    played.see(1, STRAY)
    played.ticks(2)
    played.see(3, SaMade(SA._replace(spi=9)))
    played.ticks(200, 3)
    assert played.of(Kind.UNKNOWN_SPI) == [(1, State.BEGINS), (3, State.OVER)]


def test_the_counter_alone() -> None:
    played = Played()
    played.see(1, Counted({"XfrmInNoStates": 3}))
    played.ticks(2)
    assert played.told == []
    played.core.by_counter = True
    played.see(3, Counted({"XfrmInNoStates": 3}))
    played.ticks(100, 3)
    assert played.of(Kind.UNKNOWN_SPI) == [(3, State.BEGINS), (63, State.OVER)]
    assert "office (/etc/ipsec.conf:3). To do: ipsec up office" in played.told[0][1].text


def acquired(life: int = 30) -> Acquired:
    return Acquired(US, PEER, ESP, "udp 10.1.1.1 -> 10.2.1.1 port 9", life)


def test_an_acquire_that_is_answered_is_not_told() -> None:
    played = Played()
    played.see(1, acquired())
    played.see(2, SaMade(OURS))
    played.ticks(1000)
    assert played.told == []


def test_an_acquire_that_nobody_answers() -> None:
    played = Played()
    played.see(1, acquired())
    played.ticks(31)
    assert played.of(Kind.UNANSWERED_ACQUIRE) == [(1 + LATE, State.BEGINS)]
    played.see(31, SaExpired(OURS._replace(spi=0)))
    played.ticks(60, 31)
    played.see(60, SaMade(OURS))
    assert played.of(Kind.UNANSWERED_ACQUIRE)[1:] == [(60, State.OVER)]
    assert played.of(Kind.LARVAL_SA) == []


def test_an_acquire_that_expires_early_is_told_then() -> None:
    played = Played()
    played.see(1, acquired(2))
    played.see(3, SaExpired(OURS._replace(spi=0)))
    assert played.of(Kind.UNANSWERED_ACQUIRE) == [(3, State.BEGINS)]
    played.ticks(400, 3)
    assert played.of(Kind.UNANSWERED_ACQUIRE)[1:] == [(301, State.OVER)]


def test_a_larval_sa_that_stays_is_told_once() -> None:
    played = Played()
    played.see(1, acquired(0))
    played.ticks(500)
    assert played.of(Kind.LARVAL_SA) == [(16, State.ONCE)]
    older = Played()
    older.see(0, SaMade(OURS._replace(spi=0), listed=True, age=300))
    older.ticks(500)
    assert older.of(Kind.LARVAL_SA) == [(0, State.ONCE)]


def test_an_sa_that_expires() -> None:
    played = Played()
    played.see(1, SaMade(SA), SaExpired(SA))
    (_, told) = played.told[0]
    assert (told.level, "To do: ipsec up office" in told.text) == (Level.WARNING, True)
    played.see(2, SaMade(SA), SaMade(SA._replace(spi=9)), SaExpired(SA))
    assert played.told[1][1].level is Level.NOTICE


def test_counters_and_failures() -> None:
    played = Played()
    played.see(1, Counted({"XfrmInHdrError": 2, "XfrmInStateProtoError": 1}))
    assert played.core.sas_fail
    played.see(2, SaFailures(SA, 0, 2, 1))
    played.ticks(200, 2)
    texts = [told.text for _, told in played.told if told.state is State.BEGINS]
    assert texts[0] == "XfrmInHdrError +2: A broken header."
    assert [text.partition(" refuses ")[2].partition(";")[0] for text in texts[2:]] == [
        "1 packet with a wrong ICV",
        "2 packets replayed, or too late for the window",
    ]
    over = [told for _, told in played.told if told.state is State.OVER]
    assert len(over) == 4


def test_modules_are_told_each_time() -> None:
    played = Played()
    played.core.look_wanted = False
    played.see(1, ModuleGone("esp4"), ModuleCame("esp4", "by the kernel itself, for x"))
    assert [told.text for _, told in played.told] == [
        "esp4 was unloaded; needed for ESP IPv4",
        "esp4 was loaded by the kernel itself, for x; needed for ESP IPv4",
    ]
    assert played.core.look_wanted


def test_readiness_that_changes() -> None:
    trouble = Trouble("blocked", "esp4 is blocked", "do it", ("ESP IPv4",), 3, (("office", "f:1"),))
    played = Played()
    played.note(1, played.core.looked(LOOK._replace(troubles=(trouble,))))
    played.note(2, played.core.looked(LOOK._replace(troubles=(trouble,))))
    played.note(3, played.core.looked(Look(3, error="no memory")))
    played.note(4, played.core.looked(LOOK._replace(module_directory=False)))
    played.note(5, played.core.looked(LOOK))
    assert [(round(now), told.kind, told.state) for now, told in played.told] == [
        (1, Kind.READINESS, State.BEGINS),
        (3, Kind.READINESS, State.BEGINS),
        (4, Kind.READINESS, State.OVER),
        (4, Kind.MODULE_DIRECTORY, State.BEGINS),
        (4, Kind.READINESS, State.OVER),
        (5, Kind.MODULE_DIRECTORY, State.OVER),
    ]
    text = "ESP IPv4 and 2 more: blocked: esp4 is blocked; for office (f:1). To do: do it"
    assert played.told[0][1].text == text


def test_cards_that_change() -> None:
    card = CardSeen("eth0", "mlx5_core", {"esp-hw-offload": "off"})
    better = card._replace(flags={"esp-hw-offload": "on"})
    played = Played()
    for number, cards in enumerate(((), (card,), (better,), (better,), ())):
        played.note(number, played.core.looked(LOOK._replace(cards=cards)))
    assert [told.text for _, told in played.told] == [
        "eth0 (mlx5_core) came: esp-hw-offload off",
        "eth0 (mlx5_core) changed: esp-hw-offload on",
        "eth0 (mlx5_core) is gone",
    ]


def test_lines_and_data() -> None:
    played = Played()
    played.see(1, STRAY)
    played.ticks(2)
    event = played.told[0][1]
    assert as_journal(event).startswith("<4>unknown-spi: ESP from 192.0.2.1 ")
    data = as_data(event, "2026-01-01T00:00:00Z")
    assert (data["event"], data["state"], data["level"]) == ("unknown-spi", "begins", "warning")
    assert data["about"]["connections"][0]["command"] == "ipsec up office"


@given(
    st.lists(st.tuples(st.sampled_from(("stray", "made", "gone", "acquire")), st.integers(0, 5)))
)
def test_what_begins_ends_before_it_begins_again(steps: list[tuple[str, int]]) -> None:
    """Whatever comes in which order: of one thing, BEGINS and OVER alternate."""
    played = Played()
    now = 0.0
    for what, number in steps:
        sa = SA._replace(spi=number + 1)
        signs: dict[str, Sign] = {
            "stray": STRAY._replace(spi=number + 1),
            "made": SaMade(sa),
            "gone": SaGone(sa),
            "acquire": acquired(),
        }
        played.see(now, signs[what])
        played.ticks(now + number * 20, now)
        now += number * 20
    open_: set[Kind] = set()
    for _, told in played.told:
        if told.state is State.BEGINS:
            assert told.kind not in open_
            open_.add(told.kind)
        elif told.state is State.OVER:
            assert told.kind in open_
            open_.discard(told.kind)
