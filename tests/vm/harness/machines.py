# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated machines of other architectures: what QEMU calls them and how they are spoken to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """One kind of machine, by Debian's name for its architecture in MACHINES."""

    package: str
    """Debian's package of the emulator."""
    emulator: tuple[str, ...]
    """The program and what makes it this kind of machine."""
    console: str
    """What its kernel calls the console."""
    cpu: str = "max"
    """The CPU with all that the emulator can do."""
    line: tuple[str, ...] = ("-serial", "chardev:console")
    """How the console is connected."""


# SLOF's and spapr's mitigations need a KVM host
_PSERIES = "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"
_VIRTIO_RANDOM = ("-device", "virtio-rng-pci")

MACHINES = {
    "amd64": Machine("qemu-system-x86", ("qemu-system-x86_64", "-M", "q35"), "ttyS0"),
    "arm64": Machine(
        "qemu-system-arm",
        ("qemu-system-aarch64", "-M", "virt,gic-version=3", *_VIRTIO_RANDOM),
        "ttyAMA0",
        # pointers signed as Arm's architecture has it take half of all emulated time
        cpu="max,pauth-impdef=on",
    ),
    "armhf": Machine("qemu-system-arm", ("qemu-system-arm", "-M", "virt"), "ttyAMA0"),
    "i386": Machine("qemu-system-x86", ("qemu-system-i386", "-M", "q35"), "ttyS0"),
    "ppc64el": Machine(
        "qemu-system-ppc", ("qemu-system-ppc64", "-M", _PSERIES), "hvc0", cpu="power10"
    ),
    "riscv64": Machine("qemu-system-riscv", ("qemu-system-riscv64", "-M", "virt"), "ttyS0"),
    "s390x": Machine(
        "qemu-system-s390x",
        ("qemu-system-s390x", "-M", "s390-ccw-virtio"),
        "ttysclp0",
        line=("-device", "sclpconsole,chardev=console"),
    ),
}


@dataclass(frozen=True, slots=True)
class Guest:
    """One machine to be right on."""

    kernel: str
    """A name of `kernels.SOURCES`."""
    cpu: str = ""
    """Another than the machine's."""
    userland: str = ""
    """Another architecture than the kernel's."""


GUESTS = {
    "arm64": Guest("6.12-arm64"),
    "arm64-6.1": Guest("6.1-arm64"),
    "arm64-6.18": Guest("6.18-arm64"),
    "arm64-7": Guest("7-arm64"),
    # NEON and nothing else; and a core of the eighth version
    "armhf": Guest("6.12-armhf", cpu="cortex-a15"),
    "armhf-v8": Guest("6.12-armhf"),
    "armhf-on-arm64": Guest("6.12-arm64", cpu="cortex-a72", userland="armhf"),
    "i386": Guest("6.1-i386", userland="i386"),
    "i386-on-amd64": Guest("6.12", userland="i386"),
    "ppc64el": Guest("6.12-ppc64el"),
    "ppc64el-7": Guest("7-ppc64el"),
    "riscv64": Guest("6.12-riscv64"),
    # no vector extension
    "riscv64-plain": Guest("6.12-riscv64", cpu="rv64,v=false"),
    "s390x": Guest("6.12-s390x"),
}
"""By the name that `make test-arch ARCH=` takes."""
IN_CI = ("arm64", "s390x")
"""One with another CPU, and one with the other byte order."""
