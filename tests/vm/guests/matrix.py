# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: the tool against `ip xfrm state add`, for each case in /cases.json.

Everything happens with the kernel's own module loading switched off. Only observes; the verdicts
are reached on the host. Modes: `matrix`, `first`, `superfluous`, `thorough`.
"""

import contextlib
import ctypes
import io
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# read and imported once; every run of the tool is a fork of this process
from modprobe_ipsec.commands import engine as run
from modprobe_ipsec.commands import main as cli
from modprobe_ipsec.kernel import kmod as _kmod
from modprobe_ipsec.kernel import xfrm as _xfrm

_ = (_kmod, _xfrm)
run.catalog()

ADDRESSES = {"ipv4": ("192.0.2.1", "192.0.2.2"), "ipv6": ("2001:db8::1", "2001:db8::2")}
PROTOCOL_MODULES = ("esp4", "esp6", "ah4", "ah6", "ipcomp", "ipcomp6")

_LIBC = ctypes.CDLL(None)
# 129 on 32-bit machines and some others, see arch/*/tools/syscall.tbl and their like
_NUMBERS = {"x86_64": 176, "aarch64": 106, "riscv64": 106}
_DELETE_MODULE = _NUMBERS.get(os.uname().machine, 129) if sys.maxsize > 1 << 32 else 129


def modules() -> dict[str, list[str]]:
    """Loaded modules and what depends on each."""
    found = {}
    for line in Path("/proc/modules").read_text().splitlines():
        name, _, _, users = line.split()[:4]
        found[name] = [user for user in users.rstrip(",").split(",") if user not in ("-", "")]
    return found


def remove(module: str) -> bool:
    """Take one module away, as rmmod would but without a process; whether it went."""
    code: int = _LIBC.syscall(_DELETE_MODULE, module.encode(), os.O_NONBLOCK)
    return code == 0


def unload_all() -> None:
    """Take every module away that the kernel lets go."""
    stuck: set[str] = set()
    while free := [name for name, users in modules().items() if not users and name not in stuck]:
        stuck |= {name for name in free if not remove(name)}


def unload(name: str) -> list[str]:
    """Take one module away with all that stands on it; returns what went, or nothing."""
    before = modules()
    gone: list[str] = []

    def take(module: str) -> bool:
        for user in before[module]:
            if user not in gone and not take(user):
                return False
        # an SA that was deleted goes a moment later, and its modules are in use until then
        for _ in range(20):
            if remove(module):
                gone.append(module)
                return True
            time.sleep(0.05)
        return False

    if not take(name):
        for module in reversed(gone):
            subprocess.run(["/sbin/modprobe", module], check=True)
        return []
    return gone


def crypto(names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Driver and priority of what the SAs are holding on to now, by name of the algorithm."""
    best = dict.fromkeys(names, (0, -1, ""))
    for record in Path("/proc/crypto").read_text().split("\n\n"):
        name = record.partition("\n")[0].partition(": ")[2]
        if name and name in best:
            lines = (line.partition(":") for line in record.splitlines())
            fields = {key.strip(): value.strip() for key, _, value in lines}
            found = (int(fields["refcnt"]), int(fields["priority"]), fields["driver"])
            best[name] = max(best[name], found)
    return {name: (driver, priority) for name, (_, priority, driver) in best.items()}


def all_sas(case: dict[str, Any], families: Sequence[str] = tuple(ADDRESSES)) -> dict[str, Any]:
    """Add the SAs of a case as a daemon would, all at once; what came of each, and its driver.

    On each family, with and without ESN (IPComp has no sequence numbers), in every key length.
    """
    variants = [
        (family, esn, bits)
        for family in families
        for esn in ((False,) if case["proto"] == "comp" else (False, True))
        for bits in case["algorithms"]
    ]
    lines = [_add(case, *variant, number) for number, variant in enumerate(variants)]
    done = subprocess.run(
        ["/sbin/ip", "-force", "-batch", "-"],
        input="\n".join(lines), capture_output=True, text=True,
    )  # fmt: skip
    # it says what is wrong, and then `Command failed -:LINE`
    said: dict[int, str] = {}
    words: list[str] = []
    for line in done.stderr.splitlines():
        head, _, failed = line.partition("Command failed -:")
        if failed:
            said[int(failed)] = " ".join(words)
            words = []
        else:
            words.append(head)
    if done.returncode and not said:
        # without xfrm_user it gives up before the first line
        said = dict.fromkeys(range(1, len(variants) + 1), done.stderr.strip())
    drivers = crypto(case["names"])
    found = {}
    for number, (family, esn, bits) in enumerate(variants, 1):
        added = number not in said
        driver, priority = drivers[case["names"][esn]] if added else ("", -1)
        found[f"{family} {esn} {bits}"] = {
            "added": added, "said": said.get(number, ""), "driver": driver, "priority": priority,
        }  # fmt: skip
    subprocess.run(["/sbin/ip", "xfrm", "state", "flush"], capture_output=True)
    return found


