"""Front end: the part of a waveform that holds speech, at one standard level.

The front end makes every later descriptor independent of gain and of silence around the
speech: levels are compared with the utterance's own, never with full scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.dsp import Array

RATE_HZ: Final = 16_000
FRAME_SAMPLES: Final = 400
HOP_SAMPLES: Final = 160
BLOCK_SAMPLES: Final = 80
ACTIVE_RMS: Final = 0.05
BELOW_LEVEL_DB: Final = 35.0
ABOVE_FLOOR_DB: Final = 6.0
UNDER_LEVEL_DB: Final = 6.0
DEEP_SILENCE_DB: Final = 60.0
MARGIN_FRAMES: Final = 5
SHORTEST_SAMPLES: Final = 8_000
SMALLEST_POWER: Final = 1e-30


@dataclass(frozen=True)
class Speech:
    """The active part of an utterance.

    Attributes
    ----------
    samples : ndarray, shape (n,), float32
        Mono, 16 kHz, no DC, RMS of the active frames ``ACTIVE_RMS``.
    active : ndarray, shape (frames,), bool
        Frames above the activity threshold.
    start : int
        Index of the first sample in the signal, a multiple of the hop.
    offset, gain : float
        The samples are the signal there less ``offset``, times ``gain``.
    """

    samples: Array
    active: NDArray[np.bool_]
    start: int = 0
    offset: float = 0.0
    gain: float = 1.0


def compute_frame_powers(samples: Array) -> Array:
    """Variance of each 25 ms frame, every 10 ms; shape (frames,).

    Frames are sums of five 5 ms blocks, so each sample is squared once. The frame's own mean
    is left out: a DC offset must not turn digital silence into a background.
    """
    blocks = len(samples) // BLOCK_SAMPLES
    shaped = samples[: blocks * BLOCK_SAMPLES].reshape(blocks, BLOCK_SAMPLES)
    energy = np.einsum("bs,bs->b", shaped, shaped, dtype=np.float64)
    offset = shaped.sum(axis=1, dtype=np.float64)
    powers = _sum_blocks(energy) / FRAME_SAMPLES - (_sum_blocks(offset) / FRAME_SAMPLES) ** 2
    return np.maximum(powers, 0.0).astype(np.float32)


def _sum_blocks(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the five blocks of each frame."""
    width = FRAME_SAMPLES // BLOCK_SAMPLES
    step = HOP_SAMPLES // BLOCK_SAMPLES
    count = max(len(blocks) - width + 1, 0)
    total = blocks[:count:step]
    for offset in range(1, width):
        total = total + blocks[offset : offset + count : step]
    return total


def measure_speech_level(powers: Array) -> float:
    """Level of the loud frames, as power: the mean frame power weighted by power itself.

    Unlike a percentile it does not move when silence is added around the speech.
    """
    wide = powers.astype(np.float64)
    return float(np.dot(wide, wide) / max(float(wide.sum()), SMALLEST_POWER))


def find_activity_threshold_db(levels_db: Array) -> float:
    """Threshold of activity, in dB relative to the speech level.

    35 dB under the speech, or 6 dB over the background where that is higher, yet always at
    least 6 dB under the speech. The background is the 10th percentile of the frames that
    are less than 60 dB down, so that digital silence does not count as a background.
    """
    heard = levels_db[levels_db > -DEEP_SILENCE_DB]
    background = float(np.percentile(heard, 10)) if heard.size else -DEEP_SILENCE_DB
    return min(max(-BELOW_LEVEL_DB, background + ABOVE_FLOOR_DB), -UNDER_LEVEL_DB)


def _find_bounds(active: NDArray[np.bool_], length: int) -> tuple[int, int]:
    """First and last sample to keep: the active frames, a margin, and at least 0.5 s."""
    frames = np.flatnonzero(active)
    start = max(int(frames[0]) - MARGIN_FRAMES, 0) * HOP_SAMPLES
    stop = (int(frames[-1]) + MARGIN_FRAMES) * HOP_SAMPLES + FRAME_SAMPLES
    stop = min(stop, length)
    missing = SHORTEST_SAMPLES - (stop - start)
    if missing > 0:
        start = max(start - missing // 2 // HOP_SAMPLES * HOP_SAMPLES, 0)
        stop = min(start + SHORTEST_SAMPLES, length)
        start = max(stop - SHORTEST_SAMPLES, 0)
    return start, stop


def find_speech(samples: Array) -> Speech:
    """Cut an utterance to its active part and bring that to the standard level.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        Mono at 16 kHz, finite, at least one frame long.

    Returns
    -------
    Speech
        All of the signal, unscaled, when it is digital silence.
    """
    peak = float(np.max(np.abs(samples)))
    if peak == 0.0:
        frames = 1 + (len(samples) - FRAME_SAMPLES) // HOP_SAMPLES
        return Speech(samples, np.ones(frames, dtype=np.bool_))
    scaled = samples / np.float32(peak)
    powers = compute_frame_powers(scaled)
    level = max(measure_speech_level(powers), SMALLEST_POWER)
    levels_db = 10.0 * np.log10(powers / np.float32(level) + np.float32(1e-10))
    active = levels_db > find_activity_threshold_db(levels_db)
    if not active.any():
        active[:] = True
    start, stop = _find_bounds(active, len(scaled))
    kept = scaled[start:stop]
    offset = kept.mean(dtype=np.float64).astype(np.float32)
    kept = kept - offset
    first = start // HOP_SAMPLES
    frames = 1 + (len(kept) - FRAME_SAMPLES) // HOP_SAMPLES
    active = active[first : first + frames]
    power = (
        float(compute_frame_powers(kept)[: len(active)][active].mean()) if active.any() else level
    )
    gain = np.float32(ACTIVE_RMS / np.sqrt(max(power, SMALLEST_POWER)))
    return Speech(kept * gain, active, start, float(offset) * peak, float(gain) / peak)
