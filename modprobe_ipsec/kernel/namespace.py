# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away network namespace."""

# `socket` without its enumerations, which take longer to make than an answer takes
import _socket as socket
import ctypes
import errno
import fcntl
import os
import struct

# include/uapi/linux/sched.h
NEWNET, NEWUSER = 0x40000000, 0x10000000
# include/uapi/linux/sockios.h, if.h
_SIOCGIFFLAGS, _IFF_UP = 0x8913, 1
# Only the namespace that the machine started with has it, whoever looks.
# source: net/core/sysctl_net_core.c (net_core_table, registered for init_net alone)
_OF_THE_MACHINE = "/proc/sys/net/core/netdev_budget"


def enter() -> None:
    """Move the calling thread into a network namespace that dies with it.

    Without CAP_SYS_ADMIN it needs a user namespace, which only a process with one thread may make.
    No ids are mapped there: the capabilities alone count. Raises OSError.
    """
    # os.unshare came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEWNET) == 0:
        return
    number = ctypes.get_errno()
    if number == errno.EPERM and libc.unshare(NEWUSER | NEWNET) == 0:
        return
    raise OSError(number, os.strerror(number))


def stay() -> None:
    """Remain in the namespace that our caller has made, as systemd does with PrivateNetwork=.

    If it is the machine's own, or anything but the loopback is up there, it is not what the caller
    says, and another one is made all the same. Raises OSError.
    """
    if os.access(_OF_THE_MACHINE, os.F_OK) or _is_connected():
        enter()


def _is_connected() -> bool:
    any_socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        others = [name.encode() for _, name in socket.if_nameindex() if name != "lo"]
        asked = [struct.pack("16sh14x", name, 0) for name in others]
        answers = [fcntl.ioctl(any_socket.fileno(), _SIOCGIFFLAGS, each) for each in asked]
    finally:
        any_socket.close()
    return any(struct.unpack_from("h", answer, 16)[0] & _IFF_UP for answer in answers)


def is_filtered() -> bool:
    """Whether a filter of system calls forbids unshare(2), as container runtimes do with seccomp.

    The kernel itself never refuses to unshare nothing.
    """
    return bool(ctypes.CDLL(None).unshare(0))
