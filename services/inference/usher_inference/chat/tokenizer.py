"""Text to token ids and back, by the `tokenizer.json` of Hugging Face's `tokenizers`.

`tokenizers` is imported when a tokenizer is loaded: it belongs to the extras `onnx`, `torch` and `vllm`.
"""

from __future__ import annotations

import codecs
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usher_inference.chat.marks import MARKS
from usher_shared.errors import Unavailable, Unprocessable, UsherError

if TYPE_CHECKING:
    import tokenizers

TOKENIZER_FILE = "tokenizer.json"
_TURN = "<|im_start|>"
_KEPT_TURNS = 256
_LONGEST_KEPT = 32_000  # characters; with all turns as long as this, some 30 MB of ids and text


class Tokenizer:
    """A byte-level tokenizer (Qwen, Llama 3, GPT) or one with byte fallback (Llama 2, Gemma)."""

    def __init__(self, source: str) -> None:
        """`source` is the content of `tokenizer.json`. Raises Unavailable for a kind that cannot be streamed."""
        self._inner = _load(source)
        self._inner.no_padding()
        self._inner.no_truncation()
        added = self._inner.get_added_tokens_decoder()
        described = json.loads(source)
        decoders = set(_decoders(described.get("decoder")))
        self._pieces = _token_bytes(self._inner, decoders)
        self._shown = list(self._pieces)
        self.marks: dict[int, str] = {}
        """The tags that are tokens of their own, by id: whoever reads an answer looks for them before its text."""
        for id, token in added.items():
            if token.content in MARKS:
                self.marks[id] = token.content
            elif token.special:
                self._shown[id] = b""
        self._added = {token.content: id for id, token in added.items()}
        self.control = frozenset(MARKS) | {t.content for t in added.values() if t.special or _is_tag(t.content)}
        """The names that no text from outside may bring in."""
        turn = next((token for token in added.values() if token.content == _TURN), None)
        # a token that splits the text before anything else looks at it: what is between two of them stands alone
        self._turns = turn is not None and not (turn.normalized or turn.lstrip or turn.rstrip or turn.single_word)
        self._turns = self._turns and "ByteLevel" in decoders
        self._kept = lru_cache(_KEPT_TURNS)(self._encode)
        self._reach = _reach(described, self._pieces) if "ByteLevel" in decoders else None

    @classmethod
    def from_folder(cls, folder: Path) -> Tokenizer:
        """The tokenizer of a model's folder. Raises also Unprocessable where its file is missing or broken."""
        try:
            return cls((folder / TOKENIZER_FILE).read_text("utf-8"))
        except UsherError:
            raise
        except FileNotFoundError as error:
            raise Unprocessable(f"{TOKENIZER_FILE} is missing") from error
        except Exception as error:  # `tokenizers` raises nothing more precise
            raise Unprocessable(f"{TOKENIZER_FILE} cannot be read: {error}"[:300]) from error

    def encode(self, text: str) -> list[int]:
        """The text's token ids; control tokens are recognised, none is added.

        Turns are kept: of a conversation that goes on, with the same tools, only what is new costs time.
        """
        if not self._turns:
            return list(self._encode(text))
        ids: list[int] = []
        for at, turn in enumerate(text.split(_TURN)):
            part = _TURN + turn if at else turn
            ids += self._kept(part) if len(part) <= _LONGEST_KEPT else self._encode(part)
        return ids

    def surely_exceeds(self, text: str, tokens: int) -> bool:
        """Whether the text is longer than so many tokens can be, by its length alone; False where that says nothing."""
        return self._reach is not None and len(text) > self._reach * tokens

    def _encode(self, text: str) -> array[int]:
        # a batch leaves Python's other threads running, a single text does not, and it keeps no offsets
        return array("I", self._inner.encode_batch_fast([text], add_special_tokens=False)[0].ids)

    def id_of(self, token: str) -> int | None:
        """The id of an added token by its name, such as `<|im_end|>`; None where there is none.

        The same letters may be a piece of ordinary text: `</s>` is one in Qwen's vocabulary.
        """
        return self._added.get(token)

    def text_of(self, id: int) -> str:
        """One token as text, control tokens by name; bytes of a part of a character as `surrogateescape` has them."""
        return self._pieces[id].decode("utf-8", "surrogateescape") if 0 <= id < len(self._pieces) else ""

    def detokenizer(self) -> Detokenizer:
        """For one answer."""
        return Detokenizer(self._shown)


class Detokenizer:
    """Tokens to text as they come. A character whose bytes are spread over tokens is given with its last byte."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def feed(self, id: int) -> str:
        """The text that this token completes; often empty. An id without a token is nothing."""
        return self._decode(self._pieces[id]) if 0 <= id < len(self._pieces) else ""

    def finish(self) -> str:
        """What stands for a character whose last bytes never came; empty where none was begun."""
        return self._decode(b"", final=True)


def _load(source: str) -> tokenizers.Tokenizer:
    try:
        import tokenizers
    except ImportError as error:
        raise Unavailable("a model needs one of the extras of usher-inference: onnx, torch or vllm") from error
    return tokenizers.Tokenizer.from_str(source)


def _is_tag(name: str) -> bool:
    return len(name) > 2 and name[0] + name[-1] in ("<>", "[]")


def _token_bytes(inner: tokenizers.Tokenizer, kinds: Set[str]) -> list[bytes]:
    if "ByteLevel" in kinds:
        read = _byte_level()
    elif "ByteFallback" in kinds:
        read = _with_fallback
    else:
        raise Unavailable(f"a tokenizer that decodes by {', '.join(sorted(kinds)) or 'nothing'} is not served")
    known = inner.get_vocab(with_added_tokens=True)
    pieces = [b""] * (max(known.values(), default=-1) + 1)
    added = inner.get_added_tokens_decoder()
    for token, id in known.items():
        pieces[id] = added[id].content.encode() if id in added else read(token)
    return pieces


def _reach(described: Mapping[str, Any], pieces: Sequence[bytes]) -> int | None:
    """The most characters that one token stands for; None for a tokenizer that may drop some."""
    normalizer = (described.get("normalizer") or {}).get("type")
    swallows = any(token["lstrip"] or token["rstrip"] for token in described["added_tokens"])
    if normalizer not in (None, "NFC") or swallows or _removes(described.get("pre_tokenizer")):
        return None
    if not {bytes([byte]) for byte in range(256)} <= set(pieces):
        return None
    return max(map(len, pieces)) * (4 if normalizer else 1)  # NFC makes one character of four at most


def _removes(splitter: Mapping[str, Any] | None) -> bool:
    if splitter is None:
        return False
    if splitter["type"] == "Sequence":
        return any(_removes(part) for part in splitter["pretokenizers"])
    kind, behaviour = splitter["type"], splitter.get("behavior", "Removed")
    return bool(kind != "ByteLevel" and behaviour == "Removed")


def _decoders(decoder: Mapping[str, Any] | None) -> Iterator[str]:
    if decoder is not None:
        yield decoder["type"]
        for part in decoder.get("decoders", ()):
            yield from _decoders(part)


def _byte_level() -> Callable[[str], bytes]:
    """GPT-2's alphabet: a byte is the character of its number where that is printed, else one from 256 on, in order."""
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = (byte for byte in range(256) if byte not in printed)
    byte_of = {chr(byte): byte for byte in printed} | {chr(256 + at): byte for at, byte in enumerate(others)}
    return lambda token: bytes(byte_of[letter] for letter in token)


def _with_fallback(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x"):
        return bytes([int(token[3:5], 16)])
    return token.replace("\N{LOWER ONE EIGHTH BLOCK}", " ").encode()
