"""State of a live session: a value, and the step from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor

import numpy as np

from voxaffect.audio import Samples
from voxaffect.recognition import Event, Segment, Update, Window

STRIP_SECONDS = 60
LEAST_DB = -80.0
FALL_DB_PER_SECOND = 3.0


@dataclass(frozen=True)
class SessionState:
    """State of a live session at a moment.

    Parameters
    ----------
    name : str
        Of the sound source.
    emotions : tuple of str
        In the model's order.
    seconds : float
        Sound heard so far.
    level_db : float
        RMS of the last block in dBFS, at least −80.
    held_db : float
        Peak hold: the loudest recent level; it falls by 3 dB a second.
    peak : float
        Of the last block, as a share of full scale.
    emotion : str or None
        The present one; None in silence.
    probabilities : mapping of str to float
        Of every emotion, by all that was heard so far; empty in silence.
    uncertain : bool
        Whether the present emotion is.
    strip : mapping of int to str
        Emotion of each second of the last minute, by its number; silent seconds are left out.
    totals : mapping of str to float
        Seconds of each emotion in the segments so far.
    """

    name: str
    emotions: tuple[str, ...]
    seconds: float = 0.0
    level_db: float = LEAST_DB
    held_db: float = LEAST_DB
    peak: float = 0.0
    emotion: str | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    uncertain: bool = False
    strip: Mapping[int, str] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)
    window: Window | None = None


def advance_state(
    state: SessionState, block: Samples, *, seconds: float, events: Sequence[Event]
) -> SessionState:
    """Next state.

    Parameters
    ----------
    state : SessionState
    block : ndarray, shape (n,)
        Newest sound; may be empty.
    seconds : float
        Sound heard so far, with the block.
    events : sequence of Window, Update and Segment
        Events that the block brought.
    """
    for event in events:
        state = _apply_event(state, event)
    oldest = floor(seconds) - STRIP_SECONDS
    strip = {second: emotion for second, emotion in state.strip.items() if second > oldest}
    held_db = max(LEAST_DB, state.held_db - FALL_DB_PER_SECOND * (seconds - state.seconds))
    state = replace(state, seconds=seconds, strip=strip, held_db=held_db)
    if not len(block):
        return state
    power = float(np.mean(np.square(block, dtype=np.float64)))
    level_db = max(LEAST_DB, 10.0 * float(np.log10(max(power, 1e-12))))
    held_db = max(level_db, held_db)
    return replace(state, level_db=level_db, held_db=held_db, peak=float(np.abs(block).max()))


def _apply_event(state: SessionState, event: Event) -> SessionState:
    if isinstance(event, Window):
        return replace(state, window=event)
    if isinstance(event, Segment):
        length = event.end_seconds - event.start_seconds
        totals = {**state.totals, event.emotion: state.totals.get(event.emotion, 0.0) + length}
        return replace(state, totals=totals, strip=_paint_segment(state.strip, event))
    assert isinstance(event, Update)
    strip = state.strip
    if event.emotion is not None and state.window is not None:
        # The part that no earlier window covered: the rest was painted already.
        start = state.window.start_seconds
        new = [second for second in range(floor(start), ceil(event.seconds)) if second not in strip]
        strip = {**strip, **dict.fromkeys(new, event.emotion)}
    return replace(
        state,
        emotion=event.emotion,
        probabilities=dict(event.probabilities),
        uncertain=event.uncertain,
        strip=strip,
    )


def _paint_segment(strip: Mapping[int, str], segment: Segment) -> dict[int, str]:
    """Give the seconds that a segment mostly covers its emotion: it is smoothed."""
    first, last = round(segment.start_seconds), round(segment.end_seconds)
    return {**strip, **dict.fromkeys(range(first, last), segment.emotion)}
