"""Each step does what its argument says, nothing breaks on silence, and seeds decide all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from numpy.typing import NDArray

from voxaffect.errors import TrainingError
from voxaffect.training.augmentation import effects as aug
from voxaffect.training.augmentation.conditions import CONDITIONS, apply_condition
from voxaffect.training.augmentation.policy import Augmentation, augment

RATE_HZ = 16000
Samples = NDArray[np.float32]


def tone(frequency_hz: float, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Samples:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.1 * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)


def noise(seconds: float = 1.0, level: float = 0.1) -> Samples:
    rng = np.random.default_rng(7)
    return (level * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def speech_like() -> Samples:
    """Two bursts of noise with silence before, between and after."""
    silence = np.zeros(RATE_HZ // 2, dtype=np.float32)
    return np.concatenate([silence, noise(0.6), silence, noise(0.4), silence])


def voices() -> list[Samples]:
    """Four other speakers, at other levels and of other lengths."""
    return [aug.change_gain(noise(0.4 * n)[::-1], gain_db=-6 * n) for n in (1, 2, 3, 4)]


def augment_all(
    samples: Samples, rate_hz: int, policy: Augmentation, **options: Any
) -> list[Samples]:
    return [
        augment(samples, rate_hz, policy, copy=copy, **options) for copy in range(policy.copies)
    ]


def peak_hz(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE_HZ / len(samples)


def power_db(samples: Samples, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    frequency_hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    band = spectrum[(frequency_hz >= low_hz) & (frequency_hz < high_hz)]
    return float(10 * np.log10(band.mean() + 1e-20))


def schroeder_rt60(response: Samples) -> float:
    """Time for 60 dB from the slope of the backward energy integral, -5 to -25 dB (T20)."""
    energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    decay_db = 10 * np.log10(energy / energy[0])
    part = np.flatnonzero((decay_db < -5) & (decay_db > -25))
    slope = np.polyfit(part / RATE_HZ, decay_db[part], 1)[0]
    return float(-60 / slope)


@pytest.mark.parametrize("color", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0, 35.0])
def test_the_snr_reached_is_the_snr_asked_for(snr_db: float, color: float) -> None:
    speech = speech_like()
    noisy = aug.add_noise(speech, RATE_HZ, np.random.default_rng(1), snr_db=snr_db, color=color)
    added = noisy.astype(np.float64) - speech
    reached = 20 * np.log10(aug.active_rms(speech, RATE_HZ) / np.sqrt(np.mean(added**2)))
    assert reached == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize(("color", "per_octave_db"), [(0.0, 0.0), (1.0, -3.01), (2.0, -6.02)])
def test_noise_falls_by_its_color(color: float, per_octave_db: float) -> None:
    speech = tone(100, 8.0)
    rng = np.random.default_rng(2)
    added = aug.add_noise(speech, RATE_HZ, rng, snr_db=0, color=color) - speech
    step = power_db(added, 1960, 2040) - power_db(added, 980, 1020)
    assert step == pytest.approx(per_octave_db, abs=1.0)


def test_silence_around_speech_does_not_change_its_active_level() -> None:
    speech = noise(1.0)
    padded = aug.pad_silence(speech, RATE_HZ, seconds=2.0)
    assert aug.active_rms(padded, RATE_HZ) == pytest.approx(
        aug.active_rms(speech, RATE_HZ), rel=0.01
    )


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.0, 1.1, 1.25])
def test_speed_changes_length_and_pitch_by_the_factor(factor: float) -> None:
    fast = aug.change_speed(tone(400), RATE_HZ, factor=factor)
    assert len(fast) == pytest.approx(RATE_HZ / factor, abs=1)
    assert peak_hz(fast) == pytest.approx(400 * factor, abs=2)


@pytest.mark.parametrize("high_hz", [3400.0, 5000.0, 7500.0])
def test_band_limit_leaves_less_than_minus_40_db_above_its_edge(high_hz: float) -> None:
    limited = aug.limit_band(noise(), RATE_HZ, high_hz=high_hz)
    passed_db = power_db(limited, 500, 0.9 * high_hz)
    assert power_db(limited, high_hz, 8000) < passed_db - 40
    assert passed_db == pytest.approx(power_db(noise(), 500, 0.9 * high_hz), abs=0.1)


def test_telephone_keeps_its_band_alone() -> None:
    line = aug.simulate_telephone(noise(), RATE_HZ)
    passed_db = power_db(line, 400, 3200)
    # The mu law's own quantization noise, some 35 dB down, is spread over 0 to 4 kHz.
    assert power_db(line, 0, 250) < passed_db - 30
    assert power_db(line, 4100, 8000) < passed_db - 40


def test_sampling_at_8_khz_leaves_nothing_above_4_khz() -> None:
    narrow = aug.resample_via(noise(), RATE_HZ, via_hz=8000)
    assert len(narrow) == RATE_HZ
    assert power_db(narrow, 4100, 8000) < power_db(narrow, 100, 3500) - 40


@pytest.mark.parametrize("rt60_seconds", [0.1, 0.4, 1.0])
def test_reverberation_time_is_the_one_asked_for(rt60_seconds: float) -> None:
    response = aug.room_response(
        RATE_HZ,
        np.random.default_rng(3),
        rt60_seconds=rt60_seconds,
        direct_to_reverberant_db=-10.0,
    )
    assert schroeder_rt60(response) == pytest.approx(rt60_seconds, rel=0.1)


@pytest.mark.parametrize("ratio_db", [-3.0, 0.0, 9.0])
def test_direct_to_reverberant_ratio_is_the_one_asked_for(ratio_db: float) -> None:
    response = aug.room_response(
        RATE_HZ, np.random.default_rng(4), rt60_seconds=0.3, direct_to_reverberant_db=ratio_db
    ).astype(np.float64)
    reached = 10 * np.log10(response[0] ** 2 / np.sum(response[1:] ** 2))
    assert reached == pytest.approx(ratio_db, abs=0.01)


def test_equalizer_goes_through_its_gains_and_no_further() -> None:
    gains_db = np.array([6.0, -6.0, 6.0, -6.0, 6.0])
    sound = noise(4.0)
    output = aug.equalize(sound, RATE_HZ, gains_db=gains_db)
    ratio_db = 20 * np.log10(
        np.abs(np.fft.rfft(output)[800:-800]) / np.abs(np.fft.rfft(sound)[800:-800])
    )
    middle_hz = np.sqrt(60 * RATE_HZ / 2)
    assert np.median(ratio_db[(round(4 * middle_hz) - 820) : (round(4 * middle_hz) - 780)]) == (
        pytest.approx(6.0, abs=0.3)
    )
    assert np.percentile(np.abs(ratio_db), 99) < 6.3


def test_a_flat_equalizer_changes_nothing() -> None:
    flat = aug.equalize(noise(), RATE_HZ, gains_db=np.zeros(8))
    np.testing.assert_allclose(flat, noise(), atol=1e-6)


def test_mu_law_keeps_37_db() -> None:
    speech = noise()
    error = aug.apply_mu_law(speech) - speech
    assert 20 * np.log10(np.std(speech) / np.std(error)) > 34


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_mp3_keeps_length_time_and_sound(rate_hz: int) -> None:
    sound = tone(1000, 1.0, rate_hz) * np.hanning(rate_hz).astype(np.float32)
    coded = aug.encode_mp3(sound, rate_hz, bitrate_kbps=64)
    assert len(coded) == len(sound)
    assert np.corrcoef(coded, sound)[0, 1] > 0.99


def test_quantized_samples_are_steps_of_16_bits() -> None:
    steps = aug.quantize(noise()) * 32768
    np.testing.assert_array_equal(steps, np.round(steps))


def test_the_default_policy_makes_six_copies_of_different_lengths() -> None:
    copies = augment_all(speech_like(), RATE_HZ, Augmentation(), seed=0, index=0)
    assert len(copies) == Augmentation().copies == 6
    assert len({len(copy) for copy in copies}) == 6
    assert all(copy.dtype == np.float32 for copy in copies)


@pytest.mark.parametrize(("seed", "index", "is_same"), [(0, 3, True), (1, 3, False), (0, 4, False)])
def test_seed_and_index_decide_the_copies(seed: int, index: int, is_same: bool) -> None:
    first = augment_all(speech_like(), RATE_HZ, Augmentation(), seed=0, index=3)
    other = augment_all(speech_like(), RATE_HZ, Augmentation(), seed=seed, index=index)
    assert np.array_equal(first[-1], other[-1]) == is_same


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 25.0])
@pytest.mark.parametrize("count", [1, 4])
def test_all_babble_together_are_as_loud_as_asked_for(snr_db: float, count: int) -> None:
    speech, rng = speech_like(), np.random.default_rng(2)
    mixed = aug.add_babble(speech, RATE_HZ, rng, speech=voices()[:count], snr_db=snr_db)
    reached = aug.active_rms(speech, RATE_HZ) / aug.active_rms(mixed - speech, RATE_HZ)
    assert 20 * np.log10(reached) == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("count", [100, 16000, 90000])
def test_background_speech_is_repeated_to_the_end(count: int) -> None:
    speech = noise(6)[:count]
    mixed = aug.add_babble(
        speech, RATE_HZ, np.random.default_rng(0), speech=[tone(440, 0.5)], snr_db=0
    )
    talk = mixed - speech
    assert len(talk) == count
    assert np.abs(talk[-100:]).max() > 0.5 * np.abs(talk).max()


def test_no_background_speech_leaves_the_speech_as_it_is() -> None:
    speech, rng = speech_like(), np.random.default_rng(0)
    for speakers in ([], [np.zeros(500, np.float32)], [np.zeros(0, np.float32)]):
        mixed = aug.add_babble(speech, RATE_HZ, rng, speech=speakers, snr_db=0)
        np.testing.assert_array_equal(mixed, speech)
    with pytest.raises(TrainingError, match="at least two known speakers"):
        apply_condition(speech, RATE_HZ, "babble 10 dB", key="a")


def test_babble_is_heard_in_training_copies_where_speakers_are_known() -> None:
    policy = Augmentation(babble_probability=1, noise_probability=1)
    alone = augment_all(speech_like(), RATE_HZ, policy, seed=0, index=0)
    joined = augment_all(speech_like(), RATE_HZ, policy, seed=0, index=0, speech=voices())
    is_same = [np.array_equal(a, b) for a, b in zip(alone, joined, strict=True)]
    assert is_same == [True] * 2 + [False] * 4


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_depends_on_the_key_alone(condition: str) -> None:
    how: dict[str, Any] = {"key": "a/b.wav", "speech": voices()}
    first = apply_condition(speech_like(), RATE_HZ, condition, **how)
    again = apply_condition(speech_like(), RATE_HZ, condition, **how)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, speech_like())


@pytest.mark.parametrize("condition", ["noise 20 dB", "noise 10 dB", "reverb", "babble 10 dB"])
def test_other_utterances_meet_other_noise(condition: str) -> None:
    first = apply_condition(speech_like(), RATE_HZ, condition, key="a/b.wav", speech=voices())
    other = apply_condition(speech_like(), RATE_HZ, condition, key="a/c.wav", speech=voices())
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("count", [1, 100, 4000, 16000])
@pytest.mark.filterwarnings("error")
def test_silence_stays_finite_under_every_condition(condition: str, count: int) -> None:
    silence = np.zeros(count, np.float32)
    output = apply_condition(
        silence, RATE_HZ, condition, key="silence", speech=[silence, *voices()]
    )
    assert np.isfinite(output).all()


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 9000),
    scale=st.floats(0, 1, width=32),
    seed=st.integers(0, 2**32 - 1),
    rate_hz=st.sampled_from([8000, 16000, 22050, 48000]),
)
@example(count=1, scale=float(np.finfo(np.float32).tiny), seed=0, rate_hz=8000)
def test_training_copies_are_finite_for_any_sound(
    count: int, scale: float, seed: int, rate_hz: int
) -> None:
    sound = (scale * np.random.default_rng(seed).uniform(-1, 1, count)).astype(np.float32)
    policy = Augmentation(mixed_copies=3, mp3_probability=0.5, babble_probability=0.5)
    before = sound.copy()
    for copy in augment_all(sound, rate_hz, policy, seed=seed, index=0, speech=[sound, tone(90)]):
        assert copy.dtype == np.float32
        assert np.isfinite(copy).all()
    np.testing.assert_array_equal(sound, before)


@settings(max_examples=30, deadline=None)
@given(gain_db=st.floats(-40, 20), seed=st.integers(0, 1000))
def test_noise_follows_the_level_of_the_speech(gain_db: float, seed: int) -> None:
    speech = speech_like()
    quiet = aug.change_gain(speech, gain_db=gain_db)
    noisy = aug.add_noise(speech, RATE_HZ, np.random.default_rng(seed), snr_db=15, color=1)
    other = aug.add_noise(quiet, RATE_HZ, np.random.default_rng(seed), snr_db=15, color=1)
    np.testing.assert_allclose(other, aug.change_gain(noisy, gain_db=gain_db), rtol=1e-3, atol=1e-5)
