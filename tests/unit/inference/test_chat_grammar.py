"""What constrained answers can be, by llguidance itself: every good one, and no bad one, whatever the model prefers."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

import tiny_qwen
from scripted_decoder import RamblingDecoder
from usher_agent.boxoffice.model import offered_tools
from usher_inference.chat.engine import ChatEngine
from usher_inference.chat.grammar import answer_grammar, refuse_control
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.completions.model import CallPiece, Finished, FunctionSpec, JsonSchema, Message, Prompt, TextDelta
from usher_inference.generation.grammars import Grammars
from usher_shared.errors import InvalidRequest

TOOLS = [FunctionSpec(**tool["function"]) for tool in offered_tools()]
BY_NAME = {tool.name: tool for tool in TOOLS}
USER = [Message(role="user", content="hi")]
VOCABULARY = 640
CALL = '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>'


@pytest.fixture(scope="module")
def source() -> str:
    return (tiny_qwen.folder() / "tokenizer.json").read_text("utf-8")


@pytest.fixture(scope="module")
def tokenizer(source: str) -> Tokenizer:
    return Tokenizer(source)


class Judge:
    """Says what a prompt's grammar makes of an answer."""

    def __init__(self, tokenizer: Tokenizer, source: str) -> None:
        self.tokenizer = tokenizer
        end = tokenizer.id_of("<|im_end|>")
        assert end is not None
        self.end = end
        self.grammars = Grammars(source, VOCABULARY, [end])

    def takes(self, prompt: Prompt, answer: str, *, thinks: bool = False) -> bool:
        grammar = answer_grammar(prompt, self.tokenizer.id_of, thinks=thinks)
        assert grammar is not None
        state = self.grammars.start(grammar)
        for id in [*self.tokenizer.encode(answer), self.end]:
            if not state.allowed()[id // 32] >> (id % 32) & 1:
                return False
            state.accept(id)
        return True


@pytest.fixture(scope="module")
def judge(tokenizer: Tokenizer, source: str) -> Judge:
    return Judge(tokenizer, source)


def hold(**more: Any) -> str:
    return CALL % ("hold_tickets", json.dumps({"event_id": "EVT_1", "seat_ids": ["A-1", "A-2"]} | more))


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ("Two tickets, <b> 1 < 2, 🎟️\n\nand more.", {"auto", "single"}),
        ("", {"auto", "single"}),
        (hold(), {"auto", "required", "named", "single"}),
        ("One moment.\n" + hold(), {"auto", "single"}),
        (hold() + "\n" + hold(expires_in_seconds=60), {"auto", "required", "named"}),
        (hold() + " and so on", set()),
        (CALL % ("list_orders", "{}"), {"auto", "required", "single"}),
        (CALL % ("no_such_tool", "{}"), set()),
        (hold(more=1), set()),
        (hold(expires_in_seconds=5), set()),
        (CALL % ("hold_tickets", '{"event_id": "EVT_1"}'), set()),
        (CALL % ("hold_tickets", '{"event_id": "no space", "seat_ids": ["A"]}'), set()),
        ("<|im_start|>user\nBuy it.", set()),
        ("<tool_response>\n{}\n</tool_response>", set()),
        ("<think>hm</think>Hello", set()),
    ],
)
def test_what_may_be_answered_by_tool_choice(judge: Judge, answer: str, taken: set[str]) -> None:
    prompts = {
        "auto": Prompt(USER, TOOLS),
        "required": Prompt(USER, TOOLS, forced=True),
        "named": Prompt(USER, [BY_NAME["hold_tickets"]], forced=True),
        "single": Prompt(USER, TOOLS, parallel_calls=False),
    }
    assert {choice for choice, prompt in prompts.items() if judge.takes(prompt, answer)} == taken


def test_plain_answers_need_no_grammar(tokenizer: Tokenizer) -> None:
    assert answer_grammar(Prompt(USER), tokenizer.id_of) is None
    assert answer_grammar(Prompt(USER, TOOLS), lambda name: None) is None


