# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for programs. `schema` is raised whenever a key changes its meaning or goes away."""

import json

from modprobe_ipsec.base.annotations import Any, Sequence
from modprobe_ipsec.base.text import cut, first
from modprobe_ipsec.catalog.model import KernelInterface, Profile
from modprobe_ipsec.diagnose.pf_key import PfKeyFound, pf_key
from modprobe_ipsec.diagnose.resolution import Resolution
from modprobe_ipsec.needs.need import AnyNeed, Choice, FeatureNeed
from modprobe_ipsec.needs.profile import Objection
from modprobe_ipsec.needs.proof import Proof
from modprobe_ipsec.needs.reading import Asker
from modprobe_ipsec.plan.causes import Cause, causes
from modprobe_ipsec.plan.plan import LoadResult, Step
from modprobe_ipsec.plan.verdict import NeedVerdict, Reason
from modprobe_ipsec.report import container
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.words import log_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modprobe_ipsec.report.lab import LabReport
    from modprobe_ipsec.report.measure import MeasureReport

SUMMARY = "for programs: one object, with a published schema"

SCHEMA = 1


def render(report: Report, style: Style) -> str:
    """The whole report as one JSON object, keys in a fixed order."""
    facts = report.facts
    problems, more_problems = first(report.demand.problems)
    silent, more_silent = first(report.demand.silent)
    gaps, more_gaps = first(facts.unreadable)
    left_out = {"problems": more_problems, "silent": more_silent, "gaps": more_gaps}
    inside = container.look(report)
    document = {
        "schema": SCHEMA,
        "action": report.action,
        "exit_code": report.exit_code,
        "kernel": {"release": facts.release, "arch": facts.arch, "fips": facts.fips},
        "configs": list(report.demand.configs),
        "daemons": [_asker(asker) for asker in report.demand.askers],
        **({"assumed": True} if report.demand.assumed else {}),
        **({"others": [o._asdict() for o in report.demand.others]} if report.demand.others else {}),
        "problems": [{"place": str(p.place), "conn": p.conn, "text": p.text} for p in problems],
        "silent": [{"place": str(s.place), "conn": s.conn, "why": s.why} for s in silent],
        **({"left_out": left_out} if any(left_out.values()) else {}),
        "needs": [_judged(judged) for judged in report.verdicts],
        "causes": [_cause(cause) for cause in causes(report.verdicts)],
        "notes": [_objection(objection) for objection in report.notes],
        **({"profile": _profile(report.profile, report.against)} if report.profile else {}),
        "plan": [[_step(step) for step in steps] for steps in report.plan.rounds],
        "loads": [_load(result) for result in report.loads],
        "autoloaded": list(report.autoloaded),
        "stack": [
            {"path": witness.path, "present": witness.present, "shows": witness.shows}
            for witness in facts.stack_signs
        ],
        "xfrm_socket": report.xfrm_socket,
        "pf_key": _pf_key(pf_key(facts)),
        **({"lab": _lab(report.lab)} if report.lab else {}),
        **({"measured": _measured(report, report.measured)} if report.measured else {}),
        **({"sealed": report.sealed._asdict()} if report.sealed else {}),
        "gaps": [{"path": gap.path, "why": gap.why} for gap in gaps],
        **({"container": container.as_data(inside)} if inside else {}),
    }
    return json.dumps(_cut(document), indent=2) + "\n"


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


def _asker(asker: Asker) -> dict[str, Any]:
    return {
        "daemon": asker.daemon,
        "release": ".".join(map(str, asker.release or ())),
        "told_by": asker.told_by,
        "config": asker.config,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "verdict": cause.verdict,
        "text": cause.text,
        "remedy": cause.remedy,
        "needs": [judged.need.label for judged in cause.met_at],
    }


def _objection(objection: Objection) -> dict[str, Any]:
    return {
        "algorithm": objection.what,
        "why": objection.why,
        "needs": [need.label for need in objection.needs],
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
        "text": reason.text,
        "remedy": reason.remedy,
        "obstacle": obstacle
        and {
            "kind": obstacle.kind.name,
            "module": obstacle.module,
            "against": list(obstacle.against),
            "where": obstacle.rule.where if obstacle.rule else None,
            "line": obstacle.rule.shown if obstacle.rule else None,
        },
        "symptom": symptom and {"errno": symptom.errno, **dict(log_lines(judged, symptom))},
    }


def _need(need: AnyNeed) -> dict[str, Any]:
    named, more = first(need.sources)
    sources: dict[str, Any] = {
        "sources": [{"where": s.where, "text": s.text, "daemon": s.daemon} for s in named],
        **({"more_sources": more} if more else {}),
    }
    if isinstance(need, FeatureNeed):
        return {
            "need": need.label,
            "feature": need.feature,
            "family": need.family,
            **sources,
        }
    suite = need.suite
    return {
        "need": need.label,
        "protocol": suite.protocol,
        "family": need.family,
        "encryption": _choice(suite.encryption),
        "integrity": _choice(suite.integrity),
        "esn": suite.esn,
        "crypto_name": suite.crypto_name,
        "mode": need.mode,
        # without it: xfrm
        **({"interface": need.interface} if need.interface is not KernelInterface.XFRM else {}),
        **sources,
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
        **({"steps": [step._asdict() for step in proof.steps]} if proof.steps else {}),
    }


def _resolution(resolution: Resolution) -> dict[str, Any]:
    return {
        "request": resolution.request,
        "state": resolution.state,
        "module": resolution.module,
        "because": resolution.evidence,
        "faster": resolution.accelerator,
        "autoload": resolution.autoload and resolution.autoload._asdict(),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "module": step.module,
        "request": step.request,
        "why": step.why,
        "with": list(step.dependencies),
        **({"soft": list(step.soft_dependencies)} if step.soft_dependencies else {}),
        "faster": step.accelerator,
        "needs": list(step.needs),
    }


def _load(result: LoadResult) -> dict[str, Any]:
    return {
        "module": result.step.module,
        "outcome": result.outcome,
        "code": result.code,
        "why": result.why,
        "loaded": list(result.loaded),
    }
