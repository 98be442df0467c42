"""Engines out of releases' files, by kind. A part of the composition roots: it knows adapters and services.

Libraries of models are imported when a release of their kind is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from usher_inference.app import VERSION
from usher_inference.completions.ports import Engine
from usher_inference.generation.model import Sampling
from usher_inference.metrics import Metrics
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.releases.assembly import Rules, released_models
from usher_inference.releases.installer import Room
from usher_inference.releases.ports import Loaded
from usher_inference.releases.service import ReleasedModels
from usher_inference.settings import Settings
from usher_shared.artifacts import ArtifactStore
from usher_shared.clock import Clock
from usher_shared.contracts.releases import Release
from usher_shared.errors import Unavailable

if TYPE_CHECKING:
    from usher_inference.generation.ports import BatchModel, Decoder

_EXTRAS = {"transformers": "torch"}  # where the extra has another name than the kind of engine


def artifact_store(settings: Settings) -> ArtifactStore | None:
    """The store that the settings name: a folder, or a bucket of Cloud Storage. None where they name none."""
    if settings.releases_folder is not None:
        from usher_shared.artifacts.folder import FolderArtifactStore

        return FolderArtifactStore(settings.releases_folder)
    if settings.releases_bucket is not None:
        from usher_shared.artifacts.gcs import GcsArtifactStore

        return GcsArtifactStore(settings.releases_bucket)
    return None


def serve_releases(
    settings: Settings,
    store: ArtifactStore,
    cache: Path,
    clock: Clock,
    metrics: Metrics,
    *,
    elsewhere: Sequence[Engine] = (),
) -> ReleasedModels:
    """The playbook, the engines `elsewhere`, and what is deployed of the store's releases, as the settings say."""
    room = Room(
        for_two=settings.releases_room_for_two,
        drain_seconds=settings.releases_drain_seconds,
        smoke_seconds=settings.releases_smoke_seconds,
    )
    return released_models(
        store=store,
        cache=settings.releases_cache or cache,
        loader=EngineFactory(settings, metrics),
        built_in=(PlaybookEngine(VERSION), *elsewhere),
        clock=clock,
        metrics=metrics,
        rules=Rules(settings.releases_models, settings.releases_follow_newest, room),
    )


class EngineFactory:
    """Implements `EngineLoader` for the kinds that are installed."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._kinds: dict[str, Callable[[Release, Path], Awaitable[Loaded]]] = {
            "playbook": self._playbook,
            "onnx": lambda release, folder: self._chat(release, folder, self._onnx),
            "transformers": lambda release, folder: self._chat(release, folder, self._transformers),
            "vllm": lambda release, folder: self._chat(release, folder, self._vllm),
        }

    async def load(self, release: Release, folder: Path) -> Loaded:
        """As `EngineLoader.load`. Raises Unavailable naming the extra that is not installed."""
        try:
            return await self._kinds[release.engine](release, folder)
        except ImportError as error:
            raise Unavailable(
                f"{error.name or error} is not installed: releases of the kind {release.engine} need "
                f"usher-inference[{_EXTRAS.get(release.engine, release.engine)}]",
                code="extra_not_installed",
            ) from error

    async def _playbook(self, release: Release, _: Path) -> Loaded:
        async def nothing() -> None: ...

        return Loaded(PlaybookEngine(release.version, release.model), nothing)

    async def _chat(
        self, release: Release, folder: Path, make: Callable[[Release, Path, frozenset[int]], Decoder]
    ) -> Loaded:
        """The decoder is made in a thread: it takes seconds to minutes. It is told the tokens that end an answer."""
        from usher_inference.chat.engine import ChatEngine, stop_ids
        from usher_inference.chat.template import ChatTemplate
        from usher_inference.chat.tokenizer import Tokenizer

        template = ChatTemplate.from_folder(folder, release.chat_template)
        tokenizer = await asyncio.to_thread(Tokenizer.from_folder, folder)
        decoder = await asyncio.to_thread(make, release, folder, stop_ids(tokenizer, template))
        tuned = release.sampling
        try:
            engine = ChatEngine(
                release.model,
                release.version,
                decoder,
                tokenizer,
                template,
                sampling=Sampling(temperature=tuned.temperature, top_p=tuned.top_p, top_k=tuned.top_k),
                system_prompt=release.system_prompt,
            )
        except BaseException:
            await decoder.close()
            raise
        return Loaded(engine, engine.close)

    def _onnx(self, release: Release, folder: Path, ends: frozenset[int]) -> Decoder:
        from usher_inference.adapters.onnx_batch_model import OnnxBatchModel

        own = self._settings
        model = OnnxBatchModel(
            folder, slots=own.engine_slots, context_tokens=own.engine_context_tokens, threads=own.engine_threads
        )
        return self._batched(release, folder, model, model.vocabulary, ends)

    def _transformers(self, release: Release, folder: Path, ends: frozenset[int]) -> Decoder:
        from usher_inference.adapters.torch_loading import load_torch_model

        own = self._settings
        model = load_torch_model(
            folder,
            adapter=_adapter(release, folder),
            merged=own.engine_merge_adapter,
            precision=own.engine_precision,
            device=own.engine_device,
            slots=own.engine_slots,
            context_tokens=own.engine_context_tokens,
            threads=own.engine_threads,
        )
        return self._batched(release, folder, model, model.vocabulary, ends)

    def _vllm(self, release: Release, folder: Path, _: frozenset[int]) -> Decoder:
        from usher_inference.adapters.vllm_decoder import load_vllm

        own = self._settings
        return load_vllm(
            folder,
            self._metrics.engine(release.model, release.version),
            adapter=_adapter(release, folder),
            precision=own.engine_precision,
            slots=own.engine_slots,
            context_tokens=own.engine_context_tokens,
            most_waiting=own.engine_queue,
        )

    def _batched(
        self, release: Release, folder: Path, model: BatchModel, vocabulary: int, ends: frozenset[int]
    ) -> Decoder:
        from usher_inference.chat.tokenizer import TOKENIZER_FILE
        from usher_inference.generation.grammars import Grammars
        from usher_inference.generation.service import Batcher

        try:
            grammars = Grammars((folder / TOKENIZER_FILE).read_text("utf-8"), vocabulary, ends)
        except BaseException:
            model.close()
            raise
        return Batcher(
            model,
            self._metrics.engine(release.model, release.version),
            grammars=grammars,
            most_waiting=self._settings.engine_queue,
            prefill_tokens=self._settings.engine_prefill_tokens,
        )


def _adapter(release: Release, folder: Path) -> Path | None:
    return folder / release.adapter if release.adapter else None
