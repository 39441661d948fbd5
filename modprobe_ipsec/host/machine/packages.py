# SPDX-License-Identifier: GPL-3.0-or-later
"""What package managers have written down of what they installed. None of them is run."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

# By package manager: the file, the start of a package's entry, the line of its version.
_DATABASES = {
    "dpkg": ("var/lib/dpkg/status", "\nPackage: {}\n", "\nVersion: "),
    "apk": ("lib/apk/db/installed", "\nP:{}\n", "\nV:"),
    "opkg": ("usr/lib/opkg/status", "\nPackage: {}\n", "\nVersion: "),
}
_LIMIT = 32 << 20
# pacman has a directory for each package, NAME-VERSION-RELEASE.
_PACMAN = "var/lib/pacman/local"


def version(host: Host, packages: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """The version of the first package that is there, of those named for each package manager, and
    that manager.

    Both empty if there is none, or nothing that tells.
    """
    for manager, (path, start, line) in _DATABASES.items():
        text = ""
        for name in packages.get(manager, ()):
            text = text or "\n" + (host.text(path, None, _LIMIT) or "")
            _, found, entry = text.partition(start.format(name))
            entry = "\n" + entry.partition("\n\n")[0]
            # its configuration may outlive a package
            state = _field(entry, "\nStatus: ")
            if found and (not state or state.endswith(" installed")):
                return _field(entry, line), manager
    found = _of_pacman(host, packages.get("pacman", ()))
    return found, "pacman" if found else ""


def _field(entry: str, start: str) -> str:
    return entry.partition(start)[2].partition("\n")[0]


def _of_pacman(host: Host, names: tuple[str, ...]) -> str:
    entries = host.list_dir(_PACMAN) if names else []
    if isinstance(entries, Unreadable):
        return ""
    found = {parts[0]: parts[1] for entry in entries if len(parts := entry.rsplit("-", 2)) == 3}
    return next((found[name] for name in names if name in found), "")
