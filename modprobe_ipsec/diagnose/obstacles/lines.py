# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of modprobe.d, and words of the kernel command line, that keep modules out."""

from modprobe_ipsec.base.annotations import Iterator, Sequence
from modprobe_ipsec.base.text import Sentence
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.diagnose.mitigation import Suspicion, shipped_against
from modprobe_ipsec.diagnose.obstacle import ForbiddingLines, Obstacle, ObstacleKind
from modprobe_ipsec.diagnose.obstacles import ObstacleCheck, Scene, Stage, Subject
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.host.facts import BUSYBOX, Directive, Environment, Rule

KINDS = {
    directive: ObstacleKind(directive.value, forbids=True)
    for directive in (
        Directive.INSTALL,
        Directive.BLACKLIST,
        Directive.ALIAS,
        Directive.MODULE_BLACKLIST,
        Directive.INITCALL_BLACKLIST,
    )
}

_MEANS = {
    Directive.BLACKLIST: "it stops the kernel's own loading, by alias, and not a load by name; "
    "it is honoured here",
    Directive.ALIAS: "it stops the kernel's own loading; it is honoured here",
    Directive.MODULE_BLACKLIST: "the kernel itself refuses it",
}


_ON_THE_HOST = Sentence(
    "modprobe-ipsec --check on the host tells whether it says the same there",
    {"kind": "on the host", "command": "modprobe-ipsec --check"},
)


class _Hit(Value):
    """All lines that keep one module out, on the way to one subject."""

    subject: Subject
    module: str
    rules: tuple[Rule, ...]


def _find(subjects: Sequence[Subject], scene: Scene) -> Iterator[tuple[Subject, Obstacle]]:
    hits = _hits(subjects, scene)
    if not hits:
        return
    around = scene.facts.environment()
    suspicions = shipped_against(
        [(hit.module, hit.rules) for hit in hits],
        scene.catalog.knowledge.mitigations,
        scene.facts.release,
        around.build,
    )
    for hit, suspicion in zip(hits, suspicions, strict=True):
        for rule in hit.rules:
            yield hit.subject, _obstacle(hit, rule, suspicion, around)


def _hits(subjects: Sequence[Subject], scene: Scene) -> list[_Hit]:
    lines = scene.lines
    initcalls = {
        rule.name: rule
        for rule in scene.facts.rules
        if rule.directive is Directive.INITCALL_BLACKLIST
    }
    starts = scene.catalog.knowledge.initcalls
    hits = []
    for subject in subjects:
        resolution = subject.resolution
        if resolution.state is ResolutionState.BUILTIN:
            functions = starts.get(resolution.module, ())
            rules = tuple(initcalls[name] for name in functions if name in initcalls)
            hits.append(_Hit(subject, resolution.module, rules[:1]))
            continue
        if resolution.failure:
            # only its run has shown what a command does
            wanted = [
                (
                    name,
                    tuple(rule for rule in lines[name].all if rule.directive is Directive.INSTALL),
                )
                for name in subject.names
            ]
        else:
            # what a command does for an alias only a run would tell, and no load here is by alias
            asked = [resolution.request] if subject.names else []
            wanted = [(name, lines[name].against) for name in (*asked, *subject.names)]
        for name, rules in wanted:
            module = subject.name if name == resolution.request else name
            hits.append(_Hit(subject, module, rules))
    return [hit for hit in hits if hit.rules]


def _obstacle(hit: _Hit, rule: Rule, suspicion: Suspicion, around: Environment) -> Obstacle:
    of_file = rule.where.startswith("/")
    found = Obstacle(
        kind=KINDS[rule.directive],
        module=hit.module,
        text=f"{rule.where}: {rule.shown}",
        remedy="",
        means=_means(hit, rule, around.modprobe_of),
        rule=rule,
    )
    if of_file and around.container:
        return found._replace(
            text=f"{found.text} (in this container; the host's modprobe.d counts)",
            remedy=_ON_THE_HOST,
            sure=False,
        )
    if of_file:
        lines = ForbiddingLines(
            places=tuple(r.where for r in hit.rules if r.where.startswith("/")),
            decision=suspicion.decision,
        )
        return found._replace(
            remedy=lines.remedy, lines=lines, against=suspicion.against.get(rule, ())
        )
    parameter = rule.text.partition("=")[0]
    remedy = (
        f"whoever set {parameter}= on the kernel command line decides: "
        f"if IPsec is wanted here, take {rule.name} out of the boot loader's "
        "configuration and reboot; this tool never overrides it"
    )
    if suspicion.decision:
        remedy += f". {suspicion.decision}"
    fact = {"kind": "remove boot parameter", "parameter": f"{parameter}={rule.name}"}
    return found._replace(remedy=Sentence(remedy, fact), against=suspicion.against.get(rule, ()))


def _means(hit: _Hit, rule: Rule, modprobe: str) -> str:
    if rule.directive is Directive.INITCALL_BLACKLIST:
        return f"{rule.name} starts the built-in {hit.module}, and never ran"
    if rule.directive is Directive.INSTALL:
        if modprobe == BUSYBOX:
            return (
                "BusyBox's modprobe, which the kernel runs here, knows no such lines and loads the "
                "module all the same; it is honoured here"
            )
        program = rule.command.split(maxsplit=1)[0] if rule.command else ""
        if program.rpartition("/")[2] in ("true", ":"):
            return "modprobe reports success and loads nothing"
    return _MEANS.get(rule.directive, "")


CHECK = ObstacleCheck(
    kinds=tuple(KINDS.values()),
    stage=Stage.LINES,
    states=frozenset({ResolutionState.LOADABLE, ResolutionState.BUILTIN}),
    find=_find,
    after_failure=True,
)
