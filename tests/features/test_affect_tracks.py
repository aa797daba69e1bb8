"""Spectral tracks of sounds and spectra whose shape is known; librosa where it agrees."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.signal
from support.synthesis import RATE_HZ, speech_like, tone, white

from voxaffect.features.affect import tracks
from voxaffect.features.affect.frames import analyze_frames, compute_power_spectrum
from voxaffect.features.affect.tracks import SPECTRAL_NAMES, compute_spectral
from voxaffect.features.front_end import find_speech

HERTZ = np.arange(257) * RATE_HZ / 512


def spectral(power: np.ndarray, name: str) -> np.ndarray:
    return compute_spectral(power.astype(np.float32))[SPECTRAL_NAMES.index(name)]


@pytest.mark.parametrize("hertz", [500.0, 1_250.0, 3_000.0, 6_000.0])
def test_centroid_of_a_pure_tone_is_its_frequency(hertz: float) -> None:
    power = compute_power_spectrum(tone(hertz))
    assert spectral(power, "centroid_hz") == pytest.approx(hertz, rel=0.005)
    assert spectral(power, "rolloff50_hz") == pytest.approx(hertz, abs=RATE_HZ / 512)


@pytest.mark.parametrize("percent", [25, 50, 85, 95])
def test_rolloff_of_a_flat_spectrum_is_that_share_of_the_band(percent: int) -> None:
    flat = np.ones((3, 257))
    expected = percent / 100 * 257 * RATE_HZ / 512
    assert spectral(flat, f"rolloff{percent}_hz") == pytest.approx(expected, abs=RATE_HZ / 512)


def test_a_flat_spectrum_has_flatness_0_db_entropy_1_and_no_slope() -> None:
    flat = np.ones((3, 257))
    assert spectral(flat, "flatness_db") == pytest.approx(0.0, abs=1e-3)
    assert spectral(flat, "entropy") == pytest.approx(1.0, abs=1e-4)
    assert spectral(flat, "slope0500_db_per_khz") == pytest.approx(0.0, abs=1e-3)
    assert spectral(flat, "bandwidth_hz") == pytest.approx(8_000 / np.sqrt(12), rel=0.01)


def test_flatness_of_white_noise_is_minus_2_5_db() -> None:
    # The mean log of an exponential variable is -0.577 (Euler): 10 log10(exp(-0.577)) = -2.51 dB.
    power = compute_power_spectrum(white(4.0))
    assert spectral(power, "flatness_db").mean() == pytest.approx(-2.51, abs=0.15)


@pytest.mark.parametrize("name", ["slope0030", "slope0500", "slope1500"])
@pytest.mark.parametrize("slope", [-3.0, -12.0, 5.0])
def test_slopes_of_a_sloping_spectrum_are_its_slope(name: str, slope: float) -> None:
    power = np.tile(10 ** (slope * HERTZ / 1_000 / 10), (2, 1))
    # The 70 dB floor bends the steepest far end by a hair.
    found = spectral(power, f"{name}_db_per_khz")
    assert found == pytest.approx(slope, rel=0.02)


def test_alpha_ratio_is_the_power_under_over_that_above_1_khz() -> None:
    power = np.zeros((1, 257))
    power[0, 10], power[0, 100] = 8.0, 2.0
    assert spectral(power, "alpha_db") == pytest.approx(10 * np.log10(4), abs=0.01)


def test_hammarberg_index_is_the_ratio_of_the_two_strongest_bins() -> None:
    power = np.full((1, 257), 0.1)
    power[0, 20], power[0, 100] = 50.0, 5.0
    assert spectral(power, "hammarberg_db") == pytest.approx(10.0, abs=0.01)


def test_flux_is_0_for_a_steady_and_1_for_a_disjoint_change() -> None:
    power = np.zeros((3, 257))
    power[:2, 40], power[2, 120] = 1.0, 1.0
    flux = spectral(power, "flux")
    assert flux[1] == pytest.approx(0.0, abs=1e-3)
    assert flux[2] == pytest.approx(1.0, abs=0.02)


def test_mel_bank_is_librosas_htk_bank_at_unit_sum() -> None:
    ours = tracks.make_mel_bank(40, 7_600.0)
    bank = librosa.filters.mel(
        sr=RATE_HZ, n_fft=512, n_mels=40, fmin=50, fmax=7_600, htk=True, norm=None
    )
    np.testing.assert_allclose(ours, bank / bank.sum(axis=1, keepdims=True), atol=1e-5)


def test_cepstra_are_librosas() -> None:
    found = find_speech(speech_like())
    measured = tracks.compute_tracks(found, analyze_frames(found.samples))
    theirs = librosa.feature.mfcc(S=measured.log_mel, n_mfcc=20, dct_type=2, norm="ortho")
    np.testing.assert_allclose(measured.mfcc, theirs, atol=1e-2)


def test_power_spectrum_is_librosas() -> None:
    sound = speech_like()
    window = scipy.signal.get_window("hann", 400)
    theirs = librosa.stft(sound, n_fft=512, hop_length=160, window=np.pad(window, 56), center=False)
    ours = compute_power_spectrum(np.pad(sound, 0))
    theirs = np.abs(theirs[:, : len(ours)]) ** 2
    # librosa centers the 400-sample window in its 512-sample frame, 56 samples later.
    ours = compute_power_spectrum(sound[56:])[: theirs.shape[1]].T
    np.testing.assert_allclose(ours, theirs[:, : ours.shape[1]], rtol=1e-3, atol=1e-4)


def test_centroid_and_bandwidth_are_librosas() -> None:
    power = compute_power_spectrum(white(0.5))
    theirs = librosa.feature.spectral_centroid(S=power.T, sr=RATE_HZ)[0]
    assert spectral(power, "centroid_hz") == pytest.approx(theirs, rel=1e-3)
    theirs = librosa.feature.spectral_bandwidth(S=power.T, sr=RATE_HZ)[0]
    assert spectral(power, "bandwidth_hz") == pytest.approx(theirs, rel=1e-3)


def test_regression_delta_of_a_line_is_its_slope() -> None:
    line = np.arange(50, dtype=np.float32)[None] * 0.7
    assert tracks.compute_delta(line)[0, 4:-4] == pytest.approx(0.7, rel=1e-5)


def test_regression_delta_is_a_savitzky_golay_derivative() -> None:
    rows = np.random.default_rng(0).standard_normal((3, 60)).astype(np.float32)
    theirs = scipy.signal.savgol_filter(rows, 9, 1, deriv=1)
    np.testing.assert_allclose(tracks.compute_delta(rows)[:, 4:-4], theirs[:, 4:-4], atol=1e-5)


@pytest.mark.parametrize("hertz", [200.0, 1_000.0])
def test_a_tone_crosses_zero_twice_a_period(hertz: float) -> None:
    rate = tracks.count_zero_crossings(tone(hertz), 98)
    assert rate.mean() == pytest.approx(2 * hertz / RATE_HZ, rel=0.02)
