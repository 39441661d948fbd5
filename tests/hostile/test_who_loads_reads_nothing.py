# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that may load modules opens no configuration: one that may do nothing reads it."""

import subprocess
import sys
from pathlib import Path

import pytest

CONF = "conn a\n left=192.0.2.1\n right=192.0.2.2\n auto=start\n esp=camellia256\n"


@pytest.mark.parametrize("arguments", [("--check", "--prove"), ()], ids=["prove", "load"])
def test_the_process_that_loads_never_opens_a_configuration(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    config, trace = tmp_path / "ipsec.conf", tmp_path / "trace"
    config.write_text(CONF)
    done = subprocess.run(
        ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=openat,capset", sys.executable, "-I",
         "-m", "modprobe_ipsec", *arguments, "--daemon", "strongswan", "--config", str(config)],
        capture_output=True, text=True,
    )  # fmt: skip
    lines = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
    first = lines[0][0]
    readers = {pid for pid, call in lines if call.endswith(f"<{config}>")}
    harmless = {pid for pid, call in lines if call.startswith("capset(") and call.endswith("= 0")}
    assert readers and readers <= harmless and first not in readers, done.stderr
