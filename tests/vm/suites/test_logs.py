# SPDX-License-Identifier: GPL-3.0-or-later
"""What real daemons log when something stands in their way leads to the right term, and to what is
in the way on that host.

    python -m tests.vm.suites.test_logs [NAME ...]      write excerpts into tests/glossary/logs/
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modprobe_ipsec.glossary.log import search
from tests.glossary import BOOK
from tests.vm.harness import uml
from tests.vm.harness.booted import UNITS, boot
from tests.vm.harness.kernels import Kernel, fetch
from tests.vm.harness.peer import two_hosts
from tests.vm.suites.test_daemons import _daemon

# An old and a new one of each; what pluto 5.2 tries when it starts loads much beforehand.
SYSTEMS = {"uml-6.1": "bookworm-libreswan", "uml-7": "trixie-strongswan"}
pytestmark = pytest.mark.kernels(*SYSTEMS)
SCRIPT = Path(__file__).parents[1] / "guests" / "logs.py"
EXCERPTS = Path(__file__).parents[2] / "glossary" / "logs"
CONF = "/etc/modprobe.d/forbidden.conf"
# What a failed try may leave, and modules that the next one is not to find.
CLEAR = (
    "ip xfrm state flush; ip xfrm policy flush; ip -n peer xfrm state flush; "
    "ip -n peer xfrm policy flush"
)


class Failure(NamedTuple):
    """Something that goes wrong, and what is to be found in the log of it."""

    name: str
    # Shell commands before, what fails (`{up}` brings a tunnel up), and what is undone.
    before: tuple[str, ...]
    does: tuple[str, ...]
    # Terms that must be found, and what must be said of this host.
    terms: frozenset[str]
    here: str = ""
    after: tuple[str, ...] = ()
    # Further texts for the log.
    also: tuple[str, ...] = ()
    # The one daemon that says so; empty: both.
    daemon: str = ""
    # Terms that are to be found in the log of one daemon alone.
    apart: tuple[tuple[str, str], ...] = ()

    def terms_of(self, system: str) -> frozenset[str]:
        """What is to be found in the log of this system's daemon."""
        return self.terms | {term for daemon, term in self.apart if daemon in system}


def forbid(*modules: str) -> tuple[str, ...]:
    lines = "\\n".join(f"install {module} /bin/false" for module in modules)
    return (f"printf '{lines}\\n' >{CONF}",)


def blocked(name: str, tunnel: str, *modules: str, terms: set[str], here: str = "") -> Failure:
    """A tunnel that needs a forbidden module."""
    return Failure(
        name,
        forbid(*modules),
        (f"{{up:{tunnel}}}",),
        frozenset(terms),
        here or f"{modules[0]} is blocked by {CONF}:1",
        after=(f"rm {CONF}", CLEAR),
    )


