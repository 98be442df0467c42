"""JSON Schema as Gemini takes it: the part of OpenAPI 3.0 that a function declaration knows.

https://ai.google.dev/api/caching#Schema. What it does not know (`additionalProperties`, `$ref`, `const`, a list of
types) is written otherwise or left out: whoever runs a call checks its arguments.
"""

from __future__ import annotations

from typing import Any

_SAME = (
    "description",
    "enum",
    "format",
    "maxItems",
    "minItems",
    "maxLength",
    "minLength",
    "pattern",
    "maximum",
    "minimum",
    "required",
    "title",
)
_NAMES = {
    "maxItems": "max_items",
    "minItems": "min_items",
    "maxLength": "max_length",
    "minLength": "min_length",
}
# others are refused: "only 'enum' and 'date-time' are supported for STRING type"
_STRING_FORMATS = frozenset({"enum", "date-time"})


def to_gemini(schema: dict[str, Any]) -> dict[str, Any]:
    """As keyword arguments of google.genai.types.Schema. Recursive schemas become plain objects."""
    return _convert(schema, schema.get("$defs", {}), ())


def _convert(schema: dict[str, Any], named: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in inside or name not in named:
            return {"type": "OBJECT"}
        return _convert(named[name] | {k: v for k, v in schema.items() if k != "$ref"}, named, (*inside, name))
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _any_of(schema, choices, named, inside)
    out: dict[str, Any] = {_NAMES.get(key, key): schema[key] for key in _SAME if key in schema}
    kind = schema.get("type")
    if isinstance(kind, list):
        if "null" in kind:
            out["nullable"] = True
        kind = next((k for k in kind if k != "null"), "string")
    if "const" in schema:
        out["enum"] = [schema["const"]]
    if "enum" in out:  # of strings alone
        out["enum"] = [str(value) for value in out["enum"] if value is not None]
        kind = "string"
    kind = kind or ("object" if "properties" in schema else "string")
    out["type"] = kind.upper()
    if kind == "string" and out.get("format") not in _STRING_FORMATS:
        out.pop("format", None)
    if kind == "array":
        out["items"] = _convert(schema.get("items") or {}, named, inside)
    if kind == "object" and schema.get("properties"):
        out["properties"] = {name: _convert(property, named, inside) for name, property in schema["properties"].items()}
        out["required"] = [name for name in schema.get("required", ()) if name in out["properties"]]
    return {key: value for key, value in out.items() if value not in ([], None)}


def _any_of(
    schema: dict[str, Any], choices: list[dict[str, Any]], named: dict[str, Any], inside: tuple[str, ...]
) -> dict[str, Any]:
    """A choice between null and one thing is that thing, which may be null."""
    real = [choice for choice in choices if choice.get("type") != "null"]
    around: dict[str, Any] = {key: schema[key] for key in ("description", "title") if key in schema}
    if len(real) == 1:
        out = _convert({**real[0], **around}, named, inside)
    else:
        out = {"any_of": [_convert(choice, named, inside) for choice in real], **around}
    if len(real) < len(choices):
        out["nullable"] = True
    return out
