# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of the map in `data/`: what IPsec transforms exist and what the kernel makes of them.

All lengths are in bits. Names are those of IANA's IKEv2 registry (transforms) and of
net/xfrm/xfrm_algo.c and crypto/ (algorithms, templates).
"""

from modprobe_ipsec.base.annotations import Callable, Mapping
from modprobe_ipsec.base.value import StrEnum, Value
from modprobe_ipsec.catalog.obstacles import Knowledge

# Keys of a daemon's file that belong to the catalog; the rest is for the reader of its
# configuration.
ALWAYS = ("proposals", "log")


class Protocol(StrEnum):
    """The IPsec protocols; `comp` is IPComp, RFC 3173."""

    ESP = "esp"
    AH = "ah"
    COMP = "comp"


class Family(StrEnum):
    """The outer address family of an SA."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def label(self) -> str:
        """IPv4 or IPv6."""
        return f"IPv{self[-1]}"


class KernelInterface(StrEnum):
    """How a daemon tells the kernel about its SAs."""

    # NETLINK_XFRM, include/uapi/linux/xfrm.h
    XFRM = "xfrm"
    # RFC 2367, include/uapi/linux/pfkeyv2.h
    PF_KEY = "pf_key"


class XfrmTable(StrEnum):
    """The four tables of net/xfrm/xfrm_algo.c."""

    AEAD = "aead"
    CIPHER = "cipher"
    AUTH = "auth"
    COMP = "comp"


class Transform(Value):
    """One ENCR, INTEG or IPComp transform, as a daemon negotiates it and the kernel names it.

    There is one object for each, so they compare and hash by identity.
    """

    # e.g. AES_GCM_16
    name: str
    kind: XfrmTable
    # Transform id of IKEv2 (IANA, or >= 1024 for a daemon's private use); None where it has none.
    iana: int | None
    # Name in xfrm_algo.c, e.g. rfc4106(gcm(aes)); empty if no kernel can do it.
    xfrm: str
    # Protocols in which a daemon accepts it.
    protocols: tuple[Protocol, ...]
    # Key lengths that may be negotiated, without salt. (0,) if there is no key.
    key_bits: tuple[int, ...]
    # What a netlink key carries on top: the nonce part of the IV.
    salt_bits: int
    # Length of the ICV on the wire (AEAD and AUTH), 0 for the others.
    icv_bits: int
    # Block that the kernel puts around it to make IVs: seqiv, echainiv or empty.
    geniv: str
    # Why no kernel can do it, if so.
    why_not: str
    # Its number over PF_KEY; 0 if it has none there.
    sadb: int = 0

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def is_aead(self) -> bool:
        return self.kind is XfrmTable.AEAD


class Word(Value):
    """What one word of a proposal names."""

    transform: Transform
    # Key length in bits; 0 where the daemon's grammar says it elsewhere.
    key_bits: int
    # The one IKE version (1 or 2) in which the daemon takes it; 0: both.
    ike: int
    # Whether the daemon still has it in FIPS mode.
    fips: bool


class Vocabulary(Value):
    """All words of one daemon's proposals, and what it proposes by itself."""

    words: Mapping[str, Word]
    # These need nothing from the kernel.
    key_exchange: frozenset[str]
    prf: frozenset[str]
    # Words that the daemon's parser knows and refuses.
    refused: frozenset[str]
    # What it offers by itself, in its own grammar; for ESP and AH, by the release that brought it,
    # the oldest first.
    defaults: Mapping[Protocol, tuple[tuple[tuple[int, ...], str], ...]]

    def default(self, protocol: Protocol, release: tuple[int, ...] | None = None) -> str:
        """What a release offers by itself; the newest counts where it is not known.

        A release that is said in part, 5.9, may be the newest that begins so.
        """
        (_, found), *later = self.defaults[protocol]
        for since, text in later:
            if release is None or since[: len(release)] <= release:
                found = text
        return found


