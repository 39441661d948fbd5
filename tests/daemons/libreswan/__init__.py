# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's ipsec.conf: a corpus with what is expected of it, and libreswan's own parsers."""
