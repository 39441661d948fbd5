# SPDX-License-Identifier: GPL-3.0-or-later
"""The map in `data/`, as typed knowledge, checked when it is built.

`loader.build` makes a `Catalog` of parsed YAML; `reach.Reach` is the one allow-list of what it can
ever ask for. To add a row: docs/adding-one.md.
"""
