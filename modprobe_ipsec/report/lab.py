# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--lab` found out, for people and for programs. Pure."""

from modprobe_ipsec.base.annotations import Any
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.probes._behaviour import HEADS, KERNELS, WANTED, Behaviour
from modprobe_ipsec.report.model import Report, Style
from modprobe_ipsec.report.table import table, wrapped


class LabReport(Value):
    """All behaviours that were asked for."""

    behaviours: tuple[Behaviour, ...]
    # Modules that were not there, and that the kernel was to load by itself.
    would_load: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 if each could be asked, whatever the answer; 3 if one could not."""
        return 0 if all(behaviour.reply for behaviour in self.behaviours) else 3


def text(report: Report, lab: LabReport, style: Style) -> str:
    """A table of answers; then why some could not be had, and, if verbose, a block for each."""
    found, facts, width = lab.behaviours, report.facts, style.width
    asked = sum(behaviour.reply is not None for behaviour in found)
    head = f"kernel {facts.release} ({facts.arch}): {asked} of {len(found)} questions answered"
    rows = [("BEHAVIOUR", "ANSWER", "QUESTION")]
    for behaviour in found:
        answer = behaviour.reply.answer if behaviour.reply else "not asked"
        rows.append((behaviour.name, answer, behaviour.question))
    lines = [*wrapped(head, width, "", "  "), "", *table(rows, width=width)]
    whys = dict.fromkeys(behaviour.why for behaviour in found if behaviour.why)
    if whys:
        lines += ["", "not asked, as:"]
        lines += [each for why in whys for each in wrapped(why, width, "  ")]
    if report.autoloaded:
        modules = ", ".join(report.autoloaded)
        lines += ["", "loaded by the kernel itself meanwhile:", *wrapped(modules, width, "  ")]
    if style.verbose:
        for behaviour in found:
            lines += ["", *_block(behaviour, width)]
    return "\n".join(lines) + "\n"


def _block(behaviour: Behaviour, width: int) -> list[str]:
    reply = behaviour.reply
    answer = reply.answer if reply else f"not asked: {behaviour.why}"
    lines = wrapped(f"{behaviour.name}: {behaviour.question}", width, "", "  ")
    lines += wrapped(f"here: {answer}", width, "  ", "    ")
    if reply:
        lines += table(reply.cases, indent="    ", width=width)
    for head, paragraph in behaviour.said.items():
        lines += wrapped(f"{head.lower()}: {paragraph}", width, "  ", "    ")
    return lines


def as_data(lab: LabReport) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "would_load": list(lab.would_load),
        "behaviours": [_as_data(behaviour) for behaviour in lab.behaviours],
    }


def _as_data(behaviour: Behaviour) -> dict[str, Any]:
    reply, said = behaviour.reply, behaviour.said
    return {
        "name": behaviour.name,
        "question": behaviour.question,
        "answer": reply.answer if reply else None,
        "cases": [{"case": case, "seen": seen} for case, seen in (reply.cases if reply else ())],
        "why": behaviour.why,
        "wanted": said[WANTED],
        "kernels": said[KERNELS],
        "means": {head.lower(): text for head, text in said.items() if head not in HEADS},
    }
