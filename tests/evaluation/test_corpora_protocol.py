"""Leaving one corpus out: folds, weights of training, and the scores over corpora."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation import System, evaluate_estimator, evaluate_systems, get_protocol
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.outputs.report import document, to_text, write_report
from voxaffect.training import AugmentedCopies, Dataset, describe_weights, fit

WORDS = {"h": "happy", "s": "sad", "c": "calm", "a": "angry"}


def say(corpus: str, emotions: str, speakers: str = "1") -> list[Utterance]:
    return [
        Utterance(Path(f"{corpus}{i}.wav"), corpus, WORDS[e], speakers[i % len(speakers)])
        for i, e in enumerate(emotions)
    ]


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Three corpora of unequal size; their second feature is the corpus."""
    utterances = [
        *say("ravdess", "hsca" * 12, "1234"),
        *say("emodb", "hsa" * 6 + "h" * 9, "567"),
        *say("emovo", "hs" * 8, "89"),
    ]
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((len(utterances), 3)).astype(np.float32)
    for row, utterance in zip(matrix, utterances, strict=True):
        row[0] += 1.5 * [*WORDS.values()].index(utterance.emotion)
        row[1] += len(utterance.corpus)
    return Dataset(tuple(utterances), matrix)


def linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))


def test_each_corpus_is_tested_once_on_the_emotions_that_the_others_have() -> None:
    utterances = [*say("ravdess", "hsca"), *say("emodb", "shah"), *say("savee", "hs")]
    folds = get_protocol("corpora").split(utterances, 0)
    assert [fold.name for fold in folds] == ["ravdess", "emodb", "savee"]
    assert [fold.test.tolist() for fold in folds] == [[0, 1, 3], [4, 5, 6, 7], [8, 9]]
    assert [fold.train.tolist() for fold in folds] == [
        [4, 5, 6, 7, 8, 9],
        [0, 1, 2, 3, 8, 9],
        [*range(8)],
    ]


