"""Predictions of other systems: joined by name, and scored as a model with these answers is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, Trained

from voxaffect import evaluate, predict_many
from voxaffect.corpora import Utterance, read_corpus
from voxaffect.errors import CorpusError, EvaluationError, VoxaffectError
from voxaffect.evaluation import Evaluation, Study
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.outputs.formats import PREDICTION_FORMATS, Run as FormatRun
from voxaffect.outputs.report import compare, document, to_text, write_report
from voxaffect.outputs.report.latex import to_latex

EMOTIONS = ("calm", "fearful", "happy", "disgust")
Write = Callable[[Sequence[Mapping[str, object]]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows as a CSV."""

    def write(rows: Sequence[Mapping[str, object]]) -> Path:
        path = tmp_path / "answers.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture
def utterances(ravdess_to_read: Path) -> tuple[Utterance, ...]:
    return read_corpus("ravdess", ravdess_to_read)


def answer(utterances: Sequence[Utterance], seed: int = 0) -> list[dict[str, object]]:
    """Answers of which most are right."""
    rng = np.random.default_rng(seed)
    names = sorted({utterance.emotion for utterance in utterances})
    return [
        {"path": one.path, "emotion": one.emotion if rng.random() < 0.7 else rng.choice(names)}
        for one in utterances
    ]


def get_evaluation(study: Study) -> Evaluation:
    return next(iter(study.systems.values())).evaluations["predictions"]


def test_bare_answers_are_scored_without_calibration(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write, tmp_path: Path
) -> None:
    rows = answer(utterances)
    study = evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))
    one = get_evaluation(study)
    truth = np.array([utterance.emotion for utterance in one.tested])
    by_path = {str(row["path"]): row["emotion"] for row in rows}
    predicted = np.array([by_path[str(utterance.path)] for utterance in one.tested])
    assert one.uar == pytest.approx(compute_uar(truth, predicted))
    assert one.interval is not None
    assert one.calibration_error is one.log_loss is one.top_two is None
    plain = document(study, embedded=True)
    entry = plain["systems"]["answers.csv"]["evaluations"]["predictions"]
    assert entry["score_kind"] == "answers"
    assert entry["reliability"] == entry["thresholds"] == []
    assert entry["metrics"]["ece"]["mean"] is None
    assert plain["leaks"] is plain["embedding"] is entry["new_voices"] is None
    assert "gives answers without probabilities" in to_text(plain)
    write_report(plain, tmp_path / "out")
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "Nothing is known of the training data of answers.csv" in report
    assert "## Calibration" not in report
    assert "Random split" not in report
    assert "Leak check: it was not run." in report


@pytest.mark.parametrize("name", ["csv", "json", "jsonl", "parquet"])
def test_a_model_and_the_file_of_its_predictions_have_the_same_scores(
    trained: Trained, ravdess_to_read: Path, tmp_path: Path, name: str
) -> None:
    files = sorted(ravdess_to_read.rglob("*.wav"))
    batch = predict_many(files, model=trained.model, vad="energy", workers=1)
    form = PREDICTION_FORMATS[name]
    content = form.encode(batch.results, FormatRun(model=trained.model))
    path = tmp_path / f"answers.{name}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    corpora = {"ravdess": ravdess_to_read}
    theirs = evaluate(corpora, model=trained.model, allow_leaks=True)
    ours = evaluate(corpora, predictions=path)
    (known,) = theirs.systems.values()
    first, second = known.evaluations["model"], get_evaluation(ours)
    assert first.emotions == second.emotions
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-5)
    assert first.summary == second.summary
    assert first.interval == second.interval
    result = compare(document(theirs), document(ours), ("the trained model", path.name))
    assert result["difference"] == 0


def test_the_parts_of_a_dataset_are_one_table(
    trained: Trained, ravdess_to_read: Path, tmp_path: Path
) -> None:
    files = sorted(ravdess_to_read.rglob("*.wav"))
    form, folder = PREDICTION_FORMATS["parquet"], tmp_path / "answers"
    (folder / "_failures").mkdir(parents=True)
    (folder / "_failures" / "part-00000000-0f.parquet").write_bytes(b"never read")
    for number, half in enumerate((files[:30], files[30:])):
        batch = predict_many(half, model=trained.model, vad="energy", workers=1)
        content = form.encode(batch.results, FormatRun(model=trained.model))
        assert isinstance(content, bytes)
        (folder / f"part-{number:08d}-0f.parquet").write_bytes(content)
    study = evaluate({"ravdess": ravdess_to_read}, predictions=folder)
    (theirs,) = evaluate(
        {"ravdess": ravdess_to_read}, model=trained.model, allow_leaks=True
    ).systems.values()
    assert len(study.utterances) == len(files)
    assert list(study.systems) == ["answers"]
    assert get_evaluation(study).summary == theirs.evaluations["model"].summary


