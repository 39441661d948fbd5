# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away network of two hosts, and what goes through it.

`network` makes two network namespaces and a veth pair between them, which are gone with the process
that made them; `states` are SAs, policies and what the kernel tells about them (`messages` are
their bytes); `wire` sees and sends packets, of which `packets` knows the layout; `counters` are the
kernel's own. `proof` sends packets through the SAs of one need; `throughput` sends as many as go
through, which `measure` does for needs. All of it asks and changes the namespaces of the calling
process: it is run in a child (`kernel.child`). To see one more thing of a packet, add it to
`packets`; of an SA, its attribute to `messages`.
"""
