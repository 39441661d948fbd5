# SPDX-License-Identifier: GPL-3.0-or-later
"""That we are in a container, by what evidence, and what a record of that keeps to itself."""

from pathlib import Path

import pytest

from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.host.facts import Container
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.machine import container
from modprobe_ipsec.host.machine.privileges import CAP_NET_ADMIN, CAP_NET_BIND_SERVICE
from modprobe_ipsec.host.root import Host
from tests.hosts import tree
from tests.report_schema import checked
from tests.shipped import CATALOG

HOST = {
    "proc/sys/kernel/osrelease": "6.12.1\n",
    "proc/self/uid_map": "0 0 4294967295\n",
    "proc/self/cgroup": "0::/system.slice/ssh.service\n",
    "proc/self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /var/lib/docker/overlay2/"
    "a/merged rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/a/diff\n",
    "proc/1/environ": "PATH=/bin\0containers=many\0",
    "proc/self/status": "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n",
}
OVERLAY = "1 0 0:4 / / rw - overlay overlay rw,lowerdir=/l,upperdir="

MAPPED = {"proc/self/uid_map": "0 100000 65536\n"}

# What one place says more than a plain host, the kind that follows, and the evidence.
CASES = {
    "systemd": ({"run/systemd/container": "podman\n"}, "podman", "run/systemd/container podman"),
    "nspawn": (
        {"run/host/container-manager": "systemd-nspawn\n"},
        "systemd-nspawn",
        "run/host/container-manager systemd-nspawn",
    ),
    "environment": (
        {"proc/1/environ": "A=b\0container=lxc\0"},
        "lxc",
        "proc/1/environ container=lxc",
    ),
    "service in the environment": (
        {"proc/1/environ": "KUBERNETES_SERVICE_HOST=10.0.0.1\0"},
        "kubernetes",
        "proc/1/environ KUBERNETES_SERVICE_HOST=",
    ),
    "containerenv": (
        {"run/.containerenv": 'engine="podman-5.4.2"\nid="7"\nrootless=1\n'},
        "podman",
        'run/.containerenv engine="podman-5.4.2" rootless=1',
    ),
    "dockerenv": ({".dockerenv": ""}, "docker", ".dockerenv "),
    "service account": (
        {"run/secrets/kubernetes.io/serviceaccount/token": "HUSH"},
        "kubernetes",
        "run/secrets/kubernetes.io ",
    ),
    "control group": (
        {"proc/self/cgroup": "4:cpu:/x\n0::/machine.slice/libpod-5e3f.scope\n"},
        "podman",
        "proc/self/cgroup /libpod",
    ),
    "docker's layers": (
        {"proc/self/mountinfo": f"{OVERLAY}/var/lib/docker/overlay2/a/diff\n"},
        "docker",
        "proc/self/mountinfo /docker/",
    ),
    "podman's layers": (
        {"proc/self/mountinfo": f"{OVERLAY}/home/u/.local/share/containers/storage/overlay/a\n"},
        "podman",
        "proc/self/mountinfo /containers/storage/",
    ),
    "mapped ids": (
        MAPPED,
        "user namespace",
        "proc/self/uid_map 0 100000 65536",
    ),
}


