# SPDX-License-Identifier: GPL-3.0-or-later
"""One report, and its writers in `formats/`: to add one, see docs/adding-one.md."""
