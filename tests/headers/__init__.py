# SPDX-License-Identifier: GPL-3.0-or-later
"""--headers, on the header trees of Debian's releases, with glibc and musl."""
