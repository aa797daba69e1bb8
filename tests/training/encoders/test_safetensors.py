"""Weights in safetensors: every type gives the arrays, headers are checked in every number."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.encoders import (
    CONFIG,
    HEADS,
    WIDTH,
    make_arrays,
    pack_safetensors,
    rename_huggingface,
    write_ctranslate2,
    write_openai,
    write_safetensors,
)

from voxaffect.errors import ModelError
from voxaffect.training.encoders import load_weights

ARRAYS = make_arrays()
NAMED = {rename_huggingface(name): array for name, array in ARRAYS.items()}
FIRST = "model.encoder.conv1.weight"


def _load(tmp_path: Path, content: bytes, **config: Any) -> Any:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | config))
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    return load_weights(path)


def _refuse(tmp_path: Path, content: bytes, match: str, **config: Any) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        _load(tmp_path, content, **config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_floats_of_every_width_give_the_arrays(tmp_path: Path, kind: str) -> None:
    weights = load_weights(write_safetensors(tmp_path / "whisper-tiny", ARRAYS, kind))
    assert weights.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(weights.arrays[name], array)
    assert (weights.heads, weights.name, weights.license) == (HEADS, "whisper-tiny", "unknown")


def test_every_format_gives_the_same_arrays(tmp_path: Path) -> None:
    paths = [
        write_safetensors(tmp_path / "huggingface", ARRAYS),
        write_openai(tmp_path / "openai.pt", ARRAYS),
        write_ctranslate2(tmp_path / "model.bin", ARRAYS),
    ]
    first, *others = map(load_weights, paths)
    for weights in others:
        assert weights.heads == first.heads
        assert weights.arrays.keys() == first.arrays.keys()
        assert all(np.array_equal(weights.arrays[name], first.arrays[name]) for name in ARRAYS)


def test_a_model_for_classification_has_a_shorter_prefix(tmp_path: Path) -> None:
    named = {name.removeprefix("model."): array for name, array in NAMED.items()}
    weights = _load(tmp_path, pack_safetensors(named))
    np.testing.assert_array_equal(weights.arrays["conv1.weight"], ARRAYS["conv1.weight"])


def _write_parts(folder: Path, files: tuple[str, str] = ("a.safetensors", "b.safetensors")) -> Path:
    names = list(NAMED)
    index = {}
    for start, file in enumerate(files):
        part = {name: NAMED[name] for name in names[start::2]}
        if Path(file).name == file:
            (folder / file).write_bytes(pack_safetensors(part))
        index |= dict.fromkeys(part, file)
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": index}))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return path


def test_a_model_in_parts_gives_the_arrays(tmp_path: Path) -> None:
    path = _write_parts(tmp_path)
    for weights in (load_weights(tmp_path), load_weights(path)):
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(weights.arrays[name], array)
    before = weights.sha256
    part = tmp_path / "b.safetensors"
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    assert load_weights(tmp_path).sha256 != before


@pytest.mark.parametrize("name", ["../b.safetensors", "/b.safetensors", "c\\b.safetensors", "b.pt"])
def test_parts_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    _write_parts(tmp_path, ("a.safetensors", name))
    with pytest.raises(ModelError, match="names the part"):
        load_weights(tmp_path)


def test_missing_and_repeated_parts_are_refused(tmp_path: Path) -> None:
    _write_parts(tmp_path)
    (tmp_path / "b.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes())
    with pytest.raises(ModelError, match="both hold the array"):
        load_weights(tmp_path)
    (tmp_path / "b.safetensors").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(ModelError, match="no file of safetensors"):
        load_weights(tmp_path)
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(ModelError, match="no such file"):
        load_weights(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": 3}')
    with pytest.raises(ModelError, match="no 'weight_map'"):
        load_weights(tmp_path)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"model_type": "wav2vec2"}, "'wav2vec2', expected 'whisper'"),
        ({"activation_function": "relu"}, "'relu', expected 'gelu'"),
        ({"encoder_attention_heads": "2"}, "does not state a number"),
        ({"encoder_attention_heads": 3}, "3 heads"),
    ],
)
def test_other_configurations_are_refused(
    tmp_path: Path, config: dict[str, Any], match: str
) -> None:
    _refuse(tmp_path, pack_safetensors(NAMED), match, **config)


def test_the_configuration_is_needed(tmp_path: Path) -> None:
    folder = write_safetensors(tmp_path / "tiny", ARRAYS)
    (folder / "config.json").write_text("{]")
    with pytest.raises(ModelError, match="its JSON is damaged"):
        load_weights(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json: no such file"):
        load_weights(folder)


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (None, "in no way"),
        ({"dtype": "F32"}, "in no way"),
        ({"dtype": "F32", "shape": [16, 8, 3], "data_offsets": [0]}, "in no way"),
        ({"dtype": "F32", "shape": [16, 8, 3], "data_offsets": [1536, 0]}, "in no way"),
        ({"dtype": "F32", "shape": [16, 8, -3], "data_offsets": [0, 1536]}, "in no way"),
        ({"dtype": "F32", "shape": [16, 8, 3.0], "data_offsets": [0, 1536]}, "in no way"),
        ({"dtype": "F32", "shape": [16, True, 3], "data_offsets": [0, 1536]}, "in no way"),
        ({"dtype": "F32", "shape": [16, 8, 4], "data_offsets": [0, 1536]}, "needs 2,048 bytes"),
        ({"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 1536]}, "needs"),
        ({"dtype": "I64", "shape": [16, 8, 3], "data_offsets": [0, 1536]}, "type 'I64'"),
        ({"dtype": "F32", "shape": [16, 8, 3], "data_offsets": [4, 1540]}, "overlap, or a gap"),
        ({"dtype": "F32", "shape": [384], "data_offsets": [0, 1536]}, "three dimensions"),
        ({"dtype": "F32", "shape": [1] * 9 + [384], "data_offsets": [0, 1536]}, "10 dimensions"),
    ],
)
def test_headers_that_do_not_fit_are_refused(tmp_path: Path, entry: object, match: str) -> None:
    _refuse(tmp_path, pack_safetensors(NAMED, **{FIRST: entry}), match)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("model.encoder.layers.0.self_attn.k_proj.bias", "bias to the key"),
        ("model.encoder.layers.9.fc1.bias", "lacks the array"),
        ("model.encoder.extra.weight", "holds the array 'extra.weight'"),
        ("encoder.conv1.bias", "twice"),
    ],
)
def test_foreign_arrays_are_refused(tmp_path: Path, name: str, match: str) -> None:
    named = NAMED | {name: np.ones(WIDTH, np.float32)}
    _refuse(tmp_path, pack_safetensors(named), match)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_array_is_needed(tmp_path: Path, name: str) -> None:
    named = {key: array for key, array in NAMED.items() if key != name}
    _refuse(tmp_path, pack_safetensors(named), "lacks the array|holds no|has the shape")


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    array = NAMED[FIRST].copy()
    array[3, 2, 1] = np.nan
    _refuse(tmp_path, pack_safetensors(NAMED | {FIRST: array}), "NaN")


def test_other_texts_are_refused(tmp_path: Path) -> None:
    for text in (b"[1]", b'{"a": 1, "a": 2}', b"{" * 5_000, b'{"a": ' + b"[" * 100_000, b"{\xff}"):
        content = struct.pack("<Q", len(text)) + text
        _refuse(tmp_path, content, "JSON|another kind")
    _refuse(tmp_path, struct.pack("<Q", 1 << 40) + b"{}", "another kind")


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = pack_safetensors(NAMED)
    for end in [*range(0, 64), *range(64, len(content), 211), len(content) - 1]:
        _refuse(tmp_path, content[:end], "cut short|another kind")
    _refuse(tmp_path, content + b"abc", "followed by 3 other bytes")


def test_flipped_bytes_give_arrays_or_a_refusal(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    content = pack_safetensors(NAMED)
    for index in random.integers(0, 6_000, 300):
        damaged = bytearray(content)
        damaged[index] ^= int(random.integers(1, 256))
        with suppress(ModelError):
            _load(tmp_path, bytes(damaged))
