"""Tokens to text: what the library itself would decode, character by character, never half of one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny_qwen
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_shared.errors import Unavailable


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(tiny_qwen.folder())


@settings(deadline=None)
@given(st.text())
def test_text_comes_back_whole_characters_at_a_time(tokenizer: Tokenizer, text: str) -> None:
    import unicodedata

    text = unicodedata.normalize("NFC", text)  # as the tokenizer does
    detokenizer = tokenizer.detokenizer()
    pieces = [detokenizer.feed(id) for id in tokenizer.encode(text)]
    for name in tiny_qwen.CONTROL:
        text = text.replace(name, "")
    assert "".join(pieces) == text


@settings(deadline=None)
@given(st.lists(st.sampled_from(["<|im_start|>", "<|im_end|>", "<tool_call>", "\n", "\n\n", " ", "seat", "ü", "1"])))
def test_turns_that_are_kept_are_tokenized_as_the_whole(tokenizer: Tokenizer, parts: list[str]) -> None:
    text = "".join(parts)
    assert tokenizer.encode(text) == _reference().encode(text, add_special_tokens=False).ids


@settings(deadline=None)
@given(st.lists(st.integers(0, 700), max_size=40))
def test_any_tokens_decode_as_the_library_does(tokenizer: Tokenizer, ids: list[int]) -> None:
    from tokenizers import Tokenizer as Reference

    reference = _reference()
    assert isinstance(reference, Reference)
    ids = [id for id in ids if id not in tokenizer.marks]
    detokenizer = tokenizer.detokenizer()
    streamed = "".join(detokenizer.feed(id) for id in ids)
    decoded = reference.decode(ids, skip_special_tokens=True)
    # an unfinished character at the end is kept back; the library shows it as one U+FFFD
    assert decoded.removesuffix("\ufffd") == streamed or decoded == streamed


def _reference(cache: list[Any] = []) -> Any:  # noqa: B006  loaded once
    if not cache:
        from tokenizers import Tokenizer as Reference

        cache.append(Reference.from_file(str(tiny_qwen.folder() / "tokenizer.json")))
    return cache[0]


def test_a_character_of_several_tokens_comes_with_its_last(tokenizer: Tokenizer) -> None:
    detokenizer = tokenizer.detokenizer()
    pieces = [detokenizer.feed(id) for id in tokenizer.encode("a🦩b")]
    assert "".join(pieces) == "a🦩b"
    assert pieces.count("") >= 2


def test_ids_without_a_token_are_nothing(tokenizer: Tokenizer) -> None:
    detokenizer = tokenizer.detokenizer()
    assert [detokenizer.feed(id) for id in (-1, tiny_qwen.VOCABULARY - 1, 10**6)] == [""] * 3
    assert tokenizer.text_of(10**6) == ""


def test_a_control_token_is_more_than_its_letters(tokenizer: Tokenizer) -> None:
    assert tokenizer.id_of("<|im_end|>") is not None
    assert len(tokenizer.encode("ti")) == 1
    assert tokenizer.id_of("ti") is None


def test_byte_fallback() -> None:
    from tokenizers import Tokenizer as Reference
    from tokenizers import decoders, models, normalizers

    names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁seat", "▁", "A"]
    model = models.BPE({name: id for id, name in enumerate(names)}, [], unk_token="<unk>", byte_fallback=True)
    bare = Reference(model)
    bare.normalizer = normalizers.Replace(" ", "▁")
    bare.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    bare.add_special_tokens(["<s>"])
    tokenizer = Tokenizer(bare.to_str())
    ids = tokenizer.encode("<s>A Aé🎟")
    detokenizer = tokenizer.detokenizer()
    assert "".join(map(detokenizer.feed, ids)) == "A Aé🎟"
    assert detokenizer.feed(names.index("▁seat")) == " seat"


def test_a_tokenizer_that_cannot_be_streamed_is_refused() -> None:
    source = json.loads((tiny_qwen.folder() / "tokenizer.json").read_text())
    source["decoder"] = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    with pytest.raises(Unavailable, match="WordPiece"):
        Tokenizer(json.dumps(source))


@pytest.mark.parametrize(("library", "make"), [("tokenizers", Tokenizer), ("jinja2.ext", ChatTemplate)])
def test_without_its_library_an_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, library: str, make: Callable[[str], object]
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Unavailable, match=r"extras of usher-inference: onnx"):
        make("{}")
