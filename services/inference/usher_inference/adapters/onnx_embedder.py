"""Embedder over a text encoder in ONNX, as exported of sentence-transformers' models.

A folder holds `model.onnx` (from `input_ids` and `attention_mask` to one vector a token), `tokenizer.json` (of
`tokenizers`) and, where there are, sentence-transformers' `1_Pooling/config.json` and `sentence_bert_config.json`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usher_inference.embeddings.model import Embedded
from usher_shared.errors import InvalidRequest, RateLimited

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BATCH_TOKENS = 4096  # padded; bounds the memory of a run, and how long the next request waits for it
_MOST_WAITING = 64
_POOLINGS = {"mean_tokens": "mean", "cls_token": "cls", "lasttoken": "lasttoken"}
_GIVEN = {"input_ids", "attention_mask", "token_type_ids", "position_ids"}
Tokens = Sequence[int]


class OnnxEmbedder:
    """Its `model` is the folder's name, its `version` of the files' hash. One batch runs at a time, in a thread.

    Raises ValueError for a folder that is no text encoder, and ImportError without the extra `onnx`.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        try:
            import numpy as np
            import onnxruntime as ort
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ImportError("embeddings of an ONNX model need the extra `usher-inference[onnx]`") from error
        self._np = np
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._inputs = {one.name for one in self._session.get_inputs()}
        if not {"input_ids", "attention_mask"} <= self._inputs <= _GIVEN:
            raise ValueError(f"{folder} is no text encoder: its inputs are {', '.join(sorted(self._inputs))}")
        states = next((one for one in self._session.get_outputs() if len(one.shape) == 3), None)
        if states is None:
            raise ValueError(f"{folder} gives no vector a token")
        self._output = states.name  # last_hidden_state, or token_embeddings
        self._pooling = _pooling(folder)
        self._longest = _longest(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._name = folder.resolve().name
        self._version = _hash(folder / "model.onnx", folder / "tokenizer.json")
        self._dimensions = int(self._run([[0]]).shape[1])
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def model(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        return self._version

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> Embedded:
        if self._waiting >= _MOST_WAITING:
            raise RateLimited("too many requests wait for embeddings", retry_after_seconds=1.0)
        self._waiting += 1
        try:
            tokens = await asyncio.to_thread(self._read, texts)
            vectors: list[Sequence[float]] = [()] * len(texts)
            for places in _batches([len(each) for each in tokens]):
                async with self._turn:  # after each batch it is another request's turn
                    found = await asyncio.to_thread(self._run, [tokens[place] for place in places])
                for place, vector in zip(places, found.tolist(), strict=True):
                    vectors[place] = vector
        finally:
            self._waiting -= 1
        return Embedded(vectors, sum(map(len, tokens)))

    def _read(self, texts: Sequence[str]) -> list[Tokens]:
        tokens: list[Tokens] = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        for place, each in enumerate(tokens):
            if len(each) > self._longest:
                raise InvalidRequest(
                    f"text {place} has {len(each)} tokens, and {self.model} reads {self._longest}",
                    extra={"param": "input"},
                )
        return tokens

    def _run(self, batch: Sequence[Tokens]) -> npt.NDArray[np.float32]:
        """(texts, dimensions), each of length 1."""
        np = self._np
        longest = max(1, *map(len, batch))
        ids = np.zeros((len(batch), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        given = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.broadcast_to(np.arange(longest), ids.shape),
        }
        asked = {name: value for name, value in given.items() if name in self._inputs}
        [states] = self._session.run([self._output], asked)
        pooled = _pool(states.astype(np.float32), mask, self._pooling)
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        return _scaled(pooled, 1.0 / np.maximum(lengths, 1e-12))


def _scaled(vectors: npt.NDArray[np.float32], factors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    scaled: npt.NDArray[np.float32] = vectors * factors
    return scaled


def _pool(states: npt.NDArray[np.float32], mask: npt.NDArray[np.int64], pooling: str) -> npt.NDArray[np.float32]:
    """One vector a text out of (texts, tokens, dimensions)."""
    counts = mask.sum(axis=1)
    pooled: npt.NDArray[np.float32]
    if pooling == "cls":
        pooled = states[:, 0]
    elif pooling == "lasttoken":
        pooled = states[range(len(states)), counts.clip(1) - 1]
    else:
        weights = mask[:, :, None].astype(states.dtype)
        pooled = (states * weights).sum(axis=1) / counts.clip(1)[:, None].astype(states.dtype)
    return pooled


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts that run together: of like length, so that little is padded."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    yield batch


def _pooling(folder: Path) -> str:
    """How sentence-transformers' configuration pools; the mean where it says nothing."""
    config = _read_json(folder / "1_Pooling" / "config.json")
    named = config.get("pooling_mode")
    modes = {named} if named else {key[13:] for key, on in config.items() if key.startswith("pooling_mode_") and on}
    found = {_POOLINGS.get(str(mode), str(mode)) for mode in modes} or {"mean"}
    if len(found) > 1 or not found <= set(_POOLINGS.values()):
        raise ValueError(f"{folder} pools by {', '.join(sorted(found))}, which is not served")
    return found.pop()


def _longest(folder: Path) -> int:
    """Tokens that the model reads, special ones included."""
    limits = (
        _read_json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _read_json(folder / "config.json").get("max_position_embeddings"),
        _read_json(folder / "tokenizer_config.json").get("model_max_length"),
    )
    return min((int(limit) for limit in limits if limit), default=512)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read


def _hash(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]
