# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with Podman: the commands of container/README.md on a host without autoload.

Only observes, and prints JSON; the verdicts are reached on the host. Debian's own Python runs this,
without the project.
"""

import json
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

ORDERS = json.loads(Path("/orders.json").read_text())
AUTOLOAD = Path("/proc/sys/kernel/modprobe")
RULES = Path("/etc/modprobe.d/dirtyfrag.conf")
_LIMIT_SECONDS = 90
Said = dict[str, Any]


def run(command: str) -> Said:
    done = subprocess.run(
        shlex.split(command), capture_output=True, text=True, cwd="/src", timeout=_LIMIT_SECONDS
    )
    out = done.stdout + done.stderr
    return {"command": command, "status": done.returncode, "said": out}


def modules() -> list[str]:
    return sorted(line.split()[0] for line in Path("/proc/modules").read_text().splitlines())


def again(command: str, until: str, seconds: float = _LIMIT_SECONDS) -> Said:
    """The command's answer as soon as these words are in it, or when it is too late."""
    end = time.monotonic() + seconds
    while until not in (said := run(command))["said"] and time.monotonic() < end:
        time.sleep(1)
    return said


def main() -> None:
    # an initramfs cannot be the upper half of an overlay
    run("mount --mkdir -t tmpfs tmpfs /var/lib/containers")
    said: dict[str, Any] = {"network": run(ORDERS["network"]), "image": run(ORDERS["image"])}
    AUTOLOAD.write_text("\n")
    for command in ORDERS["install"]:
        said[command] = run(command)
    said["before"] = modules()
    # as the README says what it is like without, and where somebody forbade it
    without = run(ORDERS["without"])
    said["without"] = again("podman logs vpn", "Protocol not supported", 30)
    said["without"]["started"] = without
    said["removed"] = run("podman rm --force --time 0 vpn")
    said["still"] = modules()
    RULES.write_text("# against Dirty Frag\ninstall esp4 /bin/false\n")
    said["forbidden"] = run(ORDERS["run"])
    said["journal"] = again("journalctl --no-pager -o cat -t modprobe-ipsec-hook", "esp4", 10)
    RULES.unlink()
    run("podman rm --force --time 0 vpn")

    said["run"] = run(ORDERS["run"])
    said["loaded"] = modules()
    said["peer"] = run("systemctl start peer.service")
    said["logs"] = again(ORDERS["logs"], ORDERS["up"])
    said["ping"] = run(ORDERS["ping"])
    said["states"] = run("ip -s xfrm state")
    said["inside"] = run("podman exec vpn modprobe-ipsec --check --prove")
    pid = run("podman inspect --format {{.State.Pid}} vpn")["said"].strip()
    status = Path("/proc", pid, "status").read_text() if pid.isdecimal() else ""
    said["daemon"] = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    said["tree"] = run("podman exec vpn ls -A /lib/modules")
    said["autoload"] = AUTOLOAD.read_text().strip()
    print(json.dumps(said))


if __name__ == "__main__":
    main()
