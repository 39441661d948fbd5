# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of `--manifest`: each is a file in one of these directories, imported when used."""

from modprobe_ipsec.base import registry
from modprobe_ipsec.base.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from modprobe_ipsec.manifest.model import Format, HostPlan, ManifestFile, ManifestOptions

_ROOM = __name__.rpartition(".")[0]
_PLACE = __file__.rpartition("/")[0]
_DIRECTORIES = ("containers", "engines", "handover", "hosts", "kubernetes")


def names() -> tuple[str, ...]:
    """The names of all formats, sorted. Imports none of them."""
    return tuple(sorted(_directories()))


def find(name: str) -> "Format":
    """The format of this name. Raises UsageError for an unknown one."""
    directory = _directories().get(name)
    if directory is None:
        raise UsageError(f"--manifest {name}: choose from {', '.join(names())}")
    format: Format = registry.load(f"{_ROOM}.{directory}", name).FORMAT
    return format


def every() -> "Iterator[tuple[str, Format]]":
    """All formats with their names, for those who describe them."""
    return ((name, find(name)) for name in names())


def write(name: str, plan: "HostPlan", options: "ManifestOptions") -> "tuple[ManifestFile, ...]":
    """The files of a manifest. Raises UsageError where the format cannot say what the plan does."""
    from modprobe_ipsec.manifest.selection import insist_on_names, to_load

    format = find(name)
    if format.names_only:
        insist_on_names(to_load(plan, options), name)
    return format.write(plan, options)


def _directories() -> dict[str, str]:
    """Where each format is, by its name."""
    return {name: d for d in _DIRECTORIES for name in registry.names([f"{_PLACE}/{d}"])}
