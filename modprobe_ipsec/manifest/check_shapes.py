# SPDX-License-Identifier: GPL-3.0-or-later
"""What YAML and JSON files may look like: each key and each value that is not here is a mistake."""

import json

from modprobe_ipsec.base.annotations import Callable, Iterator, Mapping
from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.strict_yaml import parse
from modprobe_ipsec.manifest import words
from modprobe_ipsec.manifest.engines import cdi
from modprobe_ipsec.manifest.hosts import ansible, ignition, machineconfig, systemd
from modprobe_ipsec.manifest.kubernetes import kubernetes
from modprobe_ipsec.manifest.model import VERSION, ManifestFile
from modprobe_ipsec.manifest.vocabulary import Vocabulary
from modprobe_ipsec.manifest.write import KIND


class Each(Value):
    """A mapping in which each key stands a question and each value has a shape."""

    key: Callable[[object], str]
    value: object


class OneOf(Value):
    """One of several shapes."""

    shapes: tuple[object, ...]


# Whatever it is. A host plan has a reader of its own.
ANY = Each(lambda _: "", lambda _: "")

Shapes = Mapping[str, object]
_CLOUD_INIT = "user-data.yaml"


def knows(path: str) -> bool:
    """Whether a file is YAML or JSON."""
    return path.endswith((".yaml", ".yml", ".json", ".ign"))


def mistakes(
    file: ManifestFile, vocabulary: Vocabulary, inner: list[ManifestFile]
) -> Iterator[str]:
    """What is wrong with a document; the files that it carries are added to `inner`."""
    if file.path.endswith(_CLOUD_INIT) and not file.text.startswith("#cloud-config\n"):
        yield "#cloud-config must be its first line"
    shapes = _shapes(vocabulary, inner)
    shape = next((s for end, s in shapes.items() if file.path.endswith(end)), None)
    if shape is None:
        yield "nobody knows what such a file may hold"
        return
    try:
        if file.path.endswith((".json", ".ign")):
            value: object = json.loads(file.text)
        elif isinstance(shape, list):
            value = parse("x:\n" + file.text.removeprefix("---\n"), file.path)["x"]
        else:
            value = parse(file.text, file.path)
    except (ValueError, ConfigError) as error:
        yield str(error)
        return
    yield from compare(value, shape, "")


def compare(value: object, shape: object, place: str) -> Iterator[str]:
    """Where a value differs from a shape.

    A mapping has all keys of the shape but those with `?`, a list has elements of one shape, a
    function says what is wrong, and all else must be equal.
    """
    match shape:
        case Each():
            if not isinstance(value, dict):
                yield f"{place}: a mapping is expected"
                return
            for key, child in value.items():
                if problem := shape.key(key):
                    yield f"{place}: {problem}"
                yield from compare(child, shape.value, f"{place}.{key}")
        case OneOf():
            if all(any(compare(value, one, place)) for one in shape.shapes):
                yield f"{place}: `{value}` is nothing that may stand here"
        case dict():
            yield from _mapping(value, shape, place)
        case list():
            if not isinstance(value, list):
                yield f"{place}: a list is expected"
                return
            for number, child in enumerate(value):
                yield from compare(child, shape[0], f"{place}[{number}]")
        case _ if callable(shape):
            if problem := shape(value):
                yield f"{place}: {problem}"
        case _:
            if value != shape or type(value) is not type(shape):
                yield f"{place}: must be `{shape}`, not `{value}`"


