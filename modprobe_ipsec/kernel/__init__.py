# SPDX-License-Identifier: GPL-3.0-or-later
"""All that asks or changes the running kernel.

`load` carries a plan out through `kmod`, the only door for modules; `prover` asks for each need in
a child process (`child`, `ask`) with a network namespace that dies with it; `seal` ends loading. An
SA is a value (`sa`) and a message (`xfrm`, `netlink`). To prove one more feature that is no SA, ask
for it in `features`.
"""

# libkmod.h, enum kmod_probe: KMOD_PROBE_APPLY_BLACKLIST_ALL. What `Kmod.load` asks for, and what it
# returns for a module that a blacklist keeps out. Here, as `kmod` costs ctypes.
BLACKLISTED = 0x10000
