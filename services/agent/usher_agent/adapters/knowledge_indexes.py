"""The index of documents that the settings name. For composition roots and builders."""

from __future__ import annotations

from pathlib import Path

from usher_agent.adapters.openai_embedder import OpenAIEmbedder
from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge
from usher_agent.knowledge.settings import KnowledgeSettings
from usher_shared.clock import Clock


def embedded_index(path: Path, clock: Clock, settings: KnowledgeSettings) -> SqliteKnowledge:
    """The one in a file; with vectors where an embeddings' server is named."""
    embedder = None
    if settings.knowledge_embedding_url and settings.knowledge_embedding_model:
        key = settings.knowledge_embedding_key
        embedder = OpenAIEmbedder(
            settings.knowledge_embedding_url,
            settings.knowledge_embedding_model,
            api_key=key.get_secret_value() if key else None,
        )
    return SqliteKnowledge(path, clock, embedder=embedder, similarity=settings.knowledge_similarity)
