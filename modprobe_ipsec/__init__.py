# SPDX-License-Identifier: GPL-3.0-or-later
"""Load exactly the kernel modules an IPsec host needs, and prove that they work."""

__version__ = "0.1.0"
