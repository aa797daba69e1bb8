"""Speech or no speech: the decision that all commands share."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
import pytest
import soxr
from conftest import voice
from support.synthesis import Sound, harmonics, tone, white

from voxaffect import Stream, read, timeline
from voxaffect.recognition import Segment, Update, Window, speech
from voxaffect.recognition.speech import find_speech, has_speech

RATE_HZ = 16_000
TIME = np.arange(3 * RATE_HZ) / RATE_HZ


def example() -> Sound:
    return read(str(files("voxaffect") / "data" / "example.wav")).samples


def colored(exponent: float) -> Sound:
    """Noise whose power falls with the frequency to a power."""
    spectrum = np.fft.rfft(white(3.0))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** (exponent / 2)
    return np.fft.irfft(spectrum).astype(np.float32)


def melody() -> Sound:
    """A jingle of eight notes with harmonics."""
    hertz = 2 ** (np.array([0, 4, 7, 12, 7, 4, 9, 5]) / 12) * 262
    notes = [harmonics(np.full(RATE_HZ // 2, one), 6) for one in hertz]
    return np.concatenate([note * np.linspace(1, 0, len(note)) for note in notes]).astype("f4")


NO_SPEECH = {
    "silence": lambda: np.zeros(RATE_HZ, np.float32),
    "hum": lambda: tone(50, 3.0) + tone(150, 3.0, 0.03),
    "tone": lambda: tone(440, 3.0),
    "chord": lambda: tone(262, 3.0) + tone(330, 3.0) + tone(392, 3.0),
    "click": lambda: np.where(np.arange(3 * RATE_HZ) == RATE_HZ, 1.0, 0.0).astype(np.float32),
    "white noise": lambda: colored(0),
    "pink noise": lambda: colored(1),
    "brown noise": lambda: colored(2),
    "rumble": lambda: tone(28, 3.0) * (1 + white(3.0, 1.0)),
    "siren": lambda: harmonics(700 + 300 * np.sin(np.pi * TIME), 5),
    "drums": lambda: white(3.0) * np.exp(-12 * (TIME % 0.5)).astype(np.float32),
    "melody": melody,
}


@pytest.mark.parametrize("gain", [1e-3, 1.0, 8.0])
@pytest.mark.parametrize("name", NO_SPEECH)
def test_what_is_no_speech_at_any_level_is_none(name: str, gain: float) -> None:
    assert not has_speech(NO_SPEECH[name]() * np.float32(gain), RATE_HZ)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 192_000])
def test_speech_is_found_at_any_rate(rate_hz: int) -> None:
    sound = soxr.resample(example(), RATE_HZ, rate_hz)
    assert has_speech(sound, rate_hz)


@pytest.mark.parametrize("gain", [1e-5, 1e-3, 1.0, 100.0])
def test_level_and_offset_do_not_matter(gain: float) -> None:
    sound = example() * np.float32(gain)
    assert has_speech(sound, RATE_HZ)
    assert has_speech(sound + np.float32(0.2 * gain), RATE_HZ)


@pytest.mark.parametrize("noise_db", [20, 10, 5])
def test_speech_is_found_in_noise(noise_db: float) -> None:
    sound = example()
    rms = float(np.sqrt(np.mean(sound**2))) * 10 ** (-noise_db / 20)
    assert has_speech(sound + white(len(sound) / RATE_HZ, rms), RATE_HZ)


@pytest.mark.parametrize("seconds", [0.25, 0.3, 0.5, 1.0, 4.0])
def test_short_speech_is_speech(seconds: float) -> None:
    assert has_speech(voice(3, seconds=seconds), RATE_HZ)


def test_one_word_in_ten_seconds_of_silence_is_speech() -> None:
    sound = white(10.0, 1e-4)
    sound[5 * RATE_HZ : 5 * RATE_HZ + 6_400] += example()[8_000:14_400]
    assert has_speech(sound, RATE_HZ)


def test_a_complete_search_decides_alike_and_measures_all() -> None:
    sound = np.concatenate([example(), white(4.0, 1e-4), example()])
    quick, complete = (find_speech(sound, RATE_HZ, is_complete=one) for one in (False, True))
    assert quick.has_speech
    assert complete.has_speech
    assert quick.seconds < 1.5
    assert 5.0 < complete.seconds < 7.6
    assert find_speech(melody(), RATE_HZ, is_complete=True).seconds == 0.0


def test_a_shrill_voice_is_speech_by_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = soxr.resample(example(), 16_000, 6_250)  # 2.56 times as high
    assert has_speech(sound, RATE_HZ)
    monkeypatch.setattr(speech, "SPEEDS", (1.0,))
    assert not has_speech(sound, RATE_HZ)


def test_the_network_is_the_one_that_was_published() -> None:
    content = (files("voxaffect") / "data" / speech.NETWORK).read_bytes()
    assert hashlib.sha256(content).hexdigest() == speech.NETWORK_SHA256


# Windows without speech are no windows.


def program() -> Sound:
    """Eight seconds of jingle, twice the example, six seconds of jingle: no pause between them."""
    loud = melody() * np.float32(3)
    return np.concatenate([loud, loud, example(), example(), loud, loud[: 2 * RATE_HZ]])


@pytest.mark.parametrize("vad", ["silero", "webrtc"])
def test_a_jingle_has_no_windows(vad: str) -> None:
    if vad == "webrtc":
        pytest.importorskip("webrtcvad")
    (result,) = timeline(melody(), rate_hz=RATE_HZ, vad=vad, workers=1)
    assert (result.windows, result.segments, result.has_speech) == ((), (), False)


def test_by_energy_a_jingle_is_taken_for_speech() -> None:
    (result,) = timeline(melody(), rate_hz=RATE_HZ, vad="energy", workers=1)
    assert result.segments


@pytest.mark.parametrize("workers", [1, 2])
def test_segments_leave_out_music_before_and_after_speech(workers: int) -> None:
    (result,) = timeline(program(), rate_hz=RATE_HZ, workers=workers)
    start, end = 8.0, 8.0 + 2 * len(example()) / RATE_HZ
    assert result.segments[0].start_seconds == pytest.approx(start, abs=1.6)
    assert result.segments[-1].end_seconds == pytest.approx(end, abs=1.6)
    for window in result.windows:
        assert window.end_seconds > start
        assert window.start_seconds < end


def test_a_stream_leaves_out_what_the_file_leaves_out() -> None:
    sound, stream = program(), Stream(rate_hz=RATE_HZ)
    events = [
        event for at in range(0, len(sound), 4_567) for event in stream.push(sound[at : at + 4_567])
    ] + stream.finish()
    (result,) = timeline(sound, rate_hz=RATE_HZ, workers=1)
    assert tuple(one for one in events if isinstance(one, Window)) == result.windows
    assert tuple(one for one in events if isinstance(one, Segment)) == result.segments
    updates = [one for one in events if isinstance(one, Update)]
    assert updates[-1].emotion is None  # the music that follows ends the speech
    assert updates[-1].seconds < len(sound) / RATE_HZ
