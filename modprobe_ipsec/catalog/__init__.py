# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about IPsec algorithms, the daemons' words for them and the kernel's requests."""
