# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel takes XFRM messages from a process of this word size, by sending it one."""

import errno
import struct

from modprobe_ipsec.kernel.xfrm import Xfrm

# How many SAs there are: answered by every kernel, whatever is loaded, and nothing is changed.
GETSADINFO = 0x23


def takes_messages() -> bool | None:
    """Ask; None where the answer is about something else (no socket, no permission)."""
    try:
        with Xfrm() as xfrm:
            xfrm.ask(GETSADINFO, struct.pack("I", 0xFFFFFFFF), 0)
    except OSError as error:
        return False if error.errno == errno.EOPNOTSUPP else None
    return True
