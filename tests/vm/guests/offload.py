# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: the tool where a configuration asks for a card's offload. JSON answer.

The guest has no card of its own. First come bonds, which show the feature without any card, then
netdevsim's.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from modprobe_ipsec.devices.ethtool import Ethtool
from modprobe_ipsec.devices.udev import interfaces

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec", "--format", "json")
SWANCTL = """\
connections {
  gw {
    local_addrs = 192.0.2.1
    children { net { esp_proposals = aes128gcm16
                     hw_offload = %s } }
  }
}
"""
LIBRESWAN = """\
conn gw
    left=192.0.2.1
    right=192.0.2.2
    esp=aes_gcm128
    esn=no
    type=transport
    nic-offload=%s
    auto=add
"""
FILES = {"strongswan": ("/tmp/swanctl.conf", SWANCTL), "libreswan": ("/tmp/ipsec.conf", LIBRESWAN)}  # noqa: S108
GCM = ("aead", "rfc4106(gcm(aes))", f"0x{20 * '01'}", "128")
CBC = ("enc", "cbc(aes)", f"0x{16 * '01'}", "auth-trunc", "hmac(sha256)", f"0x{32 * '01'}", "128")
RULE = Path("/etc/modprobe.d/offload.conf")
# a mount namespace of its own, in which libudev finds no interface
BLIND = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/class && exec "$@"', "sh")


def do(*command: str | bytes) -> None:
    subprocess.run(command, check=True, capture_output=True)


def tool(
    *arguments: str,
    value: str = "crypto",
    daemon: str = "strongswan",
    through: tuple[str, ...] = (),
    user: int = 0,
) -> dict[str, Any]:
    """One run with a configuration: its status, and all that is said of the offload."""
    path, text = FILES[daemon.partition("=")[0]]
    Path(path).write_text(text % value)
    command = [*through, *TOOL, "--daemon", daemon, "--config", path, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, user=user, group=user, extra_groups=()
    )
    report = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    # an error is an object as well
    needs = report.get("needs", [])
    said = [need for need in needs if "offload" in (need["feature"] or "")]
    return {"status": done.returncode, "stderr": done.stderr, "said": said}


def add(spi: int, device: str, algorithms: tuple[str, ...]) -> int:
    """The exit status of an SA whose encryption a device is to do."""
    words = ("src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", str(spi))
    offload = ("mode", "transport", *algorithms, "offload", "dev", device, "dir", "out")
    command = ("ip", "xfrm", "state", "add", *words, *offload)
    return subprocess.run(command, capture_output=True, check=False).returncode


def features() -> dict[str, str]:
    with Ethtool() as ethtool:
        return {i.name: ethtool.features(i.name, ["esp-hw-offload"])["esp-hw-offload"]
                for i in interfaces()}  # fmt: skip


def modules() -> list[str]:
    return [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]


def bonds(answer: dict[str, Any]) -> None:
    """One that shows the feature, and one where it can be switched on; neither has a card."""
    do("insmod", "/tls.ko")
    # the driver shows the feature where this is the mode, which a later change takes back
    do("insmod", "/bonding.ko", "mode=active-backup")
    do("ip", "link", "set", "bond0", "up")
    do("ip", "link", "add", "robin", "type", "bond")
    do("ip", "link", "set", "robin", "type", "bond", "mode", "balance-rr")
    answer["features"] = features()
    answer["bonds"] = tool("--check")


def cards(answer: dict[str, Any]) -> None:
    do("modprobe", "psample")
    do("insmod", "/netdevsim.ko")
    Path("/sys/bus/netdevsim/new_device").write_text("1 1")
    (device,) = Path("/sys/bus/netdevsim/devices/netdevsim1/net").iterdir()
    do("ip", "link", "set", device.name, "name", "card0", "up")
    answer["check"] = tool("--check")
    RULE.write_text("install esp4_offload /bin/false\n")
    answer["blocked"] = tool("--check")
    RULE.unlink()
    answer["modules before"] = modules()
    answer["load"] = tool()
    answer["modules after"] = modules()
    answer["loaded"] = tool("--check")
    answer["nobody"] = tool("--check", user=65534)
    for release in ("4.10", "5.2"):
        answer[f"libreswan {release}"] = tool("--check", value="yes", daemon=f"libreswan={release}")
    for daemon in ("strongswan", "libreswan=5.2"):
        answer[f"packet {daemon}"] = tool("--check", value="packet", daemon=daemon)
    answer["no sysfs"] = tool("--check", through=BLIND)
    answer["another namespace"] = tool("--check", through=("unshare", "-n"))
    # what the kernel says to what the tool calls possible, to what it leaves open, and to a bond
    answer["AES-GCM"], answer["AES-CBC"] = add(1, "card0", GCM), add(2, "card0", CBC)
    answer["AES-GCM on a bond"] = add(3, "bond0", GCM)
    answer["AES-GCM on lo"] = add(4, "lo", GCM)
    answer["SAs"] = subprocess.run(
        ("ip", "xfrm", "state"), capture_output=True, text=True, check=True
    ).stdout


def names(answer: dict[str, Any]) -> None:
    """The kernel takes almost anything as the name of an interface."""
    do("ip", "link", "set", "card0", "down")
    # sysfs shows it in a namespace where it is not, and root may load modules by asking for one
    do("ip", "link", "set", "card0", "name", "sctp")
    answer["a module as name"] = tool("--check", through=("unshare", "-n"))
    answer["modules then"] = modules()
    for case, old, new in (
        ("a command as name", b"sctp", b"$(reboot)\x1b[2J"),
        ("a name that is no text", b"$(reboot)\x1b[2J", b"card\xff"),
    ):
        do("ip", "link", "set", old, "name", new)
        answer[case] = tool("--check")


def main() -> None:
    answer: dict[str, Any] = {"no card": tool("--check"), "auto": tool("--check", value="auto")}
    for release in ("4.10", "5.2"):
        said = tool("--check", value="yes", daemon=f"libreswan={release}")
        answer[f"no card, libreswan {release}"] = said
    bonds(answer)
    cards(answer)
    names(answer)
    print(json.dumps(answer))


main()
