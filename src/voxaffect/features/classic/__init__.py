"""``classic``: the tutorial's 180 numbers, means over time of MFCC, chroma and mel bands.

Copies of the tutorial add spectral contrast and tonal centroids: further groups, on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from voxaffect.audio import Signal
from voxaffect.errors import FeatureError
from voxaffect.features.classic.chroma import CHROMAS, compute_mean_chroma
from voxaffect.features.classic.contrast import (
    CONTRASTS,
    MIN_RATE_HZ as CONTRAST_MIN_RATE_HZ,
    compute_mean_contrast,
)
from voxaffect.features.classic.mel import MELS, MFCCS, compute_mean_mfcc, compute_mel_bands
from voxaffect.features.classic.spectrum import compute_exact_magnitude, compute_magnitude
from voxaffect.features.classic.tonnetz import (
    MIN_RATE_HZ as TONNETZ_MIN_RATE_HZ,
    TONNETZ,
    compute_mean_tonnetz,
)
from voxaffect.features.dsp import Array, Wide

_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class _Recording:
    """Spectra of one recording, each computed when a group first needs it."""

    def __init__(self, signal: Signal) -> None:
        self.samples, self.rate_hz = signal.samples, signal.rate_hz

    @cached_property
    def magnitude(self) -> Array:
        return compute_magnitude(self.samples)

    @cached_property
    def bands(self) -> Array:
        """Power in mel bands. It squares the magnitudes in place: a copy costs page faults."""
        power = np.square(self.magnitude, out=self.magnitude)
        return compute_mel_bands(power, self.rate_hz)


class _Group(NamedTuple):
    """Numbers that belong together: names, unit, meaning and the mean over time."""

    names: tuple[str, ...]
    unit: str
    meaning: str
    compute: Callable[[_Recording], Wide]
    min_rate_hz: int = 0
    squares_magnitude: bool = False


def _number(stem: str, count: int) -> tuple[str, ...]:
    return tuple(f"{stem}_{index + 1}" for index in range(count))


_GROUPS: Final = {
    "mfcc": _Group(
        _number("mfcc", MFCCS),
        "dB",
        "color of the sound",
        lambda recording: compute_mean_mfcc(recording.bands),
        squares_magnitude=True,
    ),
    "chroma": _Group(
        tuple(f"chroma_{pitch_class}" for pitch_class in _PITCH_CLASSES[:CHROMAS]),
        "1",
        "energy of each note of the scale",
        lambda recording: compute_mean_chroma(
            recording.magnitude, recording.samples, recording.rate_hz
        ),
    ),
    "mel": _Group(
        _number("mel", MELS),
        "power",
        "energy of each mel band",
        lambda recording: recording.bands.mean(axis=0, dtype=np.float64),
        squares_magnitude=True,
    ),
    "contrast": _Group(
        _number("contrast", CONTRASTS),
        "dB",
        "peaks over valleys of the spectrum",
        lambda recording: compute_mean_contrast(
            compute_exact_magnitude(recording.samples), recording.rate_hz
        ),
        CONTRAST_MIN_RATE_HZ,
    ),
    "tonnetz": _Group(
        _number("tonnetz", TONNETZ),
        "1",
        "harmony",
        lambda recording: compute_mean_tonnetz(recording.samples, recording.rate_hz),
        TONNETZ_MIN_RATE_HZ,
    ),
}


_FAMILIES: Final = {name: group.meaning for name, group in _GROUPS.items()}


class Classic:
    """The tutorial's features, equal to librosa's."""

    version: int = 1
    groups: tuple[str, ...] = tuple(_GROUPS)
    default_groups: tuple[str, ...] = ("mfcc", "chroma", "mel")
    rate_hz: int | None = None
    families: Mapping[str, str] = _FAMILIES
    weights: str | None = None

    def get_names(self, group: str) -> tuple[str, ...]:
        """Name of each number of a group, such as ``mfcc_1`` or ``chroma_C``."""
        return _GROUPS[group].names

    def get_families(self, group: str) -> tuple[str, ...]:
        """Family of each number of a group: the group itself."""
        return (group,) * len(_GROUPS[group].names)

    def compute(self, signal: Signal, groups: tuple[str, ...]) -> Array:
        """Means over time, as the tutorial takes them; shape (d,).

        Raises
        ------
        FeatureError
            If the recording's rate is too low for contrast or tonnetz.
        """
        for name in groups:
            if signal.rate_hz < _GROUPS[name].min_rate_hz:
                raise FeatureError(
                    f"{signal.name}: sampled at {signal.rate_hz} Hz, {name} needs at least "
                    f"{_GROUPS[name].min_rate_hz} Hz. Leave it out, or record at 16 kHz or more."
                )
        recording = _Recording(signal)
        ordered = sorted(groups, key=lambda name: _GROUPS[name].squares_magnitude)
        means = {name: _GROUPS[name].compute(recording) for name in ordered}
        return np.concatenate([means[name] for name in groups]).astype(np.float32)
