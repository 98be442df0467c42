"""The real agent before the real box office, with the model that a test wants; tool answers can be tampered."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from box_office import SECRET, BoxOffice, ListBus, open_files
from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge
from usher_agent.app import Deps, create_app
from usher_agent.boxoffice.ports import Caller
from usher_agent.knowledge.service import build
from usher_agent.models.ports import Completion, CompletionRequest, RequestedCall
from usher_agent.settings import Settings
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation
from usher_shared.contracts.identity import CLIENT_HEADER, CONVERSATION_HEADER
from usher_shared.contracts.knowledge import PASSAGE_ID, SEARCH_KNOWLEDGE
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import error_from_status
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

Json = dict[str, Any]
Tamper = Callable[[str, Json], Json]


class TamperedBox:
    """The box office through its HTTP contract; `tamper` may change an answer on its way back."""

    def __init__(self, office: BoxOffice) -> None:
        self.office = office
        self.tamper: Tamper = lambda tool, answer: answer
        self.calls: list[tuple[str, Json, str, Confirmation | None]] = []
        self.answers: list[tuple[str, str, Json]] = []
        self.before: Callable[[str], Any] | None = None

    async def run(
        self,
        tool: str,
        arguments: Any,
        caller: Caller,
        *,
        idempotency_key: str | None = None,
        confirmation: Confirmation | None = None,
        timeout_seconds: float | None = None,
    ) -> Json:
        self.calls.append((tool, dict(arguments), caller.customer_id, confirmation))
        headers = {CLIENT_HEADER: caller.client_id, CONVERSATION_HEADER: caller.conversation_id}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        if confirmation:
            headers[CONFIRMATION_HEADER] = confirmation.to_header()
        if self.before is not None:
            await self.before(tool)
        response = await self.office.raw(
            "POST", f"/tools/{tool}", customer=caller.customer_id, json=dict(arguments), headers=headers
        )
        if response.status_code >= 400:
            problem = response.json()
            raise error_from_status(response.status_code, str(problem.get("detail", "")), code=problem.get("code"))
        answer = response.json()
        self.answers.append((tool, caller.customer_id, answer))
        return self.tamper(tool, copy.deepcopy(answer))

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@dataclass
class ObedientModel:
    """Does what the attack says, whether or not the text reached it: looks, makes its calls, says its words."""

    calls: list[tuple[str, Json]] = field(default_factory=list)
    words: str = ""
    look: list[tuple[str, Json]] = field(default_factory=list)
    then: list[tuple[str, Json]] = field(default_factory=list)
    requests: list[CompletionRequest] = field(default_factory=list)

    async def complete(self, request: CompletionRequest, on_text: Any = None) -> Completion:
        self.requests.append(request)
        done = 0
        for message in reversed(request.messages):
            if message["role"] == "user":
                break
            done += message["role"] == "assistant" and bool(message.get("tool_calls"))
        steps = [step for step in (self.look, self.calls, self.then) if step]
        if done < len(steps):
            made = [RequestedCall(name, json.dumps(arguments)) for name, arguments in steps[done]]
            return Completion("", made, model="obedient", version="1")
        words = self._cited(request)
        if on_text is not None:
            on_text(words)
        return Completion(words or "All right.", model="obedient", version="1")

    def _cited(self, request: CompletionRequest) -> str:
        """Its words with the mark of a passage behind each sentence, as if a document said so."""
        found = [m["content"] for m in request.messages if m["role"] == "tool" and m["name"] == SEARCH_KNOWLEDGE]
        ids = re.findall(PASSAGE_ID, found[-1]) if found else []
        return re.sub(r"(?=[.!?](?: |$))", f" [{ids[0]}]", self.words) if ids else self.words

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Stage:
    """Agent and box office; customers talk to the agent over its HTTP contract."""

    documents: Path
    index: SqliteKnowledge

    def __init__(
        self, office: BoxOffice, box: TamperedBox, http: Any, store: SqliteDocumentStore, bus: ListBus
    ) -> None:
        self.office = office
        self.box = box
        self.http = http
        self.store = store
        self.bus = bus

    async def file(self, name: str, content: bytes) -> None:
        """Make this file all that the knowledge holds."""
        for old in self.documents.iterdir():
            old.unlink()
        (self.documents / name).write_bytes(content)
        report = await build(self.documents, self.index)
        assert report.chunks, report

    async def say(self, customer: str, message: str, conversation: str, **more: Any) -> Json:
        status, body = await self.turn(customer, message, conversation, **more)
        assert status == 200, body
        return body

    async def turn(self, customer: str, message: str, conversation: str, **more: Any) -> tuple[int, Json]:
        body = {"message": message, "conversation_id": conversation, **more}
        return await self.request("POST", "/turns", customer, body)

    async def request(self, method: str, path: str, customer: str, body: Any = None) -> tuple[int, Json]:
        token = await LocalTokenSource("gateway", SECRET).token("agent")
        headers = {"Authorization": f"Bearer {token}", "Usher-Client": "web", "Usher-Customer": customer}
        response = await self.http.request(method, path, json=body, headers=headers)
        return response.status_code, response.json()

    async def orders(self, customer: str) -> list[Json]:
        answer = await self.office.ok("list_orders", {"customer_id": customer}, customer)
        return list(answer["orders"])


@contextlib.asynccontextmanager
async def open_stage(folder: Path, model: Any, **settings: Any) -> AsyncIterator[Stage]:
    async with open_files(folder) as office:
        box, bus = TamperedBox(office), ListBus()
        store = SqliteDocumentStore(folder / "agent.db")
        documents, index = folder / "documents", SqliteKnowledge(folder / "knowledge.db", office.clock)
        documents.mkdir()
        deps = Deps(
            store=store,
            bus=bus,
            model=model,
            box=box,
            verifier=LocalTokenVerifier(SECRET),
            clock=office.clock,
            ids=UlidGenerator(),
            knowledge=index,
        )
        given = {"single_process": True, "sweep_seconds": 3600.0, "home_time_zone": "America/Chicago", **settings}
        app = create_app(Settings(**given), deps)
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://a")
        async with app.router.lifespan_context(app), client as http:
            stage = Stage(office, box, http, store, bus)
            stage.documents, stage.index = documents, index
            yield stage
