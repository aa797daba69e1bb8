"""Clipping: flat tops of the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Samples
from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding, format_percent
from voxaffect.diagnosis.sound import to_decibels

FLAT_SAMPLES: Final = 3
FEWEST_TOPS: Final = 3
CLIPPED_SHARE: Final = 1e-3
STEP: Final = 1.0 / 32_768


@dataclass(frozen=True)
class FlatTops:
    """Flat tops: runs of samples at the extreme of a waveform.

    Parameters
    ----------
    share : float
        Of all samples.
    runs : int
        Number of tops.
    level : float
        Their height, as a share of full scale.
    """

    share: float
    runs: int
    level: float


def find_flat_tops(samples: Samples) -> FlatTops:
    """Find tops that a limit has cut off, at full scale or, turned down afterwards, below it.

    A top is a run of at least three samples within one 16-bit step of the highest or of the
    lowest sample. One smooth peak can look like that; many such peaks are clipping.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        One channel at its original rate: resampling rounds the corners.
    """
    sides = [_measure_runs(samples, float(samples.max()))]
    sides.append(_measure_runs(-samples, -float(samples.min())))
    count = sum(int(lengths.sum()) for lengths in sides)
    runs = sum(len(lengths) for lengths in sides)
    return FlatTops(count / len(samples), runs, float(np.abs(samples).max()))


def _measure_runs(samples: Samples, top: float) -> NDArray[np.intp]:
    """Return the lengths of the runs of three or more samples at the top."""
    if top <= STEP:
        return np.zeros(0, dtype=np.intp)
    high = np.concatenate(([False], samples >= top - 1.01 * STEP, [False]))
    edges = np.flatnonzero(np.diff(high.astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return np.asarray(lengths[lengths >= FLAT_SAMPLES])


def judge_clipping(case: Case) -> Finding:
    """Judge the flat tops."""
    flat = case.measures.flat
    if flat.runs < FEWEST_TOPS:
        return Finding("clipping", "none", flat.share, "share of samples")
    below = "" if flat.level > 0.98 else " and turned down afterwards"
    text = (
        f"{format_percent(flat.share)} % of samples in {flat.runs} flat tops at "
        f"{to_decibels(flat.level**2):.1f} dBFS, cut off{below}"
    )
    return Finding("clipping", text, flat.share, "share of samples").flag(
        PROBLEM if flat.share >= CLIPPED_SHARE else WARNING,
        "Adds harmonics that the voice does not have. Its cost was not measured.",
        "Record again with less gain, peaks at half of full scale: it cannot be repaired.",
    )
