# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments -> one action -> an exit code."""
