# SPDX-License-Identifier: GPL-3.0-or-later
"""What every room may use: errors and exit codes, names."""
