"""Tokens to text: what the library itself would decode, character by character, never half of one."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    assert streamed + detokenizer.finish() == decoded


def test_other_threads_run_while_a_long_text_is_tokenized(tokenizer: Tokenizer) -> None:
    turns, done = 0, threading.Event()

    def turn() -> None:
        nonlocal turns
        while not done.wait(0.0005):  # gives way at once: what holds the interpreter lets it in but a few times
            turns += 1

    text = "two seats, please " * 50_000
    with ThreadPoolExecutor(1) as pool:
        turning = pool.submit(turn)
        tokenizer.encode(text)
        done.set()
        turning.result()
    assert turns > 20


@settings(deadline=None)
@given(st.text(), st.sampled_from(["<|im_start|>", " " * 300, "e\u0302\u0301" * 9, "seat" * 50]))
def test_the_length_alone_never_refuses_what_fits(tokenizer: Tokenizer, text: str, more: str) -> None:
    text += more
    tokens = len(tokenizer.encode(text))
    assert not tokenizer.surely_exceeds(text, tokens)
    assert tokenizer.surely_exceeds(text * 1000, tokens)


@pytest.mark.parametrize(
    "loss",
    [
        {"normalizer": {"type": "Replace", "pattern": {"String": "a"}, "content": ""}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}]}},
    ],
)
def test_a_tokenizer_that_drops_letters_has_no_bound(loss: dict[str, Any]) -> None:
    source = json.loads((tiny_qwen.folder() / "tokenizer.json").read_text("utf-8")) | loss
    assert not Tokenizer(json.dumps(source)).surely_exceeds("a" * 1_000_000, 1)


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
