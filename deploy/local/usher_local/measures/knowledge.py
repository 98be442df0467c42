"""`usher measure knowledge`: the embedded index over a folder of documents, asked labelled questions."""

import tempfile
from pathlib import Path
from typing import Any

from usher_agent.adapters.knowledge_indexes import embedded_index
from usher_agent.knowledge.model import Question
from usher_agent.knowledge.service import build
from usher_agent.knowledge.settings import KnowledgeSettings
from usher_evals.knowledge import KnowledgeQuestion, measure_knowledge
from usher_shared.clock import SystemClock


async def measure_knowledge_file(path: Path, folder: Path, split: str | None) -> dict[str, Any]:
    """Recall and false answers of the embedded index over a folder of documents; what went wrong under `misses`.

    Words alone, or with the embeddings that the settings name. Raises CorpusError, and as the building does.
    """
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="usher-knowledge-") as temporary:
        index = embedded_index(Path(temporary) / "knowledge.db", clock, KnowledgeSettings())
        try:
            built = await build(folder, index)

            async def search(question: KnowledgeQuestion) -> list[str]:
                hits = await index.search(Question(question.text, clock.now(), venue_id=question.venue_id))
                return [f"{hit.source}#{hit.chunk.section}" for hit in hits]

            score = await measure_knowledge(path, search, split)
        finally:
            await index.close()
    return score.as_json() | {"chunks": built.chunks, "misses": score.misses}
