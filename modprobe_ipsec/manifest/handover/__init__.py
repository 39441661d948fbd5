# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan itself, for another modprobe-ipsec to read."""
