# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether we are in a container, by what evidence, and what it has and lacks for IPsec."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.host.facts import Container, Evidence, Facts, Unreadable
from modprobe_ipsec.host.machine.privileges import bits, is_initial
from modprobe_ipsec.host.reads import Allowed, Read, whole
from modprobe_ipsec.host.root import Host

# Much more than any of these files has; what an image may put there is not to fill the memory.
_SMALL = 1 << 16
# Patterns are compiled where they are used: most runs are not in a container.
_NAME = r"[a-z][a-z0-9-]{0,31}"

# systemd's container interface: https://systemd.io/CONTAINER_INTERFACE
_NAMED = ("run/systemd/container", "run/host/container-manager")
_ENVIRONMENT = "proc/1/environ"
_PODMAN = "run/.containerenv"
_DOCKER = ".dockerenv"
_KUBERNETES = ("var/run/secrets/kubernetes.io", "run/secrets/kubernetes.io")
# What a guest gets to ask its manager. Virtual machines get it, too, which are no containers: it
# only says whose container it is. source: incus doc/dev-incus.md, lxd doc/dev-lxd.md
_GUEST_API = {"dev/incus": "incus", "dev/lxd": "lxd"}
_CGROUP = "proc/self/cgroup"
_MOUNTS = "proc/self/mountinfo"

# Parts of the path of a container's control group. With a control group namespace of its own, as
# is usual today, the path is only "/".
_GROUPS = {
    "/kubepods": "kubernetes",
    "/docker/": "docker",
    "/docker-": "docker",
    "/libpod": "podman",
    "/crio-": "cri-o",
    "/cri-containerd-": "containerd",
    "/lxc.payload": "lxc",
    "/lxc/": "lxc",
    "/machine.slice/systemd-nspawn@": "systemd-nspawn",
}
# Parts of the paths that the root file system's layers have.
_LAYERS = {
    "/docker/": "docker",
    "/containers/storage/": "podman",
    "/io.containerd.": "containerd",
}
# .containerenv of podman; CRI-O makes an empty one
_ENGINE = r'(?m)^(?:engine="[a-z0-9.+~-]{1,40}"|rootless=[01])$'
_STATUS = r"(?m)^(?:CapEff|CapBnd):\s*[0-9a-f]+$"

_OWN_USERS = "user namespace"
_TUN, _FIRST_PORT = "dev/net/tun", "proc/sys/net/ipv4/ip_unprivileged_port_start"

READS = (
    *(Read(path) for path in (*_NAMED, _ENVIRONMENT, _PODMAN, _DOCKER, _CGROUP, _MOUNTS, _TUN)),
    *(Read(path) for path in (*_KUBERNETES, *_GUEST_API)),
    Read(_FIRST_PORT, whole),
)


def read(host: Host) -> Container | None:
    """The container that we are in; None outside, and where the tree is not of a running system."""
    if not host.running:
        return None
    evidence = tuple(_evidence(host))
    uid_map = host.text("proc/self/uid_map", limit=_SMALL)
    own_users = bool(uid_map) and not is_initial(uid_map or "")
    if not evidence and not own_users:
        return None
    evidence += tuple(Evidence(path, "") for path in _GUEST_API if host.exists(path))
    root_is, alone = _root(uid_map or "") if own_users else (None, False)
    status = host.text("proc/self/status", limit=_SMALL) or ""
    said = (e.said for e in evidence if e.path == _PODMAN)
    return Container(
        kind=_kind(evidence),
        evidence=(*evidence, *_users(uid_map or "", own_users)),
        root_is=root_is,
        own_users=own_users,
        rootless=own_users and (alone or "rootless=1" in "".join(said)),
        effective=bits(status, "CapEff"),
        bounding=bits(status, "CapBnd"),
        tun=host.exists(_TUN),
        xfrm_sysctls=host.exists("proc/sys/net/core/xfrm_acq_expires"),
        first_port=_number(host.text(_FIRST_PORT, limit=64)),
    )


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """The files that `read` reads, with nothing in them but the words that count."""
    if not facts.running:
        return
    import re

    for path in _NAMED:
        if name := _name(host, path):
            yield path, f"{name}\n".encode()
    if words := _environment(host):
        yield _ENVIRONMENT, "".join(f"{word}\0" for word in words).encode()
    if host.exists(_PODMAN):
        yield _PODMAN, f"{_engine(host)}\n".encode()
    if host.exists(_DOCKER):
        yield _DOCKER, b""
    for path in _KUBERNETES:
        if host.exists(path):
            yield f"{path}/here", b""
    for path in _GUEST_API:
        if host.exists(path):
            yield f"{path}/here", b""
    if group := _group(host):
        yield _CGROUP, f"0::{group}\n".encode()
    if layer := _layer(host):
        yield _MOUNTS, f"1 0 0:1 / / rw - overlay overlay rw,upperdir={layer}\n".encode()
    status = host.text("proc/self/status", limit=_SMALL)
    if status is not None:
        yield "proc/self/status", "".join(f"{s}\n" for s in re.findall(_STATUS, status)).encode()
    if host.exists(_TUN):
        yield _TUN, b""


