"""The index of documents that the settings name. For composition roots and builders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from usher_agent.adapters.google_embedder import MODEL as GEMINI
from usher_agent.adapters.google_embedder import GoogleEmbedder
from usher_agent.adapters.openai_embedder import OpenAIEmbedder
from usher_agent.adapters.vector_search import VectorSearch
from usher_agent.adapters.vertex_knowledge import VertexKnowledge
from usher_agent.knowledge.settings import KnowledgeSettings
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.model_servers.google_access import GoogleAccess

if TYPE_CHECKING:
    from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge


def embedded_index(path: Path, clock: Clock, settings: KnowledgeSettings) -> SqliteKnowledge:
    """The one in a file; with vectors where an embeddings' server is named."""
    from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge

    embedder = None
    if settings.knowledge_embedding_url and settings.knowledge_embedding_model:
        key = settings.knowledge_embedding_key
        embedder = OpenAIEmbedder(
            settings.knowledge_embedding_url,
            settings.knowledge_embedding_model,
            api_key=key.get_secret_value() if key else None,
        )
    return SqliteKnowledge(path, clock, embedder=embedder, similarity=settings.knowledge_similarity)


def vector_search_index(store: DocumentStore, clock: Clock, settings: KnowledgeSettings) -> VertexKnowledge | None:
    """The one in Vertex AI Vector Search; None where the settings name neither index nor endpoint."""
    named = settings.knowledge_index or settings.knowledge_endpoint
    if named is None:
        return None
    project, location = named.split("/")[1], named.split("/")[3]
    google = GoogleAccess()
    return VertexKnowledge(
        VectorSearch(
            google.token,
            index=settings.knowledge_index,
            endpoint=settings.knowledge_endpoint,
            domain=settings.knowledge_endpoint_domain,
            deployed_index=settings.knowledge_deployed_index,
        ),
        store,
        GoogleEmbedder(
            project,
            location,
            google.token,
            model=settings.knowledge_embedding_model or GEMINI,
            dimensions=settings.knowledge_dimensions,
        ),
        clock,
        similarity=settings.knowledge_similarity,
    )