class Until(Value):
    """Kernels that make a request: all up to `last`, none from `gone` on.

    Between the two it counts exactly where something answers it. Versions are (major, minor).
    """

    last: tuple[int, int]
    gone: tuple[int, int]
    # In FIPS mode every kernel makes it.
    fips: bool


class Part(Value):
    """A crypto request that building something makes and no name shows. `%` is the argument.

    Distributions carry changes back, and not all kernels between two that are known were tried: so
    a version may leave it open whether a kernel makes the request. Versions are (major, minor).
    """

    request: str
    # No kernel up to the first makes it, all from the second on do.
    after: tuple[int, int] = (-1, 0)
    since: tuple[int, int] = (0, 0)
    # All kernels up to the first make it, none from the second on does.
    last: tuple[int, int] = (9999, 0)
    before: tuple[int, int] = (9999, 0)

    def asked(self, version: tuple[int, int]) -> bool | None:
        """Whether a kernel makes the request; None where its version does not tell."""
        if version <= self.after or version >= self.before:
            return False
        return True if self.since <= version <= self.last else None


class ModuleRequest(Value):
    """A request outside the crypto API, by its module alias, and what answers it."""

    # xfrm-type-2-50
    alias: str
    # The module's name on every kernel so far, for hosts that have no module index: esp4
    module: str
    # Kernel configuration option, without CONFIG_.
    config: str
    # What it is for, in words: ESP over IPv4
    title: str


class NeverLoad(Value):
    """Why a module is not loaded, whatever asks for it; but for one request."""

    why: str
    # That one, and what people have to know once it was loaded for it; empty if there is none.
    unless: str = ""
    then: str = ""
    # A part of the names of its drivers in /proc/crypto; empty if none is to be told of.
    driver: str = ""


class Profile(Value):
    """What one published document says about the transforms of ESP and AH, by their names."""

    title: str
    # What it says of those that it is against.
    against: Mapping[str, str]
    # All that it has, with the key lengths; none of a transform: any. Empty: it has no list.
    allows: Mapping[str, tuple[int, ...]]
    # What is said of what is not on that list.
    otherwise: str
    # What is said of encryption without integrity; empty: nothing.
    unauthenticated: str


class CardFeature(Value):
    """What a network card must have switched on for a feature of a configuration."""

    # In the words of ethtool: esp-hw-offload
    name: str
    # Whether that is enough; where it is not, nothing but using it tells.
    enough: bool
    # What it leaves open.
    remark: str
    # Whether anything fails without; else the kernel does it itself.
    needed: bool = True
    # How to learn more where it is not enough.
    remedy: str = ""


class Feature(Value):
    """Something beyond SAs that an option of a configuration asks of the kernel."""

    title: str
    # None: the same for both families.
    requests: Mapping[Family | None, tuple[ModuleRequest, ...]]
    # Why no question to the kernel would tell whether it works; empty if one does.
    unproven: str
    # None: no network card is needed.
    card: CardFeature | None = None


class OtherProgram(Value):
    """A program besides the IKE daemons that asks the kernel for IPsec, or is taken to."""

    title: str
    # Where it lies; any of these tells that it is installed.
    programs: tuple[str, ...]
    # Where its own files lie, with a `*` in the last word at most; without any of them it asks for
    # nothing. Empty: that it is installed is enough.
    files: tuple[str, ...]
    # Why it asks XFRM for nothing; empty: it may.
    nothing: str
    # Features that it has a use for all the same.
    asks: tuple[str, ...]
    # Any of these stands in a file of its kind; empty: --config takes none.
    marks: tuple[str, ...]
    # Units of systemd that start it, where they must come after the load.
    units: tuple[str, ...]
    # The kind of file that it writes for an IKE daemon, and what, by the daemon's name.
    file: str
    writes: Mapping[str, Mapping[str, str]]
    # Its words for transforms.
    words: Mapping[str, Transform]


