"""GET /dataset and POST /queries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from usher_logger.queries.model import QueryAnswer, QueryRequest
from usher_logger.queries.service import Queries
from usher_logger.warehouse.dataset import load_dataset
from usher_shared.contracts.insights import Dataset
from usher_shared.http.app import require_caller

router = APIRouter(tags=["queries"], dependencies=[Depends(require_caller("cli"))])


async def _queries(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


@router.get("/dataset")
async def get_dataset() -> Dataset:
    """What may be asked, with the words that people use for it: the inference service's `dataset_metadata`."""
    return load_dataset()


@router.post("/queries")
async def run_query(body: QueryRequest, queries: Annotated[Queries, Depends(_queries)]) -> QueryAnswer:
    """The answer of one SELECT. 422 says why a query may not run."""
    return await queries.answer(body.sql)
