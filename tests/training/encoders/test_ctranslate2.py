"""Weights in CTranslate2's format: every type gives the arrays, whatever is damaged is refused."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from support.encoders import (
    HEADS,
    LAYERS,
    MEL_BANDS,
    WIDTH,
    Variables,
    list_variables,
    make_arrays,
    pack_ctranslate2,
    write_ctranslate2,
)

from voxaffect.errors import ModelError
from voxaffect.training.encoders import load_weights

ARRAYS = make_arrays()
CONTENT = pack_ctranslate2(list_variables(ARRAYS))


def _load(tmp_path: Path, content: bytes) -> object:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    return load_weights(path)


def _refuse(tmp_path: Path, variables: Variables, match: str, **header: object) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        _load(tmp_path, pack_ctranslate2(variables, **header))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_floats_of_every_width_give_the_arrays(tmp_path: Path, kind: str) -> None:
    path = write_ctranslate2(tmp_path / "tiny.bin", ARRAYS, kind)
    weights = load_weights(path)
    assert weights.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(weights.arrays[name], array)
        assert weights.arrays[name].dtype == np.float32
    assert (weights.heads, weights.mel_bands, weights.width, weights.layers) == (
        HEADS,
        MEL_BANDS,
        WIDTH,
        LAYERS,
    )
    assert (weights.name, weights.license) == ("tiny.bin", "unknown")
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_whole_numbers_are_within_half_a_step_of_the_arrays(tmp_path: Path) -> None:
    weights = load_weights(write_ctranslate2(tmp_path / "model.bin", ARRAYS, "int8"))
    for name, array in ARRAYS.items():
        step = np.abs(array.reshape(len(array), -1)).max() / 127 if "weight" in name else 0
        np.testing.assert_allclose(weights.arrays[name], array, atol=0.5 * step + 1e-6)


def test_a_folder_is_read_by_its_file(tmp_path: Path) -> None:
    write_ctranslate2(tmp_path / "model.bin", ARRAYS)
    assert load_weights(str(tmp_path)).layers == LAYERS


def test_arrays_cannot_be_changed(tmp_path: Path) -> None:
    weights = load_weights(write_ctranslate2(tmp_path / "model.bin", ARRAYS))
    with pytest.raises(ValueError, match="read-only"):
        weights.arrays["conv1.bias"][0] = 1


def test_an_alias_has_the_numbers_and_the_scale_of_its_variable(tmp_path: Path) -> None:
    variables = list_variables(ARRAYS, "int8")
    shared = "encoder/layer_1/ffn/linear_0/weight"
    del variables[shared], variables[f"{shared}_scale"]
    path = tmp_path / "model.bin"
    aliases = {shared: "encoder/layer_0/ffn/linear_0/weight"}
    path.write_bytes(pack_ctranslate2(variables, aliases=aliases))
    arrays = load_weights(path).arrays
    np.testing.assert_array_equal(arrays["blocks.1.mlp.0.weight"], arrays["blocks.0.mlp.0.weight"])


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for end in [*range(0, 200), *range(200, len(CONTENT), 97), len(CONTENT) - 1]:
        with pytest.raises(ModelError, match=r"cut short|another kind"):
            _load(tmp_path, CONTENT[:end])


def test_bytes_after_the_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="followed by 3 other bytes"):
        _load(tmp_path, CONTENT + b"abc")


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ({"version": 5}, "format 5"),
        ({"version": 7}, "format 7"),
        ({"spec": "TransformerSpec"}, "'TransformerSpec'"),
        ({"revision": 4}, "revision 4"),
        ({"aliases": {"encoder/conv3/bias": "nowhere"}}, "alias 'encoder/conv3/bias'"),
        ({"aliases": {"encoder/conv1/bias": "encoder/conv2/bias"}}, "which does not fit"),
    ],
)
def test_other_models_and_versions_are_refused(
    tmp_path: Path, header: dict[str, object], match: str
) -> None:
    _refuse(tmp_path, list_variables(ARRAYS), match, **header)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("encoder/conv1/bias", None, "lacks the variable"),
        ("encoder/num_heads", None, "states no number"),
        ("encoder/num_heads", (np.array(0, np.int16), "int16"), "0 heads"),
        ("encoder/num_heads", (np.array(-2, np.int16), "int16"), "-2 heads"),
        ("encoder/num_heads", (np.array(3, np.int16), "int16"), "3 heads for a width of 16"),
        ("encoder/num_heads", (np.full(2, 2, np.int16), "int16"), "states no number"),
        ("encoder/conv1/bias", (np.full(WIDTH, np.nan), "float16"), "NaN or infinity"),
        ("encoder/conv1/bias", (np.full(WIDTH, np.inf), "float32"), "NaN or infinity"),
        ("encoder/conv1/bias", (np.zeros(WIDTH + 1), "float32"), "has the shape"),
        ("encoder/conv1/bias", (np.zeros(WIDTH), "int8"), "without a scale"),
        ("encoder/conv1/weight", (np.zeros((WIDTH, 8)), "float32"), "three dimensions"),
        ("encoder/conv1/weight", (np.zeros((0, 8, 3)), "float32"), "three dimensions"),
        ("encoder/conv1/weight", (np.zeros((2, 8, 3)), "float32"), "has the shape"),
        ("encoder/layer_5/ffn/linear_0/bias", (np.zeros(64), "float32"), "'encoder/layer_5"),
        ("encoder/layer_0/ffn/linear_0/weight_zero", (np.zeros(64), "int8"), "weight_zero"),
        ("encoder/layer_0/self_attention/linear_0/bias", (np.ones(48), "int8"), "scale"),
        ("encoder/layer_0/self_attention/linear_0/bias", (np.ones(48), "float32"), "to the key"),
        ("encoder/layer_0/self_attention/linear_0/bias", (np.ones(47), "float32"), r"\(47,\)"),
        ("encoder/position_encodings/encodings", (np.zeros((0, 16)), "float32"), "positions"),
    ],
)
def test_foreign_content_is_refused(
    tmp_path: Path, name: str, value: tuple[np.ndarray, str] | None, match: str
) -> None:
    variables = list_variables(ARRAYS)
    variables.pop(name, None)
    if value is not None:
        variables[name] = value
    _refuse(tmp_path, variables, match)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf, 1e-45])
def test_a_scale_that_is_no_positive_number_is_refused(tmp_path: Path, scale: float) -> None:
    variables = list_variables(ARRAYS, "int8")
    variables["encoder/conv1/weight_scale"] = (np.full(WIDTH, scale), "float32")
    _refuse(tmp_path, variables, "not positive|NaN or infinity")


def test_sizes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    name = b"encoder/conv1/bias\0"
    start = CONTENT.index(name) + len(name)  # rank, dimension, type, size
    for damage in (
        struct.pack("<BIBI", 1, 2**32 - 1, 0, 2**32 - 4),
        struct.pack("<BIBI", 1, WIDTH, 6, 2 * WIDTH),
        struct.pack("<BIBI", 1, WIDTH, 4, 2**32 - 1),
        struct.pack("<BIBI", 255, WIDTH, 4, 2 * WIDTH),
    ):
        with pytest.raises(ModelError):
            _load(tmp_path, CONTENT[:start] + damage + CONTENT[start + len(damage) :])


def test_too_many_variables_are_refused_at_once(tmp_path: Path) -> None:
    start = CONTENT.index(b"WhisperSpec\0") + len(b"WhisperSpec\0") + 4
    content = CONTENT[:start] + struct.pack("<I", 2**32 - 1) + CONTENT[start + 4 :]
    with pytest.raises(ModelError, match="4,294,967,295 variables"):
        _load(tmp_path, content)


def test_flipped_bytes_give_arrays_or_a_refusal(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for index in random.integers(0, 2_000, 300):
        content = bytearray(CONTENT)
        content[index] ^= int(random.integers(1, 256))
        with suppress(ModelError):
            _load(tmp_path, bytes(content))


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00\x00\x00WAVE", b"hello, world", bytes(100)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError, match="another kind"):
        _load(tmp_path, content)


def test_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_weights(tmp_path / "missing.pt")
    with pytest.raises(ModelError, match="holds no weights"):
        load_weights(tmp_path)
