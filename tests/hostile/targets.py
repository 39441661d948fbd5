# SPDX-License-Identifier: GPL-3.0-or-later
"""Every parser that reads hostile input, as a function of bytes, with what it usually reads.

An answer or an Error is right, whatever the bytes are. `make fuzz TARGET=NAME SECONDS=N` runs one.
"""

import gzip
import json
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.names import glob
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.commands import engine, question
from modprobe_ipsec.daemons import installed, proposals
from modprobe_ipsec.daemons.handover import from_message
from modprobe_ipsec.daemons.strongswan import daemon as strongswan_daemon
from modprobe_ipsec.glossary import log
from modprobe_ipsec.glossary.book import Book
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.kernel import (
    cpu,
    flat_index,
    kconfig,
    modprobe_d,
    module_file,
    module_index,
    module_state,
    proc_crypto,
    xfrm_proc,
)
from modprobe_ipsec.host.machine import oci_state, word_size
from modprobe_ipsec.manifest.read import parse as parse_plan
from tests.commands.bundle import state
from tests.daemons.common import CONTEXT
from tests.daemons.iked import common as iked
from tests.daemons.libreswan import common as libreswan
from tests.daemons.others import hostile as others
from tests.daemons.strongswan import common as strongswan
from tests.daemons.strongswan import traps
from tests.daemons.texts import Texts
from tests.hosts import tree
from tests.shipped import CATALOG

HERE = Path(__file__).parent
CASES = HERE.parent / "daemons"


class Target(NamedTuple):
    """A parser."""

    read: Callable[[bytes], object]
    # What it usually reads; more lies in corpus/NAME/.
    seeds: Callable[[], Sequence[bytes]]
    # Words and characters that mean something to it.
    words: Sequence[str | bytes]


class Files:
    """The door to files of a host that has one directory: its kernel's modules."""

    root, release, same_kernel, running = "/tree", "6.1", True, True
    module_directory = "lib/modules/6.1"

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, path: str, limit: int = 8 << 20, head: bool = False) -> bytes | Unreadable:
        data = self.files.get(path)
        if data is None:
            return Unreadable(path, "no such file", missing=True)
        return data[:limit]

    def text(self, path: str, gaps: Any = None, limit: int = 8 << 20) -> str | None:
        data = self.read(path, limit)
        return None if isinstance(data, Unreadable) else data.decode("utf-8", "replace")

    def list_dir(self, path: str) -> list[str]:
        return sorted({p[len(path) + 1 :] for p in self.files if p.startswith(f"{path}/")})

    def exists(self, path: str) -> bool:
        return any(p == path or p.startswith(f"{path}/") for p in self.files)


def host(files: Mapping[str, bytes]) -> Any:
    return Files(files)


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def files(data: bytes, first: str) -> dict[str, str]:
    """Several files from one text: what stands behind a line `#-- PATH` is another one."""
    head, *rest = text(data).split("\n#-- ")
    found = {first: head}
    for part in rest:
        path, _, body = part.partition("\n")
        found[path] = body
    return found


def read_libreswan(data: bytes) -> object:
    version = (None, (4, 10), (5, 2), (5, 4))[len(data) % 4]
    return libreswan.read(files(data, libreswan.CONF), version=version)


def read_strongswan(first: str) -> Callable[[bytes], object]:
    return lambda data: strongswan.read(files(data, first))


def read_strongswan_conf(data: bytes) -> object:
    texts = Texts(files(data, strongswan.STRONGSWAN))
    return strongswan_daemon.read(strongswan.STRONGSWAN, texts, options=strongswan.OPTIONS)


def read_proposals(data: bytes) -> object:
    protocol = Protocol.AH if len(data) % 3 == 0 else Protocol.ESP
    return proposals.read(text(data), protocol, CONTEXT)


