# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand broken containers: an error in one line, or needs that the map knows."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.commands import engine
from modprobe_ipsec.commands import oci_hook as hook
from modprobe_ipsec.commands.engine import families
from modprobe_ipsec.host.facts import Facts
from modprobe_ipsec.host.gather import gather
from modprobe_ipsec.host.machine import oci_state as oci
from modprobe_ipsec.host.root import Host
from modprobe_ipsec.needs.everything import all_needs
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed
from modprobe_ipsec.plan.planner import make_plan
from tests.hosts import tree

from .bundle import IPSEC_CONF, make, state

SHADOW = "root:$y$HUSH:19000::::::\n"
WORDS = (
    *("esp", "ah", "ipcomp", "config", "daemon", "load", "module", "options", "esp\0"),
    *("../../../etc/shadow", "/etc/shadow", "/proc/self/mem", "a" * 5000, "", "\n", "\x1b[2J"),
    *("aes256gcm16", "yes", "libreswan", "-D evil", "nf_conntrack", "rot13", "💥", "aes" * 999),
)
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1 << 70,
    1.5,
    [],
    {},
    "",
    "x",
    "/",
    ["/"],
    {"path": "/"},
    "../..",
    "\0",
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return engine.catalog()


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """A host with all its modules and nothing loaded."""
    root = tree.assemble("booted-6.12", tmp_path_factory.mktemp("host") / "root")
    return gather(Host(str(root)))


@pytest.fixture(scope="module")
def allowed(catalog: Catalog, facts: Facts) -> frozenset[str]:
    """All modules that anything in the map could ever want on that host."""
    needs: list[AnyNeed] = list(all_needs(catalog, families(facts)))
    for name, feature in catalog.features.items():
        needs += [FeatureNeed(name, family, ()) for family in feature.requests]
    plan = make_plan(needs, facts, catalog)
    return frozenset(name for step in plan.steps for name in (step.module, *step.dependencies))


@pytest.fixture
def check(catalog: Catalog, facts: Facts, allowed: frozenset[str]) -> Callable[[bytes], int]:
    """Says of one state whether it led to needs; fails if to anything else than it may."""

    def run(data: bytes) -> int:
        try:
            wanted = hook.wanted_by(oci.parse_state(data), facts, catalog)
        except Error as error:
            assert "HUSH" not in f"{error.message} {error.hint}"
            return 0
        plan = make_plan(wanted.needs, facts, catalog)
        assert {name for s in plan.steps for name in (s.module, *s.dependencies)} <= allowed
        assert not any("HUSH" in f"{p.place} {p.text}" for p in wanted.problems)
        return 1

    return run


def twist(value: Any, chance: Random) -> Any:
    """A JSON value with one thing in it wrong."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        match chance.randrange(4):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, "io.modprobe-ipsec." + chance.choice(WORDS): chance.choice(WORDS)}
            case _:
                return {**value, key: twist(value[key], chance)}
    return chance.choice((*ODD, *WORDS))


def scratch(data: bytes, chance: Random) -> bytes:
    """A text with some bytes changed, cut off or doubled."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data = data[:at] + chance.randbytes(chance.randrange(1, 5)) + data[at:]
            case 1:
                data = data[:at]
            case 2:
                data = data[:at] + data[at + chance.randrange(1, 9) :]
            case _:
                data += data[:at]
    return data


@pytest.mark.fuzz
def test_states(
    check: Callable[[bytes], int], tmp_path: Path, rounds: Callable[[int], int]
) -> None:
    count = rounds(5000)
    chance = Random(1)  # noqa: S311
    bundle = make(tmp_path)
    understood = 0
    for _ in range(count):
        value: Any = state(bundle)
        value["annotations"]["io.modprobe-ipsec.esp"] = "aes256gcm16"
        for _ in range(chance.randrange(1, 4)):
            value = twist(value, chance)
        data = json.dumps(value).encode()
        understood += check(scratch(data, chance) if chance.random() < 0.5 else data)
    # most are refused; if all were, nothing would have been tested behind the first check
    assert count * 0.02 < understood < count * 0.8


