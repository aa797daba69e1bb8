"""Pitch, harmonicity, jitter and shimmer have the values that the sound was made with."""

from __future__ import annotations

import numpy as np
import parselmouth
import pytest
from numpy.typing import NDArray
from support.synthesis import RATE_HZ, harmonics, pulses, speech_like, tone, white

from voxaffect.features.affect.frames import analyze_frames
from voxaffect.features.affect.melody import MELODY, compute_melody
from voxaffect.features.affect.pitch import (
    USUAL_SEMITONES,
    Pitch,
    follow_pitch,
    measure_perturbations,
)
from voxaffect.features.base import list_names


def pitch_of(sound: NDArray[np.float32]) -> Pitch:
    frames = analyze_frames(sound)
    return follow_pitch(frames.halved, frames.correlation)


def f0_value(pitch: Pitch, name: str) -> float:
    return float(compute_melody(pitch)[list_names(MELODY).index(name)])


@pytest.mark.parametrize("hertz", [80.0, 117.0, 200.0, 333.0, 480.0])
def test_pitch_of_a_steady_voice_is_its_fundamental(hertz: float) -> None:
    pitch = pitch_of(harmonics(np.full(RATE_HZ, hertz)))
    assert pitch.voiced[5:-5].all()
    inner = pitch.semitones[5:-5]
    assert inner == pytest.approx(12 * np.log2(hertz / 55), abs=0.1)


@pytest.mark.parametrize("octaves", [1.0, -1.0, 0.5])
def test_slope_of_a_glide_is_its_semitones_per_second(octaves: float) -> None:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    pitch = pitch_of(harmonics(160 * np.exp2(octaves * (time / 2 - 0.5))))
    slope = f0_value(pitch, "f0_st.slope_per_second")
    assert slope == pytest.approx(6 * octaves, rel=0.02)


def test_quadratic_of_a_parabola_is_its_height() -> None:
    x = np.linspace(-1, 1, 2 * RATE_HZ)
    pitch = pitch_of(harmonics(150 * np.exp2(4 * x**2 / 12)))
    assert f0_value(pitch, "f0_st.fit_quadratic") == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("jitter", [0.0, 0.01, 0.03])
def test_jitter_of_a_pulse_train_is_the_one_it_was_made_with(jitter: float) -> None:
    period = RATE_HZ / 125
    signs = np.tile([1.0, -1.0], 100)
    # Alternately long and short: every neighboring pair differs by jitter times the period.
    sound = pulses(period * (1 + jitter / 2 * signs), np.ones(200))
    assert measure_perturbations(pitch_of(sound))[0] == pytest.approx(jitter, rel=0.05, abs=1e-3)


@pytest.mark.parametrize("shimmer", [0.0, 0.05, 0.2])
def test_shimmer_of_a_pulse_train_is_the_one_it_was_made_with(shimmer: float) -> None:
    heights = 1 + shimmer / 2 * np.tile([1.0, -1.0], 100)
    sound = pulses(np.full(200, RATE_HZ / 125), heights)
    assert measure_perturbations(pitch_of(sound))[1] == pytest.approx(shimmer, rel=0.05, abs=5e-3)


@pytest.mark.parametrize("hnr_db", [0.0, 10.0, 20.0])
def test_hnr_of_a_voice_in_noise_is_their_power_ratio(hnr_db: float) -> None:
    voice = harmonics(np.full(2 * RATE_HZ, 200.0))
    noise = white(2.0, rms=1.0)
    spectrum = np.fft.rfft(noise)
    # Noise only where the pitch detector listens, so that the ratio it sees is the nominal one.
    spectrum[(2 * 3_000) :] = 0
    noise = np.fft.irfft(spectrum).astype(np.float32)
    noise *= np.sqrt(np.mean(voice**2) / np.mean(noise**2)) * 10 ** (-hnr_db / 20)
    pitch = pitch_of(voice + noise)
    assert np.median(pitch.hnr_db) == pytest.approx(hnr_db, abs=1.5)


def test_white_noise_has_no_pitch() -> None:
    pitch = pitch_of(white(2.0))
    assert pitch.voiced.mean() < 0.05


def test_an_unvoiced_utterance_gets_the_usual_level_and_no_melody() -> None:
    pitch = Pitch(
        np.full(50, USUAL_SEMITONES, np.float32),
        np.zeros(50, np.float32),
        np.zeros(50, np.bool_),
        np.zeros(4_000, np.float32),
    )
    assert f0_value(pitch, "f0_st.mean") == USUAL_SEMITONES
    assert f0_value(pitch, "f0_st.sd") == 0.0
    assert measure_perturbations(pitch) == (0.0, 0.0)


def test_pitch_agrees_with_praat() -> None:
    sound = speech_like(3.0)
    ours = pitch_of(sound)
    praat = parselmouth.Sound(sound.astype(np.float64), RATE_HZ).to_pitch_ac(
        time_step=0.01, pitch_floor=65.0, pitch_ceiling=600.0
    )
    centers = (200 + 160 * np.arange(len(ours.voiced))) / RATE_HZ
    theirs = np.array([praat.get_value_at_time(t) for t in centers])
    both = np.isfinite(theirs) & ours.voiced
    assert both.sum() > 100
    difference = ours.semitones[both] - 12 * np.log2(theirs[both] / 55)
    assert np.median(np.abs(difference)) < 0.1
    assert np.mean(np.abs(difference) > 1.0) < 0.03


def test_jitter_agrees_with_praat() -> None:
    rng = np.random.default_rng(1)
    periods = RATE_HZ / 140 * (1 + 0.01 * rng.standard_normal(300))
    sound = pulses(periods, np.ones(300))
    praat = parselmouth.Sound(sound.astype(np.float64), RATE_HZ)
    points = parselmouth.praat.call(praat, "To PointProcess (periodic, cc)", 75, 600)
    theirs = parselmouth.praat.call(points, "Get jitter (local)", 0, 0, 1e-4, 0.02, 1.3)
    assert measure_perturbations(pitch_of(sound))[0] == pytest.approx(theirs, rel=0.1)


def test_a_pure_tone_is_as_harmonic_as_can_be_told() -> None:
    assert np.median(pitch_of(tone(200.0)).hnr_db) > 25
