# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of questions about what this kernel does with packets: each file is one behaviour.

Its docstring is what `--lab -v` and docs/behaviours.md say of it: the question in the first line,
then a paragraph for each of `_behaviour.HEADS` and each IKE daemon. It offers `ask(bench) ->
Reply`, which gets a `lab.workbench.Workbench` of its own, in a process of its own, and may raise
OSError where it cannot ask; and perhaps `TAKES`, the protocols beside ESP of which it makes SAs.

What it answers must not depend on how fast the machine is, nor on who else asks. What has to come
is waited for, long (`lab.network.COMES`); that something does not come is known once what was sent
behind it has (`Network.settle`).
"""

from modprobe_ipsec.base import registry


def names() -> tuple[str, ...]:
    """All behaviours, as `--lab` takes them."""
    return registry.names(__path__)
