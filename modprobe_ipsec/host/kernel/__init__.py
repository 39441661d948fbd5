# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc, /sys, modprobe.d and a module directory say about one kernel."""
