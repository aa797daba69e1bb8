"""What is known at a moment of a live session: a value, and the step from one to the next."""

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
class Scene:
    """A moment of a live session.

    Parameters
    ----------
    name : str
        Of the feed.
    emotions : tuple of str
        In the model's order.
    seconds : float
        How much has been heard.
    level_db : float
        RMS of the last block in dBFS, at least −80.
    held_db : float
        The loudest level of late: it falls by 3 dB a second.
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


def after(scene: Scene, block: Samples, *, seconds: float, events: Sequence[Event]) -> Scene:
    """Return the next scene.

    Parameters
    ----------
    scene : Scene
    block : ndarray, shape (n,)
        What was heard; may be empty.
    seconds : float
        How much has been heard with it.
    events : sequence of Window, Update and Segment
        What became known with it.
    """
    for event in events:
        scene = _told(scene, event)
    oldest = floor(seconds) - STRIP_SECONDS
    strip = {second: emotion for second, emotion in scene.strip.items() if second > oldest}
    held_db = max(LEAST_DB, scene.held_db - FALL_DB_PER_SECOND * (seconds - scene.seconds))
    scene = replace(scene, seconds=seconds, strip=strip, held_db=held_db)
    if not len(block):
        return scene
    power = float(np.mean(np.square(block, dtype=np.float64)))
    level_db = max(LEAST_DB, 10.0 * float(np.log10(max(power, 1e-12))))
    held_db = max(level_db, held_db)
    return replace(scene, level_db=level_db, held_db=held_db, peak=float(np.abs(block).max()))


def _told(scene: Scene, event: Event) -> Scene:
    if isinstance(event, Window):
        return replace(scene, window=event)
    if isinstance(event, Segment):
        length = event.end_seconds - event.start_seconds
        totals = {**scene.totals, event.emotion: scene.totals.get(event.emotion, 0.0) + length}
        return replace(scene, totals=totals, strip=_painted(scene.strip, event))
    assert isinstance(event, Update)
    strip = scene.strip
    if event.emotion is not None and scene.window is not None:
        # What the window heard and no window before it: the rest was painted already.
        start = scene.window.start_seconds
        new = [second for second in range(floor(start), ceil(event.seconds)) if second not in strip]
        strip = {**strip, **dict.fromkeys(new, event.emotion)}
    return replace(
        scene,
        emotion=event.emotion,
        probabilities=dict(event.probabilities),
        uncertain=event.uncertain,
        strip=strip,
    )


def _painted(strip: Mapping[int, str], segment: Segment) -> dict[int, str]:
    """Give the seconds whose greater part a segment holds its emotion: it knows better."""
    first, last = round(segment.start_seconds), round(segment.end_seconds)
    return {**strip, **dict.fromkeys(range(first, last), segment.emotion)}
