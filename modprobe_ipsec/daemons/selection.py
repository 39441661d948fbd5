# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the kernel: on the command line, else in the daemons' configuration."""

from modprobe_ipsec.base.annotations import Callable, Mapping, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Daemon, Family, Protocol
from modprobe_ipsec.daemons import proposals
from modprobe_ipsec.host.machine import installed as daemons
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.everything import all_needs
from modprobe_ipsec.needs.need import AnyNeed, Need, Source, merge
from modprobe_ipsec.needs.reading import IgnoredConnection, Problem, Reading

# The parsed data/*.yaml of the daemons, by name.
Trees = Callable[[], Mapping[str, Mapping[str, object]]]


class Query(Value):
    """What the command line says about needs."""

    esp: Sequence[str]
    ah: Sequence[str]
    ipcomp: bool
    everything: bool
    config: str
    daemon: Daemon | None
    # libreswan's release, if the user says so.
    release: tuple[int, int] | None
    families: tuple[Family, ...]
    fips: bool


class Demand(Value):
    """All needs, and what came of the configurations they stand in."""

    needs: tuple[AnyNeed, ...]
    # The files that were read, without their includes.
    configs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    silent: tuple[IgnoredConnection, ...] = ()


def select(request: Query, host: Host, catalog: Catalog, trees: Trees) -> Demand:
    """Work out what is needed.

    `trees` gives the parsed data/libreswan.yaml and data/strongswan.yaml, in a mapping; it is
    called only if a configuration is read. Raises ProposalError and ConfigError.
    """
    needs = _named(request, catalog)
    if needs:
        return Demand(merge(needs))
    installed = daemons.read(host)
    if request.config or installed.libreswan or installed.strongswan:
        found = _configured(request, host, catalog, trees, installed)
        if found.configs:
            return found
    daemon = request.daemon or _only(installed)
    return Demand(proposals.default_needs(catalog, request.families, daemon, fips=request.fips))


def _only(installed: daemons.Installed) -> Daemon | None:
    """The daemon that is installed, if it is one."""
    if installed.libreswan == installed.strongswan:
        return None
    return Daemon.LIBRESWAN if installed.libreswan else Daemon.STRONGSWAN


def _named(request: Query, catalog: Catalog) -> list[Need]:
    """What stands on the command line itself."""
    needs: list[Need] = []
    for protocol, texts in ((Protocol.ESP, request.esp), (Protocol.AH, request.ah)):
        for text in texts:
            _, suites = proposals.read(
                text, protocol, catalog, daemon=request.daemon, fips=request.fips
            )
            source = Source(f"--{protocol}", text, request.daemon)
            needs += proposals.needs(suites, request.families, source)
    if request.ipcomp:
        needs += proposals.ipcomp_needs(catalog, request.families, Source("--ipcomp"))
    if request.everything:
        needs += all_needs(catalog, request.families)
    return needs


def _configured(
    request: Query, host: Host, catalog: Catalog, trees: Trees, installed: daemons.Installed
) -> Demand:
    """What `--config` asks for, or all configurations that the installed daemons read."""
    # a third of a start-up, which a proposal on the command line need not pay
    from modprobe_ipsec.daemons import configured
    from modprobe_ipsec.daemons.common.context import Context
    from modprobe_ipsec.host.config_files import ConfigFiles

    context = Context(
        catalog,
        trees(),
        request.families,
        request.fips,
        request.daemon,
        request.release or installed.libreswan_release,
    )
    files = ConfigFiles(host)
    if request.config:
        reading = configured.read_file(request.config, files, context)
        return _wanted((request.config,), reading)
    paths, reading = configured.read_host(files, context, installed)
    return _wanted(paths, reading)


def _wanted(paths: tuple[str, ...], reading: Reading) -> Demand:
    needs: tuple[AnyNeed, ...] = (*reading.needs, *reading.features)
    return Demand(needs, paths, reading.problems, reading.silent)
