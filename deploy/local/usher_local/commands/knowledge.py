"""`usher knowledge`: the house's documents, indexed for the agent, searched as the agent does."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from usher_local.shown import cell, clean
from usher_local.stack import Stack, usual_stack
from usher_shared.clock import SystemClock
from usher_shared.contracts.knowledge import CATEGORIES, SearchKnowledge
from usher_shared.errors import InvalidRequest

knowledge_app = typer.Typer(help="Documents that the agent answers from.", no_args_is_help=True)
console = Console()

_Json = Annotated[bool, typer.Option("--json", help="one JSON object")]


@knowledge_app.command("build")
def knowledge_build(
    folder: Annotated[Path | None, typer.Argument(help="of documents; default: the sample venues' own")] = None,
    as_json: _Json = False,
) -> None:
    """Index a folder of Markdown, text, JSON, CSV and PDF. What is not in it any more is forgotten.

    Unchanged files are left alone. Exit code 1 when a document could not be read; the others are indexed.
    """
    from usher_local.provision import SAMPLE, build_knowledge

    def report(source: str, what: str) -> None:
        if not as_json:
            console.print(cell(f"  {source}  "), cell(what, "dim"), soft_wrap=True, end="\n")

    built = asyncio.run(build_knowledge(usual_stack(), folder or SAMPLE, report))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(built)))
    else:
        console.print(
            f"{len(built.added)} added, {len(built.changed)} changed, {len(built.removed)} removed, "
            f"{built.unchanged} unchanged; {built.chunks} passages indexed."
        )
        for skipped in built.skipped:
            style = "red" if skipped.is_fault else "dim"
            console.print(cell(f"not indexed: {skipped.source}: {skipped.reason}", style), soft_wrap=True)
    if any(skipped.is_fault for skipped in built.skipped):
        raise typer.Exit(1)


@knowledge_app.command("search")
def knowledge_search(  # noqa: PLR0917  typer's options, given by name
    query: Annotated[str, typer.Argument(help="the question, as a customer puts it")],
    venue: Annotated[str | None, typer.Option(help="the venue's id; others' documents are left out")] = None,
    event: Annotated[str | None, typer.Option(help="the event's id")] = None,
    category: Annotated[str | None, typer.Option(help=", ".join(CATEGORIES))] = None,
    limit: Annotated[int, typer.Option(min=1, max=8)] = 4,
    as_json: _Json = False,
) -> None:
    """The passages that the agent would find now."""
    try:
        asked = SearchKnowledge.model_validate(
            {"query": query, "venue_id": venue, "event_id": event, "category": category, "limit": limit}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(f"{first['loc'][0] if first['loc'] else 'query'}: {first['msg']}") from error
    passages = asyncio.run(_search(usual_stack(), asked))
    if as_json:
        typer.echo(json.dumps({"passages": passages}))
        return
    if not passages:
        console.print("Nothing is known about that.")
    for passage in passages:
        place = " · ".join(str(passage[key]) for key in ("source", "section", "page", "venue_id") if passage.get(key))
        console.print(cell(f"{passage['score']:.2f}  {passage['title']}", "bold"), soft_wrap=True)
        console.print(cell(f"      {place}  [{passage['id']}]", "dim"), soft_wrap=True)
        console.print(cell(f"      {passage['text']}"), soft_wrap=True)


async def _search(stack: Stack, asked: SearchKnowledge) -> list[dict[str, Any]]:
    from usher_agent.adapters.knowledge_indexes import embedded_index
    from usher_agent.knowledge.model import Question
    from usher_agent.knowledge.settings import KnowledgeSettings
    from usher_agent.knowledge.tool import passage_of

    clock = SystemClock()
    index = embedded_index(stack.knowledge, clock, KnowledgeSettings())
    try:
        question = Question(asked.query, clock.now(), asked.category, asked.venue_id, asked.event_id, limit=asked.limit)
        return [passage_of(hit) for hit in await index.search(question)]
    finally:
        await index.close()


@knowledge_app.command("stats")
def knowledge_stats(as_json: _Json = False) -> None:
    """What the index holds, and what of it has expired or soon will."""
    found = asyncio.run(_stats(usual_stack()))
    if as_json:
        typer.echo(json.dumps(found))
        return
    if found["built_at"] is None:
        console.print("There is no index yet. Make one with: usher knowledge build FOLDER")
        return
    lines = [
        f"{found['documents']} documents, {found['chunks']} passages, built {found['built_at']}",
        f"expired: {found['expired']}; within 30 days: {found['expires_soon']}",
        "by category: " + ", ".join(f"{name} {count}" for name, count in found["by_category"].items()),
        "by venue: " + ", ".join(f"{name or '(all)'} {count}" for name, count in found["by_venue"].items()),
        f"embeddings: {found['embedded_with'] or 'none, words alone'}",
    ]
    for line in lines:
        console.print(clean(line), markup=False, soft_wrap=True)


async def _stats(stack: Stack) -> dict[str, Any]:
    from usher_agent.adapters.knowledge_indexes import embedded_index
    from usher_agent.knowledge.settings import KnowledgeSettings

    clock = SystemClock()
    index = embedded_index(stack.knowledge, clock, KnowledgeSettings())
    try:
        stats = await index.stats(clock.now())
        later = await index.stats(clock.now() + timedelta(days=30))
    finally:
        await index.close()
    built = stats.built_at.isoformat() if stats.built_at else None
    return dataclasses.asdict(stats) | {"built_at": built, "expires_soon": later.expired - stats.expired}
