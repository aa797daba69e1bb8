"""A model file of format 4 that was changed anywhere is refused."""

from __future__ import annotations

import copy
import hashlib
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from voxaffect import predict
from voxaffect.errors import ArgumentError, ModelError
from voxaffect.files import read_bounded
from voxaffect.models import METADATA_KEY, Model, add_checksum, load
from voxaffect.models.bundled import list_bundled

DATA = Path(__file__).parents[1] / "data"
EXAMPLE = (Path(predict.__code__.co_filename).parents[1] / "data" / "example.wav").read_bytes()


def with_format(content: bytes, number: int) -> bytes:
    graph = onnx.load_model_from_string(content)
    (entry,) = (e for e in graph.metadata_props if e.key == METADATA_KEY)
    entry.value = entry.value.replace('"format": 3', f'"format": {number}')
    return graph.SerializeToString()


@pytest.fixture(scope="module")
def small() -> bytes:
    """Return a small file of the format that is written today."""
    return add_checksum(with_format((DATA / "format-3.onnx").read_bytes(), 4))


def is_loaded(content: bytes) -> bool:
    try:
        Model(content)
    except ModelError:
        return False
    return True


def test_a_change_of_any_byte_is_refused(small: bytes) -> None:
    assert Model(small).is_checked
    rng = np.random.default_rng(4)
    for index, mask in enumerate(rng.integers(1, 256, len(small))):
        changed = bytearray(small)
        changed[index] ^= mask
        assert not is_loaded(bytes(changed)), index


def test_random_flips_of_a_bundled_model_are_all_refused() -> None:
    content = load("fast").content
    rng = np.random.default_rng(9)
    for index, bit in zip(rng.integers(0, len(content), 150), rng.integers(0, 8, 150), strict=True):
        changed = bytearray(content)
        changed[index] ^= 1 << bit
        with pytest.raises(ModelError, match=r"checksum|not readable as ONNX"):
            Model(bytes(changed))


def test_every_bit_of_the_checksum_itself_counts(small: bytes) -> None:
    for index in range(len(small) - 90, len(small)):
        for bit in range(8):
            changed = bytearray(small)
            changed[index] ^= 1 << bit
            assert not is_loaded(bytes(changed)), (index, bit)


def test_a_file_that_is_cut_lengthened_or_doubled_is_refused(small: bytes) -> None:
    for length in range(len(small)):
        assert not is_loaded(small[:length]), length
    entry = onnx.StringStringEntryProto(key="note", value="mine").SerializeToString()
    for more in (b"\0", b"\n", small, small[-90:], bytes([14 << 3 | 2, len(entry)]) + entry):
        assert not is_loaded(small + more)
        assert not is_loaded(more + small)


@pytest.mark.parametrize("more", [b"\0", b"\n", b"\x67"])
def test_a_model_with_bytes_behind_its_end_says_that_they_may_follow(
    small: bytes, more: bytes
) -> None:
    with pytest.raises(ModelError, match=r"followed by other bytes.* Copy it again") as caught:
        Model(small + more)
    assert "of kind" not in str(caught.value)


def test_the_parts_of_a_file_in_another_order_are_refused(small: bytes) -> None:
    graph = onnx.load_model_from_string(small)
    entries = list(graph.metadata_props)
    del graph.metadata_props[:]
    graph.metadata_props.extend(entries[::-1])
    with pytest.raises(ModelError, match=r"does not end in its checksum.+Copy it again"):
        Model(graph.SerializeToString())


def test_a_file_without_its_checksum_is_refused(small: bytes) -> None:
    graph = onnx.load_model_from_string(small)
    del graph.metadata_props[-1]
    with pytest.raises(ModelError, match="does not end in its checksum"):
        Model(graph.SerializeToString())


