# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML of `data/` -> `Catalog`, checked: a mistake names its file and line."""

from modprobe_ipsec.base.annotations import Any, Iterator, Mapping
from modprobe_ipsec.base.names import expand, split, words_of
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.architectures import read_architectures
from modprobe_ipsec.catalog.model import (
    CardFeature,
    Catalog,
    Family,
    Feature,
    KernelInterface,
    ModuleRequest,
    NeverLoad,
    Part,
    Protocol,
    Transform,
    Until,
    XfrmTable,
)
from modprobe_ipsec.catalog.obstacles import Knowledge, Mitigation, Package, Symptom
from modprobe_ipsec.catalog.others import other_program
from modprobe_ipsec.catalog.profiles import read_profiles
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.catalog.table import Table
from modprobe_ipsec.catalog.vocabulary import vocabulary

FILES = (
    "transforms",
    "crypto",
    "architectures",
    "protocols",
    "features",
    "never_load",
    "obstacles",
    "packages",
    "profiles",
    "others",
)

# Of the names of files with what is known of one daemon each, and with a chapter of the glossary.
DAEMONS, GLOSSARY = "daemons/", "glossary/"
# What --lab asks for by name: no part of the catalog.
XFRM_NAMES = "xfrm"


def parse_all(texts: Mapping[str, str]) -> dict[str, Table]:
    """Parse YAML texts by name. Raises ConfigError that names file and line."""
    # costs as much as the rest of a start-up; an installed package has the map parsed already
    from modprobe_ipsec.catalog.strict_yaml import parse

    return {name: parse(texts[name], f"data/{name}.yaml") for name in texts}


