# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before a manifest is written: only words of the allow-list, and no odd file."""

import pytest

from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.commands import host_plan
from modprobe_ipsec.manifest.check import mistakes
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions, Sysctl, Where
from tests.manifest.common import FEATURES, NEEDS, plan

GOOD = plan("modprobe-empty", (*NEEDS, *FEATURES))
FILE = ManifestFile("etc/x.conf", "esp4\n")


def changed(what: str) -> HostPlan:
    """The plan with one stranger in it."""
    module, container = GOOD.modules[0], GOOD.container
    match what:
        case "name":
            return GOOD._replace(modules=(module._replace(name="x --ignore-install"),))
        case "after":
            return GOOD._replace(modules=(module._replace(after=("x\ninstall",)),))
        case "request":
            return GOOD._replace(modules=(module._replace(request="x; reboot"),))
        case "sysctl":
            bad = Sysctl("kernel.core_pattern", "1", Where.HOST, False, False, "")
            return GOOD._replace(sysctls=(bad,))
        case "value":
            bad = GOOD.sysctls[0]._replace(value="|/tmp/x")
            return GOOD._replace(sysctls=(bad,))
        case "capability":
            return GOOD._replace(container=container._replace(capabilities=("SYS_MODULE",)))
        case "device":
            return GOOD._replace(container=container._replace(devices=("/dev/sda",)))
        case _:
            return GOOD._replace(container=container._replace(ports=("22/tcp",)))


STRANGERS = ["name", "after", "request", "sysctl", "value", "capability", "device", "port"]


@pytest.mark.parametrize("what", STRANGERS)
def test_a_stranger_in_the_plan(what: str) -> None:
    assert list(mistakes([FILE], GOOD)) == []
    assert len(list(mistakes([FILE], changed(what)))) == 1
    with pytest.raises(Error, match="nothing that a host plan may name"):
        host_plan.write(changed(what), "json", ManifestOptions())


@pytest.mark.parametrize(
    "file",
    [
        ManifestFile("/etc/x.conf", "\n"),
        ManifestFile("etc/../../x", "\n"),
        ManifestFile("etc//x", "\n"),
        ManifestFile("x", "no end"),
        ManifestFile("x", "\x1b[31m\n"),
        ManifestFile("x", "a\rb\n"),
    ],
)
def test_an_odd_file(file: ManifestFile) -> None:
    assert len(list(mistakes([file], GOOD))) == 1
