# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: ratios, each measured side by side in one run. Absolute times are noise.

`make bench BEFORE=DIR` measures the start-up of another checkout in the same run.
"""

import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.daemons.libreswan.big import make_config as big_ipsec_conf
from tests.daemons.strongswan.big import make_config as big_swanctl_conf
from tests.hostile.families import FAMILIES
from tests.shipped import MODULES
from tests.vm.harness import uml
from tests.vm.harness.booted import UNIT, UNITS, boot
from tests.vm.harness.booted import tool as installed
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel, fetch
from tests.vm.suites import test_throughput as throughputs

REPOSITORY = Path(__file__).parent.parent
CHECK = ("--check", "--esp", "aes256gcm16")

# libreswan 4.10's _stackmanager, which this tool replaces: everything, whatever the configuration.
# Besides these it tries every file in arch/*/crypto/.
STACKMANAGER = """
    padlock padlock-aes padlock-sha aesni-intel aes-x86_64 geode-aes aes aes_generic des sha512
    sha256 md5 cbc xcbc ecb ccm gcm ctr cts deflate lzo sha256_generic sha512_generic camellia cmac
    chacha20poly1305 ipcomp6 xfrm_ipcomp ipcomp xfrm6_tunnel xfrm6_mode_tunnel xfrm6_mode_beet
    xfrm6_mode_ro xfrm6_mode_transport xfrm4_mode_transport xfrm4_mode_tunnel xfrm4_tunnel
    xfrm4_mode_beet esp4 esp6 ah4 ah6 ip_vti xfrm_interface xfrm_user
