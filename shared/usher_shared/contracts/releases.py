"""A release of a model: one hashed, immutable configuration. The trainer writes it, inference serves it.

A release is the folder `releases/<version>/` of the artifact store: `best_model_metadata.json` and, beside it, the
files that it names. The metadata is written last, so that a release that can be seen is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

METADATA_FILE = "best_model_metadata.json"
RELEASES_PREFIX = "releases/"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ReleaseFile(_Part):
    """A file beside the metadata; `path` is relative to the release's folder."""

    path: str = Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9._/+-]+$")
    size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ReleaseSampling(_Part):
    """The sampling tuned for this release; a request's own values win."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)


class SmokeCase(_Part):
    """A request that the release has to answer before it may serve, and what the answer must have."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = Field(default_factory=list)
    expects: Literal["answer", "tool_call"] = "answer"
    tool: str | None = Field(default=None, description="the tool that has to be called; any, when null")


class Release(_Part):
    """What `best_model_metadata.json` holds.

    `engine` says what runs it: `playbook`, `onnx` (a folder of the ONNX converter), `transformers` (a folder of Hugging
    Face's) or `vllm`. `base_model` is the id of the model it was tuned from, and `adapter` the folder of a LoRA adapter
    among the files, when it is not merged. `sha256` is over everything else here.
    """

    version: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    model: str = Field(min_length=1, max_length=128, description="the id that requests name it by")
    engine: Literal["playbook", "onnx", "transformers", "vllm"]
    base_model: str = ""
    adapter: str | None = None
    created_at: AwareDatetime
    commit: str = Field(default="", description="of the code that made it")
    system_prompt: str | None = Field(default=None, description="put before a conversation that has none of its own")
    chat_template: str | None = Field(default=None, description="a file beside; the tokenizer's own when null")
    sampling: ReleaseSampling = ReleaseSampling()
    scores: dict[str, float] = Field(default_factory=dict)
    smoke: list[SmokeCase] = Field(default_factory=list)
    files: list[ReleaseFile] = Field(default_factory=list)
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")

    def digest(self) -> str:
        """The `metadata_digest` of it, as it is written now."""
        return metadata_digest(self.model_dump(mode="json"))

    def sealed(self) -> Release:
        """The same with its `sha256`."""
        return self.model_copy(update={"sha256": self.digest()})


def metadata_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 in hexadecimal over the canonical JSON (sorted keys, no spaces) of all fields but `sha256`.

    Of the document, not of what a reader knows of it: a release sealed by an older or newer program keeps its hash.
    """
    rest = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
