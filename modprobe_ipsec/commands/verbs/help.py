# SPDX-License-Identifier: GPL-3.0-or-later
"""--help: the table of options as text."""

import textwrap

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.commands.command_line import PROGRAM, Arguments
from modprobe_ipsec.commands.options import GROUPS, OPTIONS, Option
from modprobe_ipsec.commands.output import put

_WIDTH = 96
_COLUMN = 28
# More choices than these would hide the rest of the usage line.
FEW = 4

_HEAD = f"""\
usage: {PROGRAM} [what to do] [what is needed] [where] [how to say it]

Loads exactly the kernel modules that IPsec needs here, and proves that they work with throw-away
security associations.
"""
_EXIT_CODES = """\
exit status: 0 ready (after a load: loaded and proven), 1 not yet or slower than it could be,
2 a need cannot be met, 3 cannot tell, 4 nothing to write, 64 usage, 70 a bug of ours,
77 no permission, 78 a file cannot be understood
"""


def run(arguments: Arguments) -> int:
    """Print the summary."""
    put(text())
    return 0


def text() -> str:
    """The whole summary."""
    lines = [_HEAD]
    for group, title in GROUPS.items():
        lines.append(f"{title}:\n")
        for option in OPTIONS:
            if option.group == group:
                lines += (f"{line}\n" for line in _lines(option))
        lines.append("\n")
    return "".join((lines[0] + "\n", *lines[1:], _EXIT_CODES))


def usage(option: Option) -> str:
    """`-q, --quiet`, `--seal[=modules|autoload]`, `--config FILE`."""
    names = ", ".join(option.names)
    if not option.metavar:
        return names
    choices = option.choices() if option.choices and not option.extended else ()
    value = "|".join(choices) if 0 < len(choices) <= FEW else option.metavar
    return f"{names}[={value}]" if option.implied else f"{names} {value}"


def meaning(option: Option) -> str:
    """Its help, with what it goes with and the choices that are too many for the usage."""
    with_verbs = [other.name for other in OPTIONS if other.verb and other.verb in option.verbs]
    alone = len(with_verbs) == 1 and len(option.verbs) == 1
    said = f"with {' '.join(with_verbs)}: {option.help}" if alone else option.help
    choices = option.choices() if option.choices else ()
    if option.extended or len(choices) > FEW:
        said += f": {', '.join(choices)}"
    return said


def _lines(option: Option) -> Iterator[str]:
    head = f"  {usage(option)}"
    body = textwrap.wrap(meaning(option), _WIDTH - _COLUMN, break_on_hyphens=False)
    if len(head) + 2 > _COLUMN:
        yield head
    else:
        body[0] = head.ljust(_COLUMN) + body[0]
        yield body.pop(0)
    yield from (" " * _COLUMN + line for line in body)
