# SPDX-License-Identifier: GPL-3.0-or-later
"""A private apt: Debian's packages of several suites, verified, without touching this system's."""

import os
import re
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ARCHITECTURE = "amd64"
FRESH_SECONDS = 3600
"""How long a package list counts as current: one `apt-get update` serves a whole test run."""


_LISTS = "state/lists/*_Packages*"


class AptError(Exception):
    """apt could not do what was asked; the text is apt's own."""


@dataclass(frozen=True, slots=True)
class Package:
    """One binary package in one version."""

    name: str
    version: str
    depends: tuple[str, ...]
    """Names only, alternatives and versions dropped."""

    @property
    def spec(self) -> str:
        """What `apt-get download` takes."""
        return f"{self.name}={self.version}"


def _output(arguments: Iterable[str], cwd: Path | None = None) -> str:
    command = list(arguments)
    # LC_ALL: apt's fields and messages are parsed and quoted.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)
    if done.returncode:
        raise AptError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _sites() -> dict[str, str]:
    """This machine's own Debian mirrors: archive name ("debian", "debian-security") -> URL."""
    wanted = ("apt-get", "indextargets", "--no-release-info", "--format", "$(SITE)")
    sites: dict[str, str] = {}
    for line in _output((*wanted, "Created-By: Packages")).splitlines():
        url = line.strip().rstrip("/")
        sites.setdefault(url.rpartition("/")[2], url)
    if "debian" not in sites:
        raise AptError("no Debian mirror among this machine's apt sources")
    # Mirrors carry both archives side by side; a machine without security updates still works.
    sites.setdefault("debian-security", sites["debian"] + "-security")
    return sites


def source_lines(suites: Iterable[str], architecture: str = ARCHITECTURE) -> str:
    """The text of a sources.list with some suites, on this machine's own mirrors."""
    sites = _sites()
    lines = []
    for suite in suites:
        site = sites["debian-security" if suite.endswith("-security") else "debian"]
        lines.append(
            f"deb [arch={architecture} lang=none signed-by={KEYRING}] {site} {suite} main\n"
        )
    return "".join(lines)


def transport_settings() -> list[str]:
    """How this machine's apt reaches its mirrors (proxies and the like), as lines of apt.conf."""
    dump = _output(("apt-config", "dump", "--no-empty")).splitlines()
    return [line for line in dump if re.match(r"Acquire::(Check-|Retries|https?::)", line)]


class Apt:
    """apt with its own lists and cache below `directory`. Not safe for concurrent use."""

    def __init__(
        self, directory: Path, suites: Iterable[str], architecture: str = ARCHITECTURE
    ) -> None:
        self._directory = directory
        self._architecture = architecture
        self._suites = sorted(set(suites))
        self._stamp = directory / "updated"
        self._sources = directory / "sources.list"

    def _options(self) -> list[str]:
        """The settings that keep apt away from the system's state; its proxies etc. remain."""
        directory = self._directory
        settings = {
            "APT::Architecture": self._architecture,
            "APT::Architectures": self._architecture,
            "APT::Sandbox::User": "root",  # the _apt user cannot reach a cache below /root
            "Dir::Cache": directory / "cache",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": self._sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": directory / "state",
            "Dir::State::status": directory / "status",
        }
        return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]

    def update(self, *, force: bool = False) -> None:
        """Fetch the package lists of all suites, unless that was done within the hour."""
        wanted = source_lines(self._suites, self._architecture)
        current = self._sources.read_text() if self._sources.exists() else ""
        age = time.time() - self._stamp.stat().st_mtime if self._stamp.exists() else FRESH_SECONDS
        if age < FRESH_SECONDS and current == wanted and not force:
            return
        for below in ("state/lists/partial", "cache/archives/partial"):
            (self._directory / below).mkdir(parents=True, exist_ok=True)
        (self._directory / "status").touch()
        self._sources.write_text(wanted)
        # Without Error-Mode a suite that cannot be had is a warning, and an old list stays in use.
        try:
            _output(("apt-get", *self._options(), "-q", "--error-on=any", "update"))
        except AptError:
            # On mirrors some architectures lag behind; what one suite lacks another may have.
            if self._architecture == ARCHITECTURE or not any(self._directory.glob(_LISTS)):
                raise
        self._stamp.touch()

    def names(self, pattern: str) -> list[str]:
        """Names of all packages that match a regular expression as a whole."""
        known = _output(("apt-cache", *self._options(), "pkgnames", "linux-image-")).split()
        return [name for name in known if re.fullmatch(pattern, name)]

    def newest(self, name: str, suites: Iterable[str]) -> Package | None:
        """The newest version of a package in any of the suites."""
        origins = tuple(f" {suite}/main " for suite in suites)
        listing = _output(("apt-cache", *self._options(), "madison", name))
        for line in listing.splitlines():  # newest first
            _, version, origin = (field.strip() for field in line.split("|"))
            if any(wanted in f"{origin} " for wanted in origins):
                return self.package(name, version)
        return None

    def package(self, name: str, version: str) -> Package:
        """A package of which name and version are known to exist."""
        text = _output(("apt-cache", *self._options(), "show", f"{name}={version}"))
        match = re.search(r"^Depends: (.*)$", text, re.MULTILINE)
        fields = match[1].split(",") if match else []
        return Package(name, version, tuple(field.split()[0] for field in fields))

    def download(self, packages: Iterable[Package], target: Path) -> list[Path]:
        """Fetch packages into an empty directory; apt checks hashes against the signed lists."""
        specs = [package.spec for package in packages]
        _output(("apt-get", *self._options(), "-q", "download", *specs), cwd=target)
        return sorted(target.glob("*.deb"))

    def download_with_dependencies(self, names: Iterable[str], target: Path) -> list[Path]:
        """Fetch packages and all that they depend on into an empty directory, as for an empty
        system; recommendations are left out."""
        (target / "partial").mkdir()
        options = (*self._options(), "-o", f"Dir::Cache::archives={target}")
        wanted = ("--no-install-recommends", "--download-only", "install", *names)
        _output(("apt-get", *options, "-q", "-y", *wanted))
        return sorted(target.glob("*.deb"))
