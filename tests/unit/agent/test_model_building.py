"""The models that settings name, and the Google account that some of them are asked with."""

from __future__ import annotations

import asyncio
import copy
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError
from pydantic import SecretStr, ValidationError

from usher_agent.adapters.chat_models import PLAYBOOK, build_chat_model
from usher_agent.adapters.gemini_chat_model import GeminiChatModel
from usher_agent.adapters.openai_chat_model import OpenAIChatModel
from usher_agent.adapters.vertex_chat_model import VertexChatModel
from usher_agent.models.order import ModelOrder
from usher_agent.models.prices import FREE, Price
from usher_agent.models.settings import ModelSettings
from usher_agent.settings import Settings
from usher_shared.contracts.tools import tool_schemas
from usher_shared.errors import Unavailable
from usher_shared.http.tokens import LocalTokenSource
from usher_shared.model_servers.gemini_schema import to_gemini
from usher_shared.model_servers.gemini_wire import contents, declare
from usher_shared.model_servers.google_access import GoogleAccess

OLLAMA = {"kind": "openai", "url": "http://localhost:11434/v1", "name": "qwen3:4b"}
GEMINI = {"kind": "gemini", "name": "gemini-2.5-flash", "key_env": "USHER_AGENT_KEY_GEMINI"}


def build(environment: dict[str, str] | None = None, **settings: Any) -> ModelOrder:
    tokens = LocalTokenSource("agent", "s" * 40)
    return build_chat_model(
        Settings(**settings), inference_url="http://inference/v1", tokens=tokens, environment=environment or {}
    )


def names(order: ModelOrder) -> list[str]:
    return [candidate.name for candidate in order._candidates]


def test_without_settings_the_playbook_alone_answers() -> None:
    order = build()
    assert names(order) == [PLAYBOOK]
    assert order._candidates[0].price == FREE


def test_a_single_server_has_the_playbook_behind_it() -> None:
    order = build(model_url="http://localhost:8000/v1", model_name="qwen3-4b", model_api_key=SecretStr("k"))
    assert names(order) == ["qwen3-4b", PLAYBOOK]
    assert order._candidates[0].price is None  # nobody knows
    assert names(build(model_url="http://x/v1", model_name="m", playbook_last=False)) == ["m"]


async def test_our_token_is_shown_to_our_service_alone() -> None:
    order = build(model_url="http://foreign/v1", model_name="m")
    foreign, own = (candidate.model for candidate in order._candidates)
    assert isinstance(foreign, OpenAIChatModel)
    assert isinstance(own, OpenAIChatModel)
    assert await foreign._headers("c") == {}
    assert "Authorization" in await own._headers("c")
    (named,) = (c.model for c in build(models=[{"kind": "usher", "name": PLAYBOOK}])._candidates)
    assert isinstance(named, OpenAIChatModel)
    assert "Authorization" in await named._headers("c")


def test_the_list_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "USHER_AGENT_MODELS",
        '[{"kind": "gemini", "name": "gemini-2.5-flash", "key_env": "USHER_AGENT_KEY_GEMINI"},'
        ' {"kind": "vertex", "name": "qwen3-4b", "url": "https://1.eu-1.prediction.vertexai.goog/v1/projects/p"},'
        ' {"kind": "vertex-openai", "name": "google/gemini-2.5-pro", "url": "https://x/v1"},'
        ' {"kind": "openai", "name": "qwen3-4b", "url": "http://localhost:11434/v1", "price": '
        '{"prompt": 0.1, "completion": 0.2}}]',
    )
    order = build({"USHER_AGENT_KEY_GEMINI": "key"})
    assert names(order) == ["gemini-2.5-flash", "qwen3-4b", "google/gemini-2.5-pro", "qwen3-4b#4", PLAYBOOK]
    kinds = [type(candidate.model) for candidate in order._candidates]
    assert kinds == [GeminiChatModel, VertexChatModel, OpenAIChatModel, OpenAIChatModel, OpenAIChatModel]
    prices = [candidate.price for candidate in order._candidates]
    assert prices == [Price(0.3, 2.5, 0.03), None, Price(1.25, 10.0, 0.125), Price(0.1, 0.2), FREE]


def test_a_key_that_is_not_there_is_said_by_its_variable() -> None:
    with pytest.raises(ValueError, match="USHER_AGENT_KEY_GEMINI"):
        build(models=[GEMINI])


