# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel must be able to do, and because of what: the common end of all demand parsers."""

from modprobe_ipsec.base.annotations import Callable, Collection, Iterable, TypeVar
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.model import Family, KernelInterface, Protocol, Transform, XfrmTable


class Choice(Value):
    """One transform with one key length (bits, without salt)."""

    transform: Transform
    key_bits: int

    @property
    def netlink_key_bits(self) -> int:
        """Length of the key as XFRM messages carry it: with the salt."""
        return self.key_bits + self.transform.salt_bits

    @property
    def label(self) -> str:
        """IANA-style name with the key length where there is a choice: AES_GCM_16_256."""
        several = len(self.transform.key_bits) > 1
        return f"{self.transform.name}_{self.key_bits}" if several else self.transform.name


class Suite(Value):
    """The algorithms of one SA, before it is said for which address family.

    ESP with an AEAD has no `integrity`; ESP without integrity is encryption only (the kernel then
    uses digest_null); AH has no `encryption`; IPComp has the compression as `encryption`.
    """

    protocol: Protocol
    encryption: Choice | None
    integrity: Choice | None
    esn: bool = False

    @property
    def label(self) -> str:
        """`ESP AES_CBC_128 HMAC_SHA2_256_128 ESN`: how reports name it."""
        parts = [self.protocol.upper() if self.protocol is not Protocol.COMP else "IPComp"]
        parts += [choice.label for choice in (self.encryption, self.integrity) if choice]
        return " ".join(parts) + (" ESN" if self.esn else "")

    @property
    def crypto_name(self) -> str:
        """What the kernel asks its crypto API for when it builds an SA of this suite.

        source: net/ipv4/esp4.c esp_init_aead, esp_init_authenc; net/ipv4/ah4.c ah_init_state;
        net/xfrm/xfrm_ipcomp.c. Empty if no kernel can do it.
        """
        encryption = self.encryption.transform if self.encryption else None
        integrity = self.integrity.transform if self.integrity else None
        if not all(transform.xfrm for transform in (encryption, integrity) if transform):
            return ""
        if encryption is None:
            return integrity.xfrm if integrity else ""
        if encryption.kind is XfrmTable.AEAD:
            name = encryption.xfrm
        elif encryption.kind is XfrmTable.CIPHER:
            template = "authencesn" if self.esn else "authenc"
            hash_name = integrity.xfrm if integrity else "digest_null"
            name = f"{template}({hash_name},{encryption.xfrm})"
        else:
            return encryption.xfrm
        return f"{encryption.geniv}({name})" if encryption.geniv else name

    @property
    def is_possible(self) -> bool:
        """Whether an SA can have these transforms together, in these key lengths."""
        choices = [choice for choice in (self.encryption, self.integrity) if choice]
        kinds = [choice.transform.kind for choice in choices]
        if self.protocol is Protocol.ESP:
            # encryption without integrity is encryption only
            first, rest = kinds[0] if self.encryption else None, kinds[1:]
            together = (first is XfrmTable.AEAD and not rest) or (
                first is XfrmTable.CIPHER and rest in ([], [XfrmTable.AUTH])
            )
        elif self.protocol is Protocol.AH:
            together = kinds == [XfrmTable.AUTH] and not self.encryption
        else:
            together = kinds == [XfrmTable.COMP] and not self.integrity and not self.esn
        return (
            together
            and all(self.protocol in choice.transform.protocols for choice in choices)
            and all(choice.key_bits in choice.transform.key_bits for choice in choices)
        )


class Source(Value):
    """Where a need comes from: the command line, a daemon's built-in default, a file's line."""

    # `--esp`, `libreswan's default`, `/etc/ipsec.conf:12 conn office`
    where: str
    # The text that stands there: `aes256gcm16-x25519`.
    text: str = ""
    # The name of the daemon that it is about, if it is about one.
    daemon: str | None = None
    # Families of networks behind this host whose packets go through the tunnel: it is a gateway.
    forwards: tuple[Family, ...] = ()
    # The connection that asks, if one does, and its place: `office`, `/etc/ipsec.conf:12`
    conn: str = ""
    place: str = ""
    # Whether a peer may get it; a daemon also tries for itself what the kernel can do.
    offered: bool = True


