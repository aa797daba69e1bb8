"""Hum: a steady tone from the mains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from voxaffect.audio import Samples
from voxaffect.diagnosis.findings import WARNING, Case, Finding
from voxaffect.diagnosis.sound import Activity, to_decibels
from voxaffect.features.front_end import RATE_HZ, SMALLEST_POWER

MAINS_HZ: Final = (50.0, 60.0)
HUM_SECONDS: Final = 30.0
HUM_PROMINENCE_DB: Final = 20.0
HUM_DB: Final = -40.0


@dataclass(frozen=True)
class Hum:
    """The stronger of the mains tones, 50 or 60 Hz.

    Parameters
    ----------
    hertz : float
    prominence_db : float
        Over the spectrum at a distance of 3 to 10 Hz.
    level_db : float
        Re the active speech.
    """

    hertz: float
    prominence_db: float
    level_db: float


def find_hum(samples: Samples, speech: Activity) -> Hum:
    """Find the steadier tone of 50 and 60 Hz, in at most 30 s.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        At 16 kHz; under about 1 s, the resolution does not suffice and nothing stands out.
    speech : Activity
    """
    from scipy.fft import next_fast_len, rfft

    samples = samples[: round(HUM_SECONDS * RATE_HZ)]
    window = np.hanning(len(samples)).astype(np.float32)
    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(samples * window, size)
    power = np.square(np.abs(spectrum)) * 2.0 / (len(samples) * float(np.dot(window, window)))
    hertz = np.arange(len(power)) * RATE_HZ / size
    tones = []
    for mains_hz in MAINS_HZ:
        away = np.abs(hertz - mains_hz)
        peak = float(power[away <= 1.0].max(initial=0.0))
        neighbors = power[(away >= 3.0) & (away <= 10.0)]
        around = float(neighbors.mean()) if len(neighbors) else peak
        level = to_decibels(float(power[away <= 2.0].sum()) / max(speech.power, SMALLEST_POWER))
        tones.append(Hum(mains_hz, to_decibels(peak / max(around, SMALLEST_POWER)), level))
    return max(tones, key=lambda hum: hum.prominence_db)


def judge_hum(case: Case) -> Finding:
    """Judge the mains tone."""
    hum = case.sound.hum
    if hum.prominence_db < HUM_PROMINENCE_DB or hum.level_db < HUM_DB:
        return Finding("hum", "none", hum.level_db, "dB re speech")
    text = f"a tone at {hum.hertz:.0f} Hz, {hum.level_db:.0f} dB re speech"
    return Finding("hum", text, hum.level_db, "dB re speech").flag(
        WARNING,
        "Mains hum. Its cost was not measured.",
        "Check cables and chargers, or filter it out (high-pass at 80 Hz).",
    )
