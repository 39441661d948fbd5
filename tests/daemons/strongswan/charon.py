# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan itself, of Debian 12, 13 and sid: a running charon that loads configurations and lists
them.

The packages are unpacked, not installed, and run in namespaces of their own: no network, no file of
this system is touched.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from modprobe_ipsec.daemons.common.descriptor import Release
from tests.debs import OracleError, unpacked

SUITES = ("bookworm", "trixie", "sid")
"""Debian's releases: strongSwan 5.9.8, 6.0.1 and 6.1 or newer."""
_PACKAGES = (
    "charon-systemd", "strongswan-charon", "strongswan-starter", "strongswan-swanctl",
    "strongswan-libcharon", "libstrongswan", "libstrongswan-standard-plugins", "libc6", "libcap2",
    "libcrypt1", "libgcc-s1", "libgcrypt20", "libgmp10", "libgpg-error0", "liblz4-1", "liblzma5",
    "libsystemd0", "libzstd1", "zlib1g",
)  # fmt: skip
_SSL = {"bookworm": "libssl3", "trixie": "libssl3t64", "sid": "libssl3t64"}
_PLUGINS = (
    "random nonce aes sha1 sha2 hmac kdf gmp openssl pem pkcs1 x509 pubkey kernel-netlink "
    "socket-default vici stroke"
)
_CONF = f"""\
charon {{
  load = {_PLUGINS}
  plugins {{
    vici {{
      socket = unix:///run/test.vici
    }}
  }}
}}
swanctl {{
  load = random nonce openssl pem pkcs1 x509 pubkey
  socket = unix:///run/test.vici
}}
"""
_PROTOCOLS = "icmp 1\ntcp 6\nudp 17\ngre 47\nipv6-icmp 58\nsctp 132\n"
_SERVICES = "ftp 21/tcp\nssh 22/tcp\ndomain 53/udp\nhttp 80/tcp\n"
# $1: the unpacked packages, $2: what /cases becomes, the others: files to load.
_START = """\
set -e
root=$1 cases=$2
shift 2
mount --make-rprivate /
mkdir -p "$root/dev" "$root/proc" "$root/run" "$root/cases" "$root/tmp"
ln -sfn /run "$root/var/run"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount -t tmpfs none "$root/run"
mount --bind "$cases" "$root/cases"
export STRONGSWAN_CONF=/cases/strongswan.conf LC_ALL=C.UTF-8
ready() {
    n=0
    until [ -S "$root/run/test.vici" ]; do
        n=$((n + 1))
        [ $n -lt 100 ] || { cat "$cases/log" >&2; exit 1; }
        sleep 0.1
    done
}
"""
_SWANCTL = """\
start() {
    rm -f "$root/run/test.vici"
    chroot "$root" /usr/sbin/charon-systemd >"$cases/log" 2>&1 &
    charon=$!
    ready
}
load() {
    chroot "$root" /usr/sbin/swanctl --load-conns --file "/cases/$1" 2>&1
}
start
echo "connections { }" >"$cases/none.conf"
for file; do
    # or the last file's would still be there, if this one is rejected; some crash charon
    load none.conf >/dev/null || start
    echo "= $file"
    load "$file" || :
    chroot "$root" /usr/sbin/swanctl --list-conns --raw 2>&1 || echo "list-conns failed"
done
kill $charon
wait $charon || :
"""
_STARTER = """\
for file; do
    echo "= $file"
    rm -f "$root/run/test.vici"
    chroot "$root" /usr/lib/ipsec/starter --nofork --conf "/cases/$file" >"$cases/log" 2>&1 &
    starter=$!
    n=0
    until [ -S "$root/run/test.vici" ] || ! kill -0 $starter 2>/dev/null || [ $n -ge 50 ]; do
        n=$((n + 1))
        sleep 0.1
    done
    # starter goes on adding for a moment
    sleep 0.7
    chroot "$root" /usr/sbin/swanctl --list-conns --raw 2>&1 || :
    kill $starter 2>/dev/null || :
    wait $starter || :
    sed 's/^/log: /' "$cases/log"
done
"""
_ANSWER = re.compile(r"^= (.*)\n((?:(?!= ).*\n?)*)", re.MULTILINE)
_EVENT = re.compile(r"^list-conn event \{(\S.*?) \{local_addrs=.*? children \{(.*)\}\}\}$", re.M)
_FAILED = re.compile(r"^loading connection '(.*)' failed:", re.M)
_CHILD = re.compile(r"([^ {}][^{}]*?) \{mode=(\S+)")


Children = dict[str, dict[str, str]]
"""Connection -> child -> mode, as charon names it: TUNNEL, TRANSPORT, BEET, PASS, DROP."""


class Charon:
    """strongSwan of one Debian release, fetched when it is first needed."""

    def __init__(self, suite: str) -> None:
        self._root = unpacked(suite, (*_PACKAGES, _SSL[suite]))
        self.release = self._release()

    def _release(self) -> Release:
        program = (self._root / "usr/lib/ipsec/charon").read_bytes()
        found = re.search(rb"daemon \(strongSwan (\d+)\.(\d+)\.(\d+)", program)
        if not found:
            raise OracleError(f"{self._root}: charon does not say which release it is")
        return tuple(map(int, found.groups()))

    def swanctl(self, cases: Path, files: Iterable[str]) -> dict[str, tuple[Children, str]]:
        """Load each file below `cases`: what is loaded, and all that is said about it."""
        return self._run(_START + _SWANCTL, cases, files)

    def starter(self, cases: Path, files: Iterable[str]) -> dict[str, tuple[Children, str]]:
        """As `swanctl`, for ipsec.conf. A conn has one child, of the same name."""
        return self._run(_START + _STARTER, cases, files)

    def _run(
        self, script: str, cases: Path, files: Iterable[str]
    ) -> dict[str, tuple[Children, str]]:
        wanted = list(files)
        with tempfile.TemporaryDirectory() as name:
            # the packages stay as they are, also if this ends early
            copy, root = Path(name, "cases"), Path(name, "root")
            shutil.copytree(cases, copy)
            shutil.copytree(self._root, root, symlinks=True)
            (copy / "strongswan.conf").write_text(_CONF)
            # names in traffic selectors; Debian's netbase has them
            (root / "etc/protocols").write_text(_PROTOCOLS)
            (root / "etc/services").write_text(_SERVICES)
            command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"]
            done = subprocess.run(
                [*command, script, "sh", root, copy, *wanted],
                capture_output=True,
                timeout=300,
            )
        output = done.stdout.decode(errors="replace")
        answers = {match[1]: match[2] for match in _ANSWER.finditer(output)}
        if list(answers) != wanted:
            raise OracleError(
                f"charon answered {len(answers)} of {len(wanted)} files: "
                f"{done.stderr.decode(errors='replace')[-2000:]}"
            )
        return {file: (_children(answer), answer) for file, answer in answers.items()}


def _children(answer: str) -> Children:
    # what was loaded under that name before stays
    failed = set(_FAILED.findall(answer))
    return {
        match[1]: {child[1]: child[2] for child in _CHILD.finditer(match[2])}
        for match in _EVENT.finditer(answer)
        if match[1] not in failed
    }
