"""Turns from start to end: one at a time per conversation, owned by the server, never half recorded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from usher_agent.boxoffice.model import Identity
from usher_agent.boxoffice.ports import Caller
from usher_agent.confirmations.model import UNFINISHED, Decision
from usher_agent.confirmations.service import check_decidable, find_proposal
from usher_agent.conversations.model import LeaseLost, RunLease
from usher_agent.streams.log import RunLog
from usher_agent.streams.model import run_error, run_started
from usher_agent.streams.service import FrameStore
from usher_agent.turns.assigning import holder
from usher_agent.turns.interrupted import give_up, is_dead, take_over
from usher_agent.turns.line import PLACE, Line
from usher_agent.turns.model import Opening, OpeningRules, Turn, TurnCommand
from usher_agent.turns.opening import Answered, Busy, InLine, open_turn
from usher_agent.turns.past import read_past
from usher_agent.turns.repeats import find_answer
from usher_agent.turns.running import Leases, Run
from usher_agent.turns.working import Means, Work
from usher_shared.errors import UsherError
from usher_shared.personal import Vault

_LOG = logging.getLogger(__name__)


class Turns:
    """The turns of this process; `owner` is unique to it."""

    def __init__(self, means: Means, *, owner: str) -> None:
        settings, store, clock = means.settings, means.store, means.clock
        self._store = store
        self._turn_characters = means.turn_characters
        self._clock = clock
        self._ids = means.ids
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
        self._work = Work(means, self._leases)
        self._frames = FrameStore(store)
        self._taking: set[str] = set()
        self._background: set[asyncio.Task[Any]] = set()

    def running(self, conversation_id: str) -> Run | None:
        return self._runs.get(conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Drop what is remembered of a conversation that is over."""
        self._work.forget(conversation_id)

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
        run.task = asyncio.create_task(self._see_through(run), name=run.turn.opening.run_id)
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

    async def _see_through(self, run: Run) -> dict[str, Any]:
        turn = run.turn
        flusher: asyncio.Task[None] | None = None
        try:
            if turn.past is None or not turn.past.frames:
                turn.log.emit(run_started(run.conversation_id, turn.opening.run_id))
            if turn.command.streaming:
                flusher = asyncio.create_task(turn.log.flush_regularly(self._settings.flush_seconds))
                flusher.add_done_callback(_observe)
            await self._work.answer(run)
            if flusher is not None:
                flusher.cancel()
            await turn.log.seal()
            return await self._work.finish(run)
        except LeaseLost:
            # where frames of a process that had lost the turn stood in the way, it is still to be finished here
            turn.log.lose()
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


def _observe(task: asyncio.Task[Any]) -> None:
    """Note a failure that nobody awaits: a stream's reader learns of it from the frames."""
    if not task.cancelled():
        task.exception()
