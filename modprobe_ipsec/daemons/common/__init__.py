# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of all daemons share, and no daemon by name.

`descriptor` is what the rest of the program knows of a daemon, `errors` what can be wrong with a
proposal, `form` what kind of file a configuration is, `networks` whether a tunnel makes the host a
gateway. What a second daemon has a use for comes here; a daemon itself is a package beside this
one: docs/adding-one.md.
"""
