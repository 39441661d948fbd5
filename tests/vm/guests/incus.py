# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with Incus: one unprivileged container, one tunnel, with and without the key.

The image lacks /usr, which is mounted from the guest.
"""

import json
import shutil
from collections.abc import Callable
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
    make,
    modules,
    must,
    rule,
    run,
    share,
    tell,
    tunnel,
)

NAME = "vpn"
# Incus gives all of them, in a user namespace; a daemon needs two
TWO = ("--inh-caps=-all", "--bounding-set=-all,+net_admin,+net_bind_service")
EMPTY = Path("/run/empty")
# JSON is YAML, too
METADATA = {"architecture": "x86_64", "creation_date": 1}
# not the first program of a whole system
FIRST = "lxc.init.cmd = /usr/bin/sleep infinity"
DEVICES = {
    "root": {"type": "disk", "path": "/", "pool": "default"},
    "usr": {"type": "disk", "source": "/usr", "path": "/usr", "readonly": "true"},
    "modules": {"type": "disk", "source": str(EMPTY), "path": "/usr/lib/modules"},
    "share": {"type": "disk", "source": str(SHARE), "path": "/share"},
    "eth0": {"type": "nic", "nictype": "bridged", "parent": ORDERS["bridge"]},
}
PRESEED = {
    "storage_pools": [{"name": "default", "driver": "dir"}],
    "profiles": [{"name": "default", "config": {"raw.lxc": FIRST}, "devices": DEVICES}],
}


def inside(*command: str) -> list[str]:
    """The command that runs a program in the container."""
    return ["incus", "exec", NAME, "--", "setpriv", *TWO, *command]


def without() -> Said:
    must("incus", "start", NAME)
    said = tunnel(inside(*INSIDE))
    check, plan = run(*inside(*CHECK)), run(*inside(*MAKE_PLAN))
    PLAN.write_text(plan["stdout"])
    return {**said, "check": check, "plan": plan}


def key() -> Said:
    """The printed profile by the printed commands, of a container that does not run."""
    make("incus", "--preload")
    text = (MADE / "incus-profile.yaml").read_text()
    must("incus", "profile", "create", "ipsec", stdin=text)
    must("incus", "profile", "add", NAME, "ipsec")
    before = modules()
    must("incus", "start", NAME)
    return {**tunnel(inside(*INSIDE)), "text": text, "before": before}


def forbidden() -> Said:
    """What Incus does where an administrator's line is in the way, with the key."""
    said: Said = {}
    for name, line in (("refused", "install esp4 /bin/false"), ("passed", "blacklist esp4")):
        with rule(line):
            said[name] = run("incus", "start", NAME)
            said[f"{name}, check"] = run("modprobe-ipsec", "--check", "--apply", str(PLAN))
    return {**said, "loaded": modules()}


WAYS: dict[str, Callable[[], Said]] = {
    "without": without,  # first: it makes the plan
    "key": key,
    "forbidden": forbidden,  # with the profile of the former
}


def clean() -> None:
    run("incus", "stop", "--force", NAME)
    forget(("peer",))


def main() -> None:
    group("incus-admin")
    must("systemctl", "start", "incus.service")
    must("incus", "admin", "init", "--preseed", stdin=json.dumps(PRESEED))
    must("ip", "link", "add", ORDERS["bridge"], "type", "bridge")
    must("ip", "link", "set", ORDERS["bridge"], "up")
    must(ORDERS["network"])
    made, image = Path("/image"), Path.home() / "image.tar"
    bare_root(made / "rootfs")
    for volume in ORDERS["volumes"]:
        source, target = volume.split(":")
        shutil.copyfile(source, f"{made}/rootfs{target}")
    (made / "metadata.yaml").write_text(json.dumps(METADATA))
    must("tar", "-C", str(made), "-cf", str(image), "metadata.yaml", "rootfs")
    must("incus", "image", "import", str(image), "--alias", "ike")
    EMPTY.mkdir()
    share()
    must("incus", "init", "ike", NAME)
    # Incus itself asks for modules while it may
    must("incus", "start", NAME)
    must("incus", "stop", "--force", NAME)
    tell(WAYS, clean)


if __name__ == "__main__":
    main()
