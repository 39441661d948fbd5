# SPDX-License-Identifier: GPL-3.0-or-later
"""One run, whoever asked for it: plan, load, prove, judge. What needs are and who reads the report
is the callers' business.
"""

import os
import sys

from modprobe_ipsec.base.annotations import Callable, Mapping, Sequence
from modprobe_ipsec.base.value import once
from modprobe_ipsec.catalog.model import Catalog, Family
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.diagnose.resolution import LoadFailure
from modprobe_ipsec.host.facts import Facts, ModuleState, WordSizes
from modprobe_ipsec.host.gather import gather, refresh
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.host.shipped import daemon_names, glossary_names, read_data
from modprobe_ipsec.needs.need import AnyNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.meaning import is_hopeless
from modprobe_ipsec.plan.plan import LoadResult
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.report.model import Action, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.host.machine.cards import Cards
    from modprobe_ipsec.kernel.child import Send

# All that a program which libkmod starts for an `install` line gets to see.
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def clean_environment() -> None:
    """Forget what our caller's environment says, and let nobody whom we start see it."""
    os.environ.clear()
    os.environ.update(_ENVIRONMENT)


def catalog() -> Catalog:
    """The whole map but for what only the readers of configurations need.

    As it was made when the wheel was built, or read now, in a repository.
    """
    try:
        from modprobe_ipsec._map import CATALOG
    except ImportError:
        from modprobe_ipsec.catalog.loader import DAEMONS, FILES, build

        return build(_parsed((*FILES, *(f"{DAEMONS}{name}" for name in daemon_names()))))
    made: Catalog = CATALOG
    return made


def daemon_tree(name: str) -> Mapping[str, object]:
    """All that is known of one daemon."""
    try:
        module = __import__(f"modprobe_ipsec._map_{name}", fromlist=("",))
    except ImportError:
        from modprobe_ipsec.catalog.loader import DAEMONS

        return _parsed((f"{DAEMONS}{name}",))[f"{DAEMONS}{name}"]
    tree: Mapping[str, object] = module.TREE
    return tree


def glossary_trees() -> Mapping[str, Mapping[str, object]]:
    """The files of data/glossary/ by name, parsed as the map is."""
    try:
        from modprobe_ipsec._glossary import TREES
    except ImportError:
        from modprobe_ipsec.catalog.loader import GLOSSARY

        names = {name: f"{GLOSSARY}{name}" for name in glossary_names()}
        return {name: _parsed((file,))[file] for name, file in names.items()}
    trees: Mapping[str, Mapping[str, object]] = TREES
    return trees


# What was read of a repository's data/.
_read: dict[str, Mapping[str, object]] = {}


def _parsed(names: Sequence[str]) -> Mapping[str, Mapping[str, object]]:
    """Files of data/ by name, each parsed once."""
    from modprobe_ipsec.catalog.loader import parse_all

    _read.update(parse_all(read_data(tuple(name for name in names if name not in _read))))
    return {name: _read[name] for name in names}


def facts_of(host: Host, catalog: Catalog) -> Facts:
    """All facts of a host, with the machine that its kernel was built for if nothing else tells."""
    facts = gather(host)
    if facts.arch or facts.config is None:
        return facts
    return facts._replace(arch=catalog.machine(facts.config.get))


def with_word_sizes(facts: Facts, host: Host, demand: Demand) -> Facts:
    """The facts, and how to learn the word size of the daemons whose configurations these are."""

    @once
    def sizes() -> WordSizes:
        if host.root == "/" and not demand.askers and sys.maxsize > 1 << 32:
            return WordSizes(daemon=64, ours=64)
        from modprobe_ipsec.host.machine import word_size

        daemons = (DAEMONS[asker.daemon] for asker in demand.askers if asker.daemon in DAEMONS)
        return word_size.read(host, (path for daemon in daemons for path in daemon.programs))

    return facts._replace(word_sizes=sizes)


def families(facts: Facts) -> tuple[Family, ...]:
    """The address families that this kernel has, for whoever does not say."""
    return (Family.IPV4, Family.IPV6) if facts.ipv6 else (Family.IPV4,)


def no_cards() -> "Cards":
    """What is known of the network cards in a network namespace that has none."""
    from modprobe_ipsec.host.machine.cards import Cards

    return Cards((), "the network cards are not seen in a private network namespace")


def cards_of(host: Host) -> "Callable[[], Cards]":
    """Asks the network cards, once, and not before something needs to know."""

    @once
    def ask() -> "Cards":
        from modprobe_ipsec.host.machine.cards import Cards

        if not host.live:
            return Cards((), "the network cards of another machine cannot be asked")
        # pyudev and pyroute2 take longer to import than a whole check
        from modprobe_ipsec.devices.survey import survey

        return survey()

    return ask


# How long the answer to one need may take (seconds): the first waits for modules and self-tests,
# perhaps on an emulated CPU; packets go through several SAs of it.
_SA_TIMEOUT, _PACKETS_TIMEOUT = 20.0, 90.0


