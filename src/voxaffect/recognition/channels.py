"""Channels of a recording: their choice and their comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import MIN_PEAK, Block, Blocks, Mixer, Samples
from voxaffect.errors import AudioError
from voxaffect.records.arguments import is_known
from voxaffect.records.choices import CHANNELS

MOST_CHANNELS: Final = 64
"""Channels that can be recognized each by itself: bounds the memory."""
SILENT_DB: Final = 45.0
"""A channel so far under the other one is silent."""
LEAST_CORRELATION: Final = 0.3
"""Channels of the same sound correlate more, if it reaches both at the same time."""
LEAST_LEVEL_CORRELATION: Final = 0.75
"""Levels of one voice correlate more over time, whatever the delay, gain, polarity or room."""
LEVEL_RATE_HZ: Final = 100
MOST_LEVEL_LAG: Final = 5
MOST_LEVELS: Final = 600 * LEVEL_RATE_HZ
"""Levels of the first ten minutes are compared: bounds the memory."""

TakeChannel = Callable[[Block], Samples]


def check_channels(channels: str) -> None:
    """Refuse an unknown choice of channels.

    Raises
    ------
    AudioError
    """
    if not is_known(channels, CHANNELS):
        raise AudioError(f"no channels {channels!r}; there are: {', '.join(CHANNELS)}.")


def choose_channels(
    channels: str, recording: Blocks, mixer: Mixer
) -> list[tuple[str, TakeChannel]]:
    """Choose channels: the name of each, and a function that takes it from a block.

    Parameters
    ----------
    channels : str
        One of `CHANNELS`.
    recording : Blocks
    mixer : Mixer
        Mixes the channels down.

    Raises
    ------
    AudioError
        If there is no such choice, the recording has no such channel, or it has too many.
    """
    check_channels(channels)
    if channels == "mix":
        return [("mix", mixer.mix)]
    if channels == "each":
        if recording.channels > MOST_CHANNELS:
            raise AudioError(
                f"{recording.name}: has {recording.channels} channels, at most {MOST_CHANNELS} "
                "can be recognized each by itself. Take the mix."
            )
        return [(str(number + 1), _take_only(number)) for number in range(recording.channels)]
    number = ("left", "right").index(channels)
    if recording.channels < 2:
        raise AudioError(
            f"{recording.name}: has {recording.channels} channel, expected 2 to take the "
            f"{channels} one. Take the mix."
        )
    return [(channels, _take_only(number))]


def _take_only(number: int) -> TakeChannel:
    return lambda block: np.ascontiguousarray(block[:, number])


class ChannelComparison:
    """Comparison of two channels, block by block.

    Recordings with another number of channels are not compared.

    Parameters
    ----------
    rate_hz : int
    """

    def __init__(self, rate_hz: int) -> None:
        self._frame = max(1, rate_hz // LEVEL_RATE_HZ)
        self._rest = np.zeros((2, 0), np.float32)
        self._levels: list[NDArray[np.float32]] = []
        self._level_count = 0
        self._count = 0
        self._sums = np.zeros(2)
        self._products = np.zeros((2, 2))

    def add(self, block: Block) -> None:
        """Add the next block."""
        if block.shape[1] != 2 or not len(block):
            return
        pair = np.ascontiguousarray(block.T)
        self._count += len(block)
        self._sums += pair.sum(axis=1, dtype=np.float64)
        scale = max(float(np.abs(pair).max()), MIN_PEAK)  # powers must not overflow
        scaled = pair / np.float32(scale)
        self._products += (scaled @ scaled.T).astype(np.float64) * scale**2
        if self._level_count < MOST_LEVELS:
            self._add_levels(pair)

    def _add_levels(self, pair: Samples) -> None:
        """Keep the level of every 10 ms, without DC."""
        if self._rest.size:
            pair = np.concatenate([self._rest, pair], axis=1)
        count = pair.shape[1] // self._frame
        whole, self._rest = np.split(pair, [count * self._frame], axis=1)
        scale = np.float32(max(float(np.abs(whole).max(initial=0.0)), MIN_PEAK))  # no overflow
        frames = whole.reshape(2, count, self._frame) / scale
        frames -= frames.mean(axis=2, keepdims=True)
        powers = np.einsum("ijk,ijk->ij", frames, frames) / self._frame
        self._levels.append(np.sqrt(powers) * scale)
        self._level_count += count

    @property
    def are_different(self) -> bool:
        """True if both channels hold sound, and not the same: two people, perhaps.

        The same sound correlates in the waveforms; or, where a delay or a room hides that, in
        the levels over time, at a lag of up to 50 ms.
        """
        if not self._count:
            return False
        means = self._sums / self._count
        covariance = self._products / self._count - np.outer(means, means)
        powers = np.diag(covariance)
        if not powers.min() > powers.max() * 10.0 ** (-SILENT_DB / 10.0):
            return False
        if covariance[0, 1] >= LEAST_CORRELATION * np.sqrt(powers[0] * powers[1]):
            return False
        return _correlate_levels(*np.concatenate(self._levels, axis=1)) < LEAST_LEVEL_CORRELATION


def _correlate_levels(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Largest correlation of two levels over time, over the lags."""
    best = 0.0
    for lag in range(-MOST_LEVEL_LAG, MOST_LEVEL_LAG + 1):
        one, other = first[max(lag, 0) :], second[max(-lag, 0) :]
        length = min(len(one), len(other))
        if length < 2:
            continue
        centered = [part[:length] - part[:length].mean(dtype=np.float64) for part in (one, other)]
        norms = float(np.linalg.norm(centered[0]) * np.linalg.norm(centered[1]))
        if norms > 0:
            best = max(best, float(np.dot(*centered)) / norms)
    return best


class ChannelReader:
    """Sound of the chosen channels of an open recording, block by block.

    Parameters
    ----------
    recording : Blocks
    channels : str
        One of `CHANNELS`.

    Raises
    ------
    AudioError
        As `choose_channels`; and, at the end, if the channels cancel each other in the mix.
    """

    def __init__(self, recording: Blocks, channels: str) -> None:
        mixer = Mixer()
        chosen = choose_channels(channels, recording, mixer)
        self.recording = recording
        self.names = tuple(name for name, _ in chosen)
        self.comparison = ChannelComparison(recording.rate_hz)
        self.frames = 0
        self.is_finished = False
        self._takers = [take for _, take in chosen]
        self._mixer = mixer
        self._blocks = self._take_blocks(is_mix=channels == "mix")

    def __iter__(self) -> Iterator[tuple[Samples, ...]]:
        return self._blocks

    def read_beginning(self, seconds: float) -> list[tuple[Samples, ...]]:
        """Blocks until more than so many seconds are read, or all: then `is_finished` is true."""
        parts = []
        for part in self._blocks:
            parts.append(part)
            if self.frames > seconds * self.recording.rate_hz:
                break
        return parts

    def _take_blocks(self, *, is_mix: bool) -> Iterator[tuple[Samples, ...]]:
        for block in self.recording:
            part = tuple(take(block) for take in self._takers)
            self.frames += len(block)
            if is_mix:
                self.comparison.add(block)
            yield part
        self.is_finished = True
        self._mixer.check(self.recording.name)
