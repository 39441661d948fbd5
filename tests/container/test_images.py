# SPDX-License-Identifier: GPL-3.0-or-later
"""The images are built, hold nothing that is not needed, and say what container/README.md says.

What their daemons do on a kernel with modules: tests/vm/suites/test_five_commands.py.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.images import NAMES, Engine, base, image
from tests.container.test_files import commands
from tests.report_schema import checked

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root builds images here"),
]

# MB beyond the base, for a daemon, its libraries and Python: a tenth more than they take. pip alone
# or apt's downloads would be too much.
LIMIT = {"libreswan": 98, "strongswan": 57, "openiked": 57}
PROGRAM = {"libreswan": "ipsec", "strongswan": "swanctl", "openiked": "iked"}
# Beside those that container/README.md gives to any.
CAPABILITIES = {"openiked": ("SETGID", "SETUID", "SYS_CHROOT")}
CONFIG = {
    "libreswan": (
        "/etc/ipsec.conf",
        "conn one\n\tauto=add\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tesp=aes_gcm256\n",
    ),
    "strongswan": (
        "/etc/swanctl/swanctl.conf",
        "connections { one { children { net { esp_proposals = aes256gcm16 } } } }\n",
    ),
    "openiked": (
        "/etc/iked.conf",
        'ikev2 "net" esp from 10.0.1.0/24 to 10.0.2.0/24 local 192.0.2.1 peer 192.0.2.2 '
        'childsa enc aes-256-ctr auth hmac-sha2-384 psk "example"\n',
    ),
}


@pytest.fixture(scope="module", params=NAMES)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Engine, Path]]:
    """A daemon's name, an engine that has its image, and the image's tree."""
    engine = Engine(tmp_path_factory.mktemp(request.param))
    engine.must("load", "--quiet", "--input", image(request.param))
    tree = Path(engine.must("image", "mount", "localhost/ike:latest").strip())
    yield request.param, engine, tree
    engine.must("image", "unmount", "localhost/ike:latest")


def test_nothing_is_in_it_that_is_not_needed(built: tuple[str, Engine, Path]) -> None:
    name, _, tree = built
    programs = {path.name for path in (*tree.glob("usr/*bin/*"), *tree.glob("opt/*/bin/*"))}
    assert {PROGRAM[name], "modprobe-ipsec-init"} <= programs
    unwanted = ("cc", "gcc", "make", "pip", "pip3", "git", "kmod", "modprobe", "insmod", "sudo")
    assert not programs.intersection(unwanted)
    left = (
        *("src", "usr/lib/modules", "root/.cache", "root/.pip", "etc/apt/apt.conf.d/99*"),
        *("var/lib/apt/lists/*", "var/cache/apt/*.bin", "var/cache/apt/archives/*.deb"),
    )
    assert [path for pattern in left for path in tree.glob(pattern)] == []
    (site,) = tree.glob("opt/modprobe-ipsec/lib/python3*/site-packages")
    packages = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert packages == {"modprobe_ipsec", "kmodpy", "pyroute2", "pyudev", "yaml", "_yaml"}


def test_it_is_small(built: tuple[str, Engine, Path]) -> None:
    name, engine, _ = built
    size = int(engine.must("image", "inspect", "--format={{.Size}}", "ike"))
    assert size - base().stat().st_size < LIMIT[name] * 1_000_000


def test_the_engine_learns_of_ports_and_of_the_daemon(built: tuple[str, Engine, Path]) -> None:
    _, engine, tree = built
    (about,) = json.loads(engine.must("image", "inspect", "ike"))
    config = about["Config"]
    assert set(config["ExposedPorts"]) == {"500/udp", "4500/udp"}
    for words in (config["Entrypoint"], config["Cmd"]):
        assert (tree / words[0].lstrip("/")).is_file()
    # what a build is told of this machine is no part of what it makes
    assert {line.partition("=")[0] for line in config["Env"]} <= {"PATH", "container"}


def test_from_inside(built: tuple[str, Engine, Path], tmp_path: Path) -> None:
    name, engine, _ = built
    place, text = CONFIG[name]
    (tmp_path / "config").write_text(text)
    # iked reads nothing that others could
    (tmp_path / "config").chmod(0o600)
    (run,) = (words for words in commands() if words[:2] == ["podman", "run"])
    flags = [word for word in run if word.startswith("--cap-")]
    assert len(flags) == 3
    flags += [f"--cap-add={word}" for word in CAPABILITIES.get(name, ())]
    start = ("run", "--rm", "--network=none", *flags, f"--volume={tmp_path}/config:{place}:ro")
    done = engine.run(*start, "ike", "echo", "started")
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert f"\n{place} of " in done.stderr and "\nfor the host: " in done.stderr
    ask = ("--entrypoint=modprobe-ipsec", "ike", "--check", "--prove", "--format=json")
    done = engine.run(*start, *ask)
    report = checked(done.stdout)
    assert done.returncode == report["exit_code"], done.stderr
    assert any(place in json.dumps(need) for need in report["needs"])
    container = report["container"]
    assert (container["kind"], container["user_namespace"]) == ("podman", False)
    assert container["evidence"] and container["unseen"] and container["lacks"] == []
    assert set(container["autoload"]) == {"works", "why"}
