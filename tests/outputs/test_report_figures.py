"""Figures show the numbers they are given, the same way every time, and touch nothing global."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from voxaffect.errors import EvaluationError
from voxaffect.outputs.figures import evaluation as figures
from voxaffect.outputs.figures.svg import to_inline_svg, to_svg
from voxaffect.outputs.report import write_report
from voxaffect.outputs.report.page import list_figures


@pytest.fixture(scope="module")
def folder(report_folder: Path) -> Path:
    return report_folder


@pytest.fixture(scope="module")
def markdown(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8")


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_bars_are_as_long_as_the_numbers() -> None:
    recall, precision = [0.8, None, 0.5], [0.7, 0.2, 0.1]
    figure = figures.draw_bars(
        ["angry", "calm", "sad"], {"recall": recall, "precision": precision}, label="share"
    )
    first, second = figure.axes[0].containers
    assert [bar.get_width() for bar in first] == [0.8, 0.5]
    assert [bar.get_width() for bar in second] == precision
    assert texts(figure) == ["0.80", "0.50", "0.70", "0.20", "0.10"]


def test_bars_of_every_system_have_a_hatch_of_their_own() -> None:
    figure = figures.draw_bars(["sad"], {name: [0.5] for name in "abcd"}, label="recall")
    hatches = [container[0].get_hatch() for container in figure.axes[0].containers]
    assert len(set(hatches)) == 4


def test_cells_of_a_confusion_matrix_are_per_cents_of_their_row() -> None:
    figure = figures.draw_confusion([[3, 1], [0, 8]], ["angry", "sad"])
    assert texts(figure) == ["75", "25", "·", "100"]
    shades = [patch.get_alpha() for patch in figure.axes[0].patches]
    assert sorted(range(4), key=lambda cell: shades[cell]) == [2, 1, 0, 3]


def test_an_emotion_that_was_never_tested_is_an_empty_row() -> None:
    assert texts(figures.draw_confusion([[0, 0], [1, 3]], ["angry", "sad"])) == [
        "·",
        "·",
        "25",
        "75",
    ]


def test_the_headline_marks_both_figures_of_each_system() -> None:
    new, heard = {"mean": 0.67, "interval": [0.6, 0.7]}, {"mean": 0.88, "interval": None}
    figure = figures.draw_headline({"a": (new, heard), "b": (new, None)}, chance=0.125)
    marked = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].lines}
    assert marked["new speakers"] == [0.67, 0.67]
    assert marked["random split"] == [0.88]
    assert "chance 0.125" in texts(figure)


def test_speakers_stand_in_order() -> None:
    values = {"ravdess/01": 0.9, "ravdess/02": 0.2, "ravdess/03": 0.5}
    figure = figures.draw_speakers({name: {"uar": value} for name, value in values.items()})
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["02", "03", "01"]
    drawn = next(line for line in figure.axes[0].lines if line.get_label() == "sex unknown")
    assert list(drawn.get_ydata()) == [0.2, 0.5, 0.9]


def test_reliability_leaves_empty_bins_out() -> None:
    bins = [
        {"low": 0, "high": 0.5, "confidence": None, "accuracy": None, "utterances": 0},
        {"low": 0.5, "high": 1, "confidence": 0.8, "accuracy": 0.7, "utterances": 9},
    ]
    axes = figures.draw_reliability({"a": bins}).axes[0]
    drawn = next(line for line in axes.lines if line.get_label() == "accuracy")
    assert (list(drawn.get_xdata()), list(drawn.get_ydata())) == ([0.8], [0.7])


def test_numbers_of_close_marks_are_set_apart() -> None:
    near, far = {"mean": 0.40}, {"mean": 0.45}
    axes = figures.draw_headline({"a": (near, far)}).axes[0]
    sides = {text.get_text(): text.get_horizontalalignment() for text in axes.texts}
    assert sides == {"0.400": "right", "0.450": "left"}


def test_a_long_curve_is_thinned_and_starts_where_answers_are_many() -> None:
    size = 5_000
    coverage = [(number + 1) / size for number in range(size)]
    curve = {"coverage": coverage, "risk": coverage}
    line = figures.draw_risk_coverage({"a": curve}).axes[0].lines[0]
    assert len(line.get_xdata()) <= 400
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (0.02, 1)


def test_families_of_features_stand_by_what_they_carry() -> None:
    families = [
        {"group": "rhythm", "features": 2, "drop": -0.01},
        {"group": "pitch", "features": 9, "drop": 0.05, "interval": [0.01, 0.09]},
    ]
    axes = figures.draw_importance(families).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["pitch (9)", "rhythm (2)"]
    assert [bar.get_width() for bar in axes.containers[0]] == [0.05, -0.01]


def test_the_map_has_a_panel_for_each_emotion() -> None:
    figure = figures.draw_map([[0, 0], [1, 1], [2, 0]], ["sad", "angry", "sad"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["angry", "sad"]


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = dict(mpl.rcParams)
    figures.draw_confusion([[1]], ["sad"])
    assert dict(mpl.rcParams) == before


def test_drawing_needs_no_pyplot() -> None:
    code = (
        "import sys; from voxaffect.outputs.figures import evaluation;"
        "evaluation.draw_confusion([[1]], ['sad']);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("emotion", "text"),
    [
        ("as long as can be " * 9, "as long as can be as lo…"),
        ("$sad$", "$sad$"),
        ("悲しい", "悲しい"),  # a script that the figure's font lacks
    ],
)
def test_a_name_is_drawn_as_it_is_and_leaves_room(emotion: str, text: str) -> None:
    figure = figures.draw_confusion([[1]], [emotion])
    assert text in to_svg(figure, "confusion", "Confusion", "One emotion")


def test_identifiers_are_unique_among_figures_and_all_references_lead_somewhere(
    folder: Path,
) -> None:
    drawn = [path.read_text(encoding="utf-8") for path in (folder / "figures").iterdir()]
    page = "".join(map(to_inline_svg, drawn))
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', page)) <= set(identifiers)


def test_a_figures_file_has_a_title_and_says_what_it_shows(folder: Path, markdown: str) -> None:
    found = list_figures(markdown)
    assert len(found) == 12
    for path, (title, description) in found.items():
        root = ElementTree.parse(folder / path).getroot()
        assert title
        assert root.findtext("{*}title") == title
        assert root.findtext("{*}desc") == description
        assert "metadata" not in {element.tag.rpartition("}")[2] for element in root.iter()}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("headline", [1, 2]),
        ("emotions", [2, 3]),
        ("reliability", [2, 3]),
        ("speakers", [2]),
        ("groups", [2]),
        ("robustness", [2]),
        ("importance-1", [2]),
    ],
)
def test_alternative_texts_hold_the_numbers_of_the_table(
    markdown: str, name: str, columns: list[int]
) -> None:
    path = f"figures/{name}.svg"
    _, description = list_figures(markdown)[path]
    table = markdown[markdown.index(path) :].partition("</details>")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    numbers = {
        number
        for row in rows
        for column in columns
        for number in re.findall(r"\d\.\d{3}", row[column])
    }
    assert numbers
    assert numbers <= set(re.findall(r"\d\.\d{3}", description))


def test_circles_of_thresholds_lie_at_the_measured_risk_and_under_the_target() -> None:
    marked = [{"risk": 0.1, "threshold": 0.7, "coverage": 0.52, "measured": 0.098}]
    curve = {"coverage": [0.1, 0.5, 1.0], "risk": [0.05, 0.106, 0.3]}
    axes = figures.draw_risk_coverage({"a": curve}, marked=marked).axes[0]
    (circle,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert [*circle.get_xdata(), *circle.get_ydata()] == [0.52, 0.098]


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "magic"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_figures_are_written_for_papers_the_same_every_time(
    evaluation: dict[str, Any], tmp_path: Path, ending: str, magic: bytes
) -> None:
    contents = []
    for name in ("one", "two"):
        paths = write_report(evaluation, tmp_path / name, figure_formats=[ending])
        drawn = [path for path in paths if path.suffix == f".{ending}"]
        assert {path.stem for path in drawn} == {p.stem for p in paths if p.suffix == ".svg"}
        contents.append([path.read_bytes() for path in drawn])
    assert contents[0] == contents[1]
    assert all(content.startswith(magic) for content in contents[0])


def test_a_figure_format_that_is_unknown_is_refused(
    evaluation: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match="figure format 'gif'; there are: pdf, png"):
        write_report(evaluation, tmp_path / "out", figure_formats=["gif"])
    assert not (tmp_path / "out").exists()
