"""Every service's OpenAPI holds under fuzzing: no 5xx, no answer outside its schema."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from stack_process import Target
from usher_local.stack import SERVICES

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# whom each service serves: the fuzzer speaks as that caller
CALLERS = {"agent": "gateway", "tools": "agent", "inference": "agent", "webhooks": "gateway"}


@pytest.mark.parametrize("service", SERVICES)
def test_fuzzing_finds_nothing(service: str, target: Target, tmp_path: Path) -> None:
    if target.running is None:
        pytest.skip("the services of a stack elsewhere are not reached directly")
    stack = target.running.stack
    schema_headers: dict[str, str] = {}
    if service == "gateway":
        headers = [f"X-API-Key: {target.api_key}"]
    else:
        caller = CALLERS.get(service, "cli")
        headers = [f"Authorization: Bearer {asyncio.run(stack.tokens(caller).token(service))}"]
        if service in ("agent", "tools", "webhooks"):
            headers += ["Usher-Client: fuzz", "Usher-Customer: cus_fuzz"]
        schema_headers = {"Authorization": f"Bearer {asyncio.run(stack.tokens('cli').token(service))}"}
    schema = tmp_path / "openapi.json"
    schema.write_bytes(_fetch(stack.url(service) + "/openapi.json", schema_headers))
    if service == "bus":  # a long poll that nobody ends is no finding
        (tmp_path / "schemathesis.toml").write_text(
            '[[operations]]\ninclude-path = "/events"\nparameters = { wait = 0 }\n'
        )
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(schema), "--url", stack.url(service)]
    command += ["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "1"]
    command += ["--request-timeout", "20", "--workers", "1", "--no-color", "--suppress-health-check", "all"]
    for header in headers:
        command += ["--header", header]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def _fetch(url: str, headers: dict[str, str]) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:  # noqa: S310  our own URL
        body: bytes = answer.read()
        return body
