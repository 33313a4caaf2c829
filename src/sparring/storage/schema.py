"""The published JSON Schema of `result.json`, and a check against it that needs no other package."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["fault", "result_schema"]

# JSON's names for Python's types; bool is an int in Python and not in JSON, so it is told apart in `_is`.
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@cache
def result_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every `result.json` keeps; additive within a major version."""
    return json.loads(files("sparring.storage").joinpath("result.schema.json").read_text(encoding="utf-8"))


def fault(value: object, schema: dict[str, Any], where: str = "") -> str | None:
    """The first thing wrong with `value`, as a phrase, or None.

    Knows the words that `result.schema.json` uses: type, enum, required, properties, items, minimum.
    """
    name = where or "the document"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{name} should be {' or '.join(kinds)}, it is {type(value).__name__}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{name} is {value!r}, known are {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and isinstance(value, int | float) and value < schema["minimum"]:
        return f"{name} is {value}, less than {schema['minimum']}"
    return _fault_inside(value, schema, where)


def _fault_inside(value: object, schema: dict[str, Any], where: str) -> str | None:
    if isinstance(value, list) and "items" in schema:
        found = (fault(item, schema["items"], f"{where}[{place}]") for place, item in enumerate(value))
        return next(filter(None, found), None)
    if not isinstance(value, dict):
        return None
    for key in schema.get("required", []):
        if key not in value:
            return f"{where or 'the document'} has no {key}"
    known = schema.get("properties", {})
    found = (fault(value[key], known[key], f"{where}.{key}".lstrip(".")) for key in known if key in value)
    return next(filter(None, found), None)


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])
