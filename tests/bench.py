# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: ratios, each measured side by side in one run. Absolute times are noise."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from modprobe_ipsec.catalog.loader import DAEMON_FILES, FILES, parse_all
from modprobe_ipsec.host.shipped import read_data
from tests.demand.libreswan_conf.big import make_config as big_ipsec_conf
from tests.demand.strongswan_conf.big import make_config as big_swanctl_conf
from tests.vm.booted import UNIT, boot
from tests.vm.guest import run
from tests.vm.kernels import fetch

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


def cpu_seconds(command: Sequence[str], times: int = 30) -> float:
    """The least CPU time that a command took."""
    best = float("inf")
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        best = min(best, spent)
    return best


def start_up() -> None:
    """A check, as installed from the wheel, against Python doing nothing."""
    tree = fetch("6.1")
    with tempfile.TemporaryDirectory() as directory:
        environment = Path(directory, "venv")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [str(environment / "bin/pip"), "install", "--quiet", str(REPOSITORY)]
        subprocess.run(pip, check=True)
        tool = str(environment / "bin/modprobe-ipsec")
        nothing = cpu_seconds([str(environment / "bin/python3"), "-I", "-c", "pass"])
        here = cpu_seconds([tool, *CHECK])
        there = cpu_seconds([tool, *CHECK, "--root", str(tree.root), "--kernel", tree.release])
    report("--check --esp aes256gcm16 on this machine : python3 -I -c pass", here / nothing, 6)
    report("the same with Debian's whole 6.1 module tree", there / nothing, 6)


def load_and_prove() -> None:
    """Load and prove, against the modprobe calls of the script that it replaces, in two guests."""
    kernel = fetch("6.1")
    arch = [
        path.name.split(".")[0] for path in sorted(kernel.modules.glob("kernel/arch/*/crypto/*"))
    ]
    names = [*STACKMANAGER.split(), *arch]
    # the map as a wheel has it
    trees = f"TREES = {parse_all(read_data((*FILES, *DAEMON_FILES)))!r}\n".encode()
    parsed = {str(REPOSITORY / "modprobe_ipsec/_map.py"): trees}
    tool = "modprobe-ipsec --esp aes256gcm16 -4 -6 >/dev/null"
    # twice: the first run of Python in a guest also compiles what no wheel brings compiled
    warm = "modprobe-ipsec --version >/dev/null; python3 -c 'import modprobe_ipsec.prove.xfrm'"
    old = "\n".join(f"modprobe --quiet --use-blacklist {name} 2>/dev/null" for name in names)
    new_seconds, new_modules = in_guest(kernel.name, f"{warm}\n", tool, parsed)
    old_seconds, old_modules = in_guest(kernel.name, "", old, {})
    report(f"load and prove : {len(names)} modprobe calls", new_seconds / old_seconds, 0.1)
    # What the kernel itself takes for these modules: nothing that loads them can be faster.
    bare = "modprobe -a aesni_intel xfrm_user esp4 esp6 sha512_generic drbg seqiv"
    bare_seconds, _ = in_guest(kernel.name, "", bare, {})
    print(f"  one modprobe of the same modules, no proof: {bare_seconds / old_seconds:.3g}")
    report(f"modules left: {new_modules} : {old_modules}", new_modules / old_modules, 0.2)


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
    """The unit at boot, against libreswan 4.10's own loader script in the same kind of guest."""
    system = "bookworm-libreswan"
    conf = b"conn a\n left=192.0.2.1\n right=192.0.2.2\n esp=aes_gcm256\n auto=add\n"
    times = ("ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic")
    show = f"systemctl show --value {' '.join(f'-p {time}' for time in times)} modprobe-ipsec"
    clock = "read now rest </proc/uptime; echo $now"
    count = "wc -l </proc/modules; cut -d' ' -f1 /proc/modules"
    kernel = fetch("6.1")
    enabled = {f"/etc/systemd/system/multi-user.target.wants/{Path(UNIT).name}": UNIT}
    new = boot(
        kernel,
        system,
        ["sh", "-c", f"{show}; {count}"],
        files={"/etc/ipsec.conf": conf},
        links=enabled,
    ).stdout.split()
    start, end, new_modules = (int(word) for word in new[:3])
    script = f"{count}; {clock}; /usr/libexec/ipsec/_stackmanager start; {clock}; {count}"
    old = boot(kernel, system, ["sh", "-c", script]).stdout.split()
    before = int(old[0])
    old_start, old_end = (float(word) for word in old[1 + before : 3 + before])
    old_seconds, old_modules = old_end - old_start, int(old[3 + before])
    # what the kernel takes to load these modules, whoever asks for it
    names = " ".join(new[3:])
    script = f"{clock}; modprobe -a {names}; {clock}"
    bare_start, bare_end = map(float, boot(kernel, system, ["sh", "-c", script]).stdout.split())
    new_seconds, bare_seconds = (end - start) / 1e6, bare_end - bare_start
    ratio = (new_seconds - bare_seconds) / old_seconds
    report("the unit without what the kernel takes for its modules : _stackmanager", ratio, 0.1)
    print(f"  with it: {new_seconds / old_seconds:.3g}")
    new_modules, old_modules = new_modules - before, old_modules - before
    report(f"modules it leaves: {new_modules} : {old_modules}", new_modules / old_modules, 0.2)


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


def report(what: str, ratio: float, limit: float) -> None:
    print(f"{what}: {ratio:.3g} (limit {limit:g}) {'ok' if ratio <= limit else 'TOO MUCH'}")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    start_up()
    configurations()
    load_and_prove()
    unit()
