"""Noise: the ratio of speech to the steady background."""

from __future__ import annotations

from typing import Final

import numpy as np

from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding
from voxaffect.diagnosis.sound import Activity, Spectra, to_decibels
from voxaffect.features.front_end import SMALLEST_POWER

NOISY_DB: Final = 20.0
DROWNED_DB: Final = 15.0
LEAST_SNR_DB, MOST_SNR_DB = -20.0, 60.0
QUIET_QUANTILE: Final = 0.05
QUANTILE_OF_MEAN: Final = 0.165
"""5 % quantile of a gamma distribution of mean 1 and shape 1.9: three neighboring bins of a Hann
periodogram, averaged, are correlated by 2/3 and 1/6 and so vary as 1.9 independent ones."""
DEEP_SILENCE_DB: Final = 60.0


def estimate_snr_db(spectra: Spectra, speech: Activity) -> float:
    """Estimate the signal-to-noise ratio: active speech, less its noise, over the background.

    Parameters
    ----------
    spectra : ndarray, shape (frames, 201)
        As `compute_spectra` gives them at 16 kHz.
    speech : Activity

    Returns
    -------
    float
        −20 to 60 dB: fainter noise cannot be distinguished from speech.
    """
    noise = estimate_noise_power(spectra)
    clean = max(speech.power - noise, 0.01 * speech.power)
    ratio = to_decibels(clean / max(noise, SMALLEST_POWER))
    return float(np.clip(ratio, LEAST_SNR_DB, MOST_SNR_DB))


def estimate_noise_power(spectra: Spectra) -> float:
    """Estimate the power of the steady background, from the quiet moments of every frequency.

    Between harmonics, syllables and phonemes every bin is without speech for some time, also
    while somebody speaks. The 5 % quantile over time of each bin (smoothed over 3 bins) is
    scaled to the mean that steady noise of such a quantile has.

    Parameters
    ----------
    spectra : ndarray, shape (frames, bins)
        As `compute_spectra` gives them.

    References
    ----------
    Stahl, Fischer and Bippus 2000, "Quantile based noise estimation for spectral subtraction
    and Wiener filtering", ICASSP. Martin 2001, "Noise power spectral density estimation based
    on optimal smoothing and minimum statistics", IEEE Trans. Speech Audio 9(5): the bias.
    """
    totals = spectra.sum(axis=1)
    audible = spectra[totals > totals.max() * 10 ** (-DEEP_SILENCE_DB / 10)]
    smooth = (audible[:, :-2] + audible[:, 1:-1] + audible[:, 2:]) / 3.0
    quiet = np.quantile(smooth, QUIET_QUANTILE, axis=0)
    return float(quiet.sum() / QUANTILE_OF_MEAN)


def judge_noise(case: Case) -> Finding:
    """Judge the signal-to-noise ratio."""
    ratio = case.sound.snr_db
    finding = Finding("noise", f"{case.subject} {ratio:.0f} dB over the background", ratio, "dB")
    if ratio >= NOISY_DB:
        return finding
    is_drowned = ratio < DROWNED_DB
    return finding.flag(
        PROBLEM if is_drowned else WARNING,
        case.describe_cost("noise 10 dB" if is_drowned else "noise 20 dB"),
        "Come closer to the microphone, close windows, switch off fans. An echoing room counts "
        "as background, too.",
    )
