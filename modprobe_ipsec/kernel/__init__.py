# SPDX-License-Identifier: GPL-3.0-or-later
"""All that asks or changes the running kernel."""
