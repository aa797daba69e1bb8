"""Who may talk in the background of whom: other recordings, read when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Recording, digest_recording, read_recording, resample
from voxaffect.corpora import Utterance
from voxaffect.training.sources import source_of

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Voices:
    """Recordings of known speakers, found by the content of the one that they stand behind.

    Training copies take the voices of their own speaker: a copy then holds nobody whom a test
    set of unheard speakers may hold. A random split has no such border; there a training copy
    can hold a test recording in its background, as it holds the test speaker anyway.

    Parameters
    ----------
    speakers : mapping of bytes to str
        Speaker of each recording, by the SHA-256 of its file.
    recordings : mapping of str to tuple of (bytes, Path or Excerpt)
        Of each speaker, in the order of their digests: of the content, not of the names.
    """

    speakers: Mapping[bytes, str]
    recordings: Mapping[str, tuple[tuple[bytes, Recording], ...]]

    @classmethod
    def of(cls, utterances: Sequence[Utterance]) -> Voices:
        """Read every file once, for its digest; utterances of unknown speakers are left out.

        Raises
        ------
        AudioError
            If a file cannot be read.
        """
        speakers: dict[bytes, str] = {}
        found: dict[str, dict[bytes, Recording]] = {}
        for utterance in utterances:
            if utterance.speaker is not None:
                recording = source_of(utterance)
                digest = digest_recording(recording)
                speaker = f"{utterance.corpus}/{utterance.speaker}"
                # A recording that two speakers have is the first one's, whatever the order.
                speakers[digest] = min(speaker, speakers.get(digest, speaker))
                found.setdefault(speaker, {})[digest] = recording
        ordered = {speaker: tuple(sorted(of.items())) for speaker, of in found.items()}
        return cls(speakers, ordered)

    @staticmethod
    def can_be_heard(utterances: Sequence[Utterance]) -> bool:
        """Whether any speaker is known by a second recording."""
        known = [(u.corpus, u.speaker) for u in utterances if u.speaker is not None]
        return len(set(known)) < len(known)

    @classmethod
    def none(cls) -> Voices:
        """Nobody talks."""
        return cls({}, {})

    @property
    def key(self) -> str:
        """Names who they are: part of what features are cached by."""
        if not self.speakers:
            return "none"
        group = {
            speaker: hashlib.sha256(b"".join(digest for digest, _ in of)).digest()
            for speaker, of in self.recordings.items()
        }
        told = hashlib.sha256()
        for digest, speaker in sorted(self.speakers.items()):
            told.update(digest + group[speaker])
        return told.hexdigest()[:16]

    def own(self, digest: bytes, *, rate_hz: int) -> Sequence[Samples]:
        """Other recordings of the speaker of a recording; none where it is unknown."""
        of = self.recordings.get(self.speakers.get(digest, ""), ())
        return _Read([path for other, path in of if other != digest], rate_hz)

    def others(self, digest: bytes, *, rate_hz: int) -> Sequence[Samples]:
        """Recordings of all other speakers."""
        speaker = self.speakers.get(digest)
        order = sorted(self.recordings.items(), key=lambda item: item[1][0][0])
        return _Read([path for of, found in order if of != speaker for _, path in found], rate_hz)


class _Read(Sequence[Samples]):
    """Recordings at one rate, each read when it is asked for."""

    def __init__(self, paths: Sequence[Recording], rate_hz: int) -> None:
        self._paths, self._rate_hz = paths, rate_hz

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> Samples: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Samples]: ...
    def __getitem__(self, place: int | slice) -> Samples | Sequence[Samples]:
        if isinstance(place, slice):
            return _Read(self._paths[place], self._rate_hz)
        return resample(read_recording(self._paths[place]), self._rate_hz).samples
