"""Envelope of a sound: the lowest and highest sample over even stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import mix_down, open_blocks

Envelope = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Lowest and highest samples, of the same shape (n,)."""


def compute_envelopes(
    recording: Path | bytes,
    channels: Sequence[str],
    *,
    points: int = 2_000,
    bin_seconds: float = 0.01,
) -> list[Envelope]:
    """Envelopes of some channels, from one reading in blocks.

    Parameters
    ----------
    recording : Path or bytes
    channels : sequence of str
        As timelines name them.
    points : int
        Largest number of stretches.
    bin_seconds : float
        Shortest stretch.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    lows: list[list[NDArray[np.float32]]] = [[] for _ in channels]
    highs: list[list[NDArray[np.float32]]] = [[] for _ in channels]
    with open_blocks(recording) as blocks:
        step = max(1, round(blocks.rate_hz * bin_seconds))
        for block in blocks:
            starts = np.arange(0, len(block), step)
            for channel, low, high in zip(channels, lows, highs, strict=True):
                samples = select_channel(block, channel)
                low.append(np.minimum.reduceat(samples, starts))
                high.append(np.maximum.reduceat(samples, starts))
    return [
        _shorten(np.concatenate(low), np.concatenate(high), points)
        for low, high in zip(lows, highs, strict=True)
    ]


def _shorten(low: NDArray[np.float32], high: NDArray[np.float32], points: int) -> Envelope:
    starts = np.arange(0, len(low), -(-len(low) // points))
    return np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)


def select_channel(block: NDArray[np.float32], channel: str) -> NDArray[np.float32]:
    """Samples of a channel of a block, or of the mix, by the name that a timeline has."""
    if channel == "mix":
        return mix_down(block)
    number = {"left": 0, "right": 1}.get(channel)
    return block[:, int(channel) - 1 if number is None else number]