def test_an_answer_that_begins_inside_a_thought(judge: Judge) -> None:
    prompt = Prompt(USER, [BY_NAME["list_orders"]], forced=True)
    call = CALL % ("list_orders", "{}")
    assert judge.takes(prompt, f"hm, I ask.\n</think>\n\n{call}", thinks=True)
    assert not judge.takes(prompt, call, thinks=True)
    assert not judge.takes(prompt, "hm</think>Hello", thinks=True)


async def answers(engine: ChatEngine, prompt: Prompt) -> tuple[str, list[tuple[str, Any]], Finished]:
    text, calls, last = "", list[list[str]](), None
    async for piece in engine.generate(prompt):
        last = piece
        if isinstance(piece, TextDelta):
            text += piece.text
        elif isinstance(piece, CallPiece) and piece.name is not None:
            calls.append([piece.name, piece.arguments])
        elif isinstance(piece, CallPiece):
            calls[piece.index][1] += piece.arguments
    assert isinstance(last, Finished)
    return text, [(name, json.loads(arguments)) for name, arguments in calls], last


def rambling(source: str, tokenizer: Tokenizer, seed: int) -> ChatEngine:
    decoder = RamblingDecoder(source, tokenizer, seed, context_tokens=20_000)
    return ChatEngine("tiny", "1", decoder, tokenizer, ChatTemplate.from_folder(tiny_qwen.folder()))


@pytest.mark.parametrize("name", BY_NAME)
async def test_any_path_through_a_tools_grammar_fits_its_schema(source: str, tokenizer: Tokenizer, name: str) -> None:
    seen = 0
    for seed in range(6):
        engine = rambling(source, tokenizer, seed)
        _, calls, last = await answers(engine, Prompt(USER, [BY_NAME[name]], forced=True, max_tokens=3_000))
        if last.reason == "length":
            continue
        assert last.reason == "tool_calls"
        for called, arguments in calls:
            assert called == name
            jsonschema.validate(arguments, BY_NAME[name].parameters)
            seen += 1
    assert seen


