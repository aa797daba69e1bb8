"""Layouts of folders: what each level names, or why that cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.files import touch_files

from voxaffect.corpora import ReadOptions, Utterance, read_corpora, read_corpus
from voxaffect.corpora.layouts import Layout
from voxaffect.errors import CorpusError


def _fields(utterance: Utterance) -> tuple[str | None, ...]:
    return utterance.emotion, utterance.speaker, utterance.subset


LAYOUTS = [
    ("emotion/file", ["happy/a.wav", "sad/a.wav"], [("happy", None, None), ("sad", None, None)]),
    (
        "set/emotion/file",
        ["test/happy/a.wav", "train/Angry/b.wav"],
        [("happy", None, "test"), ("angry", None, "train")],
    ),
    (
        "speaker/emotion/file",
        ["anna/happy/a.wav", "bert/sad/b.wav"],
        [("happy", "anna", None), ("sad", "bert", None)],
    ),
    (
        "emotion/speaker/file",
        ["happy/anna/a.wav", "sad/bert/b.wav"],
        [("happy", "anna", None), ("sad", "bert", None)],
    ),
    (
        "set/emotion/speaker/file",
        ["Training/joy/s1/a.wav", "Validation/fear/s2/b.wav"],
        [("happy", "s1", "Training"), ("fearful", "s2", "Validation")],
    ),
    (
        "set/speaker/emotion/file",
        ["fold1/Actor_01/Wut/a.wav", "fold2/Actor_02/Trauer/b.wav"],
        [("angry", "Actor_01", "fold1"), ("sad", "Actor_02", "fold2")],
    ),
    (
        "speaker/set/emotion/file",
        ["anna/dev/sad/a.wav", "bert/eval/sad/b.wav"],
        [("sad", "anna", "dev"), ("sad", "bert", "eval")],
    ),
    (
        "*/emotion/file",
        ["data/happy/a.wav", "data/sad/b.wav"],
        [("happy", None, None), ("sad", None, None)],
    ),
    (
        "*/set/emotion/file",
        ["dataset/train/happy/a.wav", "dataset/test/sad/b.wav"],
        [("sad", None, "test"), ("happy", None, "train")],
    ),
    (
        "emotion/speaker/file",
        ["happy/anna/take1/x.wav", "sad/bert/take2/y.wav"],
        [("happy", "anna", None), ("sad", "bert", None)],
    ),
    (
        "*/speaker/emotion/file",
        ["session1/anna/happy/a.wav", "session2/bert/sad/b.wav"],
        [("happy", "anna", None), ("sad", "bert", None)],
    ),
    (
        "speaker/emotion/file",
        ["Session1/ang/a.wav", "Session2/hap/b.wav"],
        [("angry", "Session1", None), ("happy", "Session2", None)],
    ),
    (
        "*/emotion/file",
        ["clean/happy/a.wav", "noisy/sad/b.wav"],
        [("happy", None, None), ("sad", None, None)],
    ),
    (
        "*/emotion/file",
        ["16k/happy/a.wav", "48k/sad/b.wav"],
        [("happy", None, None), ("sad", None, None)],
    ),
    (
        "*/emotion/file",
        ["2023-01-05/happy/a.wav", "2023-02-05/sad/b.wav"],
        [("happy", None, None), ("sad", None, None)],
    ),
    (
        "emotion/file",
        ["happy/raw/a.wav", "happy/processed/b.wav", "sad/raw/c.wav"],
        [("happy", None, None), ("happy", None, None), ("sad", None, None)],
    ),
    (
        "emotion/file",
        ["Happy_recordings/a.wav", "Sad_recordings/b.wav"],
        [("happy", None, None), ("sad", None, None)],
    ),
    (
        "file:emotion",
        ["03_angry.wav", "OAF_back_sad.wav"],
        [("angry", None, None), ("sad", None, None)],
    ),
]


@pytest.mark.parametrize(("layout", "names", "expected"), LAYOUTS, ids=lambda value: str(value))
def test_layout_is_told_by_the_words_of_emotions(
    tmp_path: Path, layout: str, names: list[str], expected: list[tuple[str | None, ...]]
) -> None:
    members, notes = read_corpora({"folder": touch_files(tmp_path, *names)})
    assert [_fields(one) for one in members] == expected
    assert notes[0].startswith(f"folder: read as {layout}: emotions ")
    given = read_corpus("folder", tmp_path, ReadOptions(layout=layout))
    assert given == members


def test_sex_intensity_and_channel_are_no_speakers(tmp_path: Path) -> None:
    names = ["female/happy/strong/a.wav", "male/sad/normal/b.wav"]
    members = read_corpus("folder", touch_files(tmp_path, *names))
    assert [(one.sex, one.intensity, one.speaker) for one in members] == [
        ("female", "strong", None),
        ("male", "normal", None),
    ]


def test_the_users_own_words_count_as_emotions(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "anna/Stolz/a.wav", "bert/Scham/b.wav")
    with pytest.raises(CorpusError, match="cannot tell which folders name the emotion"):
        read_corpus("folder", root)
    labels = {"Stolz": "proud", "Scham": "ashamed"}
    members = read_corpus("folder", root, ReadOptions(labels=labels))
    assert [_fields(one)[:2] for one in members] == [("proud", "anna"), ("ashamed", "bert")]


def test_unknown_words_right_over_the_files_are_labels_of_the_user(tmp_path: Path) -> None:
    members, notes = read_corpora({"folder": touch_files(tmp_path, "Stolz/a.wav", "Scham/b.wav")})
    assert [one.emotion for one in members] == ["Scham", "Stolz"]
    assert notes[-1] == "labels: no known emotion, kept as they are: Scham, Stolz"


def test_a_word_that_nobody_knows_is_named(tmp_path: Path) -> None:
    names = ["happy/a.wav", "sad/b.wav", "proud/c.wav"]
    _, notes = read_corpora({"folder": touch_files(tmp_path, *names)})
    assert notes[-1] == "labels: no known emotion, kept as they are: proud"


def test_files_of_a_public_corpus_that_can_be_read_get_a_note(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "1001_DFA_ANG_XX.wav", "1001_DFA_SAD_XX.wav")
    members, notes = read_corpora({"folder": root})
    assert [one.emotion for one in members] == ["angry", "sad"]
    assert "named as those of CREMA-D: crema-d instead of folder" in notes[1]


AMBIGUOUS = [
    (["happy/sad/a.wav", "angry/sad/b.wav"], "more than one level"),
    (["train/happy/a.wav", "test/sad/b.wav", "happy/c.wav"], "more than one level"),
    (["joy/happy/a.wav", "bert/sad/b.wav"], "more than one level"),
    (["happy/a.wav", "sad/b.wav", "test/c.wav"], "test stands among emotions"),
    (["train/sad/a.wav", "anna/happy/b.wav"], "train stands among other names"),
    (["anna/proud/a.wav", "bert/ashamed/b.wav"], "no folder names an emotion"),
    (["train/a.wav", "test/b.wav"], "no folder names an emotion"),
    (["train_splits/a.wav", "dev_splits/b.wav"], "no folder names an emotion"),
    (["my_train/a.wav", "others/b.wav"], "no folder names an emotion"),
    (["male/a.wav", "female/b.wav"], "no folder names an emotion"),
    (["Actor_01/a.wav", "Actor_02/b.wav"], "look like speakers"),
    (["s1/a.wav", "s2/b.wav"], "look like speakers"),
    (["01/a.wav", "02/b.wav"], "look like speakers"),
    (["anna/happy_1.wav", "bert/sad_1.wav"], "the file names hold words of emotions"),
    (["OAF_angry/OAF_back_angry.wav", "OAF_sad/OAF_back_sad.wav"], "file names hold words"),
    (["happy/a.wav", "sad/b.wav", "backup/c.wav"], "backup stands among emotions"),
    (["happy/a.wav", "sad/b.wav", "_background_noise_/c.wav"], "noise_ stands among emotions"),
    (["anna/clara/happy/a.wav", "bert/dora/sad/b.wav"], "levels 1 and 2 could"),
    (["clean/happy/a.wav", "anna/sad/b.wav"], "clean stands among other names"),
    (["proud/a.wav"], "there is one folder"),
    (["proud/a.wav", "deep/er/b.wav"], "no folder names an emotion"),
]


@pytest.mark.parametrize(("names", "reason"), AMBIGUOUS, ids=lambda value: str(value))
def test_what_can_be_read_in_two_ways_is_refused_with_a_remedy(
    tmp_path: Path, names: list[str], reason: str
) -> None:
    with pytest.raises(CorpusError, match=rf"{reason}.*--layout .*table with the columns path"):
        read_corpus("folder", touch_files(tmp_path, *names))


@pytest.mark.parametrize(
    ("names", "layout", "expected"),
    [
        (
            ["joy/happy/a.wav", "bert/sad/b.wav"],
            "speaker/emotion",
            [("sad", "bert"), ("happy", "joy")],
        ),
        (
            ["anna/happy_1.wav", "bert/sad_1.wav"],
            "speaker/file:emotion",
            [("happy", "anna"), ("sad", "bert")],
        ),
        (
            ["anna/clara/happy/a.wav", "bert/dora/sad/b.wav"],
            "speaker/*/emotion",
            [("happy", "anna"), ("sad", "bert")],
        ),
        (
            ["train/happy_1.wav", "test/sad_1.wav"],
            "set/file:emotion",
            [("sad", None), ("happy", None)],
        ),
        (
            ["OAF_angry/OAF_back_angry.wav", "OAF_sad/OAF_back_sad.wav"],
            "*/file:emotion",
            [("angry", None), ("sad", None)],
        ),
        (["s1/a.wav", "s2/b.wav"], "emotion", [("s1", None), ("s2", None)]),
    ],
)
def test_the_remedy_works(
    tmp_path: Path, names: list[str], layout: str, expected: list[tuple[str, str | None]]
) -> None:
    root = touch_files(tmp_path, *names)
    with pytest.raises(CorpusError) as caught:
        read_corpus("folder", root)
    assert f"such as --layout {layout} " in str(caught.value)
    members = read_corpus("folder", root, ReadOptions(layout=layout))
    assert [_fields(one)[:2] for one in members] == expected


def test_files_of_a_public_corpus_are_recognized(tmp_path: Path) -> None:
    names = ["Actor_01/03-01-05-01-02-01-01.wav", "Actor_02/03-01-05-01-02-01-02.wav"]
    root = touch_files(tmp_path, *names)
    with pytest.raises(CorpusError, match=r"named as those of RAVDESS.*use ravdess instead"):
        read_corpus("folder", root)


def test_a_recording_too_high_for_an_emotion_is_named(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "train/happy/a.wav", "train/sad/a.wav", "test/b.wav")
    with pytest.raises(CorpusError, match=r"1 of 3 recordings do not fit. 'b.wav' is in no"):
        read_corpus("folder", root)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "speaker",
        "emotion/emotion",
        "speaker/mood",
        "speaker/speaker/emotion",
        "emotion/file:emotion",
        "file",
    ],
)
def test_a_layout_without_exactly_one_emotion_is_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="expected levels of folders from the top"):
        Layout.parse(text)


@pytest.mark.parametrize("text", ["speaker/emotion", "speaker/emotion/file", "Speaker/Emotion/"])
def test_a_layout_may_end_in_file(text: str) -> None:
    assert Layout.parse(text) == Layout(("speaker", "emotion"))


def test_a_layout_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "happy/a.wav")
    with pytest.raises(CorpusError, match="none of 1 recordings fits the layout speaker/emotion"):
        read_corpus("folder", root, ReadOptions(layout="speaker/emotion"))


def test_labels_of_several_corpora_are_mapped_together(tmp_path: Path) -> None:
    touch_files(tmp_path, "ravdess/03-01-05-01-02-01-01.wav", "own/anger/a.wav", "own/JOY/b.wav")
    roots = {"ravdess": tmp_path / "ravdess", "folder": tmp_path / "own"}
    members, notes = read_corpora(roots)
    assert [(one.emotion, one.label) for one in members] == [
        ("angry", None),
        ("happy", "JOY"),
        ("angry", "anger"),
    ]
    assert notes[-1] == "labels: JOY as happy, anger as angry"
    members, notes = read_corpora(roots, ReadOptions(labels="none"))
    assert [one.emotion for one in members] == ["angry", "JOY", "anger"]
    assert notes[-1] == "labels: kept apart as --labels none says: anger, angry"


def test_a_map_changes_public_corpora_too(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "03-01-02-01-02-01-01.wav")
    (calm,) = read_corpus("ravdess", root, ReadOptions(labels={"calm": "neutral"}))
    assert (calm.emotion, calm.label) == ("neutral", "calm")


def test_own_data_take_the_name_that_they_are_given(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "happy/a.wav")
    assert {u.corpus for u in read_corpus("folder", root, ReadOptions(name="My calls"))} == {
        "My calls"
    }


@pytest.mark.parametrize("name", ["ravdess", "EMODB", " "])
def test_the_name_of_a_public_corpus_is_refused(name: str) -> None:
    with pytest.raises(CorpusError, match="expected a name of your own"):
        ReadOptions(name=name)


def test_folders_of_a_public_corpus_are_no_labels(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "DC/a01.wav", "JE/sa01.wav")
    with pytest.raises(CorpusError, match=r"named as those of SAVEE.* use savee instead"):
        read_corpus("folder", root)


def test_a_folder_that_contradicts_the_code_in_a_name_is_refused(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "angry/03-01-03-01-01-01-01.wav", "sad/03-01-04-01-01-01-01.wav")
    with pytest.raises(CorpusError, match=r"is angry by its folder and happy by its name"):
        read_corpus("folder", root)
    members = read_corpus("folder", root, ReadOptions(layout="emotion"))
    assert [one.emotion for one in members] == ["angry", "sad"]


def test_a_folder_may_merge_calm_into_neutral(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "neutral/03-01-02-01-01-01-01.wav", "sad/03-01-04-01-01-01-01.wav")
    assert [one.emotion for one in read_corpus("folder", root)] == ["neutral", "sad"]


def test_a_name_with_a_word_for_another_emotion_than_its_folder_gets_a_note(
    tmp_path: Path,
) -> None:
    root = touch_files(tmp_path, "happy/anna_sad_1.wav", "happy/b.wav", "sad/anna_sad_2.wav")
    _, notes = read_corpora({"folder": root})
    (note,) = [note for note in notes if "another emotion" in note]
    assert note.startswith("folder: 1 file names hold")
    assert "anna_sad_1.wav: the folders count" in note


def test_an_archive_in_a_folder_is_named_and_rubbish_is_passed_over(tmp_path: Path) -> None:
    root = touch_files(
        tmp_path,
        "happy/a.wav",
        "sad/b.wav",
        "sad/more.zip",
        "__MACOSX/happy/._a.wav",
        "$RECYCLE.BIN/happy/a.wav",
        "@eaDir/happy/a.wav",
        ".hidden/x.wav",
    )
    members, notes = read_corpora({"folder": root})
    assert len(members) == 2
    assert f"folder: not read, for they are archives: {Path('sad/more.zip')}" in notes


def test_a_denied_emotion_in_a_name_is_refused(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "anna_not_happy_1.wav", "anna_sad_1.wav", "anna_happy_2.wav")
    with pytest.raises(CorpusError, match=r"'anna_not_happy_1.wav' is in no sub-folder"):
        read_corpus("folder", root)
