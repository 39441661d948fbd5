# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenIKED itself, of Debian 12: what `iked -n -vv` says about configurations.

The package is unpacked, not installed, and runs in namespaces of its own: no network, and a user
_iked that is in no file of this system.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.debs import OracleError, start, unpacked

SUITE = "bookworm"
PACKAGES = ("openiked", "libevent-2.1-7", "libc6", "libssl3")
# $1: a file for /etc/passwd, the others up to `--`: how iked is started. Then files.
_RUN = """\
mount --bind "$1" /etc/passwd
shift
iked=
while [ "$1" != -- ]; do
    iked="$iked $1"
    shift
done
shift
for file; do
    echo "= $file"
    timeout 10 $iked -n -vv -f "$file" </dev/null 2>&1
    echo "status $?"
done
"""
_ANSWER = re.compile(r"^= (.*)\n((?:(?!= ).*\n)*?)status (\d+)\n", re.MULTILINE)
_POLICY = re.compile(
    r'^ikev2 "(.*)"(?: default| quick| skip)? (?:active|passive)(.*)$', re.MULTILINE
)


class PolicySeen(NamedTuple):
    """A policy as iked prints it."""

    name: str
    ipcomp: bool
    mode: str
    protocol: str
    # inet, inet6; empty: both.
    family: str
    # The words of each childsa, in order.
    clauses: tuple[str, ...]


class Answer(NamedTuple):
    """What iked says about a file."""

    accepted: bool
    policies: tuple[PolicySeen, ...]
    said: str


def ask(texts: Mapping[str, str], mode: int = 0o600) -> dict[str, Answer]:
    """What iked says about each configuration, by its name."""
    root = unpacked(SUITE, PACKAGES)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        passwd = place / "passwd"
        passwd.write_text(
            Path("/etc/passwd").read_text()
            + "_iked:x:65533:65533::/nonexistent:/usr/sbin/nologin\n"
        )
        (place / "conf").mkdir()
        for file, text in texts.items():
            path = place / "conf" / file
            # includes are told where they lie
            path.write_bytes(text.replace("@HERE@", str(place / "conf")).encode("latin-1"))
            path.chmod(mode)
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        done = subprocess.run(
            [
                *("unshare", "--net", "--mount", *user, "sh", "-c", _RUN, "sh"),
                *map(str, (passwd, *start(root, "usr/sbin/iked"), "--", *texts)),
            ],
            cwd=place / "conf",
            capture_output=True,
            timeout=600,
        )
    output = done.stdout.decode(errors="surrogateescape")
    answers = {match[1]: _answer(match[2], int(match[3])) for match in _ANSWER.finditer(output)}
    if answers.keys() != texts.keys():
        error = done.stderr.decode(errors="replace")
        raise OracleError(f"iked answered {len(answers)} of {len(texts)} files: {error[-2000:]}")
    return answers


def _answer(said: str, status: int) -> Answer:
    policies = tuple(_policy(match[1], match[2].split()) for match in _POLICY.finditer(said))
    return Answer(status == 0 and "configuration OK" in said, policies, said)


def _policy(name: str, words: list[str]) -> PolicySeen:
    ipcomp = words[0] == "ipcomp"
    mode, protocol, *rest = words[ipcomp:]
    if rest[0] == "proto":
        rest = rest[rest.index("}") + 1 :]
    family = rest[0] if rest[0] in ("inet", "inet6") else ""
    clauses: list[list[str]] = []
    inside = False
    ends = {"srcid", "dstid", "ikelifetime", "lifetime"}
    for word in rest:
        if word in ("ikesa", "childsa", *ends):
            inside = word == "childsa"
            if inside:
                clauses.append([])
        elif inside:
            clauses[-1].append(word)
        if word in ends:
            break
    return PolicySeen(name, ipcomp, mode, protocol, family, tuple(map(" ".join, clauses)))