NO_TYPE = {"EPROTONOSUPPORT", "unable to add SAD entry"}
NO_ALGORITHM = {"ENOSYS", "unable to add SAD entry"}
NO_PART = {"ENOENT", "unable to add SAD entry"}
DROP_IN = "/run/systemd/system/{unit}.d"
SETTINGS = "[Service]\\nCapabilityBoundingSet=~CAP_NET_ADMIN\\nRestart=no\\n"
LISTENER = (
    "import socket, time; s = socket.socket(type=2); s.bind(('192.0.2.1', 500)); time.sleep(100)"
)
POLICY = (
    "ip xfrm policy add src 10.1.1.1 dst 10.2.1.1 dir out"
    " tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel"
)
STATE = (
    "xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 7 mode tunnel"
    f" aead 'rfc4106(gcm(aes))' 0x{'11' * 20} 128"
)
NO_INTERFACE = "ip link add ipsec9 type xfrm dev host0 if_id 9"
FAILURES = (
    blocked("esp4-forbidden", "gcm", "esp4", terms=NO_TYPE),
    blocked("ah4-forbidden", "ah", "ah4", terms=NO_TYPE),
    blocked("chacha-forbidden", "chacha", "chacha20poly1305", terms=NO_ALGORITHM),
    blocked("seqiv-forbidden", "gcm", "seqiv", terms=NO_PART),
    blocked("authenc-forbidden", "cbc", "authenc", terms=NO_PART),
    blocked("esp6-forbidden", "ipv6", "esp6", terms=NO_TYPE),
    blocked("ipcomp-forbidden", "ipcomp", "ipcomp", terms=NO_TYPE),
    Failure(
        "autoload-off",
        (
            "cat /proc/sys/kernel/modprobe >/run/modprobe",
            "rmmod esp4; echo >/proc/sys/kernel/modprobe",
        ),
        ("{up:gcm}",),
        frozenset(NO_TYPE),
        "autoload is off: kernel.modprobe is empty",
        after=("cat /run/modprobe >/proc/sys/kernel/modprobe", CLEAR),
    ),
    Failure(
        "no-rights",
        (
            f"systemctl stop {{unit}}; mkdir -p {DROP_IN}",
            f"printf '{SETTINGS}' >{DROP_IN}/rights.conf; systemctl daemon-reload",
        ),
        ("systemctl start {unit}",),
        frozenset({"EPERM", "unable to bind XFRM event socket"}),
        after=(f"rm {DROP_IN}/rights.conf; systemctl daemon-reload",),
    ),
    Failure(
        "xfrm_user-forbidden",
        ("systemctl stop {unit} peer.service; rmmod xfrm_user", *forbid("xfrm_user")),
        ("systemctl start {unit}",),
        frozenset({"EPROTONOSUPPORT", "unable to create netlink socket"}),
        f"xfrm_user is blocked by {CONF}:1",
        after=(f"rm {CONF}", "systemctl reset-failed", "systemctl start {unit} peer.service"),
    ),
    Failure(
        "port-taken",
        ("systemctl stop {unit}", f'python3 -c "{LISTENER}" >/dev/null 2>&1 & sleep 3'),
        ("systemctl start {unit}",),
        frozenset({"EADDRINUSE", "unable to bind socket"}),
        # pluto says nothing of it
        daemon="strongswan",
        after=("pkill -f time.sleep", "systemctl restart {unit}"),
    ),
    Failure(
        "no-xfrm-interface",
        (),
        (NO_INTERFACE,),
        frozenset({"xfrmi is not supported"}),
        also=(f"{NO_INTERFACE} 2>&1",),
    ),
    Failure(
        "acquire-nobody-answers",
        (POLICY,),
        ("ping -c 2 -W 1 -I 10.1.1.1 10.2.1.1",),
        frozenset({"XfrmOutNoStates"}),
        also=("cat /proc/net/xfrm_stat",),
        after=(CLEAR,),
    ),
    Failure(
        "nat-t-form",
        (f"ip {STATE}", f"ip -n peer {STATE} encap espinudp 4500 4500 0.0.0.0", POLICY),
        ("ping -c 2 -W 1 -I 10.1.1.1 10.2.1.1",),
        frozenset({"XfrmInStateMismatch"}),
        also=("ip netns exec peer cat /proc/net/xfrm_stat",),
        after=(CLEAR,),
    ),
    Failure(
        "sa-lost",
        (f"ip {STATE}", POLICY),
        ("ping -c 2 -W 1 -I 10.1.1.1 10.2.1.1",),
        frozenset({"XfrmInNoStates"}),
        also=("ip netns exec peer cat /proc/net/xfrm_stat",),
        after=(CLEAR,),
    ),
    Failure(
        "acquire-expired",
        ("{up:ctr}", "sysctl -w net.core.xfrm_acq_expires=1"),
        # the peer thinks for longer than the kernel keeps the SPI that was reserved meanwhile: of
        # another child under the IKE SA that there is, which each daemon begins another way
        (
            "systemctl kill -s STOP peer.service; "
            "timeout 30 {up:ctr} & timeout 30 {up:cbc} & "
            "sleep 4; systemctl kill -s CONT peer.service; wait",
        ),
        frozenset(),
        # charon makes the SA anew, pluto gives up and begins again
        "net.core.xfrm_acq_expires = 1 here",
        apart=(("strongswan", "kernel expired our reserved IPsec SA SPI"), ("libreswan", "ESRCH")),
        after=("sysctl -w net.core.xfrm_acq_expires=30", CLEAR),
    ),
    Failure(
        "module_blacklist",
        (),
        (),
        frozenset({"is blacklisted", "could not insert", "EPERM"}),
        also=("modprobe xcbc 2>&1", "dmesg | grep blacklisted"),
    ),
    Failure(
        "sealed",
        ("rmmod esp4; echo 1 >/proc/sys/kernel/modules_disabled",),
        ("{up:gcm}",),
        frozenset(NO_TYPE),
        "kernel.modules_disabled = 1",
    ),
)
CMDLINE = "module_blacklist=xcbc"
# Only emulated kernels have FIPS mode, a minute each: made by hand, and compared as excerpts. pluto
# refuses such a proposal itself, so its log tells no more than that.
FIPS_SYSTEMS = {"6.1": "bookworm-libreswan", "6.12": "trixie-strongswan"}
FIPS = (
    Failure(
        "fips-chacha",
        (),
        ("{up:chacha}",),
        frozenset({"is disabled due to FIPS", "ENOSYS", "unable to add SAD entry"}),
        "rfc7539esp(chacha20,poly1305) is blocked by FIPS mode",
        daemon="strongswan",
    ),
    Failure(
        "fips-pluto",
        (),
        ("systemctl restart {unit}",),
        frozenset({"FIPS mode enabled"}),
        daemon="libreswan",
    ),
)
# No right to load modules, as our drop-in has it: pluto 4.10's unit loads whatever there is, first.
ONCE = b"[Service]\nRestart=no\nProtectKernelModules=yes\nCapabilityBoundingSet=~CAP_SYS_MODULE\n"

