# SPDX-License-Identifier: GPL-3.0-or-later
"""The library of `make install`: this package and what it depends on, by the hashes in locked/.

    library.py fetch DIR              download all that takes into DIR, and no more
    library.py install TARGET [DIR]   put it into TARGET; with DIR, without network

What is downloaded may run code while wheels are made of it: kmodpy has none, and its setup.py is
run. As root, all of that happens as a user whom nobody else is, in a directory of his own. Root
itself only unpacks wheels: those with a hash in locked/, kmodpy's, and this package's.
"""

import ast
import configparser
import hashlib
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
# What a wheel of this package is made of.
SOURCES = (
    *("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"),
    *("modprobe_ipsec", "data", "container", "systemd", "man", "completions"),
)
RUN, BUILD = "run.txt", "build.txt"
# The two that are built here.
OURS, FROM_SOURCE = "modprobe_ipsec", "kmodpy"
PYTHONS = (sys.executable, "/usr/bin/python3")
# Users that systemd, too, takes for those who need none of their own (man:systemd.exec).
IDS = range(61184, 65520)
# Where and how pip downloads: all that is taken over of its configuration.
FROM_WHERE = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("cert", "client-cert", "proxy", "timeout", "default-timeout", "retries"),
}
ENVIRONMENT = re.compile(r"PATH|LANG|\w+_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE", re.I)


