# SPDX-License-Identifier: GPL-3.0-or-later
"""Every manifest is accepted by the program that reads it, a wrong one is refused by that program,
and a wrong one that it lets through is caught by our own check.

CDI and the flags of docker: test_podman.py, and in a guest tests/vm/suites/test_docker.py. The
playbook at work: tests/vm/suites/test_playbook.py; the profile of Incus:
tests/vm/suites/test_incus.py.
Without a consumer: LXC, which only tells by starting a container; Talos and Bottlerocket,
which are in no package: for them our own check of the documented fields is all there is.
"""

from pathlib import Path

import pytest

from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.manifest import formats
from modprobe_ipsec.manifest.model import ManifestFile, ManifestOptions
from tests.manifest.common import FEATURES, NEEDS, plan
from tests.manifest.consumers import CONSUMERS
from tests.manifest.shapes import mistakes

HOSTS = {"all at boot": "modprobe-empty", "by request": "container-sealed"}
PLANS = {name: plan(host, (*NEEDS, *FEATURES)) for name, host in HOSTS.items()}


def files_of(format: str, name: str = "all at boot") -> tuple[ManifestFile, ...]:
    return formats.write(format, PLANS[name], ManifestOptions())


def put(files: tuple[ManifestFile, ...], directory: Path) -> Path:
    for file in files:
        path = directory / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    return directory


def spoilt(format: str, end: str, old: str, new: str) -> tuple[ManifestFile, ...]:
    """The files of a format, with one place made wrong."""
    files = files_of(format)
    assert any(file.path.endswith(end) and old in file.text for file in files)
    return tuple(
        file._replace(text=file.text.replace(old, new, 1)) if file.path.endswith(end) else file
        for file in files
    )


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_accepted(consumer: str, name: str, tmp_path: Path) -> None:
    format, ask = CONSUMERS[consumer]
    try:
        files = files_of(format, name)
    except UsageError as error:
        assert name == "by request" and "names of modules" in error.message
        return
    if consumer == "systemd's units" and name == "by request":
        # verify wants the program to be there; any that is will do
        files = tuple(
            f._replace(text=f.text.replace("/usr/local/sbin/modprobe-ipsec", "/usr/bin/env"))
            for f in files
        )
    if consumer == "libkmod" and not any("modprobe.d" in file.path for file in files):
        assert name == "by request"
        return
    complaint = ask(put(files, tmp_path))
    if consumer == "systemd's units" and name == "by request":
        # proving takes rights that loading does not
        assert complaint == "" or "Overall exposure level" in complaint
        return
    assert complaint == ""


