"""What an answer may look like, as a grammar for constrained decoding in llguidance's dialect of Lark.

A call is written as Qwen models are taught to: a line of JSON between `<tool_call>` tags. Arguments follow the tool's
schema: declared properties in their order and no others, unless the schema says more. Keywords that the library does
not know are passed over in a tool's schema; in a `response_format` they are refused, because it is a promise.
Syntax: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from usher_inference.chat.marks import CALL, CALL_END, THINK_END
from usher_inference.completions.model import FunctionSpec, JsonSchema, Prompt

# one way to write it, the way of Python's json.dumps: free white space lets a model run on
_LAYOUT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_COMPOSED = {"allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas"}
_PLAIN = {"const", "enum", "default", "examples"}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"}
_LOOKS_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")
IdOf = Callable[[str], int | None]


def answer_grammar(prompt: Prompt, id_of: IdOf, *, thinks: bool = False) -> str | None:
    """The grammar of the answer; None where any text will do.

    `id_of` finds the id of a control token. `thinks`: the answer begins inside a thought. Without a token for
    `<tool_call>` text and calls cannot be told apart while they are written: only forced calls are constrained then.
    """
    if prompt.json is not None:
        free, answer = [f"json: %json {_promised(prompt.json)}"], "json | calls" if prompt.tools else "json"
    elif prompt.tools and id_of(CALL) is not None:
        free, answer = [], "TEXT? calls?"
    else:
        free, answer = [], ""
    if prompt.tools and prompt.forced:
        free, answer = [], "calls"
    if not answer:
        return None
    thinks = thinks and id_of(THINK_END) is not None
    rules = ["%llguidance {}", f"start: {'thought answer' if thinks else 'answer'}", f"answer: {answer}", *free]
    if thinks:
        rules.append(f"thought: TEXT? {_tag(THINK_END, id_of)} BLANK?")
        rules.append("BLANK: /\\n{1,2}/")
    if "calls" in answer:
        rules.append("call: " + " | ".join(f"call_{number}" for number in range(len(prompt.tools))))
        rules.append("calls: call" + (' ("\\n" call)*' if prompt.parallel_calls else ""))
        rules += [_call(number, tool, id_of) for number, tool in enumerate(prompt.tools)]
    if "TEXT" in answer or thinks:
        rules.append("TEXT: /(.|\\n)+/")
    return "\n".join(rules) + "\n"


def _call(number: int, tool: FunctionSpec, id_of: IdOf) -> str:
    head = '\n{"name": ' + json.dumps(tool.name, ensure_ascii=False) + ', "arguments": '
    schema = {**_without(_closed(tool.parameters), _irregular), "x-guidance": _LAYOUT | {"lenient": True}}
    schema.setdefault("type", "object")
    return (
        f"call_{number}: {_tag(CALL, id_of)} {json.dumps(head, ensure_ascii=False)} %json {json.dumps(schema)}"
        f' "}}\\n" {_tag(CALL_END, id_of)}'
    )


def _without(value: Any, drops: Callable[[str, str], bool]) -> Any:
    """The schema without the keywords with a text for a value that `drops` says."""
    if isinstance(value, list):
        return [_without(item, drops) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item if key in _PLAIN else _without(item, drops)
        for key, item in value.items()
        if not (isinstance(item, str) and drops(key, item))
    }


def _irregular(keyword: str, text: str) -> bool:
    """A pattern that no automaton can follow; `lenient` does not pass over it."""
    return keyword == "pattern" and _LOOKS_AROUND.search(text) is not None


def _unknown_format(keyword: str, text: str) -> bool:
    """A format by JSON Schema only describes, unless it is known."""
    return keyword == "format" and text not in _FORMATS


def _promised(wanted: JsonSchema) -> str:
    schema = _without(_closed(wanted.definition), _unknown_format) or {"type": "object"}
    return json.dumps({**schema, "x-guidance": _LAYOUT})


def _tag(name: str, id_of: IdOf) -> str:
    id = id_of(name)
    return json.dumps(name) if id is None else f"<[{id}]>"


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, whose objects have no properties but those that it declares, where it leaves that open."""
    declares = isinstance(schema.get("properties"), dict)
    if "allOf" in schema or (declares and _COMPOSED & schema.keys()):
        return dict(schema)  # to close a part would contradict the others
    closed = {key: value if key in _PLAIN else _closed_in(key, value) for key, value in schema.items()}
    if declares and not {"additionalProperties", "patternProperties", "unevaluatedProperties"} & schema.keys():
        closed["additionalProperties"] = False
    return closed


def _closed_in(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(item) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    if key in {"properties", "$defs", "definitions", "patternProperties"}:
        return {name: _closed(item) if isinstance(item, dict) else item for name, item in value.items()}
    return _closed(value)
