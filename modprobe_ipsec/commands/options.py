# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of options: one row for each, and everything that is known of it.

The parser, the checks of what goes with what, `--help`, the headings of the manual page and the
completions of three shells are made from it.
"""

from modprobe_ipsec.base.annotations import Callable, Sequence
from modprobe_ipsec.base.value import Value

# Verbs: what a run does. An option with a verb chooses it; LOAD is what is done without one.
LOAD = "load"
_REPORTS = (LOAD, "check", "dry-run")
_ASKS = (*_REPORTS, "manifest")
_SAYS = (*_REPORTS, "lab", "measure")
_LOOKS = (*_ASKS, "record")
_NEEDS = (*_LOOKS, "measure", "watch")
_WHERE = (*_LOOKS, "explain")

# Groups of --help and of the manual page, in their order.
GROUPS = {
    "what": "what to do (default: load, then prove)",
    "needs": "what is needed (default: what the installed daemons' files ask for)",
    "where": "where",
    "how": "how to say it",
}


class Option(Value):
    """One option."""

    # With its dashes; the long one, where there are two.
    name: str
    # A key of GROUPS.
    group: str
    help: str
    # One letter, with its dash.
    short: str = ""
    # What its value is called; empty for a switch.
    metavar: str = ""
    # Its value where none is given: then `--name=value` gives another.
    implied: str = ""
    # The value that counts where the option is not given.
    default: str = ""
    # The values that there are; None if any text will do. Called only when somebody asks.
    choices: Callable[[], Sequence[str]] | None = None
    # A choice may go on: NAME=MORE.
    extended: bool = False
    # Given several times, all count; if not, a second value is an error.
    repeatable: bool = False
    # A later value takes the place of an earlier one: for what a unit file says beforehand.
    replaceable: bool = False
    # Verbs that it only narrows: beside one of these it is no verb of its own.
    narrows: tuple[str, ...] = ()
    # Is a file (or a directory): for completions.
    path: bool = False
    # The verb that it chooses.
    verb: str = ""
    # The verbs that heed it; empty for all. With any other it is refused.
    verbs: tuple[str, ...] = ()
    # Options, or an option and its value (`--format=text`), one of which has to be there.
    only_with: tuple[str, ...] = ()
    # Options that would be ignored beside it, or it beside them.
    not_with: tuple[str, ...] = ()
    # What to do instead, when it is refused.
    hint: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """As it can be written, the short one first."""
        return (self.short, self.name) if self.short else (self.name,)


def _seals() -> Sequence[str]:
    from modprobe_ipsec.kernel.seal import Seal

    return tuple(Seal)


def _manifests() -> Sequence[str]:
    from modprobe_ipsec.manifest import formats

    return formats.names()


def _witnesses() -> Sequence[str]:
    from modprobe_ipsec.watch import witnesses

    return witnesses.ranked()


def _daemons() -> Sequence[str]:
    from modprobe_ipsec.daemons.registry import DAEMONS

    return tuple(DAEMONS)


def _formats() -> Sequence[str]:
    from modprobe_ipsec.report import formats

    return formats.names()


def _profiles() -> Sequence[str]:
    from modprobe_ipsec.commands.engine import catalog

    return tuple(catalog().profiles)


OPTIONS = (
    Option(
        "--check",
        "what",
        "only say what is ready",
        short="-c",
        verb="check",
        narrows=("--lab", "--measure"),
    ),
    Option(
        "--prove",
        "what",
        "also ask the kernel, by SAs or by packets through them (it may load modules by itself)",
        metavar="HOW",
        implied="sas",
        choices=lambda: ("packets", "sas"),
        verbs=("check",),
        hint="without --check, it proves anyway",
    ),
    Option(
        "--dry-run",
        "what",
        "say which modules would be loaded, why, and what cannot be met",
        short="-n",
        verb="dry-run",
    ),
    Option(
        "--seal",
        "what",
        "if all is proven: allow no more loading until reboot, or only no autoload",
        metavar="HOW",
        implied="modules",
        choices=_seals,
        verbs=(LOAD,),
        hint="it needs the proof after a load",
    ),
    Option(
        "--lab",
        "what",
        "what this kernel does with packets, in a throw-away network (it may load modules by "
        "itself; with --check only where none is missing)",
        metavar="NAME,...",
        implied="all",
        verb="lab",
    ),
    Option(
        "--measure",
        "what",
        "how fast packets go through what is needed, before and after a load (with --check only "
        "through what is there)",
        verb="measure",
    ),
    Option(
        "--watch",
        "what",
        "tell what changes from now on: peers whose SAs are lost, modules, files, counters",
        verb="watch",
    ),
    Option("--for", "what", "end after so many seconds", metavar="SECONDS", verbs=("watch",)),
    Option(
        "--once",
        "what",
        "one look of some seconds, for cron: only what needs somebody",
        verbs=("watch",),
        not_with=("--for",),
    ),
    Option(
        "--witness",
        "what",
        "by what packets with an unknown SPI are seen (default: the best that works)",
        metavar="NAME",
        choices=_witnesses,
        verbs=("watch",),
    ),
    Option(
        "--manifest",
        "what",
        "write what a host must do for a daemon in a container, changing nothing",
        metavar="FORMAT",
        choices=_manifests,
        verb="manifest",
    ),
    Option(
        "--output", "what", "into a new directory", metavar="DIR", path=True, verbs=("manifest",)
    ),
    Option(
        "--preload",
        "what",
        "also list modules that the kernel loads by itself",
        verbs=("manifest",),
    ),
    Option(
        "--against",
        "what",
        "say what changed since FILE (exit 0: nothing, 1: something)",
        metavar="FILE",
        path=True,
        verbs=("manifest",),
        only_with=("--manifest=yaml",),
        not_with=("--output", "--preload"),
    ),
    Option(
        "--record",
        "what",
        "write down what a verdict depends on, for --root elsewhere",
        metavar="DIR",
        path=True,
        verb="record",
    ),
    Option(
        "--explain",
        "what",
        "a term in plain words; alone: the chapters, or what a log on standard input means",
        metavar="NAME",
        implied="-",
        verb="explain",
    ),
    Option(
        "--headers",
        "what",
        "whether userland can be compiled against the XFRM headers here; all: against 18 of the "
        "kernel's headers with 12 of the C library's",
        metavar="WHICH",
        implied="xfrm",
        choices=lambda: ("all", "xfrm"),
        verb="headers",
    ),
    Option("--cc", "what", "the compiler that is asked", metavar="PROGRAM", verbs=("headers",)),
    Option(
        "--sysroot",
        "what",
        "where usr/include with these headers is",
        metavar="DIR",
        path=True,
        verbs=("headers",),
    ),
    Option(
        "--esp",
        "needs",
        "ESP, as in a configuration",
        metavar="PROPOSALS",
        repeatable=True,
        verbs=_NEEDS,
    ),
    Option(
        "--ah",
        "needs",
        "AH, as in a configuration",
        metavar="PROPOSALS",
        repeatable=True,
        verbs=_NEEDS,
    ),
    Option("--ipcomp", "needs", "what compression adds", verbs=_NEEDS),
    Option("--all", "needs", "every algorithm in the map", verbs=_NEEDS),
    Option(
        "--config",
        "needs",
        "an ipsec.conf or swanctl.conf",
        metavar="FILE",
        path=True,
        verbs=_NEEDS,
        not_with=("--esp", "--ah", "--ipcomp", "--all"),
    ),
    Option(
        "--apply",
        "needs",
        "a host plan of --manifest yaml",
        metavar="FILE",
        path=True,
        verbs=_ASKS,
        not_with=("--esp", "--ah", "--ipcomp", "--all", "--config", "--daemon", "-4", "-6"),
        hint="the plan itself says what is needed",
    ),
    Option(
        "--daemon",
        "needs",
        "whose proposals or configuration it is, and of which release",
        metavar="NAME[=RELEASE]",
        choices=_daemons,
        extended=True,
        verbs=_NEEDS,
    ),
    Option("-4", "needs", "IPv4 only", verbs=_NEEDS),
    Option("-6", "needs", "IPv6 only", verbs=_NEEDS),
    Option(
        "--root",
        "where",
        "another tree, such as an image",
        metavar="DIR",
        default="/",
        path=True,
        verbs=_WHERE,
    ),
    Option("--kernel", "where", "another kernel of that tree", metavar="RELEASE", verbs=_WHERE),
    Option(
        "--private-network",
        "where",
        "prove in this network namespace, which is a private one already (PrivateNetwork=)",
        verbs=(LOAD, "check"),
    ),
    Option(
        "--format",
        "how",
        "for people, for programs, for a service's log or for monitoring",
        metavar="FORMAT",
        default="text",
        choices=_formats,
        replaceable=True,
        verbs=(*_SAYS, "explain", "headers", "watch"),
    ),
    Option(
        "--quiet",
        "how",
        "only what is not ready",
        short="-q",
        verbs=_REPORTS,
        only_with=("--format=text",),
    ),
    Option(
        "--verbose",
        "how",
        "with all the evidence",
        short="-v",
        verbs=_SAYS,
        only_with=("--format=text",),
    ),
    Option(
        "--profile",
        "how",
        "check the algorithms of ESP and AH against a published set",
        metavar="NAME",
        choices=_profiles,
        verbs=_REPORTS,
    ),
    Option("--strict", "how", "exit 3 at best if a configuration has problems", verbs=_ASKS),
    Option("--no-color", "how", "no colour (also: NO_COLOR)"),
    Option("--debug", "how", "with an error, where in the program it arose"),
    Option("--version", "how", "print the version", verb="version"),
    Option("--help", "how", "print this", short="-h", verb="help"),
)