@pytest.mark.fuzz
def test_bundles(
    check: Callable[[bytes], int], tmp_path: Path, rounds: Callable[[int], int]
) -> None:
    count = rounds(2000)
    chance = Random(2)  # noqa: S311
    bundle = make(tmp_path)
    config = {"ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": True}, "mounts": []}
    data = json.dumps(state(bundle)).encode()
    understood = 0
    for _ in range(count):
        text = json.dumps(twist(twist(config, chance), chance)).encode()
        (bundle / "config.json").write_bytes(
            scratch(text, chance) if chance.random() < 0.5 else text
        )
        understood += check(data)
    assert count * 0.05 < understood < count * 0.95


@pytest.mark.fuzz
def test_configurations(
    check: Callable[[bytes], int], tmp_path: Path, rounds: Callable[[int], int]
) -> None:
    count = rounds(2000)
    chance = Random(3)  # noqa: S311
    bundle = make(tmp_path)
    data = json.dumps(state(bundle)).encode()
    understood = 0
    for _ in range(count):
        text = scratch(IPSEC_CONF.encode(), chance)
        (bundle / "rootfs/etc/ipsec.conf").write_bytes(text)
        understood += check(data)
    assert understood > count / 2


@pytest.mark.fuzz
def test_root_file_systems(
    check: Callable[[bytes], int], tmp_path: Path, rounds: Callable[[int], int]
) -> None:
    chance = Random(4)  # noqa: S311
    (tmp_path / "shadow").write_text(SHADOW)
    outside = (str(tmp_path / "shadow"), "../../../shadow", "/etc/shadow", "/proc/self/environ")
    places = ("etc", "etc/ipsec.conf", "usr", "usr/libexec/ipsec/pluto", "var/lib/dpkg/status")
    bundle = tmp_path / "bundle"
    data = json.dumps(state(bundle)).encode()
    for number in range(rounds(1000)):
        shutil.rmtree(bundle, ignore_errors=True)
        make(bundle)
        for name in chance.sample(places, chance.randrange(1, 3)):
            spoil(bundle / "rootfs" / name, outside, chance)
        if number % 3 == 0 and (bundle / "rootfs/etc").is_dir():
            with (bundle / "rootfs/etc").joinpath("more.conf").open("w") as file:
                file.write("include /etc/*\ninclude /etc/shadow\ninclude more.conf\n")
        check(data)


def spoil(path: Path, outside: tuple[str, ...], chance: Random) -> None:
    """Something else where a file or directory was."""
    if not os.path.lexists(path):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    match chance.randrange(8):
        case 0:
            os.mkfifo(path)
        case 1:
            os.mknod(path, 0o20666, os.makedev(1, chance.choice((3, 5, 8))))
        case 2:
            path.symlink_to(path)
        case 3:
            path.mkdir()
        case 4:
            path.touch(mode=0)
        case 5:
            path.write_bytes(b"include /etc/shadow\n" + chance.randbytes(4000))
        case _:
            path.symlink_to(chance.choice(outside))


def test_very_many_files(check: Callable[[bytes], int], tmp_path: Path) -> None:
    bundle = make(tmp_path)
    many = bundle / "rootfs/etc/many"
    many.mkdir()
    for number in range(20_000):
        (many / f"{number}.conf").touch()
    conf = "include /etc/many/*.conf\nconn a\n    auto=start\n    right=192.0.2.1\n    left=%any\n"
    (bundle / "rootfs/etc/ipsec.conf").write_text(conf)
    check(json.dumps(state(bundle)).encode())


def test_what_is_too_large_or_too_deep(check: Callable[[bytes], int], tmp_path: Path) -> None:
    good = json.dumps(state(make(tmp_path))).encode()
    assert check(good) == 1
    for data in (
        good[:-1] + b" " * oci.STATE_LIMIT + b"}",
        b"[" * 900_000,
        b'{"a":' * 150_000,
        b'{"pid": ' + b"9" * 100_000 + b"}",
        b"\xff\xfe" + good,
        b"",
    ):
        assert check(data) == 0
