# SPDX-License-Identifier: GPL-3.0-or-later
"""pluto itself, of Debian 12 and 13: which connections it adds.

`pluto.tsv` is what it said: a row a setting, and under each release what became of a connection
that has it: added, or refused, by pluto or already by addconn. To write it anew, as root, then to
read what has changed: `python -m tests.daemons.libreswan.pluto`. pluto runs in namespaces,
from packages that are unpacked and not installed. A new row needs its setting alone.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.daemons.libreswan.readwriteconf import VERSIONS
from tests.debs import OracleError, unpacked

TABLE = Path(__file__).parent / "pluto.tsv"
_COMMON = (
    # its root is another one than that of the readers, which need less
    "libnss3-tools libreswan dash iproute2 libaudit1 libbpf1 libbrotli1 libc6 libcap-ng0 libcap2 "
    "libcom-err2 libcrypt1 libffi8 libgcc-s1 libgmp10 libgssapi-krb5-2 libidn2-0 libk5crypto3 "
    "libkeyutils1 libkrb5-3 libkrb5support0 libmnl0 libnghttp2-14 libnspr4 libnss3 libp11-kit0 "
    "libpam0g libpcre2-8-0 librtmp1 libsasl2-2 libselinux1 libsqlite3-0 libtasn1-6 libunbound8 "
    "libxtables12 libzstd1 zlib1g"
)
_PACKAGES = {
    "bookworm": f"{_COMMON} libcurl3-nss libdb5.3 libelf1 libevent-2.1-7 libevent-core-2.1-7 "
    "libevent-pthreads-2.1-7 libgcrypt20 libgnutls30 libgpg-error0 libhogweed6 libldap-2.5-0 "
    "libldns3 liblz4-1 liblzma5 libbsd0 libmd0 libnettle8 libprotobuf-c1 libpsl5 libseccomp2 "
    "libssh2-1 libssl3 libsystemd0 libtirpc3 libunistring2",
    "trixie": f"{_COMMON} libcurl3t64-gnutls libdb5.3t64 libelf1t64 libevent-2.1-7t64 "
    "libevent-core-2.1-7t64 libevent-pthreads-2.1-7t64 libgnutls30t64 libhogweed6t64 libldap2 "
    "libldns3t64 libnettle8t64 libnghttp3-9 libngtcp2-16 libngtcp2-crypto-gnutls8 libpsl5t64 "
    "libssh2-1t64 libssl3t64 libtirpc3t64 libunistring5",
}
# $1: the unpacked packages.
_START = """\
set -e
root=$1
mount --make-rprivate /
mkdir -p "$root/dev" "$root/proc" "$root/run" "$root/var/lib/ipsec/nss" "$root/etc/ipsec.d"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs none "$root/run"
mkdir "$root/run/pluto"
[ -e "$root/var/run" ] || ln -s /run "$root/var/run"
touch "$root/etc/ipsec.secrets"
ip link set lo up
in_root() { chroot "$root" "$@" </dev/null; }
in_root certutil -N -d sql:/var/lib/ipsec/nss --empty-password
in_root /usr/libexec/ipsec/pluto --nofork --config /etc/ipsec.conf --nssdir /var/lib/ipsec/nss \\
    --stderrlog >/dev/null 2>&1 &
n=0
until in_root /usr/libexec/ipsec/whack --status >/dev/null 2>&1; do
    n=$((n + 1))
    [ $n -lt 100 ] || exit 1
    sleep 0.1
done
in_root /usr/libexec/ipsec/whack --listen >/dev/null
in_root /usr/libexec/ipsec/addconn --config /etc/ipsec.conf --ctlsocket /run/pluto/pluto.ctl \\
    --autoall >/dev/null 2>&1 || :
in_root /usr/libexec/ipsec/whack --status
"""


def config(settings: dict[str, str]) -> str:
    """An ipsec.conf with a connection for each, by its name; `; ` parts lines of it."""
    conn = "conn {}\n\tauto=add\n\tleft=192.0.2.1\n\tright=198.51.100.2\n"
    lines = (
        conn.format(name) + "".join(f"\t{line}\n" for line in text.split("; ") if line)
        for name, text in settings.items()
    )
    return f"config setup\n\tikev1-policy=accept\n\n{''.join(lines)}"


def added(suite: str, settings: dict[str, str]) -> set[str]:
    """Names of those that pluto has. Raises OracleError."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "root")
        shutil.copytree(unpacked(suite, _PACKAGES[suite].split()), root, symlinks=True)
        (root / "etc/ipsec.conf").write_text(config(settings))
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"]
        done = subprocess.run(
            [*command, _START, "sh", root], capture_output=True, text=True, timeout=120
        )
    if done.returncode:
        raise OracleError(f"pluto of {suite}: {done.stderr[-1000:]}")
    return {name for name in settings if f'"{name}":' in done.stdout or f'"{name}/' in done.stdout}


def rows() -> list[list[str]]:
    """Setting, then a word for each release of VERSIONS."""
    return [line.split("\t") for line in TABLE.read_text().splitlines()[1:]]


def main() -> None:
    """Write the table anew."""
    names = {f"name{number}": row[0] for number, row in enumerate(rows())}
    found = {suite: added(suite, names) for suite in VERSIONS}
    head = ["setting", *(".".join(map(str, version)) for version in VERSIONS.values())]
    lines = [
        [text, *("added" if name in found[suite] else "refused" for suite in VERSIONS)]
        for name, text in names.items()
    ]
    TABLE.write_text("".join("\t".join(line) + "\n" for line in (head, *lines)))


if __name__ == "__main__":
    main()
