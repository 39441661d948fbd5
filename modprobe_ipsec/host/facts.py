# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about one kernel and machine, as values: the input of the planner.

Nothing here reads anything; `gather.gather(Host)` fills it in. A fact that could not be learned is
None (or an `Unreadable` in `gaps`), never an empty answer: absence of evidence is not evidence.
"""

from modprobe_ipsec.base.annotations import Any, Callable, Mapping
from modprobe_ipsec.base.value import StrEnum, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    # few needs ask for a network card
    from modprobe_ipsec.host.machine.cards import Cards


class ModuleState(StrEnum):
    """What the kernel says about a module now."""

    BUILTIN = "builtin"
    LIVE = "live"
    COMING = "coming"
    GOING = "going"


class Algorithm(Value):
    """One record of /proc/crypto that can be used: self-test passed and not internal."""

    # cbc(aes)
    name: str
    # cbc-aes-aesni
    driver: str
    # The module it lives in, "kernel" for built-in code.
    module: str
    priority: int
    # skcipher, aead, shash, ...
    type: str


class IndexedModule(Value):
    """A module that lies in the module directory of this kernel (a line of modules.dep)."""

    # Canonical name, with underscores.
    name: str
    # Relative to the tree: kernel/arch/x86/crypto/aesni-intel.ko
    path: str
    # Canonical names of everything that must be live before, direct and indirect, in the order of
    # modules.dep: the last one is to be loaded first.
    deps: tuple[str, ...]


# Its modprobe knows alias, options, include, blacklist and softdep of modprobe.d, but no install,
# and reads the index as text. source: busybox modutils/modprobe.c, 1.35
BUSYBOX = "busybox"
# What libkmod reads in place of modules.dep and modules.alias.
BINARY_INDEXES = (DEP_BIN, ALIAS_BIN) = ("modules.dep.bin", "modules.alias.bin")


class ModuleIndex(Value):
    """The module directory of a kernel: /lib/modules/RELEASE."""

    # By canonical name.
    files: Mapping[str, IndexedModule]
    # Modules that answer an alias, loadable ones first, in the order of the index. Only the kinds
    # of alias that matter here: crypto-*, xfrm-*, net-pf-*, rtnl-link-*, xfrm_iptfs has none.
    aliases: Mapping[str, tuple[str, ...]]
    # cpu:type:... patterns of each module that has some.
    cpu_patterns: Mapping[str, tuple[str, ...]]
    builtin: frozenset[str]
    # Canonical name -> what modules.softdep wants before and after it (names or aliases).
    softdeps: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    # Paths of those of BINARY_INDEXES that are not there.
    lacks: tuple[str, ...] = ()
    # Modules for crypto of an architecture's own that nothing but a CPU's alias names.
    cpu_alone: Callable[[], tuple[str, ...]] = tuple


class Directive(StrEnum):
    """What modprobe.d or the kernel command line does to a module."""

    INSTALL = "install"
    # blacklist in modprobe.d and modprobe.blacklist= on the kernel command line: libkmod's.
    BLACKLIST = "blacklist"
    # module_blacklist= on the kernel command line: the kernel's own.
    MODULE_BLACKLIST = "module_blacklist"
    # initcall_blacklist= on the kernel command line: names functions, not modules.
    INITCALL_BLACKLIST = "initcall_blacklist"
    ALIAS = "alias"
    OPTIONS = "options"
    SOFTDEP = "softdep"


class Rule(Value):
    """A line of modprobe.d, or a word of the kernel command line, that changes what loading does.

    `modprobe_d.applies` says for which module or alias, `modprobe_d.blocks` whether it forbids.
    """

    directive: Directive
    # Module name or alias as libkmod compares it, with underscores; a shell pattern for INSTALL,
    # ALIAS and SOFTDEP; a function for INITCALL_BLACKLIST.
    name: str
    # The rest of the line: command of an install, module of an alias, options, soft dependencies.
    command: str
    # /etc/modprobe.d/dirtyfrag.conf:3 (where the line starts) or "kernel command line"
    where: str
    # The line itself, which may hold a password: messages have it as `shown`.
    text: str

    @property
    def plain(self) -> bool:
        """Whether a command is nothing but usual programs and options, and the module's name."""
        for word in self.command.split():
            place, slash, last = word.rpartition("/")
            known = last in _PLAIN and place + slash in _PLACES
            if not known and word.replace("-", "_") != self.name:
                return False
        return True

    @property
    def shown(self) -> str:
        """The line without what of a command or of options may be anybody's secret."""
        match self.directive:
            case Directive.INSTALL:
                head = " ".join(self.text.split(maxsplit=2)[:2])
                return f"{head} {self.command if self.plain else '...'}"
            case Directive.OPTIONS:
                return " ".join((*self.text.split(maxsplit=2)[:2], "..."))
            case Directive.BLACKLIST if self.where.startswith("/"):
                return " ".join(self.text.split(maxsplit=2)[:2])
            case Directive.ALIAS:
                return " ".join(self.text.split(maxsplit=3)[:3])
        return self.text


