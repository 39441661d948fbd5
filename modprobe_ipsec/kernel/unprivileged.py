# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives up what a process that only reads has no use for, for good."""

import ctypes
import os
import resource
from contextlib import suppress

from modprobe_ipsec.base.annotations import Any

# include/uapi/linux/capability.h
_CAP_DAC_READ_SEARCH = 2
_VERSION_3 = 0x20080522
# include/uapi/linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
# The same on all architectures but Alpha and MIPS, which have no such call at these numbers.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
# include/uapi/linux/landlock.h: all of the first interface but READ_FILE and READ_DIR; the third
# knows TRUNCATE
_WRITES, _TRUNCATE = 0x1FF3, 1 << 14

# Bytes of address space.
MEMORY = 1 << 30


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def only_read() -> None:
    """From now on this process changes nothing: no capability but that to read, a bounded memory.

    CAP_DAC_READ_SEARCH is kept if it is there: a daemon's configuration need not be root's own.
    Where the kernel has Landlock, root's own files cannot be written to either, nor programs be
    started. Raises OSError if the capabilities cannot be given up.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _bound_memory()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _forbid_writing(libc)
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    if libc.capget(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    kept = data[0].permitted & 1 << _CAP_DAC_READ_SEARCH
    if libc.capset(ctypes.byref(header), (_Data * 2)(_Data(kept, kept, 0))):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _bound_memory() -> None:
    """Where a sandbox forbids to, as our unit does, it has bounds of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    # Python has the first one for EPERM
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _forbid_writing(libc: Any) -> None:
    """As far as the kernel can (Linux 5.13, `lsm=` with landlock)."""
    create = (_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0))
    version = libc.syscall(*create, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return
    handled = ctypes.c_uint64(_WRITES | (_TRUNCATE if version >= 3 else 0))
    size = ctypes.c_size_t(ctypes.sizeof(handled))
    rules = libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(handled), size, 0)
    if rules >= 0:
        libc.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0)
        os.close(rules)
