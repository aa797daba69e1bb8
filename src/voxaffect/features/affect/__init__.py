"""``affect``: functionals, log-covariance and log-mels of one utterance, at 16 kHz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from voxaffect.audio import Signal
from voxaffect.features.affect import covariance, logmel
from voxaffect.features.affect.descriptors import FUNCTIONALS
from voxaffect.features.affect.frames import FrameSpectra, analyze_frames, scale_frames
from voxaffect.features.affect.tracks import compute_tracks
from voxaffect.features.affect.utterance import Utterance
from voxaffect.features.base import compute_rows, list_names, list_quantities
from voxaffect.features.dsp import Array
from voxaffect.features.front_end import RATE_HZ, Speech, find_speech
from voxaffect.features.threads import one_thread

_FAMILIES: Final = {
    "timbre": "color of the sound (MFCC)",
    "spectrum": "where its energy lies, low or high",
    "energy": "how loudness varies",
    "pitch": "melody of the voice",
    "voice quality": "how regular and clear the voice is",
    "rhythm": "pauses and pace",
    "modulation": "how fast all of it varies",
    "covariance dynamics": "how all of it varies together over time (log-covariance)",
    "log-mel spectrogram": "the spectrogram that the networks classify",
}


class Affect:
    """Features that depend neither on the level of an utterance nor on the silence around it.

    They are finite whatever the sound. An utterance without voice gets the defaults that each
    descriptor states.
    """

    version: int = 1
    groups: tuple[str, ...] = ("functionals", "covariance", "logmel")
    default_groups: tuple[str, ...] = ("functionals", "covariance")
    rate_hz: int | None = RATE_HZ
    families: Mapping[str, str] = _FAMILIES
    weights: str | None = None

    def get_names(self, group: str) -> tuple[str, ...]:
        """Name of each number of a group, in order."""
        if group == "functionals":
            return list_names(FUNCTIONALS)
        return logmel.list_names() if group == "logmel" else covariance.list_names()

    def get_families(self, group: str) -> tuple[str, ...]:
        """Family of each number of a group, in the order of the names."""
        if group == "functionals":
            return tuple(quantity.family for quantity in list_quantities(FUNCTIONALS))
        family = "log-mel spectrogram" if group == "logmel" else "covariance dynamics"
        return (family,) * len(self.get_names(group))

    @one_thread
    def compute(self, signal: Signal, groups: tuple[str, ...]) -> Array:
        """Vector of one utterance at 16 kHz, of at least 0.25 s; shape (d,)."""
        speech = find_speech(signal.samples)
        return _compute_groups(speech, analyze_frames(speech.samples), groups)

    @one_thread
    def compute_window(
        self, samples: Array, spectra: FrameSpectra, groups: tuple[str, ...]
    ) -> Array:
        """Vector of a window of a longer signal, whose frames are analyzed already; shape (d,).

        It equals that of `compute` except at the window's edges: the pitch of the first and last
        two frames takes in the sound around them, where `compute` takes silence.

        Parameters
        ----------
        samples : ndarray, shape (n,), float32
            At 16 kHz, at least 0.25 s, with no constant offset to speak of.
        spectra : FrameSpectra
            Of the same samples.
        groups : tuple of str
        """
        speech = find_speech(samples)
        return _compute_groups(speech, scale_frames(spectra, speech), groups)


def _compute_groups(speech: Speech, spectra: FrameSpectra, groups: tuple[str, ...]) -> Array:
    parts = {}
    if "functionals" in groups or "covariance" in groups:
        utterance = Utterance(compute_tracks(speech, spectra))
        if "functionals" in groups:
            parts["functionals"] = compute_rows(FUNCTIONALS, utterance)
        if "covariance" in groups:
            parts["covariance"] = covariance.compute_dynamics(utterance)
    if "logmel" in groups:
        spectrogram = logmel.compute_logmel(speech.samples, spectra.power)
        parts["logmel"] = logmel.flatten_logmel(spectrogram)
    return np.concatenate([parts[group] for group in groups]).astype(np.float32)