# The words of an install line that are shown as they stand there.
_PLAIN = frozenset(
    {
        *("true", "false", ":", "exit", "0", "1", "modprobe", "insmod", "$CMDLINE_OPTS"),
        *("--ignore-install", "-i", "-q", "-b", "||", "&&", ";"),
    }
)
_PLACES = frozenset(("", "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"))


class ModuleFile(Value):
    """The file of a module, as far as the kernel looks at it before it runs anything of it."""

    # /lib/modules/6.1/kernel/net/ipv4/esp4.ko
    path: str
    # Why no loader can read it: "no such file", "truncated", "no module", an unknown compression.
    broken: str = ""
    # 6.1.0-56-amd64 SMP preempt mod_unload modversions; empty if it cannot be seen.
    vermagic: str = ""
    # Whether a signature stands at its end; None if it cannot be seen.
    signed: bool | None = None


class Environment(Value):
    """What matters only once something is not ready."""

    # none, integrity or confidentiality; empty if the kernel has no lockdown or does not say.
    lockdown: str = ""
    # module.sig_enforce; None if unknown.
    sig_enforce: bool | None = None
    # ID and then ID_LIKE of os-release.
    distribution: tuple[str, ...] = ()
    # kernel.version, where distributions put the version of their package; empty if unknown.
    build: str = ""
    # Kernels that have a module directory here.
    releases: tuple[str, ...] = ()
    # What kind of container this is, "user namespace" if that is all that shows; empty outside.
    container: str = ""
    # This process has other mounts than init, as in a sandboxed unit: what it misses may be there.
    own_mounts: bool = False
    # CAP_SYS_MODULE is effective; None if unknown.
    cap_sys_module: bool | None = None
    # Whether the program that the kernel runs to load modules is there; None if that cannot be
    # seen.
    modprobe_there: bool | None = None
    # Whose that program is, as far as its link tells: kmod, busybox; empty if unknown.
    modprobe_of: str = ""
    # Where libkmod.so.2 lies; empty if nowhere, None if nobody looked.
    libkmod: str | None = None
    # SELinux decides about module_request: it enforces, and not every domain may.
    selinux: bool = False
    # The AppArmor profile that this process is held to; empty if none, or if it only complains.
    apparmor: str = ""


class Evidence(Value):
    """A place that shows something, and the word that stood there."""

    # run/.containerenv
    path: str
    # Empty where it is enough that the place is there.
    said: str


class Container(Value):
    """A container, as it looks from inside. None stands for what cannot be seen."""

    # podman, docker, lxc, kubernetes, ...; "user namespace" if that is all that shows.
    kind: str
    evidence: tuple[Evidence, ...]
    # The id that root of this user namespace has outside; None if it is the initial one, or if
    # nobody is root in it.
    root_is: int | None
    # Whether this is a user namespace of its own.
    own_users: bool
    # Its root is an ordinary user's own id, as rootless engines have it.
    rootless: bool
    # Capabilities as bits: those of this process, and those that a process here may have at all.
    effective: int | None
    bounding: int | None
    # Whether /dev/net/tun and net.core.xfrm_acq_expires are there.
    tun: bool | None
    xfrm_sysctls: bool | None
    # net.ipv4.ip_unprivileged_port_start
    first_port: int | None

    def may(self, capability: int) -> bool | None:
        """Whether this process has a capability, by its number in linux/capability.h."""
        return None if self.effective is None else bool(self.effective >> capability & 1)

    def could(self, capability: int) -> bool | None:
        """Whether some process of this container may have it."""
        return None if self.bounding is None else bool(self.bounding >> capability & 1)


class Unreadable(Value):
    """Something that could not be learned, and why it could not."""

    # proc/crypto
    path: str
    # "no such file", "permission denied"
    why: str
    # It is not there, as against: it is there and cannot be read.
    missing: bool = False