@pytest.mark.parametrize(
    ("utterances", "message"),
    [
        (say("ravdess", "hs"), "found only ravdess. Name two or more"),
        ([*say("ravdess", "hs"), *say("emodb", "hc")], "emodb and ravdess share 1 emotions"),
    ],
)
def test_two_corpora_with_two_common_emotions_are_needed(
    utterances: list[Utterance], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        get_protocol("corpora").split(utterances, 0)


def test_balanced_rows_weigh_each_emotion_of_each_corpus_alike(data: Dataset) -> None:
    copied = np.arange(0, len(data.utterances), 2)
    copies = AugmentedCopies(data.matrix[copied], copied)
    rows = Dataset(data.utterances, data.matrix, copies=copies).rows(is_balanced=True)
    assert rows.weights is not None
    assert rows.weights.mean() == pytest.approx(1)
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for origin, weight in zip(rows.origins, rows.weights, strict=True):
        utterance = data.utterances[origin]
        sums[utterance.corpus, utterance.emotion] += weight
    assert len(sums) == 9
    assert list(sums.values()) == pytest.approx([len(rows.matrix) / 9] * 9)
    assert data.rows().weights is None


def test_weights_of_rows_replace_those_of_emotions(data: Dataset) -> None:
    rows = data.rows(is_balanced=True)
    fitted = fit(linear(), rows)
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    plain.fit(rows.matrix, rows.emotions, logisticregression__sample_weight=rows.weights)
    assert np.allclose(fitted[-1].coef_, plain[-1].coef_)


def test_members_of_an_ensemble_get_the_weights() -> None:
    from voxaffect.training.estimators import Ensemble

    rng = np.random.default_rng(3)
    data = Dataset(
        (*say("ravdess", "hs" * 20, "12"), *say("emodb", "hsss" * 3, "34")),
        rng.standard_normal((52, 2)).astype(np.float32),
    )
    rows = data.rows(is_balanced=True)
    fitted = fit(Ensemble([(linear(), 0, 2)]), rows)
    alone = fit(linear(), rows)
    assert np.allclose(fitted.members_[0][0][-1].coef_, alone[-1].coef_)


def test_the_folds_are_trained_with_balanced_rows(data: Dataset) -> None:
    result = evaluate_estimator(linear(), data.matrix, data.utterances, protocol="corpora")
    assert result.emotions == ("angry", "calm", "happy", "sad")
    for part in result.folds:
        fitted = fit(linear(), data.rows(part.fold.train, is_balanced=True))
        columns = [result.emotions.index(name) for name in fitted.classes_]
        expected = fitted.predict_proba(data.matrix[part.fold.test])
        assert np.allclose(part.probabilities[:, columns], expected)


def test_answers_may_be_restricted_to_the_emotions_that_are_tested(data: Dataset) -> None:
    result = evaluate_estimator(linear(), data.matrix, data.utterances, protocol="corpora")
    restricted = result.restrict()
    for part, whole in zip(restricted.folds, result.folds, strict=True):
        truth = np.array([data.utterances[index].emotion for index in part.fold.test])
        columns = [result.emotions.index(name) for name in sorted(set(truth))]
        kept = whole.probabilities[:, columns]
        assert np.allclose(part.probabilities[:, columns], kept / kept.sum(axis=1)[:, None])
        assert np.allclose(part.probabilities.sum(axis=1), 1)
        answers = np.array(sorted(set(truth)))[kept.argmax(axis=1)]
        assert part.scores.uar == pytest.approx(compute_uar(truth, answers))
        assert part.scores.uar >= whole.scores.uar


def test_the_interval_of_the_mean_is_over_corpora(data: Dataset) -> None:
    result = evaluate_estimator(linear(), data.matrix, data.utterances, protocol="corpora")
    assert result.interval is not None
    low, high = result.interval
    uars = [part.scores.uar for part in result.folds]
    assert low < np.mean(uars) < high
    assert low < min(uars) + 0.1
    groups = result.score_groups("corpus")
    assert [groups[part.fold.name].uar for part in result.folds] == pytest.approx(uars)
    assert all(group.interval for group in groups.values())


def test_corpora_that_are_alike_differ_by_their_speakers_only() -> None:
    """Where every corpus has the same UAR, whatever its speakers, the interval has no width."""
    from voxaffect.evaluation.intervals import bootstrap_corpora

    truth = np.array(["happy", "sad"] * 4)
    answers = np.array(["happy", "happy"] * 4)
    speakers = [name for name in "abcd" for _ in range(2)]
    twice = np.tile(truth, 2), np.tile(answers, 2), speakers * 2, np.repeat([0, 1], 8)
    assert bootstrap_corpora(*twice) == pytest.approx((0.5, 0.5))
    right = np.concatenate([answers, truth])
    assert bootstrap_corpora(twice[0], right, *twice[2:]) == pytest.approx((0.5, 1.0))


@pytest.mark.slow
def test_the_result_states_weights_corpora_and_both_scores(data: Dataset, tmp_path: Path) -> None:
    systems = {
        "linear": System(linear(), data),
        "nearest": System(KNeighborsClassifier(3), data),
    }
    study = evaluate_systems(systems, protocol="corpora")
    plain = document(study)
    text = to_text(plain)
    assert "linear: in training, each emotion of each corpus weighs alike" in text
    assert "nearest: in training, all recordings weigh alike: the estimator takes no" in text
    assert "calm: ravdess only, trained, not tested" in text
    assert "95 % interval over corpora" in text
    assert "UAR with answers among the tested emotions alone: " in text
    metrics = plain["systems"]["linear"]["evaluations"]["corpora"]["metrics"]
    assert metrics["restricted_uar"]["mean"] >= metrics["uar"]["mean"]
    write_report(plain, tmp_path / "out")
    markdown = (tmp_path / "out" / "report.md").read_text()
    assert "## Scores by corpus" in markdown
    assert "bootstrap over corpora" in markdown
    assert "if it may only answer emotions that are tested" in markdown


def test_a_network_in_an_ensemble_takes_no_weights() -> None:
    from voxaffect.training.estimators import Ensemble, NetworkClassifier

    mixed = Ensemble([(linear(), 0, 2), (NetworkClassifier(), 2, 3)])
    assert describe_weights(mixed).endswith("in those of its parts that take weights")


def test_an_estimator_that_balances_corpora_by_itself_says_how() -> None:
    from voxaffect.training.estimators import BalancedLogistic

    sentence = describe_weights(make_pipeline(StandardScaler(), BalancedLogistic()))
    assert sentence == describe_weights(BalancedLogistic())
    assert "root of their size" in sentence


def test_the_command_leaves_corpora_out(run: Run, ravdess_to_read: Path, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    files = sorted(ravdess_to_read.rglob("*.wav"))
    words = {"02": "calm", "03": "happy", "06": "fearful", "07": "disgust"}
    lines = [f"{file},{words[file.stem.split('-')[2]]},s{n % 3}" for n, file in enumerate(files)]
    table.write_text("path,emotion,speaker\n" + "\n".join(lines[::2]))
    done = run(
        "evaluate", "ravdess", "csv:calls", "--data", ravdess_to_read, "--data", table,
        "--features=classic", "--protocol=corpora", "--allow-leaks",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "corpora: one corpus left out at a time" in done.out
    assert "UAR, calls: " in done.out


def test_a_cross_report_names_the_training_corpus_first_and_counts_what_was_used(
    data: Dataset, tmp_path: Path
) -> None:
    chosen = {one for one in data.utterances if one.corpus != "emovo"}
    study = evaluate_systems({"near": System(linear(), data.select(chosen))}, protocol="cross")
    plain = document(study)
    mapping = {row["emotion"]: row["corpora"] for row in plain["data"]["mapping"]}
    assert mapping["happy"] == ["ravdess", "emodb"]  # trained on the first, tested on the second
    assert mapping["calm"] == ["ravdess"]
    write_report(plain, tmp_path / "out")
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "| happy | ravdess, emodb |" in report
    assert "→" not in report
    body = report.partition("## How to read this report")[0]
    assert "UAR on new speakers" in body
    assert "by a random split" not in body  # nor a bar of a leakage premium
    assert "leakage premium" not in body
    used = sum(one.emotion != "calm" for one in chosen)
    assert f"{used} utterances, 3 emotions, 6 speakers, 1 system, protocol cross" in report
    assert f"Of these {len(chosen)} utterances, {used} were used" in report