@pytest.mark.parametrize(
    ("consumer", "end", "old", "new"),
    [
        ("systemd's units", ".service", "ProtectHome=", "ProtectHom="),
        ("systemd's units", ".service", "Type=oneshot", "Type=onshot"),
        ("systemd's units", ".service", "CapabilityBoundingSet=CAP_SYS_MODULE\n", ""),
        ("libkmod", "modprobe.d/modprobe-ipsec.conf", "softdep ", "softdeep "),
        ("sysctl", ".conf", "-net.ipv4.ip_forward", "net.ipv4.ip_forwrad"),
        ("sh, docker", ".sh", "    --cap-drop", "    (--cap-drop"),
        ("sh, cdi", ".json", "esac; done", "esac"),
        ("sh, kubernetes", "daemonset.yaml", "esac; done", "esac"),
        ("compose", ".yaml", "cap_add:", "cap_adds:"),
        ("compose", ".yaml", "cap_drop:\n      - ALL", "cap_drop:\n      ALL: true"),
        ("quadlet", ".container", "AddCapability=", "AddCapabilty="),
        ("quadlet", ".container", "Image=", "Imag="),
        ("kubernetes-validate", "daemonset.yaml", "initContainers:", "initContainer:"),
        ("kubernetes-validate", "daemonset.yaml", "selector:", "selektor:"),
        ("kubernetes-validate", "pod.yaml", "containerPort: 500", 'containerPort: "500"'),
        ("ignition-validate", ".ign", '"mode": 420', '"mode": "0644"'),
        ("ignition-validate", ".ign", '"/etc/', '"etc/'),
        ("MachineConfig's Ignition", ".yaml", "mode: 420", 'mode: "0644"'),
        ("MachineConfig's schema", ".yaml", "kind: MachineConfig", "kind: MachineConfigs"),
        ("MachineConfig's schema", ".yaml", "openshift.io/v1", "openshift.io/v1beta1"),
        ("MachineConfig's schema", ".yaml", "\n  labels:", "\n  labels_:"),
        ("MachineConfig's schema", ".yaml", "spec:", "specs:"),
        ("MachineConfig's schema", ".yaml", "config:", "conffig:"),
        ("NodeFeatureRule's schema", ".yaml", "k8s-sigs.io/v1alpha1", "k8s-sigs.io/v1"),
        ("NodeFeatureRule's schema", ".yaml", "rules:", "rule:"),
        ("NodeFeatureRule's schema", ".yaml", "matchExpressions", "matchExpresions"),
        ("NodeFeatureRule's schema", ".yaml", "- feature:", "- featur:"),
        ("NodeFeatureRule's schema", ".yaml", "op: Exists", "op: Exist"),
        ("NodeFeatureRule's schema", ".yaml", ":\n              op: Exists", ": {}"),
        ("NodeFeatureRule's schema", ".yaml", 'ready: "true"', "ready: true"),
        ("cloud-init", ".yaml", "write_files:", "write_file:"),
        ("cloud-init", ".yaml", 'permissions: "0644"', "permissions: 0644"),
        ("cloud-init", ".yaml", "#cloud-config\n", ""),
        ("ansible-lint", ".yml", "state: directory", "state: directry"),
        ("ansible-lint", ".yml", 'mode: "0644"', "mode: 644"),
        ("hadolint", "Containerfile", "COPY ", "COPPY "),
        ("nix", ".nix", "];", "]"),
        ("nix", ".nix", "boot.kernelModules", "boot.kernelModule"),
    ],
)
def test_wrong_ones_are_refused(
    consumer: str, end: str, old: str, new: str, tmp_path: Path
) -> None:
    format, ask = CONSUMERS[consumer]
    wrong = spoilt(format, end, old, new)
    assert ask(put(wrong, tmp_path)) != ""
    if (consumer, new) != ("systemd's units", ""):
        assert list(mistakes(wrong, PLANS["all at boot"])) != []