def test_a_budget_needs_prices() -> None:
    with pytest.raises(ValueError, match=r"price of qwen3:4b"):
        build(models=[OLLAMA], daily_budget_usd=5)
    priced = {**OLLAMA, "price": {"prompt": 0, "completion": 0}}
    assert names(build(models=[priced], daily_budget_usd=5)) == ["qwen3:4b", PLAYBOOK]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "openai", "name": "m"},
        {"kind": "vertex", "name": "m"},
        {"kind": "gemini", "name": "m"},
        {"kind": "gemini", "name": "m", "project": "p"},
        {"kind": "gemini", "name": "m", "project": "p", "location": "l", "key_env": "KEY"},
        {"kind": "vertex", "name": "m", "url": "https://x", "key_env": "KEY"},
        {"kind": "openai", "name": "m", "url": "http://x", "key": "sk-123"},
        {"kind": "openai", "name": "m", "url": "http://x", "key_env": "sk-123"},
        {"kind": "bedrock", "name": "m"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelSettings(**wrong)


class Rotating(Credentials):
    """Google credentials whose tokens are numbered and live for `minutes`."""

    def __init__(self, minutes: float = 60.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.minutes = minutes
        self.refreshed = 0
        self.broken = False
        self.may = threading.Event()
        self.may.set()

    def refresh(self, request: Any) -> None:
        self.may.wait(10)
        if self.broken:
            raise RefreshError("the metadata server is away")  # type: ignore[no-untyped-call]
        self.refreshed += 1
        self.token = f"token-{self.refreshed}"
        self.expiry = (datetime.now(UTC) + timedelta(minutes=self.minutes)).replace(tzinfo=None)


async def test_however_many_ask_one_refresh_is_under_way() -> None:
    credentials = Rotating()
    credentials.may.clear()
    access = GoogleAccess(credentials)
    asking = [asyncio.create_task(access.token()) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()  # whoever goes away takes nobody with them
    credentials.may.set()
    assert {await task for task in asking[1:]} == {"token-1"}
    assert await access.token() == "token-1"
    assert credentials.refreshed == 1


async def test_a_token_is_renewed_before_its_end_and_used_to_its_end() -> None:
    credentials = Rotating(minutes=3)
    access = GoogleAccess(credentials)
    assert await access.token() == "token-1"
    assert await access.token() == "token-2"
    credentials.broken = True
    assert await access.token() == "token-2"
    credentials.minutes, credentials.expiry = 60, datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(Unavailable):
        await access.token()
    credentials.broken = False
    assert await access.token() == "token-3"


def test_schemas_in_the_way_that_gemini_takes_them() -> None:
    schema = {
        "$defs": {
            "Seat": {"type": "object", "properties": {"row": {"const": "A"}, "next": {"$ref": "#/$defs/Seat"}}},
        },
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "at": {"type": "string", "format": "date", "default": "today"},
            "on": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "description": "when"},
            "many": {"type": ["integer", "null"], "minimum": 1, "exclusiveMaximum": 9},
            "seats": {"type": "array", "items": {"$ref": "#/$defs/Seat"}, "minItems": 1},
            "side": {"enum": [1, 2, None]},
            "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "anything": {},
        },
        "required": ["at", "gone"],
    }
    row = {"type": "STRING", "enum": ["A"]}
    assert to_gemini(schema) == {
        "type": "OBJECT",
        "required": ["at"],
        "properties": {
            "at": {"type": "STRING"},
            "on": {"type": "STRING", "format": "date-time", "nullable": True, "description": "when"},
            "many": {"type": "INTEGER", "minimum": 1, "nullable": True},
            "seats": {
                "type": "ARRAY",
                "min_items": 1,
                "items": {"type": "OBJECT", "properties": {"row": row, "next": {"type": "OBJECT"}}},
            },
            "side": {"type": "STRING", "enum": ["1", "2"]},
            "either": {"any_of": [{"type": "STRING"}, {"type": "INTEGER"}]},
            "anything": {"type": "STRING"},
        },
    }


@pytest.mark.parametrize(
    ("model", "signed_by", "sent"),
    [
        ("gemini-3-flash-preview", "gemini-3-flash-preview", b"sig"),
        ("gemini-3-flash-preview", "gemini-3-pro-preview", b"skip_thought_signature_validator"),
        ("gemini-3-flash-preview", None, b"skip_thought_signature_validator"),
        ("gemini-2.5-flash", "gemini-2.5-flash", b"sig"),
        ("gemini-2.5-flash", "gemini-3-flash-preview", None),
        ("gemini-2.5-flash", None, None),
    ],
)
def test_a_signature_is_shown_to_the_model_that_gave_it(model: str, signed_by: str | None, sent: bytes | None) -> None:
    call: dict[str, Any] = {"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    if signed_by is not None:
        call["extra_content"] = {"google": {"thought_signature": "c2ln", "model": signed_by}}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "name": "a", "content": "{}"},
    ]
    _, told = contents(messages, model)
    assert [content.role for content in told] == ["user", "model", "user"]
    ((part,),) = [content.parts for content in told if content.role == "model"]
    assert part.thought_signature == sent


def test_the_same_tools_are_translated_once_whoever_brings_them() -> None:
    first, again = declare(tool_schemas()), declare(copy.deepcopy(tool_schemas()))
    assert first is again
    other = copy.deepcopy(tool_schemas())
    other[0]["function"]["description"] = "Something else."
    assert next(each.description for each in declare(other).function_declarations or ()) == "Something else."
    assert declare(tool_schemas()) is first
