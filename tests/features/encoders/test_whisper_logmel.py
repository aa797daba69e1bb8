"""Whisper's log-mel spectrogram equals the published definition."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from support.synthesis import speech_like
from threadpoolctl import threadpool_limits

from voxaffect.features.encoders.logmel import compute_whisper_logmel


def compute_published(samples: np.ndarray, bands: int) -> np.ndarray:
    """Definition of OpenAI's `whisper/audio.py`, in double precision by other libraries."""
    spectrum = librosa.stft(
        samples.astype(np.float64), n_fft=400, hop_length=160, window="hann", pad_mode="reflect"
    )
    power = np.abs(spectrum[:, :-1]) ** 2
    filters = librosa.filters.mel(sr=16_000, n_fft=400, n_mels=bands)
    levels = np.log10(np.maximum(filters @ power, 1e-10))
    return (np.maximum(levels, levels.max() - 8.0) + 4.0) / 4.0


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("count", [4_000, 16_000, 40_123])
def test_the_spectrogram_is_that_of_the_published_definition(count: int, bands: int) -> None:
    rng = np.random.default_rng(count)
    time = np.arange(count) / 16_000
    samples = 0.1 * np.sin(2 * np.pi * 220 * time) + 0.01 * rng.standard_normal(count)
    logmel = compute_whisper_logmel(samples.astype(np.float32), bands)
    expected = compute_published(samples.astype(np.float32), bands)
    assert logmel.shape == (bands, count // 160)
    np.testing.assert_allclose(logmel, expected, atol=1e-5)


def test_the_range_is_eighty_decibels_under_the_maximum() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[8_000:] = 0.5 * np.sin(np.arange(8_000))
    logmel = compute_whisper_logmel(samples)
    assert logmel.max() - logmel.min() == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_of_linear_algebra_change_no_bit(threads: int) -> None:
    sound = speech_like(3.0, seed=1)
    expected = compute_whisper_logmel(sound)
    with threadpool_limits(threads, "blas"):
        np.testing.assert_array_equal(compute_whisper_logmel(sound), expected)
