"""Results of any iterator come in order, as they are finished, in memory that does not grow."""

from __future__ import annotations

import io
import itertools
import tracemalloc
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import voxaffect as va
from voxaffect.errors import ArgumentError, AudioError
from voxaffect.extraction import Failure, LocalExecutor, iter_features, iter_results
from voxaffect.extraction.sources import Item, Named
from voxaffect.recognition import iter_predictions, iter_timelines

PATH = files("voxaffect") / "data" / "example.wav"
EXAMPLE = PATH.read_bytes()
MODEL = "fast"


def list_sources() -> list[Any]:
    return [str(PATH), EXAMPLE, ("a call", EXAMPLE), io.BytesIO(EXAMPLE), ("noise", b"0101")]


def get_length(item: Item) -> int:
    assert isinstance(item, Named)
    assert isinstance(item.source, bytes)
    if item.source == b"bad":
        raise AudioError("a bad one")
    return len(item.source)


@pytest.mark.parametrize("kind", ["one", "threads", "processes"])
def test_results_are_those_of_predict_many(kind: str) -> None:
    batch = va.predict_many(list_sources(), model=MODEL, workers=1)
    with LocalExecutor(
        1 if kind == "one" else 2, kind=kind if kind != "one" else "auto"
    ) as workers:
        results = [*iter_predictions(iter(list_sources()), model=MODEL, workers=workers)]
    assert tuple(results[:4]) == batch.results
    assert tuple(results[4:]) == batch.failures


def test_timelines_and_features_are_those_of_the_lists() -> None:
    sources = [str(PATH), ("noise", b"0101")]
    batch = va.timeline_many(sources, model=MODEL, workers=1)
    results = [*iter_timelines(sources, model=MODEL, workers=1)]
    assert results == [*batch.results, *batch.failures]
    spec = va.get_feature_spec("classic")
    features, failure = iter_features(sources, spec, workers=1)
    np.testing.assert_array_equal(features.values, va.extract([str(PATH)], spec).matrix[0])
    assert (features.source, failure.source) == (str(PATH), "noise")
    assert isinstance(failure, Failure)


@pytest.mark.parametrize(("workers", "ahead"), [(1, 0), (2, 4)])
def test_an_endless_iterator_is_read_as_results_are_taken(workers: int, ahead: int) -> None:
    taken: list[int] = []

    def read() -> Iterator[bytes]:
        for size in itertools.count(1):
            taken.append(size)
            yield bytes(size)

    results = iter_results(get_length, read(), workers=workers)
    assert not taken
    assert [*itertools.islice(results, 3)] == [1, 2, 3]
    assert 3 <= len(taken) <= 3 + ahead
    results.close()
    assert 3 <= len(taken) <= 3 + ahead


def test_failures_come_in_their_turn_under_their_names() -> None:
    sources = [b"four", ("second", b"bad"), b"sound"]
    first, failure, last = iter_results(get_length, sources, workers=2)
    assert (first, last) == (4, 5)
    assert isinstance(failure, Failure)
    assert (failure.source, failure.reason) == ("second", "second: a bad one")


def test_memory_does_not_grow_with_the_number_of_recordings() -> None:
    def measure(count: int) -> int:
        tracemalloc.start()
        sources = (bytes(1_000) for _ in range(count))
        assert sum(iter_results(get_length, sources, workers=1)) == 1_000 * count
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    measure(10)
    assert measure(4_000) < measure(400) + 50_000  # all of them together have 4 MB


def test_wrong_arguments_are_refused_before_the_first_source() -> None:
    with pytest.raises(AudioError, match="expected several recordings"):
        iter_predictions(EXAMPLE, model=MODEL)
    with pytest.raises(ArgumentError, match="predict_many or timeline_many"):
        iter_timelines([EXAMPLE], model=MODEL, adapt="all")  # type: ignore[arg-type]
