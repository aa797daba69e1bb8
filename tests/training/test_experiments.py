"""Python trains and evaluates as the command line does, and takes people's own estimators."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Run, Trained
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect import (
    evaluate,
    evaluate_estimator,
    load,
    load_dataset,
    predict_many,
    train,
)
from voxaffect.errors import TrainingError, VoxaffectError


def test_the_command_and_the_function_train_the_same_model(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    file = tmp_path / "command.onnx"
    how = ["--data", ravdess_to_read, "--features=classic", "--test-size=0", "-o", file]
    assert run("train", "ravdess", *how).code == 0
    result = train({"ravdess": ravdess_to_read}, features="classic", test_size=0)
    assert result.model.content == file.read_bytes()
    assert (result.holdout, result.new_speakers) == (None, None)


@pytest.mark.slow
def test_the_command_and_the_function_evaluate_the_same(run: Run, ravdess_to_read: Path) -> None:
    how = ["--data", ravdess_to_read, "--features=classic", "--no-reference-split"]
    done = run("evaluate", "ravdess", *how, "--condition=8 kHz", "--format=json")
    study = evaluate(
        {"ravdess": ravdess_to_read},
        features="classic",
        conditions=["8 kHz"],
        reference_split=False,
    )
    system = json.loads(done.out)["systems"]["mlp"]
    uar = study.systems["mlp"].evaluations["speakers"].summary["uar"]["mean"]
    printed = system["evaluations"]["speakers"]["metrics"]["uar"]["mean"]
    assert printed == pytest.approx(uar, abs=1e-6)
    assert list(system["robustness"]) == ["8 kHz"]
    assert study.failures == ()


def test_an_own_estimator_is_trained_measured_and_saved(trained: Trained, tmp_path: Path) -> None:
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    result = train(trained.data, estimator, output=tmp_path / "own.onnx")
    assert result.holdout is not None
    assert result.new_speakers is not None
    card = load(tmp_path / "own.onnx").card
    assert card.recipe == "Pipeline"
    assert card.scores["speakers"] == result.new_speakers.summary
    assert not hasattr(estimator[-1], "classes_")  # it was cloned


def test_features_of_others_make_no_model_file(trained: Trained) -> None:
    foreign = replace(trained.data, spec=None)
    with pytest.raises(TrainingError, match="not computed by voxaffect"):
        train(foreign, LogisticRegression(max_iter=1000), test_size=0)


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (lambda: train("ravdess", seed=-1), "seed: expected a whole number from 0 to"),
        (lambda: train("ravdess", seed=2.5), "seed: expected a whole number from 0 to"),
        (lambda: train("ravdess", test_size=2), "test_size: expected a share from 0 to less than"),
        (lambda: train("ravdess", test_size=float("nan")), "test_size: expected a share from 0"),
        (lambda: train("ravdess", babble=1.5), "babble: expected a share from 0 to 1"),
        (lambda: train([]), "no corpus is named"),
        (lambda: evaluate("ravdess", seed=True), "seed: expected a whole number from 0 to"),
        (lambda: evaluate("ravdess", conditions=["rain"]), "no condition named 'rain'; there are:"),
        (lambda: evaluate("ravdess", conditions="8 kHz"), "conditions: expected names of"),
        (lambda: load_dataset("ravdess", 3), "features: expected a FeatureSpec or the name"),
    ],
)
def test_a_wrong_argument_is_refused_before_the_work(
    call: Callable[[], object], fault: str
) -> None:
    with pytest.raises(VoxaffectError, match=re.escape(fault)):
        call()


def test_a_negative_seed_of_folds_is_refused(trained: Trained) -> None:
    data = trained.data
    with pytest.raises(VoxaffectError, match="seed: expected a whole number from 0 to"):
        evaluate_estimator(
            LogisticRegression(), data.matrix, data.utterances, protocol="speakers", seed=-1
        )


def test_a_checkpoint_is_named_by_a_path() -> None:
    with pytest.raises(VoxaffectError, match="resume: expected a path, found int 3"):
        predict_many([b"0101"], resume=3)
