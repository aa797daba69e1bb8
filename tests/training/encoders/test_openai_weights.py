"""Weights in OpenAI's format: read without unpickling, whatever else is in them is refused."""

from __future__ import annotations

import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.encoders import (
    HEADS,
    Call,
    Named,
    Stored,
    dump_pickle,
    encode,
    list_members,
    make_arrays,
    pack_openai,
    write_openai,
)

from voxaffect.errors import ModelError
from voxaffect.training.encoders import load_weights

ARRAYS = make_arrays()
MEMBERS = list_members(ARRAYS)
NAME = "conv1.weight"  # the first array


def _load(tmp_path: Path, content: bytes) -> Any:
    path = tmp_path / "tiny.pt"
    path.write_bytes(content)
    return load_weights(path)


def _refuse(tmp_path: Path, members: dict[str, bytes], match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        _load(tmp_path, pack_openai(members))
    assert "\n" not in str(caught.value)


def _change_tensor(**changes: Any) -> dict[str, bytes]:
    """Members of an archive, one tensor of which has other fields."""
    state = {
        f"encoder.{name}": Stored(str(index), array, "float16", **(changes if index == 0 else {}))
        for index, (name, array) in enumerate(ARRAYS.items())
    }
    return list_members(ARRAYS, model_state_dict=state)


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_floats_of_every_width_give_the_arrays(tmp_path: Path, kind: str) -> None:
    weights = load_weights(write_openai(tmp_path / "tiny.pt", ARRAYS, kind))
    assert weights.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(weights.arrays[name], array)
    assert (weights.heads, weights.name) == (HEADS, "tiny.pt")


def test_what_torch_saves_gives_the_arrays(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Module()  # its state has attributes, which a pickle builds
    for name, array in ARRAYS.items():
        module.register_buffer(name.replace(".", "_"), torch.from_numpy(array).half())
    state = module.state_dict()
    for name in ARRAYS:
        state[f"encoder.{name}"] = state.pop(name.replace(".", "_"))
    torch.save({"dims": {"n_audio_head": HEADS}, "model_state_dict": state}, tmp_path / "tiny.pt")
    arrays = load_weights(tmp_path / "tiny.pt").arrays
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_parameters_are_read_as_tensors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    state = {
        f"encoder.{name}": torch.nn.Parameter(torch.from_numpy(array))
        for name, array in ARRAYS.items()
    }
    torch.save({"dims": {"n_audio_head": HEADS}, "model_state_dict": state}, tmp_path / "tiny.pt")
    arrays = load_weights(tmp_path / "tiny.pt").arrays
    np.testing.assert_array_equal(arrays[NAME], ARRAYS[NAME])


def test_torch_reads_what_these_tests_write(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = write_openai(tmp_path / "tiny.pt", ARRAYS)
    state = torch.load(path, weights_only=True)["model_state_dict"]
    np.testing.assert_array_equal(state[f"encoder.{NAME}"].numpy(), ARRAYS[NAME])


def test_a_transposed_tensor_is_read_by_its_strides(tmp_path: Path) -> None:
    array = ARRAYS[NAME]
    members = _change_tensor(strides=(1, array.shape[0], array.shape[0] * array.shape[1]))
    members["archive/data/0"] = encode(np.ascontiguousarray(array.T), "float16")
    weights = _load(tmp_path, pack_openai(members))
    np.testing.assert_array_equal(weights.arrays[NAME], array)


def test_a_pickle_calls_nothing(tmp_path: Path) -> None:
    target = tmp_path / "called"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.mkdir, (target,)

    for content in (
        pickle.dumps(Attack()),
        dump_pickle(Attack()),
        dump_pickle({"dims": Call(Named("os", "system"), (f"touch {target}",))}),
        dump_pickle(Call(Named("builtins", "eval"), ("1",))),
        b"\x80\x02cos\nsystem\nX\x05\x00\x00\x00touch\x85R.",
        b"\x80\x02(X\x05\x00\x00\x00touchios\nsystem\n.",
        b"\x80\x02(cos\nsystem\nX\x05\x00\x00\x00toucho.",
        b"\x80\x02cos\nsystem\n)\x81.",
        b"\x80\x02ccollections\nOrderedDict\n]\x85R.",
        b"\x80\x02ccollections\nOrderedDict\n}b.",
    ):
        _refuse(tmp_path, MEMBERS | {"archive/data.pkl": content}, "more than weights")
    assert not target.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"\x80\x02.",
        b"\x80\x02R.",
        b"\x80\x02t.",
        b"\x80\x02h\x05.",
        b"\x80\x02]\x85\x87.",
        b"\x80\x02}(KKu.",
        b"\x80\x02})K\x01s}.",
        b"\x80\x02]]K\x01s.",
        b"\x80\x02}K\x01a.",
        b"\x80\x02X\xff\xff\xff\xff",
        b"\x80\x02\x8a\xff",
        b"\x80\x02K\x01Q.",
        b"garbage",
    ],
)
def test_damaged_pickles_are_refused(tmp_path: Path, content: bytes) -> None:
    _refuse(tmp_path, MEMBERS | {"archive/data.pkl": content}, "damaged pickle|'dims'")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"offset": 1}, "another size"),
        ({"offset": -1}, "another form"),
        ({"shape": (2**31 - 1, 2**31 - 1, 3), "strides": (0, 0, 0)}, "another size"),
        ({"shape": (16, 8, 0)}, "another size"),
        ({"shape": (16, 8)}, "another form"),
        ({"strides": (24, 3, -1)}, "another form"),
        ({"strides": (25, 3, 1)}, "another size"),
        ({"shape": [16, 8, 3]}, "another form"),
        ({"shape": (16, 8, True)}, "another form"),
        ({"shape": (1,) * 9, "strides": (1,) * 9}, "another form"),
        ({"count": 383}, "another size"),
        ({"count": 2**40}, "another size"),
        ({"key": "400"}, "no plain member 'data/400'"),
        ({"key": "../version"}, "no plain member"),
        ({"key": 4}, "something other than a storage"),
        ({"storage": Named("torch", "LongStorage")}, "'torch.LongStorage'"),
        ({"storage": "HalfStorage"}, "storage of the type"),
    ],
)
def test_tensors_that_do_not_fit_their_data_are_refused(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    _refuse(tmp_path, _change_tensor(**changes), match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"dims": {}}, "'dims'"),
        ({"dims": [3]}, "'dims'"),
        ({"dims": {"n_audio_head": 2.0}}, "'dims'"),
        ({"dims": {"n_audio_head": 5}}, "5 heads"),
        ({"model_state_dict": []}, "'model_state_dict'"),
        ({"model_state_dict": {}}, "conv1.weight"),
        ({"model_state_dict": {"encoder.conv1.weight": 3}}, "no array"),
    ],
)
def test_other_checkpoints_are_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    _refuse(tmp_path, list_members(ARRAYS, **changes), match)


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    members = MEMBERS | {"archive/data/0": encode(np.full(ARRAYS[NAME].size, np.nan), "float16")}
    _refuse(tmp_path, members, "NaN")


