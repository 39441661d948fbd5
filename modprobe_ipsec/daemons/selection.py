# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the kernel: on the command line, else in the daemons' configuration."""

from modprobe_ipsec.base.annotations import Callable, Iterator, Mapping, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Family, Protocol
from modprobe_ipsec.daemons import installed, proposals
from modprobe_ipsec.daemons.common.descriptor import Context, Daemon, Release
from modprobe_ipsec.daemons.installed import Installed
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.need import AnyNeed, Need, Source, merge
from modprobe_ipsec.needs.reading import (
    Asker,
    Files,
    IgnoredConnection,
    OtherAsker,
    Problem,
    Reading,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.daemons.common.peers import PeerConnection

# The parsed data/daemons/NAME.yaml by name of the daemon.
Tree = Callable[[str], Mapping[str, object]]


class Query(Value):
    """What the command line says about needs."""

    esp: Sequence[str]
    ah: Sequence[str]
    ipcomp: bool
    everything: bool
    config: str
    daemon: Daemon | None
    # The daemon's release, if the user says so.
    release: Release | None
    families: tuple[Family, ...]
    fips: bool
    # What is read as such a file and is none, by the name that `config` has for it; and from where
    # it includes others.
    given: Mapping[str, str] = {}  # noqa: RUF012 (never changed)
    directory: str = ""


class Demand(Value):
    """All needs, and what came of the configurations they stand in."""

    needs: tuple[AnyNeed, ...]
    # The files that were read, without their includes.
    configs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    silent: tuple[IgnoredConnection, ...] = ()
    # Whose configurations these are; without any, whose own proposals count.
    askers: tuple[Asker, ...] = ()
    # Nothing tells who will ask: what daemons propose by themselves is taken for it.
    assumed: bool = False
    # Programs that are no IKE daemons, and what they ask for.
    others: tuple[OtherAsker, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether a connection is left out of the needs."""
        return any(problem.conn for problem in self.problems)

    @property
    def asking(self) -> bool:
        """Whether any connection is not."""
        return any(source.conn for need in self.needs for source in need.sources)


def select(request: Query, host: Host, catalog: Catalog, tree: Tree) -> Demand:
    """Work out what is needed.

    `tree` gives the parsed file of a daemon's options; it is called only if one of its
    configurations is read. Raises ProposalError and ConfigError.
    """
    context = _context(request, catalog, tree)
    needs = _named(request, context)
    if needs:
        return Demand(merge(needs))
    there = installed.read(host)
    demand = _configured(request, host, context, there)
    if request.config:
        return demand
    also = None if request.daemon else _others(host, context, there)
    if not demand.configs and (request.daemon or there.daemons or not also):
        demand = _with_defaults(demand, request, context, there)
    return _with(demand, also) if also else demand


def peers(request: Query, host: Host, catalog: Catalog, tree: Tree) -> "Iterator[PeerConnection]":
    """The peers of the connections in what `select` reads. Raises ConfigError."""
    from modprobe_ipsec.daemons import configured
    from modprobe_ipsec.host.config_files import ConfigFiles

    files = ConfigFiles(host, request.given, request.directory)
    context = _context(request, catalog, tree)
    return configured.peers(request.config, files, context, installed.read(host))


def _context(request: Query, catalog: Catalog, tree: Tree) -> Context:
    return Context(
        catalog=catalog,
        tree=tree,
        families=request.families,
        fips=request.fips,
        daemon=request.daemon,
        release=request.release,
    )


def _named(request: Query, context: Context) -> list[Need]:
    """What stands on the command line itself."""
    needs: list[Need] = []
    for protocol, texts in ((Protocol.ESP, request.esp), (Protocol.AH, request.ah)):
        for text in texts:
            daemons, suites = proposals.read(text, protocol, context)
            source = Source(f"--{protocol}", text, request.daemon and request.daemon.name)
            needs += proposals.needs(suites, request.families, source, daemons)
    if request.ipcomp:
        source = Source("--ipcomp")
        needs += proposals.ipcomp_needs(context.catalog, request.families, source)
    if request.everything:
        from modprobe_ipsec.needs.everything import all_needs

        needs += all_needs(context.catalog, request.families)
    return needs


def _configured(request: Query, host: Host, context: Context, installed: Installed) -> Demand:
    """What `--config` asks for, or all configurations that the installed daemons read."""
    # a third of a start-up, which a proposal on the command line need not pay
    from modprobe_ipsec.daemons import configured
    from modprobe_ipsec.host.config_files import ConfigFiles

    files = ConfigFiles(host, request.given, request.directory)
    if request.config:
        reading = _of_another(request.config, files, context, installed)
        reading = reading or configured.read_file(request.config, files, context, installed)
        return _wanted((request.config,), reading)
    paths, reading = configured.read_host(files, context, installed)
    return _wanted(paths, reading)


def _of_another(path: str, files: Files, context: Context, installed: Installed) -> Reading | None:
    """What a file asks for that is no IKE daemon's; None if it may be one's."""
    text = "" if context.daemon else files.text(path)
    marks = (mark for program in context.catalog.others.values() for mark in program.marks)
    if not any(mark in text for mark in marks):
        return None
    from modprobe_ipsec.daemons import others

    return others.read_file(path, files, context, installed, text)


def _others(host: Host, context: Context, there: Installed) -> Reading | None:
    """What other programs ask for that are installed; None if none has to do with IPsec."""
    found = installed.others(host, context.catalog)
    if not found:
        return None
    from modprobe_ipsec.daemons import others
    from modprobe_ipsec.host.config_files import ConfigFiles

    reading = others.read_host(found, ConfigFiles(host), context, there)
    return reading if reading.others else None


def _with(demand: Demand, also: Reading) -> Demand:
    needs = [need for need in demand.needs if isinstance(need, Need)]
    features = [need for need in demand.needs if not isinstance(need, Need)]
    return demand._replace(
        needs=(*merge([*needs, *also.needs]), *merge([*features, *also.features])),
        problems=(*demand.problems, *also.problems),
        silent=(*demand.silent, *also.silent),
        others=also.others,
    )


def _with_defaults(
    demand: Demand, request: Query, context: Context, installed: Installed
) -> Demand:
    """With what the daemons propose by themselves that are named or installed, or might be."""
    releases = installed.releases
    if request.daemon and request.release:
        releases = {request.daemon.name: request.release}
    if not request.daemon and len(installed.daemons) == 1:
        context = context._replace(daemon=installed.daemons[0])
    offered = proposals.default_needs(context, releases)
    names = dict.fromkeys(s.daemon for need in offered for s in need.sources if s.daemon)
    return demand._replace(
        needs=offered,
        askers=tuple(installed.asker(DAEMONS[name], request.release) for name in names),
        assumed=not (request.daemon or installed.daemons),
    )


def _wanted(paths: tuple[str, ...], reading: Reading) -> Demand:
    needs: tuple[AnyNeed, ...] = (*reading.needs, *reading.features)
    return Demand(
        needs=needs,
        configs=paths,
        problems=reading.problems,
        silent=reading.silent,
        askers=reading.askers,
        others=reading.others,
    )
