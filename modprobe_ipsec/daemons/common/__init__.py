# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of all daemons share."""