def read_modprobe_d(data: bytes) -> object:
    here = host({"etc/modprobe.d/x.conf": data, "proc/cmdline": data[:4096]})
    gaps: list[Unreadable] = []
    rules = modprobe_d.read(here, gaps)
    names = ("esp4", "xfrm_user", "crypto_gcm", "crypto-gcm(aes)", "xfrm_type_2_50", "ipv6")
    facts: Any = None
    recorded = list(modprobe_d.redacted(here, facts, facts))
    again = modprobe_d.read(host(dict(recorded)), gaps)
    shown = [rule.shown for rule in rules]
    # what is written down means the same
    assert len(again) <= len(rules)
    return modprobe_d.about(names, rules, None), shown


def read_module_index(data: bytes) -> object:
    parts = data.split(b"\n--\n")
    names = ("modules.dep", "modules.alias", "modules.builtin", "modules.builtin.modinfo")
    place = Files.module_directory
    texts = {f"{place}/{name}": part for name, part in zip(names, parts, strict=False)}
    texts[f"{place}/modules.softdep"] = parts[-1]
    index = module_index.read_index(host(texts), [])
    assert index
    found = [index.files[name] for name in list(index.files)[:50]]
    cpu.fitting("cpu:type:x86,ven0000fam0006mod008E:feature:,0000,0001", index.cpu_patterns)
    index.cpu_alone()
    aliases = [index.aliases.get(alias) for alias in ("crypto-gcm(aes)", "xfrm-type-2-50", "x")]
    return found, aliases, dict(index.softdeps)


def read_flat_index(data: bytes) -> object:
    place = Files.module_directory
    parts = data.split(b"\n--\n")
    return flat_index.read(host({f"{place}/m{n}.ko": part for n, part in enumerate(parts)}))


def read_module_file(data: bytes) -> object:
    assert word_size.bits_of(data) in (0, 32, 64)
    found = module_file.look("/x.ko", data)
    assert (found.broken + found.vermagic).isprintable()
    return module_file.stand_in(found)


def read_kconfig(data: bytes) -> object:
    config = kconfig.read(host({"proc/config.gz": data, "boot/config-6.1": data}), [])
    return config and [config.get(name) for name in ("XFRM", "INET_ESP", "CRYPTO_GCM")]


def read_proc(data: bytes) -> object:
    said = text(data)
    shown = [show(said) for show in (xfrm_proc.counters, xfrm_proc.netlink, xfrm_proc.pfkey)]
    return proc_crypto.parse(said), module_state.parse_states(said), cpu.flags(said), shown


def read_state(data: bytes) -> object:
    return oci_state.parse_state(data)


def read_question(data: bytes) -> object:
    return question.replayed(host({"question.json": data}), CATALOG)


def read_packages(data: bytes) -> object:
    places = (
        *("usr/libexec/ipsec/pluto", "usr/sbin/charon-systemd", "etc/os-release"),
        *("var/lib/dpkg/status", "lib/apk/db/installed", "usr/lib/opkg/status"),
    )
    return installed.read(host(dict.fromkeys(places, data)))


def read_handover(data: bytes) -> object:
    try:
        return from_message(json.loads(data), CATALOG)
    except (ValueError, RecursionError):
        return None


def read_log(data: bytes) -> object:
    found = log.search(data.decode("utf-8", "replace"), book())
    assert all(1 <= line <= found.lines for finding in found.findings for line in finding.lines)
    return found


@cache
def book() -> Book:
    return Book(engine.glossary_trees(), engine.catalog())


def read_glob(data: bytes) -> object:
    pattern, _, name = text(data[:8192]).partition("\n")
    # as whoever reads a directory does
    Budget().spend("steps", len(pattern) * len(name))
    return glob(name[:255], pattern[:1024])


@cache
def plans() -> tuple[bytes, ...]:
    """A plan, and what is said in it."""
    from tests.manifest.common import NEEDS, plan
    from tests.manifest.test_read import text_of

    return (text_of(plan("modprobe-empty", NEEDS[:2])).encode(),)


def texts_below(place: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(place.glob(pattern)) if path.is_file()]


def modules() -> list[bytes]:
    elf = b"\x7fELF\2\1\1" + bytes(57) + b"\0vermagic=6.1 SMP\0depends=a,b\0alias=x-y\0"
    signed = elf + b"~Module signature appended~\n"
    zstd = b"\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc"
    return [elf, signed, gzip.compress(signed), lzma.compress(signed), zstd]


