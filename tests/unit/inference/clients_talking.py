"""Conversations of three clients with the app, each by its own documented calls. What they hear is checked here."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any, cast

import pytest

from usher_shared.contracts.handover import ROUTE, Route, route_response_format
from usher_shared.contracts.tools import tool_schemas

PLAYBOOK = "usher-playbook"
EMBEDDER = "usher-lexical"
SPEAKER = "speaker"  # an engine of the test's own, with log probabilities
SYSTEM = "You help.\nCurrent time: 2026-11-20T10:00:00-08:00\nHome time zone: America/Los_Angeles"
WISH = "two tickets for the Sharks tonight"
GREETING = "Hello! I can find events"
TOOLS = [tool for tool in tool_schemas() if tool["function"]["name"] in ("search_events", "hold_tickets")]
NOTHING_FOUND = '{"events": []}'


def talk_with_openai(url: str, key: str) -> None:
    import openai

    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": WISH}]
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        assert PLAYBOOK in [model.id for model in client.models.list()]
        asked = client.chat.completions.create(model=PLAYBOOK, messages=messages, tools=cast(Any, TOOLS))
        message = asked.choices[0].message
        [call] = message.tool_calls or []
        assert call.type == "function"
        assert json.loads(call.function.arguments)["date"] == "2026-11-20"
        messages += [
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": NOTHING_FOUND},
        ]
        with client.chat.completions.stream(
            model=PLAYBOOK, messages=messages, tools=cast(Any, TOOLS), stream_options={"include_usage": True}
        ) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].finish_reason in ("stop", "tool_calls")
        assert final.usage is not None
        with client.chat.completions.stream(
            model=PLAYBOOK, messages=messages[:2], tools=cast(Any, TOOLS), tool_choice="required"
        ) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls or []
        assert streamed[0].function.name == "search_events"
        parsed = client.chat.completions.parse(
            model=PLAYBOOK, messages=messages[:2], response_format=cast(Any, route_response_format())
        )
        assert Route.model_validate_json(parsed.choices[0].message.content or "").specialist == "purchase"
        spoken = client.chat.completions.create(
            model=SPEAKER,
            messages=[{"role": "user", "content": "hi"}],
            logprobs=True,
            top_logprobs=2,
            temperature=0.3,
            seed=11,
            stop=["!"],
            max_completion_tokens=20,
        )
        assert spoken.choices[0].message.content == "Good evening"
        assert spoken.choices[0].logprobs is not None
        assert [token.token for token in spoken.choices[0].logprobs.content or []] == ["Good", " evening"]
        placed = client.embeddings.create(model=EMBEDDER, input=["two tickets", "parking"])
        assert [len(item.embedding) for item in placed.data] == [1024, 1024]
        with pytest.raises(openai.NotFoundError) as refused:
            client.chat.completions.create(model="gpt-4o", messages=messages[:2])
        assert refused.value.code == "model_not_found"


def talk_with_langchain(url: str, key: str) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    from pydantic import SecretStr

    model = ChatOpenAI(model=PLAYBOOK, base_url=url, api_key=SecretStr(key), max_retries=0, stream_usage=True)
    assert str(model.invoke("hello").content).startswith(GREETING)
    armed = model.bind_tools(TOOLS)
    messages: list[Any] = [SystemMessage(SYSTEM), HumanMessage(WISH)]
    asked = armed.invoke(messages)
    [call] = asked.tool_calls
    assert (call["name"], call["args"]["date"]) == ("search_events", "2026-11-20")
    messages += [asked, ToolMessage(NOTHING_FOUND, tool_call_id=call["id"])]
    answer = None
    for chunk in armed.stream(messages):
        answer = chunk if answer is None else answer + chunk
    assert answer is not None
    assert answer.content or answer.tool_calls
    assert answer.usage_metadata is not None
    forced = model.bind_tools(TOOLS, tool_choice="search_events", parallel_tool_calls=False)
    gathered = None
    for chunk in forced.stream(messages[:2]):
        gathered = chunk if gathered is None else gathered + chunk
    assert gathered is not None
    assert [call["name"] for call in gathered.tool_calls] == ["search_events"]
    schema = {**Route.model_json_schema(), "title": ROUTE}
    routed: Any = model.with_structured_output(schema, method="json_schema").invoke(messages[:2])
    assert routed["specialist"] == "purchase"
    speaker = ChatOpenAI(
        model=SPEAKER, base_url=url, api_key=SecretStr(key), max_retries=0, temperature=0.3, logprobs=True, stop=["!"]
    )
    spoken = speaker.invoke("hi")
    assert spoken.content == "Good evening"
    assert [token["token"] for token in spoken.response_metadata["logprobs"]["content"]] == ["Good", " evening"]
    placed = OpenAIEmbeddings(
        model=EMBEDDER, base_url=url, api_key=SecretStr(key), max_retries=0, check_embedding_ctx_length=False
    ).embed_documents(["two tickets", "parking"])
    assert [len(vector) for vector in placed] == [1024, 1024]


def talk_with_curl(url: str, key: str) -> None:
    def curl(path: str, body: object = None, *options: str) -> str:
        command = ["curl", "-sS", "--max-time", "30", *options, "-H", f"Authorization: Bearer {key}", url + path]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert PLAYBOOK in [model["id"] for model in json.loads(curl("/models"))["data"]]
    assert json.loads(curl(f"/models/{PLAYBOOK}"))["object"] == "model"
    hello = {"model": PLAYBOOK, "messages": [{"role": "user", "content": "hello"}]}
    answer = json.loads(curl("/chat/completions", hello))
    assert answer["choices"][0]["message"]["content"].startswith(GREETING)
    events = curl("/chat/completions", {**hello, "stream": True}, "-N").split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    wish = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": WISH}]
    called = json.loads(curl("/chat/completions", {"model": PLAYBOOK, "messages": wish, "tools": TOOLS}))
    assert called["choices"][0]["finish_reason"] == "tool_calls"
    placed = json.loads(curl("/embeddings", {"model": EMBEDDER, "input": "parking", "encoding_format": "base64"}))
    assert len(base64.b64decode(placed["data"][0]["embedding"])) == 4 * 1024
    refused = curl("/chat/completions", {**hello, "n": 2}, "-o", "-", "-w", "\n%{http_code}").splitlines()
    assert refused[-1] == "400"
    assert json.loads(refused[0])["error"]["param"] == "n"
