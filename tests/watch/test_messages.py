# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of XFRM are read as pyroute2 and our own lab write them; garbage gives nothing."""

import json
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.kernel.netlink import HEADER, attribute
from modprobe_ipsec.lab import states
from modprobe_ipsec.lab.states import Association, Selector
from modprobe_ipsec.watch import messages, readiness
from modprobe_ipsec.watch.signs import Acquired, Flushed, SaExpired, SaGone, SaMade, SaName, packed

ENDS = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")]


def whole(kind: int, body: bytes, port: int = 77) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, 0, 1, port) + body


def association(ends: tuple[str, str]) -> Association:
    return Association(*ends, 0xC1234567, (), protocol=50, reqid=3)


@pytest.mark.parametrize("ends", ENDS)
def test_sas(ends: tuple[str, str]) -> None:
    sa = association(ends)
    name = SaName(packed(ends[0]), packed(ends[1]), 50, 0xC1234567)
    body = sa.pack()
    (made,) = messages.signs(whole(states.NEWSA, body))
    assert made == SaMade(name)
    assert list(messages.signs(whole(states.UPDSA, body))) == [made]
    gone = states._identity(sa, ()) + attribute(6, body)
    assert list(messages.signs(whole(states.DELSA, gone))) == [SaGone(name)]
    for hard, told in ((1, [SaExpired(name)]), (0, [])):
        expire = whole(states.EXPIRE, body + bytes((hard,)) + bytes(7))
        assert list(messages.signs(expire)) == told
    # several in one datagram
    both = whole(states.NEWSA, body) + whole(states.DELSA, gone)
    assert list(messages.signs(both)) == [made, SaGone(name)]


def test_an_sa_that_is_listed_has_an_age_and_failures() -> None:
    body = bytearray(association(ENDS[0]).pack())
    struct.pack_into("Q", body, 56 + 24 + 16 + 64 + 16, 1000)
    struct.pack_into("3I", body, 56 + 24 + 16 + 64 + 32, 1, 2, 3)
    made = messages.listed(bytes(body), 1060)
    assert made and (made.age, made.failures, made.listed) == (60, (1, 2, 3), True)


def test_an_acquire() -> None:
    selector = Selector("10.1.1.1/32", "10.2.1.1/32", socket.IPPROTO_UDP, 0, 53)
    flow = association(ENDS[0])._replace(selector=selector).pack()[:56]
    to, of = packed("192.0.2.2"), packed("192.0.2.1")
    body = struct.pack("16s4sB3x16s", to, b"", 50, of) + flow + bytes(184)
    assert list(messages.signs(whole(states.ACQUIRE, body))) == [
        Acquired(of, to, 50, "udp 10.1.1.1 -> 10.2.1.1 port 53")
    ]


def test_flushes() -> None:
    assert list(messages.signs(whole(states.FLUSHSA, b"\x32\0\0\0"))) == [Flushed("SAs", 50, 77)]
    assert list(messages.signs(whole(states.FLUSHPOLICY, b""))) == [Flushed("policies", by=77)]


KINDS = st.sampled_from((16, 17, 23, 24, 26, 28, 29, 38, 99))


@given(KINDS, st.binary(max_size=400))
def test_garbage_gives_nothing_or_a_sign(kind: int, body: bytes) -> None:
    list(messages.signs(whole(kind, body)))
    list(messages.signs(body))
    messages.listed(body, 0)


@given(KINDS, st.integers(0, 300))
def test_what_is_cut_off_is_no_error(kind: int, length: int) -> None:
    list(messages.signs(whole(kind, association(ENDS[1]).pack()[:length])))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_a_message_that_no_look_has_said_is_refused(data: object) -> None:
    with pytest.raises(ValueError):
        readiness.from_message(json.loads(json.dumps(data)))
