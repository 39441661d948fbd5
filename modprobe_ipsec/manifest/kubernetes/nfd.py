# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule for Node Feature Discovery.

source: kubernetes-sigs/node-feature-discovery, nfd-api-crds.yaml
"""

from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.selection import insist_on_names, nothing_to_load, to_load
from modprobe_ipsec.manifest.words import comment, head
from modprobe_ipsec.manifest.yaml_text import Plain, dump


def write(plan: HostPlan, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """A rule for Node Feature Discovery: a label for nodes that have all modules.

    `kernel.enabledmodule` knows built-in ones too, by what modules.builtin says.
    """
    states = (ResolutionState.BUILTIN, ResolutionState.LIVE, ResolutionState.LOADABLE)
    names = [m.name for m in plan.modules if m.name and m.state in states and not m.accelerator]
    expressions: dict[str, Plain] = {name: {"op": "Exists"} for name in dict.fromkeys(names)}
    if not expressions:
        insist_on_names(to_load(plan, ManifestOptions(preload=True)), "nfd")
        raise nothing_to_load(plan, options)
    rule: dict[str, Plain] = {
        "name": "ipsec-ready",
        "labels": {"ipsec.feature.node.kubernetes.io/ready": "true"},
        "matchFeatures": [{"feature": "kernel.enabledmodule", "matchExpressions": expressions}],
    }
    document: dict[str, Plain] = {
        "apiVersion": "nfd.k8s-sigs.io/v1alpha1",
        "kind": "NodeFeatureRule",
        "metadata": {"name": "ipsec"},
        "spec": {"rules": [rule]},
    }
    note = comment(
        [
            "It only says where the daemon can run; it loads nothing.",
            "For OpenShift's operator the next line is apiVersion: nfd.openshift.io/v1alpha1",
        ]
    )
    return (ManifestFile("nodefeaturerule.yaml", head(plan) + note + dump(document)),)


FORMAT = Format(
    "a rule for Node Feature Discovery that labels nodes with all modules",
    write,
    "It says where the daemon can run, and loads nothing.",
)
