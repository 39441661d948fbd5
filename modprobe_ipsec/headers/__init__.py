# SPDX-License-Identifier: GPL-3.0-or-later
"""Can userland be compiled against the XFRM headers that are installed: `--headers`.

`survey` asks a compiler, which reads from a pipe, makes no file and is nobody where we are root.
One more header that people include is one more name in `HEADERS`. `running` asks the kernel what it
knows; a name of a newer linux/xfrm.h is one more question there.
"""
