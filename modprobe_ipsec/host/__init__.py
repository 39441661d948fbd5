# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine, read through one root, and nothing written: `Host` is the only door to its files.

`gather.gather` puts `facts.Facts` together from the readers in `kernel/` and `machine/`. Each
of them declares what it reads (`reads.Read`), from which a record is made. To add such a fact:
docs/adding-one.md.
"""
