# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of the lab on the kernel that runs here: without IPsec, which it may lack."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.kernel import child

NOBODY = 65534


def own() -> list[object]:
    """What a lab could change of this process."""
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    return [files, Path("/proc/self/ns/net").readlink(), socket.if_nameindex()]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = own()
    yield
    assert own() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def exchange(send: child.Send) -> None:
    """A packet each way in each family, and one that is put onto the wire."""
    from modprobe_ipsec.lab.network import Network, received
    from modprobe_ipsec.lab.packets import udp
    from modprobe_ipsec.lab.wire import Wire

    network = Network()
    assert network.families == tuple(Family)
    for family in network.families:
        for host in (network.a, network.b):
            other = network.other(host)
            for here, far in (
                (host.outside(family), other.outside(family)),
                (host.inside(family), other.inside(family)),
            ):
                wire = Wire(network, host)
                with network.udp(host, here, 7) as ours, network.udp(other, far, 9) as theirs:
                    ours.sendto(b"sent", (far, 9))
                    send(["sent", (received(theirs, 5) or b"").decode()])
                    (packet,) = wire.sent()
                    # a checksum that a card would finish is not finished here
                    sent = udp(here, far, 7, 9, b"sent")
                    assert packet[:3] == sent[:3] and packet.payload[:6] == sent.payload[:6]
                    wire.put(udp(here, far, 7, 9, b"put"))
                    send(["put", (received(theirs, 5) or b"").decode()])
                    assert wire.sent() == [] and received(theirs, 0) is None


def test_it_carries_packets() -> None:
    heard: list[child.Message] = []
    assert child.run(exchange, heard.append, 30).why == ""
    assert heard == [["sent", "sent"], ["put", "put"]] * 8


def test_nobody_has_one_too() -> None:
    def as_nobody(send: child.Send) -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        exchange(send)

    heard: list[child.Message] = []
    assert child.run(as_nobody, heard.append, 30).why == ""
    assert len(heard) == 16


def test_its_values_are_its_own() -> None:
    path = "net/ipv4/ip_forward"
    here = Path("/proc/sys", path).read_text()

    def work(send: child.Send) -> None:
        from modprobe_ipsec.lab.network import Network

        network = Network()
        network.set(network.b, path, "1")
        with network.at(network.b):
            send([Path("/proc/sys", path).read_text()])
        network.set(network.b, path, "0")
        send([Path("/proc/sys", path).read_text()])

    heard: list[child.Message] = []
    assert child.run(work, heard.append, 30).why == ""
    assert heard[0] == ["1\n"]
    assert Path("/proc/sys", path).read_text() == here


def test_fifty_kills_leave_nothing() -> None:
    def work(send: child.Send) -> None:
        from modprobe_ipsec.lab.network import Network

        send([os.getpid()])
        while True:
            Network()

    for number in range(50):

        def kill(message: child.Message, number: int = number) -> None:
            (pid,) = message
            time.sleep(number / 1000)
            os.kill(pid, signal.SIGKILL)

        assert child.run(work, kill, 30).why == "died of signal 9"
