# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a kernel has PF_KEY, by all who can tell: it is to be removed, and some kernels are built
without. Pure.

source: net/key/af_key.c, net/Makefile
"""

from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.host.facts import Facts, ModuleState

_PATH, _ALIAS, _MODULE, _OPTION = "proc/net/pfkey", "net-pf-15", "af_key", "NET_KEY"


class PfKeyState(StrEnum):
    """How PF_KEY stands on a host."""

    THERE = "there"
    LOADABLE = "loadable"
    GONE = "gone"
    UNKNOWN = "unknown"


class PfKeyWitness(Value):
    """What one of those says who can tell."""

    # A file, or whose word it is.
    where: str
    # None: it cannot tell.
    there: bool | None
    says: str


class PfKeyFound(Value):
    """All that tells of PF_KEY here."""

    state: PfKeyState
    witnesses: tuple[PfKeyWitness, ...]

    @property
    def text(self) -> str:
        """In one line."""
        said = "; ".join(witness.says for witness in self.witnesses)
        return f"{_WORDS[self.state]}: {said}" if said else _WORDS[self.state]


_WORDS = {
    PfKeyState.THERE: "there",
    PfKeyState.LOADABLE: "not loaded",
    PfKeyState.GONE: "this kernel has none",
    PfKeyState.UNKNOWN: "cannot be told",
}


def pf_key(facts: Facts) -> PfKeyFound:
    """Ask the file, the module and the option; the socket itself only a proof opens.

    One that sees it is enough. That one does not see it proves nothing: that it is gone, two have
    to say, the index of modules and the configuration.
    """
    file, module, option = _file(facts), _module(facts), _option(facts)
    witnesses = tuple(witness for witness in (file, module, option) if witness)
    index, config = facts.module_index, facts.config
    loadable = index is not None and (_MODULE in index.files or _ALIAS in index.aliases)
    if any(witness.there for witness in witnesses):
        state = PfKeyState.THERE
    elif loadable:
        state = PfKeyState.LOADABLE
    elif index is not None and config is not None and config.get(_OPTION) != "m":
        state = PfKeyState.GONE
    elif config is not None and config.get(_OPTION) == "n":
        # without any index: built in or not at all
        state = PfKeyState.GONE
    else:
        state = PfKeyState.UNKNOWN
    return PfKeyFound(state=state, witnesses=witnesses)


def _file(facts: Facts) -> PfKeyWitness | None:
    sign = next((sign for sign in facts.stack_signs if sign.path == _PATH), None)
    if sign is None:
        return None
    says = {True: sign.shows, False: f"no /{_PATH}", None: f"/{_PATH}: {sign.shows}"}
    # without it af_key may still be a module
    return PfKeyWitness(f"/{_PATH}", sign.present or None, says[sign.present])


def _module(facts: Facts) -> PfKeyWitness | None:
    index, state = facts.module_index, (facts.modules or {}).get(_MODULE)
    if state is ModuleState.LIVE:
        return PfKeyWitness("/proc/modules", True, "af_key is loaded")
    if index is None:
        return None
    if _MODULE in index.builtin or state is ModuleState.BUILTIN:
        return PfKeyWitness("modules.builtin", True, "af_key is built in")
    if _MODULE in index.files:
        return PfKeyWitness("modules.dep", None, "af_key is a module")
    names = index.aliases.get(_ALIAS, ())
    if names:
        return PfKeyWitness("modules.alias", None, f"{', '.join(names)} answers {_ALIAS}")
    return PfKeyWitness("modules.dep", False, f"no module answers {_ALIAS}")


def _option(facts: Facts) -> PfKeyWitness | None:
    if facts.config is None:
        return None
    value = facts.config.get(_OPTION)
    says = f"CONFIG_{_OPTION} is not set" if value == "n" else f"CONFIG_{_OPTION}={value}"
    there = {"y": True, "n": False}.get(value)
    return PfKeyWitness(f"/{facts.config.path}", there, says)
