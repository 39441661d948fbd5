# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel must be able to do, because of what, and how it was proven: values only."""
