# SPDX-License-Identifier: GPL-3.0-or-later
"""What lines of line-oriented files may look like: all others are mistakes.

A group of a pattern is named for the question that its text must stand: a method of `Vocabulary`.
"""

import re
from pathlib import Path

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.manifest import words
from modprobe_ipsec.manifest.hosts import systemd
from modprobe_ipsec.manifest.model import ManifestFile
from tests.manifest.vocabulary import Vocabulary

# Lines of a unit that are always the same. source: systemd.exec(5), systemd.service(5)
_SCHEMAS = Path(__file__).parent / "schemas"
_NAMES = r"(?P<module_list>[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*)"
_NAME = r"(?P<module>[A-Za-z0-9_-]+)"
_KEY = r"(?P<sysctl>[a-z0-9_.]+)"
_VALUE = r"(?P<switch>[0-9]+)"
_PORT = r"(?P<port>[0-9]+:[0-9]+/[a-z]+)"
_DEVICE = r"(?P<device>/dev/[a-z/]+)"
_IMAGE = r"(?P<image>\S+)"
_MODPROBE = re.escape(words.MODPROBE)
_TEST = rf"/usr/bin/test -d /sys/module/{_NAME}"
_CDI = re.escape("modprobe-ipsec.io/host=modules")
_SOFTDEP = rf"softdep {_NAME} pre: {_NAMES}"
_LXC = (
    r"lxc\.hook\.version = 1",
    rf"lxc\.hook\.pre-start = {_MODPROBE} -a -b {_NAMES}",
    rf"lxc\.hook\.pre-start = {_TEST}",
    rf"lxc\.sysctl\.{_KEY} = {_VALUE}",
    r"lxc\.cgroup2\.devices\.allow = c 10:200 rwm",
    rf"lxc\.mount\.entry = {_DEVICE} dev/net/tun none bind,create=file 0 0",
)
_UNIT = (
    *map(re.escape, (_SCHEMAS / "unit.txt").read_text().splitlines()),
    rf"Before={re.escape(' '.join(words.DAEMON_UNITS))}",
    rf"ExecStart=-{_MODPROBE} -a -b {_NAMES}",
    rf"ExecStart={_TEST}",
    rf"ExecStart={re.escape(systemd.TOOL)} --apply /{re.escape(words.PLAN_PATH)}",
)
_CONTAINERFILE = tuple(rf"COPY (usr/lib/{part}) /\1" for part in (
    r"modules-load\.d/modprobe-ipsec\.conf",
    r"modprobe\.d/modprobe-ipsec\.conf",
    r"sysctl\.d/60-modprobe-ipsec\.conf",
    r"systemd/system/modprobe-ipsec-host\.service",
))  # fmt: skip

# By the end of the path.
_LINES: Mapping[str, tuple[str, ...]] = {
    "modules-load.d/modprobe-ipsec.conf": (_NAME,),
    "modprobe.d/modprobe-ipsec.conf": (_SOFTDEP,),
    "sysctl.d/60-modprobe-ipsec.conf": (rf"-?{_KEY} = {_VALUE}",),
    ".service": _UNIT,
    ".container": (
        r"\[(?:Unit|Container|Install)\]",
        r"Description=IKE daemon",
        rf"(?:Requires|After)={re.escape(words.UNIT)}",
        rf"Image={_IMAGE}",
        r"DropCapability=all",
        r"AddCapability=(?P<capability_list>[A-Z_ ]+)",
        r"NoNewPrivileges=true",
        rf"AddDevice={_DEVICE}",
        rf"PublishPort={_PORT}",
        rf"Sysctl={_KEY}={_VALUE}",
        r"WantedBy=multi-user\.target",
    ),
    "docker-run.sh": (
        r"set -eu",
        r"docker run -d \\",
        r"    --cap-drop ALL \\",
        r"    --cap-add (?P<capability>[A-Z_]+) \\",
        r"    --security-opt no-new-privileges \\",
        rf"    --device (?:{_CDI}|{_DEVICE}) \\",
        rf"    -p {_PORT} \\",
        rf"    --sysctl {_KEY}={_VALUE} \\",
        rf"    {_IMAGE}",
    ),
    "lxc.conf": _LXC,
    "append-to-ID.conf": (
        rf"lxc\.sysctl\.{_KEY}: {_VALUE}",
        r"lxc\.cgroup2\.devices\.allow: c 10:200 rwm",
        rf"lxc\.mount\.entry: {_DEVICE} dev/net/tun none bind,create=file",
    ),
    "user-data.toml": (
        rf"\[settings\.kernel\.modules\.{_NAME}\]",
        r"allowed = true",
        r"autoload = true",
        r"\[settings\.kernel\.sysctl\]",
        rf'"{_KEY}" = "{_VALUE}"',
    ),
    ".nix": (
        r"\{ \.\.\. \}:",
        r"\{|\}",
        r"  boot\.kernelModules = \[(?P<quoted>(?: \"[A-Za-z0-9_-]+\")*) \];",
        r"  boot\.extraModprobeConfig = ''",
        rf"    {_SOFTDEP}",
        r"  '';",
        rf'  boot\.kernel\.sysctl\."{_KEY}" = {_VALUE};',
    ),
    "Containerfile": (
        r"ARG BASE",
        r"FROM \$\{BASE\}",
        *_CONTAINERFILE,
        rf"COPY {re.escape(words.PLAN_PATH)} /{re.escape(words.PLAN_PATH)}",
        rf"RUN systemctl enable {re.escape(words.UNIT)}",
    ),
}


def mistakes(file: ManifestFile, vocabulary: Vocabulary) -> Iterator[str]:
    """What is wrong with the lines of a file."""
    patterns = next((p for end, p in _LINES.items() if file.path.endswith(end)), None)
    if patterns is None:
        yield "nobody knows what such a file may hold"
        return
    for number, line in enumerate(file.text.split("\n"), 1):
        if line and not line.startswith("#"):
            problem = _line(line, patterns, vocabulary)
            if problem:
                yield f"{number}: {problem}"


def _line(line: str, patterns: tuple[str, ...], vocabulary: Vocabulary) -> str:
    for pattern in patterns:
        match = re.fullmatch(pattern, line)
        if match:
            answers = (_ask(q, text, vocabulary) for q, text in match.groupdict().items() if text)
            return next((answer for answer in answers if answer), "")
    return f"no line of such a file looks like `{line}`"


def _ask(question: str, text: str, vocabulary: Vocabulary) -> str:
    if question == "quoted":
        return vocabulary.module_list(text.replace('"', ""))
    answer: str = getattr(vocabulary, question)(text)
    return answer
