"""What the OpenAPI document says beyond the endpoints: credentials, rate headers, which paths are open."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from usher_gateway.admission import PUBLIC_PATHS

_SCHEMES = {
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "a client application; made with `usher key create`",
    },
    "customer_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "a customer; RS256, ES256 or EdDSA, of the configured issuer and audience",
    },
}
_RATE_HEADERS = {
    "RateLimit": {"schema": {"type": "string"}, "description": "requests left and seconds until there is one more"},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "the limit and its window in seconds"},
}
_METHODS = ("get", "post", "put", "patch", "delete")


def describe(app: FastAPI) -> None:
    """Extend the app's OpenAPI document."""
    base = app.openapi

    def extended() -> dict[str, Any]:
        schema = base()
        components = schema.setdefault("components", {})
        if "securitySchemes" not in components:
            components["securitySchemes"] = _SCHEMES
            for path, operations in schema["paths"].items():
                if path not in PUBLIC_PATHS:
                    _secure([operations[method] for method in _METHODS if method in operations])
        return schema

    app.openapi = extended  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _secure(operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        operation.setdefault("security", [{name: []} for name in _SCHEMES])
        for response in operation["responses"].values():
            response.setdefault("headers", {}).update(_RATE_HEADERS)
