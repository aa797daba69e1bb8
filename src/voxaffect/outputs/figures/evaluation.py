"""Figures of an evaluation, as Matplotlib objects: numbers in, ``Figure`` out.

Neither pyplot nor global state is used: each figure is drawn in our own style, which no user's
``matplotlibrc`` changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from voxaffect.errors import extra
from voxaffect.outputs.figures.palette import (
    BLUE,
    HEAT,
    INK,
    LINE,
    MUTED,
    ORANGE,
    PAPER,
    SYSTEM_STYLES,
    SystemStyle,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LETTERS = 24
"""Of a name in a figure."""
MOST_NAMES = 40
"""Of speakers on an axis."""
LEAST_COVERAGE = 0.02
"""Under it, risk is a share of a handful of answers."""

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.h_pad": 0.09,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "hatch.linewidth": 1.0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in an emotion's name is a dollar
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",  # text stays text: smaller, selectable, in the page's own font
}

_WIDTH = 5.8
_DOTTED: dict[str, Any] = {"color": MUTED, "linestyle": ":", "linewidth": 1.2}
_NOTE: dict[str, Any] = {"color": MUTED, "fontsize": 10}
Metric = Mapping[str, Any]
_Draw = TypeVar("_Draw", bound=Callable[..., Any])


def use_style(draw: _Draw) -> _Draw:
    """Run a function that draws or saves in our style."""

    @wraps(draw)
    def wrapper(*args: Any, **options: Any) -> Any:
        with extra("report"):
            from matplotlib import style
        with style.context(["default", STYLE]):
            return draw(*args, **options)

    return cast(_Draw, wrapper)


def _shorten(name: str, *, most: int = MOST_LETTERS) -> str:
    """Return a name that leaves room for the figure; tables and texts have all of it."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _make_axes(height: float, *, width: float = _WIDTH) -> tuple[Figure, Axes]:
    figure, panels = _make_panels(1, 1, (width, height))
    return figure, panels[0]


