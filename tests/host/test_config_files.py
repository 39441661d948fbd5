# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be seen of a configuration is said, and is not taken for absent."""

from pathlib import Path

import pytest

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
        files.glob("/etc/*.conf")