def _add(case: dict[str, Any], family: str, esn: bool, bits: str, number: int) -> str:
    source, target = ADDRESSES[family]
    flags = ["af-unspec"]
    if case["proto"] == "ah" and family == "ipv4":
        flags.append("align4")
    if esn:
        flags += ["esn", "replay-window", "32"]
    return (
        f"xfrm state add src {source} dst {target} proto {case['proto']} spi {0x1001 + number} "
        f"mode tunnel flag {' '.join(flags)} {case['algorithms'][bits]}"
    )


def tool(*arguments: str) -> dict[str, Any]:
    """One run of modprobe-ipsec with JSON output, in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 99
        try:
            os.close(read)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = cli.main([*arguments, "--format", "json"])
            with open(write, "w") as pipe:  # noqa: PTH123
                pipe.write(out.getvalue())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with open(read) as pipe:  # noqa: PTH123
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"status": status, "report": json.loads(text) if text else None}


def arguments(case: dict[str, Any]) -> list[str]:
    """The tool's arguments for a case: with and without ESN where there is such a thing."""
    if case["option"] == "--ipcomp":
        return ["--ipcomp"]
    return [case["option"], f"{case['proposal']}-esn-noesn", "--daemon", "strongswan"]


def matrix(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Without the tool, with it; then with every accelerator there is."""
    yield from first(cases)
    yield from best(cases)


def first(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Without the tool, with it."""
    for case in cases:
        unload_all()
        left = list(modules())
        before = all_sas(case)
        run = tool(*arguments(case))
        loaded = [name for name in modules() if name not in left]
        if run["status"] == 2:
            # it loads nothing for what cannot be: see whether that is true with the rest in place
            subprocess.run(["/sbin/modprobe", "-a", "xfrm_user", *PROTOCOL_MODULES])
        yield {
            "left": left,
            "before": before,
            "run": run,
            "loaded": loaded,
            "after": all_sas(case),
            "check": tool("--check", *arguments(case)),
        }


def best(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """With every accelerator there is for this architecture, whether it fits or not."""
    unload_all()
    tool("--all")
    for path in _accelerators():
        if not path.name.startswith("aes_ti"):
            subprocess.run(["/sbin/modprobe", path.name.split(".")[0]], capture_output=True)
    for case in cases:
        yield {"best": all_sas(case, ("ipv4",))}


def _accelerators() -> list[Path]:
    """The files of all modules of this architecture's own."""
    tree = Path("/lib/modules", os.uname().release)
    places = ("kernel/arch/*/crypto/*", "kernel/arch/*/lib/**/*")
    return sorted(path for place in places for path in tree.glob(place) if path.is_file())


def superfluous(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """After the tool: take each module away, look what becomes of the SA, put it back."""
    for case in cases:
        unload_all()
        left = list(modules())
        tool(*arguments(case))
        loaded = [name for name in modules() if name not in left]
        usual = all_sas(case)
        yield {"left": left, "loaded": loaded, "usual": usual, "taken": taken(case, loaded)}


def taken(case: dict[str, Any], loaded: list[str]) -> dict[str, Any]:
    """What becomes of a case's SAs without each module alone; those that cannot go are left out."""
    found = {}
    for name in loaded:
        if gone := unload(name):
            found[name] = all_sas(case)
            for module in reversed(gone):
                subprocess.run(["/sbin/modprobe", module], check=True)
    return found


def thorough(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All of it in one boot, for machines that take long: each case as by `_one`, then `best`."""
    yield from map(_one, cases)
    yield from best(cases)


def _one(case: dict[str, Any]) -> dict[str, Any]:
    """A case with the tool, then what `--check` says, and the case less each of its modules."""
    unload_all()
    left = list(modules())
    run = tool(*arguments(case))
    loaded = [name for name in modules() if name not in left]
    if run["status"] == 2:
        subprocess.run(["/sbin/modprobe", "-a", "xfrm_user", *PROTOCOL_MODULES])
    after = all_sas(case)
    check = tool("--check", *arguments(case))
    # protocols and templates are the same everywhere, implementations are not
    own = {path.name.partition(".")[0].replace("-", "_") for path in _accelerators()}
    asked = [name for name in loaded if name in own or name.endswith("_generic")]
    less = taken(case, asked) if run["status"] != 2 else {}
    return {"run": run, "loaded": loaded, "after": after, "check": check, "taken": less}


def main() -> None:
    """One JSON object a line."""
    Path("/proc/sys/kernel/modprobe").write_text("/bin/false")
    cases = json.loads(Path("/cases.json").read_text())
    modes = {
        "matrix": matrix,
        "first": first,
        "superfluous": superfluous,
        "thorough": thorough,
    }
    for row in modes[sys.argv[1]](cases):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
