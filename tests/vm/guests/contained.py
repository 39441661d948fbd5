# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guests with a container engine have in common: one daemon in a container, one tunnel.

Debian's own Python runs this, without the project; the engines' scripts import it. They only
observe and print JSON; the verdicts are reached on the host.
"""

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ORDERS = json.loads(Path("/orders.json").read_text())
SHARE = Path("/run/share")
"""What a container has in common with us, as its own /share."""
PLAN, MADE = Path.home() / "plan.yaml", Path.home() / "made"
RULES = Path("/etc/modprobe.d/dirtyfrag.conf")
AUTOLOAD = Path("/proc/sys/kernel/modprobe")
INSIDE = ("python3", "/inside.py")
CHECK = ("modprobe-ipsec", "--check", "--prove", "--format", "json")
MAKE_PLAN = ("modprobe-ipsec", "--manifest", "yaml", "--preload")
_LIMIT_SECONDS = 120
Said = dict[str, Any]
BASELINE: list[str] = []
"""The modules before any of this."""


def run(*command: str, stdin: str = "") -> Said:
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_LIMIT_SECONDS,
    )
    said = {"command": shlex.join(command), "status": done.returncode}
    return {**said, "stdout": done.stdout, "stderr": done.stderr}


def must(*command: str, stdin: str = "") -> str:
    said = run(*command, stdin=stdin)
    if said["status"]:
        raise RuntimeError(json.dumps(said))
    return str(said["stdout"])


def modules() -> list[str]:
    return sorted(line.split()[0] for line in Path("/proc/modules").read_text().splitlines())


def group(name: str) -> None:
    """A group that an engine's package makes when it is installed."""
    with Path("/etc/group").open("a") as file:
        file.write(f"{name}:x:900:\n")


def bare_root(root: Path) -> None:
    """Make a container's root: this guest's own without modules and rules; /usr is mounted there.

    All of it would take an engine minutes to unpack.
    """
    for name in ("dev", "proc", "root", "run", "share", "sys", "tmp", "usr", "var/lib"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/run").symlink_to("/run")
    for path in ("/etc", INSIDE[-1], *ORDERS["owned"]):
        must("cp", "-a", path, f"{root}{path}")
    shutil.rmtree(root / "etc/modprobe.d", ignore_errors=True)


def share() -> None:
    """Empty what a container shares with us; not by another directory, it may be mounted."""
    SHARE.mkdir(exist_ok=True)
    SHARE.chmod(0o777)
    for path in SHARE.iterdir():
        path.unlink()
    (SHARE / "orders.json").write_text(json.dumps(ORDERS["inside"]))


def tunnel(start: Sequence[str]) -> Said:
    """Start the container in some way, give it its peer when it asks, and return what it said."""
    share()
    with (SHARE / "engine").open("w+") as out:
        engine = subprocess.Popen(start, stdout=out, stderr=subprocess.STDOUT)
        # `systemctl start` comes back while the container runs
        end = time.monotonic() + 2 * _LIMIT_SECONDS
        ready = answered = False
        while time.monotonic() < end:
            answered = (SHARE / "said.json").exists()
            if answered or engine.poll():
                break
            if not ready and (SHARE / "ready").exists():
                ready = True
                peer = run("systemctl", "start", "peer.service")
                (SHARE / "go").touch()
            time.sleep(0.2)
        status = engine.wait(_LIMIT_SECONDS)
        out.seek(0)
        said: Said = {"start": shlex.join(start), "status": status, "engine": out.read()}
    said["peer"] = peer if ready else None
    said["inside"] = json.loads((SHARE / "said.json").read_text()) if answered else None
    said["loaded"] = sorted(set(modules()) - set(BASELINE))
    return said


def make(format: str, *more: str) -> Said:
    """Have a manifest made of the plan on this host, into an empty directory."""
    shutil.rmtree(MADE, ignore_errors=True)
    words = ("--apply", str(PLAN), "--manifest", format, "--output", str(MADE))
    return run("modprobe-ipsec", *words, *more)


@contextmanager
def installed() -> Iterator[None]:
    """The files of the last manifest, at their places on this host."""
    files = [path.relative_to(MADE) for path in MADE.rglob("*") if path.is_file()]
    shutil.copytree(MADE, "/", dirs_exist_ok=True)
    must("systemctl", "daemon-reload")
    try:
        yield
    finally:
        for file in files:
            Path("/", file).unlink()
        must("systemctl", "daemon-reload")


@contextmanager
def rule(text: str) -> Iterator[None]:
    """A line of the administrator against loading."""
    RULES.write_text(f"# against Dirty Frag\n{text}\n")
    try:
        yield
    finally:
        RULES.unlink()


def forget(namespaces: Iterable[str]) -> None:
    """Bring the kernel back to where nothing of IPsec is loaded; the containers are gone."""
    run("systemctl", "stop", "peer.service")
    end = time.monotonic() + _LIMIT_SECONDS
    while left := set(modules()) - set(BASELINE):
        for where in namespaces:
            for what in ("state", "policy"):
                # where xfrm_user is gone already, there is nothing to flush
                run("ip", "-n", where, "xfrm", what, "flush")
        run("rmmod", *sorted(left))
        if time.monotonic() > end:
            raise RuntimeError(f"cannot unload {left}: {Path('/proc/modules').read_text()}")


def tell(ways: Mapping[str, Callable[[], Said]], clean: Callable[[], None]) -> None:
    """Switch autoload off, try the ways that are ordered, `clean` after each, and print it all."""
    BASELINE.extend(modules())
    AUTOLOAD.write_text("/bin/false\n")
    answers: dict[str, Said] = {"baseline": {"modules": BASELINE}}
    for name in ORDERS["ways"]:
        started = time.monotonic()
        try:
            answers[name] = ways[name]()
        except Exception as error:
            answers[name] = {"error": f"{type(error).__name__}: {error}"}
        answers[name]["seconds"] = time.monotonic() - started
        clean()
    answers["baseline"]["autoload"] = AUTOLOAD.read_text().strip()
    print(json.dumps(answers))
