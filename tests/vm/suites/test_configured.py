# SPDX-License-Identifier: GPL-3.0-or-later
"""Without arguments: the modules of exactly what the installed daemon's connections ask for."""

import re

import pytest

from tests.report_schema import checked
from tests.vm.harness.guest import run
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.uml import UmlKernel

# long, since what it expects is of these kernels, and make quick would run it on another
pytestmark = [pytest.mark.kernels("6.1", "uml-6.1"), pytest.mark.long]

LIBRESWAN = """
config setup

conn %default
    left=192.0.2.1
    auto=add

conn gcm
    right=198.51.100.1
    esp=aes_gcm256

conn six
    left=2001:db8::1
    right=2001:db8::2
    esp=aes_ctr128-sha1
    esn=no

conn header
    right=198.51.100.3
    phase2=ah
    ah=sha2_512
    esn=no

conn small
    right=198.51.100.4
    esp=aes128-sha2_256
    compress=yes
    esn=no

conn device
    right=198.51.100.5
    esp=aes_gcm128
    ipsec-interface=yes

# none of these is ever loaded
conn idle
    right=198.51.100.6
    esp=camellia256-sha1
    auto=ignore

conn wall
    right=198.51.100.7
    type=drop

conn broken
    right=198.51.100.8
    esp=3des-nonsense
"""

SWANCTL = """
base {
  remote_addrs = 198.51.100.1
  local_addrs = 192.0.2.1
}
connections {
  gcm : base { children { net { esp_proposals = aes256gcm16-x25519 } } }
  six {
    local_addrs = 2001:db8::1
    remote_addrs = 2001:db8::2
    children { net { esp_proposals = aes128ctr-sha1 } }
  }
  header : base { children { net { ah_proposals = sha512 } } }
  small : base { children { net { esp_proposals = aes128-sha256
                                  ipcomp = yes } } }
  device : base {
    if_id_in = 1
    if_id_out = 1
    children { net { esp_proposals = aes128gcm16 } }
  }
  wall : base { children { net { mode = drop
                                 esp_proposals = camellia128-sha1 } } }
  broken : base { children { net { esp_proposals = 3des-nonsense } } }
}
"""

PACKAGES = {
    "/var/lib/dpkg/status": b"Package: libreswan\nStatus: install ok installed\nVersion: 4.10-2\n"
    b"\nPackage: libstrongswan\nStatus: install ok installed\nVersion: 5.9.8-5\n"
}
"""What is asked for differs from release to release."""
DEVICE = re.compile(r"conn device\n( .*\n)+|^  device : base \{\n(    .*\n)+  \}\n", re.MULTILINE)
"""The connection with an XFRM interface."""
MODULES = {
    *("xfrm_user", "xfrm_algo", "esp4", "esp6", "ah4", "ipcomp", "xfrm_ipcomp", "xfrm4_tunnel"),
    *("ctr", "authenc", "seqiv", "echainiv", "drbg", "sha512_generic", "tunnel4"),
}
OF_KERNEL = {
    "6.1": {
        *("aesni_intel", "crypto_simd", "cryptd", "sha1_ssse3", "sha256_ssse3", "sha512_ssse3"),
        *("xfrm_interface", "tunnel6", "xfrm6_tunnel"),
    },
    # what Debian's kernels have built in; and without XFRM interfaces
    "uml-6.1": {"hmac", "cbc", "deflate", "gcm", "ghash_generic", "gf128mul"},
}


@pytest.mark.parametrize(
    ("program", "path", "text"),
    [
        ("/usr/libexec/ipsec/pluto", "/etc/ipsec.conf", LIBRESWAN),
        ("/usr/sbin/charon-systemd", "/etc/swanctl/swanctl.conf", SWANCTL),
    ],
    ids=["libreswan", "strongswan"],
)
def test_five_connections(kernel: Kernel, program: str, path: str, text: str) -> None:
    script = (
        "#!/bin/sh\nmodprobe -q ipv6\nbefore=$(cut -d' ' -f1 /proc/modules)\n"
        "echo /bin/false >/proc/sys/kernel/modprobe\nmodprobe-ipsec --format json\n"
        "echo $? $before >&2; cut -d' ' -f1 /proc/modules\n"
    )
    interfaces = not isinstance(kernel, UmlKernel)
    text = text if interfaces else DEVICE.sub("", text)
    # only that the program is there tells that the daemon is installed
    files = {"/run-test": script.encode(), program: b"", path: text.encode(), **PACKAGES}
    result = run(kernel, ["/run-test"], files=files, timeout=120)
    document, _, modules = result.stdout.rpartition("}\n")
    report = checked(document + "}")
    status, *before = result.stderr.split()
    # all that can be read is ready, and one connection cannot
    assert status == "3", report["needs"]
    assert set(modules.split()) - set(before) == MODULES | OF_KERNEL[kernel.name]
    assert report["configs"] == [path]
    assert {need["verdict"] for need in report["needs"]} == {"ready"}
    assert ["broken" in problem["connection"] for problem in report["problems"]] == [True]
    assert report["plan"] and report["autoloaded"] == []
    features = {need["feature"]: need for need in report["needs"] if need["feature"]}
    if interfaces:
        assert features["xfrm_interface"]["proof"]["answer"] == "accepted"
    places = {source["where"] for need in report["needs"] for source in need["sources"]}
    assert any(place.startswith(f"{path}:") and "gcm" in place for place in places)
