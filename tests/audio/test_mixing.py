"""Channels that cancel each other are named, wherever a recording is mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Run, voice

from voxaffect.audio import MAX_PEAK, Excerpt, Mixer, mix_down, read, read_recording
from voxaffect.errors import AudioError
from voxaffect.recognition import predict, timeline

RATE_HZ = 16_000
ONE, OTHER = voice(1, seconds=3), voice(2, seconds=3)
CANCEL = {
    "opposite": [ONE, -ONE],
    "opposite, a little quieter": [ONE, -0.95 * ONE],
    "opposite, with an offset": [0.1 + ONE, 0.1 - ONE],
    "opposite, with noise": [ONE, -ONE + 1e-4 * np.random.default_rng(0).standard_normal(48_000)],
    "two pairs": [ONE, -ONE, OTHER, -OTHER],
}
MIX = {
    "the same": [ONE, ONE],
    "unrelated": [ONE, OTHER],
    "one silent": [ONE, 0 * ONE],
    "one much quieter, opposite": [ONE, -0.1 * ONE],
    "half opposite": [ONE, OTHER - 0.5 * ONE],
    "one live of many": [ONE, *[0 * ONE] * 200],
    "all silent": [0 * ONE, 0 * ONE],
    "as loud as is accepted": [ONE * MAX_PEAK, OTHER * MAX_PEAK],
}


@pytest.mark.parametrize("block", [1_000, 48_000])
@pytest.mark.parametrize("kind", CANCEL)
def test_channels_that_cancel_are_noticed(kind: str, block: int) -> None:
    samples, mixer = np.stack(CANCEL[kind], axis=1).astype(np.float32), Mixer()
    for start in range(0, len(samples), block):
        mixer.mix(samples[start : start + block])
    with pytest.raises(AudioError, match=r"^x: the channels cancel each other"):
        mixer.check("x")


@pytest.mark.parametrize("kind", MIX)
def test_other_channels_are_mixed_as_ever(kind: str) -> None:
    samples, mixer = np.stack(MIX[kind], axis=1).astype(np.float32), Mixer()
    assert np.array_equal(mixer.mix(samples), mix_down(samples))
    mixer.check("x")


@pytest.fixture
def opposite(tmp_path: Path) -> Path:
    path = tmp_path / "opposite.wav"
    soundfile.write(path, np.stack([ONE, -ONE], axis=1), RATE_HZ)
    return path


@pytest.mark.parametrize(
    "use",
    [
        read,
        predict,
        timeline,
        lambda path: predict(path.read_bytes()),
        lambda path: read_recording(Excerpt(path, 0.5, 2.0)),
        lambda _: predict(np.stack([ONE, -ONE], axis=1), rate_hz=RATE_HZ),
    ],
    ids=["read", "predict", "timeline", "bytes", "excerpt", "array"],
)
def test_a_recording_that_cancels_is_refused_and_not_called_silent(
    opposite: Path, use: object
) -> None:
    with pytest.raises(AudioError, match="the channels cancel each other when they are mixed"):
        use(opposite)  # type: ignore[operator]


def test_the_remedy_works(run: Run, opposite: Path) -> None:
    refused = run("predict", opposite)
    assert refused.code == 1
    assert "with --channels left (channels='left'), or save it as a mono file" in refused.err
    assert run("timeline", opposite, "--channels", "left").code == 0
    soundfile.write(opposite, ONE, RATE_HZ)
    assert run("predict", opposite).code == 0


def test_doctor_names_the_channels_and_their_remedy(run: Run, opposite: Path) -> None:
    out = run("doctor", opposite).out
    assert "Opposite phase: the channels cancel" in out
    assert "predict --channels left" in " ".join(out.split())
    assert "Check the microphone" not in out


def test_doctor_does_not_call_integers_held_as_floats_a_level_that_is_right(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, ONE / np.abs(ONE).max() * 4_000, RATE_HZ, subtype="FLOAT")
    lines = [line for line in run("doctor", path).out.splitlines() if " level " in line]
    assert lines[0].split()[:2] == ["warning", "level"]
    assert "Samples reach 4,000, and full scale is 1." in run("doctor", path).out
