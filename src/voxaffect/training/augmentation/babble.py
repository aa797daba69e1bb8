"""Babble: other recordings of known speakers as background speech, read when they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from voxaffect.audio import Recording, Samples, digest_recording, read_recording, resample
from voxaffect.corpora import Utterance
from voxaffect.training.sources import get_source


@dataclass(frozen=True)
class BabbleSource:
    """Source of background speech: recordings of known speakers, by the digest of the foreground.

    Augmented copies take recordings of the same speaker: then a copy holds no speaker that a test
    set of new speakers may hold. A random split has no such border: its training copies can hold
    a test recording in their background.

    Parameters
    ----------
    speakers : mapping of bytes to str
        Speaker of each recording, by the SHA-256 of its file.
    recordings : mapping of str to tuple of (bytes, Path or Excerpt)
        Of each speaker, in the order of the digests: by content, not by name.
    """

    speakers: Mapping[bytes, str]
    recordings: Mapping[str, tuple[tuple[bytes, Recording], ...]]

    @classmethod
    def from_utterances(cls, utterances: Sequence[Utterance]) -> BabbleSource:
        """Read every file once, for its digest; leave utterances of unknown speakers out.

        Raises
        ------
        AudioError
            If a file cannot be read.
        """
        speakers: dict[bytes, str] = {}
        recordings: dict[str, dict[bytes, Recording]] = {}
        for utterance in utterances:
            if utterance.speaker is not None:
                recording = get_source(utterance)
                digest = digest_recording(recording)
                speaker = f"{utterance.corpus}/{utterance.speaker}"
                # A recording that two speakers have is the first one's, whatever the order.
                speakers[digest] = min(speaker, speakers.get(digest, speaker))
                recordings.setdefault(speaker, {})[digest] = recording
        ordered = {speaker: tuple(sorted(own.items())) for speaker, own in recordings.items()}
        return cls(speakers, ordered)

    @classmethod
    def empty(cls) -> BabbleSource:
        """Source without any recording."""
        return cls({}, {})

    @property
    def key(self) -> str:
        """Text that identifies all recordings: part of the cache key of features."""
        if not self.speakers:
            return "none"
        groups = {
            speaker: hashlib.sha256(b"".join(digest for digest, _ in own)).digest()
            for speaker, own in self.recordings.items()
        }
        total = hashlib.sha256()
        for digest, speaker in sorted(self.speakers.items()):
            total.update(digest + groups[speaker])
        return total.hexdigest()[:16]

    def same_speaker(self, digest: bytes, *, rate_hz: int) -> Sequence[Samples]:
        """Other recordings of the speaker of a recording; none if the speaker is unknown."""
        own = self.recordings.get(self.speakers.get(digest, ""), ())
        return _LazyRecordings([path for other, path in own if other != digest], rate_hz)

    def other_speakers(self, digest: bytes, *, rate_hz: int) -> Sequence[Samples]:
        """Recordings of all other speakers."""
        speaker = self.speakers.get(digest)
        order = sorted(self.recordings.items(), key=lambda item: item[1][0][0])
        return _LazyRecordings(
            [path for name, own in order if name != speaker for _, path in own], rate_hz
        )


def has_other_recordings(utterances: Sequence[Utterance]) -> bool:
    """Return whether any speaker is known by a second recording."""
    known = [(u.corpus, u.speaker) for u in utterances if u.speaker is not None]
    return len(set(known)) < len(known)


class _LazyRecordings(Sequence[Samples]):
    """Recordings at one rate, each read when it is used."""

    def __init__(self, paths: Sequence[Recording], rate_hz: int) -> None:
        self._paths, self._rate_hz = paths, rate_hz

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Samples: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Samples]: ...
    def __getitem__(self, index: int | slice) -> Samples | Sequence[Samples]:
        if isinstance(index, slice):
            return _LazyRecordings(self._paths[index], self._rate_hz)
        return resample(read_recording(self._paths[index]), self._rate_hz).samples
