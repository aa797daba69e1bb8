"""Chroma of a magnitude spectrogram, equal to librosa's, tuning estimate included.

References
----------
Ellis, *Chroma feature analysis and synthesis*, 2007. The tuning estimate is the mode of
the spectral peaks' deviation from the tempered scale, in steps of a hundredth of a semitone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.spectrum import (
    BINS,
    FRAME_SAMPLES,
    Array,
    exact_magnitude,
    frequencies_hz,
    product,
)

CHROMAS = 12
_A0_HZ = 440.0 / 16
_PEAK_LOW_HZ, _PEAK_HIGH_HZ = 150.0, 4_000.0
_PEAK_THRESHOLD = np.float32(0.1)
_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0
_STEPS = np.linspace(-0.5, 0.5, 101)
_ROUNDING = np.float32(1e-5)  # of a single-precision transform, re the peaks' threshold
_DOUBTFUL_STEPS = 3e-3  # what that rounding can move a peak by, in steps


def mean_chroma(magnitude: Array, samples: Array, rate_hz: int) -> NDArray[np.float64]:
    """Mean over time of 12 pitch classes from C, each frame scaled to a maximum of 1.

    Parameters
    ----------
    magnitude : ndarray, shape (frames, 1025), float32, >= 0
        The tutorial gives librosa magnitudes where it expects power; so do we.
    samples : ndarray, shape (n,), float32
        The recording that the magnitudes are of.
    rate_hz : int

    Returns
    -------
    ndarray, shape (12,); 0 for frames of digital silence
    """
    raw = np.empty((len(magnitude), CHROMAS), dtype=np.float32)
    product(magnitude, filters(rate_hz, tuning(magnitude, samples, rate_hz)), out=raw)
    peak = raw.max(axis=1, keepdims=True)
    peak[peak < np.finfo(np.float32).tiny] = 1
    raw /= peak
    return np.asarray(raw.mean(axis=0, dtype=np.float64))


def tuning(magnitude: Array, samples: Array, rate_hz: int) -> float:
    """Deviation of the recording from A = 440 Hz, by the mode of its spectral peaks.

    Only the peaks between 150 and 4,000 Hz count, so only those bins are searched. The mode
    is often won by one peak of thousands, so frames in which rounding decides whether a peak
    is one, or into which step it falls, are transformed again in double precision.

    Parameters
    ----------
    magnitude : ndarray, shape (frames, 1025), float32, >= 0
    samples : ndarray, shape (n,), float32
        The recording that the magnitudes are of.
    rate_hz : int

    Returns
    -------
    float
        In semitones, −0.5 to 0.49 in steps of 0.01; 0 without a peak.
    """
    limits_hz = [_PEAK_LOW_HZ, min(_PEAK_HIGH_HZ, rate_hz / 2)]
    low, high = np.searchsorted(frequencies_hz(rate_hz), limits_hz)
    region = slice(int(low) - 1, min(int(high), BINS - 1) + 1)
    peaks = _Peaks.find(magnitude, region, rate_hz)
    doubtful = peaks.doubtful_frames()
    if len(doubtful):
        exact = exact_magnitude(samples, doubtful)
        peaks = peaks.replaced(doubtful, _Peaks.find(exact, region, rate_hz))
    return float(_STEPS[np.argmax(peaks.counts())]) if len(peaks.height) else 0.0


@dataclass(frozen=True)
class _Peaks:
    """Spectral peaks of a recording, by parabolic interpolation.

    Parameters
    ----------
    deviation : ndarray, from the nearest tempered pitch, in semitones, −0.5 to 0.5
    height : ndarray, magnitude
    frame : ndarray of int
    tied : ndarray of int
        Frames in which neighbouring bins differ by no more than rounding, as of one impulse.
    """

    deviation: Array
    height: Array
    frame: NDArray[np.intp]
    tied: NDArray[np.intp]

    @classmethod
    def find(cls, magnitude: Array, region: slice, rate_hz: int) -> _Peaks:
        """Local maxima of some bins over a tenth of their frame's maximum."""
        threshold = magnitude.max(axis=1)[:, None] * _PEAK_THRESHOLD
        band = np.ascontiguousarray(magnitude[:, region])
        rise = band[:, 1:] - band[:, :-1]
        rising, is_loud = rise > 0, band[:, 1:] > threshold
        is_peak = np.zeros(band.shape, dtype=bool)
        np.logical_and(rising[:, :-1], is_loud[:, :-1], out=is_peak[:, 1:-1])
        is_peak[:, 1:-1] &= ~rising[:, 1:]
        is_tied = (np.abs(rise) < threshold * _ROUNDING) & is_loud

        where, flat = np.flatnonzero(is_peak), band.ravel()
        frame = where // band.shape[1]
        left, centre, right = flat[where - 1], flat[where], flat[where + 1]
        curve, slope = left + right - 2 * centre, (right - left) / 2
        is_flat = np.abs(slope) >= np.abs(curve)
        shift = np.where(is_flat, np.float32(0), -slope / np.where(is_flat, 1, curve))
        position = (where - frame * band.shape[1] + region.start + shift) * (
            rate_hz / FRAME_SAMPLES
        )
        return cls(
            _deviation(position.astype(np.float32)),
            np.asarray(centre + slope * shift / 2, dtype=np.float32),
            frame,
            np.flatnonzero(is_tied.any(axis=1)),
        )

    def counts(self) -> NDArray[np.intp]:
        """Peaks of at least the median height in each step of deviation."""
        deviation = self.deviation[self.height >= _median(self.height)]
        # np.histogram's own counts, without its overhead.
        return np.diff(np.sort(deviation).searchsorted(_STEPS))

    def doubtful_frames(self) -> NDArray[np.intp]:
        """Frames in which rounding could decide which step is the mode."""
        if not len(self.height):
            return self.tied
        steps = (self.deviation + np.float32(0.5)) * np.float32(len(_STEPS) - 1)
        edge = np.rint(steps)
        is_doubtful = np.abs(steps - edge) < _DOUBTFUL_STEPS
        edge = edge[is_doubtful].astype(np.intp)
        at_edge = np.bincount(edge, minlength=len(_STEPS))
        doubts, counts = at_edge[:-1] + at_edge[1:], self.counts()
        mode = np.argmax(counts)
        rivals = np.flatnonzero(counts + doubts >= counts[mode] - doubts[mode])
        if len(rivals) == 1:
            return self.tied
        is_contested = np.zeros(len(_STEPS), dtype=bool)
        is_contested[rivals] = is_contested[rivals + 1] = True
        return np.union1d(self.frame[is_doubtful][is_contested[edge]], self.tied)

    def replaced(self, frames: NDArray[np.intp], peaks: _Peaks) -> _Peaks:
        """Take the peaks of these frames from elsewhere."""
        is_elsewhere = np.zeros(max(self.frame.max(initial=0), frames.max()) + 1, dtype=bool)
        is_elsewhere[frames] = True
        keep = ~is_elsewhere[self.frame]
        return _Peaks(
            np.concatenate((self.deviation[keep], peaks.deviation)),
            np.concatenate((self.height[keep], peaks.height)),
            np.concatenate((self.frame[keep], frames[peaks.frame])),
            self.tied,
        )


