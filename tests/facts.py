# SPDX-License-Identifier: GPL-3.0-or-later
"""Small hosts, written down as values."""

from collections.abc import Mapping
from typing import Any

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.host.facts import (
    Algorithm,
    Directive,
    Facts,
    IndexedModule,
    ModuleIndex,
    ModuleState,
    Rule,
)
from modprobe_ipsec.needs.need import Choice, Need, Suite
from tests.shipped import CATALOG

AES_CPU = "cpu:type:x86,ven0000fam0006mod0097:feature:,0099,"
AES_PATTERN = "cpu:type:x86,ven*fam*mod*:feature:*0099*"


def algorithm(name: str, driver: str, module: str = "kernel", priority: int = 100) -> Algorithm:
    return Algorithm(name, driver, module, priority, "")


def tree(modules: Mapping[str, tuple[str, str]], builtin: str = "", **extra: Any) -> ModuleIndex:
    """Modules by name: their directory with what they depend on, and their aliases."""
    files: dict[str, IndexedModule] = {}
    aliases: dict[str, list[str]] = {}
    for name, (where, names) in modules.items():
        directory, *deps = where.split()
        files[name] = IndexedModule(name, f"kernel/{directory}/{name}.ko", tuple(deps))
        for alias in names.split():
            aliases.setdefault(alias, []).append(name)
    built = builtin.split()
    for alias, name in (pair.split("=") for pair in built if "=" in pair):
        aliases.setdefault(alias, []).append(name)
    return ModuleIndex(
        files=files,
        aliases={alias: tuple(names) for alias, names in aliases.items()},
        cpu_patterns=extra.get("cpu_patterns", {}),
        builtin=frozenset(pair.rpartition("=")[2] for pair in built),
        softdeps={},
    )


# A kernel like 6.1, as far as GCM goes: aes, ctr and the rest are there in several makes.
MODERN = tree(
    {
        "xfrm_algo": ("net/xfrm", ""),
        "xfrm_user": ("net/xfrm xfrm_algo", "net-pf-16-proto-6"),
        "esp4": ("net/ipv4 xfrm_algo", "xfrm-type-2-50"),
        "esp6": ("net/ipv6 xfrm_algo", "xfrm-type-10-50"),
        "cryptd": ("crypto", "crypto-cryptd"),
        "crypto_simd": ("crypto cryptd", ""),
        "aesni_intel": ("arch/x86/crypto crypto_simd cryptd", "crypto-aes"),
        "padlock_aes": ("drivers/crypto", "crypto-aes"),
        "qat": ("drivers/crypto", "crypto-gcm"),
        "aes_ti": ("crypto", "crypto-aes"),
        "gcm": ("crypto", "crypto-gcm crypto-rfc4106"),
        "ctr": ("crypto", "crypto-ctr"),
        "ghash_generic": ("crypto", "crypto-ghash"),
        "ghash_clmulni_intel": ("arch/x86/crypto cryptd", "crypto-ghash"),
        "seqiv": ("crypto", "crypto-seqiv"),
        "echainiv": ("crypto", "crypto-echainiv"),
        "authenc": ("crypto", "crypto-authenc"),
        "authencesn": ("crypto authenc", "crypto-authencesn"),
        "sha256_ssse3": ("arch/x86/crypto", "crypto-sha256"),
        "sha512_generic": ("crypto", "crypto-sha512"),
        "drbg": ("crypto", "crypto-stdrng"),
        "ansi_cprng": ("crypto", "crypto-stdrng"),
    },
    builtin="crypto-aes=aes_generic crypto-cbc=cbc crypto-hmac=hmac crypto-sha256=sha256_generic",
    cpu_patterns={
        "aesni_intel": (AES_PATTERN,),
        "padlock_aes": ("cpu:type:x86,ven*fam*mod*:feature:*00A6*",),
        "sha256_ssse3": (AES_PATTERN,),
        "ghash_clmulni_intel": (AES_PATTERN,),
    },
)

BOOTED = (
    algorithm("aes", "aes-generic"),
    algorithm("sha256", "sha256-generic"),
    algorithm("hmac(sha256)", "hmac(sha256-generic)"),
)


def facts(**changes: Any) -> Facts:
    """A host with that kernel, freshly booted, on a CPU with AES."""
    values: dict[str, Any] = {
        "release": "6.1.0-56-amd64",
        "arch": "x86_64",
        "running": True,
        "algorithms": BOOTED,
        "modules": {},
        "module_index": MODERN,
        "config": None,
        "rules": (),
        "cpu_modalias": AES_CPU,
        "cpu_flags": frozenset({"aes", "ssse3", "avx"}),
        "fips": False,
        "modprobe_path": "/sbin/modprobe",
        "modules_disabled": False,
        "ipv6": True,
        "may_load": True,
        "stack_signs": (),
        "unreadable": (),
    }
    return Facts(**{**values, **changes})


def live(*names: str) -> dict[str, ModuleState]:
    return dict.fromkeys(names, ModuleState.LIVE)


def install(name: str, command: str = "/bin/false", line: int = 1) -> Rule:
    text = f"install {name} {command}"
    return Rule(Directive.INSTALL, name, command, f"/etc/modprobe.d/x.conf:{line}", text)


def blacklist(name: str) -> Rule:
    where = "/etc/modprobe.d/b.conf:7"
    return Rule(Directive.BLACKLIST, name, "", where, f"blacklist {name}")


def choice(name: str, bits: int = 0) -> Choice:
    transform = CATALOG.transforms[name]
    return Choice(transform, bits or transform.key_bits[-1])


GCM = Need(Suite(Protocol.ESP, choice("AES_GCM_16"), None), Family.IPV4)
CBC = Need(
    Suite(Protocol.ESP, choice("AES_CBC"), choice("HMAC_SHA2_256_128"), esn=True), Family.IPV4
)
CAMELLIA_CTR = Need(
    Suite(Protocol.ESP, choice("CAMELLIA_CTR"), choice("HMAC_SHA2_256_128")), Family.IPV4
)
