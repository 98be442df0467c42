"""The model's part of a turn: ask, run what it calls, ask again, until it has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from usher_agent.guardrails.claims import Conduct
from usher_agent.guardrails.grounds import UNSUPPORTED
from usher_agent.guardrails.known import withheld
from usher_agent.guardrails.marks import escape_tags, has_tags
from usher_agent.guardrails.output import Check, GroundsKeeper
from usher_agent.guardrails.speech import examine
from usher_agent.knowledge.citing import UNCITED, UNKNOWN
from usher_agent.models.budget import Budget
from usher_agent.models.ports import ChatModel, Completion, CompletionRequest
from usher_agent.streams.model import custom, step_finished, step_started
from usher_agent.turns.calls import CallRunner
from usher_agent.turns.model import Turn
from usher_agent.turns.prompt import assistant_message, note, system_message
from usher_agent.turns.reply import put
from usher_agent.turns.sources import read_sources
from usher_agent.turns.voice import Voice
from usher_shared.clock import Clock
from usher_shared.contracts.handover import SpecialistName
from usher_shared.errors import Unavailable, UpstreamTimeout, UsherError
from usher_shared.personal import mask_cards

_REPAIR = "Your last message could not be used: it was empty or held raw markup. Answer in plain words, or call a tool."
_MOST_NAMED = 6


class TurnFailed(Exception):
    """The turn cannot be answered; `code` names why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _code_of(error: UsherError) -> str:
    if isinstance(error, UpstreamTimeout):
        return "model_timeout"
    return "model_unavailable" if isinstance(error, Unavailable) else "model_failed"