def test_a_folder_without_parts_is_no_table(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    done = run("evaluate ravdess --data", ravdess_to_read, "--predictions", tmp_path)
    assert done.code == 1
    assert "a folder without Parquet files" in done.err
    assert "predict --dataset" in done.err


@pytest.mark.parametrize(
    "spell",
    [
        lambda path: str(path),
        lambda path: "/".join(path.parts[-2:]),
        lambda path: path.name,
        lambda path: path.stem,
        lambda path: "D:\\data\\" + "\\".join(path.parts[-2:]),
        lambda path: "s3://bucket/" + "/".join(path.parts[-3:]),
    ],
    ids=["path", "in the corpus", "file", "stem", "Windows", "address"],
)
def test_recordings_are_joined_by_any_name_that_is_clear(
    utterances: tuple[Utterance, ...],
    ravdess_to_read: Path,
    write: Write,
    spell: Callable[[Path], str],
) -> None:
    rows = [{"file": spell(one.path), "predicted": one.emotion} for one in utterances]
    study = evaluate({"ravdess": ravdess_to_read}, predictions=write(rows[::-1]))
    assert get_evaluation(study).uar == 1
    assert len(study.utterances) == len(utterances)


def write_twins(folder: Path) -> Path:
    """Write a table of two recordings with one file name, and one with two parts."""
    for name in ("a/1.wav", "b/a/1.wav", "long.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / "calls.csv"
    lines = ["a/1.wav,happy,,", "b/a/1.wav,sad,,", "long.wav,sad,0,1.5", "long.wav,angry,1.5,"]
    path.write_text("\n".join(["path,emotion,start,end", *lines]), encoding="utf-8")
    return path


def test_a_path_in_the_folder_of_the_data_comes_before_longer_ones(
    tmp_path: Path, write: Write
) -> None:
    table = write_twins(tmp_path / "data")
    rows = [
        {"path": "b/a/1.wav", "emotion": "sad", "start": "", "end": ""},
        {"path": "a/1.wav", "emotion": "happy", "start": "", "end": ""},
        {"path": "long.wav", "emotion": "angry", "start": "1.5", "end": ""},
        {"path": "long.wav", "emotion": "sad", "start": "0", "end": "1.5"},
    ]
    assert get_evaluation(evaluate({"csv": table}, predictions=write(rows))).uar == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1.wav", r"line 2: 1.wav could be .*a.1.wav and .*b.a.1.wav"),
        ("long.wav", r"line 2: long.wav holds 2 utterances of the data, and 0 have this start"),
    ],
)
def test_names_that_are_not_clear_are_refused(
    tmp_path: Path, write: Write, name: str, message: str
) -> None:
    table = write_twins(tmp_path / "data")
    with pytest.raises(EvaluationError, match=message):
        evaluate({"csv": table}, predictions=write([{"path": name, "emotion": "sad"}]))


def probabilities(*values: object) -> dict[str, object]:
    return {f"p_{name}": value for name, value in zip(EMOTIONS, values, strict=True)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (probabilities("nan", 0, 0, 1), r"line 2: p_calm is 'nan', expected a probability"),
        (probabilities(0.5, 0.5, 0.5, 0), r"line 2: the probabilities have the sum 1.5, expected"),
        (probabilities(-0.1, 1.1, 0, 0), r"line 2: p_calm is '-0.1'"),
        (probabilities("", 1, 0, 0), r"line 2: p_calm is ''"),
        ({"emotion": "happy"}, r"line 2: the emotion is 'happy', and its most probable is 'calm'"),
        ({"emotion": "bored"}, r"line 2: the emotion is 'bored', expected one of calm, fearful"),
        ({"emotion": "hapy"}, r"line 2: the emotion is 'hapy', expected one of"),
        ({"path": ""}, r"line 2: the path is empty"),
        ({"emotion": "nan"}, r"line 2: the emotion is 'nan', .*. Leave the cell empty"),
        ({"start": "NaN"}, r"line 2: start is 'NaN', expected seconds .* Leave the cell empty"),
        ({"start": "soon"}, r"line 2: start is 'soon', expected seconds"),
    ],
)
def test_rows_at_fault_are_refused_with_their_line(
    utterances: tuple[Utterance, ...],
    ravdess_to_read: Path,
    write: Write,
    changes: dict[str, object],
    message: str,
) -> None:
    rows = [
        {
            "path": one.path,
            "emotion": one.emotion,
            "start": "",
            **probabilities(*(float(one.emotion == name) for name in EMOTIONS)),
        }
        for one in utterances
    ]
    evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))
    rows[0] |= changes
    with pytest.raises(EvaluationError, match=message):
        evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))


