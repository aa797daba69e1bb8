"""Figures of an evaluation, as Matplotlib objects: numbers in, ``Figure`` out.

Neither pyplot nor global state is used: each figure is drawn in our own style, which no user's
``matplotlibrc`` changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

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
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def use_style(draw: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Run a function that draws or saves in our style."""

    @wraps(draw)
    def wrapper(*args: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        with extra("report"):
            from matplotlib import style
        with style.context(["default", STYLE]):
            return draw(*args, **options)

    return wrapper


def _short(name: str, *, most: int = MOST_LETTERS) -> str:
    """Return a name that leaves room for the figure; tables and texts have all of it."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _canvas(height: float, *, width: float = _WIDTH) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _as_rows(axes: Axes, names: Sequence[str]) -> None:
    """Make the vertical axis a list of names, read from the top."""
    axes.set_yticks(range(len(names)), list(map(_short, names)))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def _offsets(count: int, *, height: float) -> list[float]:
    """Where each of several series lies within a row, top to bottom."""
    return [height * (place - (count - 1) / 2) for place in range(count)]


def _whisker(axes: Axes, bounds: Sequence[float] | None, y: float, *, color: str) -> None:
    if bounds:
        axes.plot(bounds, [y, y], color=color, linewidth=2.2, solid_capstyle="butt", zorder=2)


def _key(axes: Axes) -> None:
    """Explain the series over the figure, where nothing is drawn."""
    handles, names = axes.get_legend_handles_labels()
    names = list(map(_short, names))
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


def _reference(axes: Axes, value: float, name: str) -> None:
    """Draw a dotted vertical line with its name at the foot."""
    axes.axvline(value, color=MUTED, linestyle=":", linewidth=1.2, zorder=1)
    axes.annotate(
        name,
        (value, 0),
        xycoords=("data", "axes fraction"),
        xytext=(4, 4),
        textcoords="offset points",
        color=MUTED,
        fontsize=10,
    )


@use_style
def draw_headline(
    systems: Mapping[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]],
    *,
    chance: float | None = None,
) -> Figure:
    """UAR on new voices and by a random split, joined for each system.

    Parameters
    ----------
    systems : mapping of str to pair of metrics
        By system: on new voices, by a random split; each with ``mean`` and ``interval``, or None.
    chance : float, optional

    Returns
    -------
    Figure
    """
    figure, axes = _canvas(0.95 + 0.62 * len(systems))
    for row, (new, heard) in enumerate(systems.values()):
        if new and heard:
            axes.plot(
                [new["mean"], heard["mean"]],
                [row, row],
                color=LINE,
                linewidth=7,
                zorder=1,
                solid_capstyle="round",
            )
    for place, name in ((0, "new voices"), (1, "random split")):
        found = [
            (row, both[place], _outward(both[place], both[1 - place]))
            for row, both in enumerate(systems.values())
        ]
        _marks(
            axes,
            [(row, metric, side) for row, metric, side in found if metric],
            style=SYSTEM_STYLES[place],
            name=name,
        )
    _as_rows(axes, list(systems))
    axes.set_ylim(len(systems) - 0.5, -0.75)
    axes.set_xlim(0, 1)
    axes.set_xlabel("UAR (mean recall over the emotions)")
    if chance is not None:
        _reference(axes, chance, f"chance {chance:.3f}")
    _key(axes)
    return figure


def _outward(metric: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    """Return how a number is set over its mark, so that close neighbors leave each other room."""
    if not metric or not other or abs(metric["mean"] - other["mean"]) > 0.12:
        return "center"
    return "right" if metric["mean"] < other["mean"] else "left"


def _marks(
    axes: Axes,
    metrics: Sequence[tuple[int, Mapping[str, Any], str]],
    *,
    style: SystemStyle,
    name: str,
) -> None:
    """Mark the mean of each metric in its row, with its number above and its interval."""
    for row, metric, side in metrics:
        _whisker(axes, metric.get("interval"), row, color=style.color)
        shift = {"center": 0, "right": 2, "left": -2}[side]
        axes.annotate(
            f"{metric['mean']:.3f}",
            (metric["mean"], row),
            xytext=(shift, 9),
            textcoords="offset points",
            ha=side,
            fontweight="bold",
        )
    if metrics:
        rows, means = zip(*((row, metric["mean"]) for row, metric, _ in metrics), strict=True)
        axes.plot(
            means,
            rows,
            style.marker,
            color=style.color,
            label=name,
            markersize=9,
            markerfacecolor=style.face,
            markeredgewidth=2,
            zorder=3,
            clip_on=False,
        )


@use_style
def draw_confusion(counts: Sequence[Sequence[int]], emotions: Sequence[str]) -> Figure:
    """Share of each true emotion (row) that was recognized as each (column), in per cent."""
    from matplotlib.patches import Rectangle

    table = np.asarray(counts, dtype=float)
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros_like(table), where=totals > 0)
    side = max(3.6, 0.5 * len(emotions) + 1.2)
    figure, axes = _canvas(side * 0.95, width=min(_WIDTH, side + 0.9))
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
    short = list(map(_short, emotions))
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
    """Bars side by side for each name, with their numbers.

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
    figure, axes = _canvas(0.9 + len(names) * (0.14 + 0.19 * len(series)))
    for offset, style, (title, values) in zip(
        _offsets(len(series), height=thick), SYSTEM_STYLES, series.items(), strict=False
    ):
        places = [row + offset for row, value in enumerate(values) if value is not None]
        known = [value for value in values if value is not None]
        bars = axes.barh(
            places,
            known,
            height=thick * 0.86,
            label=title,
            linewidth=1,
            color=style.face,
            edgecolor=style.color,
            hatch=style.hatch,
        )
        axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=10)
    _as_rows(axes, names)
    axes.set_xlim(0, 1)
    axes.set_xlabel(label)
    _key(axes)
    return figure


