# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may write a configuration decides what is needed of the map, and names nothing beyond that.

What man:modprobe-ipsec(8) says under SECURITY: names of modules, options and paths, in every place
where a word may stand, have nothing loaded that is not of the map.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from modprobe_ipsec.commands.main import main
from tests.hosts import tree

WORDS = (
    "nf_conntrack",
    "esp4 dump=1",
    "../../tmp/evil.ko",
    "/etc/evil.ko",
    "crypto-nf_conntrack",
    "aes_gcm256-null;nf_conntrack",
    "rfc4106(gcm(nf_conntrack))",
    "$(modprobe nf_conntrack)",
    "-r esp4",
    "--config=/etc/evil",
)
GOOD = {
    "ipsec.conf": """\
conn good
    left=192.0.2.1
    right=192.0.2.2
    auto=start
    esp=aes_gcm256-null
""",
    "swanctl.conf": """\
connections {
    good {
        remote_addrs = 192.0.2.2
        children {
            good {
                esp_proposals = aes256gcm16
            }
        }
    }
}
""",
}


def ipsec_conf(word: str) -> Iterator[str]:
    """Another connection, with the word in one place after the other."""
    another = GOOD["ipsec.conf"].replace("conn good", "conn bad")
    for key in ("esp", "ah", "ike", "type", "authby", "leftupdown", "nic-offload", "modprobe"):
        yield f"{another}    {key}={word}\n"


def swanctl_conf(word: str) -> Iterator[str]:
    another = GOOD["swanctl.conf"].replace("good {", "bad {")
    line = "                esp_proposals = aes256gcm16\n"
    for key in ("esp_proposals", "ah_proposals", "mode", "updown", "hw_offload", "modprobe"):
        yield another.replace(line, f'                {key} = "{word}"\n')


BAD = {"ipsec.conf": ipsec_conf, "swanctl.conf": swanctl_conf}


def loads(root: Path, *needs: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The names of the modules that would be loaded."""
    main(["--dry-run", "--format=json", f"--root={root}", *needs])
    said = capsys.readouterr()
    return {step["module"] for batch in json.loads(said.out)["plan"] for step in batch}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("kind", ["ipsec.conf", "swanctl.conf"])
def test_what_would_be_loaded_is_of_the_map(
    kind: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree.assemble("booted-6.12", tmp_path / "root")
    file = root / "etc" / kind
    file.parent.mkdir(exist_ok=True)
    everything = loads(root, "--all", capsys=capsys)
    everything |= loads(root, "--esp=aes128-sha1-noesn", "--daemon=strongswan", capsys=capsys)
    file.write_text(GOOD[kind])
    usual = loads(root, f"--config=/etc/{kind}", capsys=capsys)
    assert "esp4" in usual <= everything
    for bad in BAD[kind](word):
        file.write_text(GOOD[kind] + bad)
        assert usual <= loads(root, f"--config=/etc/{kind}", capsys=capsys) <= everything