class StackSign(Value):
    """What one place shows about the XFRM stack. A missing one says nothing."""

    path: str
    present: bool | None
    # "28 counters, all zero", "acq_expires 30", ...
    shows: str
    # Packets were dropped, which may be what somebody is looking for.
    dropped: bool = False
    # The numbers that stand there, by their names in the kernel.
    values: tuple[tuple[str, int], ...] = ()


class WordSizes(Value):
    """The size of a long (bits) in programs that send messages to the kernel; 0: unknown."""

    # In the IKE daemon; where none is known, in whoever asks instead.
    daemon: int = 0
    # In this process; of a recorded host, in the one that recorded it.
    ours: int = 0


_NOTHING: Mapping[str, ModuleFile] = {}


class Facts(Value):
    """Everything about one kernel and machine that a verdict depends on."""

    # 6.1.0-56-amd64
    release: str
    # Machine as uname has it: x86_64, aarch64.
    arch: str
    # Whether it is the kernel that /proc and /sys speak of: it runs, or ran when it was recorded.
    running: bool
    # /proc/crypto; None if it cannot be read.
    algorithms: tuple[Algorithm, ...] | None
    # State by canonical name from /proc/modules and /sys/module (BUILTIN: built-in code that shows
    # itself in /sys/module, by far not all of it); None if the kernel has no list (no module
    # support) or it cannot be read; `gaps` says which.
    modules: Mapping[str, ModuleState] | None
    # None if there is no tree for this release.
    module_index: ModuleIndex | None
    # Options without CONFIG_ -> y, m, n or a value; None without any config file.
    config: "KernelConfig | None"
    rules: tuple[Rule, ...]
    # cpu:type:x86,ven...:feature:,0000,...; empty if unknown.
    cpu_modalias: str
    # Flags of /proc/cpuinfo (`flags`, on arm64 `Features`); empty if unknown.
    cpu_flags: frozenset[str]
    fips: bool
    # kernel.modprobe; None if it cannot be read, "" if autoload is off.
    modprobe_path: str | None
    # kernel.modules_disabled; None where the kernel has no such switch or it cannot be read.
    modules_disabled: bool | None
    ipv6: bool
    # CAP_SYS_MODULE is effective in the initial user namespace.
    may_load: bool
    stack_signs: tuple[StackSign, ...]
    unreadable: tuple[Unreadable, ...]
    # The one program that the kernel runs whatever it is told to run, kernel.modprobe included
    # (CONFIG_STATIC_USERMODEHELPER); empty if it then runs none, None if it runs what it is told.
    static_helper: str | None = None
    # Those that are read when first asked for, and then kept: a host where everything is ready
    # need not pay for them.
    module_files: Mapping[str, ModuleFile] = _NOTHING
    environment: Callable[[], Environment] = Environment
    # What a file of host/more reads, by its name; None where nobody has looked.
    more: Callable[[str], Any] = lambda name: None
    # Network cards; None where nobody can ask them.
    cards: Callable[[], "Cards | None"] = lambda: None
    # Of the daemon and of us, as against the kernel's.
    word_sizes: Callable[[], WordSizes] = WordSizes
    # Whether the kernel takes XFRM messages of a process such as this; None if it was not asked.
    takes_messages: Callable[[], bool | None] = lambda: None
    # The container that we are in; None outside of one.
    container: Callable[[], Container | None] = lambda: None


class KernelConfig:
    """The kernel's configuration, looked up option by option without reading all 6000 of them."""

    __slots__ = ("_known", "_text", "path")

    def __init__(self, text: str, path: str) -> None:
        self._known: dict[str, str] = {}
        self._text = "\n" + text
        self.path = path

    def get(self, option: str) -> str:
        """`y`, `m`, a value, or `n` for an option (without CONFIG_) that is not set."""
        if option not in self._known:
            # a search through all of it takes longer than most questions that need the answer
            self._known[option] = self._find(option)
        return self._known[option]

    def _find(self, option: str) -> str:
        start = self._text.find(f"\nCONFIG_{option}=")
        if start < 0:
            return "n"
        start += len(option) + 9
        end = self._text.find("\n", start)
        return self._text[start : end if end >= 0 else None].strip().strip('"')

    def lines(self) -> list[str]:
        """All of it."""
        return self._text.split("\n")