def test_other_archives_are_refused(tmp_path: Path) -> None:
    _refuse(tmp_path, {"hello.txt": b"hello"}, "'data.pkl'")
    _refuse(tmp_path, MEMBERS | {"b/data.pkl": b"."}, "'data.pkl'")
    _refuse(tmp_path, MEMBERS | {"archive/byteorder": b"big"}, "most significant")
    with pytest.raises(ModelError, match="no plain member"):
        _load(tmp_path, pack_openai(MEMBERS, zipfile.ZIP_DEFLATED))


def test_an_archive_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = pack_openai(MEMBERS)
    for end in [*range(0, 64), *range(64, len(content), 211), len(content) - 1]:
        with pytest.raises(ModelError):
            _load(tmp_path, content[:end])


def test_flipped_bytes_give_arrays_or_a_refusal(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    content = pack_openai(MEMBERS)
    indices = [*random.integers(0, 4_000, 150), *random.integers(-4_000, 0, 150)]
    for index in indices:
        damaged = bytearray(content)
        damaged[index] ^= int(random.integers(1, 256))
        with suppress(ModelError):
            _load(tmp_path, bytes(damaged))


def test_flipped_bytes_of_a_pickle_give_arrays_or_a_refusal(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    content = MEMBERS["archive/data.pkl"]
    for index in random.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[index] ^= int(random.integers(1, 256))
        with suppress(ModelError):
            _load(tmp_path, pack_openai(MEMBERS | {"archive/data.pkl": bytes(damaged)}))


def test_old_files_of_torch_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="PyTorch's old format"):
        _load(tmp_path, pickle.dumps({}, 2))
