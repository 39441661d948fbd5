# SPDX-License-Identifier: GPL-3.0-or-later
"""pyudev, behind types: which network interfaces there are, and what drives them."""

from modprobe_ipsec.base.annotations import Any
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.devices.errors import DeviceError

# The SONAME since systemd 183.
_LIBUDEV = "libudev.so.1"


class Interface(Value):
    """A network interface, and the device that it belongs to."""

    # eth0
    name: str
    # mlx5_core, virtio_net; empty if nothing drives it
    driver: str
    # pci 0000:03:00.0; empty for what is made in software: lo, bonds, VLANs
    bus: str


def interfaces() -> tuple[Interface, ...]:
    """The interfaces of this network namespace, lo among them.

    Raises DeviceError where pyudev or libudev is missing, or they can tell nothing.
    """
    try:
        pyudev = _import()
        found = tuple(map(_interface, pyudev.Context().list_devices(subsystem="net")))
    except ImportError as error:
        raise DeviceError(f"pyudev cannot be used: {error}") from None
    except (OSError, ValueError) as error:
        raise DeviceError(f"pyudev: {error}") from None
    if not found:
        # without sysfs libudev lists nothing and does not complain
        raise DeviceError("/sys/class/net shows nothing, not even the loopback interface")
    return found


def _interface(device: Any) -> Interface:
    # a Device is a mapping, too, and may be an empty one: `is None` tells whether there is one
    parent = device.parent
    if parent is None:
        return Interface(device.sys_name, "", "")
    bus = f"{parent.subsystem} {parent.sys_name}" if parent.subsystem else parent.sys_name
    return Interface(device.sys_name, parent.driver or "", bus)


def _import() -> Any:
    """Import pyudev, and answer its question which library is libudev.

    The standard library would run ldconfig for it and, where libudev is missing, gcc and ld from
    PATH: nothing that root should do before it starts a daemon.
    """
    import pyudev
    from pyudev._ctypeslib import utils

    utils.find_library = {"udev": _LIBUDEV}.get
    return pyudev
