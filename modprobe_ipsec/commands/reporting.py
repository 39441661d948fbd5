# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs with a report share: from the arguments to the report, and out with it."""

# `signal` without its enumerations, which take longer to make than most of our modules
import _signal
import os
import sys
import time

from modprobe_ipsec import __version__
from modprobe_ipsec.base.annotations import Callable, FrameType, NoReturn
from modprobe_ipsec.base.errors import ConfigError, OutOfTime, UsageError
from modprobe_ipsec.base.text import cut
from modprobe_ipsec.catalog.model import Catalog, Family
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put
from modprobe_ipsec.daemons.installed import release
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand, Query, select
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.root import LIMIT, Host
from modprobe_ipsec.needs.profile import against
from modprobe_ipsec.report import formats
from modprobe_ipsec.report.model import Action, Report, Run, Style
from modprobe_ipsec.report.table import WIDTH

# Columns that a report needs to be readable.
_NARROWEST = 40
# Processor time (s) and bytes of address space for reading and planning. Ten thousand connections
# take two seconds and 200 MB.
CPU_SECONDS = 30.0
MEMORY = 1 << 30
# These say all that is needed: no file does.
_SAY_IT_ALL = ("--esp", "--ah", "--ipcomp", "--all")
# With one of these, the question of a record does not count.
_NEEDS = (*_SAY_IT_ALL, "--config", "--daemon", "-4", "-6")


# Gets what is needed, the facts, the host, the map, and whom to tell how many of how many are done.
Act = Callable[[Demand, Facts, Host, Catalog, Callable[[int, int], None]], Report]


def host_of(arguments: Arguments) -> Host:
    """The host that is looked at."""
    return Host(arguments.value("--root"), arguments.value("--kernel") or None)


def make_report(
    action: Action, arguments: Arguments, act: Act | None = None, host: Host | None = None
) -> tuple[Report, Host]:
    """Do what the action says; the report of it, and the host that it was done on.

    `act` does it in place of `engine.act`.
    """
    began = time.time()
    catalog = engine.catalog()
    host = host or host_of(arguments)
    changes = action in (Action.LOAD, Action.PROVE, Action.MEASURE)
    if changes and not host.live:
        raise UsageError(
            f"{host.root} is not the running system: nothing can be loaded or proven there",
            "use --check or --dry-run with --root and --kernel",
        )
    says_it_all = any(map(arguments.has, _SAY_IT_ALL))
    lift = _limit(memory=not changes and not (says_it_all and host.root == "/"))
    try:
        facts = engine.facts_of(host, catalog)
        if changes and not says_it_all:
            # who may load modules reads no hostile files; who only checks may do nothing with them
            from modprobe_ipsec.commands.apart import read_apart

            demand = read_apart(lambda: _demand(arguments, facts, host, catalog), catalog)
        else:
            demand = _demand(arguments, facts, host, catalog)
        facts = engine.with_word_sizes(facts, host, demand)
        private = arguments.has("--private-network")
        if private:
            # what is there is not the host's
            facts = facts._replace(cards=engine.no_cards, stack_signs=())
        elif arguments.verb != "manifest" and not arguments.has("--apply"):
            # a host plan is for containers, which have cards of their own
            facts = facts._replace(cards=engine.cards_of(host))
        if not changes:
            report = engine.act(action, demand, facts, host, catalog)
    finally:
        lift()
    if changes:
        from modprobe_ipsec.report.progress import Progress

        bar = Progress(sys.stderr, "measuring" if act else "proving")
        packets = arguments.value("--prove") == "packets"
        try:
            if act:
                report = act(demand, facts, host, catalog, bar.show)
            else:
                report = engine.act(
                    action,
                    demand,
                    facts,
                    host,
                    catalog,
                    on_progress=bar.show,
                    packets=packets,
                    private_network=private,
                )
        finally:
            bar.clear()
    report = report._replace(strict=arguments.has("--strict"), run=run_since(began, host.root))
    return _with_profile(report, arguments.value("--profile"), catalog), host


def run_since(began: float, root: str = "/") -> Run:
    """A run that began then (seconds since 1970) and ends now, in words of a report."""
    name = os.uname().nodename if root == "/" else ""
    seconds = max(time.time() - began, 0.0)
    return Run(version=__version__, began=began, seconds=seconds, host=name, root=root)


def _with_profile(report: Report, name: str, catalog: Catalog) -> Report:
    """The report with what published documents say about its algorithms."""
    needs = report.demand.needs
    if name:
        profile = catalog.profiles[name]
        report = report._replace(profile=profile, against=against(needs, profile))
    return report._replace(notes=against(needs, catalog.notes))


