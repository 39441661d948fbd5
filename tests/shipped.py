# SPDX-License-Identifier: GPL-3.0-or-later
"""The map as it is shipped, read once for all tests."""

from modprobe_ipsec.catalog.loader import FILES, build, parse_all
from modprobe_ipsec.host.shipped import read_data

TEXTS = read_data(FILES)
CATALOG = build(parse_all(TEXTS))
