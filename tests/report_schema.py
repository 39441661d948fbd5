# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema of `--format json`, as strict as a test wants it."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

PATH = Path(__file__).parent.parent / "data/report.schema.json"


def checked(text: str) -> Any:
    """The report, read; fails if it is not as the schema says, or has a key of no name there."""
    report = json.loads(text)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(report))
    assert error is None, f"{error.json_path}: {error.message}"
    return report


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(PATH.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(_closed(schema))


def _closed(part: Any) -> Any:
    """The same without room for keys that are not described: a consumer has to bear those."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(value) for key, value in part.items()}
    if part.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
