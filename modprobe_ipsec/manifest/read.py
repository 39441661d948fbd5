# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a host plan back. It may come out of a container, so it is hostile until it is read."""

from modprobe_ipsec.base.annotations import Iterator, TypeVar
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import StrEnum
from modprobe_ipsec.catalog.model import Catalog, Family, KernelInterface, Protocol, XfrmTable
from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.catalog.strict_yaml import Bounds, parse_bounded
from modprobe_ipsec.catalog.table import Table
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.manifest.model import (
    BLOCKER_KINDS,
    VERSION,
    Blocker,
    ContainerRights,
    HostPlan,
    PlannedModule,
    PlannedNeed,
    Provenance,
    Sysctl,
    Where,
)
from modprobe_ipsec.manifest.requirements import CAPABILITIES, DEVICES, PORTS, SYSCTLS
from modprobe_ipsec.manifest.words import MAX_TEXT, clean
from modprobe_ipsec.manifest.write import KIND
from modprobe_ipsec.needs.need import Choice, FeatureNeed, Mode, Need, Source, Suite
from modprobe_ipsec.plan.verdict import Verdict

# Every transform in every key length, with and without ESN, in both families, is about 400 needs.
MAX_BYTES = 1 << 19
MAX_NEEDS = 1000
_MAX_ENTRIES = 200
_MAX_SOURCES = 16
# A container's modprobe-ipsec may be older than its host's.
_READS = (1, VERSION)
_BOUNDS = Bounds(depth=8, nodes=40_000)
_E = TypeVar("_E", bound=StrEnum)


