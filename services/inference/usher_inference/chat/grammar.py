"""What an answer may look like, as a grammar for constrained decoding in llguidance's dialect of Lark.

A call is written as Qwen models are taught to: a line of JSON between `<tool_call>` tags. Arguments follow the tool's
schema: declared properties in their order and no others, unless the schema says more. Keywords that the library cannot
enforce are passed over in a tool's schema, unless it is `strict`; in a `response_format` they are refused, because it
is a promise.
Syntax: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from usher_inference.chat.marks import CALL, CALL_END, THINK_END
from usher_inference.completions.model import FunctionSpec, JsonSchema, Prompt
from usher_shared.errors import InvalidRequest

# one way to write it, the way of Python's json.dumps: free white space lets a model run on
_LAYOUT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_COMPOSED = {"allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas"}
_NAMED = {"properties", "$defs", "definitions", "patternProperties"}
_PLAIN = {"const", "enum", "default", "examples"}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"}
_LOOKS_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")
_PATTERN_PART = re.compile(
    r"\\(?:x(?P<two>[0-9a-fA-F]{2})|u(?P<four>[0-9a-fA-F]{4}))|\\(?P<escaped>\W)|\\."
    r"|\[\\?(?P<chosen>(?:[^\]\\]|\\.)+)\]|(?P<plain>[^\\.*+?|(){}^$\[])|.",
    re.DOTALL,
)
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


def refuse_control(prompt: Prompt, control: Iterable[str]) -> None:
    """Raises InvalidRequest where a schema asks for a text with a control token's name in it.

    Such a text could only be written by that token, which would end the answer or begin a call.
    """
    names = sorted(control)
    found = [("response_format", text) for text in _texts(prompt.json.definition)] if prompt.json is not None else []
    for tool in prompt.tools:
        found += [("tools", text) for text in (tool.name, *_texts(tool.parameters))]
    for param, text in found:
        name = next((name for name in names if name in text), None)
        if name is not None:
            raise InvalidRequest(
                f"a schema in `{param}` cannot be followed: {name} is a control token and cannot be written as text",
                code="unsupported_schema",
                extra={"param": param},
            )


def _texts(schema: Any) -> Iterator[str]:
    """The texts that a schema has in what it describes: values, names of properties, and patterns without escapes."""
    if isinstance(schema, list):
        for item in schema:
            yield from _texts(item)
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in {"const", "enum", "required"}:
            yield from _written(value)
        elif key == "pattern" and isinstance(value, str):
            yield _literal(value)
        elif key in _NAMED and isinstance(value, dict):
            if key == "properties":
                yield from value
            elif key == "patternProperties":
                yield from map(_literal, value)
            yield from _texts(list(value.values()))
        elif key not in _PLAIN:
            yield from _texts(value)


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _written(item)
    elif isinstance(value, dict):
        yield from value
        yield from _written(list(value.values()))


def _literal(pattern: str) -> str:
    """The letters that a pattern asks for one by one, however they are written; between them, NUL for anything else."""
    return _PATTERN_PART.sub(_letter, pattern)


def _letter(part: re.Match[str]) -> str:
    two, four, escaped, chosen, plain = part.group("two", "four", "escaped", "chosen", "plain")
    if two or four:
        return chr(int(two or four, 16))
    letter = escaped or (chosen if chosen and len(chosen) == 1 else None) or plain
    return letter or "\0"


def _call(number: int, tool: FunctionSpec, id_of: IdOf) -> str:
    head = '\n{"name": ' + json.dumps(tool.name, ensure_ascii=False) + ', "arguments": '
    drops = _unknown_format if tool.strict else _irregular
    schema = {**_without(_closed(tool.parameters), drops), "x-guidance": _LAYOUT | {"lenient": not tool.strict}}
    kinds = schema.setdefault("type", "object")
    if isinstance(kinds, list) and "object" in kinds:
        schema["type"] = "object"
    elif kinds != "object":
        raise InvalidRequest(
            f"the arguments of {tool.name} have to be an object", code="unsupported_schema", extra={"param": "tools"}
        )
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
    if key in _NAMED:
        return {name: _closed(item) if isinstance(item, dict) else item for name, item in value.items()}
    return _closed(value)
