"""What the images' files promise, without an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from usher_shared.cloud import SERVICES

ROOT = Path(__file__).resolve().parents[2]


def _dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_files_differ_in_the_name_alone(service: str) -> None:
    gateway = _dockerfile("gateway").replace("usher_gateway", "usher_" + service.replace("-", "_"))
    assert _dockerfile(service) == gateway.replace("gateway", service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_requirement_is_pinned(service: str) -> None:
    lines = (ROOT / "services" / service / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert not [line for line in pins if "==" not in line]


@pytest.mark.parametrize("service", SERVICES)
def test_the_builders_tools_are_pinned_for_it(service: str) -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    (tools,) = [line for line in _dockerfile(service).splitlines() if "--constraint /build/constraints.txt" in line]
    for tool in tools.split("constraints.txt")[-1].split():
        assert f"\n{tool}==" in constraints


def test_the_image_with_torch_is_built_like_the_others_with_torch_named_in_one_place() -> None:
    plain, torch = _dockerfile("inference"), (ROOT / "services/inference/Dockerfile.torch").read_text()
    tools, last = "FROM ${BASE} AS tools", "USER 10001:10001"
    stage = plain[plain.index(tools) : plain.index("# third-party")]
    assert torch[torch.index(tools) : torch.index("FROM tools")] == stage
    assert torch[torch.index(last) :].replace("start-period=60s", "start-period=30s") == plain[plain.index(last) :]
    pins = (ROOT / "services/inference/requirements-torch.txt").read_text()
    assert "\ntransformers==" in pins
    assert "\ntorch==" not in pins
    assert "\nonnxruntime==" not in pins
    (wanted,) = [line.split("=", 1)[1] for line in torch.splitlines() if line.startswith("ARG TORCH=")]
    assert f"TORCH  ?= {wanted}\n" in (ROOT / "Makefile").read_text()
