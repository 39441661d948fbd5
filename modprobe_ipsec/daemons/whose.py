# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose configuration it is, where daemons share a kind of file: by what only one of them knows."""

from modprobe_ipsec.base.annotations import Mapping, Sequence
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.daemons.common.descriptor import Configuration, Context, Daemon
from modprobe_ipsec.daemons.common.form import Setting, settings
from modprobe_ipsec.daemons.installed import Installed

# Different settings that are looked at; a long file has some hundred.
_MOST = 2000
_CHARACTERS = 1 << 17
# Of what speaks for a daemon, that a message shows.
_SHOWN = 3


class Owner(Value):
    """A daemon, and the kind of its files."""

    daemon: Daemon
    kind: Configuration


def owner(
    path: str, text: str, owners: Sequence[Owner], context: Context, installed: Installed
) -> Owner:
    """The one whose file it is.

    What only one of them knows speaks for it; where nothing speaks, or as much for each, the one
    that is installed. Raises ConfigError that shows what speaks for whom.
    """
    if len(owners) == 1:
        return owners[0]
    said = _evidence(text, owners, context)
    most = max(len(settings) for settings in said.values())
    best = [found for found in owners if len(said[found.daemon.name]) == most]
    if len(best) > 1:
        there = [found for found in best if installed.reads(found.kind)]
        best = there if len(there) == 1 else best
    if len(best) > 1:
        names = " and ".join(found.daemon.title for found in best)
        tells = "; ".join(
            f"for {found.daemon.title} speaks {_shown(said[found.daemon.name])}" for found in best
        )
        raise ConfigError(
            f"{path}: {names} read such a file, and "
            + (tells if most else "nothing tells whose it is"),
            "say it: " + " or ".join(f"--daemon {found.daemon.name}" for found in best),
        )
    return best[0]


def _evidence(text: str, owners: Sequence[Owner], context: Context) -> Mapping[str, list[Setting]]:
    """Of each daemon what it alone knows."""
    known = {found.daemon.name: found.kind.knows(context) for found in owners if found.kind.knows}
    said: dict[str, list[Setting]] = {found.daemon.name: [] for found in owners}
    asked: set[tuple[str, str]] = set()
    characters = _CHARACTERS
    for setting in settings(text):
        if (setting.key, setting.value) in asked:
            continue
        asked.add((setting.key, setting.value))
        # to read a proposal takes some milliseconds for a long one
        characters -= len(setting.value)
        if len(asked) > _MOST or characters < 0:
            break
        knowing = [name for name, knows in known.items() if knows(setting)]
        if len(knowing) == 1:
            said[knowing[0]].append(setting)
    return said


def _shown(settings: Sequence[Setting]) -> str:
    shown = ", ".join(f"line {setting.line}" for setting in settings[:_SHOWN])
    more = f" and {len(settings) - _SHOWN} more" if len(settings) > _SHOWN else ""
    return shown + more