"""

SA = (
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 mode tunnel "
    f"aead 'rfc4106(gcm(aes))' 0x{'42' * 36} 128"
)


def cpu_seconds(commands: Sequence[Sequence[str]], times: int = 30) -> list[float]:
    """The least CPU time that each command took, in turns: what disturbs one disturbs all."""
    best = [float("inf")] * len(commands)
    for _ in range(times):
        for at, command in enumerate(commands):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            best[at] = min(best[at], spent)
    return best


# What a start-up is measured with, and the most that it may take: the CPU time of so many
# `python3 -I -c pass` of the same interpreter.
ASKED = {
    "--check --esp aes256gcm16 on this machine": 3,
    "the same with Debian's whole 6.1 module index": 3.5,
    "--check of an ipsec.conf with 300 connections": 3.8,
}
# What is explained: words, a value under /proc, a module and what is in its way; and no term.
TERMS = ("decap-dscp", "net.core.xfrm_acq_expires", "esp4", "decap-dcsp")


def start_up(before: str) -> None:
    """Checks, as `make install` and as pip have them installed, and as a build before does."""
    tree = fetch("6.1")
    with tempfile.TemporaryDirectory() as place:
        machine = Path(place, "machine")
        # of a release that is known: without one, it is read once for each that it may be
        packages = "Package: libreswan\nStatus: install ok installed\nVersion: 4.10-2+deb12u1\n\n"
        files = {"usr/libexec/ipsec/pluto": "", "var/lib/dpkg/status": packages}
        for path, text in {**big_ipsec_conf(300, 1), **files}.items():
            target = machine / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        arguments = (
            CHECK,
            (*CHECK, "--root", str(tree.root), "--kernel", tree.release),
            ("--check", "-q", "--root", str(machine), "--kernel", tree.release),
        )
        tools = {"make install": made(Path(place, "prefix")), "pip": venv(REPOSITORY, place, "now")}
        if before:
            tools["before, by pip"] = venv(Path(before), place, "before")
        nothing = [sys.executable, "-I", "-c", "pass"]
        for (what, limit), words in zip(ASKED.items(), arguments, strict=True):
            bare, *taken = cpu_seconds([nothing, *((tool, *words) for tool in tools.values())])
            ratios = {name: seconds / bare for name, seconds in zip(tools, taken, strict=True)}
            report(f"{what} : python3 -I -c pass", ratios.pop("make install"), limit)
            for name, ratio in ratios.items():
                print(f"  {name}: {ratio:.3g}")
        explained = [(tools["make install"], "--explain", term) for term in TERMS]
        for term, seconds in zip(TERMS, cpu_seconds(explained), strict=True):
            report(f"--explain {term}, in milliseconds", seconds * 1000, 60)


def made(prefix: Path) -> str:
    """What `make install` installs."""
    settings = [f"PREFIX={prefix}", f"PYTHON={sys.executable}", f"INTERPRETER={sys.executable}"]
    make = ["make", "--silent", "-C", str(REPOSITORY), "install", *settings]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    return str(prefix / "sbin/modprobe-ipsec")


def venv(source: Path, place: str, name: str) -> str:
    """What pip installs into a virtual environment of its own."""
    environment = Path(place, name)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [str(environment / "bin/pip"), "install", "--quiet", str(source)]
    subprocess.run(pip, check=True)
    return str(environment / "bin/modprobe-ipsec")


def load_and_prove() -> None:
    """Load and prove, against the modprobe calls of the script that it replaces, in two guests."""
    kernel = fetch("6.1")
    arch = [
        path.name.split(".")[0] for path in sorted(kernel.modules.glob("kernel/arch/*/crypto/*"))
    ]
    names = [*STACKMANAGER.split(), *arch]
    # the map as a wheel has it
    parsed = {
        f"{REPOSITORY}/modprobe_ipsec/{name}": text.encode() for name, text in MODULES.items()
    }
    tool = "modprobe-ipsec --esp aes256gcm16 -4 -6 >/dev/null"
    # twice: the first run of Python in a guest also compiles what no wheel brings compiled
    warm = "modprobe-ipsec --version >/dev/null; python3 -c 'import modprobe_ipsec.kernel.ask'"
    old = "\n".join(f"modprobe --quiet --use-blacklist {name} 2>/dev/null" for name in names)
    new_seconds, new_modules = in_guest(kernel.name, f"{warm}\n", tool, parsed)
    old_seconds, old_modules = in_guest(kernel.name, "", old, {})
    report(f"load and prove : {len(names)} modprobe calls", new_seconds / old_seconds, 0.1)
    # What the kernel itself takes for these modules: nothing that loads them can be faster.
    bare = "modprobe -a aesni_intel xfrm_user esp4 esp6 sha512_generic drbg seqiv"
    bare_seconds, _ = in_guest(kernel.name, "", bare, {})
    print(f"  one modprobe of the same modules, no proof: {bare_seconds / old_seconds:.3g}")
    report(f"modules left: {new_modules} : {old_modules}", new_modules / old_modules, 0.2)


def load_and_prove_alone() -> None:
    """Load and prove as installed, against the least that can do it, in guests that are processes.

    What is left of the ratio is Python's start, the reading of the module index, and the answer.
    """
    kernel = uml.fetch("uml-6.1")
    tool = "python3 -IS /usr/local/sbin/modprobe-ipsec --esp aes256gcm16 -4 >/dev/null"
    ours, bare = [], []
    for _ in range(5):
        seconds, modules = timed(kernel, tool)
        ours.append(seconds)
        seconds, same = timed(kernel, f"modprobe -a {' '.join(modules)}\n{SA}")
        bare.append(seconds)
        assert same == modules, (modules, same)
    report("load and prove, under UML : modprobe -a and ip xfrm", min(ours) / min(bare), 1.6)


def packets() -> None:
    """Packets through an SA against the SA alone, and all behaviours, in guests that are processes.

    Everything is loaded beforehand.
    """
    kernel = uml.fetch("uml-7")
    tool = "python3 -IS /usr/local/sbin/modprobe-ipsec"
    before = f"{tool} --lab >/dev/null 2>&1"
    prove = f"{tool} --check --esp aes256gcm16 -4 --prove"
    commands = (f"{prove} >/dev/null", f"{prove}=packets >/dev/null", f"{tool} --lab >/dev/null")
    least = [min(timed(kernel, command, before)[0] for _ in range(3)) for command in commands]
    report("--prove=packets : --prove, one need, under UML", least[1] / least[0], 3)
    report("all of --lab, in seconds, under UML", least[2], 6)
    emulated, _ = timed(fetch("6.1"), commands[2], before, timeout=600)
    report("all of --lab, in seconds, on 6.1 under emulation", emulated, 40)


def throughput() -> None:
    """What --measure takes for a need, and whether a program in C sees the same."""
    kernel = uml.fetch("uml-7")
    with tempfile.TemporaryDirectory() as place:
        answer = throughputs.in_guest(kernel, Path(place))
    report("--measure, one need, in milliseconds, under UML", min(answer["taken"]) * 1000, 150)
    for size, ratio in throughputs.ratios(answer["side by side"]).items():
        report(f"--measure, {size} bytes : a program in C", max(ratio, 1 / ratio), 1.15)


def timed(
    kernel: Kernel, command: str, before: str = ":", timeout: float = 60
) -> tuple[float, list[str]]:
    """Seconds that a command takes in a fresh guest, and the modules in the order they came."""
    script = (
        f"#!/bin/sh\n{before}\nread start rest </proc/uptime\n{command}\n"
        "read end rest </proc/uptime\necho $start $end $(cut -d' ' -f1 /proc/modules)\n"
    )
    files = {"/bench": script.encode()}
    result = run(kernel, ["/bench"], files=files, layers=[installed()], timeout=timeout)
    assert result.status == 0 and not result.stderr, result.stderr
    start, end, *modules = result.stdout.split()
    return float(end) - float(start), modules[::-1]


def in_guest(kernel: str, before: str, command: str, files: dict[str, bytes]) -> tuple[float, int]:
    """Seconds that a command takes in a fresh guest, and the modules that it leaves."""
    script = (
        f"#!/bin/sh\n{before}read start rest </proc/uptime\n{command}\n"
        "read end rest </proc/uptime\necho $start $end $(wc -l </proc/modules)\n"
    )
    result = run(fetch(kernel), ["/bench"], files={**files, "/bench": script.encode()}, timeout=300)
    start, end, modules = result.stdout.split()
    return float(end) - float(start), int(modules)


def unit() -> None:
    """The unit, against libreswan 4.10's own loader script as a unit.

    Our own share is what neither the kernel takes for the same modules and the same SA, whoever
    asks for them, nor systemd for the unit's sandbox. The quickest of three rounds.
    """
    place = f"{UNITS}/{Path(UNIT).name}"
    conf = b"conn a\n left=192.0.2.1\n right=192.0.2.2\n esp=aes_gcm256\n auto=add\n"
    nothing = start({place: plain("/bin/true")})
    ours, sandbox, kernel, script = ([] for _ in range(4))
    for _ in range(3):
        ours.append(new := start({"/etc/ipsec.conf": conf}))
        sandbox.append(start({f"{place}.d/nothing.conf": REPLACED.encode()}))
        names = [name for name in reversed(new.modules) if name not in nothing.modules]
        bare = f"modprobe -a {' '.join(names)}\n{SA}\n".encode()
        kernel.append(start({place: plain("/bin/sh /bare"), "/bare": bare}))
        assert set(kernel[-1].modules) == set(new.modules), kernel[-1].modules
        script.append(old := start({place: plain("/usr/libexec/ipsec/_stackmanager start")}))
    all_of, by_systemd, by_kernel, whole = map(min, (ours, sandbox, kernel, script))
    own = all_of.seconds - by_systemd.seconds - by_kernel.seconds
    report("the unit's own share : _stackmanager", own / whole.seconds, 0.1)
    for what, started in (
        ("all of the unit", all_of),
        ("the kernel, for its modules and its SA", by_kernel),
        ("systemd, for its sandbox", by_systemd),
    ):
        print(f"  {what}: {started.seconds / whole.seconds:.3g}")
    left, old_left = len(names), len(set(old.modules) - set(nothing.modules))
    report(f"modules it leaves: {left} : {old_left}", left / old_left, 0.2)


def plain(command: str) -> bytes:
    """A unit without any sandbox."""
    lines = ("[Service]", "Type=oneshot", "RemainAfterExit=yes", f"ExecStart={command}")
    return "".join(f"{line}\n" for line in lines).encode()


REPLACED = "[Service]\nExecStart=\nExecStart=/bin/true\n"


class Started(NamedTuple):
    """What a unit took, and the modules that are there afterwards."""

    seconds: float
    modules: tuple[str, ...]


def start(files: Mapping[str, bytes]) -> Started:
    """Start our unit, or what the files put in its place, in a guest that has finished its boot.

    While it boots, everything else that starts would be measured, too.
    """
    # in the order in which systemctl shows them, whatever the order of the question
    show = "-p Result -p ExecMainStartTimestampMonotonic -p ExecMainExitTimestampMonotonic --value"
    script = (
        f"systemctl start {Path(UNIT).name}; systemctl show {show} {Path(UNIT).name}; "
        "cut -d' ' -f1 /proc/modules"
    )
    said = boot(fetch("6.1"), "bookworm-libreswan", ["sh", "-c", script], files=files).stdout
    result, began, ended, *modules = said.split()
    assert result == "success", said
    return Started((int(ended) - int(began)) / 1e6, tuple(modules))


def configurations() -> None:
    """10,000 connections in 20 includes, and twice as many, through the whole program."""
    for name, make in (("ipsec.conf", big_ipsec_conf), ("swanctl.conf", big_swanctl_conf)):
        seconds = {}
        for conns in (10_000, 20_000):
            with tempfile.TemporaryDirectory() as root:
                files = make(conns, 20)
                for path, text in files.items():
                    target = Path(root, path.lstrip("/"))
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(text)
                first = next(iter(files))
                command = [sys.executable, "-I", "-m", "modprobe_ipsec", "--dry-run", "-q"]
                command += ["--root", root, "--kernel", "6.1.0", "--config", first]
                # the dearest part of a process is its peak; a fresh one for each measurement
                measured = subprocess.run(
                    [sys.executable, "-c", PEAK, *command], capture_output=True, text=True
                )
                taken, kilobytes = measured.stdout.split()[-2:]
                seconds[conns] = float(taken)
                if conns == 10_000:
                    report(f"{name}, 10,000 connections: CPU seconds", float(taken), 2)
                    report(f"{name}, 10,000 connections: MB at most", int(kilobytes) / 1024, 200)
        report(f"{name}: 20,000 connections : 10,000", seconds[20_000] / seconds[10_000], 2.3)


# Runs a command; prints its CPU seconds and the most memory it had (kB).
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def hostile() -> None:
    """How the processor time of hostile input grows with its size: the exponent of eight times."""
    for name, (make, size) in FAMILIES.items():
        seconds = []
        for factor in (4, 32):
            with tempfile.TemporaryDirectory() as place:
                run = make(Path(place), size * factor)
                seconds.append(min(timed_call(run) for _ in range(3)))
        report(f"hostile input: {name}", math.log(seconds[1] / max(seconds[0], 1e-4), 8), 1.3)


def timed_call(run: Callable[[], object]) -> float:
    """Processor time of a call (s)."""
    before = time.process_time()
    run()
    return time.process_time() - before


def report(what: str, ratio: float, limit: float) -> None:
    print(f"{what}: {ratio:.3g} (limit {limit:g}) {'ok' if ratio <= limit else 'TOO MUCH'}")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    start_up(sys.argv[1] if len(sys.argv) > 1 else "")
    configurations()
    hostile()
    load_and_prove()
    load_and_prove_alone()
    packets()
    throughput()
    unit()