def main(arguments: list[str]) -> int:
    """An exit status; what went wrong is on stderr."""
    try:
        match arguments:
            case ["fetch", folder]:
                with workshop() as shop:
                    shop.fetch()
                    shutil.copytree(shop.fetched, folder, dirs_exist_ok=True)
            case ["install", target, *folder] if len(folder) < 2:
                with workshop() as shop:
                    if folder:
                        shutil.copytree(folder[0], shop.fetched, dirs_exist_ok=True)
                        shop.own(shop.fetched)
                        shop.install_tools()
                    else:
                        shop.fetch()
                    shop.build()
                    shop.install(target)
            case _:
                raise SystemExit(__doc__)
    except subprocess.CalledProcessError as error:
        print(f"make install: {' '.join(error.cmd[:6])} ... failed", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make install: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def workshop() -> Iterator["Workshop"]:
    """A directory in which somebody works who may do nothing else; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="modprobe-ipsec-") as place:
        os.chmod(place, 0o711)  # noqa: PTH101, S103 (he has to pass through)
        shop = Workshop(Path(place), _nobody() if os.geteuid() == 0 else None)
        try:
            yield shop
        finally:
            shop.send_home()


def _nobody() -> int:
    """The number of a user that has neither a name nor a process."""
    taken = _processes().keys() | {user.pw_uid for user in pwd.getpwall()}
    return random.choice([number for number in IDS if number not in taken])  # noqa: S311


def _processes() -> dict[int, list[int]]:
    """All that run and are no zombies, by their users."""
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        # it may have ended meanwhile
        with suppress(OSError):
            if (path / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.setdefault(path.stat().st_uid, []).append(int(path.name))
    return found


class Workshop:
    """Where wheels are made, and who makes them: `user`, or the caller if there is none."""

    def __init__(self, place: Path, user: int | None) -> None:
        self.place, self.user = place, user
        self.theirs, self.wheels = place / "theirs", place / "wheels"
        self.fetched, self.tools = self.theirs / "fetched", self.theirs / "tools"
        self.locked = self.theirs / "locked"
        self.theirs.mkdir(mode=0o700)
        self.wheels.mkdir(mode=0o700)
        self.fetched.mkdir()
        shutil.copytree(REPOSITORY / "locked", self.locked)
        (self.theirs / "pip.conf").write_text(_pip_configuration())
        self.own(self.theirs)
        self.python = self._python()

    def own(self, top: Path) -> None:
        """Give a tree to whoever works here."""
        if self.user is not None:
            for path in (top, *top.rglob("*")):
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def _do(self, *command: str | Path, quiet: bool = False) -> None:
        """Run a program as him. Raises CalledProcessError and OSError."""
        kept = {k: v for k, v in os.environ.items() if ENVIRONMENT.fullmatch(k)}
        own = {
            "HOME": str(self.theirs),
            "TMPDIR": str(self.theirs),
            "PYTHONPATH": str(self.tools),
            "PIP_CONFIG_FILE": str(self.theirs / "pip.conf"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        subprocess.run(
            [str(word) for word in command],
            check=True,
            cwd=self.theirs,
            env=kept | own,
            umask=0o022,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=subprocess.DEVNULL if quiet else None,
        )

    def _python(self) -> str:
        """One that he may run, with pip."""
        for python in PYTHONS:
            for command in (("-m", "pip", "--version"), ("-m", "venv", self.theirs / "venv")):
                try:
                    self._do(python, *command, quiet=True)
                except (subprocess.CalledProcessError, OSError):
                    continue
                return str(self.theirs / "venv/bin/python") if "venv" in command else python
        raise OSError(f"no pip for a user who is not root: tried {' and '.join(PYTHONS)}")

    def _pip(self, *arguments: str | Path, of: str) -> None:
        fixed = ("--no-deps", "--require-hashes", "--requirement", self.locked / of)
        command = (self.python, "-m", "pip", "--quiet", "--no-cache-dir")
        self._do(*command, *arguments, *fixed)

    def fetch(self) -> None:
        """Download everything, hashes checked; and the tools are ready, without which pip cannot
        look at what has no wheel."""
        self._pip("download", "--only-binary=:all:", "--dest", self.fetched, of=BUILD)
        self.install_tools()
        self._pip("download", *self._from_source(), "--dest", self.fetched, of=RUN)

    def install_tools(self) -> None:
        """What builds wheels, from what is fetched."""
        self._pip(
            "install", *self._offline(), "--only-binary=:all:", "--target", self.tools, of=BUILD
        )

    def build(self) -> None:
        """Make all wheels, without network."""
        made = self.theirs / "made"
        options = (*self._offline(), *self._from_source(), "--wheel-dir", made)
        self._pip("wheel", *options, of=RUN)
        source = self.theirs / "source"
        source.mkdir()
        for name in SOURCES:
            if (REPOSITORY / name).is_dir():
                shutil.copytree(REPOSITORY / name, source / name)
            else:
                shutil.copy(REPOSITORY / name, source)
        self.own(source)
        self._do(
            *(self.python, "-m", "pip", "--quiet", "--no-cache-dir", "wheel", "--no-deps"),
            *(*self._offline(), "--no-build-isolation", "--wheel-dir", made, source),
        )
        # what is looked at now is nobody else's
        for path in made.glob("*.whl"):
            if path.is_file() and not path.is_symlink():
                shutil.copy(path, self.wheels)

    def _offline(self) -> tuple[str | Path, ...]:
        return "--no-index", "--find-links", self.fetched

    def _from_source(self) -> tuple[str, ...]:
        names = re.findall(r"^([\w.-]+)==", (self.locked / RUN).read_text(), re.MULTILINE)
        wheels = ",".join(name for name in names if name != FROM_SOURCE)
        return f"--only-binary={wheels}", "--no-build-isolation", "--use-pep517"

    def install(self, target: str) -> None:
        """Unpack the wheels, as whoever calls. Raises OSError for one that is not to be there."""
        wheels = sorted(self.wheels.iterdir())
        hashes = set(re.findall(r"sha256:(\w{64})", (REPOSITORY / "locked" / RUN).read_text()))
        for path in wheels:
            known = hashlib.sha256(path.read_bytes()).hexdigest() in hashes
            if not known and path.name.partition("-")[0] not in (OURS, FROM_SOURCE):
                raise OSError(f"{path.name}: is none of those in locked/{RUN}")
        command = (sys.executable, "-m", "pip", "--quiet", "install", "--no-index", "--no-deps")
        options = ("--root-user-action=ignore", "--disable-pip-version-check", "--target", target)
        subprocess.run([*command, *options, *map(str, wheels)], check=True, umask=0o022)

    def send_home(self) -> None:
        """End whatever he has left running."""
        while self.user is not None and (left := _processes().get(self.user)):
            for number in left:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.01)


def _pip_configuration() -> str:
    """Where the caller's own pip would download from, for one who cannot read that."""
    command = (sys.executable, "-m", "pip", "config", "list")
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    config = configparser.RawConfigParser()
    config.add_section("global")
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        # those of the environment come first in the list, and count most
        if key in FROM_WHERE and (section == ":env:" or not config.has_option("global", key)):
            config.set("global", key, str(ast.literal_eval(value)).replace("\n", "\n "))
    text = StringIO()
    config.write(text)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