def test_a_checksum_is_that_of_the_file_before_it(small: bytes) -> None:
    entry = onnx.load_model_from_string(small).metadata_props[-1]
    body = onnx.load_model_from_string(small)
    del body.metadata_props[-1]
    assert entry.value == hashlib.sha256(body.SerializeToString()).hexdigest()
    assert add_checksum(small) == small


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_of_an_older_format_is_read_and_called_unchecked(number: int) -> None:
    model = load(DATA / f"format-{number}.onnx")
    assert (model.card.format, model.is_checked) == (number, False)


def test_a_file_of_an_older_format_still_has_its_self_test() -> None:
    graph = onnx.load(str(DATA / "format-3.onnx"))
    node = next(node for node in graph.graph.node if node.op_type == "LinearClassifier")
    floats = next(a for a in node.attribute if a.name == "coefficients")
    floats.floats[:] = [-number for number in floats.floats]
    with pytest.raises(ModelError, match="fails its self-test"):
        Model(graph.SerializeToString())


def test_the_sha256_of_a_model_is_that_of_its_file(tmp_path: Path) -> None:
    load().save(tmp_path / "model.onnx")
    content = (tmp_path / "model.onnx").read_bytes()
    assert load().sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", list_bundled())
def test_a_bundled_model_is_checked(name: str) -> None:
    assert load(name).is_checked
    assert load(name).card.format >= 4


# A model travels.


def test_a_model_is_pickled_with_its_bytes_and_its_name(small: bytes) -> None:
    model = pickle.loads(pickle.dumps(Model(small, "mine.onnx")))
    assert (model.content, model.name) == (small, "mine.onnx")


def test_a_copy_of_a_model_is_the_model() -> None:
    assert copy.copy(load()) is copy.deepcopy(load()) is load()
    assert copy.deepcopy({"model": load()})["model"] is load()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_pool_of_processes_predicts_with_a_model_that_it_is_given(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("Unix only")
    task = partial(predict, model=load())
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        assert pool.submit(task, EXAMPLE).result() == predict(EXAMPLE)


def test_threads_share_a_model(small: bytes) -> None:
    model = Model(small)
    matrix = np.random.default_rng(0).random((50, 12), dtype=np.float32)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(model.probabilities, [matrix] * 16))
    assert all(np.array_equal(result, results[0]) for result in results)


# What is no model.


@pytest.mark.parametrize("content", ["mine.onnx", Path("mine.onnx")])
def test_a_path_given_as_content_is_pointed_to_load(content: str | Path) -> None:
    with pytest.raises(TypeError, match=r"bytes of a model file.+voxaffect\.load\('mine\.onnx'\)"):
        Model(content)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [None, 42, ["mine.onnx"]])
def test_content_of_another_kind_is_refused(content: object) -> None:
    with pytest.raises(ArgumentError, match=f"found {type(content).__name__}"):
        Model(content)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [b"mine.onnx", 42, ["mine.onnx"], Model])
def test_what_is_no_model_is_refused_by_its_kind(model: object) -> None:
    with pytest.raises(ArgumentError, match=f"found {type(model).__name__}.+voxaffect.Model"):
        predict(EXAMPLE, model=model)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=f"found {type(model).__name__}.+voxaffect.Model"):
        load(model)  # type: ignore[arg-type]


def test_a_model_may_be_named_by_its_path(tmp_path: Path) -> None:
    load().save(tmp_path / "model.onnx")
    assert predict(EXAMPLE, model=tmp_path / "model.onnx") == predict(EXAMPLE)


def test_a_file_that_no_model_can_be_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelError, match=r"huge\.onnx: too large: .+at most 536,870,912 bytes"):
        load(tmp_path / "huge.onnx")
    with pytest.raises(ModelError, match="is a device"):
        load("/dev/zero")
    with pytest.raises(ModelError, match=r"no such file.+the name of a bundled model, .*fast"):
        load(tmp_path / "gone.onnx")
    assert read_bounded(DATA / "format-3.onnx", limit=9_999, what="", error=ModelError)