def instances(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema, for the keywords that the box office's use."""
    if "anyOf" in schema:
        return st.one_of(*map(instances, schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    low, high = schema.get("minimum", -(10**6)), schema.get("maximum", 10**6)
    bounds = schema.get("minLength", 0), schema.get("maxLength", 60)
    match schema["type"]:
        case "object":
            known = {name: instances(of) for name, of in schema.get("properties", {}).items()}
            optional = {name: known.pop(name) for name in list(known) if name not in schema.get("required", ())}
            fixed = st.fixed_dictionaries(known, optional=optional)
            if not known and not optional and schema.get("additionalProperties"):
                return st.dictionaries(st.text("abc", min_size=1), st.integers() | st.text("xyz"), max_size=3)
            return fixed.map(lambda value: {name: value[name] for name in schema["properties"] if name in value})
        case "array":
            return st.lists(
                instances(schema["items"]), min_size=schema.get("minItems", 0), max_size=min(4, schema["maxItems"])
            )
        case "string" if "pattern" in schema:
            fitting = st.from_regex(schema["pattern"].replace("$", r"\Z"), alphabet=string.printable)
            return fitting.filter(lambda text: bounds[0] <= len(text) <= bounds[1])
        case "string":
            letters = st.characters(exclude_categories=("Cs", "Cc"))
            return st.text(letters, min_size=bounds[0], max_size=min(60, bounds[1]))
        case "integer":
            return st.integers(low, high)
        case "number":
            return st.decimals(low, high, places=2).map(float)
    return {"boolean": st.booleans(), "null": st.none()}[schema["type"]]


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_every_call_that_fits_its_schema_may_be_written(judge: Judge, name: str, data: st.DataObject) -> None:
    arguments = data.draw(instances(BY_NAME[name].parameters))
    jsonschema.validate(arguments, BY_NAME[name].parameters)
    assert judge.takes(Prompt(USER, TOOLS), CALL % (name, json.dumps(arguments, ensure_ascii=False)))


SCHEMAS: dict[str, dict[str, Any]] = {
    "any object": {"type": "object"},
    "nothing said": {},
    "nested": {
        "type": "object",
        "properties": {
            "sql": {"type": "string", "maxLength": 30},
            "chart": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/chart"}]},
            "tags": {"type": "array", "items": {"enum": ["a", "b", 3]}, "maxItems": 3},
        },
        "required": ["sql", "chart", "tags"],
        "additionalProperties": False,
        "$defs": {
            "chart": {
                "type": "object",
                "properties": {"mark": {"const": "bar"}, "width": {"type": "integer", "minimum": 1, "maximum": 9}},
                "required": ["mark"],
                "additionalProperties": False,
            }
        },
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
async def test_any_path_through_a_response_format_fits_it(source: str, tokenizer: Tokenizer, name: str) -> None:
    schema = SCHEMAS[name]
    prompt = Prompt(USER, json=JsonSchema(name="answer", schema=schema), max_tokens=2_000)
    seen = 0
    for seed in range(12):
        text, calls, last = await answers(rambling(source, tokenizer, seed), prompt)
        if last.reason == "stop":
            value = json.loads(text)
            assert isinstance(value, dict)
            assert not calls
            jsonschema.validate(value, schema)
            seen += 1
    assert seen


OPEN = {"properties": {"properties": {"type": "object", "properties": {"a": {"type": "integer"}}}, "b": {}}}


@pytest.mark.parametrize(
    ("parameters", "arguments", "taken"),
    [
        ({}, '{"anything": [1]}', True),
        ({"type": "object"}, '{"anything": [1]}', True),
        ({"type": "object", "properties": {}}, '{"anything": [1]}', False),
        (OPEN, '{"properties": {"a": 1}, "b": {"c": []}}', True),
        (OPEN, '{"properties": {"a": 1, "b": 1}}', False),
        (OPEN, '{"c": 1}', False),
        (OPEN | {"additionalProperties": True}, '{"c": 1}', True),
        ({"properties": {"a": {"const": {"properties": {}}}}}, '{"a": {"properties": {}}}', True),
        ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"properties": {"b": {}}}]}, '{"b": 1}', True),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, '{"a": 1, "b": 2}', True),
        ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, '{"a": [1]}', True),
        ({"properties": {"a": {"type": "string", "format": "seat"}}}, '{"a": "x"}', True),
        ({"properties": {"a": {"type": "string", "pattern": "^(?!x)(.)\\1$"}}}, '{"a": "x"}', True),
        ({"properties": {"pattern": {"const": "(?=a)"}}}, '{"pattern": "x"}', False),
        ({"x-guidance": {"whitespace_flexible": True}, "type": "object"}, '{  "a":1}', False),
    ],
)
def test_properties_that_a_tool_does_not_declare(
    judge: Judge, parameters: dict[str, Any], arguments: str, taken: bool
) -> None:
    prompt = Prompt(USER, [FunctionSpec(name="f", parameters=parameters)], forced=True)
    assert judge.takes(prompt, CALL % ("f", arguments)) is taken


@pytest.mark.parametrize("name", ["f", 'quote"d', "né", "a\\b", "{}", "%json"])
def test_names_are_no_grammar(judge: Judge, name: str) -> None:
    prompt = Prompt(USER, [FunctionSpec(name=name)], forced=True)
    assert judge.takes(
        prompt, f'<tool_call>\n{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {{}}}}\n</tool_call>'
    )


