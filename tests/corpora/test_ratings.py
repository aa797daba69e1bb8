"""Soft labels and dimensions of tables: as they are written, and one clear line for each fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxaffect.corpora import ReadOptions, Utterance, read_corpora
from voxaffect.errors import CorpusError
from voxaffect.training import select_emotions


def read(folder: Path, *lines: str, **options: object) -> tuple[tuple[Utterance, ...], str]:
    for name in "ab":
        (folder / f"{name}.wav").touch()
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    utterances, notes = read_corpora({"csv": folder / "t.csv"}, ReadOptions(**options))  # type: ignore[arg-type]
    return utterances, "\n".join(notes)


def test_the_emotion_of_a_soft_label_is_the_most_probable_one(tmp_path: Path) -> None:
    (one, other), notes = read(
        tmp_path, "path,p_anger,p_happy,p_proud", "a.wav,.25,.75,", "b.wav,0.1,0,0.9"
    )
    assert (one.emotion, one.soft_label) == ("happy", {"angry": 0.25, "happy": 0.75})
    assert (other.emotion, other.soft_label) == ("proud", {"angry": 0.1, "proud": 0.9})
    assert "soft labels: anger, happy, proud" in notes


def test_of_equal_shares_the_first_column_counts(tmp_path: Path) -> None:
    (one,), _ = read(tmp_path, "path,p_sad,p_angry", "a.wav,.5,.5")
    assert one.emotion == "sad"


def test_a_column_emotion_decides_between_equal_shares(tmp_path: Path) -> None:
    (one,), _ = read(tmp_path, "path,emotion,p_sad,p_angry", "a.wav,Anger,.5,.5")
    assert one.emotion == "angry"


def test_rounded_shares_are_scaled_to_a_sum_of_1(tmp_path: Path) -> None:
    (one,), _ = read(tmp_path, "path,p_sad,p_angry,p_happy", "a.wav,.33,.33,.33")
    assert one.soft_label is not None
    assert sum(one.soft_label.values()) == pytest.approx(1, abs=1e-12)


def test_shares_of_words_for_one_emotion_are_added_up(tmp_path: Path) -> None:
    (one,), _ = read(tmp_path, "path,p_joy,p_happy,p_sad", "a.wav,.3,.3,.4")
    assert (one.emotion, one.soft_label) == ("happy", {"happy": 0.6, "sad": 0.4})


def test_a_row_without_shares_has_its_emotion(tmp_path: Path) -> None:
    (_, other), _ = read(tmp_path, "path,emotion,p_sad,p_angry", "a.wav,,1,0", "b.wav,bored,,")
    assert (other.soft_label, other.distribution) == (None, {"bored": 1.0})


def test_probabilities_of_a_model_are_no_soft_labels(tmp_path: Path) -> None:
    (one,), notes = read(
        tmp_path, "path,emotion,uncertain,p_sad,p_angry", "a.wav,angry,False,.9,.1"
    )
    assert (one.emotion, one.soft_label) == ("angry", None)
    assert "not used: uncertain, p_sad, p_angry" in notes


def test_a_single_column_of_such_a_name_is_no_soft_label(tmp_path: Path) -> None:
    (one,), _ = read(tmp_path, "path,emotion,p_id", "a.wav,angry,12")
    assert one.soft_label is None


def test_dimensions_are_read_and_may_be_missing(tmp_path: Path) -> None:
    (one, other), notes = read(
        tmp_path, "path,emotion,arousal,EmoVal", "a.wav,sad,0.25,1", "b.wav,sad,,0"
    )
    assert one.dimensions == {"arousal": 0.25, "valence": 1.0}
    assert other.dimensions == {"valence": 0.0}
    assert "dimensions: arousal, valence" in notes


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,.5,.4,", r"line 2: the columns p_… add up to 0.9, expected 1"),
        ("a.wav,0,0,", r"line 2: the columns p_… are all 0, expected a sum of 1. Write the shares"),
        ("a.wav,1.2,-.2,", r"line 2: p_sad is 1.2, expected a number from 0 to 1"),
        ("a.wav,-.1,1,", r"line 2: p_sad is -0.1, expected a number from 0 to 1"),
        ("a.wav,nan,1,", r"line 2: p_sad is 'nan', expected a number from 0 to 1"),
        ("a.wav,inf,1,", r"line 2: p_sad is 'inf', expected a number from 0 to 1"),
        ("a.wav,,,", r"line 2: no emotion is rated"),
        ("a.wav,.5,.5,4", r"line 2: arousal is 4, expected a number from 0 to 1. Convert a scale"),
        ("a.wav,.5,.5,-0.1", r"line 2: arousal is -0.1, expected a number from 0 to 1"),
        ("a.wav,.5,.5,high", r"line 2: arousal is 'high', expected a number from 0 to 1"),
        ("a.wav,.5,.5,inf", r"line 2: arousal is 'inf', expected a number from 0 to 1"),
    ],
)
def test_ratings_that_are_none_are_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        read(tmp_path, "path,p_sad,p_angry,arousal", row)
    assert "\n" not in str(caught.value)
    assert "faults" not in str(caught.value)


def test_an_emotion_that_the_shares_contradict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="emotion is 'sad', and 'angry' is the most probable"):
        read(tmp_path, "path,emotion,p_sad,p_angry", "a.wav,sad,.4,.6")


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no column 'act', found path, emotion"):
        read(tmp_path, "path,emotion", "a.wav,sad", columns={"arousal": "act"})


def test_dimensions_alone_are_read_without_an_emotion(tmp_path: Path) -> None:
    (one,), notes = read(tmp_path, "path,arousal,valence", "a.wav,.5,")
    assert "dimensions: arousal, valence; no column of emotions" in notes
    assert (one.emotion, one.distribution, one.dimensions) == ("", {}, {"arousal": 0.5})
    with pytest.raises(CorpusError, match="line 2: no dimension is rated"):
        read(tmp_path, "path,arousal,valence", "a.wav,,")


def test_a_share_under_a_word_for_no_emotion_is_refused(tmp_path: Path) -> None:
    from voxaffect.corpora.base import list_emotions
    from voxaffect.corpora.labels import check_labels

    utterances, _ = read(tmp_path, "path,p_sad,p_unknown", "a.wav,.6,.4")
    with pytest.raises(CorpusError, match="'unknown' stands for no emotion"):
        check_labels(list_emotions(utterances))


def test_chosen_emotions_share_what_is_left(tmp_path: Path) -> None:
    utterances, _ = read(tmp_path, "path,p_sad,p_angry,p_happy", "a.wav,.3,.6,.1", "b.wav,0,0,1")
    (one,) = select_emotions(utterances, ["sad", "anger"])
    assert one.soft_label == pytest.approx({"sad": 1 / 3, "angry": 2 / 3})


@pytest.mark.parametrize(
    "ratings",
    [
        {"dimensions": {"arousal": float("nan")}},
        {"dimensions": {"tension": 0.5}},
        {"soft_label": {"sad": float("nan")}},
        {"soft_label": {"sad": 0.5}},
    ],
)
def test_an_utterance_refuses_ratings_that_are_none(ratings: dict[str, dict[str, float]]) -> None:
    with pytest.raises(CorpusError, match=r"a\.wav: "):
        Utterance("a.wav", "csv", "sad", **ratings)  # type: ignore[arg-type]
