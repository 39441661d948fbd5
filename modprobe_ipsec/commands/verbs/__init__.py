# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of what a run can do: each file is one verb, by the name in the table of options.

It offers `run(arguments) -> int`: does it, writes its answer to standard output, returns the exit
code, and raises an Error for everything that ends it early.
"""

from modprobe_ipsec.base import registry
from modprobe_ipsec.commands.command_line import Arguments


def names() -> tuple[str, ...]:
    """All verbs."""
    return registry.names(__path__)


def run(arguments: Arguments) -> int:
    """Do what the arguments ask for; returns the exit code."""
    code: int = registry.load(__name__, arguments.verb).run(arguments)
    return code
