"""What the model sees of earlier turns, kept in memory while it is current."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from usher_agent.conversations.model import TURNS
from usher_shared.documents import DocumentStore, Filter, Query

Message = dict[str, Any]

_Sized = tuple[int, list[Message]]  # a turn's messages, and how many characters they are
_Known = tuple[int, list[_Sized]]  # the number of the last turn, and the turns

_PAGE = 20
_MESSAGE_OVERHEAD = 40


def _size(messages: list[Message]) -> int:
    return sum(
        len(message.get("content") or "")
        + sum(len(call["function"]["arguments"]) for call in message.get("tool_calls", ()))
        + _MESSAGE_OVERHEAD
        for message in messages
    )


class History:
    """The newest whole turns of each conversation within `characters`.

    Turns are only ever appended, by the holder of the conversation's lease: a remembered history is current exactly
    when it ends at the conversation's last turn.
    """

    def __init__(self, store: DocumentStore, *, characters: int, remembered: int = 512) -> None:
        self._store = store
        self._characters = characters
        self._remembered = remembered
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def read(self, conversation_id: str, turns: int) -> list[Message]:
        """The messages of the turns up to number `turns`, oldest first."""
        if turns == 0:
            return []
        known = self._known.get(conversation_id)
        if known is None or known[0] != turns:
            known = (turns, await self._load(conversation_id))
            self._keep(conversation_id, known)
        return [message for _, messages in known[1] for message in messages]

    def append(self, conversation_id: str, number: int, messages: list[Message]) -> None:
        """Turn `number` was stored."""
        known = self._known.get(conversation_id)
        if known is not None and known[0] == number - 1:
            self._keep(conversation_id, (number, self._newest([*known[1], (_size(messages), messages)])))
        elif number == 1:
            self._keep(conversation_id, (1, [(_size(messages), messages)]))
        else:
            self.forget(conversation_id)

    def forget(self, conversation_id: str) -> None:
        self._known.pop(conversation_id, None)

    def _keep(self, conversation_id: str, known: _Known) -> None:
        self._known[conversation_id] = known
        self._known.move_to_end(conversation_id)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    def _newest(self, turns: list[_Sized]) -> list[_Sized]:
        total = sum(size for size, _ in turns)
        first = 0
        while total > self._characters and first < len(turns) - 1:
            total -= turns[first][0]
            first += 1
        return turns[first:]

    async def _load(self, conversation_id: str) -> list[_Sized]:
        newest: list[_Sized] = []
        size = 0
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
                messages: list[Message] = document.data["messages"]
                size += _size(messages)
                if newest and size > self._characters:
                    return newest[::-1]
                newest.append((_size(messages), messages))
            cursor = page.next_cursor
            if cursor is None:
                return newest[::-1]