@use_style
def draw_reliability(systems: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Accuracy at each confidence, a panel for each system, over the share of utterances."""
    from matplotlib.figure import Figure

    columns = min(2, len(systems))
    rows = -(-len(systems) // columns)
    size = (_WIDTH if columns > 1 else 4.6, (3.1 if columns > 1 else 4.4) * rows)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for place, (axes, (name, bins)) in enumerate(zip(panels, systems.items(), strict=False)):
        _reliability_panel(axes, bins)
        axes.set_title(_short(name) if len(systems) > 1 else "")
        if place + columns < len(systems):
            axes.set_xlabel("")
        if place % columns:
            axes.set_ylabel("")
    for axes in panels[len(systems) :]:
        axes.set_visible(False)
    _key(panels[0])
    return figure


def _reliability_panel(axes: Axes, bins: Sequence[Mapping[str, Any]]) -> None:
    filled = [each for each in bins if each["utterances"]]
    total = sum(each["utterances"] for each in filled)
    axes.bar(
        [each["low"] for each in filled],
        [each["utterances"] / total for each in filled],
        width=[each["high"] - each["low"] for each in filled],
        align="edge",
        color=LINE,
        edgecolor=PAPER,
        label="share of utterances",
    )
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.2, label="as right as sure")
    axes.plot(
        [each["confidence"] for each in filled],
        [each["accuracy"] for each in filled],
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
    """Share of wrong answers against the share of recordings that are answered.

    Parameters
    ----------
    systems : mapping of str to curve
        Each with ``coverage`` and ``risk``.
    marked : sequence of mapping
        Thresholds of the first system, each with ``risk``, ``coverage`` and ``threshold``.

    Returns
    -------
    Figure
    """
    figure, axes = _canvas(3.4)
    for style, (name, curve) in zip(SYSTEM_STYLES, systems.items(), strict=False):
        shown = _thinned(curve)
        axes.plot(
            *shown, style.dashes, color=style.color, label=name, linewidth=2, drawstyle="steps-post"
        )
    if marked:
        _thresholds(axes, marked, next(iter(systems.values())))
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("coverage: share of recordings that are answered")
    axes.set_ylabel("risk: share of answers\nthat are wrong")
    axes.grid(visible=True)
    if len(systems) > 1:
        _key(axes)
    return figure


def _thresholds(
    axes: Axes, marked: Sequence[Mapping[str, Any]], curve: Mapping[str, Sequence[float]]
) -> None:
    """Circle the points of a curve that keep a wanted risk."""
    coverage = np.asarray(curve["coverage"])
    for each in marked:
        if each.get("threshold") is None or each["coverage"] < LEAST_COVERAGE:
            continue
        point = each["coverage"], curve["risk"][int(np.abs(coverage - each["coverage"]).argmin())]
        axes.plot(
            *point,
            "o",
            color=BLUE,
            markerfacecolor=PAPER,
            markersize=8,
            markeredgewidth=2,
            zorder=4,
            clip_on=False,
        )
        is_far = point[0] > 0.85
        axes.annotate(
            f"sure {each['threshold']:.2f}",
            point,
            xytext=(-9 if is_far else 9, -5),
            textcoords="offset points",
            ha="right" if is_far else "left",
            va="center",
            fontsize=10,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.8},
        )


def _thinned(curve: Mapping[str, Sequence[float]], most: int = 400) -> tuple[Any, Any]:
    """As many points of a curve as a figure can show, but for answers too few to tell a risk."""
    coverage, risk = np.asarray(curve["coverage"]), np.asarray(curve["risk"])
    enough = np.flatnonzero((coverage >= LEAST_COVERAGE) | (coverage == coverage.max()))
    kept = enough[np.linspace(0, len(enough) - 1, min(len(enough), most)).round().astype(int)]
    return coverage[kept], risk[kept]


@use_style
def draw_speakers(by_speaker: Mapping[str, Mapping[str, Any]]) -> Figure:
    """UAR of every speaker, lowest first; sexes by marker where they are known."""
    ranked = sorted(by_speaker.items(), key=lambda item: (item[1]["uar"], item[0]))
    values = [each["uar"] for _, each in ranked]
    figure, axes = _canvas(3.3)
    axes.vlines(range(len(ranked)), 0, values, color=LINE, linewidth=2, zorder=1)
    sexes = sorted({each.get("sex") or "" for _, each in ranked})
    for sex in sexes:
        style = SYSTEM_STYLES[sexes.index(sex) % len(SYSTEM_STYLES)]
        places = [place for place, (_, each) in enumerate(ranked) if (each.get("sex") or "") == sex]
        axes.plot(
            places,
            [values[place] for place in places],
            style.marker,
            color=style.color,
            markerfacecolor=style.face,
            markersize=7,
            markeredgewidth=1.8,
            clip_on=False,
            label=sex or "sex unknown",
        )
    middle = float(np.median(values))
    axes.axhline(middle, color=MUTED, linestyle=":", linewidth=1.2, zorder=1)
    axes.annotate(
        f"median {middle:.3f}",
        (0, middle),
        xytext=(4, 4),
        color=MUTED,
        fontsize=10,
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
    )
    names = [_short(name.rpartition("/")[2]) for name, _ in ranked]
    is_crowded = len(ranked) > 40
    axes.set_xticks(
        [] if is_crowded else range(len(ranked)),
        [] if is_crowded else names,
        rotation=90 if len(ranked) > 12 else 0,
        fontsize=10,
    )
    axes.set(ylim=(0, 1), ylabel="UAR", xlabel=f"{len(ranked)} speakers, lowest first")
    axes.grid(axis="y")
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    if len(sexes) > 1:
        _key(axes)
    return figure


@use_style
def draw_estimates(
    names: Sequence[str],
    series: Mapping[str, Sequence[Mapping[str, Any] | None]],
    *,
    reference: float | None = None,
) -> Figure:
    """UAR of each name with its interval, one mark for each system.

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
    figure, axes = _canvas(0.95 + len(names) * (0.16 + 0.2 * len(series)))
    offsets = _offsets(len(series), height=0.7 / len(series))
    for offset, style, (title, values) in zip(offsets, SYSTEM_STYLES, series.items(), strict=False):
        known = [(row + offset, value) for row, value in enumerate(values) if value]
        _estimates_of(axes, known, style=style, title=title)
    _as_rows(axes, names)
    axes.set_xlim(*_around(series))
    axes.set_xlabel("UAR")
    if reference is not None:
        axes.axvline(reference, color=MUTED, linestyle=":", linewidth=1.2, zorder=1)
    if len(series) > 1:
        _key(axes)
    return figure


def _estimates_of(
    axes: Axes, known: Sequence[tuple[float, Mapping[str, Any]]], *, style: SystemStyle, title: str
) -> None:
    """Mark each value in its row with its interval, and write it in a column on the right."""
    for y, value in known:
        _whisker(axes, value.get("interval"), y, color=style.color)
        axes.annotate(
            f"{value['uar']:.3f}",
            (1, y),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    axes.plot(
        [value["uar"] for _, value in known],
        [y for y, _ in known],
        style.marker,
        color=style.color,
        markerfacecolor=style.face,
        markersize=7,
        markeredgewidth=1.8,
        label=title,
        zorder=3,
        clip_on=False,
    )


def _around(series: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> tuple[float, float]:
    """Return the tenths that hold every value and interval."""
    found = [
        bound
        for values in series.values()
        for value in values
        if value
        for bound in (value["uar"], *(value.get("interval") or []))
    ]
    return max(0.0, np.floor(10 * min(found) - 0.2) / 10), min(
        1.0, np.ceil(10 * max(found) + 0.2) / 10
    )


@use_style
def draw_importance(families: Sequence[Mapping[str, Any]]) -> Figure:
    """How much UAR is lost when a family of features is shuffled, most first."""
    ranked = sorted(families, key=lambda each: -each["drop"])
    figure, axes = _canvas(0.8 + 0.32 * len(ranked))
    drops = [each["drop"] for each in ranked]
    axes.barh(range(len(ranked)), drops, height=0.62, color=BLUE)
    for row, each in enumerate(ranked):
        bounds = each.get("interval")
        if bounds:
            axes.plot(bounds, [row, row], color=INK, linewidth=1.2, marker="|", markersize=7)
        right = max([each["drop"], 0.0, *(bounds or [])])
        axes.annotate(
            f"{each['drop']:.3f}".replace("-", "−"),
            (right, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    _as_rows(axes, [f"{each['group']} ({each['features']})" for each in ranked])
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.margins(x=0.14)
    axes.set_xlabel("UAR lost when the family is shuffled")
    return figure


@use_style
def draw_map(points: Sequence[Sequence[float]], emotions: Sequence[str]) -> Figure:
    """Every utterance on a plane, a panel for each emotion over all the others in gray."""
    from matplotlib.figure import Figure

    names = sorted(set(emotions))
    columns = min(len(names), 3 if len(names) in (5, 6, 9) else 4)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(_WIDTH, 0.3 + rows * (_WIDTH / columns + 0.12)), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    plane, truth = np.asarray(points, dtype=float), np.asarray(emotions)
    # A few far ones would press the others into a corner: they are shown at the edge.
    plane = np.clip(plane, *np.percentile(plane, [1, 99], axis=0))
    size = float(np.clip(120 / len(plane) ** 0.5, 3.5, 8))
    for axes, name in zip(panels.flat, names, strict=False):
        own = truth == name
        # Thousands of shapes would make the page heavy: these dots are pixels.
        for which, color, alpha in ((~own, "#8a94a0", 0.4), (own, "#2b8fce", 1.0)):
            axes.plot(
                *plane[which].T,
                ".",
                color=color,
                alpha=alpha,
                markeredgewidth=0,
                markersize=size * (1 if alpha == 1 else 0.6),
                rasterized=True,
            )
        axes.plot(
            *plane[own].mean(axis=0),
            "P",
            color=ORANGE,
            markersize=9,
            markeredgecolor=PAPER,
            markeredgewidth=1.2,
        )
        axes.set(title=_short(name, most=13), xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=LINE)
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    return figure
