"""Tables of several raters become one label, and the share of each emotion, for a recording."""

from __future__ import annotations

from pathlib import Path

import krippendorff
import numpy as np
import pytest
from conftest import voice
from support.services import encode

from voxaffect.corpora import read_corpus, scan_corpus
from voxaffect.corpora.own_table import COLUMNS, NOTHING
from voxaffect.corpora.raters import merge_raters, stack_raters
from voxaffect.corpora.tables import Table, find_columns, load_table
from voxaffect.diagnosis.corpus import check_corpus, describe_report
from voxaffect.errors import CorpusError

LONG = """file,rater,emotion,speaker,arousal
a.wav,anna,anger,s1,0.9
a.wav,ben,angry,s1,0.7
a.wav,cleo,sad,s1,
b.wav,anna,happy,s2,0.5
b.wav,ben,sad,s2,0.25
c.wav,ben,happy,s2,0.75
c.wav,cleo,,s2,0.5
"""
WIDE = """file,speaker,rater_anna,rater_ben,rater_cleo
a.wav,s1,anger,angry,sad
b.wav,s2,happy,sad,
c.wav,s2,,happy,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate("abc"):
        (tmp_path / f"{name}.wav").write_bytes(encode(voice(index)))
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "raters.csv"
    path.write_text(text, encoding="utf-8")
    return path


def merged(path: Path) -> Table:
    table = stack_raters(load_table(path, kind="a table", columns=["file", "rater"]))
    indices = find_columns(table, COLUMNS, {}, clear=())
    units = [cells[0] for _, cells in table.rows]
    return merge_raters(table, indices, units, NOTHING).table


@pytest.mark.parametrize("text", [LONG, WIDE], ids=["long", "wide"])
def test_most_raters_decide_and_ties_go_to_the_more_frequent(folder: Path, text: str) -> None:
    utterances = read_corpus("csv", write(folder, text))
    # happy and sad are tied in b.wav, and as frequent in the table: the first by name.
    assert [one.emotion for one in utterances] == ["angry", "happy", "happy"]
    assert [one.speaker for one in utterances] == ["s1", "s2", "s2"]
    shares = [{name: p for name, p in one.distribution.items() if p} for one in utterances]
    assert shares[1:] == [{"happy": 0.5, "sad": 0.5}, {"happy": 1}]
    assert shares[0] == pytest.approx({"angry": 2 / 3, "sad": 1 / 3})


@pytest.mark.parametrize("text", [LONG, WIDE], ids=["long", "wide"])
def test_shares_are_columns_that_sum_to_one(folder: Path, text: str) -> None:
    table = merged(write(folder, text))
    names = [name for name in table.header if name.startswith("p_")]
    assert names == ["p_angry", "p_happy", "p_sad"]
    shares = [[float(cells[table.header.index(name)]) for name in names] for _, cells in table.rows]
    assert shares == [[2 / 3, 0, 1 / 3], [0, 0.5, 0.5], [0, 1, 0]]
    assert [sum(row) for row in shares] == [1.0] * 3


def test_a_dimension_is_the_mean_of_its_raters(folder: Path) -> None:
    table = merged(write(folder, LONG))
    index = table.header.index("arousal")
    values = [float(cells[index]) for _, cells in table.rows]
    assert values == pytest.approx([0.8, 0.375, 0.625])


def test_check_prints_alpha_with_units_raters_and_interval(folder: Path) -> None:
    report = check_corpus("csv", write(folder, LONG))
    emotion, arousal = report.agreement
    nan = np.nan
    coded = [[0, 0, 2], [1, 2, nan], [nan, 1, nan]]
    expected = krippendorff.alpha(
        reliability_data=np.transpose(coded), level_of_measurement="nominal"
    )
    assert emotion.alpha == pytest.approx(expected, abs=1e-9)
    assert (emotion.units, emotion.raters, emotion.over) == (2, 3, "speakers")
    felt = [[0.9, 0.7, nan], [0.5, 0.25, nan], [nan, 0.75, 0.5]]
    expected = krippendorff.alpha(
        reliability_data=np.transpose(felt), level_of_measurement="interval"
    )
    assert arousal.alpha == pytest.approx(expected, abs=1e-9)
    text = "\n".join(describe_report(report))
    assert f"agreement on emotion: Krippendorff's alpha {emotion.alpha:.3f} (95 %" in text
    assert "3 raters, 2 recordings with two or more ratings" in text
    assert "over 2 speakers: with so few speakers the interval says little)" in text
    assert "they agree too well" in text
    assert "raters: 3, of 3 recordings" in text


def test_one_rater_is_a_plain_table(folder: Path) -> None:
    path = write(folder, "path,emotion,rater\na.wav,sad,anna\nb.wav,happy,anna\n")
    result = scan_corpus("csv", path)
    assert [one.emotion for one in result.utterances] == ["sad", "happy"]
    assert result.rated == ()


def test_parts_of_a_recording_are_rated_apart(folder: Path) -> None:
    rows = ["path,start,end,emotion,rater", "a.wav,0,0.5,sad,1", "a.wav,0.0,0.50,sad,2"]
    rows += ["a.wav,0.5,1.0,happy,1", "a.wav,0.5,1.0,happy,2"]
    utterances = read_corpus("csv", write(folder, "\n".join(rows)))
    assert [(one.start_seconds, one.emotion) for one in utterances] == [(0, "sad"), (0.5, "happy")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,rater,emotion\na.wav,1,sad\na.wav,2,sad\na.wav,1,happy\n",
            "line 4: 1 has rated this on line 2 already",
        ),
        ("path,rater_1,rater_2,emotion\na.wav,sad,sad,sad\n", "could each be the label"),
        ("path,rater_1,rater_2\na.wav,,\nb.wav,sad,sad\n", "line 2: no rater names an"),
        ("path,rater_1,rater_2\na.wav,sad,\nb.wav,,\n", "line 3: no rater names an emotion"),
        ("path,rater,rater_1,rater_2\na.wav,5,sad,sad\n", "'rater' and 'rater_1' are two layouts"),
        ("path,rater,emotion\na.wav,1,sad\na.wav,,sad\n", "line 3: the rater is missing"),
        ("path,rater,emotion\na.wav,1,sad\na.wav,2,sad\nb.wav,,sad\n", "line 4: the rater is"),
        ("path,rater_1,rater_2\na.wav,sad,nan\n", "line 2: emotion is 'nan'.*Leave the cell"),
        ("path,rater,emotion\na.wav,nan,sad\na.wav,2,sad\n", "line 2: rater is 'nan'"),
        (
            "path,rater,emotion,arousal\na.wav,1,sad,NaN\na.wav,2,sad,1\n",
            "line 2: arousal is 'NaN'.*Leave the cell empty",
        ),
        ("path,rater,emotion,arousal\na.wav,1,sad,x\na.wav,2,sad,1\n", "arousal is 'x', expected"),
    ],
)
def test_faults_of_raters_are_one_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        read_corpus("csv", write(folder, text))
    assert "\n" not in str(caught.value)
