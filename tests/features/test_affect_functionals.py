"""Functionals and log-covariance against NumPy, SciPy and covariances known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from voxaffect.features.affect.covariance import compute_log_covariance, stack_lags
from voxaffect.features.affect.descriptors import (
    MODULATION_STATISTICS,
    compute_modulation,
    compute_thirds,
)
from voxaffect.features.affect.functionals import (
    FULL,
    SEVEN,
    compute_full,
    compute_percentiles,
    compute_seven,
    find_runs,
)

TRACKS = np.random.default_rng(0).gamma(2.0, size=(5, 137)).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_percentiles_are_numpys(rows: np.ndarray) -> None:
    theirs = np.percentile(rows, (5, 25, 50, 75, 95), axis=1).T
    np.testing.assert_allclose(compute_percentiles(rows), theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mean", TRACKS.mean(axis=1)),
        ("sd", TRACKS.std(axis=1)),
        ("skew", scipy.stats.skew(TRACKS, axis=1)),
        ("kurtosis", scipy.stats.kurtosis(TRACKS, axis=1)),
        ("step", np.abs(np.diff(TRACKS)).mean(axis=1)),
    ],
)
def test_functional_is_scipys(name: str, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(compute_full(TRACKS)[:, FULL.index(name)], theirs, rtol=1e-4)


def test_seven_is_the_start_of_full() -> None:
    np.testing.assert_allclose(
        compute_seven(TRACKS), compute_full(TRACKS)[:, : len(SEVEN)], rtol=1e-5
    )


def test_linear_is_the_change_and_quadratic_the_bend() -> None:
    time = np.linspace(-1, 1, 201, dtype=np.float32)
    found = compute_full(np.stack([5 + 2 * time, 3 * time**2]))
    assert found[:, FULL.index("linear")] == pytest.approx([4.0, 0.0], abs=1e-4)
    assert found[:, FULL.index("quadratic")] == pytest.approx([0.0, 3.0], abs=1e-4)


def test_a_constant_track_has_no_shape() -> None:
    found = compute_full(np.full((1, 30), 7.3, dtype=np.float32))[0]
    assert found[FULL.index("skew")] == found[FULL.index("kurtosis")] == 0.0


def test_runs_are_found_at_both_ends() -> None:
    starts, stops = find_runs(np.array([True, True, False, True]))
    assert starts.tolist() == [0, 3]
    assert stops.tolist() == [2, 4]


def test_log_covariance_is_the_logarithm_of_the_covariance() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((4, 4)) @ rng.standard_normal((4, 300))
    found = compute_log_covariance(rows.astype(np.float32), np.ones(300, np.float32), ridge=0.5)
    expected = scipy.linalg.logm(np.cov(rows, bias=True) + 0.5 * np.eye(4))
    upper = np.triu_indices(4)
    weight = np.where(upper[0] == upper[1], 1.0, np.sqrt(2))
    np.testing.assert_allclose(found, expected[upper] * weight, atol=1e-4)


def test_log_covariance_of_independent_tracks_is_the_log_of_their_variances() -> None:
    time = np.arange(400) * 2 * np.pi / 400
    rows = np.stack([np.sqrt(2) * 3 * np.sin(5 * time), np.sqrt(2) * np.cos(9 * time)])
    found = compute_log_covariance(rows.astype(np.float32), np.ones(400, np.float32), ridge=0.0)
    assert found == pytest.approx([np.log(9), 0.0, np.log(1)], abs=1e-4)


def test_frames_without_weight_do_not_count() -> None:
    rows = np.random.default_rng(4).standard_normal((3, 200)).astype(np.float32)
    weights = np.ones(200, dtype=np.float32)
    weights[100:] = 1e-9
    spoilt = rows.copy()
    spoilt[:, 100:] *= 50
    kept = compute_log_covariance(rows[:, :100], weights[:100])
    np.testing.assert_allclose(compute_log_covariance(spoilt, weights), kept, atol=1e-3)


def test_stacked_lags_are_the_later_frames() -> None:
    rows = np.arange(20, dtype=np.float32)[None]
    stacked = stack_lags(rows, (6,), -rows)
    assert stacked.shape == (3, 14)
    assert stacked[:, 0].tolist() == [0, 6, 0]


def test_modulation_peaks_in_the_band_of_the_beat() -> None:
    time = np.arange(300) / 100
    found = compute_modulation(np.sin(2 * np.pi * 5 * time).astype(np.float32)[None])[0]
    assert MODULATION_STATISTICS[int(np.argmax(found))] == "modulation_4_6_hz"


def test_thirds_are_means_and_sds_of_thirds() -> None:
    track = np.repeat([1.0, 2.0, 4.0], 30).astype(np.float32)[None]
    assert compute_thirds(track)[0].tolist() == [1, 0, 2, 0, 4, 0]
