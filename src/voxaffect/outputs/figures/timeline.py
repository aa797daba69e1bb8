"""A timeline as a figure: waveform, emotions of each speaker, and probabilities over time.

It reads without color: hatches and words stand in the strip of emotions, and every
probability has a row of its own, next to its name. Where segments would be too narrow, as in a
recording of ten minutes, the strip shows the share of each emotion in even stretches of time, and
the rows show means over them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import extra
from voxaffect.files import escape_control, write_whole
from voxaffect.outputs.envelope import compute_envelopes
from voxaffect.outputs.figures.circles import shorten_circles
from voxaffect.outputs.figures.palette import assign_styles
from voxaffect.outputs.figures.shares import (
    choose_stretch,
    compute_means,
    compute_shares,
    make_starts,
)
from voxaffect.recognition import Timeline, Window
from voxaffect.recognition.display import name_channel

_WIDTH_INCHES = 10.0
_WAVE_INCHES, _STRIP_INCHES, _ROW_INCHES = 0.9, 0.35, 0.3
_SHARES_INCHES = 1.1
_BAR_SHARE = 0.9
_BELOW_ROWS = 0.5  # apart from the title of the channel below
_LETTER_INCHES = 0.062
_ROW_SHARE = 0.92
_OUTLINED_POINTS = 800  # of more, the outlines would hide the colors
_MINUTES_APART = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240)
_MOST_TICKS = 10
_INK = "#333333"
_PALE = 0.35  # opacity of what is uncertain
_SPEAKER_ROW_SHARE = 0.85  # the rest is a gap to the speaker below
_LONGEST_NAME = 12  # letters of a speaker's name


def check_installed() -> None:
    """Refuse to begin where Matplotlib is missing.

    Raises
    ------
    MissingExtraError
    """
    with extra("plot"):
        import matplotlib  # noqa: F401


def plot(timelines: Sequence[Timeline], path: Path, *, recording: Path | bytes) -> None:
    """Draw the timelines of one recording, one channel under the other.

    The same timelines give the same file, byte by byte, with the same Matplotlib.

    Parameters
    ----------
    timelines : sequence of Timeline
        One a channel.
    path : Path
        Ends in ``.png`` or ``.svg``.
    recording : Path or bytes
        What they are of, for its waveform; read in blocks.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    AudioError
        If the recording cannot be read any more.
    VoxaffectError
        If the file cannot be written.
    """
    check_installed()
    from matplotlib import rc_context, style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(len(one.emotions) for one in timelines)
    stretch = choose_stretch(timelines)
    strip_inches = _SHARES_INCHES if stretch else _STRIP_INCHES
    heights = [
        inches
        for one in timelines
        for inches in (
            _WAVE_INCHES,
            strip_inches * max(len(_list_speakers(one)), 1),
            _ROW_INCHES * (rows + _BELOW_ROWS),
        )
    ]
    settings: dict[Any, Any] = {
        "svg.hashsalt": "voxaffect",
        "svg.fonttype": "none",
        "hatch.linewidth": 0.6,
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.parse_math": False,
    }
    with style.context("default"), rc_context(settings):
        figure = Figure(figsize=(_WIDTH_INCHES, sum(heights) + 0.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(heights), sharex=True, height_ratios=heights)
        for index, timeline in enumerate(timelines):
            wave, strip, curves = axes[3 * index : 3 * index + 3]
            _draw_wave(wave, timeline, recording, is_alone=len(timelines) == 1)
            if speakers := _list_speakers(timeline):
                _draw_speakers(strip, timeline, speakers, stretch)
            elif stretch:
                _draw_shares(strip, timeline, stretch)
            else:
                _draw_strip(strip, timeline)
            _draw_curves(curves, timeline, stretch)
        _draw_time(axes[-1], timelines[0].seconds)
        kind = path.suffix.lower().removeprefix(".")
        dateless = {"Date": None} if kind == "svg" else {"Software": None}
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=150, metadata=dateless)
    content = buffer.getvalue()
    if kind == "svg":
        content = shorten_circles(content.decode()).encode()
    write_whole(path, lambda stream: stream.write(content))


def _draw_wave(axes: Any, timeline: Timeline, recording: Path | bytes, *, is_alone: bool) -> None:
    ((low, high),) = compute_envelopes(recording, [timeline.channel])
    moments = np.linspace(0, timeline.seconds, len(low) + 1)
    axes.stairs(high, moments, baseline=low, fill=True, color=_INK, linewidth=0)
    reach = max(float(np.abs([low, high]).max()), 1e-6)
    axes.set(ylim=(-1.05 * reach, 1.05 * reach), yticks=[])
    name = escape_control(Path(timeline.source).name)
    channel = name_channel(timeline)
    channel = f"channel {channel}" if channel.isdigit() else channel
    is_nameless = is_alone and timeline.channel_name is None
    axes.set_title(name if is_nameless else f"{name}, {channel}", loc="left", fontsize=10, pad=10)
    _bare(axes)


def _list_speakers(timeline: Timeline) -> list[str | None]:
    """Speakers in order of appearance, None for an unknown one; empty without speakers."""
    moments = [(one.start_seconds, one.speaker) for one in timeline.segments]
    moments += [(one.start_seconds, who) for one in timeline.overlaps for who in one.speakers]
    speakers = [*dict.fromkeys(who for _, who in sorted(moments, key=lambda one: one[0]))]
    return speakers if any(who is not None for who in speakers) else []


def _draw_speakers(
    axes: Any, timeline: Timeline, speakers: Sequence[str | None], stretch: int | None
) -> None:
    """Draw a row of segments, or of shares, for each speaker; overlaps have crossed lines."""
    floors = range(len(speakers) - 1, -1, -1)
    for floor, speaker in zip(floors, speakers, strict=True):
        own = tuple(one for one in timeline.segments if one.speaker == speaker)
        row = replace(timeline, segments=own)
        if stretch:
            _draw_bars(axes, row, stretch, floor=floor, height=_SPEAKER_ROW_SHARE)
        else:
            _draw_boxes(axes, row, floor=floor, height=_SPEAKER_ROW_SHARE)
        shared = [
            (one.start_seconds, one.end_seconds - one.start_seconds)
            for one in timeline.overlaps
            if speaker in one.speakers
        ]
        axes.broken_barh(
            shared,
            (floor, _SPEAKER_ROW_SHARE),
            facecolor="white",
            hatch="xxxx",
            edgecolor=_INK,
            linewidth=0.4,
        )
        axes.axhline(floor, color="#DDDDDD", linewidth=0.6, zorder=0)
    notes = [f"share of time\nin each {_name_stretch(stretch)}"] if stretch else []
    if any(segment.uncertain for segment in timeline.segments):
        notes.append("pale: uncertain" if stretch else "pale, with ?:\nuncertain")
    if timeline.overlaps:
        notes.append("crossed lines:\nseveral speakers")
    _write_margin(axes, "\n".join(notes))
    axes.set(
        ylim=(0, len(speakers)),
        yticks=[floor + _SPEAKER_ROW_SHARE / 2 for floor in floors],
        yticklabels=[_shorten(who) for who in speakers],
    )
    axes.tick_params(axis="y", length=0)
    _bare(axes)


def _shorten(speaker: str | None) -> str:
    name = "unknown" if speaker is None else escape_control(" ".join(speaker.split()))
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _draw_strip(axes: Any, timeline: Timeline) -> None:
    """Draw segments as boxes in one row."""
    _draw_boxes(axes, timeline)
    if any(segment.uncertain for segment in timeline.segments):
        _write_margin(axes, "pale, with ?:\nuncertain")
    axes.set(ylim=(0, 1), yticks=[0.5], yticklabels=["emotion"])
    axes.tick_params(axis="y", length=0)
    _bare(axes)


def _draw_boxes(axes: Any, timeline: Timeline, *, floor: float = 0, height: float = 1) -> None:
    """Draw segments as boxes, named where the name fits; pale and with ``?`` where uncertain."""
    styles = assign_styles(timeline.emotions)
    inches_a_second = 0.85 * _WIDTH_INCHES / max(timeline.seconds, 1e-6)
    for segment in timeline.segments:
        start, width = segment.start_seconds, segment.end_seconds - segment.start_seconds
        style = styles[segment.emotion]
        axes.broken_barh(
            [(start, width)],
            (floor, height),
            facecolor=style.color,
            hatch=style.hatch,
            edgecolor="white",
            linewidth=0,
            alpha=_PALE if segment.uncertain else 1,
        )
        name = escape_control(segment.emotion) + "?" * segment.uncertain
        if width * inches_a_second > _LETTER_INCHES * (len(name) + 0.7):
            box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.0}
            axes.text(
                start + width / 2,
                floor + height / 2,
                name,
                ha="center",
                va="center",
                fontsize=7,
                color="black",
                bbox=box,
                clip_on=True,
            )


def _draw_shares(axes: Any, timeline: Timeline, stretch: int) -> None:
    """Draw stacked bars in one row, with a scale."""
    has_doubt = _draw_bars(axes, timeline, stretch)
    doubt = "\npale: uncertain" if has_doubt else ""
    _write_margin(axes, f"share of time\nin each {_name_stretch(stretch)}{doubt}")
    axes.axhline(0, color="#DDDDDD", linewidth=0.6, zorder=0)
    axes.axhline(1, color="#DDDDDD", linewidth=0.6, zorder=0)
    axes.set(ylim=(0, 1.02), yticks=[0, 0.5, 1], yticklabels=["0%", "50%", "100%"])
    axes.tick_params(axis="y", length=0)
    _bare(axes)


def _draw_bars(
    axes: Any, timeline: Timeline, stretch: int, *, floor: float = 0, height: float = 1
) -> bool:
    """Draw the share of each stretch that each emotion takes; silence is blank.

    Returns
    -------
    bool
        Whether some is uncertain.
    """
    shares = compute_shares(timeline, stretch)
    starts = make_starts(timeline.seconds, stretch)
    widths = _BAR_SHARE * np.minimum(stretch, timeline.seconds - starts)
    reached = np.full(len(starts), float(floor))
    for row, style in enumerate(assign_styles(timeline.emotions).values()):
        for is_uncertain, alpha in enumerate((1, _PALE)):
            heights = height * shares[:, row, is_uncertain]
            drawn = heights > 0
            axes.bar(
                starts[drawn],
                heights[drawn],
                widths[drawn],
                reached[drawn],
                align="edge",
                facecolor=style.color,
                hatch=2 * style.hatch,
                edgecolor="white",
                linewidth=0,
                alpha=alpha,
            )
            reached += heights
    return bool(shares[:, :, 1].any())


def _name_stretch(seconds: int) -> str:
    if seconds % 3_600 == 0:
        return f"{seconds // 3_600} h"
    return f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"


def _write_margin(axes: Any, text: str) -> None:
    """Write next to the middle of the axes, to their right."""
    axes.text(1.005, 0.5, text, fontsize=7, color=_INK, va="center", transform=axes.transAxes)


def _draw_curves(axes: Any, timeline: Timeline, stretch: int | None) -> None:
    """Draw each emotion's probability in the windows on a row of its own, from 0 to 1.

    The swatch next to its name is the key to the strip above.
    """
    from matplotlib.patches import Rectangle

    moments, values = _curves(timeline)
    if stretch and len(moments):
        moments, values = _average(timeline, stretch)
    count = len(timeline.emotions)
    outside = axes.get_yaxis_transform()
    for row, style in enumerate(assign_styles(timeline.emotions).values()):
        floor = count - 1 - row
        heights = floor + _ROW_SHARE * values[:, row]
        axes.axhline(floor, color="#DDDDDD", linewidth=0.6, zorder=0)
        axes.fill_between(moments, floor, heights, color=style.color, linewidth=0)
        if len(moments) < _OUTLINED_POINTS:
            axes.plot(moments, heights, color=_INK, linewidth=0.7)
        axes.add_patch(
            Rectangle(
                (-0.024, floor + 0.12),
                0.018,
                0.5,
                transform=outside,
                clip_on=False,
                facecolor=style.color,
                hatch=2 * style.hatch,
                edgecolor="white",
                linewidth=0,
            )
        )
        if len(moments):
            peak = f"{np.nanmax(values[:, row]):.0%}"
            axes.text(
                1.005, floor + 0.35, peak, fontsize=7, color=_INK, transform=outside, va="center"
            )
    label = f"peak of {_name_stretch(stretch)}" if stretch else "peak"
    axes.text(1.005, count, label, fontsize=7, color=_INK, transform=outside, va="bottom")
    axes.set(
        ylim=(-_BELOW_ROWS, count),
        yticks=[count - 0.65 - row for row in range(count)],
        yticklabels=map(escape_control, timeline.emotions),
    )
    axes.tick_params(axis="y", length=0, pad=24)
    _bare(axes)


def _curves(timeline: Timeline) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps of the probabilities: of every window over what it hears first, NaN in silence.

    Returns
    -------
    ndarray, shape (n,)
        Seconds.
    ndarray, shape (n, emotions)
    """
    moments: list[float] = []
    rows: list[list[float]] = []
    reached = 0.0
    for begin, end, window in _steps(timeline):
        if begin > reached:
            moments.append(begin)
            rows.append([np.nan] * len(timeline.emotions))
        moments += [begin, end]
        rows += 2 * [[window.probabilities[name] for name in timeline.emotions]]
        reached = end
    return np.array(moments), np.array(rows).reshape(len(moments), len(timeline.emotions))


