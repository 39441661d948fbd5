# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of all tests. Here, because pytest reads options before it looks into sub-directories."""

import signal

import pytest

# Who starts the tests in the background ignores these, and all programs in them would inherit that.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --kernel."""
    parser.addoption(
        "--kernel",
        action="append",
        metavar="NAME",
        help="run tests on real kernels on this one (repeatable; default: all; see tests/vm)",
    )
    parser.addoption(
        "--update",
        action="store_true",
        help="tests/hosts/test_hosts.py: write down what the tool says now",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    config.addinivalue_line("markers", "vm: boots a real kernel under emulation (5-10 s each)")
    config.addinivalue_line("markers", "oracle: compares with a daemon's own parser")