def _make_panels(
    count: int, columns: int, size: tuple[float, float], **options: Any
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(-(-count // columns), columns, squeeze=False, **options).flatten()
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, list(panels[:count])


def _list_names(axes: Axes, names: Sequence[str]) -> None:
    """Make the vertical axis a list of names, read from the top."""
    axes.set_yticks(range(len(names)), list(map(_shorten, names)))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def _spread_rows(count: int, *, height: float) -> list[float]:
    """Return the offsets of several series within a row, top to bottom."""
    return [height * (index - (count - 1) / 2) for index in range(count)]


def _annotate(
    axes: Axes, text: str, point: tuple[float, float], shift: tuple[float, float], **options: Any
) -> None:
    """Write a text at a distance from a point, in typographic points."""
    axes.annotate(text, point, xytext=shift, textcoords="offset points", **options)


def _mark(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    style: SystemStyle,
    *,
    name: str,
    size: float = 7,
    edge: float = 1.8,
) -> None:
    """Draw the markers of a series."""
    axes.plot(
        x,
        y,
        style.marker,
        color=style.color,
        label=name,
        markersize=size,
        markerfacecolor=style.face,
        markeredgewidth=edge,
        zorder=3,
        clip_on=False,
    )


def _draw_interval(axes: Axes, bounds: Sequence[float] | None, y: float, *, color: str) -> None:
    if bounds:
        axes.plot(bounds, [y, y], color=color, linewidth=2.2, solid_capstyle="butt", zorder=2)


def _draw_legend(axes: Axes) -> None:
    """Draw the legend over the figure, where it hides nothing."""
    handles, names = axes.get_legend_handles_labels()
    names = list(map(_shorten, names))
    figure = axes.figure
    letters = sum(map(len, names)) + 7 * len(names)
    fits = letters < 11.5 * figure.bbox.width / figure.dpi
    figure.legend(
        handles,
        names,
        loc="outside upper left",
        ncols=len(names) if fits else 2,
        frameon=False,
        borderpad=0,
        handletextpad=0.5,
        columnspacing=1.6,
    )


@use_style
def draw_headline(
    systems: Mapping[str, Sequence[Metric | None]],
    *,
    chance: float | None = None,
) -> Figure:
    """Draw the UAR on new speakers and by a random split, joined for each system.

    Parameters
    ----------
    systems : mapping of str to two metrics
        By system: on new speakers, by a random split; each with ``mean`` and ``interval``, or None.
    chance : float, optional

    Returns
    -------
    Figure
    """
    figure, axes = _make_axes(0.95 + 0.62 * len(systems))
    line: dict[str, Any] = {"color": LINE, "linewidth": 7, "zorder": 1, "solid_capstyle": "round"}
    for row, (new, random) in enumerate(systems.values()):
        if new and random:
            axes.plot([new["mean"], random["mean"]], [row, row], **line)
    for side, (name, style) in enumerate(
        zip(("new speakers", "random split"), SYSTEM_STYLES, strict=False)
    ):
        means: dict[int, float] = {}
        for row, pair in enumerate(systems.values()):
            if metric := pair[side]:
                means[row] = metric["mean"]
                _draw_mean(axes, row, metric, pair[1 - side], color=style.color)
        if means:
            _mark(axes, list(means.values()), list(means), style, name=name, size=9, edge=2)
    _list_names(axes, list(systems))
    axes.set_ylim(len(systems) - 0.5, -0.75)
    axes.set_xlim(0, 1)
    axes.set_xlabel("UAR (mean recall over the emotions)")
    if chance is not None:
        axes.axvline(chance, zorder=1, **_DOTTED)
        coordinates = ("data", "axes fraction")
        _annotate(axes, f"chance {chance:.3f}", (chance, 0), (4, 4), xycoords=coordinates, **_NOTE)
    _draw_legend(axes)
    return figure


def _draw_mean(axes: Axes, row: int, metric: Metric, other: Metric | None, *, color: str) -> None:
    """Draw a mean's interval, and its number away from a close neighbor's."""
    _draw_interval(axes, metric.get("interval"), row, color=color)
    side, shift = "center", 0
    if other and abs(metric["mean"] - other["mean"]) <= 0.12:
        side, shift = ("right", 2) if metric["mean"] < other["mean"] else ("left", -2)
    point = metric["mean"], row
    _annotate(axes, f"{metric['mean']:.3f}", point, (shift, 9), ha=side, fontweight="bold")


@use_style
def draw_confusion(counts: Sequence[Sequence[int]], emotions: Sequence[str]) -> Figure:
    """Draw the share of each true emotion (row) recognized as each (column), in per cent."""
    from matplotlib.patches import Rectangle

    table = np.asarray(counts, dtype=float)
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros_like(table), where=totals > 0)
    side = max(3.6, 0.5 * len(emotions) + 1.2)
    figure, axes = _make_axes(side * 0.95, width=min(_WIDTH, side + 0.9))
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        # Ink that thins out over the paper is a scale on any paper, white or dark.
        axes.add_patch(
            Rectangle(
                (column - 0.48, row - 0.48),
                0.96,
                0.96,
                facecolor=HEAT,
                alpha=0.05 + 0.95 * share,
                linewidth=0,
            )
        )
        axes.text(
            column,
            row,
            f"{100 * share:.0f}" if table[row, column] else "·",
            ha="center",
            va="center",
            color=PAPER if share > 0.55 else INK,
            fontweight="bold" if row == column else "normal",
        )
    axes.set(xlim=(-0.5, len(emotions) - 0.5), ylim=(len(emotions) - 0.5, -0.5))
    short = list(map(_shorten, emotions))
    titles = [f"{name} ({int(total)})" for name, total in zip(short, totals[:, 0], strict=True)]
    axes.set_yticks(range(len(emotions)), titles)
    axes.set_xticks(range(len(emotions)), short, rotation=40, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("recognized")
    axes.set_ylabel("true (utterances)")
    return figure


@use_style
def draw_bars(
    names: Sequence[str], series: Mapping[str, Sequence[float | None]], *, label: str
) -> Figure:
    """Draw bars side by side for each name, with their numbers.

    Parameters
    ----------
    names : sequence of str
    series : mapping of str to sequence of float or None
        Up to four, each as long as the names.
    label : str
        Of the values, from 0 to 1.

    Returns
    -------
    Figure
    """
    thick = 0.8 / len(series)
    figure, axes = _make_axes(0.9 + len(names) * (0.14 + 0.19 * len(series)))
    for offset, style, (title, values) in zip(
        _spread_rows(len(series), height=thick), SYSTEM_STYLES, series.items(), strict=False
    ):
        known = {row + offset: value for row, value in enumerate(values) if value is not None}
        bars = axes.barh(
            list(known),
            list(known.values()),
            height=thick * 0.86,
            label=title,
            linewidth=1,
            color=style.face,
            edgecolor=style.color,
            hatch=style.hatch,
        )
        axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=10)
    _list_names(axes, names)
    axes.set_xlim(0, 1)
    axes.set_xlabel(label)
    _draw_legend(axes)
    return figure


@use_style
def draw_reliability(systems: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw the accuracy at each confidence, a panel for each system."""
    columns = min(2, len(systems))
    width, height = (_WIDTH, 3.1) if columns > 1 else (4.6, 4.4)
    rows = -(-len(systems) // columns)
    figure, panels = _make_panels(len(systems), columns, (width, height * rows))
    for index, (axes, (name, bins)) in enumerate(zip(panels, systems.items(), strict=True)):
        _draw_bins(axes, bins)
        axes.set_title(_shorten(name) if len(systems) > 1 else "")
        if index + columns < len(systems):
            axes.set_xlabel("")
        if index % columns:
            axes.set_ylabel("")
    _draw_legend(panels[0])
    return figure


def _draw_bins(axes: Axes, bins: Sequence[Mapping[str, Any]]) -> None:
    filled = [one for one in bins if one["utterances"]]
    total = sum(one["utterances"] for one in filled)
    axes.bar(
        [one["low"] for one in filled],
        [one["utterances"] / total for one in filled],
        width=[one["high"] - one["low"] for one in filled],
        align="edge",
        color=LINE,
        edgecolor=PAPER,
        label="share of utterances",
    )
    axes.plot([0, 1], [0, 1], label="accuracy = confidence", **_DOTTED)
    axes.plot(
        [one["confidence"] for one in filled],
        [one["accuracy"] for one in filled],
        marker="o",
        color=BLUE,
        linewidth=1.8,
        markersize=6,
        label="accuracy",
        clip_on=False,
    )
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        xlabel="confidence",
        ylabel="accuracy",
        xticks=np.linspace(0, 1, 6),
        yticks=np.linspace(0, 1, 6),
    )
    axes.grid(visible=True)


@use_style
def draw_risk_coverage(
    systems: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    marked: Sequence[Mapping[str, Any]] = (),
) -> Figure:
    """Draw the share of wrong answers against the share of recordings that are answered.

    Parameters
    ----------
    systems : mapping of str to curve
        Each with ``coverage`` and ``risk``.
    marked : sequence of mapping
        Thresholds of the first system, each with its target ``risk``, ``coverage``,
        ``threshold`` and the ``measured`` risk.

    Returns
    -------
    Figure
    """
    figure, axes = _make_axes(3.4)
    for style, (name, curve) in zip(SYSTEM_STYLES, systems.items(), strict=False):
        line: dict[str, Any] = {"color": style.color, "linewidth": 2, "drawstyle": "steps-post"}
        axes.plot(*_thin_out(curve), style.dashes, label=name, **line)
    if marked:
        _circle_thresholds(axes, marked, next(iter(systems.values())))
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("coverage: share of recordings that are answered")
    axes.set_ylabel("risk: share of answers\nthat are wrong")
    axes.grid(visible=True)
    if len(systems) > 1:
        _draw_legend(axes)
    return figure


def _circle_thresholds(
    axes: Axes, marked: Sequence[Mapping[str, Any]], curve: Mapping[str, Sequence[float]]
) -> None:
    """Circle the points of a curve that keep a target risk."""
    coverage = np.asarray(curve["coverage"])
    circle: dict[str, Any] = {
        "color": BLUE,
        "markerfacecolor": PAPER,
        "markersize": 8,
        "markeredgewidth": 2,
    }
    box: dict[str, Any] = {"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.8}
    for one in marked:
        if one.get("threshold") is None or one["coverage"] < LEAST_COVERAGE:
            continue
        risk = one.get("measured")
        if risk is None:  # in documents that do not state it
            risk = curve["risk"][int(np.abs(coverage - one["coverage"]).argmin())]
        point = one["coverage"], risk
        axes.plot(*point, "o", zorder=4, clip_on=False, **circle)
        shift, side = (-9, "right") if point[0] > 0.85 else (9, "left")
        text = f"confidence {one['threshold']:.2f}"
        _annotate(axes, text, point, (shift, -5), ha=side, va="center", fontsize=10, bbox=box)


def _thin_out(curve: Mapping[str, Sequence[float]], most: int = 400) -> tuple[Any, Any]:
    """Return as many points of a curve as a figure can show, without those of few answers."""
    coverage, risk = np.asarray(curve["coverage"]), np.asarray(curve["risk"])
    enough = np.flatnonzero((coverage >= LEAST_COVERAGE) | (coverage == coverage.max()))
    kept = enough[np.linspace(0, len(enough) - 1, min(len(enough), most)).round().astype(int)]
    return coverage[kept], risk[kept]


@use_style
def draw_speakers(by_speaker: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the UAR of every speaker, lowest first; sexes by marker where they are known."""
    ranked = sorted(by_speaker.items(), key=lambda item: (item[1]["uar"], item[0]))
    values = [scores["uar"] for _, scores in ranked]
    figure, axes = _make_axes(3.3)
    axes.vlines(range(len(ranked)), 0, values, color=LINE, linewidth=2, zorder=1)
    sexes = sorted({scores.get("sex") or "" for _, scores in ranked})
    for index, sex in enumerate(sexes):
        own = [i for i, (_, scores) in enumerate(ranked) if (scores.get("sex") or "") == sex]
        style = SYSTEM_STYLES[index % len(SYSTEM_STYLES)]
        _mark(axes, own, [values[i] for i in own], style, name=sex or "sex unknown")
    middle = float(np.median(values))
    axes.axhline(middle, zorder=1, **_DOTTED)
    coordinates = ("axes fraction", "data")
    _annotate(axes, f"median {middle:.3f}", (0, middle), (4, 4), xycoords=coordinates, **_NOTE)
    names = [] if len(ranked) > MOST_NAMES else [name.rpartition("/")[2] for name, _ in ranked]
    rotation = 90 if len(ranked) > 12 else 0
    axes.set_xticks(range(len(names)), map(_shorten, names), rotation=rotation, fontsize=10)
    axes.set(ylim=(0, 1), ylabel="UAR", xlabel=f"{len(ranked)} speakers, lowest first")
    axes.grid(axis="y")
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    if len(sexes) > 1:
        _draw_legend(axes)
    return figure


@use_style
def draw_estimates(
    names: Sequence[str],
    series: Mapping[str, Sequence[Mapping[str, Any] | None]],
    *,
    reference: float | None = None,
) -> Figure:
    """Draw the UAR of each name with its interval, one mark for each system.

    Parameters
    ----------
    names : sequence of str
    series : mapping of str to sequence of mapping or None
        By system, each with ``uar`` and ``interval``, as long as the names.
    reference : float, optional
        A value to compare with.

    Returns
    -------
    Figure
    """
    figure, axes = _make_axes(0.95 + len(names) * (0.16 + 0.2 * len(series)))
    offsets = _spread_rows(len(series), height=0.7 / len(series))
    for offset, style, (title, values) in zip(offsets, SYSTEM_STYLES, series.items(), strict=False):
        known = [(row + offset, value) for row, value in enumerate(values) if value]
        _draw_series(axes, known, style, name=title)
    _list_names(axes, names)
    axes.set_xlim(*_find_limits(series))
    axes.set_xlabel("UAR")
    if reference is not None:
        axes.axvline(reference, zorder=1, **_DOTTED)
    if len(series) > 1:
        _draw_legend(axes)
    return figure


def _draw_series(
    axes: Axes, known: Sequence[tuple[float, Mapping[str, Any]]], style: SystemStyle, *, name: str
) -> None:
    """Mark each value in its row with its interval, and write it in a column on the right."""
    column: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 10}
    for y, value in known:
        _draw_interval(axes, value.get("interval"), y, color=style.color)
        _annotate(axes, f"{value['uar']:.3f}", (1, y), (8, 0), **column)
    _mark(axes, [value["uar"] for _, value in known], [y for y, _ in known], style, name=name)


def _find_limits(series: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> tuple[float, float]:
    """Return the tenths that hold every value and interval."""
    bounds = [
        bound
        for values in series.values()
        for value in values
        if value
        for bound in (value["uar"], *(value.get("interval") or []))
    ]
    low, high = np.floor(10 * min(bounds) - 0.2) / 10, np.ceil(10 * max(bounds) + 0.2) / 10
    return max(0.0, low), min(1.0, high)


@use_style
def draw_importance(groups: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the UAR that is lost when a feature group is permuted, most first."""
    ranked = sorted(groups, key=lambda group: -group["drop"])
    figure, axes = _make_axes(0.8 + 0.32 * len(ranked))
    axes.barh(range(len(ranked)), [group["drop"] for group in ranked], height=0.62, color=BLUE)
    for row, group in enumerate(ranked):
        bounds = group.get("interval") or []
        if bounds:
            axes.plot(bounds, [row, row], color=INK, linewidth=1.2, marker="|", markersize=7)
        text, right = f"{group['drop']:.3f}".replace("-", "−"), max([group["drop"], 0.0, *bounds])
        _annotate(axes, text, (right, row), (6, 0), va="center", fontsize=10)
    _list_names(axes, [f"{group['group']} ({group['features']})" for group in ranked])
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.margins(x=0.14)
    axes.set_xlabel("UAR lost when the group is permuted")
    return figure


@use_style
def draw_map(points: Sequence[Sequence[float]], emotions: Sequence[str]) -> Figure:
    """Draw every utterance on a plane, a panel for each emotion over all the others in gray."""
    names = sorted(set(emotions))
    columns = min(len(names), 3 if len(names) in (5, 6, 9) else 4)
    height = 0.3 + -(-len(names) // columns) * (_WIDTH / columns + 0.12)
    shared: dict[str, Any] = {"sharex": True, "sharey": True}
    figure, panels = _make_panels(len(names), columns, (_WIDTH, height), **shared)
    plane, truth = np.asarray(points, dtype=float), np.asarray(emotions)
    # A few far ones would press the others into a corner: they are shown at the edge.
    plane = np.clip(plane, *np.percentile(plane, [1, 99], axis=0))
    dot = float(np.clip(120 / len(plane) ** 0.5, 3.5, 8))
    # Thousands of shapes would make the page heavy: these dots are pixels.
    pixels: dict[str, Any] = {"markeredgewidth": 0, "rasterized": True}
    cross: dict[str, Any] = {
        "color": ORANGE,
        "markersize": 9,
        "markeredgecolor": PAPER,
        "markeredgewidth": 1.2,
    }
    for axes, name in zip(panels, names, strict=True):
        own = truth == name
        axes.plot(*plane[~own].T, ".", color="#8a94a0", alpha=0.4, markersize=0.6 * dot, **pixels)
        axes.plot(*plane[own].T, ".", color="#2b8fce", markersize=dot, **pixels)
        axes.plot(*plane[own].mean(axis=0), "P", **cross)
        axes.set(title=_shorten(name, most=13), xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=LINE)
    return figure
