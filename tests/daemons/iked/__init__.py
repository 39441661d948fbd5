# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenIKED's iked.conf, with the real iked as the oracle."""
