# SPDX-License-Identifier: GPL-3.0-or-later
"""Cilium on a node: whether its agent encrypts with IPsec, and with what, as kubelet keeps it for
its pod; the file of keys also where --config names it. Keys are never quoted.

source: pkg/datapath/linux/ipsec/ipsec_linux.go LoadIPSecKeys(), ipSecNewState();
        install/kubernetes/cilium/templates/cilium-agent/daemonset.yaml
"""

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Protocol
from modprobe_ipsec.daemons.others import OtherReader, ProgramFiles, Said
from modprobe_ipsec.daemons.others import _states as states
from modprobe_ipsec.needs.need import Need, Source, Suite, merge
from modprobe_ipsec.needs.reading import Place, Problem, Reading

_VOLUMES = "/var/lib/kubelet/pods/*/volumes"
_KEYS = f"{_VOLUMES}/kubernetes.io~secret/cilium-ipsec-secrets/keys"
# The settings as the agent reads them: since 1.13 copied by an init container, before as a volume.
_SWITCHES = (
    f"{_VOLUMES}/kubernetes.io~empty-dir/tmp/cilium/config-map/enable-ipsec",
    f"{_VOLUMES}/kubernetes.io~configmap/cilium-config-path/enable-ipsec",
)
_MOST_FIELDS = 6


def _host(its: ProgramFiles) -> Said:
    try:
        switches = [path for where in _SWITCHES for path in its.files.glob(where, its.budget)]
        says = {its.text(path).strip().lower() for path in switches}
        keys = its.files.glob(_KEYS, its.budget)
    except ConfigError as error:
        return _unknown(its, error.message)
    if says and says <= {"false", ""}:
        return Said("its agent does not encrypt with IPsec here", asks=False)
    if not keys or (switches and "true" not in says):
        return _unknown(its, "nothing of its agent is found on this node")
    return _read(keys[0], its)


def _unknown(its: ProgramFiles, why: str) -> Said:
    text = f"whether {its.program.title} encrypts with IPsec is not known here: {why}"
    advice = "; if it does, say --config and the file of its keys"
    problem = Problem(Place(its.path, 0), "", text + advice, unread=True)
    return Said("may encrypt with IPsec", Reading((), (), (problem,), ()))


def _fields(line: str) -> list[str]:
    """`3+ rfc4106(gcm(aes)) KEY 128`, `1 hmac(sha256) KEY cbc(aes) KEY`; empty if it is neither."""
    fields = line.split(" ")
    number = fields[0].removesuffix("+")
    if not (number.isascii() and number.isdecimal()) or not 4 <= len(fields) <= _MOST_FIELDS:
        return []
    return fields if fields[1].startswith(("rfc", "hmac(")) else []


def _fits(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and all(map(_fields, lines))


def _read(path: str, its: ProgramFiles) -> Said:
    needs: list[Need] = []
    problems: list[Problem] = []
    catalog, families = its.context.catalog, its.context.families
    for number, line in enumerate(its.text(path).split("\n"), 1):
        if not line.strip():
            continue
        place, fields = Place(path, number), _fields(line)
        try:
            if not fields:
                raise states.Unknown("no key in a form that Cilium reads")
            if len(fields) == 4:
                icv = int(fields[3]) if fields[3].isdecimal() and len(fields[3]) < 5 else 0
                choice = states.aead(catalog, fields[1], states.key_bits(_hex(fields[2])), icv)
                suite = Suite(Protocol.ESP, choice, None, esn=True)
            else:
                encryption = states.cipher(catalog, fields[3], states.key_bits(_hex(fields[4])))
                integrity = states.auth(catalog, fields[1])
                suite = Suite(Protocol.ESP, encryption, integrity, esn=True)
        except states.Unknown as unknown:
            problems.append(Problem(place, "Cilium", f"names {unknown}"))
            continue
        source = Source(f"{place} key of Cilium", suite.label, place=str(place))
        needs += (Need(suite, family, (source,)) for family in families)
    return Said("encrypts with IPsec", Reading(merge(needs), (), tuple(problems), ()))


def _hex(key: str) -> str:
    """A key as `key_bits` takes it: hexadecimal digits, with or without 0x."""
    return f"0x{key.removeprefix('0x')}"


READER = OtherReader(host=_host, fits=_fits, file=_read)