Said = dict[str, Any]


def observe(
    kernel: Kernel, system: str, failures: Sequence[Failure] = FAILURES, cmdline: str = CMDLINE
) -> Said:
    daemon = _daemon(system)

    def orders(failure: Failure) -> dict[str, Any]:
        def filled(commands: tuple[str, ...]) -> list[str]:
            return [
                re.sub(
                    r"\{up:([a-z0-9-]+)\}", lambda m: daemon.up.format(name=m[1]), command
                ).replace("{unit}", daemon.unit)
                for command in commands
            ]

        return {
            "name": failure.name,
            **{key: filled(getattr(failure, key)) for key in ("before", "does", "after", "also")},
        }

    data = {"settle": daemon.settle, "failures": [orders(f) for f in failures]}
    both, links = two_hosts(daemon.unit, daemon.peer)
    files = {
        **daemon.files,
        "/failures.json": json.dumps(data).encode(),
        "/run-test.py": SCRIPT.read_bytes(),
        **both,
        f"{UNITS}/{daemon.unit}.d/once.conf": ONCE,
    }
    result = boot(
        kernel,
        system,
        ["python3", "/run-test.py"],
        files=files,
        links=links,
        cmdline=cmdline,
        timeout=900,
    )
    assert result.status == 0, result.stderr
    said: Said = json.loads(result.stdout)
    return said


@pytest.fixture(scope="module")
def said(kernel: Kernel) -> Said:
    found: Said = observe(kernel, SYSTEMS[kernel.name])["failures"]
    return found


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.name for failure in FAILURES])
def test_what_was_logged_leads_to_the_cause(failure: Failure, kernel: Kernel, said: Said) -> None:
    check(failure, said[failure.name], SYSTEMS[kernel.name])


def check(failure: Failure, seen: Said, system: str) -> None:
    """What was found in the log, and what is said of this host."""
    document = json.loads(seen["explained"])
    found = {finding["name"] for finding in document["findings"]}
    if failure.daemon in system:
        assert failure.terms_of(system) <= found, seen
    here = [each["text"] for finding in document["findings"] for each in finding.get("here", [])]
    assert any(failure.here in text for text in here) or not failure.here, seen
    if failure.here.endswith(f"{CONF}:1"):
        # and of what is only not loaded yet, nothing
        assert not any(text.startswith("not loaded") for text in here), here


def excerpt(log: str) -> str:
    """The lines that something is found in, and their neighbours."""
    lines = log.splitlines()
    findings = search(log, BOOK).findings
    near = {number + step for f in findings for number in f.lines for step in (-1, 0, 1)}
    return "".join(f"{line}\n" for number, line in enumerate(lines, 1) if number in near)


def main() -> None:
    """Write an excerpt of every log that leads to its cause, or of those that are named."""
    lanes: tuple[tuple[dict[str, str], Callable[[str], Kernel], Sequence[Failure], str], ...] = (
        (SYSTEMS, uml.fetch, FAILURES, CMDLINE),
        (FIPS_SYSTEMS, fetch, FIPS, "fips=1"),
    )
    for systems, fetched, failures, cmdline in lanes:
        for name, system in systems.items():
            named = sys.argv[1:] or [failure.name for failure in failures]
            wanted = [f for f in failures if f.daemon in system and f.name in named]
            if not wanted:
                continue
            observed = observe(fetched(name), system, wanted, cmdline)["failures"]
            for failure in wanted:
                seen = observed[failure.name]
                check(failure, seen, system)
                (EXCERPTS / f"{system}-{failure.name}.log").write_text(excerpt(seen["log"]))


if __name__ == "__main__":
    main()