def _mapping(value: object, shape: dict[str, object], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: a mapping is expected"
        return
    for key, child in value.items():
        if key in shape:
            yield from compare(child, shape[key], f"{place}.{key}")
        elif f"{key}?" in shape:
            yield from compare(child, shape[f"{key}?"], f"{place}.{key}")
        else:
            yield f"{place}: unknown key `{key}`"
    for key in shape:
        if not key.endswith("?") and key not in value:
            yield f"{place}: `{key}` is missing"


def _shapes(known: Vocabulary, inner: list[ManifestFile]) -> Shapes:
    """The shape of each kind of file, by the end of its path; the first that fits counts."""
    sysctls = Each(known.sysctl, known.switch)
    return {
        "host-plan.yaml": _plan(),
        "host-plan.json": _plan(),
        "compose.yaml": {"services": {"ike": _service(known, sysctls)}},
        "daemonset.yaml": _daemon_set(known),
        "pod.yaml": _pod(known),
        "nodefeaturerule.yaml": _node_feature_rule(known),
        "incus-profile.yaml": {
            "description": "IKE daemon",
            "config": Each(_incus_key(known), OneOf((known.switch, known.module_list))),
            "devices": Each(_is("tun"), {"type": "unix-char", "path": known.device}),
        },
        "talos-up-to-1.13.yaml": {"machine": {"sysctls": sysctls}},
        "talos-from-1.14.yaml": {
            "apiVersion": "v1alpha1",
            "kind": "SysctlConfig",
            "params": sysctls,
        },
        _CLOUD_INIT: _cloud_init(inner),
        "playbook.yml": _playbook(inner),
        ".ign": _ignition(ignition.VERSION, inner),
        "machineconfig.yaml": {
            "apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig",
            "metadata": {
                "name": f"99-worker-{words.NAME}",
                "labels": {"machineconfiguration.openshift.io/role": "worker"},
            },
            "spec": {"config": _ignition(machineconfig.IGNITION, inner)},
        },
        f"etc/cdi/{words.NAME}.json": _cdi(known),
    }


def _is(word: str) -> Callable[[object], str]:
    return lambda value: "" if value == word else f"`{value}` is not {word}"


def _plan() -> object:
    return {
        KIND: VERSION,
        "made": ANY,
        "needs": [ANY],
        "modules": [ANY],
        "sysctls": [ANY],
        "container": ANY,
        "blockers": [ANY],
    }


def _service(known: Vocabulary, sysctls: object) -> object:
    device = {"driver": "cdi", "capabilities": ["cdi"], "device_ids": [cdi.DEVICE]}
    return {
        "image": known.image,
        "cap_drop": ["ALL"],
        "cap_add": [known.capability],
        "security_opt": ["no-new-privileges:true"],
        "ports": [known.port],
        "sysctls?": sysctls,
        "devices?": [known.device],
        "labels?": {f"{words.LABEL}.modules": known.module_list},
        "deploy?": {"resources": {"reservations": {"devices": [device]}}},
    }


def _arguments(known: Vocabulary, start: list[str]) -> Callable[[object], str]:
    """The script that loads, and after it modules and one `--`."""

    def ask(value: object) -> str:
        if not isinstance(value, list) or value[: len(start)] != start:
            return f"the command must start with {start}"
        rest = value[len(start) :]
        if rest.count("--") != 1 or not rest[rest.index("--") + 1 :]:
            return "modules must stand after one `--`"
        return known.module_list(" ".join(word for word in rest if word != "--"))

    return ask


def _daemon_set(known: Vocabulary) -> object:
    label = {"app": kubernetes.LOADER}
    host_path = {
        "path": OneOf(("/lib/modules", *kubernetes.RULES)),
        "type": OneOf(("Directory", "DirectoryOrCreate")),
    }
    script = ["/bin/sh", "-c", words.LOAD_SCRIPT, kubernetes.LOADER]
    load = {
        "name": "load",
        "image": known.image,
        "command": _arguments(known, script),
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            # the only place of all
            "capabilities": {"drop": ["ALL"], "add": ["SYS_MODULE"]},
        },
        "volumeMounts": [
            {"name": _volume, "mountPath": host_path["path"], "readOnly": True},
        ],
    }
    wait = {
        "name": "pause",
        "image": known.image,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [load],
        "containers": [wait],
        "volumes": [{"name": _volume, "hostPath": host_path}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": kubernetes.LOADER, "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": label},
            "template": {"metadata": {"labels": label}, "spec": spec},
        },
    }


def _volume(name: object) -> str:
    rules = (f"rules-{number}" for number in range(len(kubernetes.RULES)))
    return "" if name in ("modules", "device-0", *rules) else f"`{name}`: no volume"


