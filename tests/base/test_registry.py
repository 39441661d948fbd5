# SPDX-License-Identifier: GPL-3.0-or-later
"""A package whose files are its entries."""

from pathlib import Path

import pytest

from modprobe_ipsec.base import registry


def test_each_file_is_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "entries_of_a_test"
    (package / "directory").mkdir(parents=True)
    for name in ("__init__.py", "_helper.py", "b.py", "a_c.py", "notes.txt"):
        (package / name).write_text(f"SAID = {name!r}\n")
    assert registry.names([str(package)]) == ("a-c", "b")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.load("entries_of_a_test", "a-c").SAID == "a_c.py"
    with pytest.raises(ModuleNotFoundError):
        registry.load("entries_of_a_test", "c")
