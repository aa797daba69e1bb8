"""Tracks of one utterance, and the parts of them that several descriptors need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.affect.pitch import FEWEST_VOICED
from voxaffect.features.affect.tracks import Tracks
from voxaffect.features.dsp import Array

LOUD_DB: Final = -25.0


@dataclass(frozen=True)
class Utterance:
    """Tracks of one utterance, and the parts of them that several descriptors need."""

    tracks: Tracks

    @cached_property
    def level_db(self) -> Array:
        """Level of each frame in dB over the utterance's mean power."""
        energy = self.tracks.energy_db[0]
        level = energy - 10.0 * np.log10(np.mean(10.0 ** (energy / 10.0)))
        return np.asarray(level, np.float32)

    @cached_property
    def is_loud(self) -> NDArray[np.bool_]:
        """Frames that count as speech: less than 25 dB under the mean power.

        Timbre leaves pauses out: their sound is that of the room, not of the speaker.
        """
        return self.level_db > LOUD_DB

    @cached_property
    def is_voiced(self) -> NDArray[np.bool_]:
        """Loud frames with voice; all loud frames where voice is too rare."""
        voiced = self.tracks.pitch.voiced & self.is_loud
        return voiced if np.count_nonzero(voiced) >= FEWEST_VOICED else self.is_loud

    @cached_property
    def shapes(self) -> Array:
        """Cepstra and spectral shape, row under row."""
        return np.concatenate([self.tracks.mfcc, self.tracks.spectral, self.tracks.narrow])

    @cached_property
    def mel_pairs(self) -> Array:
        """Means of two neighboring mel bands each, shape (20, frames)."""
        return 0.5 * (self.tracks.log_mel[0::2] + self.tracks.log_mel[1::2])
