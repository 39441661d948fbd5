# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook as a runtime starts it: one line, an exit status, nothing else, and in time."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.commands import oci_hook as hook

from .bundle import HOOK, IMPOSSIBLE, make, state

LAUNCHER = Path(sys.executable).with_name("modprobe-ipsec-hook")


def run(
    value: Any, *arguments: str, command: tuple[str, ...] = HOOK, **options: Any
) -> subprocess.CompletedProcess[str]:
    """The hook with a state on its stdin; checks what is true of every run."""
    text = value if isinstance(value, str) else json.dumps(value)
    done = subprocess.run(
        [*command, *arguments], input=text, capture_output=True, text=True, timeout=60, **options
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == (done.returncode != 0), done.stderr
    assert done.stderr.startswith("modprobe-ipsec-hook: ") or not done.returncode
    return done


def test_what_no_kernel_can_stops_the_container(tmp_path: Path) -> None:
    done = run(state(make(tmp_path), esp=IMPOSSIBLE))
    assert done.returncode == 2
    assert "0123456789ab: ESP IPv4 CAMELLIA_CCM_16_256" in done.stderr
    assert "no kernel has Camellia-CCM" in done.stderr and "To do: " in done.stderr


@pytest.mark.parametrize(
    ("annotations", "status", "words"),
    [
        ({"esp": "rot13"}, 64, "`rot13` is not recognized"),
        ({"esp": " "}, 64, "nothing stands where a proposal should be"),
        ({"load": "nf_conntrack"}, 78, "io.modprobe-ipsec.load: choose from esp, ah"),
        ({"ipcomp": "maybe"}, 78, "say yes or no"),
        ({"daemon": "racoon"}, 78, "choose from iked, libreswan, strongswan"),
        ({"config": "etc/ipsec.conf"}, 78, "not an absolute path"),
        ({"config": "/etc/nothing.conf"}, 78, "/etc/nothing.conf: no such file"),
        ({"esp": "aes128\x1b[2J"}, 78, "not printable"),
    ],
)
def test_annotations(annotations: dict[str, str], status: int, words: str, tmp_path: Path) -> None:
    done = run(state(make(tmp_path), **annotations))
    assert done.returncode == status and words in done.stderr
    assert done.stderr.rstrip("\n").isprintable()


def test_a_container_that_says_nothing_is_not_guessed_at(tmp_path: Path) -> None:
    bundle = make(tmp_path)
    (bundle / "rootfs/etc/ipsec.conf").unlink()
    done = run(state(bundle))
    assert done.returncode == 78 and "nothing says what it needs" in done.stderr
    (bundle / "rootfs/etc/ipsec.conf").symlink_to("/etc/passwd")
    assert run(state(bundle)).stderr == done.stderr


def test_a_bug_of_ours_is_told_from_what_cannot_be_told(tmp_path: Path) -> None:
    code = (
        "import sys, modprobe_ipsec.commands.oci_hook as hook; "
        "hook.engine.gather = lambda host: 1 // 0; "
        "sys.exit(hook.main(sys.argv[1:], 20))"
    )
    command = (sys.executable, "-c", code)
    value = state(make(tmp_path), esp=IMPOSSIBLE)
    done = run(value, command=command)
    assert done.returncode == 70
    assert "0123456789ab: internal error: ZeroDivisionError: " in done.stderr
    shown = subprocess.run(
        [*command, "--debug"], input=json.dumps(value), capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 70 and shown.stderr.startswith("Traceback")
    assert shown.stderr.endswith(done.stderr)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "null", "\0", '{"id":"../x"}'])
def test_no_state(text: str) -> None:
    assert run(text).returncode == 78


def test_the_hosts_own_root_is_no_container(tmp_path: Path) -> None:
    bundle = make(tmp_path)
    (bundle / "link").symlink_to("/")
    for path in ("/", "link", "/proc/self/root", "../../../../../../.."):
        (bundle / "config.json").write_text(json.dumps({"root": {"path": path}}))
        assert "the host's own root" in run(state(bundle)).stderr


def test_standard_files_may_be_closed() -> None:
    script = 'exec "$@" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", script, "sh", *HOOK], timeout=20)
    assert done.returncode == 78


def test_usage() -> None:
    for arguments in (["--plan"], ["--plan", "relative"], ["--help"], ["--plan", "/a", "b"]):
        assert run("{}", *arguments).returncode == 64


