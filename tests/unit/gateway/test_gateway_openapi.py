"""The OpenAPI document, and a fuzzer that holds the app to it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "ignored_auth",
)


async def test_every_operation_names_its_credentials_and_its_errors(gateway: Any) -> None:
    _, _, schema = await gateway.call("GET", "/openapi.json")

    assert set(schema["components"]["securitySchemes"]) == {"api_key", "customer_token"}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path in ("/health", "/live", "/ready"):
                assert "security" not in operation
            elif (method, path) == ("post", "/webhooks/{id}"):  # its signature is its credential
                assert operation["security"] == []
            else:
                assert operation["security"] == [{"api_key": []}, {"customer_token": []}], (method, path)
                assert "application/problem+json" in operation["responses"]["4XX"]["content"]
                assert operation["description"], (method, path)
    chat = schema["paths"]["/chat"]["post"]
    assert chat["requestBody"]["content"]["application/json"]["examples"]
    assert set(chat["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}


async def test_a_fuzzer_finds_nothing(start: Any, tmp_path: Path) -> None:
    async with start(requests_per_minute=1_000_000) as gateway:
        gateway.webhooks.on("GET", "/webhooks", {"webhooks": []})
        gateway.webhooks.on("GET", "/webhooks/", (404, {"detail": "no such webhook", "code": "not_found"}))
        gateway.logger.on("GET", "/", {"rows": []})
        key = await gateway.key(
            "chat", "orders", "act_as_customer", "webhooks", "analytics", requests_per_minute=1_000_000
        )
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", gateway.url + "/openapi.json"]
        command += ["--checks", ",".join(_CHECKS), "--phases", "examples,fuzzing", "--max-examples", "4", "--seed", "1"]
        command += ["--no-color", "--suppress-health-check", "all", "--header", f"X-API-Key: {key['X-API-Key']}"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()[-12_000:]