def modules(trees: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The map as Python modules: the catalog, of each daemon's file all of it, the glossary, and
    what there is to ask XFRM for.

    Raises ConfigError that names file and line.
    """
    from modprobe_ipsec.catalog.prebuilt import source

    glossary = {
        name.removeprefix(GLOSSARY): tree
        for name, tree in trees.items()
        if name.startswith(GLOSSARY)
    }
    texts = {"_map.py": source(build(trees)), "_glossary.py": f"TREES = {glossary!r}\n"}
    if XFRM_NAMES in trees:
        texts["_xfrm.py"] = f"TREE = {trees[XFRM_NAMES]!r}\n"
    for name, tree in trees.items():
        if name.startswith(DAEMONS):
            texts[f"_map_{name.removeprefix(DAEMONS)}.py"] = f"TREE = {tree!r}\n"
    return texts


def build(trees: Mapping[str, object]) -> Catalog:
    """Check the parsed map and make the catalog: all of FILES, and of each daemon's file among
    `trees` what is always read.

    Raises ConfigError that names file and line.
    """
    rows = {name: Row(trees[name], name, 1) for name in FILES}
    daemons = {
        name.removeprefix(DAEMONS): Row(tree, name, 1)
        for name, tree in trees.items()
        if name.startswith(DAEMONS)
    }
    crypto, obstacles = rows["crypto"], rows["obstacles"]
    code = _Code(crypto.sub("config").words(), _lists(obstacles.sub("initcalls")))
    transforms = {name: _transform(name, row, code) for name, row in rows["transforms"].rows()}
    profiles, notes = read_profiles(rows["profiles"], transforms)
    parts, whole = crypto.sub("parts"), crypto.sub("whole")
    architectures = read_architectures(rows["architectures"])
    features = {name: _feature(row) for name, row in rows["features"].rows()}
    catalog = Catalog(
        transforms=transforms,
        vocabularies={
            name: vocabulary(row.sub("proposals"), transforms) for name, row in daemons.items()
        },
        parts=_parts(parts),
        not_for_packets=frozenset(crypto.texts("not_for_packets")),
        until=dict(_until(crypto.sub("until"))),
        whole=_lists(whole),
        architectures=architectures,
        machines={u: n for n, of in reversed(architectures.items()) for u in of.uname},
        config=code.config,
        sockets={i: _request(rows["protocols"].sub(i)) for i in KernelInterface},
        types=dict(_types(rows["protocols"])),
        features=features,
        never_load=dict(_never_load(rows["never_load"])),
        not_fips=_parts_of(obstacles, "not_fips"),
        knowledge=_knowledge(
            obstacles,
            rows["packages"],
            {name: row.sub("log") for name, row in daemons.items()},
            code.initcalls,
        ),
        notes=notes,
        profiles=profiles,
        others={
            name: other_program(row, transforms, features) for name, row in rows["others"].rows()
        },
    )
    for row in rows.values():
        row.done()
    _refuse_circles(catalog, parts, whole)
    return catalog


class _Code(Value):
    """What is known of the code behind algorithms; a transform may bring its own along."""

    # Kernel option by word: sm4 -> CRYPTO_SM4
    config: dict[str, str]
    # Functions that start it when it is built in, by module.
    initcalls: dict[str, tuple[str, ...]]


def _transform(name: str, row: Row, code: _Code) -> Transform:
    kind = row.choice("kind", XfrmTable, row.take("kind", str))
    protocols = row.texts("in", ["esp", "ah"] if kind is XfrmTable.AUTH else ["esp"])
    xfrm, why_not = row.take("xfrm", str, ""), row.take("why_not", str, "")
    if bool(xfrm) == bool(why_not):
        raise row.error("either `xfrm` or `why_not` is needed")
    key_bits: list[Any] = row.take("key", list)
    if not key_bits or not all(type(bits) is int for bits in key_bits):
        raise row.error("`key` must list key lengths in bits", "key")
    transform = Transform(
        name=name,
        kind=kind,
        iana=row.take("iana", int),
        xfrm=xfrm,
        protocols=tuple(row.choice("in", Protocol, protocol) for protocol in protocols),
        key_bits=tuple(key_bits),
        salt_bits=row.take("salt", int, 0),
        icv_bits=row.take("icv", int, 0),
        geniv=row.take("geniv", str, ""),
        why_not=why_not,
        sadb=row.take("sadb", int, 0),
    )
    if "config" in row:
        # without, a line of initcall_blacklist= that keeps it out would not be seen
        code.initcalls.update(_lists(row.sub("initcalls")))
        code.config.update(row.sub("config").words())
    for word in words_of(f"{transform.geniv}({xfrm})" if xfrm else ""):
        if word not in code.config:
            raise row.error(f"`{word}` has no kernel option: say `config: {{{word}: OPTION}}`")
    row.done()
    return transform


def _never_load(row: Row) -> Iterator[tuple[str, NeverLoad]]:
    """`MODULE: why`, or with the exception a mapping."""
    for module in tuple(row.rest):
        if isinstance(row.rest[module], str):
            yield module, NeverLoad(row.take(module, str))
            continue
        sub = row.sub(module)
        driver = sub.take("driver", str, "")
        why, unless, then = (
            sub.take(key, str, "" if driver and key != "why" else None)
            for key in ("why", "unless", "then")
        )
        sub.done()
        yield module, NeverLoad(why=why, unless=unless, then=then, driver=driver)


def _until(row: Row) -> Iterator[tuple[str, Until]]:
    for name, sub in row.rows():
        last, gone = (sub.version(key, sub.take(key, str)) for key in ("last", "gone"))
        yield name, Until(last=last, gone=gone, fips=sub.take("fips", bool, False))
        sub.done()


def _parts(row: Row) -> dict[str, tuple[Part, ...]]:
    return {name: _parts_of(row, name) for name in row.table}


def _parts_of(row: Row, key: str) -> tuple[Part, ...]:
    return tuple(_part(row, key, text) for text in row.texts(key))


def _part(row: Row, key: str, text: str) -> Part:
    """`NAME`, `NAME <=A <B` or `NAME >A >=B`: sure on one side of both, open between them."""
    request, *conditions = text.split(" ")
    match conditions:
        case []:
            return Part(request)
        case [a, b] if a.startswith("<=") and b.startswith("<"):
            last, before = row.version(key, a[2:]), row.version(key, b[1:])
            return Part(request, last=last, before=before)
        case [a, b] if a.startswith(">") and b.startswith(">="):
            after, since = row.version(key, a[1:]), row.version(key, b[2:])
            return Part(request, after=after, since=since)
    raise row.error(f"`{' '.join(conditions)}` is neither `<=X.Y <X.Y` nor `>X.Y >=X.Y`", key)


def _refuse_circles(catalog: Catalog, parts: Row, whole: Row) -> None:
    """What is needed to build something must not, however indirectly, need it itself."""
    # word -> what it leads to, and where that stands
    leads: dict[str, list[tuple[str, Row, str]]] = {}
    for name, requests in catalog.parts.items():
        words = [word for part in requests for word in words_of(part.request)]
        leads[name] = [(word, parts, name) for word in words]
    for primitive, names in catalog.whole.items():
        for name in expand(names, primitive):
            leads.setdefault(split(name)[0], []).append((primitive, whole, primitive))

    def follow(word: str, above: tuple[str, ...]) -> None:
        for other, row, key in leads.get(word, ()):
            path = (*above, other)
            if other in above:
                raise row.error(f"this leads in a circle: {' -> '.join(path)}", key)
            follow(other, path)

    for word in leads:
        follow(word, (word,))


def _lists(row: Row) -> dict[str, tuple[str, ...]]:
    return {key: row.texts(key) for key in row.table}


def _request(row: Row) -> ModuleRequest:
    request = ModuleRequest(
        alias=row.take("request", str),
        module=row.take("module", str),
        config=row.take("config", str),
        title=row.take("title", str),
    )
    row.done()
    return request


def _feature(row: Row) -> Feature:
    title = row.take("title", str)
    requests: dict[Family | None, tuple[ModuleRequest, ...]] = {}
    sub = row.sub("requests")
    for key in (None, *Family):
        if (key or "any") not in sub.rest:
            continue
        line = sub.lines.get(key or "any", sub.line)
        found = []
        for entry in sub.take(key or "any", list):
            request = Row(entry, sub.file, line)
            alias, module, config = (request.take(k, str) for k in ("request", "module", "config"))
            found.append(ModuleRequest(alias=alias, module=module, config=config, title=title))
            request.done()
        requests[key] = tuple(found)
    sub.done()
    card = _card(row.sub("card")) if "card" in row else None
    feature = Feature(
        title=title, requests=requests, unproven=row.take("unproven", str, ""), card=card
    )
    row.done()
    return feature


def _card(row: Row) -> CardFeature:
    card = CardFeature(
        name=row.take("feature", str),
        enough=row.take("enough", bool),
        remark=row.take("remark", str),
        needed=row.take("needed", bool, True),
        remedy=row.take("remedy", str, ""),
    )
    row.done()
    return card


def _types(row: Row) -> Iterator[tuple[tuple[Protocol, Family], tuple[ModuleRequest, ...]]]:
    for protocol in Protocol:
        sub = row.sub(protocol)
        for family in Family:
            line = sub.lines.get(family, sub.line)
            entries = (Row(entry, sub.file, line) for entry in sub.take(family, list))
            yield (protocol, family), tuple(_request(entry) for entry in entries)
        sub.done()


def _knowledge(
    obstacles: Row,
    packages: Row,
    logs: Mapping[str, Row],
    initcalls: Mapping[str, tuple[str, ...]],
) -> Knowledge:
    return Knowledge(
        mitigations=tuple(_mitigation(n, row) for n, row in obstacles.sub("mitigations").rows()),
        symptoms=dict(_symptoms(obstacles.sub("symptoms"), logs)),
        initcalls=initcalls,
        packages=tuple(_packages(packages, "modules", ("option", "file"))),
        trees=tuple(_packages(packages, "trees", ())),
        openwrt=packages.sub("openwrt").words(),
        libkmod=packages.sub("libkmod").words(),
    )


def _mitigation(name: str, row: Row) -> Mitigation:
    fixed = []
    for text in row.texts("fixed"):
        distribution, _, version = text.partition(" ")
        if not version[:1].isdecimal():
            raise row.error(f"`{text}` is no distribution and version", "fixed")
        fixed.append((distribution, version))
    modules = frozenset(row.texts("modules"))
    found = Mitigation(
        name=name,
        cve=row.take("cve", str),
        modules=modules,
        files=row.texts("files"),
        fixed=tuple(fixed),
    )
    row.done()
    return found


def _symptoms(row: Row, logs: Mapping[str, Row]) -> Iterator[tuple[str, Symptom]]:
    """Symptoms by the beginning of the request, with what each daemon writes then."""
    for name, sub in row.rows():
        lines = tuple((daemon, log.take(name, str)) for daemon, log in logs.items() if name in log)
        symptom = Symptom(sub.take("errno", int), lines)
        for begin in sub.texts("requests"):
            yield begin, symptom
        sub.done()
    for log in logs.values():
        log.done()


def _packages(row: Row, key: str, lacks: tuple[str, ...]) -> Iterator[Package]:
    for entry in row.take(key, list):
        sub = Row(entry, row.file, row.lines.get(key, row.line))
        lack = sub.take("lacks", str) if lacks else ""
        if lacks and lack not in lacks:
            raise sub.error(f"`lacks` is {' or '.join(lacks)}", "lacks")
        yield Package(
            os=sub.take("os", str),
            kernels=sub.take("kernels", str),
            install=sub.take("install", str),
            lacks=lack,
        )
        sub.done()
