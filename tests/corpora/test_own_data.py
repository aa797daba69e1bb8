"""People's own data from the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from conftest import RATE_HZ, Run, voice

from voxaffect.corpora import find_root, read_corpora
from voxaffect.errors import CorpusError, TrainingError
from voxaffect.features import get_feature_spec
from voxaffect.models import load
from voxaffect.training import load_dataset

SPEC = get_feature_spec("classic", rate_hz=RATE_HZ)
CLASSIC = ("--features", "classic", "--no-cache")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Write four recordings of each of two people in folders of German words."""
    for number, person in enumerate(("anna", "bert")):
        for emotion in ("Freude", "Ärger"):
            folder = tmp_path / "people" / person / emotion
            folder.mkdir(parents=True)
            for take in range(2):
                sound = voice(10 * number + take + 5 * (emotion == "Freude"))
                soundfile.write(folder / f"{take}.wav", sound, RATE_HZ, subtype="PCM_16")
    return tmp_path / "people"


@pytest.mark.slow
def test_the_layout_and_the_labels_are_reported_and_kept(
    people: Path, tmp_path: Path, run: Run
) -> None:
    model, result = tmp_path / "m.onnx", tmp_path / "r.json"
    done = run("train", "folder", "--data", people, *CLASSIC, "--name", "calls", "-o", model)
    assert done.code == 0, done.err
    assert "folder: read as speaker/emotion/file: emotions Freude, Ärger; speakers anna" in done.err
    assert "labels: Freude as happy, Ärger as angry" in done.err
    card = load(model).card
    assert card.emotions == ("angry", "happy")
    assert card.corpora["calls"]["labels"] == "Freude as happy, Ärger as angry"
    done = run("evaluate", "folder", "--data", people, *CLASSIC, "--name", "calls", "-o", result)
    assert done.code == 0, done.err
    document = json.loads(result.read_text())
    assert document["data"]["corpora"]["calls"]["labels"] == "Freude as happy, Ärger as angry"
    assert {one["label"] for one in document["utterances"]} == {"Freude", "Ärger"}


@pytest.mark.parametrize("named", ["Ärger,Freude", "angry,happy", "arger,JOY", "anger,felicità"])
def test_emotions_are_chosen_by_any_of_their_words(people: Path, named: str) -> None:
    data = load_dataset({"folder": people}, SPEC, emotions=named.split(","), cached=False)
    assert set(data.emotions) == {"angry", "happy"}


def test_an_emotion_that_is_not_there_is_refused(people: Path) -> None:
    with pytest.raises(TrainingError, match="no recording of 'sad'; there are: angry, happy"):
        load_dataset({"folder": people}, SPEC, emotions=["sad", "happy"], cached=False)


def test_labels_that_are_kept_are_shown_as_the_data_have_them(people: Path) -> None:
    data = load_dataset({"folder": people}, SPEC, labels="none", emotions=["Ärger"], cached=False)
    assert set(data.emotions) == {"Ärger"}
    assert "labels" not in data.summary()["folder"]


def test_a_map_from_a_file_is_used(people: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "map.csv").write_text("from,to\nÄrger,upset\nFreude,merry\n", encoding="utf-8")
    done = run(
        "train folder --data",
        people,
        *CLASSIC,
        "--test-size",
        0,
        "--labels",
        tmp_path / "map.csv",
        "-o",
        tmp_path / "m.onnx",
    )
    assert done.code == 0, done.err
    assert load(tmp_path / "m.onnx").card.emotions == ("merry", "upset")


