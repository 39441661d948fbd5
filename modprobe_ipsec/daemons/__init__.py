# SPDX-License-Identifier: GPL-3.0-or-later
"""What IKE daemons ask the kernel for: their proposals, their configurations, which of them count.

Each daemon is a package here and a file in data/daemons/, found by name; its descriptor is all that
anything else knows of it. To add one: docs/adding-one.md.
"""