def _steps(timeline: Timeline) -> Iterator[tuple[float, float, Window]]:
    """Stretch of time that each window is the first to hear."""
    reached = 0.0
    for window in timeline.windows:
        begin = max(window.start_seconds, reached)
        if window.end_seconds > begin:
            yield begin, window.end_seconds, window
            reached = window.end_seconds


def _average(timeline: Timeline, stretch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps as of `_curves`, of the mean probabilities in each stretch."""
    steps = [
        (begin, end, [window.probabilities[name] for name in timeline.emotions])
        for begin, end, window in _steps(timeline)
    ]
    means = compute_means(steps, timeline.seconds, stretch)
    starts = make_starts(timeline.seconds, stretch)
    ends = np.minimum(starts + stretch, timeline.seconds)
    return np.stack([starts, ends], axis=1).ravel(), np.repeat(means, 2, axis=0)


def _draw_time(axes: Any, seconds: float) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axes.set_xlim(0, seconds)
    axes.spines["bottom"].set_visible(True)
    axes.tick_params(axis="x", length=3)
    axes.set_xlabel("time (s)")
    if seconds >= 120:
        fits = [60 * one for one in _MINUTES_APART if seconds <= 60 * one * _MOST_TICKS]
        axes.xaxis.set_major_locator(MultipleLocator(min(fits, default=86_400)))
        axes.xaxis.set_major_formatter(FuncFormatter(_minutes))
        axes.set_xlabel("time (minutes:seconds)")


def _minutes(seconds: float, _: object) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _bare(axes: Any) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="x", length=0)
