# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with Podman: one container, one tunnel, and each way that a host can be prepared.

Only observes, and prints JSON; the verdicts are reached on the host. Debian's own Python runs this,
without the project. The container's root is the guest's own without its modules and rules.
"""

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ORDERS = json.loads(Path("/orders.json").read_text())
ROOT, SHARE = Path("/container"), Path("/run/share")
PLAN, MADE = Path("/root/plan.yaml"), Path("/root/made")
RULES = Path("/etc/modprobe.d/dirtyfrag.conf")
AUTOLOAD = Path("/proc/sys/kernel/modprobe")
HOST_UNIT = "modprobe-ipsec-host.service"
HIDDEN = ("/usr/lib/modules", "/etc/modprobe.d", "/boot")
INSIDE = ("python3", "/inside.py")
LEAST = ("--cap-drop=all", "--cap-add=NET_ADMIN", "--cap-add=NET_BIND_SERVICE", "--network=host")
COMMON = (
    *("--rm", f"--volume={SHARE}:/share"),
    *(f"--mount=type=tmpfs,destination={path},ro,notmpcopyup" for path in HIDDEN),
    *(f"--volume={volume}:ro" for volume in ORDERS["volumes"]),
)
_LIMIT_SECONDS = 120
Said = dict[str, Any]


def run(*command: str) -> Said:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=_LIMIT_SECONDS,
    )
    said = {"command": shlex.join(command), "status": done.returncode}
    return {**said, "stdout": done.stdout, "stderr": done.stderr}


def must(*command: str) -> str:
    said = run(*command)
    if said["status"]:
        raise RuntimeError(json.dumps(said))
    return str(said["stdout"])


def modules() -> list[str]:
    return sorted(line.split()[0] for line in Path("/proc/modules").read_text().splitlines())


def container(*command: str, flags: Sequence[str] = LEAST, more: Sequence[str] = ()) -> list[str]:
    """The command that runs a container."""
    return ["podman", "run", *COMMON, *flags, *more, "--rootfs", str(ROOT), *command]


def tunnel(start: Sequence[str]) -> Said:
    """Start the container in some way, give it its peer when it asks, and return what it said."""
    shutil.rmtree(SHARE, ignore_errors=True)
    SHARE.mkdir()
    (SHARE / "orders.json").write_text(json.dumps(ORDERS["inside"]))
    before = modules()
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
    said["loaded"] = sorted(set(modules()) - set(before))
    return said


def forget() -> None:
    """Bring the kernel back to where nothing of IPsec is loaded."""
    run("systemctl", "stop", "peer.service")
    run("podman", "rm", "--all", "--force", "--time=0")
    end = time.monotonic() + _LIMIT_SECONDS
    while left := set(modules()) - set(BASELINE):
        for where in ((), ("-n", "peer")):
            for what in ("state", "policy"):
                # where xfrm_user is gone already, there is nothing to flush
                run("ip", *where, "xfrm", what, "flush")
        run("rmmod", *sorted(left))
        if time.monotonic() > end:
            raise RuntimeError(f"cannot unload {left}: {Path('/proc/modules').read_text()}")


def make(format: str) -> Said:
    shutil.rmtree(MADE, ignore_errors=True)
    words = ("--apply", str(PLAN), "--manifest", format, "--preload", "--output", str(MADE))
    return run("modprobe-ipsec", *words)


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


def without() -> Said:
    check = ("modprobe-ipsec", "--check", "--prove", "--format", "json")
    init = ("modprobe-ipsec-init", "--require", "--", "echo", "started")
    said = tunnel(container(*INSIDE))
    said["check"] = run(*container(*check))
    said["init"] = run(*container(*init))
    plan = run(*container("modprobe-ipsec", "--manifest", "yaml", "--preload"))
    PLAN.write_text(plan["stdout"])
    return {**said, "plan": plan}


def bundle() -> Said:
    made = make("systemd")
    with installed():
        unit = run("systemctl", "start", HOST_UNIT)
        said = tunnel(container(*INSIDE))
        must("systemctl", "stop", HOST_UNIT)
    return {**said, "made": made, "unit": unit}


def apply() -> Said:
    applied = run("modprobe-ipsec", "--apply", str(PLAN))
    return {**tunnel(container(*INSIDE)), "applied": applied}


def hook_by_cdi() -> Said:
    return tunnel(container(*INSIDE, more=("--device=modprobe-ipsec.io/hook=config",)))


def hook_by_annotation() -> Said:
    return tunnel(container(*INSIDE, more=(f"--annotation={ORDERS['annotation']}",)))


def run_flags() -> Said:
    """The flags of one manifest, and of another one the device that is among them."""
    make("docker")
    script = (MADE / "docker-run.sh").read_text()
    made = make("cdi")
    words = shlex.split(script, comments=True)
    # no image can be had here, and only the host's network has the wire to the peer
    flags = [w for w in words[3:-1] if w not in ("-p", "500:500/udp", "4500:4500/udp")]
    with installed():
        said = tunnel(container(*INSIDE, flags=(*flags, "--network=host")))
    return {**said, "made": made, "script": script}


def quadlet() -> Said:
    """A generated unit that pulls in the one of the systemd bundle."""
    make("quadlet")
    text = (MADE / "etc/containers/systemd/ike.container").read_text()
    made = make("systemd")
    words = [*COMMON[1:], "--network=host"]
    lines = []
    for line in text.splitlines():
        if line.startswith("Image="):
            lines += [f"Rootfs={ROOT}", f"PodmanArgs={shlex.join(words)}"]
            lines += [f"Exec={shlex.join(INSIDE)}"]
        elif not line.startswith("PublishPort="):
            lines.append(line)
    place = MADE / "etc/containers/systemd/ike.container"
    place.parent.mkdir(parents=True)
    place.write_text("\n".join([*lines, ""]))
    with installed():
        said = tunnel(("systemctl", "start", "ike.service"))
        journal = run("journalctl", "--no-pager", "-o", "cat", "-u", "ike.service")
        must("systemctl", "stop", "ike.service", HOST_UNIT)
    return {**said, "made": made, "text": text, "journal": journal["stdout"]}


def forbidden() -> Said:
    """What Podman says where an administrator's line is in the way."""
    said: Said = {}
    RULES.write_text("# against Dirty Frag\ninstall esp4 /bin/false\n")
    try:
        hook = ("--device=modprobe-ipsec.io/hook=config",)
        said["hook"] = run(*container("echo", "started", more=hook))
        said["apply"] = run("modprobe-ipsec", "--check", "--apply", str(PLAN))
    finally:
        RULES.unlink()
    return {**said, "loaded": modules()}


WAYS: dict[str, Callable[[], Said]] = {
    "without": without,  # first: it makes the plan
    "bundle": bundle,
    "apply": apply,
    "hook by CDI": hook_by_cdi,
    "hook by annotation": hook_by_annotation,
    "run flags": run_flags,
    "quadlet": quadlet,
    "forbidden": forbidden,
}


def main() -> None:
    ROOT.mkdir()
    must("mount", "--bind", "/", str(ROOT))
    must(ORDERS["network"])
    # ping's own sockets need no capability then
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
    SHARE.mkdir()
    must(*container("true"))
    global BASELINE
    BASELINE = modules()
    AUTOLOAD.write_text("/bin/false\n")
    answers: dict[str, Said] = {"baseline": {"modules": BASELINE}}
    for name, way in WAYS.items():
        started = time.monotonic()
        try:
            answers[name] = way()
        except Exception as error:
            answers[name] = {"error": f"{type(error).__name__}: {error}"}
        answers[name]["before"] = answers[name]["seconds"] = time.monotonic() - started
        forget()
    answers["baseline"]["autoload"] = {"is": AUTOLOAD.read_text().strip()}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
