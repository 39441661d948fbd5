# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for programs. `schema` is raised whenever a key changes its meaning or goes away."""

import json
import time

from modprobe_ipsec.base.annotations import Any, Mapping, Sequence
from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.base.text import cut, facts_of, file_and_line, first
from modprobe_ipsec.catalog.model import Profile
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.diagnose.obstacle import Obstacle
from modprobe_ipsec.diagnose.pf_key import PfKeyFound, pf_key
from modprobe_ipsec.diagnose.resolution import Resolution
from modprobe_ipsec.host.facts import StackSign
from modprobe_ipsec.needs.need import AnyNeed, Choice, FeatureNeed, Need, Source
from modprobe_ipsec.needs.profile import Objection
from modprobe_ipsec.needs.proof import Proof
from modprobe_ipsec.needs.reading import Asker, Problem
from modprobe_ipsec.plan.causes import Cause, causes
from modprobe_ipsec.plan.plan import LoadResult, Step
from modprobe_ipsec.plan.verdict import NeedVerdict, Reason
from modprobe_ipsec.report import container
from modprobe_ipsec.report.model import Report, Run, Style
from modprobe_ipsec.report.words import log_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.kernel.seal import Sealed
    from modprobe_ipsec.report.lab import LabReport
    from modprobe_ipsec.report.measure import MeasureReport

SUMMARY = "for programs: one object, with a published schema"

SCHEMA = 2


def render(report: Report, style: Style) -> str:
    """The whole report as one JSON object, keys in a fixed order."""
    facts, demand, run = report.facts, report.demand, report.run
    problems, more_problems = first(demand.problems)
    silent, more_silent = first(demand.silent)
    gaps, more_gaps = first(facts.unreadable)
    inside = container.look(report)
    ids = {judged.need.label: judged.need.id for judged in report.verdicts}
    document = {
        **_head(run),
        "duration": round(run.seconds, 6),
        "host": {"name": run.host or None, "root": run.root},
        "kernel": {"release": facts.release, "arch": facts.arch, "fips": facts.fips},
        "action": report.action,
        "exit_code": report.exit_code,
        "configs": list(demand.configs),
        "daemons": [_asker(asker, demand) for asker in demand.askers],
        "assumed": demand.assumed,
        "others": [other._asdict() for other in demand.others],
        "problems": [_problem(problem) for problem in problems],
        "silent": [
            {**_place(str(s.place)), "connection": s.conn or None, "why": s.why} for s in silent
        ],
        "left_out": {"problems": more_problems, "silent": more_silent, "gaps": more_gaps},
        "needs": [_judged(judged) for judged in report.verdicts],
        "causes": [_cause(cause) for cause in causes(report.verdicts)],
        "notes": [_objection(objection) for objection in report.notes],
        "profile": _profile(report.profile, report.against) if report.profile else None,
        "plan": [[_step(step, ids) for step in steps] for steps in report.plan.rounds],
        "loads": [_load(result) for result in report.loads],
        "autoloaded": list(report.autoloaded),
        "stack": [_sign(sign) for sign in facts.stack_signs],
        "xfrm_socket": report.xfrm_socket,
        "pf_key": _pf_key(pf_key(facts)),
        "lab": _lab(report.lab) if report.lab else None,
        "measured": _measured(report, report.measured) if report.measured else None,
        "sealed": _sealed(report.sealed) if report.sealed else None,
        "gaps": [{"path": gap.path, "why": gap.why} for gap in gaps],
        "container": container.as_data(inside) if inside else None,
    }
    return json.dumps(_cut(document), indent=2) + "\n"


def failure(error: Error, run: Run) -> str:
    """What is there instead of a report if none can be made: one object, in one line."""
    document = {
        **_head(run),
        "exit_code": error.exit_code,
        "error": {"kind": error.kind, "message": error.message, "hint": error.hint},
    }
    return json.dumps(_cut(document)) + "\n"


