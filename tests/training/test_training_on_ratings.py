"""Training on soft labels and on dimensions: known truths are recovered, and files hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from support.ratings import write_rated_table

from voxaffect.corpora import Utterance
from voxaffect.errors import TrainingError
from voxaffect.evaluation import TrainingResult, evaluate, evaluate_estimator, train
from voxaffect.evaluation.metrics.dimensional import compute_ccc
from voxaffect.models import Model, load
from voxaffect.training import Dataset, TrainingRows, can_use_soft_labels, fit, make_estimator
from voxaffect.training.dimensions import PENALTIES, _solve, fit_dimensions
from voxaffect.training.estimators import BalancedLogistic, ClippedScaler, Ensemble
from voxaffect.training.ratings import SoftLabels, describe_ratings

EMOTIONS = np.array(["angry", "happy", "sad"])


def make_rows(shares: np.ndarray, matrix: np.ndarray, **more: Any) -> TrainingRows:
    count = len(matrix)
    speakers = np.array([f"csv/{index % 6}" for index in range(count)])
    soft = SoftLabels(EMOTIONS[: shares.shape[1]], shares)
    emotions = soft.emotions[shares.argmax(axis=1)]
    rows = matrix.astype(np.float32)
    return TrainingRows(rows, emotions, np.arange(count), speakers, None, soft, **more)


def draw_rows(seed: int = 0, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and the shares that a known linear model gives them."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((count, 4))
    logits = matrix @ rng.standard_normal((4, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return matrix, shares


@pytest.mark.parametrize("name", ["logistic", "mlp", "tutorial", "encoder", "ensemble"])
def test_these_recipes_take_soft_labels(name: str) -> None:
    assert can_use_soft_labels(make_estimator(name))


def test_an_estimator_without_weights_takes_none_and_a_line_says_so() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    assert not can_use_soft_labels(KNeighborsClassifier())
    utterance = Utterance("a.wav", "csv", "sad", soft_label={"sad": 0.6, "angry": 0.4})
    (line,) = describe_ratings([utterance], "mine", takes_soft=False, regresses=True)
    assert line.startswith("mine: takes no soft labels; trained on the most probable emotion")


def make_ensemble(penalty_c: float = 1e4) -> Ensemble:
    return Ensemble([(LogisticRegression(C=penalty_c), 0, 4)])


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(C=1e4), BalancedLogistic(penalty_c=1e4), make_ensemble()]
)
def test_known_shares_are_recovered(estimator: Any) -> None:
    matrix, shares = draw_rows()
    fitted = fit(estimator, make_rows(shares, matrix.clip(-1.5, 1.5)))
    _, shares = draw_rows()
    inner = np.abs(matrix).max(axis=1) < 1.5
    probabilities = fitted.predict_proba(matrix.astype(np.float32))
    assert np.abs(probabilities[inner] - shares[inner]).mean() < 0.05


def test_one_distribution_for_all_is_learned_as_it_is() -> None:
    matrix = np.random.default_rng(1).standard_normal((60, 3))
    shares = np.tile([0.7, 0.2, 0.1], (60, 1))
    for estimator in (make_estimator("logistic"), BalancedLogistic()):
        probabilities = fit(estimator, make_rows(shares, matrix)).predict_proba(
            matrix.astype(np.float32)
        )
        assert probabilities == pytest.approx(shares, abs=0.01)


@pytest.mark.parametrize(
    "make", [lambda: make_estimator("logistic"), BalancedLogistic, lambda: make_ensemble(1.0)]
)
def test_certain_shares_are_labels(make: Any) -> None:
    matrix, shares = draw_rows(2)
    certain = np.eye(3)[shares.argmax(axis=1)]
    rows = make_rows(certain, matrix)
    hard = TrainingRows(rows.matrix, rows.emotions, rows.origins, rows.speakers)
    soft, reference = fit(make(), rows), fit(make(), hard)
    assert soft.predict_proba(rows.matrix) == pytest.approx(
        reference.predict_proba(rows.matrix), abs=1e-3
    )


def test_an_ensemble_with_a_member_that_takes_none_uses_the_most_probable_emotion() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    mixed = Ensemble([(LogisticRegression(), 0, 4), (KNeighborsClassifier(), 0, 4)])
    assert not can_use_soft_labels(mixed)
    matrix, shares = draw_rows(8)
    rows = make_rows(shares, matrix)
    probabilities = fit(mixed, rows).predict_proba(rows.matrix)
    assert (EMOTIONS[probabilities.argmax(axis=1)] == rows.emotions).mean() > 0.8


def test_steps_before_the_classifier_see_each_row_once() -> None:
    matrix, shares = draw_rows(3)
    pipeline = fit(make_pipeline(ClippedScaler(), LogisticRegression()), make_rows(shares, matrix))
    expected = ClippedScaler().fit(matrix.astype(np.float32))
    assert pipeline[0].mean_ == pytest.approx(expected.mean_)


def test_a_classifier_without_probabilities_can_be_trained_on_shares() -> None:
    matrix, shares = draw_rows(4)
    fitted = fit(LinearSVC(), make_rows(shares, matrix))
    assert (fitted.predict(matrix) == EMOTIONS[shares.argmax(axis=1)]).mean() > 0.7


def make_rated(count: int, features: int, *, noise: float = 0.0) -> TrainingRows:
    rng = np.random.default_rng(5)
    matrix = rng.uniform(-1, 1, (count, features))
    arousal = 0.5 + 0.3 * matrix[:, 0] + 0.1 * matrix[:, 1] + noise * rng.standard_normal(count)
    dimensions = np.full((count, 3), np.nan)
    dimensions[:, 0] = arousal.clip(0, 1)
    dimensions[::4, 0] = np.nan
    return make_rows(np.tile([0.6, 0.4], (count, 1)), matrix, dimensions=dimensions)


@pytest.mark.parametrize(("count", "features"), [(200, 5), (60, 80)])
def test_a_known_linear_dimension_is_recovered(count: int, features: int) -> None:
    rows = make_rated(count, features)
    regressor = fit_dimensions(rows, np.arange(features))
    assert regressor is not None
    assert regressor.names == ("arousal",)
    truth = (0.5 + 0.3 * rows.matrix[:, 0] + 0.1 * rows.matrix[:, 1]).astype(float)
    ccc = compute_ccc(truth, regressor.predict(rows.matrix)[:, 0])
    assert ccc is not None
    assert ccc > (0.999 if count > features else 0.9)


def test_the_penalty_grows_with_the_noise() -> None:
    clear, noisy = (
        fit_dimensions(make_rated(80, 60, noise=noise), np.arange(60)) for noise in (0.0, 0.5)
    )
    assert clear is not None
    assert noisy is not None
    assert clear.penalties[0] < noisy.penalties[0]
    assert set(clear.penalties + noisy.penalties) <= set(PENALTIES)


@pytest.mark.parametrize("count", [20, 90])
def test_the_regression_is_that_of_scikit_learn(count: int) -> None:
    rng = np.random.default_rng(6)
    matrix, ratings = rng.standard_normal((count, 30)).astype(np.float32), rng.uniform(size=count)
    slopes, offset = _solve(matrix, ratings, 7.0)
    expected = Ridge(alpha=7.0).fit(matrix.astype(float), ratings)
    assert slopes == pytest.approx(expected.coef_, abs=1e-5)
    assert offset == pytest.approx(expected.intercept_, abs=1e-5)


def test_copies_weigh_as_one_utterance() -> None:
    rows = make_rated(40, 5)
    order = np.tile(np.arange(40), 3)
    assert rows.dimensions is not None
    copied = TrainingRows(
        rows.matrix[order],
        rows.emotions[order],
        order,
        rows.speakers[order],
        dimensions=rows.dimensions[order],
    )
    one, other = (fit_dimensions(each, np.arange(5)) for each in (rows, copied))
    assert one is not None
    assert other is not None
    assert one.penalties == other.penalties
    assert one.slopes == pytest.approx(other.slopes, abs=1e-6)


def test_ratings_that_are_all_alike_are_refused() -> None:
    rows = make_rated(20, 3)
    assert rows.dimensions is not None
    rows.dimensions[:] = 0.5
    with pytest.raises(TrainingError, match=r"arousal: all ratings are 0\.5, so there is nothing"):
        fit_dimensions(rows, np.arange(3))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    folder = tmp_path_factory.mktemp("rated")
    table = write_rated_table(folder)
    return train({"csv": table}, "mlp", augment=False, cached=False, output=folder / "m.onnx")


def test_the_model_file_gives_the_dimensions_of_the_regression(result: TrainingResult) -> None:
    data, model = result.data, Model(result.model.content)
    regressor = fit_dimensions(data.rows(), np.arange(data.matrix.shape[1]))
    assert regressor is not None
    assert model.dimension_names == ("arousal", "valence")
    assert model.dimensions(data.matrix) == pytest.approx(regressor.predict(data.matrix), abs=1e-5)


def test_the_card_states_scale_data_and_scores(result: TrainingResult) -> None:
    arousal = result.model.card.dimensions["arousal"]
    assert (arousal["low"], arousal["high"], arousal["corpora"]) == (0, 1, ["csv"])
    assert (arousal["utterances"], arousal["speakers"]) == (35, 5)
    assert arousal["ccc"] > 0.9


def test_new_speakers_are_scored(result: TrainingResult) -> None:
    assert result.new_speakers is not None
    soft = result.new_speakers.soft_scores
    assert soft is not None
    assert (soft.utterances, soft.divergence < 0.1) == (40, True)
    low, high = soft.intervals["divergence"]
    assert low <= soft.divergence <= high
    arousal = result.new_speakers.dimension_scores["arousal"]
    assert arousal.utterances == 35
    assert arousal.interval is not None
    assert arousal.interval[0] <= (arousal.ccc or 0) <= arousal.interval[1]


@pytest.mark.slow
def test_a_study_states_the_scores_of_a_finished_model(
    result: TrainingResult, tmp_path: Path
) -> None:
    table = write_rated_table(tmp_path / "other")
    study = evaluate({"csv:other": table}, model=result.model, cached=False)
    (evaluation,) = study.to_dict()["systems"].popitem()[1]["evaluations"].values()
    assert evaluation["dimensions"]["arousal"]["ccc"] > 0.9
    assert evaluation["soft_labels"]["divergence"]["mean"] < 0.1
    study.report(tmp_path / "out")
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "## Soft labels and dimensions" in report


def test_dimensions_without_soft_labels_are_learned_too(tmp_path: Path) -> None:
    table = write_rated_table(tmp_path, has_emotions=True)
    trained = train({"csv": table}, "mlp", augment=False, cached=False, test_size=0)
    assert trained.model.dimension_names == ("arousal", "valence")


def test_a_model_without_ratings_has_no_dimensions() -> None:
    model = load("fast")
    assert (model.dimension_names, model.card.format) == ((), 5)
    assert model.dimensions(np.zeros((2, len(model.card.feature_names)), np.float32)).shape == (
        2,
        0,
    )


def test_evaluation_of_hard_labels_has_no_such_scores(trained: Any) -> None:
    data: Dataset = trained.data
    evaluation = evaluate_estimator(
        make_estimator("mlp"), data.matrix, data.utterances, protocol="loso", workers=1
    )
    assert (evaluation.soft_scores, evaluation.dimension_scores) == (None, {})
