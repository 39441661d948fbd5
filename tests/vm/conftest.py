# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernels the tests in this directory run on."""

import pytest

from .kernels import DEFAULT, SOURCES, Kernel, KernelError, fetch
from .userland import missing


def _names(config: pytest.Config) -> list[str]:
    names = config.getoption("--kernel") or []
    for name in names:
        if name not in SOURCES:
            raise pytest.UsageError(f"unknown kernel {name!r}: choose from {', '.join(SOURCES)}")
    return list(names) or list(DEFAULT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a `kernel` on every kernel chosen."""
    if "kernel" in metafunc.fixturenames:
        metafunc.parametrize("kernel", _names(metafunc.config), indirect=True, scope="session")


def _fetch(name: str) -> Kernel:
    # A skip would look like success: what is lacking can be had with one command.
    if command := missing():
        pytest.fail(f"this machine cannot run a guest; {command}", pytrace=False)
    try:
        return fetch(name)
    except KernelError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """Each of the kernels chosen, in turn."""
    return _fetch(request.param)


@pytest.fixture(scope="session")
def newest_kernel(request: pytest.FixtureRequest) -> Kernel:
    """The last of the kernels chosen, for what does not depend on the kernel."""
    return _fetch(_names(request.config)[-1])