def _pod(known: Vocabulary) -> object:
    daemon = {
        "name": "ike",
        "image": known.image,
        "ports": [{"containerPort": OneOf((500, 4500)), "protocol": OneOf(("UDP", "TCP"))}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": [known.capability]},
        },
        "volumeMounts?": [{"name": _volume, "mountPath": known.device}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ike", "labels": {f"{words.LABEL}.daemon": "true"}},
        "spec": {
            "securityContext": {
                "seccompProfile": {"type": "RuntimeDefault"},
                "sysctls?": [{"name": known.sysctl, "value": known.switch}],
            },
            "containers": [daemon],
            "volumes?": [
                {"name": _volume, "hostPath": {"path": known.device, "type": "CharDevice"}}
            ],
        },
    }


def _node_feature_rule(known: Vocabulary) -> object:
    expressions = Each(known.module, {"op": "Exists"})
    rule = {
        "name": "ipsec-ready",
        "labels": {"ipsec.feature.node.kubernetes.io/ready": "true"},
        "matchFeatures": [{"feature": "kernel.enabledmodule", "matchExpressions": expressions}],
    }
    return {
        "apiVersion": "nfd.k8s-sigs.io/v1alpha1",
        "kind": "NodeFeatureRule",
        "metadata": {"name": "ipsec"},
        "spec": {"rules": [rule]},
    }


def _incus_key(known: Vocabulary) -> Callable[[object], str]:
    def ask(key: object) -> str:
        if key == "linux.kernel_modules":
            return ""
        start, _, sysctl = str(key).partition("linux.sysctl.")
        return known.sysctl(sysctl) if sysctl and not start else f"`{key}` is no key of Incus"

    return ask


def _carried(inner: list[ManifestFile], path: object, text: object) -> str:
    """Take a file out of what carries it; all of the bundle, and nothing else, is known."""
    if not isinstance(path, str) or path not in _CARRIED:
        return f"`{path}` is no file of the bundle"
    if not isinstance(text, str):
        return f"the content of {path} must be a text"
    inner.append(ManifestFile(path[1:], text))
    return ""


_CARRIED = tuple(
    f"/{path}"
    for path in (
        systemd.MODULES_LOAD,
        systemd.MODPROBE_D,
        systemd.SYSCTL_D,
        systemd.UNIT_PATH,
        words.PLAN_PATH,
    )
)


def _cloud_init(inner: list[ManifestFile]) -> object:
    def entry(value: object) -> str:
        if not isinstance(value, dict) or set(value) != {"path", "permissions", "content"}:
            return "a file has path, permissions and content"
        if value["permissions"] != "0644":
            return f"permissions are '0644', as a text, not `{value['permissions']}`"
        return _carried(inner, value["path"], value["content"])

    unit = OneOf((words.UNIT, "systemd-modules-load.service", "systemd-sysctl.service"))
    word = OneOf((*(("systemctl", "daemon-reload", "restart", "enable", "--now")), unit))
    return {"write_files": [entry], "runcmd": [[word]]}


def _playbook(inner: list[ManifestFile]) -> object:
    def content(value: object) -> str:
        if not isinstance(value, dict) or set(value) != {"dest", "content"}:
            return "a file has dest and content"
        return _carried(inner, value["dest"], value["content"])

    owner = {"owner": "root", "group": "root"}
    make = {"path": "{{ item }}", "state": "directory", **owner, "mode": "0755"}
    directory = OneOf(tuple({path.rpartition("/")[0] for path in _CARRIED}))
    copy = {"dest": "{{ item.dest }}", "content": "{{ item.content }}", **owner, "mode": "0644"}
    write = {
        "name": _text,
        "ansible.builtin.copy": copy,
        "loop": [content],
        "loop_control": {"label": "{{ item.dest }}"},
        "register": "files",
        "notify?": ansible.SYSCTL_HANDLER,
    }
    state = "{{ 'restarted' if files is changed else 'started' }}"
    start = {"name": words.UNIT, "daemon_reload": True, "enabled": True, "state": state}
    sysctl = {"name": "systemd-sysctl.service", "state": "restarted"}
    play = {
        "name": _text,
        "hosts": "all",
        "become": True,
        "gather_facts": False,
        "force_handlers?": True,
        "tasks": [
            OneOf(
                (
                    {"name": _text, "ansible.builtin.file": make, "loop": [directory]},
                    write,
                    {"name": _text, "ansible.builtin.systemd_service": start},
                )
            )
        ],
        "handlers?": [
            {"name": ansible.SYSCTL_HANDLER, "ansible.builtin.systemd_service": sysctl},
        ],
    }
    return [play]


def _text(value: object) -> str:
    return "" if isinstance(value, str) and value else "a text is expected"


def _ignition(version: str, inner: list[ManifestFile]) -> object:
    from urllib.parse import unquote

    def entry(value: object) -> str:
        if not isinstance(value, dict) or set(value) != {"path", "mode", "overwrite", "contents"}:
            return "a file has path, mode, overwrite and contents"
        if value["mode"] != 0o644 or value["overwrite"] is not True:
            return "mode is 420, overwrite true"
        source = value["contents"].get("source") if len(value["contents"]) == 1 else ""
        if not isinstance(source, str) or not source.startswith("data:,"):
            return "contents have a source `data:,...`"
        return _carried(inner, value["path"], unquote(source.removeprefix("data:,")))

    def unit(value: object) -> str:
        if not isinstance(value, dict) or set(value) != {"name", "enabled", "contents"}:
            return "a unit has name, enabled and contents"
        if value["enabled"] is not True or value["name"] != words.UNIT:
            return f"{words.UNIT} is to be enabled"
        return _carried(inner, f"/{systemd.UNIT_PATH}", value["contents"])

    return {
        "ignition": {"version": version},
        "storage": {"files": [entry]},
        "systemd?": {"units": [unit]},
    }


def _cdi(known: Vocabulary) -> object:
    hook = {
        "hookName": "createRuntime",
        "path": "/bin/sh",
        "args": _arguments(known, ["sh", "-c", words.LOAD_SCRIPT, words.NAME]),
        "env": [lambda v: "" if v == cdi.ENVIRONMENT or _is_made(v) else f"`{v}`"],
        "timeout": 30,
    }
    return {
        "cdiVersion": "0.5.0",
        "kind": cdi.KIND,
        "devices": [{"name": "modules", "containerEdits": {"hooks": [hook]}}],
    }


def _is_made(value: object) -> bool:
    return isinstance(value, str) and value.startswith("MADE=Made by modprobe-ipsec ")
