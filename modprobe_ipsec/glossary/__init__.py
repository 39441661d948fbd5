# SPDX-License-Identifier: GPL-3.0-or-later
"""What a term means: `--explain`.

Most chapters are files of data/glossary/, read by `catalog.glossary`; those in `chapters/` are made
of what the map and the registries know already. `book.Book` finds a term in all of them, `here`
says how it stands on this host, `log` finds terms in a log. To add a term: docs/adding-one.md.
"""
