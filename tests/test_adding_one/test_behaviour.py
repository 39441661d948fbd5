# SPDX-License-Identifier: GPL-3.0-or-later
"""A behaviour of the kernel: one file. The kernel that runs here may have no IPsec at all."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.probes import names
from modprobe_ipsec.probes._behaviour import HEADS
from modprobe_ipsec.probes._run import known
from tests.report_schema import checked
from tests.test_adding_one.copies import Copy

PLACE = "modprobe_ipsec/probes/reply_time.py"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("behaviour"))
    shutil.copy(Path(__file__).parent / "reply_time.py", copy.root / PLACE)
    return copy


def test_it_is_asked(copy: Copy) -> None:
    assert copy.changed() == {PLACE}
    done = copy.run("--lab", "reply-time", "--format", "json")
    (said,) = checked(done.stdout)["lab"]["behaviours"]
    assert (done.returncode, said["answer"], said["wanted"]) == (0, "yes", "yes.")
    assert said["cases"] == [{"case": f, "seen": "arrives"} for f in ("IPv4", "IPv6")]
    assert said["means"] == {"pluto": "nothing new.", "charon": "nothing new."}


def test_it_is_shown(copy: Copy) -> None:
    text = copy.run("--lab", "reply-time", "-v").stdout
    assert "1 of 1 questions answered" in text
    assert "\nreply-time  yes     Does a packet of one host arrive at the other?\n" in text
    assert "  here: yes\n    IPv4  arrives\n" in text and "  pluto: nothing new.\n" in text


def test_errors_and_the_page_name_it(copy: Copy) -> None:
    done = copy.run("--lab", "nonsense")
    assert (done.returncode, done.stdout) == (64, "") and ", reply-time, " in done.stderr
    shutil.copytree(Path(__file__).parents[1] / "vm/expected", copy.root / "tests/vm/expected")
    subprocess.run([sys.executable, "-m", "scripts.generate"], cwd=copy.root, check=True)
    page = (copy.root / "docs/behaviours.md").read_text()
    assert "\n## reply-time\n\nDoes a packet of one host arrive at the other?\n" in page


def test_what_cannot_be_asked_is_no_answer(copy: Copy) -> None:
    file = copy.root / PLACE
    text = file.read_text()
    file.write_text(text.replace("    network = bench.network\n", "    raise OSError(95, '')\n"))
    done = copy.run("--lab", "reply-time", "--format", "json")
    file.write_text(text)
    (said,) = json.loads(done.stdout)["lab"]["behaviours"]
    assert (done.returncode, said["answer"], said["cases"]) == (3, None, [])
    assert said["why"].startswith("the kernel refuses what the question needs: Operation not supp")


@pytest.mark.parametrize("name", names())
def test_every_behaviour_says_all_of_it(name: str) -> None:
    behaviour = known(name)
    wanted, kernels, *programs = behaviour.said
    assert (wanted, kernels) == HEADS
    # some daemons say nothing to the kernel that this one could say better
    assert set(programs) <= {daemon.program.capitalize() for daemon in DAEMONS.values()}
    assert len(programs) >= 2
    assert behaviour.question.endswith("?") and all(behaviour.said.values())
