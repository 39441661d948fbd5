# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema of `--format json`, as strict as a test wants it."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

PATH = Path(__file__).parent.parent / "data/report.schema.json"


def checked(text: str, kind: str = "report") -> Any:
    """The report, read; fails if it is not as the schema says, or has a key of no name there.

    With `kind` "error", what is there instead of a report.
    """
    report = json.loads(text)
    error = jsonschema.exceptions.best_match(_validator(kind).iter_errors(report))
    assert error is None, f"{error.json_path}: {error.message}"
    return report


@functools.cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(PATH.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    # of one of the two alone: an error about both would name neither's mistake
    assert schema.pop("oneOf") == [{"$ref": "#/$defs/report"}, {"$ref": "#/$defs/error"}]
    schema["$ref"] = f"#/$defs/{kind}"
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(_closed(schema), format_checker=checker)


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
