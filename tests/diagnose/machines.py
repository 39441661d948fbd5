# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of paper: the modules, aliases and CPUs that Debian's kernels had under QEMU, and what
each module registered there (docs/facts/architectures.md).
"""

from collections.abc import Mapping

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.diagnose.resolution import LoadFailure, ResolutionState
from modprobe_ipsec.host.facts import Algorithm, Facts, ModuleState
from modprobe_ipsec.needs.need import Need
from modprobe_ipsec.plan.planner import make_plan
from tests.facts import algorithm, facts, tree
from tests.shipped import CATALOG

# What every one of them has, as modules or built in.
COMMON = {
    "xfrm_algo": ("net/xfrm", ""),
    "xfrm_user": ("net/xfrm xfrm_algo", "net-pf-16-proto-6"),
    "esp4": ("net/ipv4 xfrm_algo", "xfrm-type-2-50"),
    "gcm": ("crypto", "crypto-gcm crypto-rfc4106"),
    "ghash_generic": ("crypto", "crypto-ghash"),
    "seqiv": ("crypto", "crypto-seqiv"),
    "echainiv": ("crypto", "crypto-echainiv"),
    "authenc": ("crypto", "crypto-authenc"),
    "chacha_generic": ("crypto", "crypto-chacha20"),
    "poly1305_generic": ("crypto", "crypto-poly1305"),
    "chacha20poly1305": ("crypto", "crypto-rfc7539esp crypto-chacha20poly1305"),
}
BUILTIN = (
    "crypto-aes=aes_generic crypto-cbc=cbc crypto-ctr=ctr crypto-hmac=hmac crypto-stdrng=drbg "
    "crypto-sha256=sha256_generic crypto-sha512=sha512_generic crypto-sha1=sha1_generic"
)
BOOTED = (
    algorithm("aes", "aes-generic"),
    algorithm("sha256", "sha256-generic"),
    algorithm("sha512", "sha512-generic"),
    algorithm("sha1", "sha1-generic"),
    algorithm("stdrng", "drbg", priority=200),
)
Drivers = Mapping[str, int]


class Machine(Value):
    """A kernel of paper and a CPU."""

    uname: str
    # Modules as tests.facts.tree has them.
    modules: Mapping[str, tuple[str, str]]
    cpu_patterns: Mapping[str, str]
    modalias: str
    flags: str
    # What a module registers on this CPU; one that is not there answers ENODEV, if it is of arch/.
    registers: Mapping[str, Drivers]

    def booted(self, release: str = "6.12.117") -> Facts:
        patterns = {module: (pattern,) for module, pattern in self.cpu_patterns.items()}
        index = tree({**COMMON, **self.modules}, builtin=BUILTIN, cpu_patterns=patterns)
        named = {name for names in index.aliases.values() for name in names}
        alone = tuple(name for name in patterns if name not in named)
        return facts(
            release=release,
            arch=self.uname,
            algorithms=BOOTED,
            module_index=index._replace(cpu_alone=lambda: alone),
            cpu_modalias=self.modalias,
            cpu_flags=frozenset(self.flags.split()),
        )

    def load(self, need: Need, host: Facts) -> tuple[set[str], Facts]:
        """What is there after the plan was carried out round by round, as a load does."""
        tried: dict[str, LoadFailure] = {}
        for _ in range(10):
            plan = make_plan([need], host, CATALOG, tried)
            if not plan.rounds:
                return set(host.modules or ()), host
            for step in plan.rounds[0]:
                for name in (*step.dependencies, step.module):
                    ours = name in self.modules
                    if ours and name not in self.registers:
                        tried[name] = LoadFailure(ResolutionState.ABSENT, "no such device")
                        continue
                    new = self.registers[name] if ours else GENERIC.get(name, {})
                    host = host._replace(
                        modules={**(host.modules or {}), name: ModuleState.LIVE},
                        algorithms=(
                            *(host.algorithms or ()),
                            *(Algorithm(n, f"{n}-{name}", name, p, "") for n, p in new.items()),
                        ),
                    )
        raise AssertionError("no end of rounds")

    def best(self, name: str, host: Facts) -> str:
        """Whose driver serves a name."""
        there = [a for a in host.algorithms or () if a.name == name]
        return max(there, key=lambda a: a.priority).module if there else ""


GENERIC: Mapping[str, Drivers] = {
    "ghash_generic": {"ghash": 100},
    "chacha_generic": {"chacha20": 100},
    "poly1305_generic": {"poly1305": 100},
}
MODES = "crypto-cbc(aes) crypto-ctr(aes) crypto-ecb(aes)"
WHOLE_GCM = "crypto-gcm(aes) crypto-rfc4106(gcm(aes))"
ARM = "arch/arm/crypto"
ARMHF = {
    "aes_arm": (ARM, "crypto-aes"),
    "aes_arm_bs": (f"{ARM} aes_arm", MODES),
    "aes_arm_ce": (ARM, ""),
    "ghash_arm_ce": (ARM, f"crypto-ghash {WHOLE_GCM}"),
    "sha1_arm": (ARM, "crypto-sha1"),
    "sha1_arm_neon": (f"{ARM} sha1_arm", "crypto-sha1"),
    "sha1_arm_ce": (f"{ARM} sha1_arm", ""),
    "sha256_arm": (ARM, "crypto-sha256"),
    "sha2_arm_ce": (f"{ARM} sha256_arm", ""),
    "chacha_neon": (ARM, "crypto-chacha20"),
    "poly1305_arm": (ARM, "crypto-poly1305"),
}
ARMHF_CPU = {
    "aes_arm_ce": "cpu:type:*:feature:*0020*",
    "sha1_arm_ce": "cpu:type:*:feature:*0022*",
    "sha2_arm_ce": "cpu:type:*:feature:*0023*",
}
SCALAR = {
    "aes_arm": {"aes": 200},
    "sha1_arm": {"sha1": 150},
    "sha256_arm": {"sha256": 150},
    "chacha_neon": {"chacha20": 200},
    "poly1305_arm": {"poly1305": 150},
}
NEON: Mapping[str, Drivers] = {
    **SCALAR,
    "aes_arm_bs": {"cbc(aes)": 250, "ctr(aes)": 250, "ecb(aes)": 250},
    "ghash_arm_ce": {"ghash": 300},
    "sha1_arm_neon": {"sha1": 250},
    "sha256_arm": {"sha256": 250},
    "chacha_neon": {"chacha20": 300},
    "poly1305_arm": {"poly1305": 200},
}
V8: Mapping[str, Drivers] = {
    **NEON,
    "aes_arm_ce": {"cbc(aes)": 300, "ctr(aes)": 300, "ecb(aes)": 300},
    "ghash_arm_ce": {"ghash": 300, "gcm(aes)": 400, "rfc4106(gcm(aes))": 400},
    "sha1_arm_ce": {"sha1": 300},
    "sha2_arm_ce": {"sha256": 300},
}
A15 = Machine(
    *("armv7l", ARMHF, ARMHF_CPU, "cpu:type:v7l:feature:,0001,0002,0003,0012,"),
    *("half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae", NEON),
)
ARMV8 = A15._replace(
    modalias="cpu:type:v7l:feature:,0001,0012,0020,0021,0022,0023,0024,",
    flags=f"{A15.flags} aes pmull sha1 sha2 crc32",
    registers=V8,
)
ARMV6 = A15._replace(
    uname="armv6l", modalias="cpu:type:v6l:feature:,0001,", flags="half vfp", registers=SCALAR
)

A64 = "arch/arm64/crypto"
ARM64 = {
    "aes_ce_cipher": (A64, ""),
    "aes_ce_blk": (f"{A64} aes_ce_cipher", f"{MODES} crypto-xcbc(aes)"),
    "aes_neon_blk": (A64, "crypto-xcbc(aes)"),
    "aes_neon_bs": (f"{A64} aes_neon_blk", MODES),
    "ghash_ce": (A64, "crypto-ghash"),
    "sha256_arm64": (A64, "crypto-sha256"),
    "sha2_ce": (f"{A64} sha256_arm64", "crypto-sha256"),
    "sha1_ce": (A64, "crypto-sha1"),
    "chacha_neon": (A64, "crypto-chacha20"),
    "poly1305_neon": (A64, "crypto-poly1305"),
}
ARM64_CPU = {
    "aes_ce_cipher": "cpu:type:*:feature:*0003*",
    "aes_ce_blk": "cpu:type:*:feature:*0003*",
    "ghash_ce": "cpu:type:*:feature:*0004*",
    "sha1_ce": "cpu:type:*:feature:*0005*",
    "sha2_ce": "cpu:type:*:feature:*0006*",
}
PI4_HAS: Mapping[str, Drivers] = {
    "aes_neon_blk": {"xcbc(aes)": 200},
    "aes_neon_bs": {"cbc(aes)": 250, "ctr(aes)": 250, "ecb(aes)": 250},
    "ghash_ce": {"ghash": 150},
    "sha256_arm64": {"sha256": 150},
    "chacha_neon": {"chacha20": 300},
    "poly1305_neon": {"poly1305": 200},
}
MAX_HAS: Mapping[str, Drivers] = {
    **PI4_HAS,
    "aes_ce_cipher": {"aes": 250},
    "aes_ce_blk": {"cbc(aes)": 300, "ctr(aes)": 300, "ecb(aes)": 300, "xcbc(aes)": 300},
    "ghash_ce": {"gcm(aes)": 300, "rfc4106(gcm(aes))": 300, "ghash": 150},
    "sha1_ce": {"sha1": 200},
    "sha2_ce": {"sha256": 200},
}
PI4 = Machine(
    *("aarch64", ARM64, ARM64_CPU, "cpu:type:aarch64:feature:,0000,0001,0007,"),
    *("fp asimd evtstrm crc32 cpuid", PI4_HAS),
)
ARM64_MAX = PI4._replace(
    modalias="cpu:type:aarch64:feature:,0000,0001,0003,0004,0005,0006,0007,",
    flags="fp asimd evtstrm aes pmull sha1 sha2 crc32",
    registers=MAX_HAS,
)

VMX: Mapping[str, tuple[str, str]] = {
    "vmx_crypto": ("arch/powerpc/crypto", ""),
    "chacha_p10_crypto": ("arch/powerpc/crypto", "crypto-chacha20"),
    "sha1_powerpc": ("arch/powerpc/crypto", "crypto-sha1"),
    "nx_crypto": ("drivers/crypto/nx", "crypto-cbc(aes)"),
}
POWER10 = Machine(
    *("ppc64le", VMX, {"vmx_crypto": "cpu:type:*:feature:*0039*"}),
    *("cpu:type:power10:feature:,0001,0011,0039,", ""),
    {
        "vmx_crypto": {"aes": 1000, "cbc(aes)": 2000, "ctr(aes)": 2000, "ghash": 1000},
        "chacha_p10_crypto": {"chacha20": 300},
        "sha1_powerpc": {"sha1": 0},
    },
)
POWER7 = POWER10._replace(
    modalias="cpu:type:power7:feature:,0001,",
    registers={"chacha_p10_crypto": {}, "sha1_powerpc": {"sha1": 0}},
)

S390 = {
    "aes_s390": ("arch/s390/crypto", "crypto-aes-all"),
    "sha_common": ("arch/s390/crypto", ""),
    "sha256_s390": ("arch/s390/crypto sha_common", "crypto-sha256"),
    "chacha_s390": ("arch/s390/crypto", "crypto-chacha20"),
    "prng": ("arch/s390/crypto", ""),
}
Z15 = Machine(
    *("s390x", S390),
    {
        **dict.fromkeys(("aes_s390", "sha256_s390", "prng"), "cpu:type:*:feature:*0000*"),
        "chacha_s390": "cpu:type:*:feature:*0001*",
    },
    *("cpu:type:z15:feature:,0000,0001", "esan3 zarch stfle msa vx"),
    {
        "aes_s390": {"aes": 300, "ecb(aes)": 401, "cbc(aes)": 402, "gcm(aes)": 900},
        "sha_common": {},
        "sha256_s390": {"sha256": 300},
        "chacha_s390": {"chacha20": 900},
    },
)

RISCV = {
    "aes_riscv64": ("arch/riscv/crypto", f"crypto-aes {MODES}"),
    "ghash_riscv64": ("arch/riscv/crypto", "crypto-ghash"),
    "sha256_riscv64": ("arch/riscv/crypto", "crypto-sha256"),
    "chacha_riscv64": ("arch/riscv/crypto", "crypto-chacha20"),
}
ZVK = Machine(
    *("riscv64", RISCV, {}, "", "rv64imafdcv zvkb zvkg zvkned zvknhb"),
    {
        "aes_riscv64": {"aes": 300, "cbc(aes)": 300, "ctr(aes)": 300, "ecb(aes)": 300},
        "ghash_riscv64": {"ghash": 300},
        "sha256_riscv64": {"sha256": 300},
        "chacha_riscv64": {"chacha20": 300},
    },
)
RV64 = ZVK._replace(flags="rv64imafdc zba zbb", registers={})
