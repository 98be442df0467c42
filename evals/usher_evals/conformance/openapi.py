"""The contract as OpenAPI 3.1, from the models that Usher checks answers with.

python -m usher_evals.conformance.openapi docs/guides/box-office-partner.openapi.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, PROTECTED_ACTIONS, Confirmation
from usher_shared.contracts.identity import CUSTOMER_HEADER
from usher_shared.contracts.tools import TOOLS, Tool

_REF = "#/components/schemas/{model}"
_PUBLIC = frozenset({"search_events", "get_event_info", "check_inventory"})
_READS = _PUBLIC | {"get_order", "list_orders", "get_credit", "get_wait_list"}
_PROBLEM = {
    "type": "object",
    "required": ["status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for a person"},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def _header(name: str, description: str, *, required: bool, longest: int = 128) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": longest}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _parameters(tool: Tool) -> list[dict[str, Any]]:
    found = [_header(CUSTOMER_HEADER, "whom the call is for", required=tool.name not in _PUBLIC)]
    if tool.name not in _READS:
        found.append(_header("Idempotency-Key", "one effect for one key", required=True, longest=255))
    if tool.name in PROTECTED_ACTIONS:
        words = "base64url of the JSON of a Confirmation: the customer's yes to exactly this quote"
        found.append(_header(CONFIRMATION_HEADER, words, required=True, longest=8192))
    if tool.name in ("search_events", "list_orders"):
        limit = {"type": "integer", "minimum": 1, "maximum": 500}
        found.append({"name": "limit", "in": "query", "required": False, "schema": limit})
    if tool.name == "list_orders":
        found.append({"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}})
    return found


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="Problem")}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _operation(tool: Tool) -> dict[str, Any]:
    return {
        "operationId": tool.name,
        "summary": tool.description,
        "parameters": _parameters(tool),
        "requestBody": {"required": True, "content": _json(tool.arguments)},
        "responses": {
            "200": {"description": "done", "content": _json(tool.answer)},
            "4XX": _problem("refused: nothing was done"),
            "5XX": _problem("failed: asked again under the same key"),
        },
    }


def document() -> dict[str, Any]:
    """The whole document."""
    arguments = [(tool.arguments, "validation") for tool in TOOLS.values()]
    answers = [(tool.answer, "validation") for tool in TOOLS.values()]
    wanted: Any = list(dict.fromkeys([*arguments, *answers, (Confirmation, "validation")]))
    _, schemas = models_json_schema(wanted, ref_template=_REF)
    health = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
    well = {"description": "can sell", "content": {"application/json": {"schema": health}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Usher box office partner",
            "version": "1",
            "description": "What a venue's own ticketing system answers Usher. The rules that no schema can say are in "
            "docs/guides/box-office-partner.md.",
        },
        "security": [{"key": []}],
        "paths": {
            "/health": {"get": {"operationId": "health", "security": [], "responses": {"200": well}}},
            **{f"/tools/{tool.name}": {"post": _operation(tool)} for tool in TOOLS.values()},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {**schemas["$defs"], "Problem": _PROBLEM},
        },
    }


def render() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
