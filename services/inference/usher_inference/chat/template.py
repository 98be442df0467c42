"""Chat templates as Hugging Face's models bring them: Jinja, in a sandbox, without transformers.

What a template finds there is what transformers gives it: the `messages`, the `tools` as OpenAI describes them,
`add_generation_prompt`, the special tokens by name, and `raise_exception`, `strftime_now`, `tojson`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usher_shared.errors import InvalidRequest, Unavailable, Unprocessable

if TYPE_CHECKING:
    import jinja2

TEMPLATE_FILE = "chat_template.jinja"
CONFIG_FILE = "tokenizer_config.json"
_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")


class ChatTemplate:
    """A compiled template. It shows no thoughts: where it knows `enable_thinking`, that is off."""

    def __init__(self, source: str, tokens: Mapping[str, str] | None = None) -> None:
        """`tokens` are special tokens by their names in a template, such as `eos_token`.

        Raises Unavailable for a template that is no Jinja.
        """
        try:
            import jinja2.ext
            import jinja2.meta
            import jinja2.sandbox
        except ImportError as error:
            raise Unavailable(
                "chat templates need one of the extras of usher-inference: onnx, torch or vllm"
            ) from error
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, _generation_tag()]
        )
        environment.filters["tojson"] = _tojson
        environment.globals.update(raise_exception=_refuse, strftime_now=_now)
        self._error = jinja2.TemplateError
        self._tokens = dict(tokens or {})
        self.ends = tuple(text for name, text in self._tokens.items() if name == "eos_token")
        """The tokens that end an answer, as far as they were given."""
        try:
            self._template: jinja2.Template = environment.from_string(source)
            self.takes_tools = "tools" in jinja2.meta.find_undeclared_variables(environment.parse(source))
            """Whether it shows a model the tools."""
        except jinja2.TemplateError as error:
            raise Unavailable(f"the chat template is broken: {error}") from error

    @classmethod
    def from_folder(cls, folder: Path, file: str | None = None) -> ChatTemplate:
        """The template of a model's folder, or that of a file in it. Raises Unavailable where there is none."""
        config = folder / CONFIG_FILE
        try:
            settings = json.loads(config.read_text("utf-8")) if config.exists() else {}
        except ValueError as error:
            raise Unprocessable(f"{CONFIG_FILE} cannot be read: {error}"[:300]) from error
        path = folder / (file or TEMPLATE_FILE)
        if path.exists():
            source = path.read_text("utf-8")
        elif file is None and isinstance(settings.get("chat_template"), str):
            source = settings["chat_template"]
        else:
            raise Unavailable(f"no chat template in the model's folder: {path.name} is missing")
        return cls(source, {name: _content(settings[name]) for name in _TOKENS if settings.get(name)})

    def render(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """The conversation as the model reads it, up to where its answer begins. Raises InvalidRequest."""
        try:
            return self._template.render(
                messages=messages,
                tools=list(tools) or None,
                add_generation_prompt=True,
                enable_thinking=False,
                **self._tokens,
            )
        except (self._error, TypeError, ValueError) as error:
            raise InvalidRequest(
                f"the model's template does not take these messages: {error}", extra={"param": "messages"}
            ) from error


def _content(token: str | Mapping[str, Any]) -> str:
    return token if isinstance(token, str) else str(token["content"])


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own escapes for HTML
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(message)


def _now(format: str) -> str:
    return datetime.now().strftime(format)  # noqa: DTZ005  a template means the clock on the wall


def _generation_tag() -> Any:
    """`{% generation %}` marks what a trainer learns from; here its content is rendered as it is."""
    import jinja2.ext
    import jinja2.nodes
    import jinja2.parser

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}  # noqa: RUF012  Jinja's way

        def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    return Generation
