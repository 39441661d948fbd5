# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of data/obstacles.yaml and data/packages.yaml: what stands in the way, what helps."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value


class Mitigation(Value):
    """A vulnerability of the kernel against which lines for modprobe.d were shipped."""

    # Dirty Frag
    name: str
    cve: str
    # Modules that such a line forbids.
    modules: frozenset[str]
    # Words in the names of files that have it.
    files: tuple[str, ...]
    # First fixed kernels: (debian, 6.12.86-1), one for each series.
    fixed: tuple[tuple[str, str], ...]


class Symptom(Value):
    """What is seen where a request of the kernel stays without an answer."""

    errno: int
    # The line that each daemon then writes, by the daemon's name.
    lines: tuple[tuple[str, str], ...]


class Package(Value):
    """The package that has what a distribution's kernel lacks."""

    # ID or ID_LIKE of os-release.
    os: str
    # Releases of the kernel, as a shell pattern.
    kernels: str
    # The command, with {release} and {kernel}.
    install: str
    # `option`: the kernel is built without it. `file`: it is built, and lies elsewhere.
    lacks: str = ""


class Knowledge(Value):
    """Both files, and the log lines of daemons/NAME.yaml."""

    mitigations: tuple[Mitigation, ...]
    # By the beginning of a request; the longest counts.
    symptoms: Mapping[str, Symptom]
    # Functions that start built-in code, by module.
    initcalls: Mapping[str, tuple[str, ...]]
    packages: tuple[Package, ...]
    trees: tuple[Package, ...]
    # OpenWrt's package by module or by what it answers.
    openwrt: Mapping[str, str]
    # Command that installs libkmod, by ID or ID_LIKE.
    libkmod: Mapping[str, str]