def test_unknown_answers_are_refused(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = answer(utterances)
    rows[3]["emotion"] = rows[4]["emotion"] = "label_2"
    with pytest.raises(
        EvaluationError, match=r"2 faults: .*\(line 5: .* 'label_2'; line 6: "
    ) as got:
        evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))
    assert str(got.value).count("Rename it in the table") == 1


def test_an_emotion_that_only_the_answers_have_is_listed(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = answer(utterances)
    rows[3]["emotion"] = "excited"
    text = to_text(document(evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))))
    assert "may answer and no tested recording has: excited" in text


def test_a_recording_with_two_predictions_is_refused(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = answer(utterances)
    rows.append({**rows[0], "path": utterances[0].path.name})
    last = len(rows) + 1
    with pytest.raises(EvaluationError, match=rf"line {last}: .* has a prediction in line 2 alr"):
        evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))


def test_data_that_no_row_names_are_refused(ravdess_to_read: Path, write: Write) -> None:
    path = write([{"path": "x.wav", "emotion": "sad"}])
    with pytest.raises(EvaluationError, match=r"none of its 1 rows names .*found 'x.wav'"):
        evaluate({"ravdess": ravdess_to_read}, predictions=path)


def test_recordings_without_a_prediction_are_listed(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = answer(utterances)
    rows[1]["emotion"] = ""  # such as one without speech
    path = write(rows[1:])
    with pytest.raises(EvaluationError, match=r"no prediction for 2 of 64 .*--allow-missing") as e:
        evaluate({"ravdess": ravdess_to_read}, predictions=path)
    assert all(one.path.name in str(e.value) for one in utterances[:2])
    study = evaluate({"ravdess": ravdess_to_read}, predictions=path, allow_missing=True)
    assert len(study.utterances) == 62
    assert {failure.path for failure in study.failures} == {one.path for one in utterances[:2]}
    unused = document(study)["data"]["failures"]
    assert unused[0]["reason"].endswith("no prediction in answers.csv")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"path": "x", "label": "sad", "predicted": "sad"}], "predicted and label could each be"),
        ([{"path": "x", "answers": "sad"}], "no column 'emotion'.*--prediction-columns emotion="),
        ([{"id": "x", "emotion": "sad"}], "no column 'path'"),
    ],
)
def test_columns_that_are_not_clear_are_refused(
    ravdess_to_read: Path, write: Write, rows: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))


@pytest.mark.parametrize("title", ["emotion", "label"])
@pytest.mark.parametrize("other", ["predicted", "pred", "y_pred", "model_output", "wav2vec"])
def test_the_labels_are_not_taken_for_the_answers(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write, title: str, other: str
) -> None:
    words = dict(zip(EMOTIONS, EMOTIONS[1:] + EMOTIONS[:1], strict=True))
    path = write(
        [{"file": u.path.name, title: u.emotion, other: words[u.emotion]} for u in utterances]
    )
    corpora = {"ravdess": ravdess_to_read}
    with pytest.raises(CorpusError, match=f"({title} and {other}|{other} and {title}) .*columns"):
        evaluate(corpora, predictions=path)
    study = evaluate(corpora, predictions=path, prediction_columns={"emotion": other})
    assert get_evaluation(study).uar == 0
    assert f"answers of the column '{other}'" in to_text(document(study))


def test_one_fold_has_no_deviation(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write, tmp_path: Path
) -> None:
    plain = document(evaluate({"ravdess": ravdess_to_read}, predictions=write(answer(utterances))))
    write_report(plain, tmp_path)
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    for text in (to_text(plain), report, to_latex(plain)):
        assert "ne fold" in text
        assert "standard deviation over" not in text


