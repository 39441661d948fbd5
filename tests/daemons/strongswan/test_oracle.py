# SPDX-License-Identifier: GPL-3.0-or-later
"""A running charon, of three releases, loads the connections that we read, in the modes we find."""

import re
from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.daemons.common.descriptor import Release
from modprobe_ipsec.needs.need import Mode
from tests.debs import OracleError

from .charon import SUITES, Charon, Children
from .common import IPSEC, SWANCTL, read
from .traps import IPSEC_REJECTED, IPSEC_TAKEN, SWANCTL_REJECTED, SWANCTL_TAKEN
from .trees import CASES, texts

pytestmark = pytest.mark.oracle

# What Debian's builds do not have, whatever the release: --enable-selinux.
NOT_BUILT = {
    "swanctl-label": "invalid value for: label_mode",
    "swanctl-label-selinux": "invalid value for: label_mode",
}
MODES = {
    frozenset({Mode.TUNNEL}): {"TUNNEL"},
    # with IPComp the ESP SA is in transport mode
    frozenset({Mode.TUNNEL, Mode.TRANSPORT}): {"TRANSPORT", "TRANSPORT_PROXY", "TUNNEL"},
    frozenset({Mode.TUNNEL, Mode.BEET}): {"BEET"},
    frozenset({Mode.TUNNEL, Mode.IPTFS}): {"IPTFS"},
    frozenset({Mode.TUNNEL, Mode.BEET, Mode.TRANSPORT}): {"BEET"},
    frozenset[Mode](): {"PASS", "DROP"},
}
# It is loaded, but nothing can come of it.
HOPELESS = ("no address family in common", "never comes up")
"""Parts of our problem with a connection that charon does load."""


def ours(files: dict[str, str], release: Release) -> tuple[dict[str, frozenset[Mode]], set[str]]:
    """Names of children with the modes of their needs; connections that charon loads besides."""
    reading = read(files, release=release)
    found: dict[str, set[Mode]] = {}
    for need in reading.needs:
        for source in need.sources:
            _, _, name = source.where.partition(" ")
            while re.match(r".*?:\d+ ", name):
                # a space in the file's name
                _, _, name = name.partition(" ")
            found.setdefault(name, set()).add(need.mode)
    besides = {p.conn for p in reading.problems if any(what in p.text for what in HOPELESS)}
    for silent in reading.silent:
        if "`auto`" in silent.why:
            continue
        if "no children" in silent.why:
            besides.add(silent.conn)
        else:
            found.setdefault(silent.conn, set())
    return {name: frozenset(modes) for name, modes in found.items()}, besides


def differences(
    files: dict[str, str], children: Children, said: str, release: Release
) -> list[str]:
    found, besides = ours(files, release)
    is_swanctl = SWANCTL in files
    theirs = {
        f"{conn} children {child}" if is_swanctl else child: mode
        for conn, below in children.items()
        for child, mode in below.items()
        if conn not in besides
    }
    wrong = [name for name in found.keys() & theirs if theirs[name] not in MODES[found[name]]]
    if set(theirs) == set(found) and not wrong and besides <= set(children):
        return []
    return [f"we read {found} and {besides}, charon {children} of {files}: {said}"]


def rejected(files: dict[str, str]) -> bool:
    try:
        read(files)
    except ConfigError:
        return True
    return False


@pytest.fixture(scope="module", params=SUITES)
def charon(request: pytest.FixtureRequest) -> Charon:
    try:
        return Charon(request.param)
    except OracleError as error:
        pytest.fail(str(error))


def test_swanctl(charon: Charon) -> None:
    base = CASES[0].parent
    # charon also loads what its way to the kernel then cannot set up
    names = [
        case.name
        for case in CASES
        if SWANCTL in texts(case) and not {"libipsec", "pfkey"} & set(case.name.split("-"))
    ]
    answers = charon.swanctl(base, [name + SWANCTL for name in names])
    assert len(answers) > 30
    failures = []
    for name in names:
        children, said = answers[name + SWANCTL]
        if name in NOT_BUILT:
            assert NOT_BUILT[name] in said
            assert not children
        else:
            said = f"{name}: {said}"
            failures += differences(texts(base / name), children, said, charon.release)
    assert not failures, "\n".join(failures)


def test_starter(charon: Charon) -> None:
    base = CASES[0].parent
    names = [case.name for case in CASES if IPSEC in texts(case)]
    answers = charon.starter(base, [name + IPSEC for name in names])
    failures = []
    for name in names:
        failures += differences(texts(base / name), *answers[name + IPSEC], charon.release)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    ("path", "taken", "refused"),
    [
        pytest.param(SWANCTL, SWANCTL_TAKEN, SWANCTL_REJECTED, id="swanctl"),
        # starter waits for charon, a second for each
        pytest.param(IPSEC, IPSEC_TAKEN, IPSEC_REJECTED, id="starter", marks=pytest.mark.long),
    ],
)
def test_traps(
    charon: Charon, tmp_path: Path, path: str, taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Syntax that is just right, or just wrong."""
    every = {f"{index}.conf": text for index, text in enumerate((*taken, *refused))}
    for name, text in every.items():
        (tmp_path / name).write_bytes(text.encode())
    answers = (charon.swanctl if path == SWANCTL else charon.starter)(tmp_path, every)
    failures = []
    for name, text in every.items():
        children, said = answers[name]
        if rejected({path: text}):
            # the second is what starter says if it is an `also` that leads nowhere
            invalid = "invalid config file" in said or "fatal errors in config" in said
            invalid = invalid and not children
            failures += [] if invalid else [f"only we reject {text!r}: {said}"]
        else:
            failures += differences({path: text}, children, said, charon.release)
    assert not failures, "\n".join(failures)
