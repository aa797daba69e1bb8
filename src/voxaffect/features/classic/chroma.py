"""Chroma of a magnitude spectrogram, equal to librosa's, tuning estimate included.

References
----------
Ellis, *Chroma feature analysis and synthesis*, 2007. The tuning estimate is the mode of
the spectral peaks' deviation from the tempered scale, in steps of a hundredth of a semitone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.classic.spectrum import (
    BINS,
    FRAME_SAMPLES,
    compute_exact_magnitude,
    get_frequencies_hz,
)
from voxaffect.features.dsp import Array, Wide, multiply_in_blocks

CHROMAS = 12
_A0_HZ = 440.0 / 16
_PEAK_LOW_HZ, _PEAK_HIGH_HZ = 150.0, 4_000.0
_PEAK_THRESHOLD = np.float32(0.1)
_CENTER_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0
_STEPS = 100  # of a hundredth of a semitone
_NEXT = (np.arange(_STEPS) + 1) % _STEPS
_TUNINGS = np.linspace(-0.5, 0.5, _STEPS + 1)
_ROUNDING = np.float32(1e-5)  # of a single-precision transform, re the peaks' threshold
_DOUBTFUL_STEPS = 3e-3  # what that rounding can move a peak by, in steps


def compute_mean_chroma(magnitude: Array, samples: Array, rate_hz: int) -> Wide:
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
    filters = make_chroma_filters(rate_hz, estimate_tuning(magnitude, samples, rate_hz))
    multiply_in_blocks(magnitude, filters, out=raw)
    classes = np.ascontiguousarray(raw.T)  # long rows: a maximum of 12 at a time is slow
    peak = classes.max(axis=0)
    peak[peak < np.finfo(np.float32).tiny] = 1
    classes /= peak
    return np.asarray(classes.mean(axis=1, dtype=np.float64))


def estimate_tuning(
    magnitude: Array, samples: Array, rate_hz: int, *, bins_per_octave: int = CHROMAS
) -> float:
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
    bins_per_octave : int
        Steps of the scale in an octave; semitones by default.

    Returns
    -------
    float
        In such steps of the scale, −0.5 to 0.49 by 0.01; 0 without a peak.
    """
    peaks = _Peaks.find(magnitude, rate_hz, bins_per_octave)
    is_doubtful = peaks.is_doubtful()
    if is_doubtful.any():
        doubtful = np.flatnonzero(is_doubtful)
        exact = compute_exact_magnitude(samples, doubtful)
        peaks = peaks.replace_frames(is_doubtful, _Peaks.find(exact, rate_hz, bins_per_octave))
    return float(_TUNINGS[np.argmax(peaks.counts)]) if len(peaks.height) else 0.0


@cache
def _find_region(rate_hz: int) -> slice:
    """Bins in which peaks are searched, and a neighbor on either side."""
    limits_hz = [_PEAK_LOW_HZ, min(_PEAK_HIGH_HZ, rate_hz / 2)]
    low, high = np.searchsorted(get_frequencies_hz(rate_hz), limits_hz)
    return slice(int(low) - 1, min(int(high), BINS - 1) + 1)


