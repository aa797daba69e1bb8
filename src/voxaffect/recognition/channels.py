"""Channels of a recording: their choice and their comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import MIN_PEAK, Block, Blocks, Mixer, Samples
from voxaffect.errors import ArgumentError, AudioError
from voxaffect.files import escape_control
from voxaffect.records.arguments import check_kind, check_list, is_known
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
_LONGEST_SHOWN: Final = 80
MOST_LEVELS: Final = 600 * LEVEL_RATE_HZ
"""Levels of the first ten minutes are compared: bounds the memory."""

TakeChannel = Callable[[Block], Samples]


@dataclass(frozen=True)
class ChannelChoice:
    """Choice of channels, with the names that a caller gives to the channels of a recording.

    Parameters
    ----------
    channels : str
        One of `CHANNELS`.
    names : tuple of str
        Of every channel of the recording, in order; empty if they have none.
    """

    channels: str = "mix"
    names: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """The choice as JSON values."""
        names = {"channel_names": list(self.names)} if self.names else {}
        return {"channels": self.channels, **names}

    def get_name(self, channel: str) -> str | None:
        """Name of a channel, which results call ``left``, ``right`` or by its number."""
        if not self.names or channel == "mix":
            return None
        number = {"left": 1, "right": 2}.get(channel) or int(channel)
        return self.names[number - 1]

    def check_recording(self, recording: Blocks) -> None:
        """Refuse a recording with another number of channels than there are names.

        Raises
        ------
        AudioError
        """
        count = recording.channels
        if self.names and count != len(self.names):
            raise AudioError(
                f"{recording.name}: has {count} channel{'s' * (count > 1)}, expected "
                f"{len(self.names)} for the channel names {', '.join(self.names)}. Give one name "
                "for each channel, in their order, or none."
            )


MIX: Final = ChannelChoice()
"""All channels, mixed."""


def make_choice(channels: str, channel_names: Iterable[str] | None = None) -> ChannelChoice:
    """Choice of channels that a caller made.

    Parameters
    ----------
    channels : str
        One of `CHANNELS`.
    channel_names : iterable of str, optional
        Of every channel of a recording, in order.

    Raises
    ------
    AudioError
        If there is no such choice.
    ArgumentError
        If the channels are mixed, or the names are no names or not all different.

    Examples
    --------
    >>> make_choice("each", ["agent", "customer"]).get_name("2")
    'customer'
    """
    if not is_known(channels, CHANNELS):
        raise AudioError(f"no channels {channels!r}; there are: {', '.join(CHANNELS)}.")
    if channel_names is None:
        return ChannelChoice(channels)
    listed = check_list(channel_names, "channel_names", "one name for each channel")
    for name in listed:
        check_kind(name, str, "channel_names", "one name for each channel")
    names = tuple(name.strip() for name in listed)
    _check_names(names)
    if channels == "mix":
        raise ArgumentError(
            "channel_names: expected channels each, left or right; found mix, which has no names. "
            "Choose each, or leave out the names."
        )
    return ChannelChoice(channels, names)


def _check_names(names: tuple[str, ...]) -> None:
    """Refuse names that could be mistaken for others."""
    shown = escape_control(", ".join(names))[:_LONGEST_SHOWN]
    if not names or not all(names):
        reason = "an empty one"
    elif any("," in name for name in names):
        reason = "one with a comma"
    elif any(escape_control(name) != name for name in names):
        reason = "one with control characters"
    elif len(set(names)) < len(names):
        reason = "one twice"
    else:
        return
    raise ArgumentError(
        f"channel_names: expected one name for each channel, such as agent,customer; found "
        f"{reason} ({shown or 'none'}). Give every channel its own name."
    )


def choose_channels(
    choice: ChannelChoice, recording: Blocks, mixer: Mixer
) -> list[tuple[str, TakeChannel]]:
    """Choose channels: what results call each, and a function that takes it from a block.

    Parameters
    ----------
    choice : ChannelChoice
    recording : Blocks
    mixer : Mixer
        Mixes the channels down.

    Raises
    ------
    AudioError
        If the recording has no such channel, too many, or not one for each name.
    """
    channels = choice.channels
    if channels == "mix":
        return [("mix", mixer.mix)]
    if channels == "each":
        if recording.channels > MOST_CHANNELS:
            raise AudioError(
                f"{recording.name}: has {recording.channels} channels, at most {MOST_CHANNELS} "
                "can be recognized each by itself. Take the mix."
            )
        choice.check_recording(recording)
        return [(str(number + 1), _take_only(number)) for number in range(recording.channels)]
    number = ("left", "right").index(channels)
    if recording.channels < 2:
        raise AudioError(
            f"{recording.name}: has {recording.channels} channel, expected 2 to take the "
            f"{channels} one. Take the mix."
        )
    choice.check_recording(recording)
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
    choice : ChannelChoice

    Raises
    ------
    AudioError
        As `choose_channels`; and, at the end, if the channels cancel each other in the mix.
    """

    def __init__(self, recording: Blocks, choice: ChannelChoice) -> None:
        mixer = Mixer()
        chosen = choose_channels(choice, recording, mixer)
        self.recording = recording
        self.choice = choice
        self.channels = tuple(channel for channel, _ in chosen)
        self.comparison = ChannelComparison(recording.rate_hz)
        self.frames = 0
        self.is_finished = False
        self._takers = [take for _, take in chosen]
        self._mixer = mixer
        self._blocks = self._take_blocks(is_mix=choice.channels == "mix")

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
