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
