"""A server of BigQuery's jobs API that records what is asked and answers by the reference.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/insert, /query, /get, /cancel. For what bqemulator
leaves out: it estimates and bills nothing, and finishes every query before it answers.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

JOB = {"projectId": "p", "jobId": "job_1", "location": "EU"}
PATH = "/bigquery/v2/projects/p"


class JobsApi:
    """`estimate`: bytes that a dry run tells. `done`: whether queries end. `failure`: an error's reason and status."""

    def __init__(self) -> None:
        self.estimate = 0
        self.done = True
        self.failure: tuple[str, int] | None = None
        self.dry_runs: list[dict[str, Any]] = []
        self.queries: list[dict[str, Any]] = []
        self.cancelled = asyncio.Event()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post(f"{PATH}/jobs")
        async def insert(request: Request) -> dict[str, Any]:
            job = await request.json()
            self.dry_runs.append(job["configuration"])
            statistics = {
                "totalBytesProcessed": str(self.estimate),
                "query": {"totalBytesProcessed": str(self.estimate)},
            }
            return self._job(job["configuration"], "DONE") | {"statistics": statistics}

        @app.post(f"{PATH}/queries", response_model=None)
        async def query(request: Request) -> dict[str, Any] | JSONResponse:
            self.queries.append(await request.json())
            if self.failure is not None:
                reason, status = self.failure
                error = {"reason": reason, "message": f"it is {reason}", "domain": "global"}
                return JSONResponse({"error": {"code": status, "message": "no", "errors": [error]}}, status)
            if not self.done:
                return {"kind": "bigquery#queryResponse", "jobReference": JOB, "jobComplete": False}
            fields = [{"name": "events", "type": "INTEGER", "mode": "NULLABLE"}]
            answer = {"schema": {"fields": fields}, "rows": [{"f": [{"v": "7"}]}], "totalRows": "1"}
            return {"kind": "bigquery#queryResponse", "jobReference": JOB, "jobComplete": True} | answer

        @app.get(f"{PATH}/jobs/job_1")
        async def get() -> dict[str, Any]:
            return self._job({"query": {}}, "DONE" if self.done else "RUNNING")

        @app.post(f"{PATH}/jobs/job_1/cancel")
        async def cancel() -> dict[str, Any]:
            self.cancelled.set()
            return {"kind": "bigquery#jobCancelResponse", "job": self._job({"query": {}}, "DONE")}

        return app

    @staticmethod
    def _job(configuration: dict[str, Any], state: str) -> dict[str, Any]:
        return {"kind": "bigquery#job", "jobReference": JOB, "configuration": configuration, "status": {"state": state}}
