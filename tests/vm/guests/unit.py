# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a guest with strongSwan, and does to modprobe-ipsec.service what must not stop a daemon.

Prints a JSON object a case; the verdicts are reached on the host. Debian's own Python runs this,
without the project.
"""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNIT, DAEMON = "modprobe-ipsec.service", "strongswan.service"
MAIN = Path("/etc/swanctl/swanctl.conf")
CONFIG = Path("/etc/swanctl/conf.d/tunnels.conf")
DROP_IN = Path(f"/run/systemd/system/{UNIT}.d/test.conf")
FILLER = Path("/fill")
MOMENTS = 20
# systemd's own (the last is what it leaves if it is hit before it has started the program), and the
# daemon's
_OTHERS = (
    *("/run/systemd/", "/run/log/", "/run/udev/", "/run/charon", "/run/harness/"),
    "/tmp/namespace-dev-",  # noqa: S108
)


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _show(unit: str, name: str) -> str:
    return _output("systemctl", "show", "-P", name, unit).strip()


def _microseconds(event: str) -> int:
    return int(_show(UNIT, f"{event}TimestampMonotonic") or 0)


def _traces() -> set[str]:
    """Files where a program may leave some, network namespaces, SAs and policies."""
    tops = ("/tmp", "/var/tmp", "/run", "/etc", "/root", "/var/lib")  # noqa: S108
    files = _output("find", *tops, "-xdev").splitlines()
    named = {f"file {path}" for path in files if not path.startswith(_OTHERS)}
    namespaces = _output("lsns", "-t", "net", "-n", "-o", "NS").split()
    held = [line for what in ("state", "policy") for line in _ip_xfrm(what)]
    return named | {f"namespace {each}" for each in namespaces} | {f"xfrm {each}" for each in held}


def _ip_xfrm(what: str) -> list[str]:
    return [line for line in _output("ip", "xfrm", what).splitlines() if line.startswith("src")]


def _start(interrupt: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Start the daemon, which pulls the unit in, and wait for it; then stop both."""
    before = _traces()
    started = time.monotonic()
    # one job: another start would pull in again what was killed
    starting = subprocess.Popen(["systemctl", "start", DAEMON])
    interrupt()
    starting.wait()
    said = {
        "seconds": time.monotonic() - started,
        "unit": _show(UNIT, "ActiveState"),
        "took": _microseconds("ActiveEnter") - _microseconds("InactiveExit"),
        "result": _show(UNIT, "Result"),
        "daemon": _show(DAEMON, "ActiveState"),
    }
    subprocess.run(["systemctl", "stop", DAEMON, UNIT], check=True)
    subprocess.run(["systemctl", "reset-failed"], check=True)
    return {**said, "left": sorted(_traces() - before)}


def _kill_after(seconds: float) -> Callable[[], None]:
    def interrupt() -> None:
        time.sleep(seconds)
        subprocess.run(["systemctl", "kill", "-s", "KILL", UNIT], check=False)

    return interrupt


def _needs(*more: str, sandbox: str) -> Any:
    """What a proof inside a unit says of the needs."""
    unit, answer = Path("/run/systemd/system/proof.service"), Path("/run/harness-proof")
    answer.unlink(missing_ok=True)
    command = f"modprobe-ipsec --check --prove --format=json {' '.join(more)}"
    unit.write_text(
        f"[Service]\nType=oneshot\nExecStart={command}\nStandardOutput=file:{answer}\n{sandbox}"
    )
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    # not ready is an answer, too
    subprocess.run(["systemctl", "start", unit.name], check=False)
    needs = json.loads(answer.read_text())["needs"]
    unit.unlink()
    answer.unlink()
    return needs


def _reports() -> dict[str, Any]:
    """The same proof as root may make it, and in a network namespace that systemd has made."""
    private = (
        "PrivateNetwork=yes\nRestrictNamespaces=yes\n"
        "CapabilityBoundingSet=CAP_SYS_MODULE CAP_NET_ADMIN\n"
    )
    return {
        "of root": _needs(sandbox=""),
        "private": _needs("--private-network", sandbox=private),
        "not asked for": _needs(sandbox=private),
    }


def _reload() -> None:
    while _show(UNIT, "ActiveState") == "activating":
        time.sleep(0.1)
    for _ in range(2):
        subprocess.run(["systemctl", "reload", UNIT], check=True)


def _five_at_once() -> None:
    command = ["modprobe-ipsec", "--format=journal"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(5)]
    statuses = [process.wait() for process in running]
    if any(statuses):
        raise AssertionError(f"five at once: exit statuses {statuses}")


def _drop_in(text: str) -> None:
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(text)
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def _fill() -> None:
    with FILLER.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            pass  # full


def _say(case: str, told: dict[str, Any]) -> None:
    print(json.dumps({"case": case, **told}), flush=True)


def main() -> None:
    # Debian's package has enabled its daemon
    subprocess.run(["systemctl", "stop", DAEMON, UNIT], check=True)
    _say("undisturbed", _start())
    # once more: the modules are there now
    again = _start()
    _say("undisturbed again", again)
    took = again["took"]
    for moment in range(MOMENTS):
        said = _start(_kill_after(took / 1e6 * moment / MOMENTS))
        if said["result"] == "success":  # it was faster than the last one: too late
            took = min(took, said["took"])
        _say(f"killed {moment}", said)
    _say("five at once", _start(_five_at_once))
    _say("reloaded", _start(_reload) | {"reports": _reports()})
    MAIN.chmod(0)
    _say("main unreadable", _start())
    MAIN.chmod(0o644)
    CONFIG.chmod(0)
    _say("unreadable", _start())
    _drop_in("[Service]\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH\n")
    _say("readable after all", _start())
    _drop_in("")
    CONFIG.chmod(0o644)
    _fill()
    _say("disk full", _start())
    FILLER.unlink()
    _drop_in("[Service]\nTemporaryFileSystem=/proc\n")
    _say("no proc", _start())


if __name__ == "__main__":
    main()
