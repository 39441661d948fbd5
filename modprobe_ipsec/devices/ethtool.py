# SPDX-License-Identifier: GPL-3.0-or-later
"""pyroute2's ethtool, behind types: which features an interface has, and whether they are on."""

import socket

from modprobe_ipsec.base.annotations import Any, Collection, Self, TracebackType
from modprobe_ipsec.devices.errors import DeviceError
from modprobe_ipsec.host.machine.cards import Flag


class Ethtool:
    """Asks as `ethtool --show-features` does, which needs no privileges. A context manager.

    Raises DeviceError where pyroute2 is missing or there is no socket to ask through.
    """

    __slots__ = ("_errors", "_ioctl", "_known")

    def __init__(self) -> None:
        try:
            # not pyroute2.Ethtool: for the same answer it also opens a generic netlink socket
            from pyroute2.ethtool.ioctl import EthtoolError, IoctlEthtool
        except ImportError as error:
            raise DeviceError(f"pyroute2 cannot be used: {error}") from None
        # the first one is no OSError; the last one is a name that is no text
        self._errors = (EthtoolError, OSError, ValueError)
        try:
            self._ioctl: Any = IoctlEthtool()
            self._known = {name for _, name in socket.if_nameindex()}
        except OSError as error:
            raise DeviceError(f"no socket: {_text(error)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ioctl.close()

    def features(self, interface: str, names: Collection[str]) -> dict[str, Flag]:
        """How those features stand that this kernel has a name for.

        Raises DeviceError if the interface cannot be asked (sysfs may show another namespace's).
        """
        if interface not in self._known:
            # asked for one that is not there, the kernel would load a module of that name for root
            # (net/core/dev_ioctl.c dev_load)
            raise DeviceError("no such device in this network namespace")
        try:
            self._ioctl.change_ifname(interface)
            found = self._ioctl.get_features()
            return {name: _flag(found, name) for name in names if name in found}
        except self._errors as error:
            raise DeviceError(_text(error)) from None


def _flag(found: Any, name: str) -> Flag:
    # the active state is the one that the IKE daemons look at, too
    if found.is_active(name):
        return Flag.ON
    return Flag.OFF if found.is_available(name) else Flag.FIXED_OFF


def _text(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else ""
    return (strerror or str(error) or type(error).__name__).lower()
