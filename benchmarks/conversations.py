"""Conversations made of corpus speech, with everything known about them.

Each takes four speakers of one corpus, who take turns of one to three recordings in one emotion.
Pauses separate them; about a tenth of the turns begin before the turn before has ended. Nothing
depends on anything but the corpus and the seed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from voxaffect.audio import read, resample
from voxaffect.corpora import Utterance
from voxaffect.features.front_end import find_speech

RATE_HZ = 16_000
SPEAKERS = 4
OVERLAP_SHARE = 0.10
OVERLAP_SECONDS = (0.3, 1.5)
PAUSE_SECONDS = (0.2, 1.2)
INNER_PAUSE_SECONDS = (0.1, 0.4)
KEPT_EMOTION = 0.5
"""Share of the turns in which a speaker keeps the emotion of his or her turn before."""
GAIN_DB = 3.0
BACKGROUND_DB = -45.0
"""Of steady noise, under the speech."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """One recording in a conversation: who speaks when, how, and what.

    Parameters
    ----------
    speaker, emotion, text : str
    start_seconds, end_seconds : float
    turn : int
        Number of the turn that it belongs to.
    """

    speaker: str
    emotion: str
    text: str
    start_seconds: float
    end_seconds: float
    turn: int


@dataclass(frozen=True, eq=False)
class Conversation:
    """Sound of a conversation, and what is known of it.

    Parameters
    ----------
    name : str
    voices : ndarray, shape (speakers, n), float32
        Each speaker alone.
    noise : ndarray, shape (2, n), float32
        Of two microphones.
    speakers : tuple of str
    spoken : tuple of Spoken
        In order of their start.
    """

    name: str
    voices: Samples
    noise: Samples
    speakers: tuple[str, ...]
    spoken: tuple[Spoken, ...]

    @property
    def mixed(self) -> Samples:
        """One channel, shape (n,)."""
        return np.asarray(self.voices.sum(axis=0) + self.noise[0])

    @property
    def two_channels(self) -> Samples:
        """Two channels, shape (n, 2): the first two speakers on the left, the others right."""
        left, right = self.voices[:2].sum(axis=0), self.voices[2:].sum(axis=0)
        return np.stack([left, right], axis=1) + self.noise.T

    @cached_property
    def turns(self) -> tuple[tuple[str, float, float], ...]:
        """Speaker, start and end of every turn, in order."""
        groups: dict[int, list[Spoken]] = {}
        for one in self.spoken:
            groups.setdefault(one.turn, []).append(one)
        return tuple(
            (turn[0].speaker, turn[0].start_seconds, max(one.end_seconds for one in turn))
            for turn in groups.values()
        )

    def write(self, folder: Path) -> None:
        """Write the sound, the turns as RTTM, and the transcript as whisperX writes it."""
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{self.name}.wav", self.mixed, RATE_HZ)
        soundfile.write(folder / f"{self.name}-2.wav", self.two_channels, RATE_HZ)
        lines = [
            f"SPEAKER {self.name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {speaker} <NA> <NA>"
            for speaker, start, end in self.turns
        ]
        (folder / f"{self.name}.rttm").write_text("\n".join(lines) + "\n")
        segments = [
            {
                "start": one.start_seconds,
                "end": one.end_seconds,
                "text": one.text,
                "speaker": one.speaker,
                "emotion": one.emotion,
            }
            for one in self.spoken
        ]
        (folder / f"{self.name}.json").write_text(json.dumps({"segments": segments}, indent=1))


def make_conversation(
    utterances: Sequence[Utterance], seed: int, *, seconds: float = 600.0, name: str = "call"
) -> Conversation:
    """Make a conversation of four speakers of a corpus.

    Parameters
    ----------
    utterances : sequence of Utterance
    seed : int
        Decides on the speakers, their order, the emotions, recordings, pauses and gains.
    seconds : float
        Length: turns are added until it is reached.
    name : str
    """
    rng = np.random.default_rng(seed)
    everyone = sorted({str(one.speaker) for one in utterances})
    speakers = tuple(sorted(rng.choice(everyone, SPEAKERS, replace=False).tolist()))
    groups: dict[tuple[str, str], list[Utterance]] = {}
    for one in sorted(utterances, key=lambda one: str(one.path)):
        if one.speaker in speakers:
            groups.setdefault((str(one.speaker), one.emotion), []).append(one)
    decks = {key: _Deck(group, rng) for key, group in groups.items()}
    gains = {speaker: 10 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20) for speaker in speakers}
    spoken: list[Spoken] = []
    parts: list[tuple[int, int, Samples]] = []
    moods: dict[str, str] = {}
    last, edge, turn = "", 0, 0
    while edge < seconds * RATE_HZ:
        speaker = str(rng.choice([one for one in speakers if one != last]))
        mood = _choose_emotion(speaker, moods.get(speaker), decks, rng)
        moods[speaker], last = mood, speaker
        overlaps = turn > 0 and rng.random() < OVERLAP_SHARE
        start = edge + round(rng.uniform(*PAUSE_SECONDS) * RATE_HZ)
        if overlaps:
            start = max(edge - round(rng.uniform(*OVERLAP_SECONDS) * RATE_HZ), 0)
        for _ in range(rng.integers(1, 4)):
            one = decks[speaker, mood].draw()
            samples = _cut_speech(one.path) * np.float32(gains[speaker])
            stop = start + len(samples)
            parts.append((speakers.index(speaker), start, samples))
            times = round(start / RATE_HZ, 3), round(stop / RATE_HZ, 3)
            text = str(getattr(one, "text", None) or one.path.stem)
            spoken.append(Spoken(speaker, mood, text, *times, turn))
            edge = max(edge, stop)
            start = stop + round(rng.uniform(*INNER_PAUSE_SECONDS) * RATE_HZ)
        turn += 1
    voices = np.zeros((SPEAKERS, edge + RATE_HZ // 2), np.float32)
    for row, start, samples in parts:
        voices[row, start : start + len(samples)] += samples
    voices *= np.float32(0.7 / np.abs(voices.sum(axis=0)).max())
    level = np.sqrt(np.square(voices.sum(axis=0), dtype=float).mean())
    noise = level * 10 ** (BACKGROUND_DB / 20) * rng.standard_normal((2, voices.shape[1]))
    spoken.sort(key=lambda one: one.start_seconds)
    return Conversation(name, voices, noise.astype(np.float32), speakers, tuple(spoken))


class _Deck:
    """Recordings of one speaker and emotion in random order, again from the start at the end."""

    def __init__(self, members: Sequence[Utterance], rng: np.random.Generator) -> None:
        self._members, self._rng = members, rng
        self._order: list[int] = []

    def draw(self) -> Utterance:
        """Next recording."""
        if not self._order:
            self._order = self._rng.permutation(len(self._members)).tolist()
        return self._members[self._order.pop()]


def _choose_emotion(
    speaker: str, mood: str | None, decks: dict[tuple[str, str], _Deck], rng: np.random.Generator
) -> str:
    """Emotion of the next turn of a speaker."""
    if mood is not None and rng.random() < KEPT_EMOTION:
        return mood
    return str(rng.choice(sorted(emotion for one, emotion in decks if one == speaker)))


def _cut_speech(path: Path) -> Samples:
    """Speech of a recording, as loud as it is."""
    samples = resample(read(path), RATE_HZ).samples
    speech = find_speech(samples)
    return np.asarray(samples[speech.start : speech.start + len(speech.samples)], np.float32)
