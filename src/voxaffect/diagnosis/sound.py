"""Sound of a recording: its levels, its active frames and their spectra.

Levels are in dB re full scale (dBFS): a full-scale sine has an RMS of −3. Active frames are those
that the features use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from voxaffect.audio import Samples
from voxaffect.features.front_end import (
    HOP_SAMPLES,
    RATE_HZ,
    SMALLEST_POWER,
    compute_frame_powers,
    find_activity_threshold_db,
    measure_speech_level,
)

Spectra = NDArray[np.float64]
LEAST_DB: Final = -120.0


@dataclass(frozen=True, eq=False)
class Activity:
    """Active frames of a recording.

    Parameters
    ----------
    active : ndarray, shape (frames,), bool
        25 ms frames, every 10 ms.
    powers : ndarray, shape (frames,)
        Re full scale.
    """

    active: NDArray[np.bool_]
    powers: Samples

    @property
    def share(self) -> float:
        """Active frames of all."""
        return float(self.active.mean())

    @property
    def seconds(self) -> float:
        """Length of the active frames together."""
        return float(np.count_nonzero(self.active) * HOP_SAMPLES / RATE_HZ)

    @property
    def power(self) -> float:
        """Mean power of the active frames; ITU-T P.56 has the idea of an active level."""
        return float(self.powers[self.active].mean())


def to_decibels(power: float) -> float:
    """Return ten times the decadic logarithm; at least −120."""
    return max(LEAST_DB, 10.0 * float(np.log10(max(power, SMALLEST_POWER))))


def find_activity(samples: Samples) -> Activity:
    """Find the active frames by the rule of the features.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        At 16 kHz, at least 25 ms, not silent.
    """
    powers = compute_frame_powers(samples)
    level = max(measure_speech_level(powers), SMALLEST_POWER)
    levels_db = 10.0 * np.log10(powers / np.float32(level) + np.float32(1e-10))
    active = levels_db > find_activity_threshold_db(levels_db)
    return Activity(active if active.any() else np.ones_like(active), powers)


def compute_spectra(samples: Samples, rate_hz: int) -> Spectra:
    """Compute the power of each bin of Hann-windowed 25 ms frames every 10 ms.

    Returns
    -------
    ndarray, shape (frames, bins)
        A bin is 40 Hz wide. The sum of a frame is its power.
    """
    from scipy.fft import rfft

    size, hop = round(0.025 * rate_hz), round(0.01 * rate_hz)
    frames = sliding_window_view(samples, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    spectrum = rfft(frames * window, axis=1)
    power = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    power[:, 1:-1] *= 2.0
    return np.asarray(power / (size * float(np.dot(window, window))))
