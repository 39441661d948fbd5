# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with Podman: one container, one tunnel, and each way that a host can be prepared.

The container's root is the guest's own without its modules and rules.
"""

import os
import shlex
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .contained import (
    BASELINE,
    CHECK,
    INSIDE,
    MADE,
    MAKE_PLAN,
    ORDERS,
    PLAN,
    SHARE,
    Said,
    forget,
    installed,
    make,
    modules,
    must,
    rule,
    run,
    share,
    tell,
    tunnel,
)

ROOT = Path("/container")
HOST_UNIT = "modprobe-ipsec-host.service"
HIDDEN = ("/usr/lib/modules", "/etc/modprobe.d", "/boot")
CAPABILITIES = ("--cap-drop=all", "--cap-add=NET_ADMIN", "--cap-add=NET_BIND_SERVICE")
NETWORK = ("--network=ns:/run/netns/here",)
HOOK = ("--device=modprobe-ipsec.io/hook=config",)
# crun drops what a hook says, unless told otherwise
HOOK_LOG = Path("/run/hook.log")
SHOWN = (f"--annotation=run.oci.hooks.stderr={HOOK_LOG}",)
COMMON = (
    *("--rm", f"--volume={SHARE}:/share"),
    *(f"--mount=type=tmpfs,destination={path},ro,notmpcopyup" for path in HIDDEN),
    "--mount=type=tmpfs,destination=/run,notmpcopyup",
    *(f"--volume={volume}:ro" for volume in ORDERS["volumes"]),
)


def container(
    *command: str,
    flags: Sequence[str] = CAPABILITIES,
    more: Sequence[str] = (),
    network: Sequence[str] = NETWORK,
    action: str = "run",
) -> list[str]:
    """The command that runs a container."""
    words = [*COMMON, *flags, *network, *more]
    return ["podman", action, *words, "--rootfs", str(ROOT), *command]


def wire() -> None:
    """Make the peer anew, and its wire to the namespace `here`."""
    run("ip", "netns", "delete", "peer")
    must(ORDERS["network"])
    # ping's own sockets need no capability then
    must("ip", "netns", "exec", "here", "sysctl", "-q", "net.ipv4.ping_group_range=0 2147483647")


def without() -> Said:
    init = ("modprobe-ipsec-init", "--require", "--", "echo", "started")
    said = tunnel(container(*INSIDE))
    said["check"] = run(*container(*CHECK))
    said["init"] = run(*container(*init))
    plan = run(*container(*MAKE_PLAN))
    PLAN.write_text(plan["stdout"])
    return {**said, "plan": plan}


def bundle() -> Said:
    made = make("systemd", "--preload")
    with installed():
        unit = run("systemctl", "start", HOST_UNIT)
        said = tunnel(container(*INSIDE))
        must("systemctl", "stop", HOST_UNIT)
    return {**said, "made": made, "unit": unit}


def apply() -> Said:
    applied = run("modprobe-ipsec", "--apply", str(PLAN))
    return {**tunnel(container(*INSIDE)), "applied": applied}


def hook_by_cdi() -> Said:
    return tunnel(container(*INSIDE, more=HOOK))


def hook_by_annotation() -> Said:
    return tunnel(container(*INSIDE, more=(f"--annotation={ORDERS['annotation']}",)))


def run_flags() -> Said:
    """The flags of one manifest, and of another one the device that is among them."""
    make("docker", "--preload")
    script = (MADE / "docker-run.sh").read_text()
    made = make("cdi", "--preload")
    # `set -eu`, `docker run -d FLAGS IMAGE`: no image can be had here
    flags = shlex.split(script.replace("\\\n", ""), comments=True)[5:-1]
    with installed():
        said = tunnel(container(*INSIDE, flags=flags))
    return {**said, "made": made, "script": script}


def quadlet() -> Said:
    """A generated unit that pulls in the one of the systemd bundle."""
    make("quadlet", "--preload")
    text = (MADE / "etc/containers/systemd/ike.container").read_text()
    made = make("systemd", "--preload")
    words = [*COMMON[1:], *NETWORK]
    lines = []
    for line in text.splitlines():
        if line.startswith("Image="):
            lines += [f"Rootfs={ROOT}", f"PodmanArgs={shlex.join(words)}"]
            lines += [f"Exec={shlex.join(INSIDE)}"]
        else:
            lines.append(line)
    place = MADE / "etc/containers/systemd/ike.container"
    place.parent.mkdir(parents=True)
    place.write_text("\n".join([*lines, ""]))
    with installed():
        said = tunnel(("systemctl", "start", "ike.service"))
        journal = run("journalctl", "--no-pager", "-o", "cat", "-u", "ike.service")
        must("systemctl", "stop", "ike.service", HOST_UNIT)
    return {**said, "made": made, "text": text, "journal": journal["stdout"]}


def hook_says(start: Sequence[str]) -> Said:
    HOOK_LOG.write_text("")
    HOOK_LOG.chmod(0o666)
    return {**run(*start), "line": HOOK_LOG.read_text()}


def daemon_set() -> Said:
    """A DaemonSet, played by Podman; its two images are made of this guest's own programs."""
    programs = ("dash", "kmod", "sleep")
    places = {f"/usr/bin/{name}" for name in programs}
    for program in tuple(places):
        places.update(w for w in must("ldd", program).split() if w.startswith("/"))
    image = Path.home() / "image.tar"
    with tarfile.open(image, "w") as tar:
        for place in sorted(places):
            tar.add(os.path.realpath(place), place)
        for link, target in (("sh", "dash"), ("modprobe", "kmod")):
            member = tarfile.TarInfo(f"usr/bin/{link}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
        for name in ("bin", "sbin"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "usr/bin"
            tar.addfile(member)
    wait = 'CMD ["/usr/bin/sleep", "300"]'
    for name in ("kmod:1", "pause:3"):
        must("podman", "import", "--change", wait, str(image), f"example.org/{name}")
    made = make("kubernetes", "--preload")
    text = (MADE / "daemonset.yaml").read_text()
    played = run("podman", "kube", "play", "--network=none", str(MADE / "daemonset.yaml"))
    said = tunnel(container(*INSIDE))
    logs = run("podman", "ps", "--all", "--pod")
    run("podman", "pod", "rm", "--all", "--force", "--time=0")
    return {**said, "made": made, "text": text, "played": played, "containers": logs["stdout"]}


def forbidden() -> Said:
    """What Podman says where an administrator's line is in the way."""
    said: Said = {}
    with rule("install esp4 /bin/false"):
        said["silent"] = run(*container("echo", "started", more=HOOK))
        said["hook"] = hook_says(container("echo", "started", more=(*HOOK, *SHOWN)))
        said["apply"] = run("modprobe-ipsec", "--check", "--apply", str(PLAN))
    return {**said, "loaded": modules()}


def mapped() -> Said:
    """A user namespace, and a network namespace that belongs to it."""
    maps = ("--uidmap=0:100000:65536", "--gidmap=0:100000:65536")
    return in_user_namespace((), maps, 100000)


def rootless() -> Said:
    with Path("/etc/passwd").open("a") as file:
        file.write("vpn:x:1000:1000::/home/vpn:/bin/sh\n")
    with Path("/etc/group").open("a") as file:
        file.write("vpn:x:1000:\n")
    for name in ("/etc/subuid", "/etc/subgid"):
        Path(name).write_text("vpn:200000:65536\n")
    for home in (Path("/home/vpn"), Path("/run/user/1000")):
        home.mkdir(parents=True)
        shutil.chown(home, 1000, 1000)
    environment = (
        "env",
        "-C",
        "/home/vpn",
        "HOME=/home/vpn",
        "USER=vpn",
        "XDG_RUNTIME_DIR=/run/user/1000",
    )
    user = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", *environment)
    return in_user_namespace(user, (), 1000)


def in_user_namespace(user: Sequence[str], maps: Sequence[str], root: int) -> Said:
    """What can be told there before and after the host did its part, and a tunnel."""
    own: list[str] = []
    for path in ORDERS["owned"]:
        copy = Path(f"/srv/{root}", path.lstrip("/"))
        shutil.copytree(path, copy)
        must("chown", "-R", f"{root}:{root}", str(copy))
        own.append(f"--volume={copy}:{path}")

    def command(*words: str, action: str = "run", more: Sequence[str] = ()) -> list[str]:
        flags = (*CAPABILITIES, *maps, *own)
        return [
            *user,
            *container(*words, flags=flags, more=more, network=("--network=none",), action=action),
        ]

    said: Said = {"check": run(*command(*CHECK))}
    said["hook"] = hook_says(command("echo", "started", more=(*HOOK, *SHOWN)))
    said["left"] = sorted(set(modules()) - set(BASELINE))
    said["applied"] = run("modprobe-ipsec", "--apply", str(PLAN))
    said["checked"] = run(*command(*CHECK))
    engine = (*user, "podman")
    identity = must(*command(*INSIDE, action="create", more=("--name=mapped",))).strip()
    must(*engine, "init", identity)
    process = must(*engine, "inspect", "--format={{.State.Pid}}", identity).strip()
    must("ip", "netns", "delete", "here")
    must("ip", "netns", "attach", "here", process)
    wire()
    said.update(tunnel((*engine, "start", "--attach", identity)))
    must("ip", "netns", "delete", "here")
    must("ip", "netns", "add", "here")
    wire()
    return said


WAYS: dict[str, Callable[[], Said]] = {
    "without": without,  # first: it makes the plan
    "bundle": bundle,
    "apply": apply,
    "hook by CDI": hook_by_cdi,
    "hook by annotation": hook_by_annotation,
    "run flags": run_flags,
    "quadlet": quadlet,
    "DaemonSet": daemon_set,
    "forbidden": forbidden,
    "mapped": mapped,
    "rootless": rootless,
}


def clean() -> None:
    run("podman", "rm", "--all", "--force", "--time=0")
    forget(("here", "peer"))


def main() -> None:
    ROOT.mkdir()
    Path("/share").mkdir()
    must("mount", "--bind", "/", str(ROOT))
    must("ip", "netns", "add", "here")
    wire()
    share()
    must(*container("true"))
    tell(WAYS, clean)


if __name__ == "__main__":
    main()
