# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be seen of a configuration is said, and is not taken for absent."""

import os
from pathlib import Path

import pytest

from modprobe_ipsec.base.budget import Budget
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.host.config_files import ConfigFiles
from modprobe_ipsec.host.root import Host


def test_three_answers(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ipsec.conf").touch()
    (tmp_path / "etc/loop.conf").symlink_to("loop.conf")
    files = ConfigFiles(Host(str(tmp_path), "6.1.0"))
    assert files.exists("/etc/ipsec.conf")
    assert not files.exists("/etc/other.conf")
    with pytest.raises(ConfigError, match="cannot be seen"):
        files.exists("/etc/loop.conf")
    with pytest.raises(ConfigError, match="cannot be seen"):
        files.glob("/etc/*.conf", Budget())


def test_owner_and_mode_tell_something_on_this_machine_alone(tmp_path: Path) -> None:
    file = tmp_path / "iked.conf"
    file.touch(0o640)
    here = ConfigFiles(Host(), {"-": ""})
    owner, mode = here.rights(str(file)) or (-1, 0)
    assert (owner, mode & 0o777) == (os.geteuid(), file.stat().st_mode & 0o777)
    assert here.rights("-") is None and here.rights(f"{file}.not") is None
    assert ConfigFiles(Host(str(tmp_path), "6.1.0")).rights("/iked.conf") is None
