"""The 180 numbers of ``classic`` against theory and against librosa, called the tutorial's way."""

from __future__ import annotations

import io
import multiprocessing
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from voxaffect.audio import Samples, Signal, read
from voxaffect.errors import AudioError, FeatureError
from voxaffect.features import (
    SETS,
    FeatureSpec,
    compute_features,
    fix_rate,
    get_feature_names,
    get_feature_spec,
)
from voxaffect.features.classic import Classic, chroma, mel, spectrum as spectra
from voxaffect.features.dsp import make_hann

RATES_HZ = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
TOLERANCE = 1e-4
CLASSIC = get_feature_spec("classic")
SLICES = {"mfcc": slice(0, 40), "chroma": slice(40, 52), "mel": slice(52, 180)}


@contextmanager
def librosa_unperturbed() -> Iterator[None]:
    """What librosa warns of here is part of the comparison: it computes all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Empty filters detected")
        warnings.filterwarnings("ignore", "Trying to estimate tuning from empty")
        warnings.filterwarnings("ignore", "n_fft=2048 is too large")
        yield


def reference(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """What the tutorial computes, line by line, with librosa."""
    import librosa

    with librosa_unperturbed():
        stft = np.abs(librosa.stft(samples))
        mfcc = np.mean(librosa.feature.mfcc(y=samples, sr=rate_hz, n_mfcc=40).T, axis=0)
        pitch = np.mean(librosa.feature.chroma_stft(S=stft, sr=rate_hz).T, axis=0)
        bands = np.mean(librosa.feature.melspectrogram(y=samples, sr=rate_hz).T, axis=0)
    return np.hstack((mfcc, pitch, bands)).astype(np.float64)


def compared(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return our numbers and the reference's, of one file."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return compute_features(read(path), CLASSIC).astype(np.float64), reference(mono, rate_hz)


def assert_parity(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> None:
    """Every number within the tolerance, re the larger of its magnitude and its spread."""
    scale = np.maximum(np.abs(theirs), theirs.std(axis=0))
    error = np.abs(ours - theirs) / np.where(scale > 0, scale, 1)
    worst = np.unravel_index(error.argmax(), error.shape)
    assert error.max() <= TOLERANCE, f"recording {worst[0]}, number {worst[1]}: {error.max():.2g}"


def tone(pitch_hz: float, rate_hz: int, *, seconds: float = 1.0) -> Samples:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32)


def sounds(rate_hz: int) -> dict[str, Samples]:
    """Every kind of sound that has ever told two spectra apart."""
    rng = np.random.default_rng(rate_hz)
    count = int(0.8 * rate_hz)
    impulse = np.zeros(count, dtype=np.float32)
    impulse[count // 3] = 1
    clicks = np.zeros(count, dtype=np.float32)
    clicks[rng.integers(0, count, 12)] = rng.uniform(-1, 1, 12)
    noise = (0.1 * rng.standard_normal(count)).astype(np.float32)
    gaps = voice(5, seconds=0.8, rate_hz=rate_hz)
    gaps[: count // 4] = gaps[count // 2 : 3 * count // 4] = 0
    quantized = (np.round(voice(6, rate_hz=rate_hz) * 2**15) / 2**15).astype(np.float32)
    return {
        "voice": voice(1, rate_hz=rate_hz),
        "another voice": voice(2, rate_hz=rate_hz),
        "quantized voice": quantized,
        "voice between digital silences": gaps,
        "impulse": impulse,
        "sparse clicks": clicks,
        "noise": noise,
        "faint noise": noise * np.float32(1e-4),
        "low tone": tone(220, rate_hz),
        "mistuned tone": tone(452.7, rate_hz),
        "high tone": tone(3_520, rate_hz),
        "offset": voice(3, rate_hz=rate_hz) + np.float32(0.2),
        "clipped": np.clip(voice(4, rate_hz=rate_hz) * 20, -1, 1).astype(np.float32),
        "shortest": voice(7, seconds=0.25, rate_hz=rate_hz),
    }


@cache
def both(rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    signals = [Signal(samples, rate_hz) for samples in sounds(rate_hz).values()]
    ours = np.array([compute_features(signal, CLASSIC) for signal in signals], dtype=np.float64)
    return ours, np.array([reference(signal.samples, rate_hz) for signal in signals])


@pytest.mark.parametrize("kind", list(sounds(8_000)))
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_parity_on_synthesized_sound(rate_hz: int, kind: str) -> None:
    ours, theirs = both(rate_hz)
    row = list(sounds(8_000)).index(kind)
    scale = np.maximum(np.abs(theirs[row]), theirs.std(axis=0))
    error = np.abs(ours[row] - theirs[row]) / np.where(scale > 0, scale, 1)
    assert error.max() <= TOLERANCE, (
        f"{get_feature_names(CLASSIC)[int(error.argmax())]}: {error.max():.2g}"
    )


def test_parity_of_stereo_is_with_the_mean_of_the_channels() -> None:
    stereo = np.stack([voice(1), voice(2)], axis=1)
    stream = io.BytesIO()
    soundfile.write(stream, stereo, 16_000, format="WAV", subtype="FLOAT")
    ours = compute_features(read(stream.getvalue()), CLASSIC)
    assert_parity(ours[None].astype(np.float64), reference(stereo.mean(axis=1), 16_000)[None])


def _compared_over(paths: Sequence[Path]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        ours, theirs = zip(*pool.map(compared, paths, chunksize=16), strict=True)
    return np.array(ours), np.array(theirs)


@pytest.mark.slow
@pytest.mark.parametrize(("corpus", "count"), [("ravdess", 1_440), ("ravdess-48k", 62)])
def test_parity_on_all_of_a_real_corpus(
    data_root: Callable[[str], Path], corpus: str, count: int
) -> None:
    paths = sorted(data_root(corpus).glob("Actor_*/*.wav"))
    assert len(paths) == count
    assert_parity(*_compared_over(paths))


# The parts against librosa's.


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_parity_of_mel_filters(rate_hz: int) -> None:
    import librosa

    with librosa_unperturbed():
        theirs = librosa.filters.mel(sr=rate_hz, n_fft=2_048)
    np.testing.assert_allclose(mel.make_mel_filters(rate_hz), theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("tuning", [-0.5, -0.13, 0.0, 0.27, 0.49])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_parity_of_chroma_filters(rate_hz: int, tuning: float) -> None:
    import librosa

    theirs = librosa.filters.chroma(sr=rate_hz, n_fft=2_048, tuning=tuning)
    np.testing.assert_allclose(
        chroma.make_chroma_filters(rate_hz, tuning).T, theirs, rtol=1e-5, atol=1e-7
    )


def our_tuning(samples: Samples, rate_hz: int) -> float:
    return chroma.estimate_tuning(spectra.compute_magnitude(samples), samples, rate_hz)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(sounds(8_000)))
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_parity_of_tuning(rate_hz: int, kind: str) -> None:
    import librosa

    samples = sounds(rate_hz)[kind]
    with librosa_unperturbed():
        theirs = librosa.estimate_tuning(S=np.abs(librosa.stft(samples)), sr=rate_hz)
    assert our_tuning(samples, rate_hz) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_parity_of_mfcc(seed: int) -> None:
    import librosa

    samples = voice(seed)
    theirs = librosa.feature.mfcc(y=samples, sr=16_000, n_mfcc=40).mean(axis=1)
    ours = mel.compute_mean_mfcc(
        mel.compute_mel_bands(np.square(spectra.compute_magnitude(samples)), 16_000)
    )
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=1e-3)


@pytest.mark.parametrize("length", [4_000, 4_095, 4_096, 4_097, 20_000])
def test_parity_of_the_spectrum(length: int) -> None:
    import librosa

    samples = voice(1, seconds=2)[:length]
    theirs = np.abs(librosa.stft(samples)).T
    ours = spectra.compute_magnitude(samples)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * theirs.max())


# Theory.


PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@pytest.mark.parametrize("semitone", range(12), ids=PITCH_CLASSES)
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_pure_tone_is_loudest_in_its_own_pitch_class(rate_hz: int, semitone: int) -> None:
    pitch_hz = 440 * 2 ** ((semitone + 3) / 12)  # C5 is three semitones over A4
    vector = compute_features(Signal(tone(pitch_hz, rate_hz), rate_hz), CLASSIC)[SLICES["chroma"]]
    assert int(vector.argmax()) == semitone


@pytest.mark.parametrize("pitch_hz", [100.0, 440.0, 1_000.0, 2_500.0, 7_000.0])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_a_pure_tone_is_loudest_in_the_mel_band_that_holds_it(
    rate_hz: int, pitch_hz: float
) -> None:
    def slaney(hz: float) -> float:
        return hz * 3 / 200 if hz < 1_000 else 15 + 27 * np.log(hz / 1_000) / np.log(6.4)

    vector = compute_features(Signal(tone(pitch_hz, rate_hz), rate_hz), CLASSIC)[SLICES["mel"]]
    place = slaney(pitch_hz) / (slaney(rate_hz / 2) / 129) - 1
    # Where triangles are narrower than a bin, the bin next to the tone decides.
    bin_width = 1 + rate_hz / 2_048 / pitch_hz * 20
    assert abs(int(vector.argmax()) - place) <= bin_width


@pytest.mark.parametrize("cents", [-40, -20, 0, 20, 40])
def test_tuning_of_a_mistuned_tone_is_its_deviation(cents: int) -> None:
    found = our_tuning(tone(880 * 2 ** (cents / 1_200), 16_000), 16_000)
    assert found == pytest.approx(cents / 100, abs=0.05)


@given(gain=st.floats(0.05, 8))
@settings(max_examples=25, deadline=None)
def test_gain_scales_mel_by_its_square_and_leaves_chroma(gain: float) -> None:
    quiet = voice(3)
    before = compute_features(Signal(quiet, 16_000), CLASSIC)
    after = compute_features(Signal(quiet * np.float32(gain), 16_000), CLASSIC)
    bands = SLICES["mel"]
    np.testing.assert_allclose(after[bands], before[bands] * gain**2, rtol=1e-4)
    np.testing.assert_allclose(after[SLICES["chroma"]], before[SLICES["chroma"]], rtol=1e-3)
    # 10·log10(gain²) in each of 128 bands, times √128 by the orthonormal transform.
    shift_db = 20 * np.log10(gain) * np.sqrt(128)
    assert after[0] - before[0] == pytest.approx(shift_db, rel=1e-3, abs=0.05)
    np.testing.assert_allclose(after[1:40], before[1:40], rtol=1e-3, atol=0.01)


def test_the_impulse_has_a_flat_spectrum() -> None:
    samples = np.zeros(8_192, dtype=np.float32)
    samples[4_096] = 1
    power = np.square(spectra.compute_magnitude(samples))
    np.testing.assert_allclose(power[8], 1, rtol=1e-5)  # the frame centered on it


def test_hann_window_is_the_textbook_one() -> None:
    window = make_hann(2_048)
    assert window[0] == 0
    assert window[1_024] == 1
    assert window.sum() == pytest.approx(1_024)


def test_frames_are_centered_on_multiples_of_the_hop() -> None:
    samples = np.arange(4_000, dtype=np.float32)
    framed = spectra.cut_centered_frames(samples)
    assert framed.shape == (1 + 4_000 // 512, 2_048)
    assert framed[3, 1_024] == 3 * 512


# The spec.


@pytest.mark.parametrize(
    "groups",
    [("mfcc",), ("chroma",), ("mel",), ("mfcc", "chroma"), ("mfcc", "mel"), ("chroma", "mel")],
)
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_subset_is_the_slice_of_the_whole(rate_hz: int, groups: tuple[str, ...]) -> None:
    signal = Signal(voice(1, rate_hz=rate_hz), rate_hz)
    whole = compute_features(signal, CLASSIC)
    spec = get_feature_spec("classic", groups=groups)
    expected = np.concatenate([whole[SLICES[group]] for group in groups])
    assert np.array_equal(compute_features(signal, spec), expected)
    assert len(get_feature_names(spec)) == len(expected)


def test_groups_come_in_the_sets_own_order() -> None:
    assert get_feature_spec("classic", groups=("mel", "mfcc")).groups == ("mfcc", "mel")


def test_chroma_is_named_from_c() -> None:
    expected = tuple(f"chroma_{pitch_class}" for pitch_class in PITCH_CLASSES)
    assert get_feature_names(CLASSIC)[SLICES["chroma"]] == expected


def test_there_are_180_names_all_different() -> None:
    assert len(set(get_feature_names(CLASSIC))) == 180
    assert get_feature_names(CLASSIC)[::40] == ("mfcc_1", "chroma_C", "mel_29", "mel_69", "mel_109")


def test_a_rate_in_the_spec_resamples_first() -> None:
    signal = Signal(voice(1, rate_hz=48_000), 48_000)
    at_16k = compute_features(signal, fix_rate(CLASSIC, 16_000))
    assert not np.allclose(at_16k, compute_features(signal, CLASSIC), rtol=0.1)
    original = compute_features(Signal(voice(1), 16_000), CLASSIC)
    assert np.corrcoef(at_16k[:40], original[:40])[0, 1] > 0.95


def test_a_fixed_rate_stays_fixed() -> None:
    assert fix_rate(fix_rate(CLASSIC, 8_000), 16_000).rate_hz == 8_000


def test_the_same_sound_gives_the_same_bits(signal: Signal) -> None:
    assert np.array_equal(compute_features(signal, CLASSIC), compute_features(signal, CLASSIC))


def test_a_description_leaves_the_recording_alone(signal: Signal) -> None:
    before = signal.samples.copy()
    compute_features(signal, CLASSIC)
    assert np.array_equal(signal.samples, before)


def test_a_spec_reads_back_from_its_json() -> None:
    spec = get_feature_spec("classic", groups=("mel",), rate_hz=16_000)
    assert FeatureSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', '{"groups": [], "color": 1}'])
def test_json_that_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(FeatureError, match="not a feature spec"):
        FeatureSpec.from_json(text)


def test_an_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(FeatureError, match=r"no features named 'clasic'; there are: .*classic"):
        get_feature_spec("clasic")


@pytest.mark.parametrize("groups", [(), ("mfccs",), ("mel", "tonnets")])
def test_unknown_groups_name_the_known_ones(groups: tuple[str, ...]) -> None:
    known = "mfcc, chroma, mel, contrast, tonnetz"
    with pytest.raises(FeatureError, match=f"expected some of {known}; found"):
        get_feature_spec("classic", groups=groups)


def test_features_of_another_version_are_refused(signal: Signal) -> None:
    future = FeatureSpec("classic", CLASSIC.version + 1, CLASSIC.groups)
    with pytest.raises(FeatureError, match=f"version {CLASSIC.version + 1} are asked for"):
        compute_features(signal, future)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(np.zeros(16_000, np.float32), "silent"), (voice(1)[:3_000], "0.187 s long")],
)
def test_an_unusable_recording_has_no_description(samples: Samples, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        compute_features(Signal(samples, 16_000), CLASSIC)


def test_a_number_that_is_not_finite_is_named(
    signal: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Classic):
        groups = default_groups = ("all",)

        def get_names(self, _: str) -> tuple[str, ...]:
            return "good", "bad"

        def compute(self, *_: object) -> NDArray[np.float32]:
            return np.array([1, np.nan], dtype=np.float32)

    monkeypatch.setitem(SETS.builtins, "broken", Broken())
    with pytest.raises(FeatureError, match="voice: not finite: bad"):
        compute_features(signal, get_feature_spec("broken"))
