# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats for system containers: Incus, LXD, LXC, Proxmox VE."""
