"""A tool that the agent answers itself: offered, checked, run and recorded like a read of the box office."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pydantic import BaseModel, Field

from usher_agent.turns.own_tools import OwnTool
from usher_shared.errors import NotFound


class Lookup(BaseModel):
    query: str = Field(min_length=1, max_length=20)


async def look_up(turn: Any, given: Lookup) -> dict[str, Any]:
    if given.query == "nowhere":
        raise NotFound("no such place", code="place_not_found")
    if given.query == "later":
        await asyncio.Event().wait()
    return {"found": given.query, "customer": turn.caller.customer_id}


def _result(request: Any, index: int = -1) -> dict[str, Any]:
    return json.loads([m for m in request.messages if m["role"] == "tool"][index]["content"])


async def _with_tool(world: Any) -> Any:
    world.own_tools.append(OwnTool("look_up", "Looks it up.", Lookup, look_up))
    await world.restart()
    return world.customer


async def test_it_is_offered_run_and_recorded_as_a_read(world: Any) -> None:
    customer = await _with_tool(world)
    world.model.call("look_up", query="parking")
    world.model.say("There is parking.")
    async with customer.stream("where do I park?") as response:
        frames = [frame for _, frame in await world.read_frames(response)]
    tools = {tool["function"]["name"]: tool["function"] for tool in world.model.requests[0].tools}
    assert {"look_up", "check_inventory"} <= set(tools)
    assert tools["look_up"]["parameters"]["required"] == ["query"]
    assert world.model.requests[0].tools is not None
    assert _result(world.model.requests[1]) == {"found": "parking", "customer": "cust-1"}
    kinds = [frame["type"] for frame in frames]
    assert "TOOL_CALL_START" in kinds
    assert "TOOL_CALL_RESULT" in kinds
    turn = next(frame["value"] for frame in frames if frame["type"] == "CUSTOM" and frame["name"] == "turn")
    assert [(c["name"], c["status"], c["arguments"]) for c in turn["tool_calls"]] == [
        ("look_up", "ok", {"query": "parking"})
    ]
    assert world.box.named("look_up") == []


async def test_its_refusals_and_bad_arguments_are_told_to_the_model(world: Any) -> None:
    customer = await _with_tool(world)
    world.model.call("look_up", query="nowhere")
    world.model.call("look_up", query="x" * 21)
    world.model.say("Sorry.")
    body = await customer.say("where do I park?")
    assert _result(world.model.requests[1]) == {"error": "place_not_found", "detail": "no such place"}
    assert _result(world.model.requests[2])["error"] == "invalid_arguments"
    assert [call["status"] for call in body["tool_calls"]] == ["error", "error"]


async def test_it_gets_the_time_of_a_tool_call_and_no_more(world: Any) -> None:
    world.settings["tool_timeout_seconds"] = 0.02
    customer = await _with_tool(world)
    world.model.calls(("look_up", {"query": "later"}), ("look_up", {"query": "parking"}))
    world.model.say("Sorry.")
    await customer.say("where do I park?")
    assert _result(world.model.requests[1], 0)["error"] == "upstream_timeout"
    assert _result(world.model.requests[1], 1)["found"] == "parking"


async def test_a_model_that_asks_for_an_unknown_tool_learns_of_it_too(world: Any) -> None:
    customer = await _with_tool(world)
    world.model.call("look_around", query="parking")
    await customer.say("where do I park?")
    assert "look_up" in _result(world.model.requests[1])["detail"]
