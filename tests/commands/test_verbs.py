# SPDX-License-Identifier: GPL-3.0-or-later
"""What each verb says about one host whose configuration has a mistake, and how it ends."""

import json
from pathlib import Path

import pytest

from modprobe_ipsec.commands.main import main
from tests.hosts import tree

CONF = """\
connections {
  gw {
    remote_addrs = 192.0.2.1
    children { good { esp_proposals = aes256gcm16 } }
  }
  %s
}
"""
WRONG = "lost {\n remote_addrs = 192.0.2.2\n children { bad { esp_proposals = rot13 } }\n }"
SAID = "/etc/swanctl/swanctl.conf"


class Ran:
    """One run of the program about a recorded host."""

    def __init__(self, capsys: pytest.CaptureFixture[str], root: Path, line: str) -> None:
        config = [f"--config={SAID}"] if (root / SAID[1:]).exists() else []
        self.code = main([*line.split(), "--root", str(root), *config, "-4"])
        self.out, self.err = capsys.readouterr()


def host(tmp_path: Path, child: str = "", case: str = "booted-6.12") -> Path:
    root = tree.assemble(case, tmp_path / "host")
    (root / "etc/swanctl").mkdir(parents=True, exist_ok=True)
    (root / SAID[1:]).write_text(CONF % child)
    return root


@pytest.mark.parametrize(
    ("line", "code", "strictly"),
    [("--check", 1, 3), ("--dry-run", 3, 3), ("--manifest yaml", 3, 3), ("--manifest json", 3, 3)],
)
def test_a_problem_counts_if_that_is_asked_for(
    line: str, code: int, strictly: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = host(tmp_path, WRONG)
    lax, strict = Ran(capsys, root, line), Ran(capsys, root, f"{line} --strict")
    assert (lax.code, strict.code) == (code, strictly)
    assert lax.out == strict.out
    said = " ".join((lax.out + lax.err).split())
    assert said.count(f"{SAID}:8: ") == 1 and "is not recognized" in said
    assert "; lost is left out" in said
    # and is no part of what goes into a file
    assert "is not recognized" not in lax.out or not line.startswith("--manifest")
    assert "rot13" not in lax.out + lax.err


@pytest.mark.parametrize("options", ["", "--strict"])
@pytest.mark.parametrize("verb", ["--check", "--dry-run"])
@pytest.mark.parametrize("case", ["booted-6.12", "install-false"])
def test_json_says_how_the_process_ends(
    verb: str, options: str, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, host(tmp_path, WRONG, case), f"{verb} {options} --format json")
    assert json.loads(ran.out)["exit_code"] == ran.code
    lost = 1 if verb == "--check" else 3
    assert ran.code == (2 if case == "install-false" else 3 if options else lost)


def test_a_dry_run_says_what_no_module_can_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, host(tmp_path, "", "install-false"), "--dry-run")
    assert ran.code == 2
    assert ": 1 blocked" in ran.out.splitlines()[2]
    assert "install esp4 /bin/false" in ran.out and "\n  to do  whoever set " in ran.out
