# SPDX-License-Identifier: GPL-3.0-or-later
"""A demand as a message, from the process that reads hostile files to the one that loads for it.

A value becomes the list of its fields, a transform its name, everything else is what JSON can say.
Whoever takes it in believes nothing: each field has the type that its class declares, transforms
and features are those of the map, an SA has transforms that make one.
"""

from modprobe_ipsec.base.annotations import Any
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.model import Catalog, Transform
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Need, Source

# The generic form of `tuple[X, ...]` and the union `X | None`, without `types`.
_TUPLE: Any = type(tuple[int])
_UNION: Any = type(int | None)
_NEEDS = (Need, FeatureNeed)
# Every transform in every key length, mode and family is not half as many.
_MOST_NEEDS = 10_000


def to_message(demand: Demand) -> list[Any]:
    """What JSON can say of it."""
    # thousands of connections may ask for the same: needs share their sources
    groups: dict[int, int] = {}
    sources: list[object] = []
    needs: list[object] = []
    for need in demand.needs:
        if id(need.sources) not in groups:
            groups[id(need.sources)] = len(sources)
            sources.append(_encoded(need.sources))
        fields = _encoded(need._replace(sources=()))
        needs.append([_NEEDS.index(type(need)), groups[id(need.sources)], fields])
    return [sources, needs, _encoded(demand._replace(needs=()))]


def from_message(message: object, catalog: Catalog) -> Demand:
    """The demand again. Raises ValueError for anything that no reader of ours can have said."""
    try:
        sources, needs, rest = _a_list(message)
        groups = [_decoded(tuple[Source, ...], group, catalog) for group in _a_list(sources)]
        demand: Demand = _decoded(Demand, rest, catalog)
        if len(_a_list(needs)) > _MOST_NEEDS or demand.needs:
            raise ValueError("more needs than there can be")
        if any(asker.daemon not in DAEMONS for asker in demand.askers):
            raise ValueError("no daemon of ours")
        if any(other.program not in catalog.others for other in demand.others):
            raise ValueError("no program of ours")
        return demand._replace(needs=tuple(_need(entry, groups, catalog) for entry in needs))
    except (LookupError, TypeError) as error:
        raise ValueError(str(error)) from None


def _need(entry: object, groups: list[Any], catalog: Catalog) -> AnyNeed:
    kind, group, fields = _a_list(entry)
    need: AnyNeed = _decoded(_NEEDS[kind], fields, catalog)
    if isinstance(need, FeatureNeed):
        known = need.family in catalog.features[need.feature].requests
    else:
        known = need.suite.is_possible
    if not known:
        raise ValueError(f"nothing of the map: {need.label}")
    return need._replace(sources=groups[group])


def _encoded(value: Any) -> object:
    if isinstance(value, Transform):
        return value.name
    if isinstance(value, tuple):
        return [_encoded(part) for part in value]
    return value


def _decoded(kind: Any, data: Any, catalog: Catalog) -> Any:
    """The value of a declared type."""
    if type(kind) is _UNION:
        (inner,) = (each for each in kind.__args__ if each is not type(None))
        return None if data is None else _decoded(inner, data, catalog)
    if type(kind) is _TUPLE:
        # `AnyNeed` is a union of two values, of which there are none here
        return tuple(_decoded(kind.__args__[0], part, catalog) for part in _a_list(data))
    if kind is Transform:
        return catalog.transforms[data]
    if issubclass(kind, StrEnum):
        return kind(data)
    if issubclass(kind, Value):
        kinds = kind.__annotations__.values()
        parts = zip(kinds, _a_list(data), strict=True)
        return kind(*(_decoded(of, part, catalog) for of, part in parts))
    if type(data) is not kind:
        raise ValueError(f"{kind.__name__} expected")
    return data


def _a_list(data: Any) -> list[Any]:
    if type(data) is not list:
        raise ValueError("list expected")
    return data