def _evidence(host: Host) -> Iterator[Evidence]:
    for path in _NAMED:
        if name := _name(host, path):
            yield Evidence(path, name)
    yield from (Evidence(_ENVIRONMENT, word) for word in _environment(host))
    if host.exists(_PODMAN):
        yield Evidence(_PODMAN, " ".join(_engine(host).split("\n")))
    if host.exists(_DOCKER):
        yield Evidence(_DOCKER, "")
    yield from (Evidence(path, "") for path in _KUBERNETES if host.exists(path))
    if group := _group(host):
        yield Evidence(_CGROUP, group)
    if layer := _layer(host):
        yield Evidence(_MOUNTS, layer)


def _kind(evidence: tuple[Evidence, ...]) -> str:
    """The manager that most of a reader's next steps depend on."""
    paths = {e.path: e.said for e in evidence}
    if any(path in paths for path in _KUBERNETES) or "KUBERNETES_SERVICE_HOST=" in paths.values():
        return "kubernetes"
    for path, manager in _GUEST_API.items():
        if path in paths:  # the others say lxc, which is what it is made of
            return manager
    for path in (*_NAMED, _ENVIRONMENT):
        if path in paths:
            return paths[path].removeprefix("container=")
    if _PODMAN in paths:
        return "podman"
    if _DOCKER in paths:
        return "docker"
    if _CGROUP in paths:
        return _GROUPS[paths[_CGROUP]]
    return _LAYERS[paths[_MOUNTS]] if _MOUNTS in paths else _OWN_USERS


def _name(host: Host, path: str) -> str:
    """The container manager that a file names; the file may be anything an image puts there."""
    return _manager((host.text(path, limit=256) or "").strip())


def _manager(word: str) -> str:
    if not word:
        return ""
    import re

    return word if re.fullmatch(_NAME, word) else ""


def _environment(host: Host) -> list[str]:
    """What the first process of the container was given; only root may look."""
    answer = host.read(_ENVIRONMENT, _SMALL, head=True)
    if isinstance(answer, Unreadable):
        return []
    words = answer.decode("utf-8", "replace").split("\0")
    names = [w for w in words if w.startswith("container=") and _manager(w[10:])]
    cluster = any(word.startswith("KUBERNETES_SERVICE_HOST=") for word in words)
    return names[:1] + ["KUBERNETES_SERVICE_HOST="] * cluster


def _engine(host: Host) -> str:
    import re

    text = host.text(_PODMAN, limit=_SMALL) or ""
    return "\n".join(dict.fromkeys(re.findall(_ENGINE, text)))


def _group(host: Host) -> str:
    """The part of a control group's path that shows a container."""
    answer = host.read(_CGROUP, _SMALL, head=True)
    text = "" if isinstance(answer, Unreadable) else answer.decode("utf-8", "replace")
    paths = [line.split(":", 2)[2] for line in text.split("\n") if line.count(":") > 1]
    return next((part for part in _GROUPS if any(part in path for path in paths)), "")


def _layer(host: Host) -> str:
    """The part of the paths of the root file system's layers that shows an engine's store.

    The line for "/" comes first, or nearly so: each container has a mount table of its own.
    """
    answer = host.read(_MOUNTS, _SMALL, head=True)
    text = "" if isinstance(answer, Unreadable) else answer.decode("utf-8", "replace")
    for line in text.split("\n"):
        mount, _, source = line.partition(" - ")
        fields = mount.split()
        if len(fields) > 4 and fields[4] == "/":
            return next((part for part in _LAYERS if part in f"{fields[3]} {source}"), "")
    return ""


def _users(uid_map: str, own: bool) -> tuple[Evidence, ...]:
    first = " ".join(uid_map.split("\n")[0].split())
    return (Evidence("proc/self/uid_map", first),) if own else ()


def _root(uid_map: str) -> tuple[int | None, bool]:
    """The id that root has outside, and whether it alone is mapped there (user_namespaces(7))."""
    for line in uid_map.split("\n"):
        fields = [_number(field) for field in line.split()]
        if len(fields) == 3 and fields[0] == 0:
            return fields[1], fields[2] == 1 and bool(fields[1])
    return None, False


def _number(text: str | None) -> int | None:
    word = (text or "").strip()
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 12 else None
