# SPDX-License-Identifier: GPL-3.0-or-later
"""A check at boot pays for nothing of the watch, and the watch for none of the large libraries."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SAY = "import json, sys; json.dump(sorted(sys.modules), sys.stderr)"


def imported(*arguments: str) -> set[str]:
    """All modules that a run of the program has imported in the end."""
    code = f"import sys\nfrom modprobe_ipsec.commands.main import main\nmain(sys.argv[1:])\n{SAY}"
    command = [sys.executable, "-I", "-c", code, *arguments]
    # -I leaves out the working directory
    command[3] = f"import sys\nsys.path.insert(0, {str(REPOSITORY)!r})\n{code}"
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stderr.rpartition("\n")[2] or done.stderr)
    return set(found)


def test_a_check_imports_nothing_of_it() -> None:
    found = imported("--check", "--esp", "aes256gcm16")
    assert "modprobe_ipsec.commands.verbs.check" in found
    assert [name for name in found if ".watch" in name or name.endswith(".peers")] == []


def test_the_watch_itself_holds_no_map() -> None:
    found = imported("--watch", "--for", "0", "--witness", "counter")
    assert "modprobe_ipsec.watch.loop" in found
    costly = {"asyncio", "pyroute2", "pyudev", "socket", "yaml"}
    costly |= {"modprobe_ipsec.commands.engine", "modprobe_ipsec.host.gather"}
    assert found & costly == set()
