"""Babble: own speaker in training, others in tests, never oneself."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxaffect.audio import Signal
from voxaffect.corpora import Utterance
from voxaffect.training.augmentation.babble import BabbleSource
from voxaffect.training.augmentation.conditions import condition_transform
from voxaffect.training.augmentation.policy import Augmentation, augmentation_transforms

RATE_HZ = 16_000


@pytest.fixture
def spoken(tmp_path: Path) -> list[Utterance]:
    """Three speakers of two recordings each, of tones that tell them apart, and one unknown."""
    time = np.arange(RATE_HZ) / RATE_HZ
    found = []
    for number, speaker in enumerate(["a", "a", "b", "b", "c", "c", None]):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, 0.1 * np.sin(2 * np.pi * 200 * (number + 1) * time), RATE_HZ)
        found.append(Utterance(path, "happy", "mine", speaker=speaker))
    return found


def digest(utterance: Utterance) -> bytes:
    return hashlib.sha256(utterance.path.read_bytes()).digest()


def tones(found: object) -> set[int]:
    """Which recordings were read, by their tones."""
    return {round(float(np.argmax(np.abs(np.fft.rfft(voice)))) / 200) - 1 for voice in found}  # type: ignore[attr-defined]


def test_own_voices_are_the_speakers_other_recordings(spoken: list[Utterance]) -> None:
    source = BabbleSource.from_utterances(spoken)
    for place, other in [(0, 1), (1, 0), (4, 5)]:
        assert tones(source.same_speaker(digest(spoken[place]), rate_hz=RATE_HZ)) == {other}


def test_other_voices_are_all_other_speakers(spoken: list[Utterance]) -> None:
    source = BabbleSource.from_utterances(spoken)
    assert tones(source.other_speakers(digest(spoken[2]), rate_hz=RATE_HZ)) == {0, 1, 4, 5}
    assert tones(source.other_speakers(digest(spoken[6]), rate_hz=RATE_HZ)) == {0, 1, 2, 3, 4, 5}


def test_an_unknown_speaker_has_no_voices(spoken: list[Utterance]) -> None:
    assert (
        len(BabbleSource.from_utterances(spoken).same_speaker(digest(spoken[6]), rate_hz=RATE_HZ))
        == 0
    )
    assert len(BabbleSource.empty().same_speaker(digest(spoken[0]), rate_hz=RATE_HZ)) == 0


def test_the_same_recording_under_two_names_does_not_talk_over_itself(
    spoken: list[Utterance], tmp_path: Path
) -> None:
    twin = replace(spoken[0], path=tmp_path / "twin.wav")
    twin.path.write_bytes(spoken[0].path.read_bytes())
    assert tones(
        BabbleSource.from_utterances([*spoken, twin]).same_speaker(
            digest(spoken[0]), rate_hz=RATE_HZ
        )
    ) == {1}


def test_voices_come_at_the_rate_asked_for(spoken: list[Utterance]) -> None:
    voice = BabbleSource.from_utterances(spoken).same_speaker(digest(spoken[0]), rate_hz=8_000)[0]
    assert len(voice) == 8_000


def test_the_key_follows_content_and_not_order_or_names(
    spoken: list[Utterance], tmp_path: Path
) -> None:
    key = BabbleSource.from_utterances(spoken).key
    moved = replace(spoken[0], path=tmp_path / "moved.wav")
    moved.path.write_bytes(spoken[0].path.read_bytes())
    assert BabbleSource.from_utterances([*reversed(spoken[1:]), moved]).key == key
    assert BabbleSource.from_utterances(spoken[1:]).key != key
    assert BabbleSource.from_utterances([replace(spoken[0], speaker="b"), *spoken[1:]]).key != key


def test_a_recording_that_two_speakers_have_is_the_first_ones_in_any_order(
    spoken: list[Utterance], tmp_path: Path
) -> None:
    shared = replace(spoken[4], path=tmp_path / "shared.wav")
    shared.path.write_bytes(spoken[0].path.read_bytes())
    for order in ([*spoken, shared], [shared, *spoken]):
        assert tones(
            BabbleSource.from_utterances(order).same_speaker(digest(shared), rate_hz=RATE_HZ)
        ) == {1}
    assert (
        BabbleSource.from_utterances([*spoken, shared]).key
        == BabbleSource.from_utterances([shared, *spoken]).key
    )


def test_a_copy_with_babble_is_cached_apart_from_one_without(spoken: list[Utterance]) -> None:
    policy = Augmentation()
    keys = {
        transform.key
        for source in (
            None,
            BabbleSource.from_utterances(spoken),
            BabbleSource.from_utterances(spoken[:4]),
        )
        for transform in augmentation_transforms(policy, rate_hz=RATE_HZ, seed=0, babble=source)
    }
    assert len(keys) == 3 * policy.copies


def test_only_the_own_speaker_is_heard_in_a_training_copy(spoken: list[Utterance]) -> None:
    """The added sound holds the tone of the speaker's other recording, at another speed."""
    policy = Augmentation(
        speeds=(),
        mixed_copies=8,
        mixed_speeds=(1, 1),
        equalizer_db=0,
        room_probability=0,
        noise_probability=1,
        babble_probability=1,
        babble_snr_db=(0, 0),
        babble_voices=1,
        low_pass_probability=0,
        narrow_probability=0,
        telephone_probability=0,
        mp3_probability=0,
    )
    signal = Signal(soundfile.read(spoken[4].path, dtype="float32")[0], RATE_HZ)
    for transform in augmentation_transforms(
        policy, rate_hz=RATE_HZ, seed=0, babble=BabbleSource.from_utterances(spoken)
    ):
        added = transform.apply(signal, digest(spoken[4])).samples - signal.samples
        heard_hz = float(np.argmax(np.abs(np.fft.rfft(added))))
        assert 0.74 * 1_200 < heard_hz < 1.36 * 1_200


def test_only_others_are_heard_in_a_test_condition(spoken: list[Utterance]) -> None:
    transform = condition_transform(
        "babble 10 dB", rate_hz=RATE_HZ, babble=BabbleSource.from_utterances(spoken)
    )
    signal = Signal(soundfile.read(spoken[4].path, dtype="float32")[0], RATE_HZ)
    added = transform.apply(signal, digest(spoken[4])).samples - signal.samples
    spectrum = np.abs(np.fft.rfft(added))
    heard = {place for place in range(7) if spectrum[200 * (place + 1)] > 0.1 * spectrum.max()}
    assert heard
    assert heard <= {0, 1, 2, 3}
