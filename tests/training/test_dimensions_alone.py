"""Data with dimensions and no emotions: evaluation, training, model file and results."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from support.ratings import write_rated_table

import voxaffect as va
from voxaffect.diagnosis.answer import judge_answer
from voxaffect.errors import (
    CorpusError,
    EvaluationError,
    ModelError,
    TrainingError,
    VoxaffectError,
)
from voxaffect.evaluation import TrainingResult
from voxaffect.outputs.formats import PREDICTION_FORMATS
from voxaffect.outputs.report import compare, read_document, to_text
from voxaffect.scaling import write_dataset
from voxaffect.training.dimensions import fit_dimensions


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rated_table(tmp_path_factory.mktemp("rated"), has_dimensions_alone=True)


@pytest.fixture(scope="module")
def result(table: Path) -> TrainingResult:
    return va.train({"csv": table}, "mlp", cached=False, output=table.parent / "m.onnx")


@pytest.fixture(scope="module")
def study(table: Path) -> va.Study:
    return va.evaluate({"csv": table}, "mlp", protocol="loso", importance=True, cached=False)


def test_no_utterance_has_an_emotion(result: TrainingResult) -> None:
    assert {one.emotion for one in result.data.utterances} == {""}
    assert not result.data.has_emotions
    assert "csv: 40 utterances, 5 speakers, 180 classic features, no emotions" in (
        result.data.describe(["csv"])
    )


def test_the_model_file_gives_dimensions_and_no_emotion(result: TrainingResult) -> None:
    model = va.Model(result.model.content)
    assert (model.emotions, model.dimension_names) == ((), ("arousal", "valence"))
    assert model.card.recipe == "ridge on the features of mlp"
    rows, length = result.data.rows(), result.data.matrix.shape[1]
    regressor = fit_dimensions(rows, np.arange(length))
    assert regressor is not None
    expected = regressor.predict(rows.matrix)
    assert model.dimensions(rows.matrix) == pytest.approx(expected, abs=1e-5)
    assert model.probabilities(rows.matrix).shape == (40, 0)


def test_training_measures_new_speakers(result: TrainingResult) -> None:
    assert result.holdout is None
    assert result.new_speakers is not None
    ccc = result.new_speakers.dimension_scores["arousal"].ccc
    assert result.model.card.dimensions["arousal"]["ccc"] == ccc
    assert (result.model.card.scores, result.model.card.abstention) == ({}, {})


def test_folds_keep_speakers_apart_and_give_intervals(study: va.Study) -> None:
    evaluation = study.systems["mlp"].evaluations["loso"]
    assert [fold.fold.name for fold in evaluation.folds] == [f"csv/s{n}" for n in range(5)]
    arousal = evaluation.dimension_scores["arousal"]
    assert arousal.interval is not None
    assert arousal.interval[0] <= (arousal.ccc or 0) <= arousal.interval[1]
    assert (evaluation.summary, evaluation.by_sex, evaluation.interval) == ({}, {}, None)
    with pytest.raises(EvaluationError, match="uar: no emotions were evaluated"):
        _ = evaluation.uar


def test_reports_and_documents_have_dimensions_alone(study: va.Study, tmp_path: Path) -> None:
    study.report(tmp_path)
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "40 utterances, 0 emotions, 5 speakers" in report
    assert "## Soft labels and dimensions" in report
    assert "## Result" not in report
    document = read_document(tmp_path / "report.json")
    assert {one["emotion"] for one in document["utterances"]} == {None}
    assert "loso: the intervals are over 5 speakers, which is few" in to_text(document)
    assert "UAR" not in to_text(document).replace("the UAR of emotions", "")
    assert "arousal" in study.to_frame().columns
    with pytest.raises(EvaluationError, match="mlp: gives dimensions and no emotions"):
        compare(document, document, names=("mlp", "mlp"))


@pytest.fixture(scope="module")
def prediction(result: TrainingResult, table: Path) -> va.Prediction:
    return va.predict(table.parent / "0-1.wav", model=result.model, vad="energy")


def test_predictions_have_no_emotion(prediction: va.Prediction) -> None:
    assert (prediction.emotion, prediction.confidence) == (None, None)
    assert (prediction.probabilities, prediction.emotions) == ({}, ())
    assert prediction.dimensions is not None
    assert [*prediction.dimensions] == ["arousal", "valence"]
    assert (prediction.result, prediction.has_speech) == ("dimensions", True)
    assert "arousal 0." in repr(prediction)
    assert "<th>arousal</th>" in prediction._repr_html_()


@pytest.mark.parametrize("name", ["table", "json", "jsonl", "csv", "parquet"])
def test_formats_hold_dimensions_without_an_emotion(prediction: va.Prediction, name: str) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    content = PREDICTION_FORMATS[name].encode([prediction])
    assert b"arousal" in (content if isinstance(content, bytes) else content.encode())
    if name == "json":
        (record,) = json.loads(content)["results"]
        assert (record["emotion"], record["result"]) == (None, "dimensions")
    if name == "table":
        assert "(none)" in str(content)


def test_label_studio_is_refused(prediction: va.Prediction) -> None:
    with pytest.raises(VoxaffectError, match="labelstudio: the model gives dimensions and no"):
        PREDICTION_FORMATS["labelstudio"].encode([prediction])


def test_long_recordings_have_the_mean_of_their_windows(
    result: TrainingResult, table: Path, tmp_path: Path
) -> None:
    wave, rate_hz = soundfile.read(table.parent / "0-1.wav")
    soundfile.write(tmp_path / "long.wav", np.tile(wave, 64), rate_hz)
    long = va.predict(tmp_path / "long.wav", model=result.model, vad="energy")
    assert long.windows is not None
    assert long.windows > 10
    assert long.dimensions is not None
    assert 0 <= long.dimensions["arousal"] <= 1


def test_what_needs_emotions_is_refused(result: TrainingResult, table: Path) -> None:
    sound, model = table.parent / "0-1.wav", result.model
    refused = "gives arousal, valence and no emotions, which {} needs"
    with pytest.raises(ModelError, match=refused.format("emotion over time")):
        va.timeline(sound, model=model)
    with pytest.raises(ModelError, match=refused.format("emotion over time")):
        va.Stream(model, rate_hz=16_000)
    with pytest.raises(ModelError, match=refused.format("emotion over time")):
        write_dataset([str(sound)], table.parent / "out", kind="windows", model=model)
    with pytest.raises(ModelError, match=refused.format("adaptation")):
        va.predict(sound, model=model, adapt=[sound])
    with pytest.raises(ModelError, match=refused.format("adaptation")):
        va.predict_many([sound] * 9, model=model, adapt="all", vad="energy")
    with pytest.raises(ModelError, match=refused.format("an explanation")):
        va.explain(sound, model=model)
    with pytest.raises(ModelError, match=refused.format("a choice of labels")):
        va.predict(sound, model=model, labels=["angry", "sad"])
    with pytest.raises(ModelError, match=refused.format("uncertain_below")):
        va.predict(sound, model=model, uncertain_below=0.5)


def test_the_service_refuses_it_before_it_starts(result: TrainingResult, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    from voxaffect.service.server import _check_models
    from voxaffect.service.settings import Settings

    result.model.save(tmp_path / "m.onnx")
    settings = Settings(models=(str(tmp_path / "m.onnx"),))
    with pytest.raises(ModelError, match="no emotions, which the service needs"):
        _check_models(settings)


def test_a_diagnosis_states_the_dimensions(prediction: va.Prediction) -> None:
    finding = judge_answer(SimpleNamespace(prediction=prediction))  # type: ignore[arg-type]
    assert finding.text.startswith("arousal 0.")
    assert finding.verdict == "ok"


def test_finished_models_are_tested_by_their_dimensions(
    result: TrainingResult, table: Path
) -> None:
    corpora = {"csv:other": table}
    study = va.evaluate(corpora, model=result.model, importance=True, cached=False)
    (system,) = study.systems.values()
    scores = system.evaluations["model"].dimension_scores
    assert scores["arousal"].ccc == pytest.approx(1, abs=0.01)
    with pytest.raises(EvaluationError, match="gives no dimensions, and these data have nothing"):
        va.evaluate(corpora, model="fast", cached=False)
    with pytest.raises(EvaluationError, match="conditions are measured by the UAR"):
        va.evaluate(corpora, "mlp", conditions=["noise 10 dB"], cached=False)


def test_predictions_of_any_system_are_tested(table: Path, tmp_path: Path) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    names = [line.partition(",")[0] for line in lines]
    rated = "\n".join(
        ["path,valence", *(f"{line.split(',')[0]},{line.split(',')[3]}" for line in lines)]
    )
    (tmp_path / "own.csv").write_text(rated, encoding="utf-8")
    study = va.evaluate({"csv": table}, predictions=tmp_path / "own.csv")
    scores = study.systems["own.csv"].evaluations["predictions"].dimension_scores
    assert scores["valence"].ccc == pytest.approx(1)
    answers = "\n".join(["path,emotion", *(f"{name},sad" for name in names)])
    (tmp_path / "named.csv").write_text(answers, encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"named\.csv: it gives no dimension"):
        va.evaluate({"csv": table}, predictions=tmp_path / "named.csv")


def test_a_row_without_a_rating_is_a_fault(table: Path) -> None:
    other = table.parent / "unrated.csv"
    other.write_text("path,arousal\n0-0.wav,0.5\n0-1.wav,\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"unrated\.csv, line 3: no dimension is rated"):
        va.load_dataset({"csv": other}, "classic", cached=False)


def test_data_with_and_without_emotions_are_not_mixed(table: Path) -> None:
    labeled = table.parent / "labeled.csv"
    labeled.write_text("path,emotion\n1-1.wav,sad\n1-2.wav,angry\n", encoding="utf-8")
    corpora, refused = {"csv:rated": table, "csv:labeled": labeled}, "and labeled has emotions"
    with pytest.raises(TrainingError, match=f"rated: dimensions without emotions, {refused}"):
        va.load_dataset(corpora, "classic", cached=False)
    with pytest.raises(TrainingError, match=refused):
        va.evaluate(corpora, predictions=table)


def test_emotions_that_are_asked_for_are_missed(table: Path) -> None:
    with pytest.raises(TrainingError, match="there are: none, since only dimensions are rated"):
        va.load_dataset({"csv": table}, "classic", emotions=["sad"], cached=False)
