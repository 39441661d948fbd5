# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that is about to start, as files: a bundle with a daemon and its configuration."""

import json
import sys
from pathlib import Path
from typing import Any

# As the shipped launcher runs it.
HOOK = (sys.executable, "-I", "-B", "-m", "modprobe_ipsec.commands.oci_hook")
PREFIX = "io.modprobe-ipsec."

# No kernel can do this, so that nothing is ever loaded for it.
IMPOSSIBLE = "camellia256ccm16"

IPSEC_CONF = """\
# libreswan's
config setup
    uniqueids=no

conn office
    left=192.0.2.1
    right=192.0.2.2
    auto=start
    esp=aes128-sha1,aes_gcm256-null
    esn=either
    compress=yes
"""


def make(place: Path) -> Path:
    """A bundle with libreswan in a small root file system."""
    files = {
        "config.json": json.dumps({"ociVersion": "1.0.2", "root": {"path": "rootfs"}}),
        "rootfs/etc/ipsec.conf": IPSEC_CONF,
        "rootfs/usr/libexec/ipsec/pluto": "",
        "rootfs/var/lib/dpkg/status": "Package: libreswan\nVersion: 4.10-2+deb12u1\n",
    }
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


def state(bundle: Path, **annotations: str) -> dict[str, Any]:
    """What a runtime writes to the hook's stdin; annotations without their prefix."""
    return {
        "ociVersion": "1.0.2",
        "id": "0123456789abcdef0123456789abcdef",
        "status": "created",
        "pid": 0,
        "bundle": str(bundle),
        "annotations": {PREFIX + key: value for key, value in annotations.items()},
    }
