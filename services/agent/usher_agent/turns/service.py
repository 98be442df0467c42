"""Turns from start to end: one at a time per conversation, owned by the server, never half recorded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from usher_agent.boxoffice.model import Identity
from usher_agent.boxoffice.ports import BoxOffice, Caller
from usher_agent.confirmations.model import UNFINISHED, Decision
from usher_agent.confirmations.service import check_decidable, find_proposal
from usher_agent.conversations.history import History
from usher_agent.conversations.model import LeaseLost, RunLease
from usher_agent.guardrails.marks import escape_tags
from usher_agent.guardrails.output import GroundsKeeper
from usher_agent.guardrails.untrusted import fence
from usher_agent.handover.person import call_person, failed_again
from usher_agent.models.budget import Budget
from usher_agent.models.ports import ChatModel
from usher_agent.routing.ports import Router
from usher_agent.settings import Settings
from usher_agent.specialists.model import allow_lists
from usher_agent.streams.log import RunLog
from usher_agent.streams.model import run_error, run_started
from usher_agent.streams.service import FrameStore
from usher_agent.turns.assigning import assign, holder
from usher_agent.turns.calls import CallRunner
from usher_agent.turns.care import take_care
from usher_agent.turns.closing import close_turn, emit_end, give_back, render_response, turn_events
from usher_agent.turns.execution import carry_out
from usher_agent.turns.generation import Generation, TurnFailed
from usher_agent.turns.interrupted import give_up, is_dead, take_over
from usher_agent.turns.line import PLACE, Line
from usher_agent.turns.model import Opening, OpeningRules, Turn, TurnCommand
from usher_agent.turns.offering import put_offer
from usher_agent.turns.opening import Answered, Busy, InLine, open_turn
from usher_agent.turns.own_tools import OwnTools, all_offered
from usher_agent.turns.past import read_past
from usher_agent.turns.prompt import note, user_message
from usher_agent.turns.repeats import find_answer
from usher_agent.turns.reply import conclude
from usher_agent.turns.running import Leases, Run
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.errors import UsherError
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_shared.personal import Vault

_LOG = logging.getLogger(__name__)


class Turns:
    """The turns of this process; `owner` is unique to it."""

    def __init__(
        self,
        *,
        store: DocumentStore,
        outbox: Outbox,
        model: ChatModel,
        box: BoxOffice,
        clock: Clock,
        ids: IdGenerator,
        history: History,
        settings: Settings,
        budget: Budget,
        owner: str,
        own_tools: OwnTools,
        turn_characters: int,
        router: Router,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._box = box
        self._router = router
        self._budget = budget
        self._turn_characters = turn_characters
        self._clock = clock
        self._ids = ids
        self._history = history
        self._settings = settings
        self._runs: dict[str, Run] = {}
        self._alive: set[str] = set()
        self._retention = timedelta(seconds=settings.frame_retention_seconds)
        self._rules = OpeningRules(
            owner=owner,
            lease=timedelta(seconds=settings.lease_seconds),
            place=PLACE,
            longest_line=settings.queue_limit,
            frame_retention=self._retention,
            is_running=self._alive.__contains__,
        )
        self._line = Line(store, clock, self._rules, patience_seconds=settings.queue_seconds)
        self._leases = Leases(store, clock, self._rules)
        calls = CallRunner(
            box,
            clock,
            ids,
            self._leases,
            own_tools=own_tools,
            tool_timeout_seconds=settings.tool_timeout_seconds,
            parallel_limit=settings.parallel_limit,
        )
        zone = ZoneInfo(settings.home_time_zone)
        self._grounds = GroundsKeeper(all_offered(own_tools), zone) if settings.check_replies else None
        self._generation = Generation(
            model,
            calls,
            clock,
            offered=allow_lists(all_offered(own_tools)),
            grounds=self._grounds,
            model_name=settings.model_name,
            home_time_zone=settings.home_time_zone,
            step_limit=settings.step_limit,
            wall_limit_seconds=settings.wall_limit_seconds,
            budget=budget,
        )
        self._frames = FrameStore(store)
        self._taking: set[str] = set()
        self._background: set[asyncio.Task[Any]] = set()

    def running(self, conversation_id: str) -> Run | None:
        return self._runs.get(conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Drop what is remembered of a conversation that is over."""
        if self._grounds is not None:
            self._grounds.forget(conversation_id)

    def log_of(self, conversation_id: str) -> RunLog | None:
        run = self._runs.get(conversation_id)
        return run.log if run and not run.log.lost else None

    async def start(self, command: TurnCommand) -> Run:
        """Open a turn and let it run. Raises as `open_turn`."""
        opened = await self._open(command)
        if isinstance(opened, InLine):
            raise RuntimeError("a command with a place waits: use say")
        return opened

    async def _open(self, command: TurnCommand) -> Run | InLine:
        run_id = self._ids.new("RUN")
        self._alive.add(run_id)
        try:
            opening = await open_turn(self._store, self._clock, self._ids, self._rules, command=command, run_id=run_id)
        except BaseException as error:
            self._alive.discard(run_id)
            if isinstance(error, Busy) and error.interrupted:
                self._take_up_soon(command.conversation_id or "")
            raise
        if isinstance(opening, InLine):
            self._alive.discard(run_id)
            if opening.interrupted:
                self._take_up_soon(command.conversation_id or "")
            return opening
        with self._dropping(run_id):
            return self._run(self._prepare(command, opening, opening.conversation.last_frame + 1))

    async def take_up(self, conversation_id: str) -> Run | None:
        """Finish the conversation's interrupted turn where it stands, under its own run id; None if there is none.

        What was done of it is read from its stored frames; what was shown stays, and is not said again.
        """
        if conversation_id in self._taking:
            return None
        self._taking.add(conversation_id)
        try:
            taken = await take_over(self._store, self._clock, self._rules, conversation_id)
            if taken is None:
                return None
            command, opening = taken
            self._alive.add(opening.run_id)
            with self._dropping(opening.run_id):
                return await self._go_on(command, opening)
        finally:
            self._taking.discard(conversation_id)

    async def _go_on(self, command: TurnCommand, opening: Opening) -> Run | None:
        conversation = opening.conversation
        first = conversation.last_frame
        frames, personal = await self._frames.read_run(conversation.id, first)
        past = read_past(frames)
        if past.ended:
            self._alive.discard(opening.run_id)
            await give_up(self._store, opening)
            return None
        conversation.personal = conversation.personal | personal
        run = self._prepare(command, opening, first + past.frames + 1)
        run.turn.past = past
        run.log.withdraw(past.open_text)
        return self._run(run)

    @contextlib.contextmanager
    def _dropping(self, run_id: str) -> Iterator[None]:
        """A run that could not be begun is nobody's: it may be taken up."""
        try:
            yield
        except BaseException:
            self._alive.discard(run_id)
            raise

    def _take_up_soon(self, conversation_id: str) -> None:
        task = asyncio.create_task(self.take_up(conversation_id), name="take-up")
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_observe)

    def _run(self, run: Run) -> Run:
        self._runs[run.conversation_id] = run
        self._leases.hold(run.conversation_id, run.turn.lease)
        run.task = asyncio.create_task(self._work(run), name=run.turn.opening.run_id)
        run.task.add_done_callback(_observe)
        return run

    def works_on(self, run: RunLease) -> bool:
        """Whether this process has that run in hand."""
        return run.owner == self._rules.owner and run.id in self._alive

    def is_abandoned(self, run: RunLease) -> bool:
        """Whether no process works on that run any more."""
        return is_dead(run, self._rules, self._clock)

    async def say(self, command: TurnCommand) -> dict[str, Any]:
        """A whole turn; the ChatResponse. A repeated request gets the answer of the first.

        A message waits for the turns before it; what else finds them running raises Busy.
        """
        answered = await find_answer(self._store, command)
        if answered is not None:
            return answered
        if command.message is None or command.conversation_id is None:
            return await (await self.start(command)).response()
        command = replace(command, place=self._ids.new("WAIT"))
        try:
            opened = await self._open(command)
            run = opened if isinstance(opened, Run) else await self._line.stand(command, opened, self._open)
        except Answered:
            answered = await find_answer(self._store, command)
            if answered is None:
                raise
            return answered
        return await run.response() if isinstance(run, Run) else run

    async def decide(self, proposal_id: str, decision: Decision, *, client_id: str, customer_id: str) -> dict[str, Any]:
        """Approve or reject through the endpoint. The same decision again gets the first one's answer.

        Raises NotFound, Conflict, Gone as `check_decidable`, and Conflict (`conversation_busy`).
        """
        proposal = await find_proposal(self._store, proposal_id, customer_id)
        check_decidable(proposal, decision, self._clock)
        if proposal.answer is not None:
            return proposal.answer
        if proposal.decision is not None:
            joined = await self._join(proposal_id, customer_id, decision)
            if joined is not None:
                return joined
        command = TurnCommand(
            client_id=client_id,
            customer_id=customer_id,
            conversation_id=proposal.conversation_id,
            decision=None if proposal.state in UNFINISHED else (proposal_id, decision),
        )
        try:
            return await self.say(command)
        except UsherError as error:
            if error.code != "conversation_busy":
                raise
            joined = await self._join(proposal_id, customer_id, decision)
            if joined is None:
                raise
            return joined

    async def _join(self, proposal_id: str, customer_id: str, decision: Decision) -> dict[str, Any] | None:
        """The answer to the same decision that came at the same time, if there is one."""
        proposal = await find_proposal(self._store, proposal_id, customer_id)
        if proposal.decision != decision:
            return None
        running = self.running(proposal.conversation_id)
        if running is None or proposal_id not in running.turn.opening.decided:
            return proposal.answer
        return await running.response()

    def cancel(self, conversation_id: str) -> bool:
        """Stop the running turn, unless it is carrying out a confirmed action: that goes to its end first."""
        run = self._runs.get(conversation_id)
        if run is None or run.task is None:
            return False
        run.turn.cancelled = True
        if run.interruptible:
            run.interruptible = False
            run.task.cancel()
        return True

    async def call_off(self, conversation_id: str) -> bool:
        """Withdraw the messages that wait in the conversation; whether there were any."""
        return await self._line.call_off(conversation_id)

    async def stop(self) -> None:
        """Give running turns a moment, then leave them to recovery."""
        self._line.close()
        runs = {run.task: run for run in self._runs.values() if run.task is not None}
        late: set[asyncio.Task[dict[str, Any]]] = set()
        if runs:
            _, late = await asyncio.wait(runs, timeout=self._settings.shutdown_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._leases.stop([runs[task] for task in late])

    def _prepare(self, command: TurnCommand, opening: Opening, first_frame: int) -> Run:
        conversation = opening.conversation
        settled = opening.execute or opening.open or next(iter(opening.changed), None)
        vault = Vault(conversation.personal)
        log = RunLog(
            self._store,
            conversation.id,
            opening.run_id,
            first_frame,
            self._clock.now() + self._retention,
            vault=vault,
        )
        turn = Turn(
            command=command,
            opening=opening,
            vault=vault,
            caller=Caller(command.client_id, command.customer_id, conversation.id),
            identity=Identity(command.customer_id, conversation.payment_method_token),
            log=log,
            message_id=opening.message_id,
            room=self._turn_characters,
            specialist=holder(command, settled.action if settled else None, conversation.specialist),
        )
        return Run(conversation.id, log, turn)

    async def _work(self, run: Run) -> dict[str, Any]:
        turn = run.turn
        flusher: asyncio.Task[None] | None = None
        try:
            if turn.past is None or not turn.past.frames:
                turn.log.emit(run_started(run.conversation_id, turn.opening.run_id))
            if turn.command.streaming:
                flusher = asyncio.create_task(turn.log.flush_regularly(self._settings.flush_seconds))
                flusher.add_done_callback(_observe)
            await self._answer(run)
            if flusher is not None:
                flusher.cancel()
            await turn.log.seal()
            return await self._finish(run)
        except LeaseLost:
            # where frames of a process that had lost the turn stood in the way, it is still to be finished here
            self._take_up_soon(run.conversation_id)
            raise
        except Exception as error:
            _LOG.error("a turn could not be recorded", exc_info=error)
            lost = run_error("the answer could not be recorded; please send the message again", "internal_error")
            await turn.log.break_off(lost)
            raise
        finally:
            if flusher is not None:
                flusher.cancel()
            if self._runs.get(run.conversation_id) is run:
                del self._runs[run.conversation_id]
            self._leases.drop(run.conversation_id, turn.lease)
            self._alive.discard(turn.opening.run_id)
            turn.log.close()
            self._line.move(run.conversation_id)

    async def _finish(self, run: Run) -> dict[str, Any]:
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

    async def _answer(self, run: Run) -> None:
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


def _observe(task: asyncio.Task[Any]) -> None:
    """Note a failure that nobody awaits: a stream's reader learns of it from the frames."""
    if not task.cancelled():
        task.exception()