def test_answers_that_equal_all_labels_are_noted(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = [{"file": one.path.name, "emotion": one.emotion} for one in utterances]
    note = "the file may hold the labels (answers of the column 'emotion')"
    corpora = {"ravdess": ravdess_to_read}
    assert note in to_text(document(evaluate(corpora, predictions=write(rows))))
    rows[0]["emotion"] = "disgust"
    assert note not in to_text(document(evaluate(corpora, predictions=write(rows))))


def test_columns_and_words_of_others_are_read(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    words = {"calm": "Ruhe", "happy": "Freude", "fearful": "angst", "disgust": "Ekel"}
    rows = [
        {"id": one.path.stem, "truth": "x", **{w: int(one.emotion == k) for k, w in words.items()}}
        for one in utterances
    ]
    path = write(rows)
    study = evaluate(
        {"ravdess": ravdess_to_read}, predictions=path, prediction_columns={"path": "id"}
    )
    assert get_evaluation(study).emotions == tuple(words)
    assert get_evaluation(study).uar == 1


def test_emotions_without_a_column_are_left_out_and_counted(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = [{"path": one.path, "p_calm": 0.75, "p_happy": 0.25} for one in utterances]
    study = evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))
    assert get_evaluation(study).unknown == {"disgust": 16, "fearful": 16}
    assert len(study.utterances) == 32


def test_a_map_of_labels_applies_to_both_sides(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = [
        {"path": one.path, **probabilities(*(float(one.emotion == name) for name in EMOTIONS))}
        for one in utterances
    ]
    rows[0] |= probabilities(0.3, 0.3, 0.4, 0)
    study = evaluate(
        {"ravdess": ravdess_to_read}, predictions=write(rows), labels={"fearful": "calm"}
    )
    one = get_evaluation(study)
    assert one.emotions == ("calm", "happy", "disgust")
    assert one.probabilities.sum(axis=1) == pytest.approx(1)
    assert one.uar == 1


def test_the_answer_decides_between_equal_probabilities(
    utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write
) -> None:
    rows = [
        {"path": one.path, "emotion": one.emotion, **probabilities(0.25, 0.25, 0.25, 0.25)}
        for one in utterances
    ]
    assert get_evaluation(evaluate({"ravdess": ravdess_to_read}, predictions=write(rows))).uar == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "{", "not JSON"),
        ("x.json", '{"a": 1}', "expected the JSON that voxaffect predict writes, or a list"),
        ("x.json", "[3]", "entry 1: expected an object, found int"),
        ("x.json", "[]", "holds no prediction"),
        ("x.json", '[{"path": "x"}]', "x.json: no column 'emotion'"),
        ("x.jsonl", '{"path": "x"}\nnonsense', "line 2: cannot be read"),
        ("x.parquet", "PAR1", "cannot be read as Parquet"),
        ("x.csv", "path,emotion\n", "holds no prediction, only the names of the columns"),
        ("x.csv", None, "no such file"),
    ],
)
def test_files_that_are_no_predictions_are_refused(
    ravdess_to_read: Path, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(VoxaffectError, match=message):
        evaluate({"ravdess": ravdess_to_read}, predictions=tmp_path / name)


def test_the_command_compares_files(
    run: Run, utterances: tuple[Utterance, ...], ravdess_to_read: Path, write: Write, tmp_path: Path
) -> None:
    write(answer(utterances)).rename(tmp_path / "first.csv")
    second = write(answer(utterances, seed=1)[1:])
    data = ["evaluate ravdess --data", ravdess_to_read]
    files: list[Any] = ["--predictions", tmp_path / "first.csv", "--predictions", second]
    done = run(*data, *files)
    assert done.code == 1
    assert "answers.csv: no prediction for 1 of 64 recordings" in done.err
    done = run(*data, *files, "--allow-missing", "-o", tmp_path / "both.json")
    assert done.code == 0, done.err
    assert "answers.csv: 1 of 64 recordings left out" in done.err
    plain = json.loads((tmp_path / "both.json").read_text())
    assert list(plain["systems"]) == ["first.csv", "answers.csv"]
    assert plain["paired"][0]["p"] is not None
    done = run(*data, *files, "--allow-missing", "-o", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as rows:
        assert len(list(csv.DictReader(rows))) == 126
    # What `evaluate` writes for one system is a table of predictions again.
    run(*data, "--predictions", tmp_path / "first.csv", "-o", tmp_path / "again.csv")
    one = evaluate({"ravdess": ravdess_to_read}, predictions=tmp_path / "first.csv")
    other = evaluate({"ravdess": ravdess_to_read}, predictions=tmp_path / "again.csv")
    assert get_evaluation(one).summary == get_evaluation(other).summary


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--predictions=x.csv", "--model=fast"], "--model and --predictions: one of them"),
        (["--predictions=x.csv", "--recipe=mlp"], "--recipe has no effect with --predictions"),
        (["--predictions=x.csv", "--condition=8 kHz"], "--condition has no effect"),
        (["--allow-missing"], "--allow-missing goes with --predictions FILE"),
        (["--prediction-columns=path=id"], "--prediction-columns goes with --predictions FILE"),
    ],
)
def test_options_that_have_no_effect_are_refused(
    run: Run, ravdess_to_read: Path, options: list[str], message: str
) -> None:
    done = run("evaluate ravdess --data", ravdess_to_read, *options)
    assert done.code == 2
    assert message in done.err
