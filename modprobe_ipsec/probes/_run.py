# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks: each behaviour in a child process with a network of its own, gone with it."""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.annotations import Callable, Sequence
from modprobe_ipsec.base.text import error_text
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.kernel import child
from modprobe_ipsec.kernel.ask import no_namespace
from modprobe_ipsec.kernel.loaded import come, live
from modprobe_ipsec.kernel.module_events import ModuleEvents
from modprobe_ipsec.lab.workbench import Workbench
from modprobe_ipsec.probes._behaviour import Behaviour, Reply, behaviour

# The first SA of each algorithm may take the kernel long: modules, and their tests of themselves; a
# machine that is emulated, and busy, takes ten times as long (seconds).
_TIMEOUT = 300.0


def known(name: str) -> Behaviour:
    """What is known of a behaviour before it is asked for."""
    return behaviour(name, registry.load(__package__, name).__doc__ or "")


def takes(name: str) -> tuple[Protocol, ...]:
    """Of which protocols beside ESP a behaviour makes SAs."""
    found: tuple[Protocol, ...] = getattr(registry.load(__package__, name), "TAKES", ())
    return found


def run(
    names: Sequence[str], on_progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[tuple[Behaviour, ...], tuple[str, ...]]:
    """Each behaviour with what this kernel answers, and the modules that the kernel loaded.

    `on_progress` hears how many of how many are done. Raises nothing on its own account.
    """
    found = []
    with ModuleEvents() as events:
        before = live()
        for number, name in enumerate(names):
            on_progress(number, len(names))
            found.append(_one(name))
        return tuple(found), come(events, before)


def _one(name: str) -> Behaviour:
    heard: list[child.Message] = []
    ending = child.run(lambda send: _in_child(name, send), heard.append, _TIMEOUT)
    asked = known(name)
    match heard:
        case [["reply", answer, cases]]:
            return asked._replace(reply=Reply(answer, tuple(map(tuple, cases))))
        case [["why", why]]:
            return asked._replace(why=why)
    who = "the kernel" if ending.late else "the process that asks"
    return asked._replace(why=f"{who} {ending.why}")


def _in_child(name: str, send: child.Send) -> None:
    try:
        bench = Workbench()
    except OSError as error:
        send(["why", no_namespace(error)])
        return
    try:
        reply: Reply = registry.load(__package__, name).ask(bench)
    except OSError as error:
        text = error.strerror or error_text(error.errno or 0)
        send(["why", f"the kernel refuses what the question needs: {text}"])
    except Exception as error:
        send(["why", f"the question failed: {type(error).__name__}: {error}"])
    else:
        send(["reply", reply.answer, reply.cases])