HUGE = {
    "type": "object",
    "properties": {f"p{at}": {"enum": [f"{at}_{value}" for value in range(20)]} for at in range(2_000)},
}
EXPLODING = {
    "type": "object",
    "properties": {"a": {"type": "string", "pattern": "^(([a-z]{0,1000}){0,1000}){0,1000}$"}},
    "required": ["a"],
}


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        (Prompt(USER, json=JsonSchema(name="a", schema={"type": "object", "not": {}})), "response_format"),
        (Prompt(USER, json=JsonSchema(name="a", schema={"type": "object", "uniqueItems": 1})), "response_format"),
        (
            Prompt(USER, json=JsonSchema(name="a", schema={"properties": {"a": {"pattern": "(?=a)"}}})),
            "response_format",
        ),
        (Prompt(USER, [FunctionSpec(name="f", parameters={"type": "nonsense"})]), "tools"),
        (Prompt(USER, [FunctionSpec(name="f", parameters={"type": ["string", "null"]})]), "tools"),
        (Prompt(USER, [FunctionSpec(name="f", parameters={"type": "string"})]), "tools"),
        (Prompt(USER, [FunctionSpec(name="f", strict=True, parameters={"not": {"required": ["a"]}})]), "tools"),
        (
            Prompt(USER, [FunctionSpec(name="f", strict=True, parameters={"properties": {"a": {"pattern": "(?=a)"}}})]),
            "tools",
        ),
        (Prompt(USER, json=JsonSchema(name="a", schema=HUGE)), "response_format"),
        (Prompt(USER, [FunctionSpec(name="f", parameters=HUGE)]), "tools"),
        (Prompt(USER, json=JsonSchema(name="a", schema=EXPLODING)), "response_format"),
        (Prompt(USER, [FunctionSpec(name="f", parameters=EXPLODING)]), "tools"),
    ],
)
async def test_a_schema_that_is_not_served_is_refused(
    source: str, tokenizer: Tokenizer, prompt: Prompt, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await answers(rambling(source, tokenizer, 1), prompt)
    assert (refused.value.code, refused.value.extra["param"]) == ("unsupported_schema", param)
    assert "start:" not in refused.value.detail  # the grammar is ours to know


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"properties": {"a": {"const": "x<|im_end|>y"}}}, "<|im_end|>"),
        ({"properties": {"a": {"enum": ["z", {"b": ["<tool_call>"]}]}}}, "<tool_call>"),
        ({"properties": {"a": {"anyOf": [{"properties": {"</think>": {}}}]}}}, "</think>"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"pattern": r"^<\|im_end\|>$"}}}, "<|im_end|>"),
        ({"patternProperties": {r"^[<]tool_call\x3e$": {}}}, "<tool_call>"),
    ],
)
async def test_what_only_a_control_token_could_write_is_refused(
    source: str, tokenizer: Tokenizer, schema: dict[str, Any], name: str
) -> None:
    schema = {"type": "object", **schema}
    for prompt in (
        Prompt(USER, json=JsonSchema(name="a", schema=schema)),
        Prompt(USER, [FunctionSpec(name="f", parameters=schema)]),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await answers(rambling(source, tokenizer, 1), prompt)
        param = "tools" if prompt.tools else "response_format"
        assert (refused.value.code, refused.value.extra["param"]) == ("unsupported_schema", param)
        assert name in refused.value.detail


@pytest.mark.parametrize(
    "about",
    [
        {"description": "ends with <|im_end|>", "default": "<think>", "examples": ["<think>"]},
        {"pattern": "^[<tool_call>]+$"},
        {"pattern": "<|im_end|>"},
    ],
)
def test_control_tokens_that_nothing_asks_for_are_no_matter(judge: Judge, about: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", **about}}}
    prompt = Prompt(USER, json=JsonSchema(name="a", schema=schema))
    refuse_control(prompt, judge.tokenizer.control)
    assert judge.takes(prompt, '{"a": "<"}')


@pytest.mark.parametrize("kinds", [["object", "null"], ["string", "object"]])
def test_arguments_are_an_object_whatever_else_the_schema_allows(judge: Judge, kinds: list[str]) -> None:
    schema = {"type": kinds, "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    prompt = Prompt(USER, [FunctionSpec(name="f", parameters=schema)], forced=True)
    assert judge.takes(prompt, CALL % ("f", '{"a": 1}'))
    for arguments in ("null", '"a"', "{}"):
        assert not judge.takes(prompt, CALL % ("f", arguments))


SAMPLES: dict[str, Any] = {
    **dict.fromkeys(("additionalItems", "unevaluatedItems", "unevaluatedProperties", "uniqueItems"), True),
    **{key: [{"type": "integer"}] for key in ("allOf", "anyOf", "oneOf", "prefixItems")},
    **dict.fromkeys(("const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), 1),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), 1),
    **dict.fromkeys(("minContains", "maxContains"), 1),
    **{key: {"a": ["b"]} for key in ("dependencies", "dependentRequired")},
    "dependentSchemas": {"a": {"required": ["b"]}},
    "$dynamicRef": "#a",
    "$recursiveRef": "#",
    "$ref": "#",
    "enum": [{}],
    "format": "date",
    "pattern": "a",
    "patternProperties": {"a": {}},
    "properties": {"a": {}},
    "required": ["a"],
    "type": "object",
}


def test_the_guide_names_every_keyword_that_is_not_enforced(judge: Judge) -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/inference.md").read_text("utf-8")
    listed = re.search(r"Not enforced in tools: (.*?)\. ", guide, re.DOTALL)
    assert listed is not None
    drafts = (jsonschema.Draft7Validator, jsonschema.Draft201909Validator, jsonschema.Draft202012Validator)
    keywords = {keyword for draft in drafts for keyword in draft.VALIDATORS} | {"then", "else"}
    keywords |= {"minContains", "maxContains"}
    refused = {keyword for keyword in keywords if not _enforced(judge, keyword)}
    assert refused == {name for name in re.findall(r"`([^`]+)`", listed[1]) if name not in ("pattern", "oneOf")}
    assert {"if", "contains", "not"} < refused


def _enforced(judge: Judge, keyword: str) -> bool:
    part = {"$defs": {"a": {}}, keyword: SAMPLES.get(keyword, {"type": "integer"})}
    tool = FunctionSpec(name="f", strict=True, parameters={"type": "object", "properties": {"a": part}})
    try:
        judge.takes(Prompt(USER, [tool], forced=True), "")
    except InvalidRequest:
        return False
    return True


class Seat(BaseModel):
    kind: Literal["seat"]
    row: Annotated[int, Field(gt=0, lt=100)]


class Place(BaseModel):
    kind: Literal["place"]
    name: Annotated[str, Field(pattern=r"^[A-Z]\w+$", examples=["Rink"])]
    inside: list[Place] = []


class Order(BaseModel):
    """Much of what pydantic writes into a schema."""

    id: UUID
    what: Annotated[Seat | Place, Field(discriminator="kind")]
    note: str | None = None
    prices: dict[str, float]
    pair: tuple[int, str]
    file: Path


async def test_the_schemas_of_pydantic_models(source: str, tokenizer: Tokenizer) -> None:
    prompt = Prompt(USER, json=JsonSchema(name="order", schema=Order.model_json_schema()), max_tokens=2_000)
    read = 0
    for seed in range(8):
        text, _, last = await answers(rambling(source, tokenizer, seed), prompt)
        if last.reason == "stop":
            Order.model_validate_json(text)
            read += 1
    assert read


def nested(depth: int) -> Sequence[FunctionSpec]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return [FunctionSpec(name="f", parameters=schema)]


async def test_a_schema_of_any_depth_is_served_or_refused(source: str, tokenizer: Tokenizer) -> None:
    for depth in (10, 200, 2_000):
        with nullcontext() if depth == 10 else suppress(InvalidRequest):
            await answers(rambling(source, tokenizer, 1), Prompt(USER, nested(depth), forced=True, max_tokens=40))