def index() -> list[bytes]:
    base = tree.BASES / "6.12/lib/modules"
    place = next(path for path in sorted(base.iterdir()) if path.is_dir())
    names = ("dep", "alias", "builtin", "builtin.modinfo", "softdep")
    found = (place / f"modules.{name}" for name in names)
    return [b"\n--\n".join(path.read_bytes() if path.exists() else b"" for path in found)]


def swanctl_cases(name: str) -> Iterator[bytes]:
    for path in sorted((CASES / "strongswan/cases").glob(f"*/etc/{name}")):
        yield path.read_bytes()


IPSEC_WORDS = (
    *("conn ", "\nconn %default\n", "config setup\n", "include ", "include *\n", "version 2\n"),
    *("  also=", "  also=a\n", "  esp=", "  auto=add\n", "  type=transport\n", "  left=%any\n"),
    *("=", '"', "{", "}", "#", "\r\n", "\t", " ", "\\\n", "%", "\0", "\n#-- /etc/x\n", "9" * 5000),
    *("aes256gcm16", "aes-sha1", "yes", "no", "esn=either\n", "[" * 99, "*" * 99, "?" * 99),
)
SWANCTL_WORDS = (
    *("{", "}", "{", "}", "=", ":", ",", ".", "#", '"', "'", "\\", "\n", "\r", "\t", " ", "!"),
    *(
        "include ",
        "include *\n",
        "connections { ",
        "children { ",
        " : connections.a ",
        " : base { ",
    ),
    *("esp_proposals = ", "aes128gcm16", "mode = ", "transport", "local_addrs = ", "," * 99),
    *("9" * 5000, "-1", "0x", "%unique", "\0", "\x0b", "\x85", "\u0661", "[" * 99, "a" * 300),
    *(" " * 99, "rekey_time = ", "load = ", "\n#-- /etc/swanctl/x\n"),
)
MODPROBE_WORDS = (
    *("install ", "blacklist ", "alias ", "options ", "softdep ", "pre: ", "post: "),
    *("\\\n", "\\\\"),
    *(
        "esp4",
        "crypto-",
        "*",
        "?",
        "[",
        "]",
        "[!a-z]",
        "-",
        "_",
        "#",
        "\n",
        "\t",
        "/bin/false",
        "off",
    ),
    *("module_blacklist=", "modprobe.blacklist=", " -- ", '"', ">", "<<", "&1", ";", "`", "$("),
)
JSON_WORDS = (*'{}[]:,"\\', "null", "true", "1e999", "9" * 5000, "[" * 5000, "\\ud800", "\0")
YAML_WORDS = (
    *("- ", ": ", "\n", "  ", "#", "&a ", "*a", "!!python/none", "|", ">", "'", '"', "{", "}", "["),
    *("]", "?", "~", "null", "---", "...", "%TAG", "1:20", "010", "5.10", "no", "\t", "\u2028"),
)
BYTES = (
    *(b"\0", b"\xff", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"\xfd7zXZ\0", b"\x7fELF", b"alias="),
    *(b"depends=", b"\0vermagic=", b"\n--\n", b"~Module signature appended~\n"),
)