_NO_NUMBER = "PF_KEY has no way to ask for it"


class Mode(StrEnum):
    """How an SA wraps packets. Built into XFRM since Linux 5.2, but for IP-TFS."""

    TUNNEL = "tunnel"
    TRANSPORT = "transport"
    BEET = "beet"
    IPTFS = "iptfs"


class Need(Value):
    """One SA that the kernel must be able to build, because of its sources."""

    suite: Suite
    family: Family
    sources: tuple[Source, ...] = ()
    mode: Mode = Mode.TUNNEL
    # How the daemon asks for it.
    interface: KernelInterface = KernelInterface.XFRM

    @property
    def label(self) -> str:
        """`ESP IPv4 AES_GCM_16_256`; what does not go through XFRM's own socket says so."""
        protocol, _, rest = self.suite.label.partition(" ")
        mode = "" if self.mode is Mode.TUNNEL else f" {self.mode}"
        way = "" if self.interface is KernelInterface.XFRM else " by PF_KEY"
        return f"{protocol} {self.family.label}{mode} {rest}".rstrip() + way

    @property
    def id(self) -> str:
        """`esp.ipv4.tunnel.aes_gcm_16_256.esn`: the same in every release, and in all formats."""
        choices = [choice for choice in (self.suite.encryption, self.suite.integrity) if choice]
        parts = [self.suite.protocol, self.family, self.mode, *(c.label.lower() for c in choices)]
        parts += ["esn"] * self.suite.esn
        xfrm = self.interface is KernelInterface.XFRM
        return ".".join((*parts, *(() if xfrm else (self.interface,))))

    @property
    def impossible(self) -> tuple[tuple[str, str], ...]:
        """What of it no kernel can do that is asked in this way: its label, and why."""
        choices = [choice for choice in (self.suite.encryption, self.suite.integrity) if choice]
        lacking = [(c.label, c.transform.why_not) for c in choices if not c.transform.xfrm]
        if self.interface is KernelInterface.PF_KEY and not lacking:
            lacking = [(c.label, _NO_NUMBER) for c in choices if not c.transform.sadb]
            if self.suite.esn:
                lacking.append(("ESN", _NO_NUMBER))
        return tuple(lacking)


class FeatureNeed(Value):
    """Something beyond SAs that an option of a configuration asks of the kernel."""

    # A key of data/features.yaml: xfrm_interface, ip_vti, espintcp, offload, ...
    feature: str
    # None where the feature is the same for both.
    family: Family | None
    sources: tuple[Source, ...] = ()

    @property
    def id(self) -> str:
        """`feature.offload.ipv4`: the same in every release, and in all formats."""
        return ".".join(("feature", self.feature, *((self.family,) if self.family else ())))

    @property
    def label(self) -> str:
        """`xfrm_interface`, `offload IPv4`."""
        return f"{self.feature} {self.family.label}" if self.family else self.feature


# Whatever the kernel must be able to do.
AnyNeed = Need | FeatureNeed


_AnyNeed = TypeVar("_AnyNeed", Need, FeatureNeed)


def merge(needs: Iterable[_AnyNeed]) -> tuple[_AnyNeed, ...]:
    """Make equal needs one, in the order of their first appearance, with all their sources."""
    return collect((need._replace(sources=()), need.sources) for need in needs)


def collect(
    asked: Iterable[tuple[_AnyNeed, Collection[Source]]],
    spend: Callable[[int], None] | None = None,
) -> tuple[_AnyNeed, ...]:
    """The same for needs that come without sources, each with the sources that ask for it.

    Thousands of needs may share their sources, which are then added up once; `spend` is told how
    many were, and may raise.
    """
    found: dict[_AnyNeed, list[Collection[Source]]] = {}
    for need, sources in asked:
        found.setdefault(need, []).append(sources)
    shared: dict[tuple[int, ...], tuple[Source, ...]] = {}
    merged = []
    for need, parts in found.items():
        key = tuple(map(id, parts))
        if key not in shared:
            shared[key] = tuple(dict.fromkeys(source for part in parts for source in part))
            if spend:
                spend(len(parts) + len(shared[key]))
        merged.append(need._replace(sources=shared[key]))
    return tuple(merged)
