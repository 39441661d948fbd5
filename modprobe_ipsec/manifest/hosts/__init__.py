# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats that set a whole host up."""
