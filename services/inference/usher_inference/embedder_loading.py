"""The embedders that the settings name. A part of the composition roots, as `engine_loading`."""

from __future__ import annotations

from collections.abc import Sequence

from usher_inference.embeddings.lexical import LexicalEmbedder
from usher_inference.embeddings.ports import Embedder
from usher_inference.settings import Settings


def embedders_of(settings: Settings) -> Sequence[Embedder]:
    """`usher-lexical`, and the encoder of the settings' folder, where they name one.

    Raises ValueError for a folder that holds none, and ImportError without the extra that it needs.
    """
    if settings.embeddings_folder is None:
        return (LexicalEmbedder(),)
    from usher_inference.adapters.onnx_embedder import OnnxEmbedder

    return LexicalEmbedder(), OnnxEmbedder(settings.embeddings_folder)
