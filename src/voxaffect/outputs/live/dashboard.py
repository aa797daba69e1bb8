"""Dashboard of a live session, drawn with rich: a pure function of its state."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from voxaffect.files import escape_control
from voxaffect.outputs.figures.palette import assign_styles
from voxaffect.outputs.summary import format_clock
from voxaffect.recognition.display import format_probability
from voxaffect.recognition.live.state import LEAST_DB, STRIP_SECONDS, SessionState

BAR_CELLS = 30
METER_CELLS = 30
CLIPPED = 0.999
FAINT_DB = -50.0
SILENCE = "·"


def assign_letters(emotions: Sequence[str]) -> dict[str, str]:
    """Assign a capital letter to each emotion, its first that is still free."""
    marks: dict[str, str] = {}
    for emotion in emotions:
        spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        free = (mark for mark in emotion.upper() + spare if mark not in marks.values())
        marks[emotion] = next(mark for mark in free if mark in spare)
    return marks


def draw_dashboard(state: SessionState) -> Panel:
    """Draw the present emotion, the probabilities, and the last minute.

    Color is never the only mark: emotions have names and letters, bars have numbers.
    """
    title = f"{escape_control(state.name)}  {format_clock(state.seconds)}"
    gap = Text()
    parts = Group(
        _draw_level(state),
        gap,
        _draw_emotion(state),
        gap,
        _draw_bars(state),
        gap,
        _draw_strip(state),
    )
    return Panel(parts, title=Text(title), subtitle=Text("Ctrl-C ends"), width=78)


def _draw_level(state: SessionState) -> Text:
    full = round(METER_CELLS * (state.level_db - LEAST_DB) / -LEAST_DB)
    full = min(max(full, 0), METER_CELLS)
    text = Text("level  ")
    text.append("█" * full + "░" * (METER_CELLS - full))
    text.append(f"  {state.level_db:.0f} dBFS")
    if state.peak >= CLIPPED:
        text.append("  too loud: clipped", style="bold")
    elif state.emotion is not None and state.held_db < FAINT_DB:
        text.append("  faint", style="bold")
    return text


def _draw_emotion(state: SessionState) -> Text:
    if state.emotion is None:
        return Text("silence" if state.strip or state.totals else "listening …", style="dim")
    probability = state.probabilities[state.emotion]
    doubt = "  uncertain" if state.uncertain else ""
    name, number = escape_control(state.emotion).upper(), format_probability(probability)
    return Text(f"{name}  {number}{doubt}", style="bold")


def _draw_bars(state: SessionState) -> Table:
    marks, styles = assign_letters(state.emotions), assign_styles(state.emotions)
    table = Table.grid(padding=(0, 1))
    for emotion in state.emotions:
        probability = state.probabilities.get(emotion, 0.0)
        full = round(BAR_CELLS * probability)
        bar = Text("█" * full)  # not in the emotion's color: some are dark, as terminals are
        bar.append("░" * (BAR_CELLS - full), style="dim")
        style = "bold" if emotion == state.emotion else ""
        number = format_probability(probability) if state.probabilities else ""
        mark = Text(marks[emotion], style=f"bold {_choose_ink(styles[emotion].color)}")
        table.add_row(mark, Text(escape_control(emotion), style=style), bar, number)
    return table


def _draw_strip(state: SessionState) -> Text:
    """Draw a letter a second; the newest on the right."""
    marks, styles = assign_letters(state.emotions), assign_styles(state.emotions)
    newest = max(floor(state.seconds), STRIP_SECONDS - 1)
    text = Text(f"last {STRIP_SECONDS} s  ", no_wrap=True, overflow="crop")
    for second in range(newest - STRIP_SECONDS + 1, newest + 1):
        emotion = state.strip.get(second)
        if emotion is None:
            text.append(SILENCE if second <= state.seconds else " ", style="dim")
        else:
            text.append(marks[emotion], style=f"bold {_choose_ink(styles[emotion].color)}")
    return text


def _choose_ink(paper: str) -> str:
    """Return black or white on a color such as ``#332288``, whichever contrasts more.

    References : WCAG 2.2, relative luminance; the two contrasts are equal at 0.179.
    """
    shares = (int(paper[index : index + 2], 16) / 255 for index in (1, 3, 5))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return f"{'black' if luminance > 0.179 else 'white'} on {paper}"
