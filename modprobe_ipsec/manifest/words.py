# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that every writer shares: the head of a file, comments, and names that stand once."""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.manifest.model import HostPlan, PlannedModule

# Longer than any sentence of ours; what others wrote is cut here.
MAX_TEXT = 400
# Of a comment.
_WIDTH = 94
# Needs that a head names.
_SHOWN = 12

NAME = "modprobe-ipsec"
LABEL = "io.modprobe-ipsec"
UNIT = "modprobe-ipsec-host.service"
# Where the host keeps a plan that came out of a container.
PLAN_PATH = "etc/modprobe-ipsec/host-plan.yaml"
# The daemons, and what starts containers: none of them before the modules are there.
DAEMON_UNITS = tuple(unit for daemon in DAEMONS.values() for unit in daemon.units)
ENGINE_UNITS = (
    "docker.service",
    "containerd.service",
    "crio.service",
    "kubelet.service",
    "podman-restart.service",
    "incus.service",
    "lxc.service",
)
MODPROBE = "/usr/sbin/modprobe"
IMAGE = "example.org/ike-daemon:1"
# For /bin/sh -c: its arguments are accelerators, `--`, and the needed ones.
# A blacklist or `install NAME /bin/true` makes modprobe exit with 0, so the kernel is asked.
LOAD_SCRIPT = (
    "for m do shift; case $m in --) break;; *) modprobe -b -- $m 2>/dev/null;; esac; done; "
    'modprobe -a -b -- "$@"; '
    "for m do test -d /sys/module/$m || { echo $m is not loaded >&2; exit 1; }; done"
)


def clean(text: str) -> str:
    """One line that no format reads as more than a text: printable, bounded, no backslash.

    A backslash at the end of a comment makes modprobe.d and systemd read the next line as a part
    of it; what looks like a template is one to Ansible.
    """
    text = "".join(char if char.isprintable() else "?" for char in text).replace("\\", "/")
    for start in ("{{", "{%", "{#"):
        text = text.replace(start, "(")
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."


def made_by(plan: HostPlan) -> str:
    """What made a plan, and from what."""
    made = plan.made
    sources = dict.fromkeys(s.where for planned in plan.needs for s in planned.need.sources)
    what = ", ".join(made.configs or tuple(sources)[:3]) or "nothing"
    where = f"kernel {made.kernel or 'unknown'}"
    where += f", tree {made.root}" if made.root != "/" else ""
    where += f", from inside a container ({made.container})" if made.container else ""
    return f"Made by {made.tool} for {where}, from {what}."


def head(plan: HostPlan) -> str:
    """The first lines of a file: what made it and from what, and what is in the way."""
    lines = [f"CANNOT BE MET here: {w.need.label} ({w.verdict})" for w in plan.unmet[:_SHOWN]]
    if len(plan.unmet) > _SHOWN:
        lines.append(f"CANNOT BE MET here either: {len(plan.unmet) - _SHOWN} more")
    lines += [f"In the way: {blocker.text}. {blocker.remedy}" for blocker in plan.blockers]
    return f"# {clean(made_by(plan))}\n" + comment(lines)


def comment(texts: Iterable[str]) -> str:
    """Each text as one or more lines of comment."""
    # imports re, which only a manifest pays for
    from textwrap import wrap

    lines: list[str] = []
    for text in texts:
        first, *rest = wrap(
            clean(text), _WIDTH, break_long_words=False, break_on_hyphens=False
        ) or [""]
        lines += [f"# {first}\n", *(f"#   {line}\n" for line in rest)]
    return "".join(lines)


def left_out(plan: HostPlan, listed: Iterable[PlannedModule]) -> Iterator[str]:
    """One line for each module that is not to be loaded, and why."""
    listed = tuple(listed)
    for module in plan.modules:
        if module not in listed:
            yield f"{module.label}: {_standing(module)} ({module.why})"


def _standing(module: PlannedModule) -> str:
    if module.accelerator:
        return "only an accelerator; --manifest systemd loads it"
    match module.state:
        case ResolutionState.BUILTIN:
            return "built in"
        case ResolutionState.BLOCKED:
            return "blocked, see above; nothing here works around that"
        case ResolutionState.ABSENT:
            return "this kernel has none"
        case _:
            return "the kernel loads it by itself when asked"


def told_in_a_container(plan: HostPlan) -> list[str]:
    """What the daemons of a plan have to be told where they live in a container."""
    sources = (source for planned in plan.needs for source in planned.need.sources)
    daemons = dict.fromkeys(source.daemon for source in sources if source.daemon)
    return [text for name in daemons for text in DAEMONS[name].in_a_container]
