# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a need goes forward only: no file of it is entered twice."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import modprobe_ipsec
from modprobe_ipsec.diagnose.obstacles import checks
from modprobe_ipsec.host.facts import Facts, KernelConfig
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from tests.facts import CBC, GCM, blacklist, facts, install, live
from tests.shipped import CATALOG

PACKAGE = str(Path(modprobe_ipsec.__file__).parent) + "/"
# What every room may use, and the words and methods of values, are not the way.
TOOLS = ("base/", "needs/")


def is_value(frame: FrameType) -> bool:
    """Whether a value answers about itself."""
    return isinstance(frame.f_locals.get("self"), tuple | str | KernelConfig)


@contextmanager
def entered() -> Iterator[list[tuple[str, str]]]:
    """Which file of the package calls into which other, in order, while something runs."""
    calls: list[tuple[str, str]] = []
    started: set[int] = set()
    # frames are kept, so that none gets the id of another
    frames: list[FrameType] = []

    def caller(frame: FrameType | None) -> str:
        while frame is not None:
            if frame.f_code.co_filename.startswith(PACKAGE):
                name = frame.f_code.co_filename.removeprefix(PACKAGE)
                if not name.startswith(TOOLS) and not is_value(frame):
                    return name
            frame = frame.f_back
        return ""

    def look(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event != "call" or not name.startswith(PACKAGE) or id(frame) in started:
            return
        name = name.removeprefix(PACKAGE)
        # the body of a module or class is not the way, nor is a generator that goes on
        if name.startswith(TOOLS) or is_value(frame) or frame.f_code.co_name == "<module>":
            return
        started.add(id(frame))
        frames.append(frame)
        before = caller(frame.f_back)
        if before != name:
            calls.append((before, name))

    sys.setprofile(look)
    try:
        yield calls
    finally:
        sys.setprofile(None)


HOSTS: dict[str, Callable[[], Facts]] = {
    "all is loadable": facts,
    "blocked": lambda: facts(
        rules=(install("esp4"), blacklist("esp4"), blacklist("seqiv")), modules_disabled=True
    ),
    "half is there": lambda: facts(modules=live("xfrm_user", "xfrm_algo", "esp4", "gcm", "ctr")),
    "no module directory": lambda: facts(module_index=None),
    "FIPS mode": lambda: facts(fips=True),
}


@pytest.mark.parametrize("name", HOSTS)
def test_no_file_is_entered_twice(name: str) -> None:
    needs: list[AnyNeed] = [GCM, CBC, FeatureNeed("xfrm_interface", None)]
    host = HOSTS[name]()
    # what is imported when it is needed is there already
    checks()
    judge(make_plan(needs, host, CATALOG), {}, loaded=False)
    with entered() as calls:
        plan = make_plan(needs, host, CATALOG)
        verdicts = judge(plan, {}, loaded=False)
    assert len(verdicts) == len(needs)
    files = Counter(file for _, file in calls)
    print(f"{name}: {len(files)} files, {len(calls)} entries")
    for before, file in calls:
        print(f"  {before or '-'} -> {file}")
    assert {file for file, times in files.items() if times > 1} == set()
    rooms = [file.partition("/")[0] for _, file in calls]
    assert set(rooms) <= {"plan", "diagnose", "host"}