def _median(values: Array) -> np.float32:
    """Median, as np.median gives it, without its checks for NaN."""
    middle = len(values) // 2
    if len(values) % 2:
        return np.float32(np.partition(values, middle)[middle])
    ordered = np.partition(values, (middle - 1, middle))
    return np.float32(ordered[middle - 1 : middle + 1].mean())


def _deviation(pitch_hz: Array) -> Array:
    """Distance from the nearest pitch of the tempered scale, in semitones, −0.5 to 0.5."""
    pitch = CHROMAS * np.log2(pitch_hz / np.float32(_A0_HZ))
    deviation: Array = pitch - np.floor(pitch)
    deviation -= deviation >= 0.5
    return deviation


@lru_cache(maxsize=512)  # a tuning takes one of 100 values, a corpus has few rates
def filters(rate_hz: int, tuning: float) -> Array:
    """Weight of every bin in every pitch class: Gaussian bumps, most weight on octave 5.

    Parameters
    ----------
    rate_hz : int
    tuning : float
        In semitones.

    Returns
    -------
    ndarray, shape (1025, 12), float32
    """
    reference_hz = _A0_HZ * 2.0 ** (tuning / CHROMAS)
    pitch = CHROMAS * np.log2(frequencies_hz(rate_hz)[1:] / reference_hz)
    pitch = np.concatenate(([pitch[0] - 1.5 * CHROMAS], pitch))
    following = CHROMAS * np.log2((rate_hz / FRAME_SAMPLES) * BINS / reference_hz)
    width = np.maximum(np.diff(pitch, append=following), 1)
    half = CHROMAS // 2
    distance = np.mod(pitch - np.arange(CHROMAS)[:, None] + half + 10 * CHROMAS, CHROMAS) - half
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.sqrt(np.square(bumps).sum(axis=0))
    bumps *= np.exp(-0.5 * ((pitch / CHROMAS - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)
    from_c = np.roll(bumps, -3, axis=0)  # octaves are counted from A, classes from C
    return np.ascontiguousarray(from_c.T.astype(np.float32))
