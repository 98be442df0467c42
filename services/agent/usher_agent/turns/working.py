"""The work on one turn, from what the model is told to the transaction that closes it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from usher_agent.boxoffice.ports import BoxOffice
from usher_agent.conversations.history import History
from usher_agent.conversations.model import LeaseLost
from usher_agent.guardrails.marks import escape_tags
from usher_agent.guardrails.output import GroundsKeeper
from usher_agent.guardrails.untrusted import fence
from usher_agent.handover.person import call_person, failed_again
from usher_agent.models.budget import Budget
from usher_agent.models.ports import ChatModel
from usher_agent.routing.ports import Router
from usher_agent.settings import Settings
from usher_agent.specialists.model import allow_lists
from usher_agent.turns.assigning import assign
from usher_agent.turns.calls import CallRunner
from usher_agent.turns.care import take_care
from usher_agent.turns.closing import close_turn, emit_end, give_back, render_response, turn_events
from usher_agent.turns.execution import carry_out
from usher_agent.turns.generation import Generation, TurnFailed
from usher_agent.turns.model import Turn
from usher_agent.turns.offering import put_offer
from usher_agent.turns.own_tools import OwnTools, all_offered
from usher_agent.turns.prompt import note, user_message
from usher_agent.turns.reply import conclude
from usher_agent.turns.running import Leases, Run
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What turns are worked on with. `turn_characters`: of tool answers that a turn's model may get to read."""

    store: DocumentStore
    outbox: Outbox
    model: ChatModel
    box: BoxOffice
    clock: Clock
    ids: IdGenerator
    history: History
    settings: Settings
    budget: Budget
    own_tools: OwnTools
    turn_characters: int
    router: Router


class Work:
    """One per process; a turn's state is in its Run."""

    def __init__(self, means: Means, leases: Leases) -> None:
        settings = means.settings
        self._store = means.store
        self._outbox = means.outbox
        self._box = means.box
        self._router = means.router
        self._budget = means.budget
        self._clock = means.clock
        self._ids = means.ids
        self._history = means.history
        self._settings = settings
        calls = CallRunner(
            means.box,
            means.clock,
            means.ids,
            leases,
            own_tools=means.own_tools,
            tool_timeout_seconds=settings.tool_timeout_seconds,
            parallel_limit=settings.parallel_limit,
        )
        offered = all_offered(means.own_tools)
        zone = ZoneInfo(settings.home_time_zone)
        self._grounds = GroundsKeeper(offered, zone) if settings.check_replies else None
        self._generation = Generation(
            means.model,
            calls,
            means.clock,
            offered=allow_lists(offered),
            grounds=self._grounds,
            model_name=settings.model_name,
            home_time_zone=settings.home_time_zone,
            step_limit=settings.step_limit,
            wall_limit_seconds=settings.wall_limit_seconds,
            budget=means.budget,
        )

    def forget(self, conversation_id: str) -> None:
        """Drop what is kept of a conversation."""
        if self._grounds is not None:
            self._grounds.forget(conversation_id)

    async def finish(self, run: Run) -> dict[str, Any]:
        """Commit the turn; its ChatResponse. Raises LeaseLost."""
        turn = run.turn
        turn.log.end_text()
        turn.forget_extras()
        response = render_response(turn, self._settings.model_name)
        emit_end(turn, response)
        if turn.is_silent:
            await give_back(self._store, turn)
            return response
        window = self._history.extend(run.window, turn.opening.number, turn.messages)
        turn.digest = window.digest
        events = turn_events(turn, self._ids, self._clock)
        await close_turn(self._store, self._outbox, self._clock, turn=turn, response=response, events=events)
        turn.log.publish()
        self._history.keep(turn.conversation_id, window)
        return response

    async def answer(self, run: Run) -> None:
        """Everything between the opening and the closing transaction; failures become an honest reply."""
        turn = run.turn
        opening = turn.opening
        run.window = await self._history.read(run.conversation_id, opening.number - 1, opening.conversation.digest)
        turn.history = run.window.messages()
        if opening.preferences is not None:
            turn.history = [note(fence(opening.preferences.to_note())), *turn.history]
        told = user_message(turn.vault.hide(escape_tags(turn.command.message))) if turn.command.message else None
        if told is not None and not opening.recovered:
            turn.messages.append(told)
        turn.messages += opening.notes
        if opening.execute is not None:
            await carry_out(self._box, self._clock, turn, timeout_seconds=self._settings.action_timeout_seconds)
        if told is not None and opening.recovered:
            turn.messages.append(told)
        if turn.command.offer is not None:
            put_offer(turn, turn.command.offer)
        elif self._needs_model(turn) and not take_care(turn, self._settings, self._clock.now()):
            await self._generate(run)
            if failed_again(turn):
                await call_person(self._box, turn, timeout_seconds=self._settings.tool_timeout_seconds)
        conclude(turn, self._clock.now())

    def _needs_model(self, turn: Turn) -> bool:
        if turn.cancelled:
            turn.status = "cancelled"
            return False
        if turn.is_programs:
            return False
        proposal = turn.opening.execute
        if proposal is None:
            return turn.command.message is not None or turn.command.decision is not None
        # an unknown outcome is told by the agent itself, and nothing else; unfinished business needs no conversation
        unknown = proposal.state == "executing" or proposal.is_unresolved
        return not unknown and not (turn.opening.recovered and turn.command.message is None)

    async def _generate(self, run: Run) -> None:
        turn = run.turn
        run.interruptible = True
        try:
            async with asyncio.timeout(self._settings.wall_limit_seconds):
                await assign(self._router, turn, self._budget)
                await self._generation.answer(turn)
        except TurnFailed as error:
            turn.status, turn.error_code = "failed", error.code
        except TimeoutError:
            turn.status, turn.error_code = "failed", "turn_timeout"
        except asyncio.CancelledError:
            if not turn.cancelled or run.task is None:
                raise
            run.task.uncancel()
            turn.status, turn.error_code, turn.proposed = "cancelled", None, None
        except LeaseLost:
            raise
        except Exception as error:
            _LOG.error("a turn failed unexpectedly", exc_info=error)
            turn.status, turn.error_code = "failed", "internal_error"
        finally:
            run.interruptible = False
