"""Enrollment moves a speaker towards the average one, further the better it is known."""

from __future__ import annotations

import numpy as np
import pytest

from voxaffect.errors import FeatureError
from voxaffect.features.affect.enrollment import Speaker, adapt, enroll, shift_weight

RNG = np.random.default_rng(0)


def test_the_speakers_mean_is_the_mean_of_the_recordings() -> None:
    vectors = RNG.standard_normal((8, 5)).astype(np.float32)
    speaker = enroll(vectors)
    np.testing.assert_allclose(speaker.mean, vectors.mean(axis=0), rtol=1e-5)
    assert speaker.recordings == 8


def test_the_mean_of_an_enrolled_speaker_moves_to_the_training_mean_by_the_weight() -> None:
    speaker = Speaker(np.full(3, 5.0, np.float32), recordings=12)
    moved = adapt(speaker.mean[None], speaker, training_mean=np.full(3, 1.0), names=list("abc"))
    assert moved == pytest.approx(5.0 - 0.75 * 4.0)


def test_differences_between_a_speakers_utterances_are_kept() -> None:
    vectors = RNG.standard_normal((4, 6)).astype(np.float32)
    moved = adapt(vectors, enroll(vectors), training_mean=np.zeros(6), names=list("abcdef"))
    np.testing.assert_allclose(np.diff(moved, axis=0), np.diff(vectors, axis=0), atol=1e-5)


def test_more_recordings_are_trusted_more() -> None:
    weights = [shift_weight(count) for count in (0, 1, 8, 100)]
    assert weights == sorted(weights)
    assert weights[0] == 0.0
    assert weights[-1] < 1.0


def test_an_average_speaker_is_left_alone() -> None:
    mean = RNG.standard_normal(4).astype(np.float32)
    vector = RNG.standard_normal(4).astype(np.float32)
    moved = adapt(vector[None], Speaker(mean, 8), training_mean=mean, names=list("abcd"))
    np.testing.assert_array_equal(moved[0], vector)


def test_a_log_mel_picture_is_left_as_it_is() -> None:
    names = ["mfcc00.mean", "logmel_000_00", "logmel_frames"]
    speaker = Speaker(np.full(3, 9.0, np.float32), recordings=4)
    moved = adapt(np.ones((1, 3), np.float32), speaker, training_mean=np.ones(3), names=names)
    assert moved[0].tolist() == [-3.0, 1.0, 1.0]


def test_enrolling_nothing_is_refused() -> None:
    with pytest.raises(FeatureError, match="no recording"):
        enroll(np.zeros((0, 4), np.float32))