def _head(run: Run) -> dict[str, Any]:
    """Of every object: what it is, by whom and when (UTC)."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.began))
    return {"schema": SCHEMA, "version": run.version, "time": when}


def _cut(value: Any) -> Any:
    """The same with no text longer than a line may be; JSON itself makes them harmless."""
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    return [_cut(inner) for inner in value] if isinstance(value, list | tuple) else value


def _pf_key(found: PfKeyFound) -> dict[str, Any]:
    witnesses = [witness._asdict() for witness in found.witnesses]
    return {"state": found.state, "witnesses": witnesses}


def _asker(asker: Asker, demand: Demand) -> dict[str, Any]:
    if asker.config:
        because = "configuration"
    else:
        because = "assumed" if demand.assumed else "installed or named"
    return {
        "daemon": asker.daemon,
        "because": because,
        "config": asker.config or None,
        # None: whatever holds in some release counts
        "release": ".".join(map(str, asker.release)) if asker.release else None,
        "told_by": asker.told_by or None,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    if problem.refuses:
        costs = "daemon"
    elif problem.unread:
        costs = "unknown"
    else:
        costs = "connection" if problem.conn else "nothing"
    return {
        **_place(str(problem.place)),
        "connection": problem.conn or None,
        "costs": costs,
        "text": problem.text,
    }


def _place(place: str) -> dict[str, Any]:
    """A line of a file; None for what is none."""
    return {"file": None, "line": None, **file_and_line(place)}


def _sign(sign: StackSign) -> dict[str, Any]:
    return {
        "path": sign.path,
        "present": sign.present,
        "shows": sign.shows,
        "values": dict(sign.values),
    }


def _sealed(sealed: "Sealed") -> dict[str, Any]:
    return {"done": sealed.done, "text": sealed.text, "remedy": sealed.remedy}


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "verdict": cause.verdict,
        "text": cause.text,
        "answers": list(cause.answers),
        **_remedy(cause.remedy),
        "needs": [judged.need.id for judged in cause.met_at],
    }


def _remedy(text: str) -> dict[str, Any]:
    """The sentence, and what it says to do."""
    steps = [
        {"kind": "other", "command": None, "file": None, "line": None, **fact}
        for fact in facts_of(text) or ([{}] if text else [])
    ]
    return {"remedy": text, "remedies": steps}


def _objection(objection: Objection) -> dict[str, Any]:
    return {
        "algorithm": objection.what,
        "why": objection.why,
        "needs": [need.id for need in objection.needs],
    }


def _profile(profile: Profile, against: Sequence[Objection]) -> dict[str, Any]:
    return {"title": profile.title, "against": [_objection(objection) for objection in against]}


def _lab(report: "LabReport") -> dict[str, Any]:
    # costs a room that only --lab enters
    from modprobe_ipsec.report import lab

    return lab.as_data(report)


def _measured(report: Report, found: "MeasureReport") -> dict[str, Any]:
    from modprobe_ipsec.report import measure

    return measure.as_data(report, found)


def _judged(judged: NeedVerdict) -> dict[str, Any]:
    return {
        **_need(judged.need),
        "verdict": judged.verdict,
        "reasons": [_reason(judged, reason) for reason in judged.reasons],
        "proof": _proof(judged.proof) if judged.proof else None,
        "requests": [_resolution(resolution) for resolution in judged.resolutions],
    }


def _reason(judged: NeedVerdict, reason: Reason) -> dict[str, Any]:
    obstacle, symptom = reason.obstacle, reason.symptom
    return {
        "kind": reason.form,
        "about": list(reason.about),
        "text": reason.text,
        **_remedy(reason.remedy),
        "obstacle": _obstacle(obstacle) if obstacle else None,
        "symptom": symptom and {"errno": symptom.errno, "logs": dict(log_lines(judged, symptom))},
    }


def _obstacle(obstacle: Obstacle) -> dict[str, Any]:
    rule = obstacle.rule
    return {
        "kind": obstacle.kind.name,
        "module": obstacle.module,
        "text": obstacle.text,
        **_place(rule.where if rule else ""),
        "rule": rule.shown if rule else None,
        "option": obstacle.option or None,
        "against": list(obstacle.against),
    }


def _need(need: AnyNeed) -> dict[str, Any]:
    named, more = first(need.sources)
    feature = need if isinstance(need, FeatureNeed) else None
    sa = need if isinstance(need, Need) else None
    suite = sa.suite if sa else None
    return {
        "id": need.id,
        "need": need.label,
        "feature": feature.feature if feature else None,
        "protocol": suite.protocol if suite else None,
        "family": need.family,
        "mode": sa.mode if sa else None,
        "encryption": _choice(suite.encryption) if suite else None,
        "integrity": _choice(suite.integrity) if suite else None,
        "esn": suite.esn if suite else None,
        "crypto_name": suite.crypto_name if suite else None,
        "interface": sa.interface if sa else None,
        "sources": [_source(source) for source in named],
        "more_sources": more,
    }


def _source(source: Source) -> dict[str, Any]:
    if source.place:
        kind = "connection" if source.conn else "file"
    else:
        kind = "option" if source.where.startswith("--") else "default"
    return {
        "kind": kind,
        **_place(source.place),
        "connection": source.conn or None,
        "where": source.where,
        "text": source.text,
        "daemon": source.daemon,
    }


def _choice(choice: Choice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    return {
        "transform": choice.transform.name,
        "iana": choice.transform.iana,
        "xfrm": choice.transform.xfrm or None,
        "key_bits": choice.key_bits,
        "salt_bits": choice.transform.salt_bits,
        "icv_bits": choice.transform.icv_bits,
    }


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "answer": proof.answer,
        "errno": proof.errno,
        "message": proof.message,
        "driver": proof.driver,
        "priority": proof.priority,
        "why": proof.why,
        "steps": [step._asdict() for step in proof.steps],
    }


def _resolution(resolution: Resolution) -> dict[str, Any]:
    return {
        "request": resolution.request,
        "state": resolution.state,
        "module": resolution.module,
        "evidence": _evidence(resolution.evidence),
        "accelerator": resolution.accelerator,
        "autoload": resolution.autoload and resolution.autoload._asdict(),
    }


def _evidence(text: str) -> dict[str, Any] | None:
    """The sentence, and what it says: where that is known by more than one, the first."""
    if not text:
        return None
    return {"kind": "other", **next(iter(facts_of(text)), {}), "text": text}


def _step(step: Step, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "module": step.module,
        "request": step.request,
        "why": step.why,
        "with": list(step.dependencies),
        "soft": list(step.soft_dependencies),
        "accelerator": step.accelerator,
        "needs": [ids.get(label, label) for label in step.needs],
    }


def _load(result: LoadResult) -> dict[str, Any]:
    return {
        "module": result.step.module,
        "outcome": result.outcome,
        "code": result.code,
        "why": result.why,
        "loaded": list(result.loaded),
    }