def test_a_wrong_layout_is_refused_before_the_work(people: Path, tmp_path: Path, run: Run) -> None:
    done = run("train", "folder", "--data", people, "--layout", "mood", "-o", tmp_path / "m.onnx")
    assert done.code == 1
    assert "CorpusError: layout 'mood': expected levels of folders" in done.err


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"layout": "emotion"}, "layout: is for folder"),
        ({"columns": {"path": "x"}}, "columns: is"),
        ({"name": "mine"}, "expected one of folder and csv among the corpora, found 0"),
    ],
)
def test_a_wish_for_data_that_are_not_there_is_refused(
    small_ravdess: Path, wish: dict[str, object], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        load_dataset({"ravdess": small_ravdess}, SPEC, **wish)  # type: ignore[arg-type]


@pytest.mark.slow
def test_columns_are_named_on_the_command_line(people: Path, tmp_path: Path, run: Run) -> None:
    paths = sorted(people.rglob("*.wav"))
    rows = "".join(f"{path},{path.parent.name},{path.parent.parent.name}\n" for path in paths)
    (tmp_path / "t.csv").write_text("ton,gefühl,wer\n" + rows, encoding="utf-8")
    command = ("evaluate", "csv", "--data", tmp_path / "t.csv", *CLASSIC)
    done = run(*command)
    assert done.code == 1
    assert "no column 'path', found ton, gefuhl, wer" in done.err
    done = run(*command, "--columns", "path=ton,emotion=Gefühl,speaker=wer")
    assert done.code == 0, done.err
    assert "t.csv: ton as path, gefuhl as emotion, wer as speaker" in done.err
    assert "csv: 8 utterances, 2 speakers" in done.err


@pytest.mark.parametrize(
    ("name", "hint"),
    [("t.csv", "did you mean csv --data t.csv"), ("people", "did you mean folder --data people")],
)
def test_a_path_in_place_of_a_corpus_is_explained(
    people: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    assert people.is_dir()
    (tmp_path / "t.csv").touch()
    monkeypatch.chdir(tmp_path)
    done = run("train", name)
    assert done.code == 1
    assert f"CorpusError: {name!r} is no public corpus" in done.err
    assert hint in done.err


def test_corpora_without_common_emotions_get_a_hint(
    people: Path, small_ravdess: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "map.csv").write_text("from,to\nÄrger,mad\nFreude,glee\n", encoding="utf-8")
    done = run(
        "evaluate ravdess folder --data",
        small_ravdess,
        "--data",
        people,
        *CLASSIC,
        "--protocol",
        "cross",
        "--labels",
        tmp_path / "map.csv",
    )
    assert done.code == 1
    assert "ravdess and folder share 0 emotions, at least 2 are needed" in done.err
    assert "folder alone has glee, mad" in done.err
    assert "--labels" in done.err


def test_corpora_that_share_few_emotions_get_a_hint(
    people: Path, small_ravdess: Path, tmp_path: Path, run: Run
) -> None:
    (people / "anna" / "Neugier").mkdir()
    soundfile.write(people / "anna" / "Neugier" / "0.wav", voice(77), RATE_HZ)
    (tmp_path / "map.csv").write_text("from,to\nÄrger,disgust\n", encoding="utf-8")
    done = run(
        "evaluate ravdess folder --data",
        small_ravdess,
        "--data",
        people,
        *CLASSIC,
        "--protocol",
        "cross",
        "--labels",
        tmp_path / "map.csv",
    )
    assert done.code == 0, done.err
    assert (
        "ravdess and folder share disgust, happy; ravdess alone has calm, fearful; folder "
        "alone has Neugier" in done.err
    )


def _table(folder: Path, *rows: str) -> Path:
    for number, name in enumerate("abcd"):
        soundfile.write(folder / f"{name}.wav", voice(number), RATE_HZ, subtype="PCM_16")
    (folder / "data.csv").write_text("path,emotion,speaker\n" + "\n".join(rows) + "\n")
    return folder / "data.csv"


def test_a_speaker_has_one_spelling_so_that_nobody_is_two(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.wav,joy,Anna", "b.wav,sad,anna ", "c.wav,sad,1.0", "d.wav,sad,01")
    data = load_dataset({"csv": table}, SPEC, cached=False)
    assert data.speakers == 2
    assert "speakers: 1.0 as 01, anna as Anna" in data.notes


def test_a_word_for_unknown_is_no_speaker(tmp_path: Path) -> None:
    data = load_dataset(
        {"csv": _table(tmp_path, "a.wav,joy,unknown", "b.wav,sad,?")}, SPEC, cached=False
    )
    assert data.speakers == 0
    assert "speakers: ? as nobody known, unknown as nobody known" in data.notes


def test_an_unclear_label_stops_only_those_who_want_it(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.wav,joy,x", "b.wav,sad,y", "c.wav,xxx,y")
    with pytest.raises(CorpusError, match=r"'xxx' stands for no emotion. .* --emotions"):
        load_dataset({"csv": table}, SPEC, cached=False)
    data = load_dataset({"csv": table}, SPEC, emotions=["happy", "sad"], cached=False)
    assert data.emotions == ["happy", "sad"]


def test_one_recording_under_two_emotions_is_refused_whatever_its_files(
    people: Path, run: Run
) -> None:
    sound, rate_hz = soundfile.read(people / "anna" / "Freude" / "0.wav", dtype="int16")
    soundfile.write(people / "bert" / "Ärger" / "copy.flac", sound, rate_hz, subtype="PCM_16")
    with pytest.raises(TrainingError, match="under several emotions") as caught:
        load_dataset({"folder": people}, SPEC, cached=False)
    assert "0.wav (happy)" in str(caught.value)
    assert "copy.flac (angry)" in str(caught.value)
    done = run("corpora", "check", "folder", people)
    assert done.code == 1
    assert "the same recording under several emotions: " in done.out
    assert "(angry, happy)" in done.out


def test_one_recording_twice_under_one_emotion_is_left_to_the_leak_check(
    people: Path, run: Run
) -> None:
    copy = people / "anna" / "Freude" / "copy.wav"
    copy.write_bytes((people / "anna" / "Freude" / "0.wav").read_bytes())
    assert len(load_dataset({"folder": people}, SPEC, cached=False).utterances) == 9
    done = run("corpora", "check", "folder", people)
    assert done.code == 1
    assert "the same recording: " in done.out


def test_a_part_after_the_end_of_its_recording_is_found_by_the_check(
    tmp_path: Path, run: Run
) -> None:
    soundfile.write(tmp_path / "call.wav", voice(1, seconds=3), RATE_HZ, subtype="PCM_16")
    table = tmp_path / "parts.csv"
    rows = "file,start,end,emotion\ncall.wav,0,1,joy\ncall.wav,1,3.05,sad\n"
    table.write_text(rows)
    assert run("corpora", "check", "csv", table).code == 0
    table.write_text(rows + "call.wav,2000,3000,sad\n")
    done = run("corpora", "check", "csv", table)
    assert done.code == 1
    assert "call.wav, 2000 s to 3000 s: the recording is 3 s long" in done.out


def test_a_map_of_labels_that_names_nothing_of_the_data_is_refused(people: Path, run: Run) -> None:
    with pytest.raises(CorpusError, match=r"no entry names a label of the data, found 'Wutt'"):
        load_dataset({"folder": people}, SPEC, labels={"Wutt": "bad"}, cached=False)
    wanted = people.parent / "map.csv"
    wanted.write_text("from,to\nWutt,bad\n")
    done = run("corpora", "check", "folder", people, "--labels", wanted)
    assert done.code != 0
    assert "The data have: 'Freude', 'Ärger'." in done.err


def test_an_entry_of_a_map_that_names_no_label_is_reported(people: Path, run: Run) -> None:
    wanted = people.parent / "map.csv"
    wanted.write_text("from,to\nhappy,good\nWutt,bad\n")
    note = "no recording has the label 'Wutt' of the map; check its spelling"
    done = run("corpora", "check", "folder", people, "--labels", wanted)
    assert note in done.out + done.err
    labels = {"happy": "good", "Wutt": "bad"}
    data = load_dataset({"folder": people}, SPEC, labels=labels, cached=False)
    assert note in " ".join(data.notes)


def test_failures_are_listed_also_where_too_little_is_left_to_train(
    tmp_path: Path, run: Run
) -> None:
    soundfile.write(tmp_path / "call.wav", voice(1, seconds=3), RATE_HZ, subtype="PCM_16")
    table = tmp_path / "parts.csv"
    table.write_text("file,start,end,emotion\ncall.wav,0,1,neutral\ncall.wav,70,77,sad\n")
    done = run("train", "csv", "--data", table, *CLASSIC, "-o", tmp_path / "m.onnx")
    assert done.code == 1
    assert "failed: " in done.err
    assert "70 s to 77 s" in done.err


@pytest.mark.slow
def test_a_written_evaluation_is_named_with_its_uar(people: Path, tmp_path: Path, run: Run) -> None:
    result = tmp_path / "r.json"
    done = run("evaluate", "folder", "--data", people, *CLASSIC, "-o", result)
    assert done.code == 0, done.err
    metrics = json.loads(result.read_text())["systems"]["mlp"]["evaluations"]["speakers"]["metrics"]
    uar = metrics["uar"]
    low, high = uar["interval"]
    assert f"UAR {uar['mean']:.3f} [{low:.3f}, {high:.3f}] (mlp, speakers): {result}" in done.err


def test_several_tables_have_names_of_their_own(tmp_path: Path) -> None:
    roots = {}
    for name in ("calls", "radio"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").touch()
        table = tmp_path / name / "table.csv"
        table.write_text("path,emotion,speaker\na.wav,happy,1\n")
        roots[f"csv:{name}"] = find_root(f"csv:{name}", table)
    utterances, _ = read_corpora(roots)
    assert [utterance.corpus for utterance in utterances] == ["calls", "radio"]


@pytest.mark.parametrize("name", ["csv:", "csv:ravdess"])
def test_a_table_has_no_empty_name_and_none_of_a_public_corpus(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected a name of your own.* Take \w+-table\."):
        read_corpora({name: tmp_path})
