"""Where the sound of a recording is, and how much of it the file itself promises."""

from __future__ import annotations

from dataclasses import dataclass

from voxaffect.audio.content import Content, View
from voxaffect.errors import AudioError


@dataclass(frozen=True, eq=False)
class Part:
    """One stream of sound; a file that was joined from several has several.

    Parameters
    ----------
    view : View
        Bytes that the decoder is given.
    frames : int, optional
        Samples a channel that the file's header promises. None if it promises nothing: a
        decoder's estimate is no promise.
    is_estimated : bool
        Whether the decoder estimates the length from the first bytes and stops there.
    """

    view: View
    frames: int | None = None
    is_estimated: bool = False


def cut_short(name: str, promised: int, held: int | None, unit: str) -> AudioError:
    """Error for a file that ends before its own header says; it holds an unknown number if None."""
    end = "it ends before" if held is None else f"it holds {held}"
    return AudioError(
        f"{name}: cut short, its header promises {promised} {unit} and {end}. "
        "Copy or download it again."
    )


def check_alone(content: Content, end: int, mark: bytes) -> None:
    """Refuse a file behind whose end another recording begins: no program would read it.

    Parameters
    ----------
    content : Content
    end : int
        Offset behind the recording, without a pad byte.
    mark : bytes
        With which a recording of this kind begins.

    Raises
    ------
    AudioError
    """
    behind = content.read(end, len(mark) + 1)
    if mark in (behind[:-1], behind[1:]):
        raise second_recording(content.name, end)


def second_recording(name: str, start: int) -> AudioError:
    """Error for a file in which another recording begins behind the first."""
    return AudioError(
        f"{name}: holds another recording behind the first, at byte {start}. Take them apart."
    )


def damaged(name: str, reason: str) -> AudioError:
    """Error for a file in which something is broken."""
    return AudioError(f"{name}: damaged, {reason}. Copy or download it again.")
