# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about the machine around the kernel: its system, privileges, container, daemons."""
