# SPDX-License-Identifier: GPL-3.0-or-later
"""The program's start. Best as `python3 -I -m modprobe_ipsec`: then nothing of the environment
decides which code root runs.
"""

# `signal` without its enumerations, which take longer to make than most of our modules
import _signal
import gc
import os
import sys

from modprobe_ipsec.base.annotations import NoReturn


def run() -> NoReturn:
    """The console script."""
    # Ctrl-C is no error of ours, not even while the first modules are still being imported. What
    # there is to clean up dies with us: the child that proves, and its namespace.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    # A run is too short to have rubbish to collect, and taking the interpreter down afterwards
    # would be a tenth of it. What main() has written it has flushed.
    gc.disable()
    from modprobe_ipsec.commands.main import main

    os._exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
