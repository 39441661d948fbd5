# SPDX-License-Identifier: GPL-3.0-or-later
"""Host plans as files: read one that somebody hands over, print or store what is made of one."""

import os

from modprobe_ipsec.base.errors import Bug, ConfigError
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.commands import standard_input
from modprobe_ipsec.commands.store import store
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.manifest import formats
from modprobe_ipsec.manifest.check import mistakes
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile, ManifestOptions
from modprobe_ipsec.manifest.read import MAX_BYTES, parse


def read(path: str, catalog: Catalog) -> HostPlan:
    """The host plan in a file of this machine, or on standard input for `-`.

    Raises ConfigError if it cannot be read, or holds anything that is not in the map.
    """
    answer: bytes | Unreadable
    if path == standard_input.NAME:
        answer = standard_input.read(MAX_BYTES)
    else:
        answer = Host().read(os.path.abspath(path)[1:], MAX_BYTES)  # noqa: PTH100 (start-up time)
    if isinstance(answer, Unreadable):
        raise ConfigError(f"{path}: {answer.why}")
    try:
        return parse(answer.decode(), path, catalog)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: no UTF-8 text") from None


def wanted(plan: HostPlan, path: str) -> Demand:
    """What a plan asks for. Its modules and states are those of where it was made: the needs count,
    and this host's own plan for them."""
    return Demand(tuple(planned.need for planned in plan.needs), (path,))


def write(plan: HostPlan, format: str, options: ManifestOptions) -> tuple[ManifestFile, ...]:
    """The files of a manifest, checked.

    Raises UsageError for a format that cannot say what is in this plan.
    """
    files = formats.write(format, plan, options)
    for mistake in mistakes(files, plan):
        raise Bug(
            f"internal error: the manifest would be wrong: {mistake}",
            "nothing was written; please report this with --record",
        )
    return files


def as_text(files: tuple[ManifestFile, ...]) -> str:
    """One file as it is, several each under a line with its path."""
    if len(files) == 1:
        return files[0].text
    return "\n".join(f"# ---- {file.path}\n{file.text}" for file in files)


def put(directory: str, files: tuple[ManifestFile, ...]) -> str:
    """Store the files in a new directory; their paths, a line each. Raises UsageError."""
    programs = {file.path for file in files if file.mode & 0o111}
    store(directory, {file.path: file.text.encode() for file in files}, programs)
    return "".join(f"{file.path}\n" for file in files)
