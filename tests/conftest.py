# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of all tests. Here, because pytest reads options before it looks into sub-directories."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# No test is wrong because a machine is slow.
settings.register_profile("no times", deadline=None)
settings.load_profile("no times")

# Who starts the tests in the background ignores these, and all programs in them would inherit that.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


# By their markers.
_LONGEST = ("qemu", "uml", "long")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --kernel, --update and --fuzz."""
    parser.addoption(
        "--kernel",
        action="append",
        metavar="NAME",
        help="run tests on real kernels on this one (repeatable; default: all; see tests/vm)",
    )
    parser.addoption(
        "--machine",
        action="append",
        metavar="NAME",
        help="boot this machine of another architecture, and try all cases on it (repeatable; "
        "all: each of tests/vm/harness/machines.py; default: two, with few cases)",
    )
    parser.addoption(
        "--update",
        action="store_true",
        help="tests/hosts, tests/manifest/test_formats.py: write down what the tool says now",
    )
    parser.addoption(
        "--fuzz",
        type=float,
        default=1,
        metavar="FACTOR",
        help="how many times as many random inputs (0.1: a quick look; 100: over night)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    config.addinivalue_line("markers", "kernels(*names): run it on these, see tests/vm/README.md")
    config.addinivalue_line("markers", "uml: boots a real kernel as a process (2 s each)")
    config.addinivalue_line("markers", "qemu: boots a real kernel under emulation (5-10 s each)")
    config.addinivalue_line("markers", "fuzz: reads thousands of random inputs, see --fuzz")
    config.addinivalue_line("markers", "long: takes most of a minute; make quick does without")
    config.addinivalue_line("markers", "oracle: compares with a daemon's own parser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that boot guests come first: what is left for the end is short and easily shared."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = next((at for at, mark in enumerate(_LONGEST) if item.get_closest_marker(mark)), 9)
        ranks[item.path] = min(rank, ranks.get(item.path, 9))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """How many random inputs, of those that `make test` tries; `--fuzz` makes it more or less."""
    factor: float = request.config.getoption("--fuzz")
    return lambda usual: max(int(usual * factor), 1)
