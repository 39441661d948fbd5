# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IKE daemons are installed, and in which release. Nothing is run to find out."""

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.host.root import Host

# Programs that tell a daemon: source layouts, Debian, Fedora, Alpine, OpenWrt.
_LIBRESWAN = (
    *("usr/libexec/ipsec/pluto", "usr/lib/ipsec/pluto"),
    *("usr/local/libexec/ipsec/pluto", "usr/local/lib/ipsec/pluto"),
)
_STARTER = ("usr/lib/ipsec/starter", "usr/libexec/ipsec/starter", "usr/libexec/strongswan/starter")
_CHARON = (
    *("usr/sbin/charon-systemd", "usr/sbin/swanctl", "usr/bin/swanctl"),
    *("usr/lib/ipsec/charon", "usr/libexec/ipsec/charon", "usr/libexec/strongswan/charon"),
)

# Where package managers write down what they installed: the start of a package's entry, the line
# of its version.
_DATABASES = (
    ("var/lib/dpkg/status", "\nPackage: {}\n", "\nVersion: "),
    ("lib/apk/db/installed", "\nP:{}\n", "\nV:"),
    ("usr/lib/opkg/status", "\nPackage: {}\n", "\nVersion: "),
)
_DATABASE_LIMIT = 32 << 20


class Installed(Value):
    """The daemons of one host."""

    libreswan: bool
    # libreswan's release, (4, 15); None if nothing tells.
    libreswan_release: tuple[int, int] | None
    # strongSwan with swanctl, and strongSwan with the older ipsec.conf.
    strongswan: bool
    starter: bool


def read(host: Host) -> Installed:
    """Look for both daemons' programs, and for libreswan's release in the package database."""
    libreswan = any(host.exists(path) for path in _LIBRESWAN)
    return Installed(
        libreswan,
        _release(host, "libreswan") if libreswan else None,
        any(host.exists(path) for path in (*_CHARON, *_STARTER)),
        any(host.exists(path) for path in _STARTER),
    )


def _release(host: Host, package: str) -> tuple[int, int] | None:
    for path, start, version in _DATABASES:
        text = "\n" + (host.text(path, None, _DATABASE_LIMIT) or "")
        _, found, entry = text.partition(start.format(package))
        if found:
            _, _, rest = ("\n" + entry.partition("\n\n")[0]).partition(version)
            return release(rest.partition("\n")[0])
    return None


def release(text: str) -> tuple[int, int] | None:
    """`1:4.10-2+deb12u1` -> (4, 10); None if it is no release."""
    numbers = text.rpartition(":")[2].replace("-", ".").replace("+", ".").split(".")
    if len(numbers) < 2 or not all(n.isdecimal() and len(n) < 6 for n in numbers[:2]):
        return None
    return int(numbers[0]), int(numbers[1])
