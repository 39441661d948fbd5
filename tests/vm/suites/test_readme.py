# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README shows is what the tool says, in a fresh guest with Debian 12's kernel.

`make readme` writes the answers into it.
"""

import re
from pathlib import Path

import pytest

from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel, fetch

pytestmark = pytest.mark.qemu

README = Path(__file__).parents[3] / "README.md"
BLOCK = re.compile(r"```console\n(# .*?)```", re.DOTALL)
MARK = "### next command"
# moves with every update of Debian
RELEASE = re.compile(r"6\.1\.0-\d+-amd64")


def commands(text: str) -> list[str]:
    """Every command of every console block, in order."""
    lines = (line for block in BLOCK.findall(text) for line in block.splitlines())
    return [line.removeprefix("# ") for line in lines if line.startswith("# ")]


def answered(text: str, kernel: Kernel) -> str:
    """The README with what its commands say in a guest."""
    script = ["#!/bin/sh", "cd /root"]
    for command in commands(text):
        script += [f"echo '{MARK}'", f"{command} 2>&1" if ">" not in command else command]
    result = run(kernel, ["/readme"], files={"/readme": "\n".join(script).encode()}, timeout=200)
    answers = iter(result.stdout.split(f"{MARK}\n")[1:])

    def fill(block: re.Match[str]) -> str:
        lines = [line for line in block[1].splitlines() if line.startswith("# ")]
        body = "".join(f"{line}\n{next(answers)}" for line in lines)
        return f"```console\n{RELEASE.sub('6.1.0-56-amd64', body)}```"

    return BLOCK.sub(fill, text)


def test_the_readme_is_true() -> None:
    text = README.read_text()
    assert answered(text, fetch("6.1")) == text


if __name__ == "__main__":
    README.write_text(answered(README.read_text(), fetch("6.1")))