TARGETS: Mapping[str, Target] = {
    "libreswan": Target(
        read_libreswan, lambda: texts_below(CASES / "libreswan/cases", "*.conf"), IPSEC_WORDS
    ),
    "starter": Target(
        read_strongswan(strongswan.IPSEC),
        lambda: [t.encode() for t in (*traps.IPSEC_TAKEN, *traps.IPSEC_REJECTED)],
        IPSEC_WORDS,
    ),
    "swanctl": Target(
        read_strongswan(strongswan.SWANCTL),
        lambda: [
            *(t.encode("utf-8", "surrogateescape") for t in traps.SWANCTL_TAKEN),
            *swanctl_cases("swanctl/swanctl.conf"),
        ],
        SWANCTL_WORDS,
    ),
    "strongswan.conf": Target(
        read_strongswan_conf, lambda: [*swanctl_cases("strongswan.conf")], SWANCTL_WORDS
    ),
    "iked": Target(
        iked.read_bytes,
        lambda: [
            b'ikev2 "a" active esp inet from 10.0.0.0/8 to 10.1.0.0/16 peer 192.0.2.1 \\\n'
            b' childsa enc aes-256-gcm ikesa auth hmac-sha2-256 group curve25519 psk "x"\n',
            b'm = "aes-128"\ninclude "/etc/x0"\nikev2 esp from any to any childsa enc $m\n#-- a\n',
        ],
        (*IPSEC_WORDS, "ikev2 ", "$m", "m = ", "childsa ", "enc ", "psk ", "from ", "to ", "\\"),
    ),
    "others": Target(others.read, others.seeds, others.WORDS),
    "proposals": Target(
        read_proposals,
        lambda: [b"aes256gcm16-x25519", b"aes_gcm256-null,aes128-sha1;modp2048", b"default"],
        ("-", ",", ";", "+", "aes", "256", "sha1", "null", "esn", "!", " ", '"', "ke1_mlkem768"),
    ),
    "modprobe.d": Target(
        read_modprobe_d,
        lambda: texts_below(tree.CASES, "*/*/etc/modprobe.d/*.conf"),
        MODPROBE_WORDS,
    ),
    "module index": Target(
        read_module_index,
        index,
        ("\n", "\0", ".alias=", "alias ", "cpu:type:", "crypto-", ":", ".ko", "/", "softdep "),
    ),
    "flat index": Target(read_flat_index, modules, BYTES),
    "module file": Target(read_module_file, modules, BYTES),
    "kconfig": Target(
        read_kconfig,
        lambda: [gzip.compress(b"CONFIG_XFRM=y\nCONFIG_INET_ESP=m\n"), b"CONFIG_XFRM=y\n"],
        ("CONFIG_", "=", "y", "m", '"', "\n"),
    ),
    "proc": Target(
        read_proc,
        lambda: texts_below(HERE.parent / "host/data", "crypto-*.txt"),
        ("name", ":", "\n\n", "priority", "9" * 5000, "selftest", "passed", "Live", "0x"),
    ),
    "host plan": Target(
        lambda data: parse_plan(data.decode("utf-8", "replace"), "x.yaml", CATALOG),
        plans,
        YAML_WORDS,
    ),
    "container state": Target(
        read_state, lambda: [json.dumps(state(Path("/b"), esp="aes128-sha1")).encode()], JSON_WORDS
    ),
    "question": Target(
        read_question,
        lambda: [b'{"version": "1", "arguments": ["--esp", "aes128-sha1"], "exit_status": 0}'],
        (*JSON_WORDS, '"--esp"', '"--ah"', '"-6"', '"--load"'),
    ),
    "packages": Target(
        read_packages,
        lambda: [
            b"Package: libreswan\nStatus: install ok installed\nVersion: 4.10-2+deb12u1\n\n",
            b'ID=debian\nID_LIKE="rhel fedora"\nVERSION_ID="12"\n',
            b"C:Q1x\nP:strongswan\nV:5.9.8-r0\n\n",
        ],
        ("\nPackage: libreswan\n", "\nVersion: ", "\nP:strongswan\n", "\nV:", ".", "-", "9" * 99),
    ),
    "handover": Target(read_handover, lambda: [b"[[],[],[],[],[]]", b'["demand"]'], JSON_WORDS),
    "log": Target(
        read_log,
        lambda: [
            b"pluto[1]: netlink error: Requested mode not supported (93)\n",
            b"charon: received netlink error: Protocol not supported (93)\nXfrmInNoStates  12\n",
            b'"a" #1: ERROR: netlink response for Add SA esp.1@192.0.2.1 included errno 93\n',
        ],
        ("errno ", "(93)", "EPROTONOSUPPORT", "Xfrm", " 1", "\n", "netlink error: ", "pluto"),
    ),
    "patterns": Target(
        read_glob, lambda: [b"*.conf\nx.conf", b"[!a-z]?*[]]\nabc"], ("*", "?", "[", "]", "!", "-")
    ),
}