def _with_packets(needs: Sequence[AnyNeed], numbers: Sequence[int], send: "Send") -> None:
    """In the child: pyroute2 takes longer to import than a whole check."""
    from modprobe_ipsec.lab.prove import ask

    ask(needs, numbers, send)


def _in_this_namespace(needs: Sequence[AnyNeed], numbers: Sequence[int], send: "Send") -> None:
    """In the child."""
    from modprobe_ipsec.kernel import namespace
    from modprobe_ipsec.kernel.ask import ask

    ask(needs, numbers, send, enter=namespace.stay)


def _asking_for_messages(facts: Facts, host: Host, *, asks: bool) -> Facts:
    """The facts, and how to ask the kernel whether it hears a process such as this one.

    That opens a socket, for which it may load xfrm_user: unless `asks`, only if that is there.
    """

    @once
    def takes() -> bool | None:
        sizes = facts.word_sizes()
        there = (facts.modules or {}).get("xfrm_user") in (ModuleState.LIVE, ModuleState.BUILTIN)
        if not host.live or sizes.daemon != sizes.ours or not (asks or there):
            return None
        from modprobe_ipsec.kernel.word_size import takes_messages

        return takes_messages()

    return facts._replace(takes_messages=takes)


def proven(needs: Sequence[AnyNeed], prove: Callable[[Sequence[AnyNeed]], Proofs]) -> Proofs:
    """The proofs of some needs, once more for those whose next SA may be made otherwise.

    Modules that come while SAs are made may serve the later ones; and a better part that comes
    takes an algorithm apart that was built of a slower one, so that no driver is seen.
    """
    proofs = prove(needs)
    again = tuple(
        proof.need
        for proof in proofs.proofs
        if proof.answer is Answer.ACCEPTED
        and isinstance(proof.need, Need)
        and proof.need.suite.crypto_name
        and (proofs.loaded or not proof.driver)
    )
    if not again:
        return proofs
    later = prove(again)
    by_need = {proof.need: proof for proof in later.proofs}
    return proofs._replace(
        proofs=tuple(by_need.get(proof.need, proof) for proof in proofs.proofs),
        loaded=tuple(dict.fromkeys((*proofs.loaded, *later.loaded))),
    )


def as_the_daemon(proofs: Proofs, word_sizes: Callable[[], WordSizes]) -> Proofs:
    """What was refused to us for our word size says nothing where the daemon has another."""

    def judged(proof: Proof) -> Proof:
        if not is_hopeless(proof) or word_sizes().daemon == word_sizes().ours:
            return proof
        why = "this Python has 32 bits, of which the kernel takes no messages; the daemon has 64"
        return proof._replace(answer=Answer.NOT_ASKED, why=why)

    return proofs._replace(proofs=tuple(map(judged, proofs.proofs)))


def act(
    action: Action,
    wanted: Demand,
    facts: Facts,
    host: Host,
    catalog: Catalog,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    packets: bool = False,
    private_network: bool = False,
) -> Report:
    """Do what the action says about these needs on this host; the report of it.

    `on_progress` hears how many of how many proofs are done; `packets` are then sent through the
    SAs that prove; with `private_network` those are made in the network namespace that we run in.
    Before anything is loaded the environment is emptied, for good. Raises NoLibkmod only if
    something is to be loaded.
    """
    needs = wanted.needs
    facts = _asking_for_messages(facts, host, asks=action in (Action.LOAD, Action.PROVE))
    plan = make_plan(needs, facts, catalog)
    if action in (Action.CHECK, Action.DRY_RUN):
        return Report(action, facts, judge(plan, {}, loaded=False), plan, wanted)
    results: tuple[LoadResult, ...] = ()
    tried: Mapping[str, LoadFailure] = {}
    if action is Action.LOAD and plan.steps and facts.may_load:
        from modprobe_ipsec.kernel.load import carry_out

        clean_environment()
        loads = carry_out(plan, needs, facts, host, catalog)
        results, facts, tried = loads.results, loads.facts, loads.tried
    # costs sockets and a child process, which --check need not pay
    from modprobe_ipsec.kernel.prover import prove

    ask = _with_packets if packets else _in_this_namespace if private_network else None
    timeout = _PACKETS_TIMEOUT if packets else _SA_TIMEOUT
    proofs = proven(
        needs, lambda some: prove(some, on_progress=on_progress, ask=ask, timeout=timeout)
    )
    proofs = as_the_daemon(proofs, facts.word_sizes)
    facts = refresh(facts, host)
    final = make_plan(needs, facts, catalog, tried)
    by_need: dict[AnyNeed, Proof] = {proof.need: proof for proof in proofs.proofs}
    verdicts = judge(final, by_need, loaded=action is Action.LOAD)
    return Report(
        action,
        facts,
        verdicts,
        plan,
        wanted,
        results,
        proofs.loaded,
        proofs.socket_in_words,
    )
