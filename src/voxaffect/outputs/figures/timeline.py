"""A timeline as a figure: waveform, emotions, and the probability of each over time.

It reads without color: hatches and words stand in the strip of emotions, and every
probability has a row of its own, next to its name.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import mix_down, open_blocks
from voxaffect.errors import extra
from voxaffect.files import escape_control, write_whole
from voxaffect.outputs.figures.palette import assign_styles
from voxaffect.recognition import Timeline

_WIDTH_INCHES = 10.0
_WAVE_INCHES, _STRIP_INCHES, _ROW_INCHES = 0.9, 0.35, 0.3
_ENVELOPE_SECONDS = 0.01
_ENVELOPE_POINTS = 2_000
_LETTER_INCHES = 0.062
_ROW_SHARE = 0.92
_OUTLINED_POINTS = 800  # of more, the outlines would hide the colors
_MINUTES_APART = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240)
_MOST_TICKS = 10
_INK = "#333333"
_PALE = 0.35  # opacity of what is uncertain


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
    heights = [_WAVE_INCHES, _STRIP_INCHES, _ROW_INCHES * rows] * len(timelines)
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
            _draw_strip(strip, timeline)
            _draw_curves(curves, timeline)
        _draw_time(axes[-1], timelines[0].seconds)
        kind = path.suffix.lower().removeprefix(".")
        dateless = {"Date": None} if kind == "svg" else {"Software": None}
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=150, metadata=dateless)
    write_whole(path, lambda stream: stream.write(buffer.getvalue()))


def _draw_wave(axes: Any, timeline: Timeline, recording: Path | bytes, *, is_alone: bool) -> None:
    low, high = envelope(recording, timeline.channel)
    moments = np.linspace(0, timeline.seconds, len(low) + 1)
    axes.stairs(high, moments, baseline=low, fill=True, color=_INK, linewidth=0)
    reach = max(float(np.abs([low, high]).max()), 1e-6)
    axes.set(ylim=(-1.05 * reach, 1.05 * reach), yticks=[])
    name = escape_control(Path(timeline.source).name)
    axes.set_title(name if is_alone else f"{name}, {timeline.channel}", loc="left", fontsize=10)
    _bare(axes)


def _draw_strip(axes: Any, timeline: Timeline) -> None:
    """Draw segments as boxes, named where the name fits; pale and with ``?`` where uncertain."""
    styles = assign_styles(timeline.emotions)
    inches_a_second = 0.85 * _WIDTH_INCHES / max(timeline.seconds, 1e-6)
    for segment in timeline.segments:
        start, width = segment.start_seconds, segment.end_seconds - segment.start_seconds
        style = styles[segment.emotion]
        axes.broken_barh(
            [(start, width)],
            (0, 1),
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
                0.5,
                name,
                ha="center",
                va="center",
                fontsize=7,
                color="black",
                bbox=box,
                clip_on=True,
            )
    if any(segment.uncertain for segment in timeline.segments):
        axes.text(
            1.005,
            0.5,
            "pale, ?:\nuncertain",
            fontsize=7,
            color=_INK,
            va="center",
            transform=axes.transAxes,
        )
    axes.set(ylim=(0, 1), yticks=[0.5], yticklabels=["emotion"])
    axes.tick_params(axis="y", length=0)
    _bare(axes)


def _draw_curves(axes: Any, timeline: Timeline) -> None:
    """Draw each emotion's probability in the windows on a row of its own, from 0 to 1.

    The swatch next to its name is the key to the strip above.
    """
    from matplotlib.patches import Rectangle

    moments, values = _curves(timeline)
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
    axes.text(1.005, count, "peak", fontsize=7, color=_INK, transform=outside, va="bottom")
    axes.set(
        ylim=(0, count),
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
    for window in timeline.windows:
        begin = max(window.start_seconds, reached)
        if window.end_seconds <= begin:
            continue
        if begin > reached:
            moments.append(begin)
            rows.append([np.nan] * len(timeline.emotions))
        moments += [begin, window.end_seconds]
        rows += 2 * [[window.probabilities[name] for name in timeline.emotions]]
        reached = window.end_seconds
    return np.array(moments), np.array(rows).reshape(len(moments), len(timeline.emotions))


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


def envelope(
    recording: Path | bytes, channel: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest sample of a channel over even stretches of time, read in blocks.

    Parameters
    ----------
    recording : Path or bytes
    channel : str
        As a timeline calls it.

    Returns
    -------
    ndarray, shape (n,), float32, two of them
        At most 2,000 points each.
    """
    lows, highs = [], []
    with open_blocks(recording) as blocks:
        step = max(1, round(blocks.rate_hz * _ENVELOPE_SECONDS))
        for block in blocks:
            samples = _channel(block, channel)
            starts = np.arange(0, len(samples), step)
            lows.append(np.minimum.reduceat(samples, starts))
            highs.append(np.maximum.reduceat(samples, starts))
    low, high = np.concatenate(lows), np.concatenate(highs)
    starts = np.arange(0, len(low), -(-len(low) // _ENVELOPE_POINTS))
    return np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)


def _channel(block: NDArray[np.float32], channel: str) -> NDArray[np.float32]:
    if channel == "mix":
        return mix_down(block)
    number = {"left": 0, "right": 1}.get(channel)
    return block[:, int(channel) - 1 if number is None else number]
