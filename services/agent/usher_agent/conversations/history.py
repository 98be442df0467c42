"""What the model sees of earlier turns, kept in memory while it is current."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from usher_agent.conversations.model import TURNS
from usher_agent.guardrails.untrusted import fence
from usher_agent.memory.recollecting import fold, shorten
from usher_shared.contracts.recollection import Recollection
from usher_shared.documents import Document, DocumentStore, Filter, Query

Message = dict[str, Any]

_PAGE = 20
_MESSAGE_OVERHEAD = 40
_KEPT_SHARE = 0.6  # after a cut: the next one is then some turns away, and what a server has cached stays true


def size_of(messages: list[Message]) -> int:
    """Characters of a turn's messages."""
    return sum(
        len(message.get("content") or "")
        + sum(len(call["function"]["arguments"]) for call in message.get("tool_calls", ()))
        + _MESSAGE_OVERHEAD
        for message in messages
    )


@dataclass(frozen=True, slots=True)
class Window:
    """The turns up to number `last`: the newest whole, the others as their `digest` (see `Conversation.digest`)."""

    last: int
    digest: dict[str, Any] | None
    turns: tuple[tuple[int, list[Message]], ...]  # with their sizes in characters
    summary: tuple[Message, ...] = ()

    def messages(self) -> list[Message]:
        return [*self.summary, *(message for _, messages in self.turns for message in messages)]


def _summary(digest: dict[str, Any] | None) -> tuple[Message, ...]:
    if digest is None:
        return ()
    return ({"role": "system", "content": fence(Recollection.model_validate(digest["facts"]).to_note())},)


class History:
    """Each conversation's newest whole turns within `characters`, after a summary of the others.

    Turns are only ever appended, by the holder of the conversation's lease: a kept history is current exactly
    when it ends at the conversation's last turn. The digest of the turns that dropped out is stored with the
    conversation, in the transaction that closes a turn: nothing more is read or written for it.
    """

    def __init__(self, store: DocumentStore, *, characters: int, summary_characters: int, kept: int = 512) -> None:
        self._store = store
        self._characters = characters
        self._summary_characters = summary_characters
        self._most = kept
        self._known: OrderedDict[str, Window] = OrderedDict()

    async def read(self, conversation_id: str, turns: int, digest: dict[str, Any] | None) -> Window:
        """The turns up to number `turns`; `digest` is the conversation's."""
        if turns == 0:
            return Window(0, None, ())
        known = self._known.get(conversation_id)
        if known is None or known.last != turns:
            known = await self._load(conversation_id, turns, digest)
            self.keep(conversation_id, known)
        return known

    def extend(self, window: Window, number: int, messages: list[Message]) -> Window:
        """The window once turn `number` is stored; where it outgrows its budget, the oldest turns are folded."""
        turns = [*window.turns, (size_of(messages), messages)]
        if sum(size for size, _ in turns) <= self._characters:
            return Window(number, window.digest, tuple(turns), window.summary)
        return self._cut(number, window.digest, turns)

    def keep(self, conversation_id: str, window: Window) -> None:
        """What was stored is what is known from now on."""
        self._known[conversation_id] = window
        self._known.move_to_end(conversation_id)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, conversation_id: str) -> None:
        self._known.pop(conversation_id, None)

    def _cut(self, last: int, digest: dict[str, Any] | None, turns: list[tuple[int, list[Message]]]) -> Window:
        left = sum(size for size, _ in turns)
        first = 0
        while left > self._characters * _KEPT_SHARE and first < len(turns) - 1:
            left -= turns[first][0]
            first += 1
        facts = Recollection.model_validate(digest["facts"]) if digest else Recollection()
        facts = shorten(fold(facts, (messages for _, messages in turns[:first])), self._summary_characters)
        made = {"through": last - len(turns) + first, "facts": facts.model_dump(mode="json")}
        return Window(last, made, tuple(turns[first:]), _summary(made))

    async def _load(self, conversation_id: str, last: int, digest: dict[str, Any] | None) -> Window:
        through = int(digest["through"]) if digest else 0
        newest: list[tuple[int, list[Message]]] = []
        async for document in self._newest_first(conversation_id):
            if document.data["number"] <= through:
                break
            messages: list[Message] = document.data["messages"]
            newest.append((size_of(messages), messages))
        turns = newest[::-1]
        if digest is None and sum(size for size, _ in turns) > self._characters:
            return self._cut(last, None, turns)  # of a time before there were digests, or of a larger budget
        return Window(last, digest, tuple(turns), _summary(digest))

    async def _newest_first(self, conversation_id: str) -> AsyncIterator[Document]:
        cursor: str | None = None
        while True:
            page = await self._store.query(
                Query(
                    TURNS,
                    (Filter("conversation_id", "==", conversation_id),),
                    order_by="number",
                    descending=True,
                    limit=_PAGE,
                    after=cursor,
                )
            )
            for document in page.documents:
                yield document
            cursor = page.next_cursor
            if cursor is None:
                return
