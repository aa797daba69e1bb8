"""An open recording: what decoders give, and readers iterate over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]
BLOCK_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """An open recording: its parameters, and its sound, once, by iteration.

    Parameters
    ----------
    name : str
        What messages call it.
    rate_hz : int
    channels : int
    frames : int
        Samples a channel that the header states: it may be wrong. 0 if it states none.
    blocks : iterator of ndarray, shape (n, channels), float32
        Two seconds each but the last. They raise AudioError where the recording breaks.
    container, encoding : str
        As libsndfile calls them, such as ``WAV`` and ``PCM_16``; empty for an array.
    seek : callable, optional
        Moves to a sample, before the first block is read. None where that is not exact.
    """

    name: str
    rate_hz: int
    channels: int
    frames: int
    blocks: Iterator[Block]
    container: str = ""
    encoding: str = ""
    seek: Callable[[int], None] | None = None

    def __iter__(self) -> Iterator[Block]:
        return self.blocks
