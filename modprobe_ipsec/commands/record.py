# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores what a verdict depends on; what that is, host/record.py says."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.commands.store import only_plain, store
from modprobe_ipsec.host import record as host_record
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.root import Host


def record(
    directory: str, host: Host, facts: Facts, catalog: Catalog, question: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Write the record, and the files of the question; returns the paths in it.

    Raises UsageError if the place is not new.
    """
    found = dict(sorted((*host_record.files(host, facts, Reach(catalog)), *question.items())))
    # an index, or the name of a program, may be made up to lead elsewhere, or to be our question
    of_host = {path: data for path, data in found.items() if path.split("/")[0] not in question}
    files = only_plain({**of_host, **question})
    listed = [*files, "record.txt"]
    lines = [f"{path}\n" for path in listed]
    if others := len(found) - len(files):
        lines.append(f"# left out: {others} whose names lead elsewhere or cannot be shown\n")
    files["record.txt"] = "".join(lines).encode()
    store(directory, files)
    return tuple(listed)
