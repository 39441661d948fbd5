# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats for whoever prepares a host: its init system, provisioner or image."""
