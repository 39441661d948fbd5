# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of system containers."""
