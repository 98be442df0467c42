"""Settings of the knowledge index; environment variables `USHER_AGENT_KNOWLEDGE_<NAME>`, part of the agent's."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_INDEX = r"^projects/[^/]+/locations/[^/]+/indexes/[^/]+$"
_ENDPOINT = r"^projects/[^/]+/locations/[^/]+/indexEndpoints/[^/]+$"


class KnowledgeSettings(BaseSettings):
    """Of the agent, which searches, and of whoever builds the index."""

    model_config = SettingsConfigDict(env_prefix="USHER_AGENT_", protected_namespaces=(), extra="ignore")

    knowledge_embedding_url: str | None = Field(
        default=None,
        description="base URL of an OpenAI-compatible server, with /v1, whose vectors help the embedded index; "
        "default: words alone",
    )
    knowledge_embedding_key: SecretStr | None = Field(default=None, description="bearer key of that server")
    knowledge_embedding_model: str | None = Field(
        default=None, description="its model; with Vector Search Google's, default gemini-embedding-001"
    )
    knowledge_dimensions: int = Field(
        default=768, ge=64, le=3072, description="length of Vector Search's vectors, as the index has it"
    )
    knowledge_similarity: float = Field(
        default=0.6, ge=-1, le=1, description="least cosine of a passage that vectors find; below it nothing is known"
    )
    knowledge_index: str | None = Field(
        default=None, pattern=_INDEX, description="Vector Search index, projects/…/locations/…/indexes/…; for building"
    )
    knowledge_endpoint: str | None = Field(
        default=None,
        pattern=_ENDPOINT,
        description="projects/…/locations/…/indexEndpoints/…; without it the agent on Google Cloud has no documents",
    )
    knowledge_endpoint_domain: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9.-]+$", description="that endpoint's public domain name"
    )
    knowledge_deployed_index: str | None = Field(default=None, description="id of the index deployed there")

    @model_validator(mode="after")
    def _is_whole(self) -> KnowledgeSettings:
        if self.knowledge_embedding_url and not self.knowledge_embedding_model:
            raise ValueError("knowledge_embedding_url needs knowledge_embedding_model")
        if self.knowledge_endpoint and not (self.knowledge_endpoint_domain and self.knowledge_deployed_index):
            raise ValueError("knowledge_endpoint needs knowledge_endpoint_domain and knowledge_deployed_index")
        return self