@pytest.mark.parametrize(
    ("consumer", "end", "old", "new"),
    [
        ("systemd-modules-load", "-load.d/modprobe-ipsec.conf", "\nesp4\n", "\nesp4 foo=1\n"),
        ("systemd-modules-load", "-load.d/modprobe-ipsec.conf", "\nesp4\n", "\nepp4\n"),
        ("libkmod", "modprobe.d/modprobe-ipsec.conf", "pre:", "before:"),
        ("libkmod", "modprobe.d/modprobe-ipsec.conf", "softdep gcm", "install gcm /bin/sh\n#"),
        ("libkmod", "modprobe.d/modprobe-ipsec.conf", "softdep gcm", "options gcm x=1\n#"),
        ("systemd's units", ".service", "CAP_SYS_MODULE\nNo", "CAP_SYS_MODUL\nNo"),
        ("systemd's units", ".service", "Before=docker", "Before=dokker"),
        ("systemd's units", ".service", "-a -b", "-a --ignore-install"),
        ("systemd's units", ".service", "/usr/bin/test", "/usr/bin/tset"),
        ("sysctl", ".conf", "ip_forward = 1", "ip_forward = x"),
        ("sh, docker", ".sh", "--cap-add NET_ADMIN", "--privileged"),
        ("sh, docker", ".sh", "--cap-add NET_ADMIN", "--cap-add NET_ADMI"),
        ("sh, docker", ".sh", "--cap-add NET_ADMIN", "--cap-add SYS_MODULE"),
        ("compose", ".yaml", "NET_ADMIN", "NET_ADMI"),
        ("compose", ".yaml", "500:500/udp", "500:500/tcp"),
        ("compose", ".yaml", "\n      net.ipv4.ip_forward", "\n      net.ipv4.ip_forwrad"),
        ("compose", ".yaml", "cap_drop:\n      - ALL", "privileged: true"),
        ("quadlet", ".container", "NET_ADMIN", "NET_ADMI"),
        ("quadlet", ".container", "DropCapability=all", "DropCapability=al"),
        ("kubernetes-validate", "daemonset.yaml", "SYS_MODULE", "SYS_MODUL"),
        ("kubernetes-validate", "pod.yaml", "NET_ADMIN", "SYS_MODULE"),
        ("kubernetes-validate", "pod.yaml", "name: net.ipv4", "name: net.ipv44"),
        ("sh, cdi", ".json", "createRuntime", "createContainer"),
        ("sh, cdi", ".json", "/bin/sh", "bin/sh"),
        ("sh, cdi", ".json", '"esp4"', '"epp4"'),
        ("sh, cdi", ".json", '"PATH=', '"LD_PRELOAD='),
        ("MachineConfig's Ignition", ".yaml", "role: worker", "rolle: worker"),
        ("MachineConfig's schema", ".yaml", "role: worker", "rolle: worker"),
        ("MachineConfig's schema", ".yaml", "mode: 420", 'mode: "0644"'),
        ("MachineConfig's schema", ".yaml", "%0Aesp4%0A", "%0Aepp4%0A"),
        ("NodeFeatureRule's schema", ".yaml", "enabledmodule", "enabledmodules"),
        ("NodeFeatureRule's schema", ".yaml", "esp4:\n   ", "epp4:\n   "),
        ("NodeFeatureRule's schema", ".yaml", "ipsec.feature.node", "ipsec.features.node"),
        ("cloud-init", ".yaml", "\n      esp4\n", "\n      epp4\n"),
        ("ansible-lint", ".yml", "- dest:", "- destination:"),
        ("ansible-lint", ".yml", "files is changed", "file is changed"),
        ("ansible-lint", ".yml", "notify: Set the sysctls", "notify: Set the sysctl"),
        ("ansible-lint", ".yml", "\n            esp4\n", "\n            epp4\n"),
        ("ignition-validate", ".ign", "%0Aesp4%0A", "%0Aepp4%0A"),
        ("hadolint", "Containerfile", "RUN systemctl enable", "RUN systemctl mask"),
        ("nix", ".nix", '"esp4"', '"epp4"'),
        ("nix", ".nix", '"net.ipv4.ip_forward', '"net.ipv4.ip_forwrad'),
    ],
)
def test_what_they_let_through_is_caught_here(
    consumer: str, end: str, old: str, new: str, tmp_path: Path
) -> None:
    format, ask = CONSUMERS[consumer]
    wrong = spoilt(format, end, old, new)
    assert ask(put(wrong, tmp_path)) == "", "it does notice: test_wrong_ones_are_refused"
    assert list(mistakes(wrong, PLANS["all at boot"])) != []


@pytest.mark.parametrize(
    ("format", "old", "new"),
    [
        ("incus", "linux.kernel_modules", "linux.kernel_modulez"),
        ("incus", "esp4", "epp4"),
        ("incus", "linux.sysctl.net.ipv4", "linux.sysctl.kernel"),
        ("lxc", "lxc.hook.version = 1", "lxc.hook.version = 0"),
        ("lxc", "-a -b", "-a"),
        ("lxc", "esp4", "epp4"),
        ("proxmox", "lxc.sysctl.net.ipv4.ip_forward: 1", "lxc.cap.drop:"),
        ("talos", "sysctls:", "sysctl:"),
        ("talos", "kind: SysctlConfig", "kind: KernelModuleConfig"),
        ("bottlerocket", "allowed = true", "allowed = yes"),
        ("bottlerocket", "[settings.kernel.modules.esp4]", "[settings.kernel.module.esp4]"),
        ("json", '"needs"', '"need"'),
    ],
)
def test_what_has_no_consumer_here_is_checked_all_the_same(format: str, old: str, new: str) -> None:
    files = files_of(format)
    assert any(old in file.text for file in files)
    wrong = tuple(file._replace(text=file.text.replace(old, new, 1)) for file in files)
    assert list(mistakes(wrong, PLANS["all at boot"])) != []


def test_a_file_that_nobody_knows_is_a_mistake() -> None:
    found = PLANS["all at boot"]
    for path in ("etc/passwd", "etc/cron.d/x.conf", "x.yaml", "../x.nix", "/etc/x.service"):
        assert list(mistakes([ManifestFile(path, "\n")], found))
    assert list(mistakes([ManifestFile("docker-run.sh", "# \x1b[31m\n")], found))
