"""A live session as plain lines: for pipes, logs, and the end of every session."""

from __future__ import annotations

from voxaffect.recognition import Event, Update, Window
from voxaffect.recognition.display import format_probability
from voxaffect.recognition.live.state import SessionState


def format_clock(seconds: float) -> str:
    """Format a moment as ``m:ss.s``, or ``h:mm:ss.s`` from an hour on."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest_text = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{rest_text}" if hours else f"{minutes}:{rest_text}"


def format_event(event: Event) -> str | None:
    """Format an event as one line; None for a window, whose update has the same content."""
    if isinstance(event, Window):
        return None
    doubt = "  uncertain" if event.uncertain else ""
    if not isinstance(event, Update):
        return (
            f"segment  {format_clock(event.start_seconds)} to {format_clock(event.end_seconds)}  "
            f"{event.emotion} {format_probability(event.confidence)}{doubt}"
        )
    if event.emotion is None:
        return f"silence  {format_clock(event.seconds)}"
    number = format_probability(event.probabilities[event.emotion])
    return f"now      {format_clock(event.seconds)}  {event.emotion} {number}{doubt}"


def format_summary(state: SessionState) -> str:
    """Format the time of each emotion."""
    speech = sum(state.totals.values())
    if not speech:
        return f"{format_clock(state.seconds)} heard, no speech."
    ranked = sorted(state.totals.items(), key=lambda item: -item[1])
    shares = ", ".join(
        f"{emotion} {format_clock(seconds)} ({100 * seconds / speech:.0f} %)"
        for emotion, seconds in ranked
    )
    return f"{format_clock(state.seconds)} heard, {format_clock(speech)} of it speech: {shares}."
