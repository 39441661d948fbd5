# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments -> one action -> an exit code. The only place that prints and that ends the program."""

import argparse
import io
import os
import sys
from contextlib import suppress

from modprobe_ipsec import __version__
from modprobe_ipsec.base.annotations import NoReturn, Sequence, TextIO
from modprobe_ipsec.base.errors import Error, NoPermission, UsageError
from modprobe_ipsec.base.text import printable
from modprobe_ipsec.catalog.model import Catalog, Family
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.engine import act, cards_of, families
from modprobe_ipsec.daemons.installed import release
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand, Query, select
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.kernel.seal import Seal, seal
from modprobe_ipsec.plan.verdict import Verdict
from modprobe_ipsec.report.model import Action, Report

_EXIT_CODES = """\
exit status: 0 ready (after a load: loaded and proven), 1 not yet or slower than it could be,
2 a need cannot be met, 3 cannot tell, 64 usage, 77 no permission, 78 a file cannot be understood
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Of a fixed width: asking the terminal for its own would cost an import in every run."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=96)


class _Parser(argparse.ArgumentParser):
    """Wrong usage is exit code 64, as sysexits.h has it."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """The command line, without any effect of its own."""
    parser = _Parser(
        prog="modprobe-ipsec",
        description="Load exactly the kernel modules that IPsec needs here, and prove that they "
        "work with throw-away security associations.",
        epilog=_EXIT_CODES,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    what = parser.add_argument_group("what to do (default: load, then prove)")
    what.add_argument("-c", "--check", action="store_true", help="only say what is ready")
    what.add_argument(
        "--prove",
        action="store_true",
        help="with --check: also ask the kernel (it may load modules by itself)",
    )
    what.add_argument(
        "-n", "--dry-run", action="store_true", help="say which modules would be loaded, and why"
    )
    what.add_argument(
        "--seal",
        nargs="?",
        const="modules",
        choices=("modules", "autoload"),
        help="if all is proven: allow no more loading until reboot, or only no autoload",
    )
    what.add_argument(
        "--manifest",
        metavar="FORMAT",
        help="write what a host must do for a daemon in a container, changing nothing: yaml, "
        "json, systemd, docker, compose, quadlet, kubernetes, cdi, incus, lxc, proxmox, "
        "cloud-init, ignition, machineconfig, ansible, containerfile, nfd, talos, bottlerocket, "
        "nixos",
    )
    what.add_argument("--output", metavar="DIR", help="with --manifest: into a new directory")
    what.add_argument(
        "--preload",
        action="store_true",
        help="with --manifest: also list modules that the kernel loads by itself",
    )
    what.add_argument(
        "--against",
        metavar="FILE",
        help="with --manifest yaml: say what changed since FILE (exit 0: nothing, 1: something)",
    )
    what.add_argument(
        "--record", metavar="DIR", help="write down what a verdict depends on, for --root elsewhere"
    )
    needs = parser.add_argument_group(
        "what is needed (default: what the installed daemons' files ask for)"
    )
    needs.add_argument("--esp", action="append", metavar="PROPOSALS", help="ESP, as in a config")
    needs.add_argument("--ah", action="append", metavar="PROPOSALS", help="AH, as in a config")
    needs.add_argument("--ipcomp", action="store_true", help="what compression adds")
    needs.add_argument("--all", action="store_true", help="every algorithm in the map")
    needs.add_argument("--config", metavar="FILE", help="an ipsec.conf or swanctl.conf")
    needs.add_argument("--apply", metavar="FILE", help="a host plan of --manifest yaml")
    needs.add_argument(
        "--daemon",
        metavar="NAME[=RELEASE]",
        help=f"whose proposals or configuration it is, e.g. {next(iter(DAEMONS))}=4.15: "
        + ", ".join(DAEMONS),
    )
    needs.add_argument("-4", dest="ipv4", action="store_true", help="IPv4 only")
    needs.add_argument("-6", dest="ipv6", action="store_true", help="IPv6 only")
    where = parser.add_argument_group("where")
    where.add_argument("--root", default="/", metavar="DIR", help="another tree, e.g. an image")
    where.add_argument("--kernel", metavar="RELEASE", help="another kernel of that tree")
    how = parser.add_argument_group("how to say it")
    how.add_argument("--format", choices=("text", "json", "journal"), default="text")
    how.add_argument("-q", "--quiet", action="store_true", help="only what is not ready")
    how.add_argument("-v", "--verbose", action="count", default=0, help="with all the evidence")
    how.add_argument(
        "--strict", action="store_true", help="exit 3 at best if a configuration has problems"
    )
    how.add_argument("--no-color", action="store_true", help="no colour (also: NO_COLOR)")
    how.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    # None is what Python has where it was started without one
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # names in a configuration may have letters that the user's encoding has not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        args = build_parser().parse_args(argv)
        return _run(args)
    except Error as error:
        _complain(error.message)
        if error.hint:
            _complain(error.hint)
        return error.exit_code
    except BrokenPipeError:
        # Who read our output has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        _complain(f"internal error: {what}; please report with --record")
        return Error.exit_code


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _complain(text: str) -> None:
    # the exit code says it even where nobody can be told
    with suppress(OSError):
        print(f"modprobe-ipsec: {printable(text)}", file=sys.stderr)


def _run(args: argparse.Namespace) -> int:
    colour = _wants_colour(args, sys.stdout)
    action = _action(args)
    catalog = engine.catalog()
    host = Host(args.root, args.kernel)
    if args.record is not None:
        from modprobe_ipsec.commands.record import record

        _put("".join(f"{line}\n" for line in record(args.record, host, gather(host), catalog)))
        return 0
    if args.manifest is not None:
        return _manifest(args, host, catalog)
    if not host.live and action in (Action.LOAD, Action.PROVE):
        raise UsageError(
            f"{args.root} is not the running system: nothing can be loaded or proven there",
            "use --check or --dry-run with --root and --kernel",
        )
    facts = gather(host)
    wanted = _wanted(args, facts, host, catalog)
    if args.apply is None:
        # a host plan is for containers, which have cards of their own
        facts = facts._replace(cards=cards_of(host))
    report = act(action, wanted, facts, host, catalog)
    if args.seal:
        report = report._replace(sealed=seal(Seal(args.seal), report.verdicts, wanted, host))
    _print(report, args, colour)
    if action is Action.LOAD and not facts.may_load and _waits_for_load(report):
        raise NoPermission(
            "no permission to load modules (CAP_SYS_MODULE in the initial user namespace)",
            "run it as root on the host",
        )
    if action is Action.DRY_RUN:
        return 0
    if args.strict and wanted.problems and report.exit_code < Verdict.MISSING.exit_code:
        return Verdict.UNKNOWN.exit_code
    return report.exit_code


def _wanted(args: argparse.Namespace, facts: Facts, host: Host, catalog: Catalog) -> Demand:
    if args.apply is None:
        return select(_request(args, facts), host, catalog, engine.daemon_tree)
    others = (args.esp, args.ah, args.ipcomp, args.all, args.config, args.daemon)
    if any(others) or args.ipv4 or args.ipv6:
        raise UsageError("--apply FILE says itself what is needed", "name no needs beside it")
    from modprobe_ipsec.commands import host_plan

    return host_plan.wanted(host_plan.read(args.apply, catalog), args.apply)


def _manifest(args: argparse.Namespace, host: Host, catalog: Catalog) -> int:
    """Write a manifest, or compare it: 2 if a need cannot be met, 1 if something changed."""
    from modprobe_ipsec.commands import host_plan
    from modprobe_ipsec.manifest.compare import compare
    from modprobe_ipsec.manifest.make import make
    from modprobe_ipsec.manifest.model import ManifestOptions

    facts = gather(host)
    wanted = _wanted(args, facts, host, catalog)
    report = act(Action.CHECK, wanted, facts, host, catalog)
    plan = make(wanted, report.verdicts, facts, host.root, catalog)
    if args.against is not None:
        changes = compare(host_plan.read(args.against, catalog), plan)
        _put("".join(f"{change}\n" for change in changes))
        return 1 if changes else 0
    files = host_plan.write(plan, args.manifest, ManifestOptions(args.preload))
    done = host_plan.put(args.output, files) if args.output else host_plan.as_text(files)
    _put(done)
    return Verdict.BLOCKED.exit_code if plan.unmet else 0


def _request(args: argparse.Namespace, facts: Facts) -> Query:
    name, _, version = (args.daemon or "").partition("=")
    if name not in ("", *DAEMONS):
        raise UsageError(f"--daemon {name}: choose from {', '.join(DAEMONS)}")
    number = release(version) if version else None
    if version and number is None:
        raise UsageError(f"--daemon {args.daemon}: a release looks like 4.15")
    return Query(
        args.esp or (),
        args.ah or (),
        args.ipcomp,
        args.all,
        args.config or "",
        DAEMONS.get(name),
        number,
        _families(args, facts),
        facts.fips,
    )


def _action(args: argparse.Namespace) -> Action:
    for name in ("manifest", "record", "output", "against", "apply", "config", "daemon"):
        if getattr(args, name) == "":
            raise UsageError(f"--{name}: an empty value")
    others = args.check or args.prove or args.dry_run or args.seal
    if args.manifest is not None and (others or args.record is not None):
        raise UsageError("--manifest changes nothing, and goes without any other action")
    if args.record is not None and (others or args.apply is not None):
        raise UsageError("--record changes nothing, and goes without any other action")
    if args.manifest is None and (args.output is not None or args.preload):
        raise UsageError("--output and --preload go with --manifest")
    if args.against is not None and (args.manifest != "yaml" or args.output is not None):
        raise UsageError("--against goes with --manifest yaml, and writes nothing")
    if args.dry_run and (args.check or args.prove or args.seal):
        raise UsageError("--dry-run goes without --check, --prove and --seal")
    if args.dry_run:
        return Action.DRY_RUN
    if args.prove and not args.check:
        raise UsageError("--prove goes with --check", "without --check, it proves anyway")
    if args.seal and args.check:
        raise UsageError("--seal goes without --check", "it needs the proof after a load")
    if args.check:
        return Action.PROVE if args.prove else Action.CHECK
    return Action.LOAD


def _waits_for_load(report: Report) -> bool:
    return any(j.verdict in (Verdict.LOADABLE, Verdict.SLOW) for j in report.verdicts)


def _families(args: argparse.Namespace, facts: Facts) -> tuple[Family, ...]:
    if args.ipv4 or args.ipv6:
        chosen = ((Family.IPV4, args.ipv4), (Family.IPV6, args.ipv6))
        return tuple(family for family, wanted in chosen if wanted)
    return families(facts)


def _wants_colour(args: argparse.Namespace, stream: TextIO) -> bool:
    return stream.isatty() and not args.no_color and not os.environ.get("NO_COLOR")


def _print(report: Report, args: argparse.Namespace, colour: bool) -> None:
    if args.format == "json":
        from modprobe_ipsec.report import as_json

        text = as_json.render(report)
    elif args.format == "journal":
        from modprobe_ipsec.report import journal

        text = journal.render(report)
    else:
        from modprobe_ipsec.report import text as as_text

        text = as_text.render(report, colour=colour, quiet=args.quiet, verbose=args.verbose)
    _put(text)


def _put(text: str) -> None:
    """Write it at once: nobody else flushes what a run leaves behind."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Error(f"the answer cannot be written: {error.strerror}") from None
