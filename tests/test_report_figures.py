"""Figures show the numbers they are given, the same way every time, and touch nothing global."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from support import documents

from voxaffect.outputs.figures import evaluation as figures
from voxaffect.outputs.figures.svg import to_inline_svg, to_svg
from voxaffect.outputs.report.blocks import Plot, Report
from voxaffect.outputs.report.content import lay_out


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    members = documents.utterances(speakers=6, each=2)
    return documents.document(members=members, systems=("logistic", "eGeMAPS + SVM"))


@pytest.fixture(scope="module")
def drawn(report: Report) -> dict[str, str]:
    """Return every figure as SVG, by name."""
    return {plot.name: to_svg(plot) for plot in report.plots}


@pytest.fixture(scope="module")
def report(document: dict[str, Any]) -> Report:
    return lay_out(document, folder=Path("out"))


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_bars_are_as_long_as_the_numbers() -> None:
    recall, precision = [0.8, None, 0.5], [0.7, 0.2, 0.1]
    figure = figures.grouped_bars(
        ["angry", "calm", "sad"], {"recall": recall, "precision": precision}, label="share"
    )
    first, second = figure.axes[0].containers
    assert [bar.get_width() for bar in first] == [0.8, 0.5]
    assert [bar.get_width() for bar in second] == precision
    assert texts(figure) == ["0.80", "0.50", "0.70", "0.20", "0.10"]


def test_bars_of_every_system_have_a_hatch_of_their_own() -> None:
    figure = figures.grouped_bars(["sad"], {name: [0.5] for name in "abcd"}, label="recall")
    hatches = [container[0].get_hatch() for container in figure.axes[0].containers]
    assert len(set(hatches)) == 4


def test_cells_of_a_confusion_matrix_are_per_cents_of_their_row() -> None:
    figure = figures.confusion([[3, 1], [0, 8]], ["angry", "sad"])
    assert texts(figure) == ["75", "25", "·", "100"]
    shades = [patch.get_alpha() for patch in figure.axes[0].patches]
    assert sorted(range(4), key=lambda cell: shades[cell]) == [2, 1, 0, 3]


def test_an_emotion_that_was_never_tested_is_an_empty_row() -> None:
    assert texts(figures.confusion([[0, 0], [1, 3]], ["angry", "sad"])) == ["·", "·", "25", "75"]


def test_the_headline_marks_both_figures_of_each_system() -> None:
    new, heard = {"mean": 0.67, "interval": [0.6, 0.7]}, {"mean": 0.88, "interval": None}
    figure = figures.headline({"a": (new, heard), "b": (new, None)}, chance=0.125)
    marked = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].lines}
    assert marked["new voices"] == [0.67, 0.67]
    assert marked["random split"] == [0.88]
    assert "chance 0.125" in texts(figure)


def test_speakers_stand_in_order() -> None:
    values = {"ravdess/01": 0.9, "ravdess/02": 0.2, "ravdess/03": 0.5}
    figure = figures.speakers({name: {"uar": value} for name, value in values.items()})
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["02", "03", "01"]
    drawn = next(line for line in figure.axes[0].lines if line.get_label() == "sex unknown")
    assert list(drawn.get_ydata()) == [0.2, 0.5, 0.9]


def test_reliability_leaves_empty_bins_out() -> None:
    bins = [
        {"low": 0, "high": 0.5, "confidence": None, "accuracy": None, "utterances": 0},
        {"low": 0.5, "high": 1, "confidence": 0.8, "accuracy": 0.7, "utterances": 9},
    ]
    axes = figures.reliability({"a": bins}).axes[0]
    drawn = next(line for line in axes.lines if line.get_label() == "accuracy")
    assert (list(drawn.get_xdata()), list(drawn.get_ydata())) == ([0.8], [0.7])


def test_numbers_of_close_marks_are_set_apart() -> None:
    near, far = {"mean": 0.40}, {"mean": 0.45}
    axes = figures.headline({"a": (near, far)}).axes[0]
    sides = {text.get_text(): text.get_horizontalalignment() for text in axes.texts}
    assert sides == {"0.400": "right", "0.450": "left"}


def test_a_long_curve_is_thinned_and_starts_where_answers_are_many() -> None:
    size = 5_000
    coverage = [(number + 1) / size for number in range(size)]
    curve = {"coverage": coverage, "risk": coverage}
    line = figures.risk_coverage({"a": curve}).axes[0].lines[0]
    assert len(line.get_xdata()) <= 400
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (0.02, 1)


def test_families_of_features_stand_by_what_they_carry() -> None:
    families = [
        {"family": "rhythm", "features": 2, "drop": -0.01},
        {"family": "pitch", "features": 9, "drop": 0.05, "interval": [0.01, 0.09]},
    ]
    axes = figures.insight(families).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["pitch (9)", "rhythm (2)"]
    assert [bar.get_width() for bar in axes.containers[0]] == [0.05, -0.01]


def test_the_map_has_a_panel_for_each_emotion() -> None:
    figure = figures.embedding([[0, 0], [1, 1], [2, 0]], ["sad", "angry", "sad"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["angry", "sad"]


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = dict(mpl.rcParams)
    figures.confusion([[1]], ["sad"])
    assert dict(mpl.rcParams) == before


def test_drawing_needs_no_pyplot() -> None:
    code = (
        "import sys; from voxaffect.outputs.figures import evaluation;"
        "evaluation.confusion([[1]], ['sad']);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_long_name_leaves_room_for_the_figure(report: Report) -> None:
    figure = figures.confusion([[1]], ["as long as can be " * 9])
    assert "as long as can be as lo…" in to_svg(replace(report.plots[0], figure=figure))


def test_a_dollar_in_a_name_is_a_dollar(report: Report) -> None:
    figure = figures.confusion([[1]], ["$sad$"])
    assert "$sad$" in to_svg(replace(report.plots[0], figure=figure))


def test_a_script_that_the_figures_font_lacks_is_written_all_the_same(report: Report) -> None:
    figure = figures.confusion([[1]], ["悲しい"])
    assert "悲しい" in to_svg(replace(report.plots[0], figure=figure))


def test_identifiers_are_unique_among_figures_and_all_references_lead_somewhere(
    drawn: dict[str, str],
) -> None:
    page = "".join(map(to_inline_svg, drawn.values()))
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', page)) <= set(identifiers)


def test_a_figures_file_has_a_title_and_says_what_it_shows(
    report: Report, drawn: dict[str, str]
) -> None:
    for plot in report.plots:
        root = ElementTree.fromstring(drawn[plot.name])
        assert root.findtext("{*}title") == plot.table.caption
        assert root.findtext("{*}desc") == plot.alternative
        assert "metadata" not in {element.tag.rpartition("}")[2] for element in root.iter()}


def numbers(plot: Plot) -> set[str]:
    """Return the numbers with three places that the alternative text holds."""
    return set(re.findall(r"\d\.\d{3}", plot.alternative))


@pytest.mark.parametrize(
    "name", ["headline", "emotions", "reliability", "speakers", "groups", "robustness", "insight-1"]
)
def test_alternative_texts_hold_the_numbers_of_the_table(report: Report, name: str) -> None:
    plot = next(plot for plot in report.plots if plot.name == name)
    shown = {"headline": [1, 2], "emotions": [2, 3], "reliability": [2, 3]}.get(name, [2])
    if name == "insight-1":
        shown = [2]
    said = {
        found
        for row in plot.table.rows
        for column in shown
        for found in re.findall(r"\d\.\d{3}", row[column])
    }
    assert said
    assert said <= numbers(plot)
