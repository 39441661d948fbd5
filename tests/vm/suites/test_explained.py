# SPDX-License-Identifier: GPL-3.0-or-later
"""The value that `--explain` shows for each sysctl and counter is the kernel's, or hidden; and
what the kernel says to `--headers` is what it has."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.glossary import BOOK
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel

pytestmark = pytest.mark.kernels("uml-5.10", "uml-7")
SCRIPT = Path(__file__).parents[1] / "guests" / "explained.py"
NAMES = [
    lead.names[0] for chapter in ("sysctls", "counters") for lead in BOOK.chapter(chapter).leads
]
Said = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def said(kernel: Kernel) -> dict[str, Said]:
    files = {"/names.json": json.dumps(NAMES).encode()}
    result = run(kernel, ["python3", str(SCRIPT)], files=files, timeout=300)
    assert result.status == 0, result.stderr
    found: dict[str, Said] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["root", "apart"])
def test_the_value_is_the_kernels(name: str, where: str, said: dict[str, Said]) -> None:
    seen = said[where][name]
    if seen["kernel"] is None:
        assert seen["here"]["value"] == "" and seen["here"]["text"], seen
    else:
        assert seen["here"]["value"] == seen["kernel"], seen


def test_what_was_changed_is_seen(said: dict[str, Said]) -> None:
    root = said["root"]
    assert (
        root["net.core.xfrm_acq_expires"]["here"]["text"] == "net.core.xfrm_acq_expires = 77 here"
    )
    assert root["net.core.xfrm_larval_drop"]["kernel"] == "0"
    assert root["net.ipv4.conf.all.disable_policy"]["here"]["value"] == "1"
    assert root["XfrmOutPolBlock"]["here"]["value"] == "3"
    assert said["apart"]["XfrmOutPolBlock"]["here"]["value"] == "0"


def test_in_a_user_namespace_they_are_hidden(said: dict[str, Said]) -> None:
    hidden = [name for name in NAMES if name.startswith("net.core.xfrm_")]
    assert len(hidden) == 4
    for name in hidden:
        seen = said["apart"][name]
        assert seen["kernel"] is None
        assert seen["here"]["text"].startswith("hidden, because this network namespace belongs")
    assert said["apart"]["net.ipv4.xfrm4_gc_thresh"]["here"]["value"] == "32768"


def test_newer_counters_are_not_there_on_an_old_kernel(
    kernel: Kernel, said: dict[str, Said]
) -> None:
    there = {name for name in NAMES if name.startswith("Xfrm") and said["root"][name]["kernel"]}
    assert len(there) == (28 if kernel.name == "uml-5.10" else 32)


# By the release whose linux/xfrm.h has them; stable series got some of them earlier. There are
# messages, too, which nobody asks for where SELinux runs, as it does in these kernels.
HEADER = {
    "5.17": ("XFRMA_MTIMER_THRESH",),
    "6.2": ("XFRM_OFFLOAD_PACKET",),
    "6.13": (
        *("XFRMA_SA_DIR", "XFRM_SA_DIR_IN", "XFRM_SA_DIR_OUT", "XFRMA_NAT_KEEPALIVE_INTERVAL"),
        *("XFRMA_SA_PCPU", "XFRM_POLICY_CPU_ACQUIRE"),
    ),
    "6.14": (
        *("XFRM_MODE_IPTFS", "XFRMA_IPTFS_DROP_TIME", "XFRMA_IPTFS_REORDER_WINDOW"),
        *("XFRMA_IPTFS_DONT_FRAG", "XFRMA_IPTFS_INIT_DELAY", "XFRMA_IPTFS_MAX_QSIZE"),
        "XFRMA_IPTFS_PKT_SIZE",
    ),
}
MESSAGES = {
    *("XFRM_MSG_GETDEFAULT", "XFRM_MSG_SETDEFAULT", "XFRM_MSG_MIGRATE_STATE"),
    *("XFRM_MIGRATE_STATE_CLEAR_OFFLOAD", "XFRM_MIGRATE_STATE_UPDATE_H2H_SEL"),
    "XFRM_MIGRATE_STATE_KNOWN_FLAGS",
}
# The last of these that a kernel has: 5.10.46 and 7.2 here, 6.1.176 has 5.17's and 6.12.113 6.13's.
LAST = {"uml-5.10": "", "uml-6.1": "5.17", "uml-6.12": "6.13", "uml-7": "6.14"}


def test_the_kernel_knows_what_its_own_header_has(kernel: Kernel, said: dict[str, Any]) -> None:
    asked = said["headers"]
    there = list(HEADER)[: ["", *HEADER].index(LAST[kernel.name])]
    expected = {name: since in there for since, names in HEADER.items() for name in names}
    assert not asked["why"]
    assert not MESSAGES & asked["names"].keys()
    assert asked["names"] == said["apart"]["headers"] == expected
    # nothing stays, not even a line in the log
    assert asked["after"] == asked["before"]
    # what is not asked for there
    known = {name: kernel.name == "uml-7" or "DEFAULT" in name for name in MESSAGES}
    known |= {name: False for name in MESSAGES if kernel.name == "uml-5.10"}
    assert asked["messages"] == known
