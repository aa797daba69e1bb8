"""The detectors of frames: they know only what came before."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from support.synthesis import Sound, speech_like, tone, white

from voxaffect.errors import AudioError, MissingExtraError
from voxaffect.recognition.timelines.vad import (
    EnergyDetector,
    VoiceActivityDetector,
    get_vad_method,
)

RATE_HZ = 16_000
TICK = 3_200


def flags(sound: Sound, detector: VoiceActivityDetector | None = None) -> np.ndarray:
    detector = detector or EnergyDetector(RATE_HZ)
    whole = len(sound) // TICK * TICK
    return np.concatenate([detector.push(sound[at : at + TICK]) for at in range(0, whole, TICK)])


def bursts(background: float, amplitude: float = 0.1) -> tuple[Sound, np.ndarray]:
    """Eight seconds with a tone in every second one; where it is, frame by frame."""
    sound = white(8.0, rms=background) if background else np.zeros(8 * RATE_HZ, np.float32)
    there = np.zeros(800, dtype=bool)
    for second in (1, 3, 5, 7):
        sound[second * RATE_HZ : (second + 1) * RATE_HZ] += tone(300, 1.0, amplitude)
        there[second * 100 : (second + 1) * 100] = True
    return sound, there


@pytest.mark.parametrize("background", [0.0, 1e-5, 1e-3, 1e-2])
def test_tone_bursts_are_found_over_any_background(background: float) -> None:
    sound, there = bursts(background)
    found = flags(sound)
    assert found[there].mean() > 0.95
    # 30 ms of every burst's level hang over.
    assert found[~there].sum() <= 4 * 4


@pytest.mark.parametrize("gain", [1e-3, 1e-2, 10.0])
def test_level_does_not_matter(gain: float) -> None:
    sound, there = bursts(1e-3)
    assert flags(sound * np.float32(gain))[there].mean() > 0.95


@pytest.mark.parametrize("rms", [0.0, 1e-6, 1e-3, 0.1])
def test_nothing_stands_out_of_a_steady_sound(rms: float) -> None:
    assert not flags(white(20.0, rms=rms)).any()


def test_digital_silence_with_an_offset_is_silence() -> None:
    assert not flags(np.full(5 * RATE_HZ, 0.3, dtype=np.float32)).any()


def test_speech_without_any_silence_is_speech() -> None:
    assert flags(speech_like(20.0)).mean() > 0.5


def test_a_loud_background_hides_what_does_not_stand_out() -> None:
    sound, there = bursts(0.1, amplitude=0.05)
    assert flags(sound)[there].mean() < 0.1


def test_a_new_background_is_learnt() -> None:
    sound = np.concatenate([white(5.0, rms=1e-4), white(60.0, rms=1e-2)])
    assert not flags(sound)[5_500:].any()


def test_a_flag_does_not_depend_on_what_comes_later() -> None:
    sound, _ = bursts(1e-3)
    assert (flags(sound[: 4 * RATE_HZ]) == flags(sound)[:400]).all()


def test_speech_that_shows_only_later_is_dated_back() -> None:
    steady = tone(200, 0.38)
    detector = EnergyDetector(RATE_HZ)
    sound = np.concatenate([steady, np.zeros(TICK, np.float32), steady, steady])
    leads = []
    for at in range(0, len(sound) // TICK * TICK, TICK):
        found = detector.push(sound[at : at + TICK])
        leads.append(detector.lead() if found.any() else 0)
    assert max(leads) >= 15


def test_a_detectors_memory_does_not_grow() -> None:
    detector = EnergyDetector(RATE_HZ)
    noise = white(0.2, seed=1)
    sizes = []
    for _ in range(200):
        detector.push(noise)
        sizes.append(
            sum(
                np.size(value) if not hasattr(value, "__len__") else len(value)
                for value in vars(detector).values()
            )
        )
    assert sizes[-1] == sizes[len(sizes) // 2]


def test_an_unknown_vad_is_named_with_those_that_are() -> None:
    with pytest.raises(AudioError, match="no vad named 'magic'; there are: silero, energy, webrtc"):
        get_vad_method("magic")


def test_a_missing_detector_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[vad\]"):
        get_vad_method("webrtc").make_detector(RATE_HZ)


class LoudDetector:
    """In the place of WebRTC's: a frame is speech when its first sample is over a half."""

    def __init__(self, mode: int) -> None:
        assert 0 <= mode <= 3

    def is_speech(self, frame: bytes, rate_hz: int) -> bool:
        assert len(frame) == 2 * rate_hz // 100
        return bool(np.frombuffer(frame, "<i2")[0] > 16_384)


def test_the_detector_gets_whole_frames_of_16_bit_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtcvad", SimpleNamespace(Vad=LoudDetector))
    detector = get_vad_method("webrtc").make_detector(RATE_HZ)
    sound = np.repeat(np.float32([0.0, 0.9, 2.0, -2.0, 0.4]), 160)
    assert detector.push(sound).tolist() == [False, True, True, False, False]
    assert detector.lead() == 0


def test_the_detector_refuses_other_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtcvad", SimpleNamespace(Vad=LoudDetector))
    with pytest.raises(AudioError, match="8000, 16000, 32000, 48000 Hz, and the model at 44100"):
        get_vad_method("webrtc").make_detector(44_100)


def test_webrtc_hears_a_voice_and_not_silence() -> None:
    pytest.importorskip("webrtcvad")
    sound = np.concatenate([np.zeros(TICK * 5, np.float32), speech_like(2.0) * np.float32(3)])
    found = flags(sound, get_vad_method("webrtc").make_detector(RATE_HZ))
    assert not found[:90].any()
    assert found[110:].mean() > 0.5
