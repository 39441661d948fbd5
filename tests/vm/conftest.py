# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernels the tests in this directory run on, and what they all want to know of them."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.vm.harness import uml
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import DEFAULT, SOURCES, Kernel, KernelError, fetch
from tests.vm.harness.machines import GUESTS, IN_CI
from tests.vm.harness.suites import Case, as_data
from tests.vm.harness.userland import missing

Rows = list[dict[str, Any]]
# Guests that run at the same time: one for each CPU of the smallest machine that runs the tests.
_AT_ONCE = 2


def _names(config: pytest.Config) -> list[str]:
    """The kernels that the command line names, or none."""
    names: list[str] = config.getoption("--kernel") or []
    known = (*SOURCES, *uml.SUITES)
    for name in names:
        if name not in known:
            raise pytest.UsageError(f"unknown kernel {name!r}: choose from {', '.join(known)}")
    return names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a `kernel` on those that it is marked with, or on all for QEMU.

    What the command line names is chosen from these; if none fits, the last one of the same kind.
    """
    if "kernel" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("kernels")
        known = mark.args if mark else DEFAULT
        chosen = _names(metafunc.config)
        alike = [name for name in chosen if _lane(name) in map(_lane, known)]
        names = [name for name in known if name in chosen] or alike[-1:] or known
        params = [pytest.param(name, marks=_lane(name)) for name in names]
        metafunc.parametrize("kernel", params, indirect=True, scope="session")
    if "machine" in metafunc.fixturenames:
        metafunc.parametrize("machine", _machines(metafunc.config), indirect=True, scope="module")


def _machines(config: pytest.Config) -> tuple[str, ...]:
    """The machines of other architectures that the command line names, or CI's."""
    names: list[str] = config.getoption("--machine") or []
    for name in names:
        if name not in (*GUESTS, "all"):
            raise pytest.UsageError(f"unknown machine {name!r}: choose from {', '.join(GUESTS)}")
    return tuple(GUESTS) if "all" in names else tuple(names) or IN_CI


def _lane(name: str) -> pytest.MarkDecorator:
    mark: pytest.MarkDecorator = getattr(pytest.mark, uml.lane(name))
    return mark


def _fetch(name: str) -> Kernel:
    # A skip would look like success: what is lacking can be had with one command.
    if command := missing(emulator=name in SOURCES):
        pytest.fail(f"this machine cannot run a guest; {command}", pytrace=False)
    try:
        return uml.fetch(name) if name in uml.SUITES else fetch(name)
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
            for name in _names(request.config) or DEFAULT:
                if (name, mode) not in futures:
                    futures[name, mode] = pool.submit(observe, _fetch(name), mode, cases)
            return futures[kernel.name, mode].result()

        yield rows
        pool.shutdown(cancel_futures=True)