class Generation:
    def __init__(
        self,
        model: ChatModel,
        calls: CallRunner,
        clock: Clock,
        *,
        offered: Mapping[SpecialistName, Sequence[dict[str, Any]]],
        grounds: GroundsKeeper | None,
        model_name: str,
        home_time_zone: str,
        step_limit: int,
        wall_limit_seconds: float,
        budget: Budget,
    ) -> None:
        """`grounds` None leaves the model's words unchecked."""
        self._model = model
        self._calls = calls
        self._clock = clock
        self._offered = offered
        self._grounds = grounds
        self._model_name = model_name
        self._home_time_zone = home_time_zone
        self._step_limit = step_limit
        self._wall_limit_seconds = wall_limit_seconds
        self._budget = budget

    async def answer(self, turn: Turn) -> None:
        """Fill in the turn's messages and reply. Raises TurnFailed."""
        now = self._clock.now()
        deadline = asyncio.get_running_loop().time() + self._wall_limit_seconds
        broken = 0  # unusable answers in a row: the first is told to the model, after the second another one is asked
        begun = await self._resume(turn) if turn.past is not None else 0
        if turn.proposed is not None:
            return
        for step in range(begun + 1, self._step_limit + 1):
            turn.message_id = turn.opening.message_id if step == 1 else f"{turn.opening.message_id}.{step}"
            name = f"model-{step}"
            turn.log.emit(step_started(name))
            completion = await self._ask(turn, now, deadline)
            if completion.tool_calls:
                turn.log.end_text()
                usable = await self._calls.run_step(turn, completion)
                if turn.proposed is not None:
                    self._propose(turn, step)
                    return
            else:
                usable = self._accept(turn, completion, now)
                if usable:
                    return
            turn.log.emit(step_finished(name))
            if turn.command.streaming:
                await turn.log.flush()
            broken = 0 if usable else broken + 1
            if broken > 1:
                if completion.candidate is None:  # there is no other
                    raise TurnFailed("model_invalid")
                turn.spending.passed_over.append(completion.candidate)
                broken = 0
        raise TurnFailed("step_limit")

    async def _resume(self, turn: Turn) -> int:
        """Go through the steps that another process began; how many there were."""
        begun = 0
        for past in turn.past.steps if turn.past is not None else ():
            if not past.name.startswith("model-"):
                continue
            begun += 1
            turn.message_id = f"{turn.opening.message_id}.{begun}"
            if past.calls:
                await self._calls.resume_step(turn, past)
            if not past.finished:
                turn.log.emit(step_finished(past.name))
            if turn.proposed is not None:
                put(turn, turn.proposed, f"{turn.message_id}.p")
                break
        return begun

    async def _ask(self, turn: Turn, now: datetime, deadline: float) -> Completion:
        system = system_message(now, self._home_time_zone, turn.specialist)  # a hand-over changes it within the turn
        request = CompletionRequest(
            messages=[system, *turn.history, *turn.messages],
            tools=self._offered[turn.specialist],
            conversation_id=turn.conversation_id,
            customer_id=turn.caller.customer_id,
            timeout_seconds=max(deadline - asyncio.get_running_loop().time(), 0.001),
            avoid=turn.spending.passed_over,
            free_only=self._budget.is_spent(turn.charged_nanos),
        )
        # what rests on documents is spoken when its sources are known, not before
        voice = Voice(turn, lambda: self._check(turn, now)) if self._speaks(turn) else None
        try:
            completion = await self._model.complete(request, voice)
        except UsherError as error:
            if voice is not None:
                voice.start_over()
            turn.spending.note_failed(error.extra.get("models_passed_over"))
            raise TurnFailed(_code_of(error)) from error
        if voice is not None:
            voice.finish()
        turn.spending.count(completion, self._model_name)
        self._budget.add(completion, turn.charged_nanos)
        return completion

    def _accept(self, turn: Turn, completion: Completion, now: datetime) -> bool:
        """Make the completion's text the reply; False when it cannot be, and the model is told why."""
        text = mask_cards(completion.text.strip())
        if not text or has_tags(text):
            turn.log.end_text()
            turn.messages.append(note(_REPAIR))
            return False
        sourced = read_sources(turn, text, now)
        if sourced is None:
            return self._lacks_sources(turn)
        text = sourced
        verdict = examine(text, self._check(turn, now))
        if verdict.missing:
            if turn.doubted:
                self._withhold(turn, text[: verdict.good])
                return True
            turn.doubted = True
            turn.sources.citations = []
            turn.log.end_text()
            if verdict.good and self._speaks(turn):  # its checked beginning was shown
                turn.log.emit(custom("withdrawn", {"message_id": turn.message_id}))
            missing = ", ".join(f"“{words}”" for words in dict.fromkeys(verdict.missing[:_MOST_NAMED]))
            turn.messages.append(note(UNSUPPORTED.format(missing=escape_tags(missing))))
            return False
        if not self._speaks(turn):
            turn.log.speak(turn.message_id, text)
        turn.reply = text
        turn.messages.append(assistant_message(text))
        return True

    @staticmethod
    def _speaks(turn: Turn) -> bool:
        """Whether the model's words are streamed as they come."""
        return turn.command.streaming and turn.sources.found is None

    @staticmethod
    def _lacks_sources(turn: Turn) -> bool:
        """Told to the model once; after that the customer hears that it is not known."""
        if not turn.sources.uncited:
            turn.sources.uncited = True
            turn.messages.append(note(UNCITED))
            return False
        turn.reply = UNKNOWN
        turn.log.speak(turn.message_id, turn.reply)
        turn.messages.append(assistant_message(turn.reply))
        return True

    def _check(self, turn: Turn, now: datetime) -> Check | None:
        if self._grounds is None:
            return None
        failed = turn.executed is not None and turn.executed[0].state != "done"
        source = self._grounds.source(turn.conversation_id, turn.history, turn.messages, now)
        return Check(source, Conduct(failed=failed, now=now))

    def _withhold(self, turn: Turn, checked: str) -> None:
        """The model was told once already: the customer gets what was checked, and is told that there was more."""
        turn.status, turn.error_code = "failed", "reply_withheld"
        turn.reply = withheld(checked, turn.messages)
        turn.sources.citations = turn.sources.citations if checked.strip() else []
        shown = checked.strip() if self._speaks(turn) else ""
        turn.log.speak(turn.message_id, turn.reply[len(shown) :])
        turn.messages.append(assistant_message(turn.reply))

    def _propose(self, turn: Turn, step: int) -> None:
        """The reply that states a proposal is the agent's own, whatever the model said beside the call."""
        assert turn.proposed is not None  # noqa: S101  the caller's condition
        turn.log.emit(step_finished(f"model-{step}"))
        put(turn, turn.proposed, f"{turn.opening.message_id}.{step}.p")
