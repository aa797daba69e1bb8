"""A live session as plain lines: for pipes, logs, and the end of every session."""

from __future__ import annotations

from voxaffect.outputs.summary import format_clock, format_times
from voxaffect.recognition import Event, Update, Window
from voxaffect.recognition.display import format_probability
from voxaffect.recognition.live.state import SessionState


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
    return format_times(state.seconds, state.totals)
