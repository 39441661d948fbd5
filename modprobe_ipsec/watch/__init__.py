# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes while the host runs: witnesses tell what they see, the core makes events of it.

The core (`event`, `signs`, `episodes`, `strays`, `sas`, `packets`, `messages`, `readiness`, `core`)
is pure: it gets what was seen and the time, and gives events. Each file of `witnesses/` asks the
kernel for one thing, and bounds what it reads. `loop` waits for all of them at once.
To watch one more thing, add a witness, a sign of `signs.py` that it tells, and what the core makes
of that.
"""
