# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernels the tests in this directory run on, and what they all want to know of them."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.vm.harness.guest import run
from tests.vm.harness.kernels import DEFAULT, SOURCES, Kernel, KernelError, fetch
from tests.vm.harness.suites import Case, as_data
from tests.vm.harness.userland import missing

Rows = list[dict[str, Any]]
# Guests that run at the same time: one for each CPU of the smallest machine that runs the tests.
_AT_ONCE = 2


def _names(config: pytest.Config) -> list[str]:
    names = config.getoption("--kernel") or []
    for name in names:
        if name not in SOURCES:
            raise pytest.UsageError(f"unknown kernel {name!r}: choose from {', '.join(SOURCES)}")
    return list(names) or list(DEFAULT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a `kernel` on every kernel chosen.

    A module that takes minutes on each may be content with some of them: `KERNELS`.
    """
    if "kernel" in metafunc.fixturenames:
        names = _names(metafunc.config)
        some = [name for name in names if name in getattr(metafunc.module, "KERNELS", names)]
        metafunc.parametrize("kernel", some or names[-1:], indirect=True, scope="session")


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
def kernel_named() -> Callable[[str], Kernel]:
    """A kernel by its short name, for tests that choose by more than the kernel."""
    return _fetch


@pytest.fixture(scope="session")
def newest_kernel(request: pytest.FixtureRequest) -> Kernel:
    """The last of the kernels chosen, for what does not depend on the kernel."""
    return _fetch(_names(request.config)[-1])


def observe(kernel: Kernel, mode: str, cases: list[Case], timeout: float = 1200) -> Rows:
    """Run guest/matrix.py over the cases in a fresh guest; the rows that it prints."""
    script = Path(__file__).with_name("guests") / "matrix.py"
    data = json.dumps(as_data(cases)).encode()
    result = run(
        kernel, ["python3", str(script), mode], files={"/cases.json": data}, timeout=timeout
    )
    assert result.status == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="session")
def observed(request: pytest.FixtureRequest) -> Iterator[Callable[[Kernel, str, list[Case]], Rows]]:
    """`observe`, once for each kernel and mode; all chosen kernels start with the first call."""
    futures: dict[tuple[str, str], Future[Rows]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def rows(kernel: Kernel, mode: str, cases: list[Case]) -> Rows:
            for name in _names(request.config):
                if (name, mode) not in futures:
                    futures[name, mode] = pool.submit(observe, _fetch(name), mode, cases)
            return futures[kernel.name, mode].result()

        yield rows
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def bookworm() -> Kernel:
    """Debian 12's kernel, for what is shown on one."""
    return _fetch("6.1")