@dataclass(frozen=True)
class _Peaks:
    """Spectral peaks of a recording, by parabolic interpolation.

    Parameters
    ----------
    pitch_hz : ndarray
    height : ndarray, magnitude
    frame : ndarray of int
    is_tied : ndarray of bool, shape (frames,)
        Whether neighboring bins of a frame differ by no more than rounding, as of one impulse.
    bins_per_octave : int
        Of the scale that the pitches are compared with.
    """

    pitch_hz: Array
    height: Array
    frame: NDArray[np.intp]
    is_tied: NDArray[np.bool_]
    bins_per_octave: int = CHROMAS

    @classmethod
    def find(cls, magnitude: Array, rate_hz: int, bins_per_octave: int = CHROMAS) -> _Peaks:
        """Local maxima over a tenth of their frame's maximum."""
        threshold = magnitude.max(axis=1)[:, None] * _PEAK_THRESHOLD
        band = np.ascontiguousarray(magnitude[:, _find_region(rate_hz)])
        width, rise = band.shape[1], np.empty_like(band)
        # End to end, the frames are compared in a fraction of the time that rows take; where
        # one meets the next, is_loud rules out a peak across both.
        flat, flat_rise = band.ravel(), rise.ravel()
        np.subtract(flat[1:], flat[:-1], out=flat_rise[:-1])
        flat_rise[-1] = 0
        is_loud = band > threshold
        is_loud[:, -1] = False
        is_tie = (np.abs(rise) < threshold * _ROUNDING) & is_loud
        is_loud[:, 0] = False
        rising = flat_rise > 0
        is_peak = (rising[:-1] > rising[1:]) & is_loud.ravel()[1:]

        is_tied = np.zeros(len(band), dtype=bool)
        is_tied[np.flatnonzero(is_tie) // width] = True

        before = np.flatnonzero(is_peak)
        left, center, right = (flat[ahead:].take(before) for ahead in range(3))
        curve, slope = left + right - 2 * center, (right - left) / 2
        curve[curve == 0] = -np.inf  # two bins that differ by the last bit: no shift
        shift = -slope / curve
        frame = before // width
        position = before - frame * width + (_find_region(rate_hz).start + 1) + shift
        return cls(
            (position * (rate_hz / FRAME_SAMPLES)).astype(np.float32),
            np.asarray(center + slope * shift / 2, dtype=np.float32),
            frame,
            is_tied,
            bins_per_octave,
        )

    @cached_property
    def high(self) -> NDArray[np.intp]:
        """Indices of the peaks of at least the median height: those that count."""
        return np.flatnonzero(self.height >= _compute_median(self.height))

    @cached_property
    def steps(self) -> Wide:
        """Deviation of the high peaks from the tempered scale, in steps from −0.5 semitones."""
        pitch = self.bins_per_octave * np.log2(self.pitch_hz.take(self.high) / np.float32(_A0_HZ))
        raised = pitch.astype(np.float64) + 0.5  # exact, and so is the product
        return np.asarray((raised - np.floor(raised)) * _STEPS)

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """High peaks in each step of deviation."""
        return np.bincount(self.steps.astype(np.intp), minlength=_STEPS)

    def is_doubtful(self) -> NDArray[np.bool_]:
        """Report for each frame whether its rounding could decide which step is the mode."""
        nearest = np.rint(self.steps)
        at_edge = np.flatnonzero(np.abs(self.steps - nearest) < _DOUBTFUL_STEPS)
        edge = nearest.take(at_edge).astype(np.intp) % _STEPS
        doubts = np.bincount(edge, minlength=_STEPS)
        doubts += doubts.take(_NEXT)
        mode = np.argmax(self.counts)
        is_rival = self.counts + doubts >= self.counts[mode] - doubts[mode]
        result = self.is_tied.copy()
        if np.count_nonzero(is_rival) > 1:
            is_contested = is_rival.take(edge) | is_rival.take(edge - 1)
            peaks = self.high.take(at_edge[is_contested])
            result[self.frame.take(peaks)] = True
        return result

    def replace_frames(self, is_replaced: NDArray[np.bool_], peaks: _Peaks) -> _Peaks:
        """Peaks with those of some frames replaced by others."""
        kept, frames = np.flatnonzero(~is_replaced.take(self.frame)), np.flatnonzero(is_replaced)
        return _Peaks(
            np.concatenate((self.pitch_hz.take(kept), peaks.pitch_hz)),
            np.concatenate((self.height.take(kept), peaks.height)),
            np.concatenate((self.frame.take(kept), frames.take(peaks.frame))),
            self.is_tied,
            self.bins_per_octave,
        )


def _compute_median(values: Array) -> np.float32:
    """Median of positive numbers, as np.median gives it; NaN of nothing."""
    if not len(values):
        return np.float32(np.nan)
    middle = len(values) // 2
    # Their bits, as whole numbers, are in the same order, and nothing looks for NaN among them.
    ordered = np.partition(values.view(np.int32), middle).view(np.float32)
    if len(values) % 2:
        return np.float32(ordered[middle])
    return np.float32((ordered[:middle].max() + ordered[middle]) / 2)


@lru_cache(maxsize=512)  # a tuning takes one of 100 values, a corpus has few rates
def make_chroma_filters(rate_hz: int, tuning: float) -> Array:
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
    pitch = CHROMAS * np.log2(get_frequencies_hz(rate_hz)[1:] / reference_hz)
    pitch = np.concatenate(([pitch[0] - 1.5 * CHROMAS], pitch))
    following = CHROMAS * np.log2((rate_hz / FRAME_SAMPLES) * BINS / reference_hz)
    width = np.maximum(np.diff(pitch, append=following), 1)
    half = CHROMAS // 2
    distance = np.mod(pitch - np.arange(CHROMAS)[:, None] + half + 10 * CHROMAS, CHROMAS) - half
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.sqrt(np.square(bumps).sum(axis=0))
    bumps *= np.exp(-0.5 * ((pitch / CHROMAS - _CENTER_OCTAVE) / _OCTAVE_WIDTH) ** 2)
    from_c = np.roll(bumps, -3, axis=0)  # octaves are counted from A, classes from C
    return np.ascontiguousarray(from_c.T.astype(np.float32))
