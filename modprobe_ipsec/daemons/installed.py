# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IKE daemons are installed, and in which release. Nothing is run to find out."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.base.version import numbers
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.daemons.common.descriptor import Configuration, Daemon, Release
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.machine.packages import version
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.reading import Asker

_LOCAL = "/usr/local/"
# Where units lie, what the admin wrote first.
_UNITS = tuple(
    f"{directory}/systemd/system" for directory in ("etc", "run", "usr/local/lib", "usr/lib", "lib")
)


class Installed(Value):
    """The daemons of one host."""

    # Their programs, by path.
    programs: frozenset[str]
    # By name of the daemon; one that nothing tells is not in it.
    releases: Mapping[str, Release] = {}  # noqa: RUF012 (never changed)
    # What tells the release, by name of the daemon: a package manager or a file.
    told_by: Mapping[str, str] = {}  # noqa: RUF012 (never changed)
    # Whose builds they are, as far as daemons differ by that: debian, ubuntu, fedora, rhel9; empty
    # if nothing tells.
    vendor: str = ""

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """Those of which any program is there."""
        return tuple(d for d in DAEMONS.values() if not self.programs.isdisjoint(d.programs))

    def reads(self, kind: Configuration) -> bool:
        """Whether a program is there that reads such a file."""
        return not self.programs.isdisjoint(kind.programs)

    def asker(self, daemon: Daemon, release: Release | None) -> Asker:
        """A daemon in the release that the user names, else in the one that is installed."""
        if release:
            return Asker(daemon.name, release, "--daemon")
        found = self.releases.get(daemon.name)
        return Asker(daemon.name, found, self.told_by.get(daemon.name, "") if found else "")


def read(host: Host) -> Installed:
    """Look for all daemons' programs, and for their releases in the package databases."""
    places = dict.fromkeys(path for daemon in DAEMONS.values() for path in daemon.programs)
    there = {path: path for path in places if host.exists(path[1:])}
    for daemon in DAEMONS.values():
        if there.keys().isdisjoint(daemon.programs):
            there |= _started_by_units(host, daemon)
    installed = Installed(frozenset(there))
    found = {d.name: _release(host, d, there) for d in installed.daemons}
    releases = {name: number for name, (number, _) in found.items() if number}
    # what somebody built in /usr/local is as upstream has it
    local = any(path.startswith(_LOCAL) for path in there.values())
    return installed._replace(
        releases=releases,
        told_by={name: teller for name, (_, teller) in found.items()},
        vendor="" if local else _vendor(host),
    )


def others(host: Host, catalog: Catalog) -> dict[str, str]:
    """Other programs that have to do with IPsec, by name: where each lies."""
    found = {}
    for name, program in catalog.others.items():
        path = next((path for path in program.programs if host.exists(path[1:])), "")
        if path and (not program.files or any(_may_match(host, file) for file in program.files)):
            found[name] = path
    return found


def _may_match(host: Host, pattern: str) -> bool:
    """Whether a file may be there, with a `*` in the last word at most."""
    directory, _, word = pattern[1:].rpartition("/")
    if "*" not in word:
        return host.exists(pattern[1:]) is not False
    begin, _, end = word.partition("*")
    names = host.list_dir(directory)
    if isinstance(names, Unreadable):
        return not names.missing
    return any(name.startswith(begin) and name.endswith(end) for name in names)


def _started_by_units(host: Host, daemon: Daemon) -> dict[str, str]:
    """Programs of a daemon that lies nowhere usual (NixOS' store, /opt), from its units.

    A place where such a program usually lies -> where it is.
    """
    for unit in (*daemon.units, *daemon.unit_aliases):
        text = next(
            (text for of in _UNITS if (text := host.text(f"{of}/{unit}", None, 1 << 16))), ""
        )
        for line in text.split("\n"):
            key, _, command = line.partition("=")
            path = command.strip().lstrip("@-:+!").partition(" ")[0]
            name = path.rpartition("/")[2]
            usual = next((place for place in daemon.programs if place.endswith(f"/{name}")), "")
            if key.strip() == "ExecStart" and name and usual and host.exists(path.lstrip("/")):
                return {usual: path}
    return {}


def _release(host: Host, daemon: Daemon, there: Mapping[str, str]) -> tuple[Release | None, str]:
    """What the package manager has written down, else what one of the daemon's files says; and who.

    What is in /usr/local, or nowhere usual, is not the package manager's.
    """
    programs = there.keys() & daemon.programs
    elsewhere = any(there[path] != path for path in programs)
    packaged = not elsewhere and any(not path.startswith(_LOCAL) for path in programs)
    if packaged:
        text, manager = version(host, daemon.packages)
        if number := release(text):
            return number, manager
    for path, pattern in daemon.says_release:
        if elsewhere:
            path = there.get(path, "")
        elif packaged is path.startswith(_LOCAL):
            continue
        if path and (number := _said(host, path, pattern)):
            return number, path
    return None, ""


def _said(host: Host, path: str, pattern: str) -> Release | None:
    """What a file says; None if it says nothing, or several things."""
    text = host.text(path[1:])
    if text is None:
        return None
    import re

    found = {match[1] for match in re.finditer(pattern, text)}
    return release(found.pop()) if len(found) == 1 else None


def _vendor(host: Host) -> str:
    from modprobe_ipsec.host.machine import os_release

    fields = os_release.read(host)
    names = os_release.names(fields)
    for name in names:
        if name in ("debian", "ubuntu", "fedora") and "rhel" not in names:
            return name
        if name in ("rhel", "centos"):
            return f"rhel{fields.get('VERSION_ID', '').partition('.')[0]}"
    # Ubuntu's and other offspring's packages are Debian's, as far as is known here
    return "debian" if host.exists("var/lib/dpkg/status") else ""


def release(text: str) -> Release | None:
    """`1:4.10-2+deb12u1` -> (4, 10), `5.9.8-r0` -> (5, 9, 8); None if it is no release."""
    version = text.rpartition(":")[2]
    end = next((at for at, char in enumerate(version) if char in "-+~, "), len(version))
    found, parts = numbers(version[:end]), version[:end].count(".") + 1
    return found[:3] if len(found) == parts > 1 else None
