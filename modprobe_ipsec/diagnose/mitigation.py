# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vulnerability a line was probably shipped against, and whether it is still needed. Pure."""

from modprobe_ipsec.base.annotations import Iterable, Mapping, Sequence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.base.version import numbers
from modprobe_ipsec.catalog.obstacles import Mitigation
from modprobe_ipsec.host.facts import Directive, Rule

_BARS = (Directive.INSTALL, Directive.BLACKLIST, Directive.MODULE_BLACKLIST)


class Suspicion(Value):
    """What some lines that forbid one module may be about."""

    # By line, for reports: `Dirty Frag (CVE-2026-43284)`.
    against: Mapping[Rule, tuple[str, ...]]
    # What removing them means; empty if they look like nothing that is known.
    decision: str


def shipped_against(
    lines: Iterable[tuple[str, Sequence[Rule]]],
    known: Sequence[Mitigation],
    release: str,
    build: str,
) -> list[Suspicion]:
    """One answer for each module with the lines that forbid it."""
    found = []
    for module, rules in lines:
        by_rule = {rule: behind(rule, module, known) for rule in rules}
        behind_any = dict.fromkeys(
            vulnerability
            for vulnerabilities in by_rule.values()
            for vulnerability in vulnerabilities
        )
        against = {
            rule: tuple(
                f"{vulnerability.name} ({vulnerability.cve})" for vulnerability in vulnerabilities
            )
            for rule, vulnerabilities in by_rule.items()
        }
        text = decision(tuple(behind_any), release, build) if behind_any else ""
        found.append(Suspicion(against=against, decision=text))
    return found


def behind(rule: Rule, module: str, known: Iterable[Mitigation]) -> tuple[Mitigation, ...]:
    """What a line that forbids a module may be about; what its file's name says, if anything."""
    if rule.directive not in (*_BARS, Directive.INITCALL_BLACKLIST):
        return ()
    about = [vulnerability for vulnerability in known if module in vulnerability.modules]
    named = [
        vulnerability
        for vulnerability in about
        if any(word in rule.where.lower() for word in vulnerability.files)
    ]
    return tuple(named or about)


def decision(vulnerabilities: Sequence[Mitigation], release: str, build: str) -> str:
    """What removing the line means, and against what this kernel no longer needs it."""
    names = " or ".join(
        f"{vulnerability.name} ({vulnerability.cve})" for vulnerability in vulnerabilities
    )
    sentences = [f"It looks like a mitigation of {names}: to remove it is a security decision"]
    for vulnerability in vulnerabilities:
        fixes = [_fix(vulnerability.name, *fixed, release, build) for fixed in vulnerability.fixed]
        sentences += fixes or [f"no kernel that fixes {vulnerability.name} is known here"]
    return "; ".join(sentences)


def _fix(name: str, distribution: str, version: str, release: str, build: str) -> str:
    import re

    title = distribution.capitalize()
    text = f"{title} fixed {name} in {version}"
    # `#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-10-01)`, else what the release tells
    told = re.search(rf"\b{title} (\d[^ ]*)", build)
    ours = numbers(told[1] if told else release)
    fixed = numbers(version)
    if not told and title.lower() == "debian" and not re.search(r"\+deb\d", release):
        return text
    if ours[:2] != fixed[:2]:
        return f"{text}; for the series of {release} it is not known"
    # a release has no number of the package: 6.12.86 may be 6.12.86-1 or later
    if ours[: len(fixed)] >= fixed[: len(ours)]:
        return f"{text}, and this kernel is newer, so that it is no longer needed for that"
    return f"{text}, and this kernel is older"