def test_a_host_plan_counts_alone(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    tool = (sys.executable, "-I", "-m", "modprobe_ipsec")
    made = subprocess.run(
        [*tool, "--manifest", "yaml", "--esp", IMPOSSIBLE, "-4"], capture_output=True, text=True
    )
    plan.write_text(made.stdout)
    done = run(state(tmp_path / "no bundle", esp="aes128"), "--plan", str(plan))
    assert done.returncode == 2 and "CAMELLIA_CCM" in done.stderr, made.stderr
    plan.write_text(made.stdout.replace("modules:", "modules: [evil]\nothers:"))
    assert run(state(tmp_path), "--plan", str(plan)).returncode == 78
    assert "no such file" in run(state(tmp_path), "--plan", f"{plan}x").stderr


CONN = "conn a\n left=192.0.2.1\n right=192.0.2.2\n auto=start\n"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("include /etc/secret.conf\n" + CONN, "/etc/ipsec.conf:1: include"),
        (
            CONN + "conn b\n left=192.0.2.1\n right=192.0.2.3\n auto=start\n esp=rot13\n",
            "is not recognized",
        ),
    ],
)
def test_what_is_lost_of_a_configuration_stops_the_container(
    lines: str, words: str, tmp_path: Path
) -> None:
    bundle = make(tmp_path)
    (bundle / "rootfs/etc/ipsec.conf").write_text(lines)
    (bundle / "rootfs/etc/secret.conf").mkdir()
    done = run(state(bundle))
    assert done.returncode == 78 and words in done.stderr


def test_little_memory_is_no_obstacle(tmp_path: Path) -> None:
    little = (800 << 20, 800 << 20)
    done = run(
        state(make(tmp_path), esp=IMPOSSIBLE),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, little),
    )
    assert done.returncode == 2 and "CAMELLIA_CCM" in done.stderr


def test_nobody_has_to_hear_it() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(HOOK, input=b"", stderr=full, timeout=20)
    assert done.returncode == 78


def test_mounts_that_cannot_be_seen_are_not_guessed_at(tmp_path: Path) -> None:
    # no process ever has this number
    done = run({**state(make(tmp_path)), "pid": 1 << 22})
    assert done.returncode == 78 and "what is mounted in the container is unknown" in done.stderr


@pytest.mark.parametrize("kind", ["proc", "sysfs"])
def test_the_kernels_own_files_are_not_read_for_a_container(kind: str, tmp_path: Path) -> None:
    bundle = make(tmp_path)
    name = {"proc": "version", "sysfs": "kernel/uevent_seqnum"}[kind]
    place = bundle / "rootfs/mnt"
    place.mkdir()
    (bundle / "rootfs/etc/ipsec.conf").write_text(f"include /mnt/{name}\n{CONN}")
    script = 'mount -t "$1" none "$2" && echo mounted && read -r _'
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script, "sh", kind, str(place)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as container:  # fmt: skip
        assert container.stdout and container.stdout.readline() == "mounted\n"
        done = run({**state(bundle), "pid": container.pid})
        container.communicate("\n")
    assert done.returncode == 78
    assert f"/mnt/{name}: whether it is there cannot be seen" in done.stderr


def test_a_process_that_has_left_the_hosts_root_is_not_looked_into(tmp_path: Path) -> None:
    """Its absolute links would lead to wherever it is now, not to where it was."""
    bundle = make(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = 'mount --bind / "$1" && cd "$1" && exec chroot "$1/usr" /bin/sh -c "$2"'
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(elsewhere), "echo there && read -r _"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": "/bin:/sbin"},
    ) as container:  # fmt: skip
        try:
            assert container.stdout and container.stdout.readline() == "there\n"
            done = run({**state(bundle), "pid": container.pid})
        finally:
            container.communicate("\n")
    assert done.returncode == 78 and "has left the host's root" in done.stderr


@pytest.mark.parametrize("status", ["running", "stopped", None, 1])
def test_a_container_that_does_not_wait_for_the_hook(status: object, tmp_path: Path) -> None:
    done = run({**state(make(tmp_path)), "status": status})
    assert done.returncode == 78 and "is not `creating`" in done.stderr


