"""Bandwidth: the range of frequencies that holds speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding
from voxaffect.diagnosis.sound import Spectra

TELEPHONE_LOW_DB: Final = -40.0
NARROWEST_HZ: Final = 3_000.0
TELEPHONE_HZ: Final = 4_200.0
WIDE_HZ: Final = 7_200.0
BAND_HZ: Final = 200.0
WIDEST_HZ: Final = 8_000.0
BAND_PERCENT: Final = 98.0
LOWEST_EDGE_HZ, HIGHEST_EDGE_HZ = 1_000.0, 7_200.0
CLIFF_DB: Final = 16.0


@dataclass(frozen=True)
class Band:
    """Range of frequencies that holds speech.

    Parameters
    ----------
    high_hz : float
        The edge at which a brick wall cuts it off, to 200 Hz; half the sampling rate, at most
        8,000, without one. Features look no higher than 7,600 Hz.
    low_db : float
        Level of the band under 200 Hz, re the loudest band: a telephone line leaves about −45.
    """

    high_hz: float
    low_db: float


def compute_band_levels(spectra: Spectra, rate_hz: int) -> Spectra:
    """Compute the level of each 200 Hz band up to 8 kHz, in dB re the loudest band.

    The level is the 98th percentile over time: the loud moments of a band count, not their
    number, or a voice with few fricatives would look like a telephone.

    Parameters
    ----------
    spectra : ndarray, shape (frames, bins)
        As `compute_spectra` gives them.
    rate_hz : int
    """
    edges_hz = np.arange(0.0, min(rate_hz / 2, WIDEST_HZ) + 1.0, BAND_HZ)
    bins_hz = np.arange(spectra.shape[1]) * rate_hz / round(0.025 * rate_hz)
    starts = np.searchsorted(bins_hz, edges_hz)
    bands = np.add.reduceat(spectra[:, : starts[-1]], starts[:-1], axis=1)
    levels = np.percentile(bands, BAND_PERCENT, axis=0)
    return np.asarray(10.0 * np.log10(levels / max(levels.max(), 1e-30) + 1e-15))


def find_band(levels_db: Spectra, rate_hz: int) -> Band:
    """Find a brick wall: an edge over which all bands stay far under the three below it.

    Low-pass filters, narrow sampling and lossy codecs leave such an edge; voices do not. Between
    1 and 7.2 kHz, the edge of the greatest fall is taken, and believed from 16 dB on: over 562
    clean recordings (RAVDESS at both rates, EMO-DB) none fell by more than 14.3, and of 136 copies
    low-passed at 6 kHz, narrowed to 8 kHz or telephoned, none by less than 18.2.

    Parameters
    ----------
    levels_db : ndarray, shape (bands,)
        As `compute_band_levels` gives them.
    rate_hz : int
    """
    widest = min(rate_hz / 2, WIDEST_HZ)
    first = round(LOWEST_EDGE_HZ / BAND_HZ)
    last = min(len(levels_db) - 3, round(HIGHEST_EDGE_HZ / BAND_HZ))
    falls = [
        float(levels_db[band - 2 : band + 1].min() - levels_db[band + 2 :].max())
        for band in range(first, last)
    ]
    band = int(np.argmax(falls))
    high_hz = (first + band + 1) * BAND_HZ if falls[band] >= CLIFF_DB else widest
    return Band(high_hz, float(levels_db[0]))


def judge_bandwidth(case: Case) -> Finding:
    """Judge the band."""
    high_hz, low_db = case.sound.band.high_hz, case.sound.band.low_db
    if high_hz >= WIDE_HZ:
        text = f"{case.subject} up to {high_hz:.0f} Hz and more"
        return Finding("bandwidth", text, high_hz, "Hz")
    remedy = "Record at 16 kHz or more, without a telephone or a headset in call mode."
    is_line = high_hz <= TELEPHONE_HZ and low_db < TELEPHONE_LOW_DB
    if is_line or high_hz <= NARROWEST_HZ:
        kind = "a telephone's" if is_line else "narrower than a telephone's"
        text = f"{kind}: nothing over {high_hz:.0f} Hz, and under 200 Hz {low_db:.0f} dB"
        finding = Finding("bandwidth", text, high_hz, "Hz")
        return finding.flag(PROBLEM, case.describe_cost("telephone"), remedy)
    kind = "sampled at 8 kHz before" if high_hz <= TELEPHONE_HZ else "low-passed"
    if case.recording.rate_hz / 2 <= high_hz:
        kind = "the limit of this sampling rate"
    finding = Finding("bandwidth", f"nothing over {high_hz:.0f} Hz: {kind}", high_hz, "Hz")
    return finding.flag(WARNING, case.describe_cost("8 kHz"), remedy)
