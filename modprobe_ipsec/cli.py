# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments -> one action -> an exit code. The only place that prints and that ends the program."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn, TextIO

from modprobe_ipsec import __version__
from modprobe_ipsec.catalog.loader import DAEMON_FILES, FILES, build, parse_all
from modprobe_ipsec.catalog.model import Catalog, Daemon, Family
from modprobe_ipsec.demand.need import AnyNeed
from modprobe_ipsec.errors import Error, NoPermission, UsageError
from modprobe_ipsec.host.daemons import release
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.gather import gather, refresh
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.host.shipped import read_data
from modprobe_ipsec.load import Loads, carry_out
from modprobe_ipsec.plan import make_plan
from modprobe_ipsec.prove.proof import Proof
from modprobe_ipsec.report.model import Action, Report
from modprobe_ipsec.verdict import Verdict, judge
from modprobe_ipsec.wanted import Request, Wanted, find

# All that a program which libkmod starts for an `install` line gets to see.
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}

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
    needs.add_argument(
        "--daemon",
        metavar="NAME[=RELEASE]",
        help="whose proposals or configuration it is: libreswan (e.g. libreswan=4.15), strongswan",
    )
    needs.add_argument("-4", dest="ipv4", action="store_true", help="IPv4 only")
    needs.add_argument("-6", dest="ipv6", action="store_true", help="IPv6 only")
    where = parser.add_argument_group("where")
    where.add_argument("--root", default="/", metavar="DIR", help="another tree, e.g. an image")
    where.add_argument("--kernel", metavar="RELEASE", help="another kernel of that tree")
    how = parser.add_argument_group("how to say it")
    how.add_argument("--format", choices=("text", "json"), default="text")
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
    try:
        args = build_parser().parse_args(argv)
        return _run(args)
    except Error as error:
        sys.stdout.flush()
        print(f"modprobe-ipsec: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"modprobe-ipsec: {error.hint}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Who read our output has gone; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(args: argparse.Namespace) -> int:
    colour = _wants_colour(args, sys.stdout)
    action = _action(args)
    catalog = build(_trees(FILES))
    host = Host(args.root, args.kernel)
    if args.record:
        from modprobe_ipsec.record import record

        print(*record(args.record, host, gather(host), catalog), sep="\n")
        return 0
    if not host.live and action in (Action.LOAD, Action.PROVE):
        raise UsageError(
            f"{args.root} is not the running system: nothing can be loaded or proven there",
            "use --check or --dry-run with --root and --kernel",
        )
    facts = gather(host)
    wanted = find(_request(args, facts), host, catalog, lambda: _trees(DAEMON_FILES))
    report = _act(action, wanted, facts, host, catalog)
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


def _trees(names: tuple[str, ...]) -> Mapping[str, Mapping[str, object]]:
    """The map: parsed when the wheel was built, or from data/*.yaml in a repository."""
    try:
        from modprobe_ipsec._map import TREES
    except ImportError:
        return parse_all(read_data(names))
    return {name: TREES[name] for name in names}


def _request(args: argparse.Namespace, facts: Facts) -> Request:
    name, _, version = (args.daemon or "").partition("=")
    if name not in ("", *Daemon):
        raise UsageError(f"--daemon {name}: choose from {', '.join(Daemon)}")
    number = release(version) if version else None
    if version and number is None:
        raise UsageError(f"--daemon {args.daemon}: a release looks like 4.15")
    return Request(
        args.esp or (),
        args.ah or (),
        args.ipcomp,
        args.all,
        args.config or "",
        Daemon(name) if name else None,
        number,
        _families(args, facts),
        facts.fips,
    )


def _action(args: argparse.Namespace) -> Action:
    if args.dry_run and (args.check or args.prove):
        raise UsageError("--dry-run goes without --check and --prove")
    if args.dry_run:
        return Action.DRY_RUN
    if args.prove and not args.check:
        raise UsageError("--prove goes with --check", "without --check, it proves anyway")
    if args.check:
        return Action.PROVE if args.prove else Action.CHECK
    return Action.LOAD


def _act(action: Action, wanted: Wanted, facts: Facts, host: Host, catalog: Catalog) -> Report:
    needs = wanted.needs
    plan = make_plan(needs, facts, catalog)
    if action in (Action.CHECK, Action.DRY_RUN):
        return Report(action, facts, judge(plan, {}, loaded=False), plan, wanted)
    loads = Loads((), facts, {})
    if action is Action.LOAD and plan.steps and facts.may_load:
        os.environ.clear()
        os.environ.update(_ENVIRONMENT)
        loads = carry_out(needs, facts, host, catalog)
    # costs pyudev and a child process, which --check need not pay
    from modprobe_ipsec.prove.prover import prove
    from modprobe_ipsec.report.progress import Bar

    with Bar(sys.stderr, "proving") as bar:
        proofs = prove(needs, on_progress=bar.show)
    facts = refresh(loads.facts, host)
    final = make_plan(needs, facts, catalog, loads.tried)
    by_need: dict[AnyNeed, Proof] = {proof.need: proof for proof in proofs.proofs}
    judgements = judge(final, by_need, loaded=action is Action.LOAD)
    return Report(
        action,
        facts,
        judgements,
        plan,
        wanted,
        loads.results,
        proofs.loaded,
        proofs.socket_in_words,
    )


def _waits_for_load(report: Report) -> bool:
    return any(j.verdict in (Verdict.LOADABLE, Verdict.SLOW) for j in report.judgements)


def _families(args: argparse.Namespace, facts: Facts) -> tuple[Family, ...]:
    if args.ipv4 or args.ipv6:
        chosen = ((Family.IPV4, args.ipv4), (Family.IPV6, args.ipv6))
        return tuple(family for family, wanted in chosen if wanted)
    return (Family.IPV4, Family.IPV6) if facts.ipv6 else (Family.IPV4,)


def _wants_colour(args: argparse.Namespace, stream: TextIO) -> bool:
    return stream.isatty() and not args.no_color and not os.environ.get("NO_COLOR")


def _print(report: Report, args: argparse.Namespace, colour: bool) -> None:
    if args.format == "json":
        from modprobe_ipsec.report import as_json

        text = as_json.render(report)
    else:
        from modprobe_ipsec.report import text as as_text

        text = as_text.render(report, colour=colour, quiet=args.quiet, verbose=args.verbose)
    sys.stdout.write(text)
    sys.stdout.flush()
