# SPDX-License-Identifier: GPL-3.0-or-later
"""After the proof: no more modules. Refused while anything that is needed is unproven."""

import os

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import reason
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict

_SYSCTLS = "/proc/sys/kernel/"


class Seal(StrEnum):
    """How tight (source: Documentation/admin-guide/sysctl/kernel.rst)."""

    # Nobody loads anything until the next boot.
    MODULES = "modules"
    # The kernel loads nothing by itself; root still loads by name.
    AUTOLOAD = "autoload"


class _Sysctl(Value):
    name: str
    value: str
    means: str


_SYSCTL = {
    Seal.MODULES: _Sysctl("modules_disabled", "1", "nothing can be loaded until the next boot"),
    Seal.AUTOLOAD: _Sysctl("modprobe", "", "the kernel loads nothing by itself any more"),
}


class Sealed(Value):
    """What came of it."""

    done: bool
    text: str
    remedy: str = ""


def seal(kind: Seal, verdicts: Sequence[NeedVerdict], wanted: Demand, host: Host) -> Sealed:
    """Set the sysctl if every need is proven, and look whether it is set.

    What is sealed already stays so, whatever the needs. `host` is the running one.
    """
    sysctl = _SYSCTL[kind]
    path = _SYSCTLS + sysctl.name
    setting = f"kernel.{sysctl.name} " + (f"= {sysctl.value}" if sysctl.value else "is empty")
    now = host.read(path[1:])
    if isinstance(now, Unreadable):
        if now.missing and host.exists(f"{_SYSCTLS[1:]}osrelease"):
            return Sealed(True, "nothing to seal: this kernel loads no modules")
        return Sealed(False, f"not sealed: {path}: {now.why}")
    if _is(now, sysctl):
        return Sealed(True, f"sealed already: {setting}, {sysctl.means}")
    against = list(_against(verdicts, wanted))
    if against:
        more = f" and {len(against) - 1} more" if len(against) > 1 else ""
        remedy = "mend that, or say with --esp, --ah or --config what has to be proven"
        return Sealed(False, f"not sealed: {against[0]}{more}", remedy)
    try:
        # The newline alone empties a text: a write of nothing would change nothing.
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(fd, f"{sysctl.value}\n".encode())
        finally:
            os.close(fd)
    except OSError as error:
        return Sealed(
            False,
            f"not sealed: {path}: {reason(error)}",
            "only root of the host may write there; a systemd unit with ProtectKernelTunables= "
            f"needs ReadWritePaths={path}",
        )
    now = host.read(path[1:])
    if isinstance(now, Unreadable) or not _is(now, sysctl):
        return Sealed(False, f"not sealed: {setting} was written and does not stay")
    return Sealed(True, f"sealed: {setting}, {sysctl.means}")


def _is(text: bytes, sysctl: _Sysctl) -> bool:
    return text.strip() == sysctl.value.encode()


def _against(verdicts: Sequence[NeedVerdict], wanted: Demand) -> Iterator[str]:
    """Why it would be wrong now: a daemon may come to want what nobody has proven."""
    if not verdicts:
        yield "nothing is asked for, so nothing is proven"
    for judged in verdicts:
        # after a load these two are proven, but for features that no question would tell of: for
        # those what is there has to do
        if judged.verdict not in (Verdict.READY, Verdict.SLOW):
            yield f"{judged.need.label} is not proven"
    for problem in wanted.problems:
        yield f"{problem.place} is not understood, and may need more than is proven"
