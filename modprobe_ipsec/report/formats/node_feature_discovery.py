# SPDX-License-Identifier: GPL-3.0-or-later
"""A feature file for the local source of Kubernetes' node-feature-discovery.

Pods then ask for nodes where IPsec works: `feature.node.kubernetes.io/ipsec.ready: "true"`.
source: kubernetes-sigs/node-feature-discovery, docs/usage/customization-guide.md, "Feature files"
"""

import time

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.plan.verdict import NeedVerdict, Verdict
from modprobe_ipsec.report.model import Report, Run, Style

SUMMARY = "for Kubernetes' node-feature-discovery: a feature file of its local source"

_PREFIX = "ipsec"
# Of a label's name, as Kubernetes has it.
_NAME = 63
# Needs that get a label of their own: a node's labels are everybody's.
_MOST = 100
# Seconds after which nobody believes a file any more that nothing has made anew.
_BELIEVED = 24 * 60 * 60


def render(report: Report, style: Style) -> str:
    """Whether all is ready, then each need with its verdict, the worst first."""
    worst_first = sorted(report.verdicts, key=lambda judged: list(Verdict).index(judged.verdict))
    labels = dict(_label(judged) for judged in worst_first[:_MOST])
    return _file(report.run, {"ready": str(report.exit_code == 0).lower(), **labels})


def failure(error: Error, run: Run) -> str:
    """That nothing is known to be ready."""
    return _file(run, {"ready": "false"})


def _file(run: Run, labels: dict[str, str]) -> str:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.began + _BELIEVED))
    lines = [f"# modprobe-ipsec {run.version}", f"# +expiry-time={until}"]
    lines += (f"{_PREFIX}.{name}={value}" for name, value in labels.items())
    return "".join(f"{line}\n" for line in lines)


def _label(judged: NeedVerdict) -> tuple[str, str]:
    """Names are made of ids, which are of letters, digits, dots and underscores."""
    name = ".".join(_words(judged.need.id))
    return name[: _NAME - len(_PREFIX) - 1].rstrip("._"), judged.verdict


def _words(id: str) -> Iterator[str]:
    """What goes without saying is left out: some names would be too long."""
    return (word for word in id.split(".") if word not in ("tunnel", "feature"))
