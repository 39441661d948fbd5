# SPDX-License-Identifier: GPL-3.0-or-later
"""What every file of a manifest may look like: a JSON Schema or patterns of its lines.

The programs that read manifests let much through without a word: systemd-modules-load skips a line
with an option, Compose and Kubernetes take a capability that does not exist, kmod drops a soft
dependency that it cannot read. schemas/ is written from their documentation, and stricter: a key or
value that no format of ours writes is a mistake. What only a plan can tell, above all its modules,
stands in words.json, which is made for each plan.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import yaml
from referencing import Registry, Resource

from modprobe_ipsec.manifest import check
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile
from tests.manifest import lines
from tests.manifest.vocabulary import Vocabulary

SCHEMAS = {
    path.stem: json.loads(path.read_text())
    for path in (Path(__file__).parent / "schemas").glob("*.json")
}
# By the end of the path, where the schema is not named as the file.
OTHER_NAMES = {
    "etc/cdi/modprobe-ipsec.json": "cdi",
    "modprobe-ipsec.ign": "ignition",
    "etc/modprobe-ipsec/host-plan.yaml": "host-plan",
}


def mistakes(files: Iterable[ManifestFile], plan: HostPlan) -> Iterator[str]:
    """`PATH: what is wrong` for each mistake in the files, by the product's look and by ours."""
    files = tuple(files)
    yield from check.mistakes(files, plan)
    vocabulary = Vocabulary(frozenset(m.label for m in plan.modules))
    for file in files:
        yield from (f"{file.path}: {problem}" for problem in _file(file, vocabulary))


def _file(file: ManifestFile, vocabulary: Vocabulary) -> Iterator[str]:
    suffix = Path(file.path).suffix
    if suffix not in (".yaml", ".yml", ".json", ".ign"):
        yield from lines.mistakes(file, vocabulary)
        return
    name = OTHER_NAMES.get(file.path, Path(file.path).stem)
    if name not in SCHEMAS or ("/" in file.path and file.path not in OTHER_NAMES):
        yield "nobody knows what such a file may hold"
        return
    if name == "user-data" and not file.text.startswith("#cloud-config\n"):
        yield "#cloud-config must be its first line"
    try:
        is_yaml = suffix in (".yaml", ".yml")
        document = yaml.safe_load(file.text) if is_yaml else json.loads(file.text)
    except (yaml.YAMLError, ValueError) as error:
        yield str(error)
        return
    words = Resource.from_contents(vocabulary.as_schema())
    registry: Registry[Any] = Registry().with_resource("words.json", words)
    validator = jsonschema.Draft202012Validator(SCHEMAS[name], registry=registry)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    yield from errors
    if not errors:
        for part in _carried(name, document):
            yield from (f"{part.path}: {problem}" for problem in _file(part, vocabulary))


def _carried(name: str, document: Any) -> Iterator[ManifestFile]:
    """The files that a document brings to a host."""
    if name == "machineconfig":
        document = document["spec"]["config"]
    if name == "user-data":
        pairs = [(entry["path"], entry["content"]) for entry in document["write_files"]]
    elif name == "playbook":
        tasks = (task for task in document[0]["tasks"] if "ansible.builtin.copy" in task)
        pairs = [(entry["dest"], entry["content"]) for task in tasks for entry in task["loop"]]
    elif name in ("ignition", "machineconfig"):
        files = document["storage"]["files"]
        start = len("data:,")
        pairs = [(f["path"], unquote(f["contents"]["source"][start:])) for f in files]
        units = document.get("systemd", {"units": []})["units"]
        pairs += [(f"/etc/systemd/system/{unit['name']}", unit["contents"]) for unit in units]
    else:
        pairs = []
    return (ManifestFile(path[1:], text) for path, text in pairs)
