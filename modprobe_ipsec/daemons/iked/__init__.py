# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenIKED: its iked.conf, and what becomes of it on Linux, where it speaks PF_KEY alone.

`lexer` and `parser` read a file as iked does, `proposals` says what its transforms come to, `needs`
makes the reading of it.
"""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.catalog.model import KernelInterface, Protocol
from modprobe_ipsec.daemons.common.descriptor import Configuration, Context, Daemon, programs
from modprobe_ipsec.daemons.common.form import Setting
from modprobe_ipsec.needs.need import Suite
from modprobe_ipsec.needs.reading import Files, Reading

_PROGRAMS = programs(
    ("/usr/sbin", "/usr/local/sbin", "/usr/bin", "/run/current-system/sw/bin"), "iked"
)
# Words that begin a line and that no other file has there.
_BEGIN = frozenset(("ikev2", "set", "user"))


def _suites(text: str, protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    from modprobe_ipsec.daemons.iked import proposals

    return proposals.parse(text, protocol, context)


def _default_suites(protocol: Protocol, context: Context) -> tuple[Suite, ...]:
    from modprobe_ipsec.daemons.iked import proposals

    return proposals.default(protocol, context)


def _fits(path: str, text: str) -> bool:
    lines = (line.split(None, 1) for line in text.split("\n"))
    return path.endswith("iked.conf") or any(words[:1] == ["ikev2"] for words in lines)


def _knows(context: Context) -> Callable[[Setting], bool]:
    return lambda setting: setting.header and setting.key in _BEGIN


def _read(path: str, files: Files, context: Context) -> Reading:
    from modprobe_ipsec.daemons.iked import needs

    return needs.read(path, files, context)


DAEMON = Daemon(
    name="iked",
    title="OpenIKED",
    program="iked",
    configurations=(
        Configuration(
            title="iked.conf",
            paths=("/etc/iked.conf", "/usr/local/etc/iked.conf"),
            programs=_PROGRAMS,
            fits=_fits,
            read=_read,
            knows=_knows,
        ),
    ),
    packages=dict.fromkeys(("dpkg", "rpm", "apk", "opkg", "pacman"), ("openiked",)),
    units=("openiked.service",),
    suites=_suites,
    default_suites=_default_suites,
    # source: iked/pfkey.c pfkey_socket(); without it iked ends
    start={"af_key": "its PF_KEY socket"},
    interface=KernelInterface.PF_KEY,
    # its processes give up their rights with these, and end without
    # source: iked/proc.c proc_run(): chroot, setresgid, setresuid
    capabilities=("SETGID", "SETUID", "SYS_CHROOT"),
)