def _limit(*, memory: bool) -> Callable[[], None]:
    """Bound what reading and planning may take, until what this gives is called.

    Neither counts for what the kernel does for us, nor for programs that are started. Raises
    OutOfTime and MemoryError later.
    """
    _signal.signal(_signal.SIGPROF, _give_up)
    # once more after a second, for whoever has lost the first one in clearing up
    _signal.setitimer(_signal.ITIMER_PROF, CPU_SECONDS, 1.0)
    if not memory:
        return _stop_clock
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    most = [MEMORY, *(limit for limit in before if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(most), before[1]))

    def lift() -> None:
        _stop_clock()
        resource.setrlimit(resource.RLIMIT_AS, before)

    return lift


def _stop_clock() -> None:
    _signal.setitimer(_signal.ITIMER_PROF, 0)


def _give_up(number: int, frame: FrameType | None) -> NoReturn:
    raise OutOfTime


def put_report(report: Report, arguments: Arguments) -> int:
    """Write it to standard output, in the format that was asked for; the exit status for it."""
    format = arguments.value("--format")
    plain = arguments.has("--no-color") or os.environ.get("NO_COLOR")
    terminal = sys.stdout.isatty()
    style = Style(
        colour=not plain and terminal,
        quiet=arguments.has("--quiet"),
        verbose=len(arguments.values("--verbose")),
        width=_width() if terminal else WIDTH,
    )
    put(formats.render(format, report, style), utf_8=formats.is_utf_8(format))
    return formats.exit_code(format, report.exit_code)


def _width() -> int:
    """Columns of the terminal; of a wide one as many as are read easily."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return WIDTH
    # one that does not know says 0
    return min(max(columns, _NARROWEST), WIDTH) if columns else WIDTH


def _demand(arguments: Arguments, facts: Facts, host: Host, catalog: Catalog) -> Demand:
    if arguments.has("--apply"):
        from modprobe_ipsec.commands import host_plan

        path = arguments.value("--apply")
        return host_plan.wanted(host_plan.read(path, catalog), path)
    if host.root != "/" and not any(map(arguments.has, _NEEDS)) and host.exists("question.json"):
        from modprobe_ipsec.commands import question

        replayed = question.replayed(host, catalog)
        if isinstance(replayed, Demand):
            return replayed
        try:
            return select(query_of(replayed, facts, host), host, catalog, engine.daemon_tree)
        except UsageError:
            # its words are a file's, and not for a message
            raise ConfigError("/question.json: what was asked is no question here") from None
    return select(query_of(arguments, facts, host), host, catalog, engine.daemon_tree)


def query_of(arguments: Arguments, facts: Facts, host: Host) -> Query:
    """What the command line says about needs."""
    name, equals, version = arguments.value("--daemon").partition("=")
    number = release(version) if equals else None
    if equals and number is None:
        raise UsageError(f"--daemon {name}={cut(version, 40)}: a release looks like 4.15")
    config = arguments.value("--config")
    return Query(
        esp=arguments.values("--esp"),
        ah=arguments.values("--ah"),
        ipcomp=arguments.has("--ipcomp"),
        everything=arguments.has("--all"),
        config=_config(config, host),
        daemon=DAEMONS.get(name),
        release=number,
        families=_families(arguments, facts),
        fips=facts.fips,
        given={config: _given()} if config == "-" else {},
        directory=os.path.abspath("") if config == "-" and host.root == "/" else "",  # noqa: PTH100
    )


def _given() -> str:
    from modprobe_ipsec.commands import standard_input

    return standard_input.read(LIMIT).decode("utf-8", "surrogateescape")


def _config(path: str, host: Host) -> str:
    """The file of `--config`: here from the working directory, of another tree from its root.

    `-` stays what it is.
    """
    if path in ("", "-"):
        return path
    if host.root == "/":
        return os.path.abspath(path)  # noqa: PTH100 (start-up time)
    if host.exists(path.lstrip("/")) is False:
        raise ConfigError(
            f"{path}: no such file in {host.root}", "--config is a path in the tree of --root"
        )
    return path


def _families(arguments: Arguments, facts: Facts) -> tuple[Family, ...]:
    chosen = {Family.IPV4: arguments.has("-4"), Family.IPV6: arguments.has("-6")}
    if any(chosen.values()):
        return tuple(family for family, wanted in chosen.items() if wanted)
    return engine.families(facts)
