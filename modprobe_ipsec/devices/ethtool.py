# SPDX-License-Identifier: GPL-3.0-or-later
"""pyroute2's ethtool, behind types: which features an interface has, and whether they are on."""

from modprobe_ipsec.base.annotations import Any, Collection, Self, TracebackType
from modprobe_ipsec.devices.errors import DeviceError
from modprobe_ipsec.host.machine.cards import Flag


class Ethtool:
    """Asks as `ethtool --show-features` does, which needs no privileges. A context manager.

    Raises DeviceError where pyroute2 is missing or there is no socket to ask through.
    """

    __slots__ = ("_errors", "_ethtool")

    def __init__(self) -> None:
        try:
            import pyroute2
            from pyroute2.ethtool.ioctl import EthtoolError
        except ImportError as error:
            raise DeviceError(f"pyroute2 cannot be used: {error}") from None
        # the first two are no OSErrors; the others are what it makes of a name that it cannot pass
        self._errors = (EthtoolError, pyroute2.NetlinkError, OSError, ValueError, LookupError)
        try:
            self._ethtool: Any = pyroute2.Ethtool()
        except self._errors as error:
            raise DeviceError(f"pyroute2: {_text(error)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ethtool.close()

    def features(self, interface: str, names: Collection[str]) -> dict[str, Flag]:
        """How those features stand that this kernel has a name for.

        Raises DeviceError if the interface cannot be asked (it may be gone again).
        """
        try:
            found = self._ethtool.get_features(interface).features
        except self._errors as error:
            raise DeviceError(_text(error)) from None
        return {name: _flag(found[name]) for name in names if name in found}


def _flag(feature: Any) -> Flag:
    # `enable` is the active state, the one that the IKE daemons look at, too
    if feature.enable:
        return Flag.ON
    return Flag.OFF if feature.available else Flag.FIXED_OFF


def _text(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else ""
    return (strerror or str(error) or type(error).__name__).lower()
