# SPDX-License-Identifier: GPL-3.0-or-later
"""data/daemons/strongswan.yaml -> which options strongSwan knows, what they ask of the kernel."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import ALWAYS
from modprobe_ipsec.catalog.row import Row
from modprobe_ipsec.daemons.strongswan.releases import History, history
from modprobe_ipsec.needs.need import Mode

# Kinds of values that are grammars of their own.
GRAMMARS = frozenset(
    ("text", "files", "mode", "proposals", "ike_proposals", "addresses", "selectors", "hosts")
)
# Characters; numbers have ten.
_LONGEST_WORD = 20
KERNELS = ("netlink", "pfkey", "libipsec")


class ValueKind(Value):
    """What a value may be: one of `words` in any case, of `exact` as written, or a pattern."""

    words: frozenset[str]
    exact: frozenset[str]
    pattern: str


class Ask(Value):
    """The feature that an option asks for if its whole value matches the pattern, in any case."""

    feature: str
    pattern: str
    # Whether each address family has one of its own.
    families: bool
    # Values that ask for nothing, and why that is worth a word.
    quiet: Mapping[str, str]
    # Values (lower case) that ask for another feature.
    instead: Mapping[str, str]


class Plugin(Value):
    """A plugin that changes what is asked for."""

    # A key of features.yaml, or empty.
    feature: str
    # Whether nothing fails without it.
    optional: bool
    # The way to the kernel that it offers, one of KERNELS, or empty.
    kernel: str
    # Transforms that it sets up no SA with.
    lacks: frozenset[str]
    # The setting without which it does nothing; empty if there is none.
    given: str


class StrongswanOptions(Value):
    """The whole of data/daemons/strongswan.yaml."""

    kinds: Mapping[str, ValueKind]
    # Option -> kind, of each kind of section.
    connection: Mapping[str, str]
    authentication: Mapping[str, str]
    child: Mapping[str, str]
    conn: Mapping[str, str]
    end: Mapping[str, str]
    # Keywords of ipsec.conf that belong into other sections than conns, or nowhere any more.
    elsewhere: frozenset[str]
    deprecated: frozenset[str]
    modes: Mapping[str, tuple[Mode, ...]]
    shunts: Mapping[str, str]
    asks: Mapping[str, Ask]
    plugins: Mapping[str, Plugin]
    history: History

    def is_plain(self, value: str) -> bool:
        """Whether a value is a word that some option has, or a number: it may be shown."""
        if len(value) > _LONGEST_WORD:
            return False
        number, word = value.lower().removeprefix("0x"), value.lower()
        return (
            not number.strip("0123456789abcdef")
            or word in self.modes
            or any(word in kind.words or word in kind.exact for kind in self.kinds.values())
        )


def build(tree: object) -> StrongswanOptions:
    """Check the parsed file. Raises ConfigError that names file and line."""
    top = Row(tree, "daemons/strongswan", 1)
    top.leave(*ALWAYS)
    swanctl, starter = top.sub("swanctl"), top.sub("starter")
    kinds = {name: _kind(row) for name, row in top.sub("kinds").rows()}
    known = GRAMMARS | kinds.keys()
    options = StrongswanOptions(
        kinds=kinds,
        connection=_table(swanctl.sub("connection"), known),
        authentication=_table(swanctl.sub("authentication"), known),
        child=_table(swanctl.sub("child"), known),
        conn=_table(starter.sub("conn"), known),
        end=_table(starter.sub("end"), known),
        elsewhere=frozenset(starter.texts("elsewhere")),
        deprecated=frozenset(starter.texts("deprecated")),
        modes=_modes(top.sub("modes")),
        shunts=top.sub("shunts").words(),
        asks={name: _ask(row) for name, row in top.sub("asks").rows()},
        plugins={name: _plugin(row) for name, row in top.sub("plugins").rows()},
        history=history(top.sub("since"), top.sub("gone")),
    )
    for row in (swanctl, starter, top):
        row.done()
    return options


def _kind(row: Row) -> ValueKind:
    words, exact = row.texts("words", []), row.texts("exact", [])
    kind = ValueKind(frozenset(words), frozenset(exact), row.take("pattern", str, ""))
    if sum(map(bool, kind)) != 1:
        raise row.error("one of `words`, `exact` and `pattern` is needed")
    row.done()
    return kind


def _table(row: Row, known: frozenset[str]) -> dict[str, str]:
    table = row.words()
    for option, kind in table.items():
        if kind not in known:
            raise row.error(f"`{kind}` is no kind of value", option)
    return table


def _modes(row: Row) -> dict[str, tuple[Mode, ...]]:
    result: dict[str, tuple[Mode, ...]] = {}
    for name in tuple(row.rest):
        try:
            result[name] = tuple(Mode(mode) for mode in row.texts(name))
        except ValueError as error:
            raise row.error(f"{error} of an SA", name) from None
    return result


def _ask(row: Row) -> Ask:
    ask = Ask(
        feature=row.take("feature", str),
        pattern=row.take("pattern", str),
        families=row.take("families", bool, False),
        quiet=row.sub("quiet").words() if "quiet" in row else {},
        instead=row.sub("instead").words() if "instead" in row else {},
    )
    row.done()
    return ask


def _plugin(row: Row) -> Plugin:
    kernel = row.take("kernel", str, "")
    if kernel not in ("", *KERNELS):
        raise row.error(f"`{kernel}` is none of {', '.join(KERNELS)}", "kernel")
    plugin = Plugin(
        feature=row.take("feature", str, ""),
        optional=row.take("optional", bool, False),
        kernel=kernel,
        lacks=frozenset(row.texts("lacks", [])),
        given=row.take("given", str, ""),
    )
    row.done()
    return plugin
