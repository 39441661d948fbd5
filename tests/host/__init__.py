# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what is read from a host, against excerpts of real ones."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
