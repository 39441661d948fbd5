# SPDX-License-Identifier: GPL-3.0-or-later
"""What readers read is what they declare: a record is made from the declarations."""

import fnmatch
from pathlib import Path

import pytest

from modprobe_ipsec.catalog.reach import Reach
from modprobe_ipsec.host import gather, record
from modprobe_ipsec.host.facts import Unreadable
from modprobe_ipsec.host.root import LIMIT, Host
from tests.hosts import tree
from tests.shipped import CATALOG

# The release tells which host it is, and is written into every record.
ALWAYS = {"proc/sys/kernel/osrelease", "proc/sys/kernel/arch"}


class Watched(Host):
    """Remembers what is looked at."""

    __slots__ = ("seen",)

    def __init__(self, root: str) -> None:
        self.seen: set[str] = set()
        super().__init__(root)

    def read(self, path: str, limit: int = LIMIT, head: bool = False) -> bytes | Unreadable:
        self.seen.add(path)
        return super().read(path, limit, head)

    def list_dir(self, path: str) -> list[str] | Unreadable:
        self.seen.add(path)
        return super().list_dir(path)

    def exists(self, path: str) -> bool | None:
        self.seen.add(path)
        return super().exists(path)


@pytest.mark.parametrize("name", ["booted-6.12", "container", "no-tree-at-all", "install-false"])
def test_all_that_is_read_is_declared(name: str, tmp_path: Path) -> None:
    host = Watched(str(tree.assemble(name, tmp_path / "root")))
    facts = gather.gather(host)
    facts.environment()
    facts.container()
    for module in list(facts.module_files)[:3]:
        facts.module_files[module]
    allowed = {*ALWAYS, (facts.modprobe_path or "").strip("/")}
    patterns = [read.path for reader in record.READERS for read in reader.READS]
    undeclared = {
        path
        for path in host.seen - allowed
        if not any(fnmatch.fnmatchcase(path, p) for p in patterns)
    }
    assert undeclared == set()
    # nothing is opened for a record that no verdict looks at
    before = set(host.seen)
    recorded = dict(record.files(host, facts, Reach(CATALOG)))
    assert recorded
    new = {path for path in host.seen - before if not path.endswith((".ko", ".ko.xz", ".ko.zst"))}
    assert new <= {p for p in patterns if not {"*", "?"} & set(p)}


def test_every_declaration_is_of_something_that_is_read() -> None:
    """A declaration that nothing reads would copy what no verdict needs."""
    host = Watched("/")
    facts = gather.gather(host)
    facts.environment()
    facts.container()
    kept = {
        read.path for reader in record.READERS for read in reader.READS if read.keep is not None
    }
    # asked for only where the first one does not answer, or in a container
    sometimes = {"proc/self/attr/current", "proc/net/dev", "proc/sys/net/ipv4", "proc/net/if_inet6"}
    sometimes |= {"proc/sys/net/ipv4/ip_unprivileged_port_start"}
    assert kept - host.seen <= sometimes
