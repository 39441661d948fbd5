# SPDX-License-Identifier: GPL-3.0-or-later
"""The pre-start unit fails in the open, and never takes the daemon with it."""

import json
from pathlib import Path

import pytest

from tests.vm.harness import tunnels
from tests.vm.harness.booted import UNIT, UNITS, boot
from tests.vm.harness.kernels import Kernel

# systemd does not care how its kernel runs; 6.1 is Debian 12's own, and on others that the command
# line may name runs Debian 13
pytestmark = pytest.mark.kernels("uml-7")
SCRIPT = Path(__file__).parents[1] / "guests" / "unit.py"
LIMIT_SECONDS = 30
"""The unit's TimeoutStartSec."""
MITIGATION = b"# against Dirty Frag\ninstall esp4 /bin/false\n"
ONE_TUNNEL = b"""\
connections {
  one {
    remote_addrs = 192.0.2.2
    children { net { esp_proposals = aes256gcm16 } }
  }
}
"""
STRONGSWAN = {"/etc/swanctl/conf.d/tunnels.conf": tunnels.swanctl_conf(0).encode()}
LIBRESWAN = {
    "/etc/ipsec.conf": tunnels.ipsec_conf().encode(),
    "/etc/ipsec.secrets": f': PSK "{tunnels.SECRET}"\n'.encode(),
}


@pytest.mark.parametrize(
    ("system", "daemon", "files"),
    [
        ("bookworm-libreswan", "ipsec.service", LIBRESWAN),
        ("trixie-strongswan", "strongswan.service", STRONGSWAN),
    ],
    ids=["libreswan", "strongswan"],
)
def test_a_mitigation_fails_the_unit_not_the_daemon(
    kernel: Kernel, system: str, daemon: str, files: dict[str, bytes]
) -> None:
    ask = (
        f"while [ $(systemctl is-active {daemon}) = activating ]; do sleep 0.5; done;"
        f" systemctl is-active modprobe-ipsec {daemon}; journalctl -o cat -u modprobe-ipsec"
    )
    result = boot(
        kernel,
        system,
        ["sh", "-c", ask],
        files={**files, "/etc/modprobe.d/dirtyfrag.conf": MITIGATION},
        links={
            f"{UNITS}/multi-user.target.wants/{daemon}": f"/lib/systemd/system/{daemon}",
            f"{UNITS}/{daemon}.wants/modprobe-ipsec.service": UNIT,
        },
    )
    unit, of_daemon, journal = result.stdout.split("\n", 2)
    # pluto says "reloading" while it reads its configuration
    assert unit == "failed" and of_daemon in ("active", "reloading"), (of_daemon, journal)
    assert "/etc/modprobe.d/dirtyfrag.conf:2" in journal
    assert "CVE-2026-43284" in journal


@pytest.mark.long
def test_the_daemon_starts_whatever_happens_to_the_unit(kernel: Kernel) -> None:
    enabled = f"{UNITS}/strongswan.service.wants/modprobe-ipsec.service"
    result = boot(
        kernel,
        "bookworm-strongswan" if kernel.name in ("6.1", "uml-7") else "trixie-strongswan",
        ["python3", "/run-test.py"],
        files={
            "/etc/swanctl/conf.d/tunnels.conf": ONE_TUNNEL,
            "/run-test.py": SCRIPT.read_bytes(),
        },
        links={enabled: UNIT},
        timeout=900,
    )
    assert result.status == 0, result.stderr + result.stdout
    cases = {said["case"]: said for said in map(json.loads, result.stdout.splitlines())}
    assert len(cases) == 29
    undisturbed = cases["undisturbed again"]
    for case, said in cases.items():
        assert said["left"] == [], case
        assert said["daemon"] == "active", case
        assert said["seconds"] < undisturbed["seconds"] + 2 * LIMIT_SECONDS, said
    assert undisturbed["unit"] == cases["five at once"]["unit"] == "active"
    assert cases["reloaded"]["unit"] == "active"
    reports = cases["reloaded"]["reports"]
    # a namespace that systemd makes loses nothing; without the word for it there is none at all
    assert reports["of root"] == reports["private"] and reports["of root"]
    assert {need["proof"]["answer"] for need in reports["private"]} == {"accepted"}
    assert "accepted" not in {need["proof"]["answer"] for need in reports["not asked for"]}
    killed = [said["result"] for case, said in cases.items() if case.startswith("killed")]
    assert len(killed) == 20
    assert killed.count("signal") >= 10, killed  # most moments lie within the unit's life
    # what only the daemon can read is told, and may be allowed
    assert cases["unreadable"]["unit"] == cases["main unreadable"]["unit"] == "failed"
    assert cases["readable after all"]["unit"] == "active"
    # the modules are there by now, and the kernel itself says so
    assert cases["no proc"]["unit"] == "active"
