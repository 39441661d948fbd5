# SPDX-License-Identifier: GPL-3.0-or-later
"""The two libraries behind their types, on this machine's own interfaces.

What cards with ESP offload say is seen in a guest: tests/vm, netdevsim and bonds.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.devices import survey
from modprobe_ipsec.devices.errors import DeviceError
from modprobe_ipsec.devices.ethtool import Ethtool
from modprobe_ipsec.devices.udev import Interface, interfaces
from modprobe_ipsec.host.machine.cards import Flag

SYS = Path("/sys/class/net")


def in_a_process(code: str) -> str:
    """What some code prints that starts with nothing imported; a warning is an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_interfaces_are_those_of_sysfs() -> None:
    expected = set()
    # bonding_masters, a file, is none
    for place in (path for path in SYS.iterdir() if path.is_symlink()):
        driver, device = place / "device/driver", place / "device"
        bus = f"{(device / 'subsystem').resolve().name} {device.resolve().name}"
        expected.add(
            Interface(
                place.name,
                driver.resolve().name if driver.exists() else "",
                bus if device.exists() else "",
            )
        )
    assert set(interfaces()) == expected
    assert Interface("lo", "", "") in expected


def test_loopback_has_no_offload() -> None:
    with Ethtool() as ethtool:
        found = ethtool.features("lo", (*survey.FEATURES, "no-such-feature"))
        # switchable, and on unless somebody cared
        assert ethtool.features("lo", ["tx-tcp-segmentation"])["tx-tcp-segmentation"] is not None
    assert found["esp-hw-offload"] is Flag.FIXED_OFF
    assert found.keys() == set(survey.FEATURES)


@pytest.mark.parametrize(
    "name", ["no-such-card", "a-name-of-more-than-16-characters", "x\udcff", ""]
)
def test_an_interface_that_is_not_there(name: str) -> None:
    with Ethtool() as ethtool, pytest.raises(DeviceError, match="no such device"):
        ethtool.features(name, survey.FEATURES)


def test_the_survey_has_every_card_and_nothing_made_in_software() -> None:
    found = survey.survey()
    assert found.incomplete == ""
    assert {card.name for card in found.cards} == {i.name for i in interfaces() if i.bus}
    for card in found.cards:
        assert not card.unreadable
        assert card.features.keys() == set(survey.FEATURES)


@pytest.mark.parametrize("library", ["pyudev", "pyroute2"])
def test_a_library_is_missing(library: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from modprobe_ipsec.devices.survey import survey\n"
        "found = survey(); assert not found.cards; print(found.incomplete)"
    )
    assert in_a_process(code).startswith(f"{library} cannot be used: ")


def test_libudev_is_missing() -> None:
    code = (
        "from modprobe_ipsec.devices import udev\n"
        "udev._LIBUDEV = 'libudev.so.99'\n"
        "from modprobe_ipsec.devices.survey import survey\n"
        "found = survey(); assert not found.cards; print(found.incomplete)"
    )
    assert "libudev.so.99: cannot open shared object file" in in_a_process(code)


def test_no_program_is_started_and_nothing_is_left_open() -> None:
    code = (
        "import os, sys, threading\n"
        "events = []\n"
        "sys.addaudithook(lambda event, _: events.append(event))\n"
        "from modprobe_ipsec.devices.survey import survey\n"
        "before = set(os.listdir('/proc/self/fd'))\n"
        "survey()\n"
        "started = {'subprocess.Popen', 'os.system', 'os.exec', 'os.fork', 'os.posix_spawn'}\n"
        "print(started & set(events), threading.active_count(),\n"
        "      sorted(set(os.listdir('/proc/self/fd')) - before))"
    )
    assert in_a_process(code) == "set() 1 []"


def test_thousands_of_interfaces() -> None:
    found = [Interface(f"eth{n}", "driver", f"pci {n}") for n in range(survey.MOST + 7)]
    asked = []

    def features(name: str) -> dict[str, Flag]:
        asked.append(name)
        return {}

    cards = survey._cards(found, features)
    assert len(cards.cards) == len(asked) == survey.MOST
    assert cards.incomplete == "7 more network cards were not asked"
