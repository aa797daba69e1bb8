"""Features never start threads inside linear algebra, and leave its setting as they found it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from voxaffect.audio import Signal
from voxaffect.features import compute_features, get_feature_spec
from voxaffect.features.affect import covariance
from voxaffect.features.threads import _OneThread, one_thread

BLAS = ThreadpoolController().select(user_api="blas")


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in BLAS.info()}


@pytest.fixture(autouse=True)
def many() -> Any:
    """As many BLAS threads as a user's machine would have."""
    with BLAS.limit(limits=2):
        if blas_threads() != {2}:
            pytest.skip("this linear algebra has no threads")
        yield


def test_affect_features_are_computed_on_one_thread(
    signal: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    whole = covariance.compute_matrix_logarithm

    def watched(matrix: Any) -> Any:
        seen.append(blas_threads())
        return whole(matrix)

    monkeypatch.setattr(covariance, "compute_matrix_logarithm", watched)
    compute_features(signal, get_feature_spec("affect"))
    assert seen == [{1}]
    assert blas_threads() == {2}


def test_the_setting_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), one_thread:
        raise ZeroDivisionError
    assert blas_threads() == {2}


def test_the_last_to_leave_restores_what_the_first_found() -> None:
    """Four threads that overlap: one thread inside while any of them is, two after them all."""
    limit, together = _OneThread(), Barrier(4)

    def stay(place: int) -> set[int]:
        with limit:
            together.wait()
            seen = blas_threads()
            for _ in range(place):
                np.ones((50, 50)) @ np.ones((50, 50))
            return seen

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(stay, range(0, 400, 100))) == [{1}] * 4
    assert blas_threads() == {2}
    with limit:
        assert blas_threads() == {1}


def test_others_can_set_it_afterwards(signal: Signal) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(compute_features, signal, get_feature_spec("affect")).result()
    with BLAS.limit(limits=3):
        assert blas_threads() == {3}
