"""The model's part of a turn: ask, run what it calls, ask again, until it has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from usher_agent.models.ports import ChatModel, Completion, CompletionRequest
from usher_agent.streams.model import step_finished, step_started
from usher_agent.turns.calls import CallRunner
from usher_agent.turns.model import Turn
from usher_agent.turns.prompt import assistant_message, note, system_message
from usher_agent.turns.reply import put
from usher_agent.turns.safety import has_tags, mask_cards, speakable_length
from usher_shared.clock import Clock
from usher_shared.contracts.handover import SpecialistName
from usher_shared.errors import Unavailable, UpstreamTimeout, UsherError

_REPAIR = "Your last message could not be used: it was empty or held raw markup. Answer in plain words, or call a tool."


class TurnFailed(Exception):
    """The turn cannot be answered; `code` names why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Voice:
    """Passes on streamed text, but for what is, or may yet become, template markup."""

    def __init__(self, turn: Turn, message_id: str) -> None:
        self._turn = turn
        self._message_id = message_id
        self._text = ""
        self._spoken = 0

    def __call__(self, delta: str) -> None:
        self._text += delta
        end = speakable_length(self._text)
        if end > self._spoken:
            self._turn.log.speak(self._message_id, self._text[self._spoken : end])
            self._spoken = end

    def finish(self) -> None:
        if not has_tags(self._text) and self._spoken < len(self._text):
            self._turn.log.speak(self._message_id, self._text[self._spoken :])


class Generation:
    def __init__(
        self,
        model: ChatModel,
        calls: CallRunner,
        clock: Clock,
        *,
        offered: Mapping[SpecialistName, Sequence[dict[str, Any]]],
        model_name: str,
        home_time_zone: str,
        step_limit: int,
        model_timeout_seconds: float,
    ) -> None:
        self._model = model
        self._calls = calls
        self._clock = clock
        self._offered = offered
        self._model_name = model_name
        self._home_time_zone = home_time_zone
        self._step_limit = step_limit
        self._model_timeout_seconds = model_timeout_seconds

    async def answer(self, turn: Turn) -> None:
        """Fill in the turn's messages and reply. Raises TurnFailed."""
        now = self._clock.now()
        broken = 0  # unusable answers in a row: the first is told to the model, the second ends the turn
        for step in range(1, self._step_limit + 1):
            turn.message_id = turn.opening.message_id if step == 1 else f"{turn.opening.message_id}.{step}"
            name = f"model-{step}"
            turn.log.emit(step_started(name))
            completion = await self._ask(turn, now)
            if completion.tool_calls:
                turn.log.end_text()
                usable = await self._calls.run_step(turn, completion)
                if turn.proposed is not None:
                    self._propose(turn, step)
                    return
            else:
                usable = self._accept(turn, completion)
                if usable:
                    return
                turn.messages.append(note(_REPAIR))
            turn.log.emit(step_finished(name))
            if turn.command.streaming:
                await turn.log.flush()
            broken = 0 if usable else broken + 1
            if broken > 1:
                raise TurnFailed("model_invalid")
        raise TurnFailed("step_limit")

    async def _ask(self, turn: Turn, now: datetime) -> Completion:
        system = system_message(now, self._home_time_zone, turn.specialist)  # a hand-over changes it within the turn
        request = CompletionRequest(
            messages=[system, *turn.history, *turn.messages],
            tools=self._offered[turn.specialist],
            conversation_id=turn.conversation_id,
            customer_id=turn.caller.customer_id,
            timeout_seconds=self._model_timeout_seconds,
        )
        voice = _Voice(turn, turn.message_id) if turn.command.streaming else None
        try:
            completion = await self._model.complete(request, voice)
        except UpstreamTimeout as error:
            raise TurnFailed("model_timeout") from error
        except Unavailable as error:
            raise TurnFailed("model_unavailable") from error
        except UsherError as error:
            raise TurnFailed("model_failed") from error
        if voice is not None:
            voice.finish()
        turn.count(completion, self._model_name)
        return completion

    def _accept(self, turn: Turn, completion: Completion) -> bool:
        text = mask_cards(completion.text.strip())
        if not text or has_tags(text):
            turn.log.end_text()
            return False
        if not turn.command.streaming:
            turn.log.speak(turn.message_id, text)
        turn.reply = text
        turn.messages.append(assistant_message(text))
        return True

    def _propose(self, turn: Turn, step: int) -> None:
        """The reply that states a proposal is the agent's own, whatever the model said beside the call."""
        assert turn.proposed is not None  # noqa: S101  the caller's condition
        turn.log.emit(step_finished(f"model-{step}"))
        put(turn, turn.proposed, f"{turn.opening.message_id}.{step}.p")
