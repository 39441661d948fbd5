# SPDX-License-Identifier: GPL-3.0-or-later
"""How a term stands on one host: a value under /proc, a module, a kernel option."""

from modprobe_ipsec.base.annotations import Callable, Iterator, Sequence
from modprobe_ipsec.catalog.glossary import Live
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.diagnose.pf_key import pf_key
from modprobe_ipsec.diagnose.requests import NeedRequests, with_crypto
from modprobe_ipsec.glossary.entry import Entry, Here
from modprobe_ipsec.host.facts import Facts, Unreadable
from modprobe_ipsec.host.machine.privileges import is_initial
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.plan.forecast import forecast
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import resolve_all
from modprobe_ipsec.plan.verdict import NeedVerdict

_STAT = "proc/net/xfrm_stat"
# No one place tells of it.
_PF_KEY = "PF_KEY"
# A number and a line break; kernel.modprobe is a path.
_SMALL = 4096
# What net/xfrm/xfrm_sysctl.c does not register for the network namespaces of other users.
_HIDDEN = "net.core.xfrm_"


class Asked:
    """One host, about which terms are asked; its facts are gathered once something needs them."""

    __slots__ = ("_catalog", "_facts", "_host")

    def __init__(self, host: Host, facts: Callable[[], Facts], catalog: Catalog) -> None:
        self._host, self._facts, self._catalog = host, facts, catalog

    def about(self, entry: Entry, name: str) -> Iterator[Here]:
        """How an entry stands here; nothing if it is no matter of hosts. `name` is as it was asked
        for: of a sysctl that each device has, it may be that of one device."""
        term = entry.term.name
        if entry.value is Live.SYSCTL and self._host.same_kernel:
            yield self._sysctl(term)
            other = name.removeprefix("/proc/sys/").replace("/", ".")
            if other.startswith("net.ipv") and ".conf." in other and other != term:
                yield self._sysctl(other)
        elif entry.value is Live.COUNTER and self._host.same_kernel:
            yield self._counter(term)
        elif term == _PF_KEY:
            yield Here(pf_key(self._facts()).text)
        yield from self.values(entry)
        if entry.option:
            yield self._option(entry.option)
        if entry.algorithm:
            yield from self._drivers(entry.algorithm)
        if entry.requests:
            yield from self._standing(entry.requests, bool(entry.algorithm))

    def values(self, entry: Entry) -> Iterator[Here]:
        """The sysctls that an entry is about."""
        if self._host.same_kernel:
            yield from map(self._sysctl, entry.term.values)

    def verdicts(self, wanted: Sequence[NeedRequests]) -> tuple[NeedVerdict, ...]:
        """The verdict on what each of these asks for."""
        facts = self._facts()
        requests = with_crypto(tuple(wanted), self._catalog, facts.release)
        plan = forecast(resolve_all(requests, facts, self._catalog), accelerate=False)
        return judge(plan, {}, loaded=False)

    def _sysctl(self, name: str) -> Here:
        # a device's name may have dots, which /proc has as slashes where sysctl has them
        family, conf, rest = name.partition(".conf.")
        device, _, key = rest.rpartition(".")
        path = f"proc/sys/{family.replace('.', '/')}"
        path += f"/conf/{device}/{key}" if conf else ""
        answer = self._host.read(path, _SMALL)
        if isinstance(answer, bytes):
            value = answer.decode("utf-8", "replace").strip()
            shown = value if value else "empty"
            return Here(f"{name} = {shown} here", value=value)
        if not answer.missing:
            return Here(f"cannot be read: {answer.why}")
        uid_map = self._host.text("proc/self/uid_map", limit=_SMALL)
        # empty where nobody has been mapped yet
        if name.startswith(_HIDDEN) and uid_map is not None and not is_initial(uid_map):
            return Here(
                "hidden, because this network namespace belongs to another user namespace than "
                "the first; the value rules all the same",
                "look, and set it, from the host's own user namespace",
            )
        return Here("not there: this kernel was built without it, or its module is not loaded")

    def _counter(self, name: str) -> Here:
        answer = self._host.read(_STAT)
        if isinstance(answer, Unreadable):
            return Here(f"/{_STAT}: {answer.why}")
        for line in answer.decode("utf-8", "replace").split("\n"):
            words = line.split()
            if len(words) == 2 and words[0] == name:
                since = "since boot, or since this network namespace was made"
                return Here(f"{name} {words[1]} {since}", value=words[1])
        return Here(f"not counted: /{_STAT} of this kernel has no such line")

    def _option(self, option: str) -> Here:
        config = self._facts().config
        if config is None:
            return Here("cannot be told: no configuration file of this kernel")
        value = config.get(option)
        return Here(f"CONFIG_{option}={value} in /{config.path}", value=value)

    def _drivers(self, word: str) -> Iterator[Here]:
        """What /proc/crypto has of it now."""
        for found in self._facts().algorithms or ():
            if found.name == word or found.name.startswith(f"{word}("):
                where = "built in" if found.module == "kernel" else found.module
                yield Here(f"{found.name}: {found.driver}, priority {found.priority} ({where})")

    def _standing(self, requests: Sequence[NeedRequests], registered: bool) -> Iterator[Here]:
        seen = set()
        for verdict in self.verdicts(requests):
            text = f"{verdict.need.label}: {verdict.verdict}"
            text += f": {because}" if (because := _because(verdict)) else ""
            if text not in seen:
                seen.add(text)
                remedies = dict.fromkeys(r.remedy for r in verdict.reasons if r.remedy)
                yield Here(text, "; ".join(remedies), value=verdict.verdict)


def _because(verdict: NeedVerdict) -> str:
    return "; ".join(dict.fromkeys(reason.text for reason in verdict.reasons))
