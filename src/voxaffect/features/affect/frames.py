"""What overlapping windows can share: spectra and autocorrelations, before any normalization.

A window's own level, offset and floors come after: a power spectrum scales with the square of
the gain, and a normalized autocorrelation does not change with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from voxaffect.features.affect.pitch import (
    LEAD_SAMPLES,
    LOW_PASS_REACH,
    PITCH_HOP_SAMPLES,
    WINDOW_SAMPLES,
    autocorrelation,
    decimate,
    frame,
    low_passed,
)
from voxaffect.features.front_end import FRAME_SAMPLES, HOP_SAMPLES, Array, Speech
from voxaffect.features.spectrum import hann
from voxaffect.features.threads import one_thread

FFT_SAMPLES: Final = 512
SAMPLES_BEFORE: Final = 2 * LEAD_SAMPLES + LOW_PASS_REACH
"""Samples before its first that a frame needs, for its pitch."""
SAMPLES_AFTER: Final = 2 * (WINDOW_SAMPLES - LEAD_SAMPLES) + LOW_PASS_REACH
"""Samples from its first on that a frame needs."""

BEYOND_FRAMES: Final = 2
"""Hops that the last frame reaches over its own, rounded up."""


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


def power_spectrum(samples: Array) -> Array:
    """Power spectrum of each frame (periodic Hann, 512 points); shape (frames, 257)."""
    framed = sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES] * hann(FRAME_SAMPLES)
    from scipy.fft import rfft

    spectrum = rfft(framed, FFT_SAMPLES, axis=-1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float32)


def analyze_frames(samples: Array) -> FrameSpectra:
    """Measure every frame of a whole signal, with silence before and after it.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At 16 kHz, at least one frame long.
    """
    power, halved = power_spectrum(samples), decimate(samples)
    return FrameSpectra(power, autocorrelation(frame(halved, len(power))), halved)


@one_thread
def analyze_inner_frames(samples: Array, frames: int) -> FrameSpectra:
    """Measure some frames of a longer signal.

    Parameters
    ----------
    samples : ndarray, float32
        Of shape (``SAMPLES_BEFORE`` + (frames - 1) · 160 + ``SAMPLES_AFTER``,): the frames, and
        the sound around them that their pitch takes in.
    frames : int
    """
    last = (frames - 1) * HOP_SAMPLES
    power = power_spectrum(samples[SAMPLES_BEFORE : SAMPLES_BEFORE + last + FRAME_SAMPLES])
    halved = low_passed(samples)
    framed = sliding_window_view(halved, WINDOW_SAMPLES)[::PITCH_HOP_SAMPLES]
    length = (frames + BEYOND_FRAMES) * PITCH_HOP_SAMPLES
    inner = halved[LEAD_SAMPLES : LEAD_SAMPLES + length]
    return FrameSpectra(power, autocorrelation(framed), inner)


def normalized(shared: FrameSpectra, speech: Speech) -> FrameSpectra:
    """Frames of the active part of a signal, at the level that the front end gave it.

    The constant offset, which the front end takes off, is left in the spectra: take it off the
    signal before, where it may matter.

    Parameters
    ----------
    shared : FrameSpectra
        Of the signal that ``speech`` was found in.
    speech : Speech
    """
    first, length = speech.start // HOP_SAMPLES, len(speech.samples)
    frames = slice(first, first + 1 + (length - FRAME_SAMPLES) // HOP_SAMPLES)
    halved = shared.halved[speech.start // 2 : (speech.start + length) // 2]
    return FrameSpectra(
        shared.power[frames] * np.float32(speech.gain**2),
        shared.correlation[frames],
        (halved - np.float32(speech.offset)) * np.float32(speech.gain),
    )
