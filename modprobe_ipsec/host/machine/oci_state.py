# SPDX-License-Identifier: GPL-3.0-or-later
"""What an OCI runtime tells a hook, and the way to the container's files. All of it is hostile.

Source: runtime-spec runtime.md ("State") and config.md ("Root", "POSIX-platform Hooks").
"""

import json
import os
import re

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.base.errors import ConfigError, UsageError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

# A state has some hundred bytes beside its annotations; Kubernetes allows 256 KiB of these.
STATE_LIMIT = 1 << 20
_CONFIG_LIMIT = 4 << 20
_ID = re.compile(r"[A-Za-z0-9_+.-]{1,1024}")
# include/linux/threads.h: PID_MAX_LIMIT
_MAX_PID = 1 << 22
# To read some of their files does something, and the hook may read them all.
_OF_THE_KERNEL = (" - proc ", " - sysfs ", " - debugfs ", " - tracefs ")


class OciState(Value):
    """A container that is about to start."""

    id: str
    # Of its first process, as the runtime sees it; 0 if it does not say.
    pid: int
    bundle: str
    annotations: Mapping[str, str]


def parse_state(data: bytes) -> OciState:
    """The state that a runtime writes to a hook's stdin. Raises ConfigError."""
    if len(data) > STATE_LIMIT:
        raise ConfigError(f"the container's state is larger than {STATE_LIMIT} bytes")
    state = _object(data, "the container's state")
    name, bundle, pid = state.get("id"), state.get("bundle"), state.get("pid", 0)
    annotations = state.get("annotations") or {}
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ConfigError("the container's state has no id")
    if not isinstance(bundle, str) or not bundle.startswith("/") or "\0" in bundle:
        raise ConfigError("the container's state has no absolute path of a bundle")
    if type(pid) is not int or not 0 <= pid <= _MAX_PID:
        raise ConfigError("the container's state has a pid that is none")
    if not isinstance(annotations, dict) or not all(
        isinstance(value, str) for value in annotations.values()
    ):
        raise ConfigError("the container's state has annotations that are no texts")
    return OciState(name, pid, bundle, annotations)


def files(state: OciState) -> Host:
    """The door to the files below the container's root; with its mounts, if the state has a pid.

    Nothing leads out of it, nor to what is no file but the kernel speaking. Raises ConfigError if
    there is no such place, or the mounts cannot be seen.
    """
    release = os.uname().release
    try:
        bundle = Host(state.bundle, release)
        answer = bundle.read("config.json", _CONFIG_LIMIT)
        if isinstance(answer, Unreadable):
            raise ConfigError(f"{state.bundle}/config.json: {answer.why}")
        root = _object(answer, f"{state.bundle}/config.json").get("root")
        path = root.get("path") if isinstance(root, dict) else None
        if not isinstance(path, str) or not path or "\0" in path:
            raise ConfigError(f"{state.bundle}/config.json: no root.path")
        host = Host(os.path.join(bundle.root, path), release)  # noqa: PTH118
    except UsageError as error:
        raise ConfigError(error.message) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{state.bundle}: cannot be looked at: {error}") from None
    if host.root == "/":
        raise ConfigError(f"{state.bundle}/config.json: root.path is the host's own root")
    if state.pid:
        _see_mounts(host, state.pid)
    host.refused = _of_the_kernel(state.pid)
    return host


def _see_mounts(host: Host, pid: int) -> None:
    """Look through the eyes of the container's first process.

    Before pivot_root(2) it is still at the host's root, but in its own mount namespace: there the
    volumes are mounted already. Without them a file of the image may be judged that no daemon
    reads, so they must be seen.
    """
    seen = f"/proc/{pid}/root{host.root}"
    if not os.path.isdir(seen):  # noqa: PTH112
        raise ConfigError(
            f"{seen}: cannot be seen, so what is mounted in the container is unknown",
            "the hook must run on the host, as the engine, at createRuntime",
        )
    host.root = seen


def _of_the_kernel(pid: int) -> frozenset[int]:
    """The devices of procfs and its like: every mount namespace has its own."""
    path = f"proc/{pid or 'self'}/mountinfo"
    answer = Host("/", os.uname().release).read(path)
    if isinstance(answer, Unreadable):
        raise ConfigError(f"/{path}: {answer.why}")
    # the third field is st_dev, and no field has a space in it: proc_pid_mountinfo(5)
    lines = answer.decode("utf-8", "replace").split("\n")
    found = {line.split(" ")[2] for line in lines if any(kind in line for kind in _OF_THE_KERNEL)}
    numbers = (number.partition(":") for number in found)
    return frozenset(os.makedev(int(major), int(minor)) for major, _, minor in numbers)


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ConfigError(f"{what} is no JSON") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{what} is no JSON object")
    return value
