# SPDX-License-Identifier: GPL-3.0-or-later
"""What an OCI runtime tells a hook, and the way to the container's files. All of it is hostile.

Source: runtime-spec runtime.md ("State") and config.md ("Root", "POSIX-platform Hooks").
"""

import json
import os
import re
import signal

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.base.errors import ConfigError, UsageError
from modprobe_ipsec.base.text import reason
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.host.beneath import DIRECTORY, Beneath
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host

# A state has some hundred bytes beside its annotations; Kubernetes allows 256 KiB of these.
STATE_LIMIT = 1 << 20
_CONFIG_LIMIT = 1 << 20
_ID = re.compile(r"[A-Za-z0-9_+.-]{1,1024}")
# include/linux/threads.h: PID_MAX_LIMIT
_MAX_PID = 1 << 22
# createRuntime: the container's process waits, in namespaces of its own and before pivot_root(2).
# The specification says "creating"; runc and crun have written "created", too.
_WAITING = ("creating", "created")


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
    status = state.get("status")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ConfigError("the container's state has no id")
    if not isinstance(bundle, str) or not bundle.startswith("/") or "\0" in bundle:
        raise ConfigError("the container's state has no absolute path of a bundle")
    if type(pid) is not int or not 0 <= pid <= _MAX_PID:
        raise ConfigError("the container's state has a pid that is none")
    if status not in _WAITING:
        raise ConfigError(
            "the container's state is not `creating`: it runs already, or has ended",
            "the hook belongs to createRuntime",
        )
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
        place = os.path.realpath(os.path.join(bundle.root, path))  # noqa: PTH118
        if place == "/":
            raise ConfigError(f"{state.bundle}/config.json: root.path is the host's own root")
        return _seen_by(state.pid, place, release) if state.pid else Host(place, release)
    except UsageError as error:
        raise ConfigError(error.message) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{state.bundle}: cannot be looked at: {error}") from None


def _seen_by(pid: int, place: str, release: str) -> Host:
    """Look through the eyes of the container's first process.

    Before pivot_root(2) it is still at the host's root, but in its own mount namespace: there the
    volumes are mounted already. Without them a file of the image may be judged that no daemon
    reads, so they must be seen. Its root is opened once: later it is another one, whose absolute
    links would lead into the host.
    """
    try:
        # who has the process cannot be given another one of the same number
        process = os.pidfd_open(pid)
        try:
            top = os.open(f"/proc/{pid}/root", DIRECTORY)
            mounts = f"/proc/{pid}/mountinfo"
            signal.pidfd_send_signal(process, 0)
        finally:
            os.close(process)
        theirs, ours = Beneath(top, mounts), os.stat("/")  # noqa: PTH116
        if (status := os.fstat(top)) and (status.st_dev, status.st_ino) != (
            ours.st_dev,
            ours.st_ino,
        ):
            raise ConfigError(
                f"process {pid} has left the host's root: it is too late to look at its files",
                "the hook belongs to createRuntime",
            )
        return Host(place, release, Beneath(theirs.look(place), mounts))
    except OSError as error:
        raise ConfigError(
            f"/proc/{pid}/root{place}: cannot be seen, so what is mounted in the container is "
            f"unknown: {reason(error)}",
            "the hook must run on the host, as the engine, at createRuntime",
        ) from None


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ConfigError(f"{what} is no JSON") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{what} is no JSON object")
    return value
