# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on a real kernel, on any Debian-like machine: what `make demo` runs.

    python scripts/demo.py [DIRECTORY]

Debian's user-mode-linux is a kernel as an ordinary program. It boots with this machine's own root
file system, read-only, and with scripts/demo-guest as its first process, whose output is shown.
With a DIRECTORY, the package is not installed but unpacked there.

Exit status: 0, all went as it should; 1, it did not; 69 (EX_UNAVAILABLE), such a kernel cannot run
here, and one line on stderr says why.
"""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

UNAVAILABLE = 69
PACKAGE = "user-mode-linux"
INSTALL = f"apt-get install -y --no-install-recommends {PACKAGE}"
GUEST = Path(__file__).resolve().with_name("demo-guest")
END = "demo: status "
"""How the guest's last line begins; a 0 follows if every command ended as it should."""
MEMORY = 256 << 20
LIMIT_SECONDS = 120
"""It takes a few; this is for machines that are slow or busy."""


class CannotRun(Exception):
    """Why this machine cannot run such a kernel."""


def kernel(root: Path) -> Path:
    """The kernel's program; if it is not there, it is installed by root. Raises CannotRun."""
    if platform.machine() != "x86_64":
        raise CannotRun(f"{PACKAGE} is for x86_64, and this is {platform.machine()}")
    program = root / "usr/bin/linux.uml"
    if not program.exists():
        if not shutil.which("apt-get"):
            raise CannotRun(f"{PACKAGE} is not installed, and this is no Debian")
        if os.geteuid():
            raise CannotRun(f"{PACKAGE} is not installed; as root: {INSTALL}")
        install()
    return program


def install() -> None:
    """Install the kernel, as root. Raises CannotRun."""
    print(f"installing what the demonstration needs: {INSTALL}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get update", INSTALL):
        done = subprocess.run(command.split(), env=environment, capture_output=True, text=True)
        if done.returncode:
            raise CannotRun(f"{PACKAGE} cannot be installed: {end_of(done.stderr)}")


def end_of(text: str) -> str:
    """The last line of what a program said: why it ended, most likely."""
    lines = text.strip().splitlines() or ["without a word"]
    return lines[-1].strip()


def boot(program: Path, root: Path, work: Path) -> int:
    """Boot the kernel and show what its first process says.

    Returns what the guest thinks of it. Raises CannotRun if it never said anything.
    """
    command = (
        *(program, f"mem={MEMORY}", f"uml_dir={work}", "rootfstype=hostfs", "rootflags=/", "ro"),
        *(f'init="{GUEST}"', f'UML_MODULES="{root.absolute()}/usr/lib/uml/modules"'),
        f'TOOL="{Path(sys.executable).parent}"',
        # what the guest writes to /dev/tty1 comes to us, what the kernel says goes to stderr
        *("con=null", "con0=null,fd:2", "con1=null,fd:1", "quiet", "panic=-1", "noreboot"),
    )
    environment = dict(os.environ)
    # it keeps its memory in a file there, and may be in a container with a small one
    if not roomy(Path("/dev/shm")):  # noqa: S108
        environment["TMPDIR"] = str(work)
    with (work / "console").open("w+") as console:
        # several processes, that have to be ended together
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=console,
            text=True,
            env=environment,
            start_new_session=True,
        )
        late = threading.Timer(LIMIT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        status = ""
        said = False
        try:
            for line in process.stdout or ():
                said = True
                if line.startswith(END):
                    status = line.removeprefix(END).strip()
                else:
                    print(line, end="", flush=True)
        finally:
            late.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        console.seek(0)
        why = end_of(console.read())
    if not said:
        raise CannotRun(f"{PACKAGE} does not run here: {why}")
    if not status:
        print(f"the kernel ended, or took {LIMIT_SECONDS} s: {why}", file=sys.stderr)
    return int(status != "0")


def roomy(directory: Path) -> bool:
    """Whether a file with the guest's memory fits there."""
    return directory.is_dir() and shutil.disk_usage(directory).free > MEMORY


def main() -> int:
    """Show it, or say why it cannot be shown."""
    root = Path(*sys.argv[1:2] or "/")
    try:
        with tempfile.TemporaryDirectory(prefix="modprobe-ipsec-demo-") as work:
            return boot(kernel(root), root, Path(work))
    except CannotRun as problem:
        print(f"no demonstration: {problem}", file=sys.stderr)
        return UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main())
