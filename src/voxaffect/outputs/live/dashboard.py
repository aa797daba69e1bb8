"""The live view: a scene becomes something that rich can draw. A pure function."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from voxaffect.files import escape_control
from voxaffect.outputs.figures.palette import looks
from voxaffect.outputs.live.plain import clock
from voxaffect.recognition.display import format_probability
from voxaffect.recognition.live.state import LEAST_DB, STRIP_SECONDS, Scene

BAR_CELLS = 30
METER_CELLS = 30
CLIPPED = 0.999
FAINT_DB = -50.0
SILENCE = "·"


def letters(emotions: Sequence[str]) -> dict[str, str]:
    """One capital letter for each emotion, its first that is still free."""
    found: dict[str, str] = {}
    for emotion in emotions:
        spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        free = (mark for mark in emotion.upper() + spare if mark not in found.values())
        found[emotion] = next(mark for mark in free if mark in spare)
    return found


def view(scene: Scene) -> Panel:
    """Draw a scene: what is heard now, how surely, and the last minute.

    Nothing is said by color alone: emotions have names and letters, bars have numbers.
    """
    title = f"{escape_control(scene.name)}  {clock(scene.seconds)}"
    gap = Text()
    parts = Group(_level(scene), gap, _now(scene), gap, _bars(scene), gap, _strip(scene))
    return Panel(parts, title=Text(title), subtitle=Text("Ctrl-C ends"), width=78)


def _level(scene: Scene) -> Text:
    full = round(METER_CELLS * (scene.level_db - LEAST_DB) / -LEAST_DB)
    full = min(max(full, 0), METER_CELLS)
    text = Text("level  ")
    text.append("█" * full + "░" * (METER_CELLS - full))
    text.append(f"  {scene.level_db:.0f} dBFS")
    if scene.peak >= CLIPPED:
        text.append("  too loud: clipped", style="bold")
    elif scene.emotion is not None and scene.held_db < FAINT_DB:
        text.append("  faint", style="bold")
    return text


def _now(scene: Scene) -> Text:
    if scene.emotion is None:
        return Text("silence" if scene.strip or scene.totals else "listening …", style="dim")
    probability = scene.probabilities[scene.emotion]
    doubt = "  uncertain" if scene.uncertain else ""
    name, number = escape_control(scene.emotion).upper(), format_probability(probability)
    return Text(f"{name}  {number}{doubt}", style="bold")


def _bars(scene: Scene) -> Table:
    marks, look = letters(scene.emotions), looks(scene.emotions)
    table = Table.grid(padding=(0, 1))
    for emotion in scene.emotions:
        probability = scene.probabilities.get(emotion, 0.0)
        full = round(BAR_CELLS * probability)
        bar = Text("█" * full)  # not in the emotion's color: some are dark, as terminals are
        bar.append("░" * (BAR_CELLS - full), style="dim")
        style = "bold" if emotion == scene.emotion else ""
        number = format_probability(probability) if scene.probabilities else ""
        mark = Text(marks[emotion], style=f"bold {_ink(look[emotion].color)}")
        table.add_row(mark, Text(escape_control(emotion), style=style), bar, number)
    return table


def _strip(scene: Scene) -> Text:
    """A letter a second; the newest on the right."""
    marks, look = letters(scene.emotions), looks(scene.emotions)
    newest = max(floor(scene.seconds), STRIP_SECONDS - 1)
    text = Text(f"last {STRIP_SECONDS} s  ", no_wrap=True, overflow="crop")
    for second in range(newest - STRIP_SECONDS + 1, newest + 1):
        emotion = scene.strip.get(second)
        if emotion is None:
            text.append(SILENCE if second <= scene.seconds else " ", style="dim")
        else:
            text.append(marks[emotion], style=f"bold {_ink(look[emotion].color)}")
    return text


def _ink(paper: str) -> str:
    """Black or white, whichever contrasts more with a color such as ``#332288``, on it.

    References : WCAG 2.2, relative luminance; the two contrasts are equal at 0.179.
    """
    shares = (int(paper[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return f"{'black' if luminance > 0.179 else 'white'} on {paper}"
