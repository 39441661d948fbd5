# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with Docker: one container, one tunnel, and each way that a host can be prepared.

The image lacks /usr, which is mounted from the guest. The network is a bridge of Docker's, and the
peer is on it: ESP itself then needs no port.
"""

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from .contained import (
    CHECK,
    INSIDE,
    MADE,
    MAKE_PLAN,
    ORDERS,
    PLAN,
    SHARE,
    Said,
    bare_root,
    forget,
    group,
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

IMAGE = "example.org/ike-daemon:1"
"""What all manifests call it."""
CAPABILITIES = ("--cap-drop=ALL", "--cap-add=NET_ADMIN", "--cap-add=NET_BIND_SERVICE")
HOOK = ("--device=modprobe-ipsec.io/hook=config",)
MOUNTED = ("/usr:/usr:ro", f"{SHARE}:/share", *(f"{each}:ro" for each in ORDERS["volumes"]))
HIDDEN = ("/usr/lib/modules:ro", "/run")
COMMON = (
    *(f"--volume={volume}" for volume in MOUNTED),
    *(f"--tmpfs={path}" for path in HIDDEN),
    *("--network=vpn", f"--ip={ORDERS['address']}"),
)


def container(*command: str, more: Sequence[str] = ()) -> list[str]:
    """The command that runs a container."""
    return ["docker", "run", "--rm", *COMMON, *CAPABILITIES, *more, IMAGE, *command]


def without() -> Said:
    said = tunnel(container(*INSIDE))
    words = f"{shlex.join(CHECK)} >/share/check; {shlex.join(MAKE_PLAN)} >/share/plan"
    must(*container("sh", "-c", words))
    said["check"] = json.loads((SHARE / "check").read_text())
    shutil.copyfile(SHARE / "plan", PLAN)
    return said


def run_flags() -> Said:
    """The printed command, image and all, with our own words; its device is another manifest's."""
    make("docker", "--preload")
    script = (MADE / "docker-run.sh").read_text()
    words = shlex.split(script.replace("\\\n", ""), comments=True)
    words = words[words.index("docker") :]
    make("cdi", "--preload")
    with installed():
        said = tunnel([*words[:3], *COMMON, *words[3:], *INSIDE])
    return {**said, "script": script}


def compose() -> Said:
    """The printed file, and beside it one of our own; the device is of another manifest."""
    make("compose", "--preload")
    text = (MADE / "compose.yaml").read_text()
    printed, own = Path.home() / "compose.yaml", Path.home() / "own.yaml"
    printed.write_text(text)
    service = {
        "command": INSIDE,
        "volumes": MOUNTED,
        "tmpfs": HIDDEN,
        "networks": {"vpn": {"ipv4_address": ORDERS["address"]}},
    }
    own.write_text(
        json.dumps({"services": {"ike": service}, "networks": {"vpn": {"external": True}}})
    )
    made = make("cdi", "--preload")
    files = (f"--file={printed}", f"--file={own}")
    with installed():
        said = tunnel(("docker", "compose", "--project-name=vpn", *files, "up", "--detach"))
    return {**said, "made": made, "text": text}


def hook_by_cdi() -> Said:
    return tunnel(container(*INSIDE, more=HOOK))


def forbidden() -> Said:
    """What Docker says where an administrator's line is in the way."""
    with rule("install esp4 /bin/false"):
        hook = run(*container("echo", "started", more=HOOK))
    return {"hook": hook, "loaded": modules()}


WAYS: dict[str, Callable[[], Said]] = {
    "without": without,  # first: it makes the plan
    "run flags": run_flags,
    "compose": compose,
    "hook by CDI": hook_by_cdi,
    "forbidden": forbidden,
}


def clean() -> None:
    containers = must("docker", "ps", "--all", "--quiet").split()
    if containers:
        # one that is about to go by itself may be gone
        run("docker", "rm", "--force", *containers)
    forget(("peer",))


def main() -> None:
    group("docker")
    must("systemctl", "start", "docker.service")
    root, image = Path("/container"), Path.home() / "image.tar"
    bare_root(root)
    must("tar", "-C", str(root), "-cf", str(image), ".")
    must("docker", "import", str(image), IMAGE)
    bridge = ("--opt", f"com.docker.network.bridge.name={ORDERS['bridge']}")
    subnet = (f"--subnet={ORDERS['subnet']}", f"--gateway={ORDERS['gateway']}")
    must("docker", "network", "create", *bridge, *subnet, "vpn")
    must(ORDERS["network"])
    share()
    # Docker itself asks for modules while it may
    must(*container("true"))
    tell(WAYS, clean)


if __name__ == "__main__":
    main()
