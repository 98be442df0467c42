"""One step's tool calls: checked, run (reads together, writes in order), or turned into a proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from usher_agent.boxoffice.model import (
    InvalidCall,
    PreparedCall,
    ToolCall,
    prepare_call,
)
from usher_agent.boxoffice.ports import BoxOffice
from usher_agent.boxoffice.service import ToolOutcome, run_call
from usher_agent.conversations.model import LeaseLost
from usher_agent.guardrails.marks import clean, escape_tags
from usher_agent.handover.person import TICKET_TOOL, note_ticket, with_transcript
from usher_agent.models.ports import Completion, RequestedCall
from usher_agent.specialists.model import NotMine, check_allowed
from usher_agent.streams.model import tool_call, tool_result
from usher_agent.turns.model import Turn
from usher_agent.turns.offering import WAITING, bind, waiting_answer
from usher_agent.turns.outcomes import is_waiting, read_outcome
from usher_agent.turns.own_tools import OwnCall, OwnTools, prepare_own, restore_own, run_own
from usher_agent.turns.past import PastStep
from usher_agent.turns.prompt import assistant_calls, tool_message
from usher_agent.turns.running import Leases
from usher_shared.clock import Clock
from usher_shared.contracts.confirmations import fingerprint
from usher_shared.errors import UsherError
from usher_shared.ids import IdGenerator
from usher_shared.personal import mask_cards

_LONGEST_ARGUMENTS = 8_000
_KEY_REUSED = "idempotency_key_reused"


class CallRunner:
    """Runs what the model asked for. One per process; a turn's state is in the Turn."""

    def __init__(
        self,
        box: BoxOffice,
        clock: Clock,
        ids: IdGenerator,
        leases: Leases,
        *,
        own_tools: OwnTools,
        tool_timeout_seconds: float,
        parallel_limit: int,
    ) -> None:
        self._box = box
        self._own = own_tools
        self._clock = clock
        self._ids = ids
        self._leases = leases
        self._tool_timeout_seconds = tool_timeout_seconds
        self._parallel_limit = parallel_limit

    async def run_step(self, turn: Turn, completion: Completion) -> bool:
        """Run the step's calls and add call and results to the turn; False if any call was invalid.

        A protected action becomes `turn.proposed`; what follows it in the same step is not run.
        """
        requested = completion.tool_calls[: self._parallel_limit]
        calls = [turn.make_call(call.name, mask_cards(call.arguments[:_LONGEST_ARGUMENTS])) for call in requested]
        prepared = [self._try_prepare(turn, call) for call in calls]
        self._announce(turn, completion.text, calls, prepared)
        turn.keep_extras([call.extra for call in requested])
        await self._run_all(turn, calls, prepared)
        # a call that another specialist may make is no broken one: the model is told whom to hand over to
        return not any(isinstance(item, InvalidCall) and not isinstance(item, NotMine) for item in prepared)

    async def resume_step(self, turn: Turn, step: PastStep) -> None:
        """Go on with a step that another process announced: its answered calls are not run again.

        A call without an answer is run under its key. A proposal that was put and not stored is asked for anew.
        """
        calls = [turn.make_call(call.name, call.arguments, call.id) for call in step.calls]
        lost = next((call for call in calls if is_waiting(step.results.get(call.id, ""))), None)
        kept = [call for call in calls if call is not lost]
        turn.proposing = lost is not None
        if kept:
            prepared = [self._try_prepare(turn, call) for call in kept]
            entries = [(call.id, call.name, escape_tags(call.arguments)) for call in kept]
            turn.messages.append(assistant_calls(turn.vault.hide(escape_tags(step.text)), entries))
            await self._run_all(turn, kept, prepared, step.results)
        turn.proposing = False
        if lost is not None:
            await self.run_step(turn, Completion("", [RequestedCall(lost.name, lost.arguments)]))

    async def _run_all(
        self,
        turn: Turn,
        calls: list[ToolCall],
        prepared: list[PreparedCall | InvalidCall],
        answered: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`answered` are tool messages by the id of their call."""
        tasks: list[asyncio.Task[ToolOutcome] | None] = []
        reads = [p for p in prepared if isinstance(p, PreparedCall) and p.kind == "read"]
        together = len(reads) > 1
        for item in prepared:
            if (
                together
                and isinstance(item, PreparedCall)
                and item.kind == "read"
                and (not answered or item.call.id not in answered)
            ):
                tasks.append(asyncio.create_task(self._run(turn, item)))
            else:
                tasks.append(None)
        try:
            for call, item, task in zip(calls, prepared, tasks, strict=True):
                if answered and call.id in answered:
                    await self._restore(turn, call, item, answered[call.id])
                    continue
                outcome = await task if task is not None else await self._settle(turn, item)
                self._record(turn, call, item, outcome)
        finally:
            for task in tasks:
                if task is not None and not task.done():
                    task.cancel()

    async def _restore(self, turn: Turn, call: ToolCall, item: PreparedCall | InvalidCall, text: str) -> None:
        """A call that an earlier process ran, with the tool message that it got."""
        outcome = read_outcome(text)
        self._keep(turn, call, item, outcome, text)
        if isinstance(item, OwnCall):
            await restore_own(turn, item, outcome, timeout_seconds=self._tool_timeout_seconds)

    def _try_prepare(self, turn: Turn, call: ToolCall) -> PreparedCall | InvalidCall:
        try:
            return self._prepare(turn, call)
        except InvalidCall as error:
            return error

    def _prepare(self, turn: Turn, call: ToolCall) -> PreparedCall:
        check_allowed(turn.specialist, call.name)
        own = self._own.get(call.name)
        prepared = prepare_call(call, turn.identity, self._own) if own is None else prepare_own(call, own)
        if turn.vault and "<" in call.arguments:
            prepared = replace(prepared, arguments=turn.vault.show_all(prepared.arguments))
        return prepared

    def _announce(
        self, turn: Turn, text: str, calls: list[ToolCall], prepared: list[PreparedCall | InvalidCall]
    ) -> None:
        entries = []
        for call, item in zip(calls, prepared, strict=True):
            # arguments that are no JSON would make the history itself unreadable for chat templates
            arguments = call.arguments if isinstance(item, PreparedCall) else "{}"
            name = call.name if isinstance(item, PreparedCall) or item.code != "unknown_tool" else "unknown_tool"
            entries.append((call.id, name, escape_tags(arguments)))
            turn.log.emit(*tool_call(call.id, name, arguments, turn.message_id))
        turn.messages.append(assistant_calls(clean(text), entries))

    async def _settle(self, turn: Turn, item: PreparedCall | InvalidCall) -> ToolOutcome:
        if isinstance(item, InvalidCall):
            status = "refused" if isinstance(item, NotMine) else "error"
            return ToolOutcome(status, {"error": item.code, "detail": item.detail}, 0.0)
        if turn.proposed is not None or (turn.proposing and item.kind != "read"):
            detail = "not run: the customer has to answer the open confirmation first"
            return ToolOutcome("refused", {"error": "awaiting_confirmation", "detail": detail}, 0.0)
        if item.kind == "protected":
            return await self._propose(turn, item)
        if item.kind == "write":
            if not await self._may_act(turn):
                detail = "not run: the agent could not write down that it would; it may be tried again"
                return ToolOutcome("error", {"error": "not_recorded", "detail": detail}, 0.0)
            # a cancelled turn still learns what became of its writes
            task = asyncio.create_task(self._run(turn, item))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                self._record(turn, item.call, item, await task)
                raise
        return await self._run(turn, item)

    async def _may_act(self, turn: Turn) -> bool:
        """Whether a call with an effect may be run now. Raises LeaseLost when the turn is another process's."""
        try:
            if turn.command.streaming:  # whoever takes the turn up has to know of the call before it can have acted
                await turn.log.secure()
            await self._leases.confirm(turn.conversation_id, turn.lease)
        except LeaseLost:
            raise
        except UsherError:
            return False
        return True

    async def _run(self, turn: Turn, item: PreparedCall) -> ToolOutcome:
        if isinstance(item, OwnCall):
            return await run_own(turn, item, timeout_seconds=self._tool_timeout_seconds)
        key = turn.idempotency_key(item.call.id)
        if item.call.name == TICKET_TOOL:
            item = with_transcript(turn, item)
        outcome = await self._send(turn, item, key)
        if outcome.answer.get("error") == _KEY_REUSED:
            # an attempt whose process died asked for something else there: this is another call
            outcome = await self._send(turn, item, f"{key}:{fingerprint(item.call.name, item.arguments)[:16]}")
        return outcome

    async def _send(self, turn: Turn, item: PreparedCall, key: str) -> ToolOutcome:
        return await run_call(
            self._box, item, turn.caller, idempotency_key=key, timeout_seconds=self._tool_timeout_seconds
        )

    async def _propose(self, turn: Turn, item: PreparedCall) -> ToolOutcome:
        """Ask the box office what the action would cost, and make that the proposal; the action is not run."""
        question = {"action": item.call.name, "arguments": item.arguments}
        quoted = await run_call(
            self._box,
            PreparedCall(ToolCall(item.call.id, "quote", ""), "read", question, {}),
            turn.caller,
            idempotency_key=turn.idempotency_key(item.call.id),
            timeout_seconds=self._tool_timeout_seconds,
        )
        if quoted.status != "ok":
            return quoted
        try:
            proposal = bind(
                self._ids.new("CONF"),
                quoted.answer,
                asked=(item.call.name, item.arguments),
                identity=turn.identity,
                caller=turn.caller,
                now=self._clock.now(),
            )
        except (KeyError, TypeError, ValueError) as error:
            detail = f"the box office's quote cannot be used: {type(error).__name__}"
            return ToolOutcome("error", {"error": "bad_quote", "detail": detail}, quoted.latency_ms)
        if turn.opening.open is not None:
            turn.opening.open.move("superseded", self._clock.now())
            turn.opening.changed.append(turn.opening.open)
            turn.opening.open = None
            turn.replaced = True
        turn.proposed = proposal
        return ToolOutcome(WAITING, waiting_answer(proposal), quoted.latency_ms)

    def _record(self, turn: Turn, call: ToolCall, item: PreparedCall | InvalidCall, outcome: ToolOutcome) -> None:
        text = turn.bounded_result(outcome.answer)
        turn.log.emit(tool_result(call.id, text))
        self._keep(turn, call, item, outcome, text)

    def _keep(
        self, turn: Turn, call: ToolCall, item: PreparedCall | InvalidCall, outcome: ToolOutcome, text: str
    ) -> None:
        name = call.name if isinstance(item, PreparedCall) else (call.name[:64] or "unknown_tool")
        turn.messages.append(tool_message(call.id, name, text))
        shown = item.shown if isinstance(item, PreparedCall) else {}
        turn.calls.append(
            {
                "name": name,
                "arguments": shown,
                "status": outcome.status,
                "latency_ms": round(outcome.latency_ms, 3),
            }
        )
        if isinstance(item, PreparedCall):
            self._note_effects(turn, item, outcome)

    @staticmethod
    def _note_effects(turn: Turn, item: PreparedCall, outcome: ToolOutcome) -> None:
        if "ticket_id" in outcome.answer:
            note_ticket(turn, item.call.name, outcome)
        if item.call.name not in ("hold_tickets", "release_hold"):
            return
        if outcome.status in ("ok", "unknown"):
            turn.seats_touched = True
        if outcome.status == "ok":
            if item.call.name == "hold_tickets" and isinstance(outcome.answer.get("hold_id"), str):
                turn.holds.append(outcome.answer["hold_id"])
            elif item.call.name == "release_hold":
                turn.released.append(item.arguments["hold_id"])
