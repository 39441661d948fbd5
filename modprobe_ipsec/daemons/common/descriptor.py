# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rest of the program has to know of an IKE daemon: one value each, in its package.

A descriptor costs every start-up, so it imports nothing but this; what it names is imported where
it is called.
"""

from modprobe_ipsec.base.annotations import Callable, Iterable, Iterator, Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Family, KernelInterface, Protocol
from modprobe_ipsec.daemons.common.form import Setting
from modprobe_ipsec.needs.need import FeatureNeed, Source, Suite
from modprobe_ipsec.needs.reading import Files, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    # only who watches asks for peers
    from modprobe_ipsec.daemons.common.peers import PeerConnection

# A release as its first numbers, two or three: (4, 15), (5, 9, 8).
Release = tuple[int, ...]
# Stands for the newest one where nobody says which it is.
NEWEST: Release = (9999, 0)


class Context(Value):
    """What the readers have to know besides the text."""

    catalog: Catalog
    # The parsed data/daemons/NAME.yaml by name, read when it is asked for.
    tree: Callable[[str], Mapping[str, object]]
    families: tuple[Family, ...]
    fips: bool
    # Whose configuration it is, if the user says so.
    daemon: "Daemon | None" = None
    # The daemon's release; None: unknown.
    release: Release | None = None
    # Whose build it is, as `Installed.vendor`.
    vendor: str = ""


class Configuration(Value):
    """One kind of configuration file that a daemon, or a program of it, reads."""

    # What people call it: ipsec.conf
    title: str
    # Where it lies.
    paths: tuple[str, ...]
    # The programs that have it read, any of them; absolute paths.
    programs: tuple[str, ...]
    # Whether a file is of this kind as far as its name and its form tell.
    fits: Callable[[str, str], bool]
    # All that it asks for. Raises ConfigError.
    read: Callable[[str, Files, Context], Reading]
    # Another place that the daemon was told; empty if none.
    elsewhere: Callable[[Files, Context], str] | None = None
    # Where daemons share a kind of file: what this daemon knows of what is set in one.
    knows: Callable[[Context], Callable[[Setting], bool]] | None = None
    # The peers of its connections. Raises ConfigError.
    peers: "Callable[[str, Files, Context], Iterator[PeerConnection]] | None" = None


class Daemon(Value):
    """An IKE daemon."""

    # As the command line and data/daemons/NAME.yaml have it, and as people write it.
    name: str
    title: str
    # The program that speaks IKE, as its log lines are known: pluto
    program: str
    configurations: tuple[Configuration, ...]
    # Its packages by package manager, the one with the program first.
    packages: Mapping[str, tuple[str, ...]]
    # Units of systemd that start it.
    units: tuple[str, ...]
    # Proposals for a protocol -> suites. Raises ProposalSyntaxError.
    suites: Callable[[str, Protocol, Context], tuple[Suite, ...]]
    # The same for what it proposes by itself.
    default_suites: Callable[[Protocol, Context], tuple[Suite, ...]]
    # Features of features.yaml that it asks for when it starts, each in words.
    start: Mapping[str, str]
    # How it tells the kernel about SAs, unless its configuration says otherwise.
    interface: KernelInterface = KernelInterface.XFRM
    # Names by which its units are called as well.
    unit_aliases: tuple[str, ...] = ()
    # Capabilities, without CAP_, that it wants even where the kernel would not ask for them.
    insists_on: frozenset[str] = frozenset()
    # Capabilities, without CAP_, that it cannot do without and that have nothing to do with IPsec.
    capabilities: tuple[str, ...] = ()
    # Where it is told to wrap ESP in UDP, NAT or not; empty if it cannot be told.
    force_udp: str = ""
    # Files that tell the release, and a pattern whose only group it is.
    says_release: tuple[tuple[str, str], ...] = ()
    # What it has to be told inside a container.
    in_a_container: tuple[str, ...] = ()

    @property
    def programs(self) -> tuple[str, ...]:
        """All places of all its programs: any of them tells that it is installed."""
        programs = (program for kind in self.configurations for program in kind.programs)
        return tuple(dict.fromkeys(programs))

    @property
    def start_needs(self) -> tuple[FeatureNeed, ...]:
        """What it asks for when it starts, connections or not; it ends where that is missing."""
        return tuple(
            FeatureNeed(feature, None, (Source(f"{self.program}'s start", words, self.name),))
            for feature, words in self.start.items()
        )


def programs(directories: Iterable[str], *names: str) -> tuple[str, ...]:
    """Each program in each directory."""
    return tuple(f"{directory}/{name}" for directory in directories for name in names)
