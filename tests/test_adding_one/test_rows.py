# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the map: a transform, an option of a daemon, a feature like no other, an architecture."""

from pathlib import Path
from typing import Any

import pytest

from tests.hosts.tree import stand_ins
from tests.test_adding_one.copies import Copy

SM4 = """\
SM4_CBC:
  {kind: cipher, iana: 1099, xfrm: "cbc(sm4)", key: [128], geniv: echainiv,
   config: {sm4: CRYPTO_SM4}, initcalls: {sm4_generic: [sm4_init]}}
"""
# As a kernel that has it lists it.
SM4_MODULE = {
    "modules.alias": "alias crypto-sm4 sm4_generic\n",
    "modules.dep": "kernel/crypto/sm4_generic.ko.xz:\n",
}
EXAMPLE = """
example:
  uname: [example64]
  config: [EXAMPLE]
  arch: example
  bits: 64
  whole: {aes: ["gcm(%)", "rfc4106(gcm(%))"]}
"""
CHILD = """\
connections {
  gw {
    remote_addrs = 192.0.2.1
    children {
      net {
        esp_proposals = aes128-sha256
        %s = yes
      }
    }
  }
}
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def index(copy: Copy, files: dict[str, str]) -> None:
    """Adds to the index of the host's modules, and the modules."""
    (tree,) = copy.host.glob("lib/modules/*")
    for name, text in files.items():
        with (tree / name).open("a") as file:
            file.write(text)
    stand_ins(copy.host)


def planned(report: dict[str, Any]) -> set[str]:
    """Modules that would be loaded."""
    return {step["module"] for steps in report["plan"] for step in steps}


def test_a_transform(copy: Copy) -> None:
    copy.append("data/transforms.yaml", SM4)
    assert copy.changed() == {"data/transforms.yaml"}
    sm4 = [need for need in copy.report("--all")["needs"] if "SM4" in need["need"]]
    assert len(sm4) == 4
    assert {need["crypto_name"] for need in sm4} == {
        "echainiv(authenc(hmac(sha256),cbc(sm4)))",
        "echainiv(authencesn(hmac(sha256),cbc(sm4)))",
    }
    # this kernel was built without it
    assert {need["verdict"] for need in sm4} == {"missing"}
    assert any("CONFIG_CRYPTO_SM4" in reason["text"] for reason in sm4[0]["reasons"])


def test_a_transform_and_the_word_that_a_daemon_has_for_it(copy: Copy) -> None:
    copy.append("data/transforms.yaml", SM4)
    copy.insert("data/daemons/strongswan.yaml", '    "NULL": ', "    SM4_CBC: [sm4=128]\n")
    index(copy, SM4_MODULE)
    report = copy.report("-4", "--esp", "sm4-sha256")
    (need,) = report["needs"]
    assert need["need"] == "ESP IPv4 SM4_CBC HMAC_SHA2_256_128"
    assert need["verdict"] == "loadable"
    assert "sm4_generic" in planned(report)


def test_an_option_with_a_known_feature(copy: Copy) -> None:
    copy.insert("data/daemons/strongswan.yaml", "    icmp: bool\n", "    shiny: bool\n")
    copy.insert(
        "data/daemons/strongswan.yaml",
        "  mode: {feature: iptfs",
        "  shiny: {feature: xfrm_interface, pattern: 'yes'}\n",
    )
    assert asked(copy, "shiny") == {"xfrm_interface"}


def test_an_option_with_a_new_feature(copy: Copy) -> None:
    copy.append(
        "data/features.yaml",
        'shining:\n  title: "shining SAs"\n'
        '  requests: {any: [{request: "fs-shinyfs", module: shinyfs, config: SHINY_FS}]}\n'
        '  unproven: "only the light would tell"\n',
    )
    copy.insert("data/daemons/strongswan.yaml", "    icmp: bool\n", "    shiny: bool\n")
    copy.insert(
        "data/daemons/strongswan.yaml",
        "  mode: {feature: iptfs",
        "  shiny: {feature: shining, pattern: 'yes'}\n",
    )
    assert copy.changed() == {"data/features.yaml", "data/daemons/strongswan.yaml"}
    assert asked(copy, "shiny") == {"shining"}
    need = next(n for n in copy.report(*CONF)["needs"] if n["need"] == "shining")
    assert need["verdict"] == "missing"
    index(
        copy,
        {
            "modules.alias": "alias fs-shinyfs shinyfs\n",
            "modules.dep": "kernel/fs/shinyfs.ko.xz:\n",
        },
    )
    report = copy.report(*CONF)
    assert next(n for n in report["needs"] if n["need"] == "shining")["verdict"] == "loadable"
    assert "shinyfs" in planned(report)


def test_an_architecture(copy: Copy) -> None:
    index(
        copy,
        {
            "modules.alias": "alias crypto-aes aes_example\n",
            "modules.dep": "kernel/arch/example/crypto/aes-example.ko.xz:\n",
        },
    )
    copy.overlay(
        {
            "/proc/sys/kernel/arch": "example64\n",
            "/proc/cpuinfo": "isa : ex64\n",
            "/sys/devices/system/cpu/modalias": "cpu:type:example:feature:\n",
        }
    )
    ask = ("-4", "--esp", "aes256gcm16")
    # an alias, and where it lies, are enough
    assert {"aes_example", "gcm"} < planned(copy.report(*ask))
    copy.append("data/architectures.yaml", EXAMPLE)
    report = copy.report(*ask)
    assert copy.changed() == {"data/architectures.yaml"}
    assert report["kernel"]["arch"] == "example64"
    assert "aes_example" in planned(report) and "gcm" not in planned(report)


def test_an_architecture_whose_modules_have_only_an_alias_of_the_cpu(copy: Copy) -> None:
    index(
        copy,
        {
            "modules.alias": "alias cpu:type:example:feature:*0001* vec_crypto\n",
            "modules.dep": "kernel/arch/example/crypto/vec-crypto.ko.xz:\n",
        },
    )
    cpu = "cpu:type:example:feature:,0001,\n"
    copy.overlay({"/proc/sys/kernel/arch": "example64\n", "/sys/devices/system/cpu/modalias": cpu})
    ask = ("-4", "--esp", "aes256gcm16")
    # nothing tells what it is for
    assert "vec_crypto" not in planned(copy.report(*ask))
    row = EXAMPLE + '  modules: {vec_crypto: {registers: [aes, "ctr(aes)", ghash]}}\n'
    copy.append("data/architectures.yaml", row)
    assert {"vec_crypto", "gcm"} < planned(copy.report(*ask))


CONF = ("-4", "--config", "/etc/swanctl/swanctl.conf")


def asked(copy: Copy, option: str) -> set[str]:
    """Features beyond what charon asks for at its start."""
    copy.overlay({CONF[-1]: CHILD % option})
    report = copy.report(*CONF)
    assert report["problems"] == []
    return {need["feature"] for need in report["needs"]} - {None, "xfrm_socket"}
