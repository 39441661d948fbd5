# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest: real containers on a host that refuses in every way that there is. JSON answer.

runc starts them; their root is the guest's own without its modules and its modprobe.d.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOOL = (sys.executable, "-I", "-m", "modprobe_ipsec")
HOOK = (sys.executable, "-I", "-B", "-m", "modprobe_ipsec.commands.oci_hook")
INIT = (sys.executable, "-I", "-m", "modprobe_ipsec.commands.container_init")
WORK = Path.home() / "containers"
BUNDLE = WORK / "bundle"
TREE = Path("/lib/modules", os.uname().release)
RULES = Path("/etc/modprobe.d/dirtyfrag.conf")
GCM = "aes256gcm16"
CHACHA = "chacha20poly1305"
ANNOTATIONS = {"io.modprobe-ipsec.esp": GCM}
WANTED = ("CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE")
NO_UNSHARE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
}


def sh(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def prepare() -> None:
    Path("/usr/sbin/runc").chmod(0o755)
    Path("/sys/fs/cgroup").mkdir(exist_ok=True)
    sh("/bin/mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
    (BUNDLE / "rootfs").mkdir(parents=True)
    sh("/usr/sbin/runc", "spec", "--bundle", str(BUNDLE))
    sh("/bin/mount", "--bind", "/", str(BUNDLE / "rootfs"))


def configure(
    command: tuple[str, ...],
    *,
    capabilities: tuple[str, ...] = WANTED,
    hook: bool = False,
    seccomp: bool = False,
    mapped: bool = False,
) -> None:
    path = BUNDLE / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(
        terminal=False,
        args=list(command),
        env=["container=podman", "PATH=/usr/sbin:/usr/bin", "PYTHONPATH=/evil"],
        capabilities={key: list(capabilities) for key in ("bounding", "effective", "permitted")},
    )
    config["process"].pop("rlimits", None)
    hidden = [m for m in config["mounts"] if m["destination"] not in HIDDEN]
    hidden += [
        {"destination": d, "type": "tmpfs", "source": "tmpfs", "options": ["ro"]} for d in HIDDEN
    ]
    config["mounts"] = hidden
    config["annotations"] = ANNOTATIONS
    config["hooks"] = {}
    if hook:
        one = {"path": HOOK[0], "args": list(HOOK), "env": [], "timeout": 60}
        config["hooks"] = {"createRuntime": [one]}
    config["linux"]["seccomp"] = NO_UNSHARE if seccomp else None
    kinds = ["pid", "network", "ipc", "uts", "mount", *["user"] * mapped]
    config["linux"]["namespaces"] = [{"type": kind} for kind in kinds]
    ids = [{"containerID": 0, "hostID": 100000, "size": 65536}] if mapped else []
    config["linux"].update(uidMappings=ids, gidMappings=ids)
    path.write_text(json.dumps(config))


HIDDEN = ("/usr/lib/modules", "/etc/modprobe.d", "/boot")


def start(*command: str, **options: Any) -> dict[str, Any]:
    """Run a container to its end."""
    configure(command, **options)
    run = ("/usr/sbin/runc", "run", "--no-pivot", "--bundle", str(BUNDLE), "vpn")
    return outcome(run)


def outcome(command: tuple[str, ...], **options: Any) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    report = json.loads(done.stdout) if done.stdout.startswith("{") else None
    return {
        "status": done.returncode,
        "report": report,
        "stdout": "" if report else done.stdout,
        "stderr": done.stderr,
    }


def host(proposal: str = GCM) -> dict[str, Any]:
    return outcome((*TOOL, "--check", "--esp", proposal, "-4", "--format", "json"))


def inside(proposal: str = GCM, **options: Any) -> dict[str, Any]:
    words = ("--check", "--prove", "--esp", proposal, "-4", "--format", "json")
    return start(*TOOL, *words, **options)


def init(*command: str, **options: Any) -> dict[str, Any]:
    return start(*INIT, "--require", "--esp", GCM, "--", *command, **options)


def both_sides(proposal: str = GCM) -> dict[str, Any]:
    """What the tool says of the same state from inside and on the host, and what the hook does."""
    answer = {"host": host(proposal), "inside": inside(proposal)}
    answer["hook"] = start("/bin/echo", "started", hook=True)
    return {**answer, "modules": modules()}


def modules() -> list[str]:
    return sorted(line.split()[0] for line in Path("/proc/modules").read_text().splitlines())


@contextmanager
def sysctl(name: str, value: str) -> Iterator[None]:
    path = Path("/proc/sys/kernel", name)
    before = path.read_text()
    path.write_text(value + "\n")
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def rules(text: str) -> Iterator[None]:
    RULES.write_text(text)
    try:
        yield
    finally:
        RULES.unlink()


@contextmanager
def gone(path: Path) -> Iterator[None]:
    aside = path.with_name("9.9.9-other")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


def hook() -> dict[str, Any]:
    """The hook on a fresh kernel that loads nothing by itself, and what it leaves behind."""
    answers: dict[str, Any] = {}
    with sysctl("modprobe", "/bin/false"):
        answers["autoload"] = {"host": host(), "inside": inside(), "init": init("echo", "started")}
        with rules("# a mitigation\ninstall esp4 /bin/false\n"):
            answers["install"] = start("/bin/echo", "started", hook=True)
        answers["modules before"] = modules()
        state = {"id": "vpn", "status": "creating", "pid": 1, "bundle": str(BUNDLE)}
        state["annotations"] = ANNOTATIONS
        answers["nobody"] = outcome(
            HOOK, input=json.dumps(state), user=65534, group=65534, extra_groups=[]
        )
        answers["plan"] = outcome((*TOOL, "--dry-run", "--esp", GCM, "--format", "json"))
        answers["hook"] = start("/bin/echo", "started", hook=True)
        answers["modules"] = modules()
        answers["after"] = inside()
        answers["init"] = init("sh", "-c", "exit 9")
        answers["no capability"] = inside(capabilities=())
        answers["init without capability"] = init("echo", "started", capabilities=())
        answers["seccomp"] = inside(seccomp=True)
        answers["mapped"] = inside(mapped=True)
    return answers


def refusals() -> dict[str, Any]:
    """What the tool says from inside, on the host and as a hook of a host that autoloads."""
    answers: dict[str, Any] = {}
    with gone(TREE):
        answers["stale"] = both_sides()
    with rules("# a mitigation\ninstall esp4 /bin/false\n"):
        answers["install"] = both_sides()
    with rules("blacklist esp4\n"):
        answers["blacklist"] = both_sides()
    Path("/proc/sys/kernel/modules_disabled").write_text("1\n")
    ANNOTATIONS["io.modprobe-ipsec.esp"] = CHACHA
    answers["sealed"] = both_sides(CHACHA)
    return answers


if __name__ == "__main__":
    prepare()
    json.dump({"hook": hook, "refusals": refusals}[sys.argv[1]](), sys.stdout)
