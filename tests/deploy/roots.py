"""What the services' Google Cloud roots use, read from their code."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic_settings import BaseSettings

from usher_shared.cloud import SERVICES, CloudSettings

ROOT = Path(__file__).resolve().parents[2]
_EVENT_TYPE = re.compile(r"usher\.(\w+)\.v\d+")


def package(service: str) -> str:
    return "usher_" + service.replace("-", "_")


def has_root(service: str) -> bool:
    return _root(service).exists()


def _root(service: str) -> Path:
    return ROOT / "services" / service / package(service) / "__main__.py"


def cloud_calls(service: str, *methods: str) -> list[str | None]:
    """First argument (None without one) of each call `cloud.<method>(...)` in the service's root."""
    return [
        node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None  # type: ignore[misc]
        for node in ast.walk(ast.parse(_root(service).read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in methods
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "cloud"
    ]


@cache
def published(service: str) -> frozenset[str]:
    """Topics of the event types that the service's code passes to a call."""
    folder = ROOT / "services" / service / package(service)
    return frozenset(
        match.group(1)
        for path in folder.rglob("*.py")
        for argument in _arguments(ast.parse(path.read_text()))
        if (match := _EVENT_TYPE.fullmatch(argument))
    )


def _arguments(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def settings_of(service: str) -> type[BaseSettings]:
    settings: type[BaseSettings] = importlib.import_module(f"{package(service)}.settings").Settings
    return settings


def variables(settings: type[BaseSettings]) -> dict[str, bool]:
    """Each environment variable of the settings, and whether it has to be set."""
    prefix = settings.model_config.get("env_prefix", "")
    return {
        str(field.validation_alias or prefix + name.upper()): field.is_required()
        for name, field in settings.model_fields.items()
    }


def all_variables() -> dict[str, set[str]]:
    """Variables by service; those that every service has are under the empty name."""
    return {"": {*variables(CloudSettings), "USHER_TRACES"}} | {
        service: set(variables(settings_of(service))) for service in SERVICES
    }
