# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away network namespace."""

import ctypes
import errno
import fcntl
import os
import socket
import struct

# include/uapi/linux/sched.h
NEWNET, NEWUSER = 0x40000000, 0x10000000
# include/uapi/linux/sockios.h, if.h
_SIOCGIFFLAGS, _IFF_UP = 0x8913, 1


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

    If anything but the loopback is up there, it is not what the caller says, and another one is
    made all the same. Raises OSError.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as any_socket:
        for _, name in socket.if_nameindex():
            answer = fcntl.ioctl(
                any_socket, _SIOCGIFFLAGS, struct.pack("16sh14x", name.encode(), 0)
            )
            if name != "lo" and struct.unpack_from("h", answer, 16)[0] & _IFF_UP:
                enter()
                return


def is_filtered() -> bool:
    """Whether a filter of system calls forbids unshare(2), as container runtimes do with seccomp.

    The kernel itself never refuses to unshare nothing.
    """
    return bool(ctypes.CDLL(None).unshare(0))
