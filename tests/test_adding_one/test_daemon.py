# SPDX-License-Identifier: GPL-3.0-or-later
"""An IKE daemon: one package and one file of the map."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modprobe_ipsec.daemons.registry import DAEMONS
from tests.test_adding_one.copies import Copy

EXAMPLED = Path(__file__).parent / "exampled"
FILES = {
    "__init__.py": "modprobe_ipsec/daemons/exampled/__init__.py",
    "exampled.yaml": "data/daemons/exampled.yaml",
}
CONF = """\
# two peers, and a mistake
peer a esp aes-128/sha2
peer b esp aes-256-gcm
peer c esp aes-512/sha2
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("daemon"))
    for name, place in FILES.items():
        (copy.root / place).parent.mkdir(exist_ok=True)
        shutil.copy(EXAMPLED / name, copy.root / place)
    return copy


def test_nothing_else_is_touched(copy: Copy) -> None:
    assert copy.changed() == set(FILES.values())


def test_its_configuration_is_read_where_it_is_installed(copy: Copy) -> None:
    copy.overlay({"/usr/sbin/exampled": "", "/etc/exampled.conf": CONF})
    report = copy.report("-4")
    assert report["configs"] == ["/etc/exampled.conf"]
    assert [need["need"] for need in report["needs"]] == [
        "ESP IPv4 AES_CBC_128 HMAC_SHA2_256_128",
        "ESP IPv4 AES_GCM_16_256",
        "af_key",
    ]
    assert report["needs"][0]["sources"] == [
        {
            "kind": "connection",
            "file": "/etc/exampled.conf",
            "line": 2,
            "connection": "a",
            "where": "/etc/exampled.conf:2 peer a",
            "text": "aes-128/sha2",
            "daemon": "exampled",
        }
    ]
    (problem,) = report["problems"]
    assert problem["connection"] == "c"
    assert "read as Exampled's" in problem["text"]
    again = copy.report("-4", "--config", "/etc/exampled.conf")
    assert {**again, "time": 0, "duration": 0} == {**report, "time": 0, "duration": 0}


def test_its_proposals_and_its_own_ones(copy: Copy) -> None:
    report = copy.report("-4", "--daemon", "exampled", "--esp", "aes-192-gcm")
    assert [need["need"] for need in report["needs"]] == ["ESP IPv4 AES_GCM_16_192"]
    # nobody else has such words
    assert copy.report("-4", "--esp", "aes-192-gcm")["needs"][0]["verdict"] == "loadable"
    assert copy.check("-4", "--daemon", "exampled", "--esp", "aes256gcm16").returncode == 64


def test_its_log_lines(copy: Copy) -> None:
    copy.overlay({"/etc/modprobe.d/x.conf": "install esp4 /bin/false\n"})
    asked = ("-4", "--daemon", "exampled", "--esp", "aes-128-gcm")
    (reason,) = copy.report(*asked)["needs"][0]["reasons"]
    assert list(reason["symptom"]["logs"]) == ["exampled", "libreswan", "strongswan"]
    line = "exampled: cannot add the SA: Protocol not supported"
    assert f"    {line}\n" in copy.check(*asked, "-v").stdout


def test_the_command_line_knows_its_name(copy: Copy) -> None:
    wrong = copy.check("--daemon", "nobody")
    assert wrong.returncode == 64
    assert ", ".join(sorted(("exampled", *DAEMONS))) in wrong.stderr
    assert "exampled" in copy.run("--help").stdout


def test_module_loading_is_taken_from_its_unit(copy: Copy, tmp_path: Path) -> None:
    host, out = tmp_path / "host", tmp_path / "out"
    wants = host / "etc/systemd/system/exampled.service.wants/modprobe-ipsec.service"
    for path in (wants, host / "usr/lib/systemd/system/modprobe-ipsec.service"):
        path.parent.mkdir(parents=True)
        path.write_text("[Unit]\n")
    code = (
        "from modprobe_ipsec.commands.generator import main; from modprobe_ipsec.host.root import "
        f"Host; main([{str(out)!r}], Host({str(host)!r}, '6.1'))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=copy.root, check=True)
    assert (out / "exampled.service.d/modprobe-ipsec.conf").is_file()
