# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs and facts -> what to load, and a verdict."""
