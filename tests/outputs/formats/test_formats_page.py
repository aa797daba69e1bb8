"""docs/formats.md says what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxaffect.cli.results import Results
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
_, OF_PREDICTIONS, REST = PAGE.split("\n## ", 2)
ROWS = [line for line in REST.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", PREDICTION_FORMATS)
def test_every_format_of_predictions_has_its_row(name: str) -> None:
    assert f"| `{name}` | `{PREDICTION_FORMATS[name].suffix}` |" in OF_PREDICTIONS


@pytest.mark.parametrize("name", TIMELINE_FORMATS)
def test_every_format_of_timelines_has_its_row(name: str) -> None:
    form = TIMELINE_FORMATS[name]
    (row,) = (line for line in ROWS if f"`{name}`" in line.split("|")[1])
    _, _, suffixes, holds, windows, *_ = (cell.strip() for cell in row.split("|"))
    assert f"`{form.suffix}`" in suffixes
    assert holds == {"all": "all recordings"}.get(form.holds, f"one {form.holds}")
    assert (windows != "no") == ("windows" in form.levels)


def test_the_checkpoint_is_called_as_the_page_says(tmp_path: Path) -> None:
    beside = Results({}, Path("out.csv"), False, {}).prepare_checkpoint()
    within = Results({}, tmp_path / "out", True, {}).prepare_checkpoint()
    sentence = f"`{beside}` next to `out.csv`, or `{within.name}` in a folder"
    assert sentence in " ".join(PAGE.split())
