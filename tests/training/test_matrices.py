"""Matrices in files give what matrices in memory give, within rounding."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxaffect as va
from voxaffect.training import matrices
from voxaffect.training.dataset import TrainingRows
from voxaffect.training.estimators import BalancedLogistic, ClippedScaler
from voxaffect.training.matrices import (
    are_finite,
    compute_moments,
    is_mapped,
    iter_chunks,
    join_matrices,
    make_matrix,
    map_rows,
    take_rows,
)

TOLERANCE = 1e-4
"""Of a probability, as docs/scaling.md states it."""


@pytest.fixture
def draw() -> NDArray[np.float32]:
    """Matrix of 500 rows whose columns have different means and scales."""
    random = np.random.default_rng(9)
    scale = np.geomspace(1e-3, 1e3, 30)
    return (random.normal(size=(500, 30)) * scale + 5 * scale).astype(np.float32)


@pytest.fixture
def mapped(draw: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float32]:
    """The same matrix in a file, in chunks of ten rows."""
    monkeypatch.setattr(matrices, "get_memory_limit", lambda: 0)
    monkeypatch.setattr(matrices, "_CHUNK_BYTES", 4 * 30 * 10)
    matrix = make_matrix(*draw.shape)
    matrix[:] = draw
    return matrix


def test_a_matrix_that_does_not_fit_is_in_a_file(
    draw: NDArray[np.float32], mapped: NDArray[np.float32]
) -> None:
    assert is_mapped(mapped)
    assert not is_mapped(draw)
    assert len([*iter_chunks(mapped)]) == 50
    assert len([*iter_chunks(draw)]) == 1


def test_rows_of_both_are_equal(draw: NDArray[np.float32], mapped: NDArray[np.float32]) -> None:
    mask = np.arange(500) % 3 == 0
    order = np.random.default_rng(0).permutation(500)
    for chosen in (mask, order, order[:7], np.arange(500), mask & False):
        taken = take_rows(mapped, chosen)
        assert is_mapped(taken)
        assert np.array_equal(taken, draw[chosen])
    assert take_rows(mapped, np.ones(500, bool)) is mapped
    joined = join_matrices([mapped, draw])
    assert is_mapped(joined)
    assert np.array_equal(joined, np.concatenate([draw, draw]))
    assert np.array_equal(map_rows(np.negative, mapped), -draw)
    assert are_finite(mapped)
    mapped[499, 29] = np.nan
    assert not are_finite(mapped)


def test_moments_of_both_are_equal(draw: NDArray[np.float32], mapped: NDArray[np.float32]) -> None:
    for one, other in zip(compute_moments(draw), compute_moments(mapped), strict=True):
        assert np.allclose(one, other, rtol=1e-12)
    scaled = ClippedScaler().fit(draw).transform(draw)
    assert np.allclose(ClippedScaler().fit(mapped).transform(mapped), scaled, atol=1e-6)


@pytest.mark.parametrize("name", ["logistic", "encoder"])
def test_linear_recipes_give_the_same_model(
    draw: NDArray[np.float32], mapped: NDArray[np.float32], name: str
) -> None:
    ranks = draw[:, 3].argsort().argsort() + np.random.default_rng(0).integers(0, 150, 500)
    emotions = np.array(["angry", "happy", "sad"])[np.minimum(ranks // 200, 2)]
    speakers = np.array([f"own/{row % 9}" for row in range(500)])
    answers = []
    for matrix in (draw, mapped):
        rows = TrainingRows(matrix, emotions, np.arange(500), speakers)
        estimator: Any = BalancedLogistic() if name == "encoder" else va.make_estimator("logistic")
        answers.append(va.fit(estimator, rows).predict_proba(draw))
    assert np.ptp(answers[0], axis=0).min() > 0.04
    assert np.abs(answers[0] - answers[1]).max() < TOLERANCE


LIMITED = """
import resource, sys
import numpy as np
import voxaffect as va
from voxaffect.training import matrices
from voxaffect.training.dataset import TrainingRows
from voxaffect.training.matrices import iter_chunks, make_matrix

is_mapped, rows, columns = sys.argv[1] == "mapped", 60_000, 1_000
matrices.get_memory_limit = lambda: 0 if is_mapped else 1 << 40
estimator = va.make_estimator("logistic").set_params(logisticregression__max_iter=5)
few = np.eye(4, dtype=np.float32)
va.fit(estimator, TrainingRows(few, np.array([*"abab"]), np.arange(4), np.array([*"abcd"])))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
held = int(status["VmData"].split()[0]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (held + (200 << 20),) * 2)
matrix = make_matrix(rows, columns)
random = np.random.default_rng(0)
for start in range(0, rows, 5_000):
    matrix[start : start + 5_000] = random.normal(size=(5_000, columns))
emotions = np.where(matrix[:, 0] > 0, "happy", "sad")
order = np.arange(rows)
fitted = va.fit(estimator, TrainingRows(matrix, emotions, order, order.astype(str)))
share = (fitted.predict(np.asarray(matrix[:2_000])) == emotions[:2_000]).mean()
print("right", share)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize("kind", ["mapped", "in memory"])
def test_a_matrix_larger_than_the_memory_trains_from_a_file(kind: str) -> None:
    command = [sys.executable, "-c", LIMITED, kind]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    if kind == "in memory":
        assert "MemoryError" in ended.stderr
        return
    assert ended.returncode == 0, ended.stderr
    assert float(ended.stdout.split()[1]) > 0.8
