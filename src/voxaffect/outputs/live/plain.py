"""A live session as plain lines: for pipes, logs, and the end of every session."""

from __future__ import annotations

from voxaffect.recognition import Event, Update, Window
from voxaffect.recognition.display import format_probability
from voxaffect.recognition.live.state import Scene


def clock(seconds: float) -> str:
    """Return a moment as ``m:ss.s``, or ``h:mm:ss.s`` from an hour on."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def line(event: Event) -> str | None:
    """One line for an event; None for a window, which says nothing that its update does not."""
    if isinstance(event, Window):
        return None
    doubt = "  uncertain" if event.uncertain else ""
    if not isinstance(event, Update):
        return (
            f"segment  {clock(event.start_seconds)} to {clock(event.end_seconds)}  "
            f"{event.emotion} {format_probability(event.confidence)}{doubt}"
        )
    if event.emotion is None:
        return f"silence  {clock(event.seconds)}"
    probability = event.probabilities[event.emotion]
    return (
        f"now      {clock(event.seconds)}  {event.emotion} {format_probability(probability)}{doubt}"
    )


def summary(scene: Scene) -> str:
    """Say how long each emotion was heard."""
    speech = sum(scene.totals.values())
    if not speech:
        return f"{clock(scene.seconds)} heard, no speech."
    ranked = sorted(scene.totals.items(), key=lambda item: -item[1])
    shares = ", ".join(
        f"{emotion} {clock(seconds)} ({100 * seconds / speech:.0f} %)"
        for emotion, seconds in ranked
    )
    return f"{clock(scene.seconds)} heard, {clock(speech)} of it speech: {shares}."
