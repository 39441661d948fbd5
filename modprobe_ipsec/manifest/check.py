# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of every manifest before it is written, whatever format it is in.

Its words are those of the allow-list: names that can be modules, and the few sysctls, capabilities,
devices and ports of an IKE daemon. `make` and `read` make no other plans: `catalog.reach` tells
what a name may be. This is the last look before root's files. What each format may look like is
described in tests/manifest/schemas, for what its consumers let through without a word.
"""

import re

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile
from modprobe_ipsec.manifest.requirements import CAPABILITIES, DEVICES, PORTS, SYSCTLS

# As `catalog.reach` has them: a canonical name of a module, and what the kernel asks modprobe for.
_MODULE = re.compile(r"[A-Za-z0-9_]{0,55}")
_REQUEST = re.compile(r"[A-Za-z0-9_(),-]{1,110}")
_NUMBER = re.compile(r"[0-9]{1,5}")


def mistakes(files: Iterable[ManifestFile], plan: HostPlan) -> Iterator[str]:
    """What is wrong with the files of a manifest, or the plan they are of; nothing if all is well.

    A mistake here is one of ours: nothing that a user may write comes so far.
    """
    for word, known in _words(plan):
        if not known:
            yield f"`{word}` is nothing that a host plan may name"
    for file in files:
        if file.path.startswith("/") or not {"", ".", ".."}.isdisjoint(file.path.split("/")):
            yield f"{file.path}: a path must be relative and lead nowhere else"
        if not file.text.endswith("\n") or not file.text.replace("\n", "").isprintable():
            yield f"{file.path}: a text must be printable lines"


def _words(plan: HostPlan) -> Iterator[tuple[str, bool]]:
    """Each word of a plan that decides something, and whether it may."""
    for module in plan.modules:
        yield from ((name, bool(_MODULE.fullmatch(name))) for name in (module.name, *module.after))
        yield module.request, bool(_REQUEST.fullmatch(module.request))
    for sysctl in plan.sysctls:
        yield sysctl.key, sysctl.key in SYSCTLS
        yield sysctl.value, bool(_NUMBER.fullmatch(sysctl.value))
    yield from ((name, name in CAPABILITIES) for name in plan.container.capabilities)
    yield from ((path, path in DEVICES) for path in plan.container.devices)
    yield from ((port, port in PORTS) for port in plan.container.ports)
