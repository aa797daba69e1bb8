"""Spectra and autocorrelations of frames, which overlapping windows share.

A window's own level, offset and floors come after: a power spectrum scales with the square of
the gain, and a normalized autocorrelation does not change with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from voxaffect.features.affect.pitch import (
    LEAD_SAMPLES,
    LOW_PASS_REACH,
    PITCH_HOP_SAMPLES,
    WINDOW_SAMPLES,
    autocorrelate,
    cut_pitch_frames,
    decimate,
    low_pass,
)
from voxaffect.features.dsp import Array, cut_frames, make_hann
from voxaffect.features.front_end import FRAME_SAMPLES, HOP_SAMPLES, Speech
from voxaffect.features.threads import one_thread

FFT_SAMPLES: Final = 512
SAMPLES_BEFORE: Final = 2 * LEAD_SAMPLES + LOW_PASS_REACH
"""Samples before its first that a frame needs, for its pitch."""
SAMPLES_AFTER: Final = 2 * (WINDOW_SAMPLES - LEAD_SAMPLES) + LOW_PASS_REACH
"""Samples from its first on that a frame needs."""

EXTRA_FRAMES: Final = 2
"""Hops from the end of the last frame's own hop to its last sample, rounded up."""


@dataclass(frozen=True)
class FrameSpectra:
    """Each 25 ms frame, every 10 ms, as it was recorded.

    Attributes
    ----------
    power : ndarray, shape (frames, 257), float32
        Power spectrum.
    correlation : ndarray, shape (frames, lags), float32
        Autocorrelation at 8 kHz.
    halved : ndarray, shape (n,), float32
        The signal at 8 kHz, from the first sample of the first frame to the end of the last, at
        least.
    """

    power: Array
    correlation: Array
    halved: Array


def compute_power_spectrum(samples: Array) -> Array:
    """Power spectrum of each frame (periodic Hann, 512 points); shape (frames, 257)."""
    from scipy.fft import rfft

    framed = cut_frames(samples, FRAME_SAMPLES, HOP_SAMPLES) * make_hann(FRAME_SAMPLES)
    spectrum = rfft(framed, FFT_SAMPLES, axis=-1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float32)


def analyze_frames(samples: Array) -> FrameSpectra:
    """Analyze every frame of a whole signal, with silence before and after it.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At 16 kHz, at least one frame long.
    """
    power, halved = compute_power_spectrum(samples), decimate(samples)
    return FrameSpectra(power, autocorrelate(cut_pitch_frames(halved, len(power))), halved)


@one_thread
def analyze_inner_frames(samples: Array, frames: int) -> FrameSpectra:
    """Analyze some frames of a longer signal.

    Parameters
    ----------
    samples : ndarray, float32
        Of shape (``SAMPLES_BEFORE`` + (frames - 1) · 160 + ``SAMPLES_AFTER``,): the frames, and
        the sound around them that their pitch needs.
    frames : int
    """
    last = (frames - 1) * HOP_SAMPLES
    power = compute_power_spectrum(samples[SAMPLES_BEFORE : SAMPLES_BEFORE + last + FRAME_SAMPLES])
    halved = low_pass(samples)
    framed = cut_frames(halved, WINDOW_SAMPLES, PITCH_HOP_SAMPLES)
    length = (frames + EXTRA_FRAMES) * PITCH_HOP_SAMPLES
    inner = halved[LEAD_SAMPLES : LEAD_SAMPLES + length]
    return FrameSpectra(power, autocorrelate(framed), inner)


def scale_frames(spectra: FrameSpectra, speech: Speech) -> FrameSpectra:
    """Frames of the active part of a signal, at the level that the front end gave it.

    The constant offset, which the front end takes off, is left in the spectra: take it off the
    signal before, where it may matter.

    Parameters
    ----------
    spectra : FrameSpectra
        Of the signal that ``speech`` is part of.
    speech : Speech
    """
    first, length = speech.start // HOP_SAMPLES, len(speech.samples)
    frames = slice(first, first + 1 + (length - FRAME_SAMPLES) // HOP_SAMPLES)
    halved = spectra.halved[speech.start // 2 : (speech.start + length) // 2]
    return FrameSpectra(
        spectra.power[frames] * np.float32(speech.gain**2),
        spectra.correlation[frames],
        (halved - np.float32(speech.offset)) * np.float32(speech.gain),
    )
