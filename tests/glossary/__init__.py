# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--explain` says. names/ has what it is asked for, by where that was found."""

from modprobe_ipsec.catalog.loader import GLOSSARY, parse_all
from modprobe_ipsec.glossary.book import Book
from modprobe_ipsec.host.shipped import glossary_names, read_data
from tests.shipped import CATALOG

NAMES = glossary_names()
TEXTS = read_data(tuple(f"{GLOSSARY}{name}" for name in NAMES))
TREES = {name.removeprefix(GLOSSARY): tree for name, tree in parse_all(TEXTS).items()}
BOOK = Book(TREES, CATALOG)
