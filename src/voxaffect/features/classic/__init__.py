"""``classic``: the tutorial's 180 numbers, means over time of MFCC, chroma and mel bands.

Copies of the tutorial add spectral contrast and tonal centroids: further groups, on demand.
"""

from __future__ import annotations

import numpy as np

from voxaffect.audio import Signal
from voxaffect.errors import FeatureError
from voxaffect.features import spectrum
from voxaffect.features.classic import chroma, contrast, mel, tonnetz
from voxaffect.features.spec import FeatureSpec
from voxaffect.features.spectrum import Array

VERSION = 1
RATE_HZ = None
DEFAULT_GROUPS = ("mfcc", "chroma", "mel")
GROUPS = (*DEFAULT_GROUPS, "contrast", "tonnetz")
FAMILIES = {
    "mfcc": "color of the sound",
    "chroma": "energy of each note of the scale",
    "mel": "energy of each mel band",
    "contrast": "peaks over valleys of the spectrum",
    "tonnetz": "harmony",
}
_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def names(spec: FeatureSpec) -> tuple[str, ...]:
    """Name of every number of the vector, such as ``mfcc_1`` or ``chroma_C``."""
    of_group = {
        "mfcc": tuple(f"mfcc_{i + 1}" for i in range(mel.MFCCS)),
        "chroma": tuple(f"chroma_{pitch_class}" for pitch_class in _PITCH_CLASSES),
        "mel": tuple(f"mel_{i + 1}" for i in range(mel.MELS)),
        "contrast": tuple(f"contrast_{i + 1}" for i in range(contrast.CONTRASTS)),
        "tonnetz": tuple(f"tonnetz_{i + 1}" for i in range(tonnetz.TONNETZ)),
    }
    return tuple(name for group in spec.groups for name in of_group[group])


def family(name: str) -> str:
    """Which of ``FAMILIES`` a number belongs to: its group."""
    return name.partition("_")[0]


def compute_features(signal: Signal, spec: FeatureSpec) -> Array:
    """Means over time, as the tutorial takes them.

    Parameters
    ----------
    signal : Signal
    spec : FeatureSpec
        Which of ``GROUPS``, in that order.

    Returns
    -------
    ndarray, shape (d,), float32

    Raises
    ------
    FeatureError
        If the recording's rate is too low for contrast or tonnetz.
    """
    _check_rate(signal, spec)
    spectrogram, means = spectrum.magnitude(signal.samples), {}
    if "chroma" in spec.groups:
        means["chroma"] = chroma.mean_chroma(spectrogram, signal.samples, signal.rate_hz)
    if "contrast" in spec.groups:
        exact = spectrum.exact_magnitudes(signal.samples)
        means["contrast"] = contrast.mean_contrast(exact, signal.rate_hz)
    if "tonnetz" in spec.groups:
        means["tonnetz"] = tonnetz.mean_tonnetz(signal.samples, signal.rate_hz)
    if "mfcc" in spec.groups or "mel" in spec.groups:
        np.square(spectrogram, out=spectrogram)  # in place: a second one costs page faults
        bands = mel.bands(spectrogram, signal.rate_hz)
        means["mel"] = bands.mean(axis=0, dtype=np.float64)
        if "mfcc" in spec.groups:
            means["mfcc"] = mel.mean_mfcc(bands)
    return np.concatenate([means[group] for group in spec.groups]).astype(np.float32)


def _check_rate(signal: Signal, spec: FeatureSpec) -> None:
    least = {"contrast": contrast.MIN_RATE_HZ, "tonnetz": tonnetz.MIN_RATE_HZ}
    for group in spec.groups:
        if signal.rate_hz < least.get(group, 0):
            raise FeatureError(
                f"{signal.name}: sampled at {signal.rate_hz} Hz, {group} needs at least "
                f"{least[group]} Hz. Leave it out, or record at 16 kHz or more."
            )
