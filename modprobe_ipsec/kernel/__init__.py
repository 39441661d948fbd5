# SPDX-License-Identifier: GPL-3.0-or-later
"""All that asks or changes the running kernel."""

# libkmod.h, enum kmod_probe: KMOD_PROBE_APPLY_BLACKLIST_ALL. What `Kmod.load` asks for, and what it
# returns for a module that a blacklist keeps out. Here, as `kmod` costs ctypes.
BLACKLISTED = 0x10000
