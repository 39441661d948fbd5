# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong between us and the two libraries, as one type."""


class DeviceError(Exception):
    """A library, the kernel or a device gives no answer; the text says why.

    Neither library's own errors are OSErrors, and none of them leaves its facade.
    """