def evil(place: Path) -> dict[str, str]:
    """An environment that would do something if anybody heard it."""
    place.mkdir()
    for name in ("json", "ctypes", "sitecustomize", "usercustomize"):
        (place / f"{name}.py").write_text(f"open({str(place / 'heard')!r}, 'w')\n")
    return {
        "PYTHONPATH": str(place),
        "PYTHONSTARTUP": str(place / "json.py"),
        "PYTHONHOME": str(place),
        "MODPROBE_OPTIONS": "-C /evil",
        "LD_PRELOAD": str(place / "evil.so"),
        "PATH": str(place),
        "HOME": str(place),
    }


def test_the_environment_is_not_heard(tmp_path: Path) -> None:
    environment = evil(tmp_path / "evil")
    done = subprocess.run(
        HOOK, input=json.dumps(state(make(tmp_path), esp=IMPOSSIBLE)), env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert not (tmp_path / "evil/heard").exists()


def test_the_launcher_forgets_the_environment_before_it_reads_anything(tmp_path: Path) -> None:
    environment = {"MODPROBE_OPTIONS": "-C /evil", "KMOD": "1", "PATH": "/evil"}
    trace = tmp_path / "trace"
    command = ("strace", "-f", "-v", "-s", "1000", "-o", str(trace), "-e", "trace=execve")
    path = shutil.which("strace")
    assert path, "apt-get install strace"
    done = subprocess.run(
        [path, *command[1:], str(LAUNCHER)], input="{}", env=environment, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 78
    last = [line for line in trace.read_text().splitlines() if "execve(" in line][-1]
    assert '"-I", "-B"' in last
    assert re.search(r'\["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"\]', last), last


def opened(trace: Path) -> Iterator[str]:
    for line in trace.read_text().splitlines():
        if found := re.search(r"open(?:at2?)?\(.* = \d+<(.*)>$", line):
            yield found[1]


def test_nothing_outside_the_tree_is_opened_and_nothing_written(tmp_path: Path) -> None:
    bundle = make(tmp_path / "bundle")
    etc = bundle / "rootfs/etc"
    (tmp_path / "outside").write_text("conn x\n")
    (etc / "ipsec.conf").write_text(
        "include /etc/shadow\ninclude ../../../../../etc/shadow\ninclude pipe\ninclude device\n"
        f"include link\ninclude {tmp_path}/outside\ninclude more/*.conf\n"
        "conn a\n left=192.0.2.1\n right=192.0.2.2\n auto=start\n esp=camellia256\n"
    )
    (etc / "link").symlink_to(tmp_path / "outside")
    (etc / "more").symlink_to("/etc")
    os.mkfifo(etc / "pipe")
    os.mknod(etc / "device", 0o20666, os.makedev(1, 5))
    calls = "open,openat,openat2,creat,execve,init_module,finit_module,mkdir,unlink,rename"
    seen = []
    for annotations in ({"esp": IMPOSSIBLE}, {}):
        trace = tmp_path / "trace"
        command = ("strace", "-f", "-y", "-qq", "-o", str(trace), "-e", f"trace={calls}", *HOOK)
        run(state(bundle, **annotations), command=command)
        text = trace.read_text()
        seen.append({path for path in opened(trace) if not path.startswith("/proc/")})
        # its own start is the only program; what it would load here depends on this machine
        assert len(re.findall(r"execve\(", text)) == 1
        written = re.findall(r'open.*"([^"]*)", .*O_(?:WRONLY|RDWR|CREAT)', text)
        assert set(written) <= {"/dev/null"}
    mine = str(bundle)
    of_container = {path for path in seen[1] - seen[0] if not path.startswith(mine)}
    code = (sys.prefix, sys.base_prefix, str(Path(hook.__file__).parents[2]), "/usr/lib", "/lib")
    assert [path for path in of_container if not path.startswith(code)] == []
    assert f"{mine}/rootfs/etc/ipsec.conf" in seen[1]
    forbidden = {"/etc/shadow", str(tmp_path / "outside"), str(etc / "pipe"), str(etc / "device")}
    assert not forbidden & seen[1]


def test_a_configuration_without_measure_is_refused(tmp_path: Path) -> None:
    bundle = make(tmp_path)
    (bundle / "rootfs/etc/d").mkdir()
    big = bundle / "rootfs/etc/big"
    big.write_text("conn a{}\n  left=192.0.2.1\n  right=192.0.2.2\n  auto=start\n" * 120_000)
    for number in range(400):
        (bundle / f"rootfs/etc/d/{number}").hardlink_to(big)
    (bundle / "rootfs/etc/ipsec.conf").write_text("include /etc/d/*\n")
    assert "more than 100000 connections" in run(state(bundle)).stderr
