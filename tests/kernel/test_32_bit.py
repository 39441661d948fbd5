# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of a 32-bit Python on x86, where 64-bit numbers are aligned to 4 bytes: by Debian's."""

import errno
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
    return json.loads(run_text(python, *arguments))


def run_text(python: list[str], *arguments: str) -> str:
    import pyroute2

    packages = Path(pyroute2.__file__).parent.parent
    home = Path(python[-2]).parent.parent
    environment = {
        **os.environ, "PYTHONHOME": str(home), "PYTHONPATH": f"{REPOSITORY}:{packages}",
    }  # fmt: skip
    done = subprocess.run(
        [*python, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


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


# A message as a daemon would send it, without a line of ours: how many SAs there are.
MESSAGE = """
import json, socket, struct
try:
    xfrm = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
    xfrm.send(struct.pack("IHHIII", 20, 0x23, 1, 1, 0, 0xFFFFFFFF))
    _, kind, _, _, _, error = struct.unpack_from("IHHIIi", xfrm.recv(65536))
    print(json.dumps(-error if kind == 2 else 0))
except OSError as error:
    print(json.dumps(error.errno))
"""
CHECK = """
import json, sys
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.kernel.word_size import takes_messages
taken = takes_messages()
code = main(["--check", "--esp", "aes256gcm16", "-4", "--format", "json"])
print(json.dumps([taken, code]))
"""


def test_a_64_bit_kernel_says_itself_whether_it_takes_them(python: list[str]) -> None:
    """On the kernel that runs here, whichever that is."""
    number = run(python, "-c", MESSAGE)
    report, _, last = run_text(python, "-c", CHECK).rstrip().rpartition("\n")
    (taken, code), document = json.loads(last), json.loads(report)
    if number == errno.EOPNOTSUPP:
        assert (taken, code) == (False, 2)
        assert "word size" in report and {n["verdict"] for n in document["needs"]} == {"missing"}
        assert document["plan"] == []
    else:
        # it does, or cannot be asked by whoever runs this
        assert taken is (True if number == 0 else None)
