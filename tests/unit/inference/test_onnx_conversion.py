"""Converted models choose what the original chooses; a conversion is whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

import tiny_qwen
from usher_inference.adapters import onnx_conversion
from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
from usher_inference.adapters.onnx_conversion import convert
from usher_inference.generation.model import Sampling
from usher_inference.generation.ports import Choice, Row
from usher_local.cli import app
from usher_shared.errors import Conflict, InvalidRequest, UpstreamFailed

PROMPT = [300, 17, 42, 501, 77]


def _chosen(folder: Path, count: int) -> list[int]:
    model = OnnxBatchModel(folder, slots=1, threads=1)
    line = list(PROMPT)
    done = 0
    for _ in range(count):
        [token] = model.step([Row(0, done, line[done:], Choice(Sampling()))])
        assert token is not None
        done = len(line)
        line.append(token.id)
    return line[len(PROMPT) :]


def _generated(folder: Path, count: int) -> list[int]:
    ids = torch.tensor([PROMPT])
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": count, "do_sample": False}
    found = AutoModelForCausalLM.from_pretrained(folder).generate(ids, eos_token_id=-1, **options)
    return [int(token) for token in found[0, len(PROMPT) :]]


def test_full_precision_says_what_the_original_says() -> None:
    assert _chosen(tiny_qwen.onnx(), 30) == _generated(tiny_qwen.folder(), 30)


def test_an_adapter_is_merged_and_changes_the_answer(tmp_path: Path) -> None:
    made = convert(tiny_qwen.folder(), tmp_path / "out", precision="fp32", adapter=tiny_qwen.adapter())
    assert made.agreement >= 0.98
    answer = _chosen(tmp_path / "out", 30)
    assert answer == _generated(tiny_qwen.merged(), 30)
    assert answer != _chosen(tiny_qwen.onnx(), 30)


def test_eight_bits_are_smaller_and_mostly_agree(tmp_path: Path) -> None:
    target = tmp_path / "new" / "out"
    line = CliRunner().invoke(app, ["model", "convert", str(tiny_qwen.folder()), str(target)]).output
    assert "int8" in line
    assert float(line.split("MB; ")[1].split("%")[0]) > 80
    weights = "model.onnx.data"
    assert (target / weights).stat().st_size < 0.8 * (tiny_qwen.onnx() / weights).stat().st_size
    assert {file.name for file in target.parent.iterdir()} == {"out"}


def test_what_stands_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(Conflict):
        convert(tiny_qwen.folder(), tmp_path / "out")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no config\.json and no tokenizer\.json"):
        convert(tmp_path, tmp_path / "out")


def test_a_model_that_the_builder_refuses_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "model"
    shutil.copytree(tiny_qwen.folder(), source)
    config = source / "config.json"
    config.write_text(config.read_text().replace("Qwen3ForCausalLM", "NobodysForCausalLM"))
    with pytest.raises(UpstreamFailed, match="model is not currently supported"):
        convert(source, tmp_path / "out", precision="fp32")
    assert {file.name for file in tmp_path.iterdir()} == {"model"}


def test_the_comparison_sees_a_spoilt_graph(tmp_path: Path) -> None:
    """The control of `agreement`: one weight matrix turned around, and the share falls."""
    spoilt = tmp_path / "spoilt"
    shutil.copytree(tiny_qwen.onnx(), spoilt)
    graph = onnx.load(str(spoilt / "model.onnx"))
    [matrix] = [each for each in graph.graph.initializer if "layers.1.mlp.down_proj" in each.name]
    turned = np.ascontiguousarray(onnx.numpy_helper.to_array(matrix)[::-1])
    matrix.CopyFrom(onnx.numpy_helper.from_array(turned, matrix.name))
    (spoilt / "model.onnx.data").unlink()
    onnx.save(graph, str(spoilt / "model.onnx"))
    assert onnx_conversion.agreement(tiny_qwen.folder(), tiny_qwen.onnx()) >= 0.98
    assert onnx_conversion.agreement(tiny_qwen.folder(), spoilt) < 0.98
