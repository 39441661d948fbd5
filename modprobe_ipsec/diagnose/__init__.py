# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers a request of the kernel, or what is in the way."""
