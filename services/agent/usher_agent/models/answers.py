"""Answers to impersonal first questions, kept for a while: the same question at the same moment is not asked twice.

What is kept is one completion, under everything that the model saw: the whole system prompt (its local time cut to the
day, and to the bucket it is in), the tools and each message. What tools answered is thus part of the key, and with it
the state of the catalogue and of the knowledge: the agent runs the tools itself, each time. Two customers share an
answer only when everything that led to it was the same, word by word. Beside that, what may be kept is narrow:

- the first turn of a conversation: one message, without notes, proposals or history;
- public reads are all that was called before it and all that it calls;
- the message holds no personal data that `usher_shared.personal` finds, nor a long number, an id or an introduction;
- the answer is of the model that is asked first, by its present release, and outside of experiments.

In the process's memory, under a hash. A failure is never kept.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson

from usher_agent.models.ports import ChatModel, Completion, CompletionRequest, Listener
from usher_shared.clock import Clock
from usher_shared.personal import find

PUBLIC_READS = frozenset({"search_events", "get_event_info", "search_knowledge"})
_PERSONAL = re.compile(
    r"\d(?:[ ./()-]{0,2}\d){4}|@|\w_\w|[\[<{]|\b(?:name is|called|name'?s|i am|i'?m|this is|dear|regards)\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"(?<=\nCurrent time: \d{4}-\d\d-\d\d)\S+\Z")
_LONGEST_QUESTION = 300
_MOST_ANSWERS = 2_000
_AFTER_AN_EXPERIMENT = timedelta(hours=1)


class KeptAnswers:
    """A ChatModel that gives a kept answer where it may. `seconds` is how long an answer counts."""

    def __init__(self, model: ChatModel, clock: Clock, seconds: float) -> None:
        self._model = model
        self._clock = clock
        self._seconds = seconds
        self._answers: OrderedDict[bytes, Completion] = OrderedDict()
        self._release: tuple[str, str] | None = None
        self._experiment_until: datetime | None = None

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        """As ChatModel; a kept answer is marked, and costs nothing."""
        key = self._key(request) if is_impersonal(request) else None
        known = self._answers.get(key) if key is not None and not self._in_experiment() else None
        if known is not None:
            if on_text is not None and known.text:
                on_text(known.text)
            return known
        completion = await self._model.complete(request, on_text)
        self._follow(completion)
        if key is not None and self._may_keep(completion):
            self._answers[key] = replace(
                completion,
                prompt_tokens=0,
                completion_tokens=0,
                cached_tokens=0,
                cost_nanos=0,
                charged_nanos=0,
                is_kept=True,
            )
            if len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
        return completion

    def _key(self, request: CompletionRequest) -> bytes:
        bucket = int(self._clock.now().timestamp() // self._seconds)
        system, *rest = request.messages
        told = [_TIME.sub("", system["content"]), rest, request.tools, bucket]
        return blake2b(orjson.dumps(told), digest_size=32).digest()

    def _in_experiment(self) -> bool:
        return self._experiment_until is not None and self._clock.now() < self._experiment_until

    def _follow(self, completion: Completion) -> None:
        """Forget what an earlier release said, and stand back while conversations are on sides of an experiment."""
        if completion.variant not in ("", "default"):
            self._experiment_until = self._clock.now() + _AFTER_AN_EXPERIMENT
            self._answers.clear()
        release = (completion.model, completion.version)
        if not completion.passed_over and release != self._release:
            self._release = release
            self._answers.clear()

    def _may_keep(self, completion: Completion) -> bool:
        return (
            not completion.passed_over
            and not self._in_experiment()
            and bool(completion.text or completion.tool_calls)
            and all(call.name in PUBLIC_READS and call.extra is None for call in completion.tool_calls)
        )

    async def ping(self) -> None:
        await self._model.ping()

    async def close(self) -> None:
        self._answers.clear()
        await self._model.close()


def is_impersonal(request: CompletionRequest) -> bool:
    """Whether an answer to it may be kept for others who ask the same."""
    messages = request.messages
    if request.response_format is not None or request.avoid or request.free_only or len(messages) < 2:
        return False
    if [message["role"] for message in messages[:2]] != ["system", "user"]:
        return False
    question = messages[1]["content"]
    if len(question) > _LONGEST_QUESTION or _PERSONAL.search(question) or find(question):
        return False
    return _are_public_reads(messages[2:])


def _are_public_reads(messages: Sequence[dict[str, Any]]) -> bool:
    for message in messages:
        if message["role"] == "tool":
            names = [message["name"]]
        elif message["role"] == "assistant":
            names = [call["function"]["name"] for call in message.get("tool_calls", ())]
        else:
            return False
        if not names or not PUBLIC_READS.issuperset(names):
            return False
    return True
