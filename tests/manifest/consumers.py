# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that read our manifests, each as a question: what do you say to these files?

Any exit status but 0 and any word on stderr is a complaint. Those that are not of this machine's
Debian are unpacked from packages, not installed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from tests.debs import unpacked
from tests.manifest import crds

# Programs of Python packages lie beside the interpreter.
_BIN = Path(sys.executable).parent


def _ask(*command: str | Path, quiet: str = "", **environment: str) -> str:
    """What a program complains about; `quiet` is a pattern of lines that are no complaint."""
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=300
    )
    said = [line for line in done.stderr.splitlines() if not (quiet and re.search(quiet, line))]
    if done.returncode:
        said += [f"exit status {done.returncode}", *done.stdout.splitlines()]
    return "\n".join(said)


def unit(directory: Path) -> str:
    """systemd's own reading of the unit, and its opinion of the sandbox: at most 2.6 of 10."""
    (path,) = directory.glob("etc/systemd/system/*.service")
    verified = _ask("systemd-analyze", "verify", "--man=no", path)
    return verified or _ask("systemd-analyze", "security", "--offline=true", "--threshold=26", path)


def modules_load(directory: Path) -> str:
    """The names that systemd-modules-load takes out of the file, where it may load nothing."""
    (path,) = directory.glob("etc/modules-load.d/*.conf")
    done = subprocess.run(
        ("unshare", "--map-root-user", "--net", "/lib/systemd/systemd-modules-load", path),
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console"},
    )
    taken = re.findall(r"^Loading module: (.*)$", done.stderr, re.MULTILINE)
    lines = path.read_text().splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    return "" if taken == listed else f"{taken} instead of {listed}: {done.stderr}"


def softdep(directory: Path) -> str:
    """What libkmod understood of modprobe.d."""
    (path,) = directory.glob("etc/modprobe.d/*.conf")
    return _ask("modprobe", "--config", path.parent, "--showconfig")


def sysctl(directory: Path) -> str:
    """The two readers of sysctl.d, each of which is blind to what the other sees."""
    (path,) = directory.glob("etc/sysctl.d/*.conf")
    # in a network namespace that goes away again
    values = _ask("unshare", "--net", "/lib/systemd/systemd-sysctl", path)
    return values or _ask("sysctl", "--dry-run", "-p", path)


def compose(directory: Path) -> str:
    """Docker's Compose, without an engine."""
    program = unpacked("trixie", ["docker-compose"]) / "usr/libexec/docker/cli-plugins"
    command = ("-f", directory / "compose.yaml", "config", "-q")
    return _ask(program / "docker-compose", *command)


def quadlet(directory: Path) -> str:
    """Podman's generator of units."""
    program = unpacked("trixie", ["podman"]) / "usr/libexec/podman/quadlet"
    units = str(directory / "etc/containers/systemd")
    return _ask(program, "-dryrun", quiet="Loading source unit file", QUADLET_UNIT_DIRS=units)


def kubernetes(directory: Path) -> str:
    """The API's own schemas, of an old release and of the newest."""
    files = sorted(directory.glob("*.yaml"))
    releases = (("-k", "1.28"), ())
    found = (_ask(_BIN / "kubernetes-validate", "--strict", *r, *files) for r in releases)
    return "\n".join(found).strip()


def shell(directory: Path) -> str:
    """A shell's reading of the flags, and of what containers and hooks are to run."""
    found = [_ask("sh", "-n", path) for path in directory.rglob("*.sh")]
    for path in (*directory.rglob("*.json"), *directory.rglob("daemonset.yaml")):
        text = json.dumps(yaml.safe_load(path.read_text()))
        scripts = re.findall(r'"-c", ("(?:[^"\\]|\\.)*")', text)
        found += [_ask("sh", "-n", "-c", json.loads(script)) for script in scripts]
    assert found, "nothing to read"
    return "\n".join(found).strip()


def ignition(directory: Path) -> str:
    """Ignition's own validator."""
    (path,) = directory.glob("*.ign")
    return _ask(unpacked("trixie", ["ignition"]) / "usr/bin/ignition-validate", path)


def machine_config(directory: Path) -> str:
    """The same for what a MachineConfig carries."""
    document = yaml.safe_load((directory / "machineconfig.yaml").read_text())
    path = directory / "carried.ign"
    path.write_text(json.dumps(document["spec"]["config"]))
    return ignition(directory)


def custom_resource(directory: Path) -> str:
    """A cluster's schema of a resource that is not of Kubernetes itself."""
    (path,) = directory.glob("*.yaml")
    return crds.complaints(yaml.safe_load(path.read_text()))


def cloud_init(directory: Path) -> str:
    """cloud-init's schema."""
    root = unpacked("trixie", ["cloud-init"]) / "usr/lib/python3/dist-packages"
    command = ("-m", "cloudinit.cmd.main", "schema", "-c", directory / "user-data.yaml")
    return _ask(sys.executable, *command, PYTHONPATH=str(root))


def ansible(directory: Path) -> str:
    """ansible-lint in its strictest profile, with the modules' own argument specifications."""
    return _ask(
        *(_BIN / "ansible-lint", "--offline", "--strict", "-q", "--nocolor"),
        *("--project-dir", directory, directory / "playbook.yml"),
        PATH=f"{_BIN}:{os.environ['PATH']}",
        HOME=str(directory),
    )


def containerfile(directory: Path) -> str:
    """hadolint, and that all that is copied is there."""
    path = directory / "Containerfile"
    missing = [
        line
        for line in path.read_text().splitlines()
        if line.startswith("COPY ") and not (directory / line.split()[1]).is_file()
    ]
    return _ask(_BIN / "hadolint", path) + "".join(missing)


def nix(directory: Path) -> str:
    """What Nix makes of the module: its names and values, not only its syntax."""
    path = directory / "ipsec.nix"
    options = ("--eval", "--strict", "--json", "--store", "dummy://")
    done = subprocess.run(
        ("nix-instantiate", *options, "-E", f"(import {path} {{}}).boot"),
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(directory)},
    )
    if done.returncode:
        return done.stderr
    boot = json.loads(done.stdout)
    names = re.search(r"kernelModules = \[(.*)\]", path.read_text())
    listed = re.findall(r'"(.*?)"', names[1]) if names else []
    return "" if boot.get("kernelModules") == listed != [] else done.stdout


# By name, with the format that each one reads.
CONSUMERS: Mapping[str, tuple[str, Callable[[Path], str]]] = {
    "systemd's units": ("systemd", unit),
    "systemd-modules-load": ("systemd", modules_load),
    "libkmod": ("systemd", softdep),
    "sysctl": ("systemd", sysctl),
    "modules-load of Proxmox": ("proxmox", modules_load),
    "sh, docker": ("docker", shell),
    "sh, cdi": ("cdi", shell),
    "sh, kubernetes": ("kubernetes", shell),
    "compose": ("compose", compose),
    "quadlet": ("quadlet", quadlet),
    "kubernetes-validate": ("kubernetes", kubernetes),
    "ignition-validate": ("ignition", ignition),
    "MachineConfig's schema": ("machineconfig", custom_resource),
    "MachineConfig's Ignition": ("machineconfig", machine_config),
    "NodeFeatureRule's schema": ("nfd", custom_resource),
    "cloud-init": ("cloud-init", cloud_init),
    "ansible-lint": ("ansible", ansible),
    "hadolint": ("containerfile", containerfile),
    "nix": ("nixos", nix),
}