def parse(text: str, name: str, catalog: Catalog) -> HostPlan:
    """Read a host plan; `name` is how errors call the file.

    Names nothing but what is in the map, and every text in it is one printable line. Raises
    ConfigError that names the file, the line and what is wrong.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{name}: larger than {MAX_BYTES} bytes")
    table = parse_bounded(text, name, _BOUNDS)
    if KIND not in table:
        raise ConfigError(f"{name}:1: no host plan: `{KIND}` is missing")
    top = _Entry(table, name, 1)
    version = top.take(KIND, int)
    if version not in _READS:
        hint = "write it again with the release of modprobe-ipsec that is to read it"
        raise ConfigError(top.error(f"format {version} is not known, only {VERSION}").message, hint)
    known = Reach(catalog)
    plan = HostPlan(
        made=_made(top.sub("made")),
        needs=tuple(_planned(entry, catalog) for entry in top.entries("needs", MAX_NEEDS)),
        modules=tuple(_module(entry, known) for entry in top.entries("modules", _MAX_ENTRIES)),
        sysctls=tuple(_sysctl(entry) for entry in top.entries("sysctls", _MAX_ENTRIES)),
        container=_container(top.sub("container")),
        blockers=tuple(_blocker(entry) for entry in top.entries("blockers", _MAX_ENTRIES)),
    )
    top.done()
    _check_order(plan, top)
    return plan


class _Entry(Row):
    """A mapping of a host plan."""

    def error(self, what: str, key: str = "") -> ConfigError:
        line = self.lines.get(key, self.line)
        return ConfigError(f"{self.file}:{line}: {clean(what)}")

    def quoted(self, value: object) -> str:
        return "`...`"

    def entries(self, key: str, most: int) -> Iterator["_Entry"]:
        """A list of mappings."""
        values = self.take(key, list, [])
        line = self.lines.get(key, self.line)
        if len(values) > most:
            raise self.error(f"more than {most} entries in `{key}`", key)
        for value in values:
            start = min(value.lines.values(), default=line) if isinstance(value, Table) else line
            yield _Entry(value, self.file, start)

    def line_of_text(self, key: str) -> str:
        """A text, empty if it is not there, that is one printable line."""
        value = self.take(key, str, "")
        if clean(value) != value:
            raise self.error(
                f"`{key}` must be one printable line of at most {MAX_TEXT} characters", key
            )
        return value

    def flag(self, key: str) -> bool:
        """true or false; false if it is not there."""
        return self.take(key, bool, False)

    def one_of(self, key: str, names: frozenset[str] | tuple[str, ...]) -> str:
        """A text out of a list of known ones."""
        value = self.take(key, str)
        if value not in names:
            raise self.error(f"`...` is not a {key} of the map", key)
        return value

    def some_of(self, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """A list of known texts, each once."""
        values = self.texts(key, [])
        for value in values:
            if value not in names:
                raise self.error(f"`...` is none of {', '.join(names)}", key)
        if len(set(values)) < len(values):
            raise self.error(f"`{key}` names something twice", key)
        return values

    def member(self, key: str, enum: type[_E]) -> _E:
        """A member of an enumeration."""
        return self.choice(key, enum, self.take(key, str))


def _made(row: _Entry) -> Provenance:
    configs = row.texts("configs", [])
    if len(configs) > _MAX_ENTRIES or any(clean(path) != path for path in configs):
        raise row.error("`configs` must hold a few printable lines", "configs")
    made = Provenance(
        tool=row.line_of_text("by"),
        kernel=row.line_of_text("kernel"),
        arch=row.line_of_text("arch"),
        root=row.line_of_text("root"),
        container=row.line_of_text("container"),
        configs=configs,
    )
    row.done()
    return made


def _planned(row: _Entry, catalog: Catalog) -> PlannedNeed:
    verdict = row.member("verdict", Verdict)
    sources = tuple(_source(entry) for entry in row.entries("from", _MAX_SOURCES))
    need = _feature(row, catalog) if "feature" in row else _sa(row, catalog)
    row.done()
    return PlannedNeed(need=need._replace(sources=sources), verdict=verdict)


def _source(row: _Entry) -> Source:
    source = Source(
        where=row.line_of_text("where"),
        text=row.line_of_text("text"),
        daemon=row.one_of("daemon", tuple(DAEMONS)) if "daemon" in row else None,
        forwards=tuple(map(Family, row.some_of("forwards", tuple(Family)))),
        offered=row.take("offered", bool, True),
    )
    row.done()
    return source


def _feature(row: _Entry, catalog: Catalog) -> FeatureNeed:
    feature = row.one_of("feature", frozenset(catalog.features))
    family = row.member("family", Family) if "family" in row else None
    if family not in catalog.features[feature].requests:
        raise row.error(f"`{feature}` is nothing of {family or 'both families'}", "feature")
    return FeatureNeed(feature=feature, family=family)


def _sa(row: _Entry, catalog: Catalog) -> Need:
    protocol, family = row.member("protocol", Protocol), row.member("family", Family)
    mode = row.member("mode", Mode) if "mode" in row else Mode.TUNNEL
    interface = (
        row.member("interface", KernelInterface) if "interface" in row else KernelInterface.XFRM
    )
    encryption = _choice(row, "encryption", protocol, catalog)
    integrity = _choice(row, "integrity", protocol, catalog)
    suite = Suite(
        protocol=protocol, encryption=encryption, integrity=integrity, esn=row.flag("esn")
    )
    if suite.esn and protocol is Protocol.COMP:
        raise row.error("IPComp has no sequence numbers", "esn")
    if not suite.is_possible:
        raise row.error(f"no SA of {protocol} has these transforms", "encryption")
    return Need(suite=suite, family=family, mode=mode, interface=interface)


def _choice(row: _Entry, key: str, protocol: Protocol, catalog: Catalog) -> Choice | None:
    if key not in row:
        return None
    entry = row.sub(key)
    name = entry.one_of("transform", frozenset(catalog.transforms))
    transform, key_bits = catalog.transforms[name], entry.take("key_bits", int)
    if protocol not in transform.protocols:
        raise entry.error(f"`{name}` is no transform of {protocol}", "transform")
    if (transform.kind is XfrmTable.AUTH) != (key == "integrity"):
        raise entry.error(f"`{name}` is no transform for {key}", "transform")
    if key_bits not in transform.key_bits:
        raise entry.error(f"`{name}` has no key of {key_bits} bits", "key_bits")
    entry.done()
    return Choice(transform=transform, key_bits=key_bits)


def _module(row: _Entry, known: Reach) -> PlannedModule:
    name, request = row.take("name", str, ""), row.take("request", str)
    if not known.request(request):
        raise row.error("`...` is no request of the map", "request")
    if name and not known.module(request, name):
        raise row.error(f"`...` is no module of the map for {request}", "name")
    module = PlannedModule(
        name=name,
        request=request,
        state=row.member("state", ResolutionState),
        autoload=row.flag("autoload") if "autoload" in row else None,
        why=row.line_of_text("why"),
        after=row.texts("after", []),
        # format 1 has it as `faster`
        accelerator=row.flag("accelerator") or row.flag("faster"),
    )
    row.done()
    return module


def _check_order(plan: HostPlan, top: _Entry) -> None:
    """Names stand once, and after what they are to come after."""
    seen: set[str] = set()
    for module in plan.modules:
        wrong = next((name for name in module.after if name not in seen), None)
        if wrong is not None:
            raise top.error(f"`{module.label}` is after `...`, which is not before it")
        if module.label in seen:
            raise top.error(f"`{module.label}` stands here twice")
        seen.add(module.label)


def _sysctl(row: _Entry) -> Sysctl:
    key, value = row.one_of("key", SYSCTLS), row.take("value", str)
    if not (value.isascii() and value.isdecimal() and len(value) < 6):
        raise row.error("`value` must be a small number, in quotes", "value")
    sysctl = Sysctl(
        key=key,
        value=value,
        where=row.member("where", Where),
        optional=row.flag("optional"),
        hidden_in_userns=row.flag("hidden_in_user_namespace"),
        why=row.line_of_text("why"),
    )
    row.done()
    return sysctl


def _container(row: _Entry) -> ContainerRights:
    container = ContainerRights(
        capabilities=row.some_of("capabilities", CAPABILITIES),
        devices=row.some_of("devices", DEVICES),
        ports=row.some_of("ports", PORTS),
    )
    row.done()
    return container


def _blocker(row: _Entry) -> Blocker:
    blocker = Blocker(
        kind=row.one_of("kind", BLOCKER_KINDS),
        module=row.line_of_text("module"),
        text=row.line_of_text("text"),
        remedy=row.line_of_text("remedy"),
    )
    row.done()
    return blocker
