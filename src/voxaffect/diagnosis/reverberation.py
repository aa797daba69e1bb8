"""Reverberation: the speed at which sound decays."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding
from voxaffect.diagnosis.sound import Spectra
from voxaffect.features.front_end import RATE_HZ

DRY_DB: Final = 18.7
WET_DB: Final = 13.3
"""Dry speech falls by 19.6 dB and more in 80 ms, in noise of 20 dB by 13.7 and more; in a room of
0.4 s with as much reverberant as direct sound by 17.7 at most, of 0.8 s by 13.3."""
CLEAR_DB, HARDLY_CLEAR_DB = 24.0, 17.0
BAND_EDGES_HZ: Final = np.array(
    [100, 200, 300, 420, 560, 740, 960, 1250, 1600, 2050, 2600, 3300, 4200, 5300, 7000]
)
DECAY_FRAMES: Final = 8
DECAY_PERCENT: Final = 5.0
DECAY_FROM_DB: Final = 10.0
FEWEST_DECAYS: Final = 10


def measure_decay_db(spectra: Spectra) -> float | None:
    """Measure the fast decays of sound, in dB per 80 ms. Reverberation slows them down.

    In each of 14 bands, the 5th percentile of the change of level over 80 ms, from frames within
    10 dB of the band's loud ones; the median over the bands, sign turned. A room of reverberation
    time T lets sound fall by 4.8/T dB in that time, and more only by the direct sound's share.

    Parameters
    ----------
    spectra : ndarray, shape (frames, 201)
        As `compute_spectra` gives them at 16 kHz.

    Returns
    -------
    float or None
        None if there are too few decays.

    References
    ----------
    Wen, Habets and Naylor 2008, "Blind estimation of reverberation time based on the
    distribution of signal decay rates", ICASSP: the idea.
    """
    bins = BAND_EDGES_HZ // round(RATE_HZ / 400)
    bands = np.add.reduceat(spectra[:, : bins[-1]], bins[:-1], axis=1)
    levels_db = 10.0 * np.log10(bands + 1e-12)
    if len(levels_db) <= DECAY_FRAMES:
        return None
    changes = levels_db[DECAY_FRAMES:] - levels_db[:-DECAY_FRAMES]
    is_loud = levels_db > np.percentile(levels_db, 95, axis=0) - DECAY_FROM_DB
    falls = [
        float(np.percentile(change[loud], DECAY_PERCENT))
        for change, loud in zip(changes.T, is_loud[:-DECAY_FRAMES].T, strict=True)
        if np.count_nonzero(loud) > FEWEST_DECAYS
    ]
    return -float(np.median(falls)) if falls else None


def judge_reverberation(case: Case) -> Finding:
    """Judge the decay of the sound. Its topic is ``room``."""
    decay, ratio = case.sound.decay_db, case.sound.snr_db
    if decay is None:
        return Finding("room", "cannot be measured: too little speech")
    if ratio < HARDLY_CLEAR_DB:  # noise, too, keeps the level from falling
        return Finding("room", "cannot be measured: too much background noise")
    finding = Finding("room", f"sound falls by {decay:.0f} dB in 80 ms", decay, "dB in 80 ms")
    if decay >= (DRY_DB if ratio >= CLEAR_DB else WET_DB):
        return finding
    is_wet = decay < WET_DB
    text = f"{finding.text}; close to a microphone, by {DRY_DB:.0f} and more"
    return replace(finding, text=text).flag(
        PROBLEM if is_wet else WARNING,
        ("More reverberant than the measured condition: " if is_wet else "Reverberant. ")
        + case.describe_cost("reverb"),
        "Come closer to the microphone, or record where there are curtains and carpets.",
    )