class CpuModule(Value):
    """What is known of a module of an architecture's own, beyond what depmod's index says."""

    # Names of the crypto API for which it has no alias.
    registers: tuple[str, ...] = ()
    # Names that it registers, and cannot do without another driver of them.
    fallback: tuple[str, ...] = ()
    # CPU flags of which its start asks for one; empty: for none. None: not known.
    flags: tuple[str, ...] | None = None
    # The same as a pattern of the CPU's modalias; empty: not known.
    cpu: str = ""


# Our word for what a kernel needs to take messages of processes with another word size than its.
# The kernel makes no such request, and no module has such an alias.
COMPAT = "xfrm-compat"


class Architecture(Value):
    """One kind of machine."""

    # As uname has it.
    uname: tuple[str, ...]
    # Kernel options, without CONFIG_, that are all set in its kernels.
    config: tuple[str, ...]
    # Its directory below arch/.
    directory: str
    # The size of a long.
    bits: int
    # What the CPU's modalias looks like; empty if it has none.
    modalias: str = ""
    # What takes the messages of 32-bit processes, where those have another layout.
    compat: ModuleRequest | None = None
    # Words in a module's name -> CPU flags of which it asks for one; the better words stand later.
    words: Mapping[str, tuple[str, ...]] = {}  # noqa: RUF012 (never changed)
    # By primitive: what an implementation of it registers as well. `%` is the primitive.
    whole: Mapping[str, tuple[str, ...]] = {}  # noqa: RUF012 (never changed)
    modules: Mapping[str, CpuModule] = {}  # noqa: RUF012 (never changed)
    # Modules (patterns) that ask for exactly what their cpu alias or their name says.
    told_beforehand: tuple[str, ...] = ()
    # Patterns of modules that may bring nothing on a CPU that has all of that.
    told_afterwards: tuple[str, ...] = ()
    # Modules that are not for us.
    stays_out: frozenset[str] = frozenset()
    # Package of the kernel with all modules, by distribution.
    packages: Mapping[str, str] = {}  # noqa: RUF012 (never changed)


# One that the map does not know.
UNKNOWN_ARCHITECTURE = Architecture(uname=(), config=(), directory="", bits=0)


class Catalog(Value):
    """The whole map. Built once by `loader.build`, never changed."""

    transforms: Mapping[str, Transform]
    # By name of the daemon.
    vocabularies: Mapping[str, Vocabulary]
    # Crypto: hidden parts, requests that died out, names that one module registers whole.
    parts: Mapping[str, tuple[Part, ...]]
    not_for_packets: frozenset[str]
    until: Mapping[str, Until]
    whole: Mapping[str, tuple[str, ...]]
    architectures: Mapping[str, Architecture]
    # Row of it by what uname says; where several share that, the first.
    machines: Mapping[str, str]
    config: Mapping[str, str]
    # What opening each kind of socket asks for.
    sockets: Mapping[KernelInterface, ModuleRequest]
    types: Mapping[tuple[Protocol, Family], tuple[ModuleRequest, ...]]
    features: Mapping[str, Feature]
    # By module.
    never_load: Mapping[str, NeverLoad]
    # Names that are not given out in FIPS mode, and on which kernels.
    not_fips: tuple[Part, ...]
    knowledge: Knowledge
    # What every report names of what is asked for, and what --profile checks it against.
    notes: Profile
    profiles: Mapping[str, Profile]
    # By name.
    others: Mapping[str, OtherProgram]

    def machine(self, option: Callable[[str], str]) -> str:
        """What uname calls a machine by its kernel's configuration; empty if none fits.

        `option` gives the value of an option without CONFIG_.
        """
        for architecture in self.architectures.values():
            if all(option(name) == "y" for name in architecture.config):
                return architecture.uname[0]
        return ""

    def architecture(self, machine: str) -> Architecture:
        """What is known of a machine, by what uname calls it."""
        name = self.machines.get(machine, "")
        return self.architectures[name] if name else UNKNOWN_ARCHITECTURE
