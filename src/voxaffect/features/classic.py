"""``classic``: the tutorial's 180 numbers, means over time of MFCC, chroma and mel bands."""

from __future__ import annotations

import numpy as np

from voxaffect.audio import Signal
from voxaffect.features import chroma, mel, spectrum
from voxaffect.features.spec import FeatureSpec
from voxaffect.features.spectrum import Array

VERSION = 1
RATE_HZ = None
GROUPS = DEFAULT_GROUPS = ("mfcc", "chroma", "mel")
FAMILIES = {
    "mfcc": "colour of the sound",
    "chroma": "energy of each note of the scale",
    "mel": "energy of each mel band",
}
_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def names(spec: FeatureSpec) -> tuple[str, ...]:
    """Name of every number of the vector, such as ``mfcc_1`` or ``chroma_C``."""
    of_group = {
        "mfcc": tuple(f"mfcc_{i + 1}" for i in range(mel.MFCCS)),
        "chroma": tuple(f"chroma_{pitch_class}" for pitch_class in _PITCH_CLASSES),
        "mel": tuple(f"mel_{i + 1}" for i in range(mel.MELS)),
    }
    return tuple(name for group in spec.groups for name in of_group[group])


def family(name: str) -> str:
    """Which of ``FAMILIES`` a number belongs to: its group."""
    return name.partition("_")[0]


def describe(signal: Signal, spec: FeatureSpec) -> Array:
    """Means over time, as the tutorial takes them.

    Parameters
    ----------
    signal : Signal
    spec : FeatureSpec
        Which of ``mfcc``, ``chroma`` and ``mel``, in that order.

    Returns
    -------
    ndarray, shape (d,), float32
    """
    spectrogram, means = spectrum.magnitude(signal.samples), {}
    if "chroma" in spec.groups:
        means["chroma"] = chroma.mean_chroma(spectrogram, signal.samples, signal.rate_hz)
    if "mfcc" in spec.groups or "mel" in spec.groups:
        np.square(spectrogram, out=spectrogram)  # in place: a second one costs page faults
        bands = mel.bands(spectrogram, signal.rate_hz)
        means["mel"] = bands.mean(axis=0, dtype=np.float64)
        if "mfcc" in spec.groups:
            means["mfcc"] = mel.mean_mfcc(bands)
    return np.concatenate([means[group] for group in spec.groups]).astype(np.float32)
