"""A chat model out of a decoder of tokens: what an `Engine` of completions is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from usher_inference.chat.answer import AnswerReader
from usher_inference.chat.grammar import answer_grammar, refuse_control
from usher_inference.chat.history import Neutraliser
from usher_inference.chat.marks import CALL, THINK
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.completions.model import (
    Delta,
    Finished,
    FinishReason,
    Prompt,
    TextDelta,
    TokenChance,
    Usage,
)
from usher_inference.completions.stops import StopCutter
from usher_inference.generation.model import Sampling, Token, TokenRequest
from usher_inference.generation.ports import Decoder
from usher_shared.errors import InvalidRequest, Unavailable

# the ends of a turn or of a text, by the names that chat models give them
_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<eos>", "</s>", "<|end|>")
_LONG = 20_000  # characters from which tokenizing takes milliseconds, and a thread


@dataclass(frozen=True, slots=True)
class _Plan:
    request: TokenRequest
    calls: bool
    thinks: bool


class ChatEngine:
    """An `Engine` over a `Decoder`. Stateless but for the decoder: one serves any number of requests at once."""

    def __init__(
        self,
        model: str,
        version: str,
        decoder: Decoder,
        tokenizer: Tokenizer,
        template: ChatTemplate,
        *,
        sampling: Sampling | None = None,
        system_prompt: str | None = None,
    ) -> None:
        """`sampling` counts where a request brings none, and so does `system_prompt`.

        Raises Unavailable for a tokenizer that makes control tokens of text from outside that is neutralised.
        """
        self._model = model
        self._version = version
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._template = template
        self._sampling = sampling or Sampling()
        self._system_prompt = system_prompt
        self._neutraliser = Neutraliser(tokenizer.control)
        self._stop_ids = stop_ids(tokenizer, template)
        _check(self._neutraliser, tokenizer)

    @property
    def model(self) -> str:
        return self._model

    @property
    def version(self) -> str:
        return self._version

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(self._neutraliser.text(text)))

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """As the port says. A stop text ends the answer once it has been given with what came before it."""
        plan = await self._prepare(prompt)
        marks = self._tokenizer.marks
        reader = AnswerReader(calls=plan.calls, thinks=plan.thinks, spelled=CALL not in marks.values())
        detokenizer = self._tokenizer.detokenizer()
        stops = StopCutter(prompt.stops) if prompt.stops else None
        pending: list[TokenChance] = []
        count, cached, ended = 0, 0, False
        async with aclosing(self._decode(plan.request, prompt)) as tokens:
            async for token in tokens:
                cached = cached or token.cached
                count += 1
                if token.id in self._stop_ids:
                    ended = True
                    break
                mark = marks.get(token.id)
                if token.logprob is not None and mark is None and reader.in_text:
                    pending.append(self._chance(token, token.logprob))
                for piece in reader.feed(detokenizer.feed(token.id)) if mark is None else reader.mark(mark):
                    if isinstance(piece, TextDelta):
                        if stops is not None:
                            stops.feed(TextDelta(piece.text))
                            ended = stops.met or ended
                        yield _with(piece, pending)
                        pending = []
                    else:
                        yield piece
                if ended:
                    break
        torn = reader.feed(detokenizer.finish()) if reader.in_text else []
        for piece in [*torn, *reader.finish(cut=not ended)]:
            if isinstance(piece, TextDelta):
                yield _with(piece, pending)
                pending = []
            else:
                yield piece
        reason: FinishReason = "length" if not ended else "tool_calls" if reader.calls else "stop"
        yield Finished(reason, Usage(len(plan.request.prompt), count, cached))

    async def close(self) -> None:
        """Frees the model; what runs is finished first."""
        await self._decoder.close()

    async def _decode(self, request: TokenRequest, prompt: Prompt) -> AsyncGenerator[Token, None]:
        try:
            async with aclosing(self._decoder.decode(request)) as tokens:
                async for token in tokens:
                    yield token
        except InvalidRequest as error:
            if error.code != "invalid_grammar":
                raise
            param = "response_format" if prompt.json is not None else "tools"
            reason = error.detail.splitlines()[0].rpartition("JSON schema: ")[2]
            raise InvalidRequest(
                f"a schema in `{param}` cannot be followed: {reason}", code="unsupported_schema", extra={"param": param}
            ) from error

    async def _prepare(self, prompt: Prompt) -> _Plan:
        if prompt.tools and not self._template.takes_tools:
            raise InvalidRequest(f"{self._model} was not made to call tools", extra={"param": "tools"})
        try:
            text = self._template.render(
                self._neutraliser.messages(prompt.messages, self._system_prompt), self._neutraliser.tools(prompt.tools)
            )
            thinks = text.rstrip().endswith(THINK)
            refuse_control(prompt, self._tokenizer.control)
            grammar = answer_grammar(prompt, self._tokenizer.id_of, thinks=thinks)
        except RecursionError as error:
            raise InvalidRequest("the request is nested too deeply", extra={"param": "tools"}) from error
        context = self._decoder.context_tokens
        if self._tokenizer.surely_exceeds(text, context):
            raise InvalidRequest(
                f"the model reads and writes at most {context} tokens together; "
                f"the messages and tools are more by their {len(text)} characters alone",
                code="context_length_exceeded",
                extra={"param": "messages"},
            )
        if len(text) > _LONG:
            ids = await asyncio.to_thread(self._tokenizer.encode, text)
        else:
            ids = self._tokenizer.encode(text)
        room = context - len(ids)  # none: the decoder refuses
        request = TokenRequest(
            prompt=ids,
            max_tokens=min(prompt.max_tokens or room, room),
            stop_ids=self._stop_ids,
            sampling=prompt.sampling.over(self._sampling),
            grammar=grammar,
            top_logprobs=prompt.top_logprobs,
            deadline_seconds=prompt.deadline_seconds,
        )
        return _Plan(request, bool(prompt.tools), thinks)

    def _chance(self, token: Token, logprob: float) -> TokenChance:
        text = self._tokenizer.text_of
        return TokenChance(text(token.id), logprob, tuple((text(id), chance) for id, chance in token.top))


def _check(neutraliser: Neutraliser, tokenizer: Tokenizer) -> None:
    """A normalizer may drop what breaks a name, or write one from letters that only look like it."""
    for name in tokenizer.control:
        disguised = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in name)
        read = tokenizer.encode(neutraliser.text(name)) + tokenizer.encode(neutraliser.text(disguised))
        if tokenizer.id_of(name) in read:
            raise Unavailable(f"the tokenizer reads {name} where nothing but text is written")


def _with(text: TextDelta, chances: list[TokenChance]) -> TextDelta:
    return replace(text, chances=tuple(chances)) if chances else text


def stop_ids(tokenizer: Tokenizer, template: ChatTemplate) -> frozenset[int]:
    """The tokens that end an answer: those that the model's folder names, and the usual ones that it has."""
    names = {*_ENDS, *template.ends}
    return frozenset(id for name in names if (id := tokenizer.id_of(name)) is not None)
