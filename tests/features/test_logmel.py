"""Log-mel spectrograms: enough frames, blind to gain and silence, bands in their place."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from voxaffect.features.affect.frames import compute_power_spectrum
from voxaffect.features.affect.logmel import (
    BANDS,
    LENGTH,
    MAX_FRAMES,
    MIN_FRAMES,
    compute_logmel,
    flatten_logmel,
    unflatten_logmel,
)
from voxaffect.features.front_end import find_speech

Array = NDArray[np.float32]


def spectrogram_of(samples: Array) -> Array:
    found = find_speech(samples).samples
    return compute_logmel(found, compute_power_spectrum(found))


def speech(seconds: float) -> Array:
    rng = np.random.default_rng(8)
    time = np.arange(round(seconds * 16000)) / 16000
    return (0.1 * rng.standard_normal(len(time)) * (1 + np.sin(20 * time))).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.25, 0.5, 3.0])
@pytest.mark.filterwarnings("error")
def test_a_log_mel_has_enough_frames_however_short_the_sound(seconds: float) -> None:
    found = spectrogram_of(speech(seconds))
    assert found.shape[0] >= MIN_FRAMES
    assert found.shape[1] == BANDS
    assert np.isfinite(found).all()


@pytest.mark.filterwarnings("error")
def test_silence_gives_a_finite_log_mel() -> None:
    assert np.isfinite(spectrogram_of(np.zeros(16000, np.float32))).all()


@pytest.mark.parametrize("gain", [0.01, 0.1, 5.0])
def test_gain_does_not_change_a_log_mel(gain: float) -> None:
    sound = speech(1.0)
    np.testing.assert_allclose(
        spectrogram_of(sound * np.float32(gain)), spectrogram_of(sound), atol=1e-3
    )


def test_silence_around_does_not_change_a_log_mel() -> None:
    sound = np.pad(speech(1.0), 8000)
    padded = np.pad(sound, 16000)
    np.testing.assert_allclose(spectrogram_of(padded), spectrogram_of(sound), atol=1e-3)


@pytest.mark.parametrize("band", [3, 20, 40, 60])
def test_a_tone_is_loudest_in_its_own_band(band: int) -> None:
    low, high = 2595 * np.log10(1 + np.array([50.0, 7600.0]) / 700)
    center_hz = 700 * (10 ** (np.linspace(low, high, 66)[band + 1] / 2595) - 1)
    tone = np.sin(2 * np.pi * center_hz * np.arange(16000) / 16000).astype(np.float32)
    assert spectrogram_of(tone).mean(axis=0).argmax() == pytest.approx(band, abs=1)


@pytest.mark.parametrize("frames", [MIN_FRAMES, 77, MAX_FRAMES])
def test_a_flattened_spectrogram_comes_back(frames: int) -> None:
    found = np.random.default_rng(0).standard_normal((frames, BANDS)).astype(np.float32)
    row = flatten_logmel(found)
    assert row.shape == (LENGTH,)
    np.testing.assert_array_equal(unflatten_logmel(row), found)


def test_a_long_spectrogram_keeps_its_middle() -> None:
    found = np.arange(300, dtype=np.float32)[:, None] * np.ones(BANDS, np.float32)
    kept = unflatten_logmel(flatten_logmel(found))
    assert kept[[0, -1], 0].tolist() == [50, 249]
