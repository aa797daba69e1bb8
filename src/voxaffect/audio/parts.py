"""An open recording: the parts that a decoder gets, the blocks that it gives, its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio.content import Content, View
from voxaffect.errors import AudioError

Block = NDArray[np.float32]
BLOCK_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """An open recording: its parameters, and its sound, once, by iteration.

    Parameters
    ----------
    name : str
        Name of the recording in messages.
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


@dataclass(frozen=True, eq=False)
class Part:
    """One stream of sound; a file that was joined from several has several.

    Parameters
    ----------
    view : View
        Bytes that the decoder gets.
    frames : int, optional
        Samples a channel that the file's header promises. None if it promises nothing: a
        decoder's estimate is no promise.
    is_estimated : bool
        Whether the decoder estimates the length from the first bytes and stops there.
    """

    view: View
    frames: int | None = None
    is_estimated: bool = False


def check_alone(content: Content, end: int, mark: bytes) -> None:
    """Refuse a file behind whose end another recording of this mark begins.

    The end is without a pad byte. No program would read the second recording.
    """
    behind = content.read(end, len(mark) + 1)
    if mark in (behind[:-1], behind[1:]):
        raise second_recording_error(content.name, end)


def second_recording_error(name: str, start: int) -> AudioError:
    """Error for a file in which another recording begins behind the first."""
    return AudioError(
        f"{name}: holds another recording behind the first, at byte {start}. Take them apart."
    )


def damage_error(name: str, reason: str) -> AudioError:
    """Error for a file in which something is broken."""
    return AudioError(f"{name}: damaged, {reason}. Copy or download it again.", code="damaged")


def end_error(name: str, reason: str) -> AudioError:
    """Error for a file that ends too early."""
    return AudioError(f"{name}: cut short, {reason}. Copy or download it again.", code="cut_short")


def length_error(name: str, promised: int, held: int | None, unit: str) -> AudioError:
    """Error for a file that is shorter than its header states; `held` is None if not counted."""
    end = "it ends before" if held is None else f"it holds {held}"
    return end_error(name, f"its header promises {promised} {unit} and {end}")


def change_error(
    name: str, before: tuple[int, int], after: tuple[int, int], seconds: float, remedy: str
) -> AudioError:
    """Error for a file whose pair of rate and channels changes on the way."""
    return AudioError(
        f"{name}: changes from {before[0]} Hz, {before[1]} channels, to {after[0]} Hz, {after[1]} "
        f"channels, after {seconds:.1f} s. {remedy}."
    )