def make(root: Path, files: dict[str, str]) -> Host:
    for name, text in {**HOST, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(str(root))


def look(root: Path, files: dict[str, str]) -> Container | None:
    return container.read(make(root, files))


def test_a_plain_host_is_none(tmp_path: Path) -> None:
    assert look(tmp_path, {}) is None


@pytest.mark.parametrize("name", CASES)
def test_each_evidence_alone_tells(name: str, tmp_path: Path) -> None:
    files, kind, evidence = CASES[name]
    found = look(tmp_path, files)
    assert found is not None and found.kind == kind
    assert [f"{e.path} {e.said}" for e in found.evidence] == [evidence]


@pytest.mark.parametrize("name", CASES)
def test_a_record_tells_the_same_and_nothing_more(name: str, tmp_path: Path) -> None:
    files, _, _ = CASES[name]
    host = make(tmp_path / "a", files)
    kept = dict(container.redacted(host, gather(host), Reach(CATALOG)))
    text = b"".join(kept.values())
    assert b"HUSH" not in text and b"10.0.0.1" not in text and b"5e3f" not in text
    copy = tmp_path / "b"
    as_they_are = ("proc/sys/kernel/osrelease", "proc/self/uid_map")
    for path, data in {**kept, **{p: host.read(p) for p in as_they_are}}.items():
        assert isinstance(data, bytes)
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(data)
    assert container.read(Host(str(copy))) == container.read(host)


def test_the_name_that_is_said_beats_the_marks(tmp_path: Path) -> None:
    found = look(tmp_path, {"run/systemd/container": "lxc\n", "run/.containerenv": ""})
    assert found and found.kind == "lxc" and len(found.evidence) == 2


@pytest.mark.parametrize("manager", ["incus", "lxd"])
@pytest.mark.parametrize("other", [{"proc/1/environ": "container=lxc\0"}, MAPPED])
def test_incus_is_more_than_what_it_is_made_of(
    manager: str, other: dict[str, str], tmp_path: Path
) -> None:
    found = look(tmp_path, {f"dev/{manager}/sock": "", **other})
    assert found and found.kind == manager and len(found.evidence) == 2


@pytest.mark.parametrize("path", ["dev/incus/sock", "dev/lxd/sock"])
def test_a_virtual_machine_of_theirs_is_no_container(path: str, tmp_path: Path) -> None:
    assert look(tmp_path, {path: ""}) is None


@pytest.mark.parametrize("junk", ["", "a b\n", "\x1b[2J", "x" * 300, "../../etc\n", "Ünïcode"])
def test_junk_in_a_marker_names_nothing(junk: str, tmp_path: Path) -> None:
    assert look(tmp_path, {"run/systemd/container": junk}) is None


@pytest.mark.parametrize(
    ("uid_map", "root_is", "rootless"),
    [
        ("0 1000 1\n1 100000 65536\n", 1000, True),
        ("         0     100000      65536\n", 100000, False),
        ("1000 1000 1\n", None, False),
        ("0 0 1\n", 0, False),
        ("0 99999999999999999999 1\n", None, False),
        ("junk\n", None, False),
    ],
)
def test_who_root_is_outside(
    uid_map: str, root_is: int | None, rootless: bool, tmp_path: Path
) -> None:
    found = look(tmp_path, {"proc/self/uid_map": uid_map})
    assert found and found.own_users
    assert (found.root_is, found.rootless) == (root_is, rootless)


def test_capabilities_of_the_process_and_of_the_container(tmp_path: Path) -> None:
    status = "CapEff:\t0000000000000400\nCapBnd:\t0000000000001400\n"
    found = look(tmp_path, {".dockerenv": "", "proc/self/status": status})
    assert found and found.may(CAP_NET_BIND_SERVICE) is True
    assert (found.may(CAP_NET_ADMIN), found.could(CAP_NET_ADMIN)) == (False, True)
    found = look(tmp_path / "x", {".dockerenv": "", "proc/self/status": "CapEff: ?\n"})
    assert found and found.may(CAP_NET_ADMIN) is None and found.could(CAP_NET_ADMIN) is None


def test_an_image_is_no_container(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    (tmp_path / "lib/modules/6.12.1").mkdir(parents=True)
    assert container.read(Host(str(tmp_path))) is None


@pytest.mark.parametrize("name", [name for name in tree.names() if "container" in name])
def test_the_record_of_a_container_says_the_same_of_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, copy = tree.assemble(name, tmp_path / "root"), tmp_path / "copy"
    said = []
    assert main(["--record", str(copy), "--root", str(root)]) == 0
    capsys.readouterr()
    for where in (root, copy):
        main(["--check", "--root", str(where), *tree.arguments(name), "--format", "json"])
        said.append(checked(capsys.readouterr().out)["container"])
    assert said[0] == said[1]
    assert not any(b"HUSH" in path.read_bytes() for path in copy.rglob("*") if path.is_file())


def test_a_tunnel_device_is_only_missed_where_it_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("container-sealed", tmp_path / "root")
    (root / "etc/swanctl").mkdir(parents=True)
    (root / "etc/swanctl/swanctl.conf").write_text("connections {\n}\n")
    for text, missed in (("", False), ("charon { load = kernel-libipsec }\n", True)):
        (root / "etc/strongswan.conf").write_text(text)
        main(["--check", "--root", str(root), "--config", "/etc/swanctl/swanctl.conf"])
        assert ("lacks     /dev/net/tun" in capsys.readouterr().out) is missed
