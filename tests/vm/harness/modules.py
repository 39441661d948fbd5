# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a guest that belongs to one kernel: its modules and its configuration."""

import re
from pathlib import Path

from . import cpio
from .apt import ARCHITECTURE
from .cache import built
from .kernels import Kernel

WANTED = re.compile(
    r"kernel/((arch|crypto|lib|net|drivers/crypto|drivers/net/ppp)/.*|drivers/net/[^/]*)"
)
"""The modules that a guest has, with what they depend on; of the rest only the index entries."""
UNWANTED = re.compile(
    r"kernel/net/(batman-adv|bluetooth|ceph|mac80211|nfc|rxrpc|sunrpc|tipc|wireless)/.*"
    r"|kernel/arch/x86/kvm/.*"
)
"""Large, and nothing that could ever matter here."""
FEW = re.compile(
    r"kernel/(arch/.*/crypto|crypto|lib|net/(xfrm|ipv4|ipv6|key)|drivers/crypto/vmx)/[^/]*"
    r"|kernel/(lib/crypto|arch/.*/lib)/.*|kernel/drivers/net/(dummy|tun|veth)\.ko.*"
)
"""What guests of other architectures have: unpacking takes emulated time."""


def modules(kernel: Kernel) -> Path:
    """The archive with a kernel's modules: the whole indexes, the files that can matter here."""

    def build() -> bytes:
        archive = cpio.Archive()
        place = f"/lib/modules/{kernel.release}"
        for index in sorted(kernel.modules.glob("modules.*")):
            archive.copy(index, f"{place}/{index.name}")
        for module in _wanted_modules(kernel):
            archive.copy(kernel.modules / module, f"{place}/{module}")
        if config := kernel.config:
            archive.copy(config, f"/{config.relative_to(kernel.root)}")
        return archive.pack()

    sources = (Path(__file__), Path(cpio.__file__), kernel.modules / "modules.dep")
    return built(f"modules-{kernel.root.name}.cpio", sources, build)


def _wanted_modules(kernel: Kernel) -> list[str]:
    pattern = WANTED if kernel.architecture == ARCHITECTURE else FEW
    lines = (kernel.modules / "modules.dep").read_text().splitlines()
    # Each line lists all that a module needs, however indirectly.
    needs = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    wanted = {name for name in needs if pattern.fullmatch(name) and not UNWANTED.fullmatch(name)}
    return sorted(wanted.union(*(needs[name] for name in wanted)))
