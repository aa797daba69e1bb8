"""The whole vector: named, finite, and blind to gain, silence around and sample rate."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pytest
import soxr
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from support.synthesis import RATE_HZ, harmonics, speech_like, tone, white

from voxaffect.audio import Signal
from voxaffect.errors import FeatureError
from voxaffect.features import SETS, compute_features, get_feature_names, get_feature_spec
from voxaffect.features.front_end import ACTIVE_RMS, compute_frame_powers, find_speech

SPREAD_FLOOR = 1e-3
SPEC = get_feature_spec("affect", groups=SETS["affect"].groups)


def vector_of(sound: np.ndarray) -> np.ndarray:
    return SETS["affect"].compute(Signal(np.asarray(sound, dtype=np.float32), RATE_HZ), SPEC.groups)


@functools.cache
def spread() -> np.ndarray:
    """How much each number varies between sounds: the unit that differences are judged in."""
    sounds = [speech_like(seed=seed) for seed in range(12)]
    return np.std([vector_of(sound) for sound in sounds], axis=0)


def largest_change(first: np.ndarray, second: np.ndarray) -> float:
    scale = np.maximum(spread(), SPREAD_FLOOR * (1 + np.abs(first)))
    return float(np.max(np.abs(first - second) / scale))


def test_every_number_has_its_own_name() -> None:
    found = get_feature_names(SPEC)
    assert len(set(found)) == len(found) == len(vector_of(speech_like()))


@settings(deadline=None, max_examples=12)
@given(gain=st.floats(0.1, 10.0), seed=st.integers(0, 3))
def test_gain_does_not_change_the_vector(gain: float, seed: int) -> None:
    sound = speech_like(1.0, seed=seed)
    assert largest_change(vector_of(sound), vector_of(sound * gain)) < 0.02


@pytest.mark.parametrize("gain", [0.125, 0.5, 8.0])
def test_a_gain_of_a_power_of_two_changes_no_bit(gain: float) -> None:
    sound = speech_like(1.0)
    np.testing.assert_array_equal(vector_of(sound), vector_of(sound * gain))


def test_digital_silence_around_does_not_change_the_vector() -> None:
    sound = np.pad(speech_like(), 3_200)
    padded = np.pad(sound, RATE_HZ)
    assert largest_change(vector_of(sound), vector_of(padded)) < 0.05


def test_faint_noise_around_hardly_changes_the_vector() -> None:
    sound = speech_like()
    padded = np.concatenate([white(1.0, rms=1e-4), sound, white(1.0, rms=1e-4, seed=1)])
    change = np.abs(vector_of(sound) - vector_of(padded)) / np.maximum(spread(), SPREAD_FLOOR)
    assert np.median(change) < 0.3


def test_an_original_at_48_khz_gives_the_vector_of_its_copy() -> None:
    original = soxr.resample(speech_like(), RATE_HZ, 48_000, quality="VHQ")
    copy = soxr.resample(original, 48_000, RATE_HZ, quality="HQ")
    quantized = np.round(copy * 32_768) / 32_768
    change = np.abs(vector_of(copy) - vector_of(quantized)) / np.maximum(spread(), SPREAD_FLOOR)
    assert np.percentile(change, 95) < 0.1


STRANGE = {
    "tone": tone(440.0),
    "low tone": tone(30.0),
    "high tone": tone(7_900.0),
    "white noise": white(),
    "short noise": white(0.25),
    "one click": np.eye(1, 8_000, 4_000)[0],
    "clicks": (np.arange(16_000) % 800 == 0).astype(np.float64),
    "whisper": white() * (1 + np.sin(np.arange(16_000) / 500)),
    "square wave": np.sign(tone(120.0)),
    "step": np.repeat([0.0, 0.5], 4_000),
    "constant": np.full(8_000, 0.3),
    "silence": np.zeros(8_000),
    "speech then silence": np.pad(speech_like(0.5), (0, 80_000)),
    "tiny": speech_like() * 1e-6,
    "huge": speech_like() * 1e6,
    "ramp": np.linspace(-1, 1, 16_000),
    "long voice": harmonics(np.full(8 * RATE_HZ, 110.0)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", STRANGE)
def test_any_sound_gives_finite_numbers_without_warning(name: str) -> None:
    assert np.isfinite(vector_of(STRANGE[name])).all()


@settings(deadline=None, max_examples=25)
@given(
    hnp.arrays(np.float32, st.integers(4_000, 6_000), elements=st.floats(-1, 1, width=32)),
    st.floats(1e-6, 1.0),
)
def test_any_finite_samples_give_finite_numbers(samples: np.ndarray, gain: float) -> None:
    assert np.isfinite(vector_of(samples * np.float32(gain))).all()


def test_the_front_end_keeps_the_speech_and_a_margin() -> None:
    sound = np.pad(white(1.0), RATE_HZ)
    kept = find_speech(sound)
    assert len(kept.samples) / RATE_HZ == pytest.approx(1.1, abs=0.05)
    assert np.sqrt(compute_frame_powers(kept.samples)[kept.active].mean()) == pytest.approx(
        ACTIVE_RMS, rel=1e-3
    )


def test_another_rate_is_refused() -> None:
    with pytest.raises(FeatureError, match="8000 Hz"):
        get_feature_spec("affect", rate_hz=8_000)


@pytest.mark.parametrize("group", SETS["affect"].groups)
def test_a_group_alone_is_its_part_of_the_whole(group: str) -> None:
    sound = Signal(speech_like().astype(np.float32), RATE_HZ)
    spec = get_feature_spec("affect", groups=(group,))
    place = get_feature_names(SPEC).index(get_feature_names(spec)[0])
    part = compute_features(sound, spec)
    np.testing.assert_array_equal(part, compute_features(sound, SPEC)[place : place + len(part)])


def test_describing_needs_numpy_and_scipys_fft_alone() -> None:
    code = (
        "import sys, numpy as np\n"
        "from voxaffect.audio import Signal\n"
        "from voxaffect.features import SETS\n"
        "affect = SETS['affect']\n"
        "affect.compute(Signal(np.ones(8000, 'f4'), 16000), affect.default_groups)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'sklearn', 'librosa', 'numba', 'soundfile', 'soxr', 'onnxruntime'}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert found.stdout.strip() == "[]"
