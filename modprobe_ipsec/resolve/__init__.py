# SPDX-License-Identifier: GPL-3.0-or-later
"""What serves each request of the kernel, would serve it, or is in the way."""
