# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers a request of the kernel, or what is in the way.

`requests` are what needs ask for, whoever answers; `resolve` finds who does, from the module index
and /proc/crypto; `examine` asks everything in `obstacles/` about what nobody serves; `autoload` and
`packages` say what would help. All of it is pure: `host/` has read the facts. To add an obstacle, a
file in `obstacles/`: docs/adding-one.md.
"""
