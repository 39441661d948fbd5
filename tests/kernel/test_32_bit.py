# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of a 32-bit Python on x86, where 64-bit numbers are aligned to 4 bytes: by Debian's."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import debs
from tests.vm.guests import structures
from tests.vm.harness.foreign import PACKAGES, SUITES
from tests.vm.harness.image import REPOSITORY

from . import iproute2

# Our dependencies that are Python alone: this environment's.
SIZES = """
from modprobe_ipsec.lab.messages import XfrmMessage, pack
import json
print(json.dumps({kind.__name__: len(pack(kind, {})) for kind in XfrmMessage.__subclasses__()}))
"""


@pytest.fixture(scope="module")
def python() -> list[str]:
    """The first words of a command that runs it."""
    _, root = debs.with_dependencies(SUITES, PACKAGES, "i386")
    return [*map(str, debs.start(root, "usr/bin/python3", "i386")), "-B"]


def run(python: list[str], *arguments: str) -> Any:
    import pyroute2

    packages = Path(pyroute2.__file__).parent.parent
    home = Path(python[-2]).parent.parent
    environment = {
        **os.environ, "PYTHONHOME": str(home), "PYTHONPATH": f"{REPOSITORY}:{packages}",
    }  # fmt: skip
    done = subprocess.run(
        [*python, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_messages_are_those_of_its_ip(python: list[str], tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.write_text("\n".join(iproute2.commands()))
    said = run(python, str(Path(structures.__file__)), str(commands))
    assert said["layout"] == {
        "order": "little", "word": 32, "alignment": 4, "usersa_info": 220, "header": 16,
    }  # fmt: skip
    for command, data in iproute2.recorded(alignment=4):
        sent = data if command.startswith("add ") else data[:24]
        assert said["ours"][command] == sent.hex(), command


def test_structs_of_the_lab_are_as_long_as_the_kernels(python: list[str]) -> None:
    # a C compiler says so of include/uapi/linux/xfrm.h with -m32
    assert run(python, "-c", SIZES) == {
        "SaInfo": 220,
        "SaId": 24,
        "SpiInfo": 228,
        "PolicyInfo": 164,
        "Acquire": 276,
        "Expire": 224,
        "Mapped": 64,
        "Template": 64,
    }
