"""A study puts systems and protocols side by side, and its document holds all of it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Trained
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect.errors import EvaluationError
from voxaffect.evaluation import (
    System,
    evaluate_estimator,
    evaluate_systems,
    read_split,
    write_split,
)
from voxaffect.evaluation.experiments import _summarize
from voxaffect.evaluation.protocols import get_protocol
from voxaffect.outputs.report import (
    compare,
    document,
    read_document,
    to_json,
    to_text,
    write_report,
)
from voxaffect.outputs.report.context import build_context
from voxaffect.outputs.report.markdown import render_markdown
from voxaffect.training import AugmentedCopies, Dataset, get_recipe


def nearest() -> Any:
    return make_pipeline(StandardScaler(), KNeighborsClassifier(3))


class Answering(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that answers and says nothing else."""

    def fit(self, matrix: Any, emotions: Any) -> Answering:
        self.inside_ = nearest().fit(matrix, emotions)
        self.classes_ = self.inside_.classes_
        return self

    def predict(self, matrix: Any) -> Any:
        return self.inside_.predict(matrix)


def linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01))


@pytest.fixture(scope="module")
def found(trained: Trained) -> Any:
    """Return a study of two systems, one of them under a condition, with insight."""
    noisy = trained.data.matrix + np.float32(0.1)
    systems = {
        "nearest": System(nearest(), trained.data, {"louder": noisy}, "three neighbors"),
        "linear": System(linear(), trained.data),
    }
    return evaluate_systems(systems, protocol="speakers", importance=True, seed=3)


@pytest.mark.slow
def test_a_study_evaluates_as_evaluate_does(found: Any, trained: Trained) -> None:
    for protocol in ("speakers", "random"):
        alone = evaluate_estimator(
            nearest(), trained.data.matrix, trained.data.utterances, protocol=protocol, seed=3
        )
        beside = found.systems["nearest"].evaluations[protocol]
        assert np.array_equal(alone.probabilities, beside.probabilities)


def test_a_study_and_its_parts_print_as_one_short_line(found: Any) -> None:
    evaluation = found.systems["nearest"].evaluations["speakers"]
    low, high = evaluation.interval
    score = f"UAR {evaluation.uar:.3f} [{low:.3f}, {high:.3f}]"
    folds, tested = len(evaluation.folds), len(evaluation.tested)
    line = f"Evaluation(speakers: {score}, {folds} folds, {tested:,} tested utterances)"
    assert repr(evaluation) == line
    assert repr(found).startswith("Study(speakers; ")
    assert f"nearest: {score}; linear: UAR" in repr(found)
    assert line in repr(found.systems["nearest"])
    assert "conditions: 1" in repr(found.systems["nearest"])
    assert all(len(repr(one)) < 400 for one in (found, found.systems["linear"]))


def test_a_difference_is_the_first_system_less_the_second(found: Any) -> None:
    [(one, other, difference)] = found.compare_pairs()
    first, second = (found.systems[n].evaluations["speakers"].uar for n in (one, other))
    assert (one, other) == ("nearest", "linear")
    assert difference.difference == pytest.approx(first - second)


def test_the_premium_is_what_the_random_split_claims_beyond_new_voices(found: Any) -> None:
    one = found.systems["nearest"].evaluations
    expected = one["random"].summary["uar"]["mean"] - one["speakers"].summary["uar"]["mean"]
    premium, (low, high) = found.compute_premium("nearest")
    assert premium == pytest.approx(expected)
    assert low <= premium <= high


def test_a_random_study_has_new_voices_beside_it(trained: Trained) -> None:
    both = evaluate_systems({"nearest": System(nearest(), trained.data)}, protocol="random")
    assert list(both.systems["nearest"].evaluations) == ["random", "speakers"]
    turned = evaluate_systems({"nearest": System(nearest(), trained.data)}, protocol="speakers")
    assert both.compute_premium("nearest")[0] == pytest.approx(turned.compute_premium("nearest")[0])  # type: ignore[index]


def test_without_speakers_it_says_why_nothing_stands_beside(trained: Trained) -> None:
    unknown = tuple(replace(one, speaker=None) for one in trained.data.utterances)
    data = replace(trained.data, utterances=unknown)
    alone = evaluate_systems({"nearest": System(nearest(), data)}, protocol="random")
    assert "the speaker of 64 of 64 utterances is unknown" in alone.reference_missing
    assert alone.compute_premium("nearest") is None
    plain = document(alone)
    text = to_text(plain)
    assert "no other protocol to compare with: the speaker of" in text
    assert "over speakers" not in text
    assert "test voices were heard in training" not in text
    assert "so test voices may have been heard in training" in text
    assert "no interval: the speakers of 96 utterances are unknown" in text
    (evaluation,) = plain["systems"]["nearest"]["evaluations"].values()
    assert all(metric["interval"] is None for metric in evaluation["metrics"].values())
    markdown = render_markdown(build_context(plain, Path("out")))
    assert "there is no interval, since speakers are unknown" in markdown
    compared = compare(plain, plain, ("nearest", "nearest"))
    assert compared["speakers"] is None


def test_systems_must_be_of_the_same_utterances(trained: Trained) -> None:
    data = trained.data
    fewer = data.select(data.utterances[:-1])
    systems = {"all": System(nearest(), data), "fewer": System(nearest(), fewer)}
    with pytest.raises(EvaluationError, match="fewer: 63 utterances, and the first system has 64"):
        evaluate_systems(systems, protocol="speakers")


def test_a_family_that_decides_everything_is_found(trained: Trained) -> None:
    """Where one family tells the emotion and the others are constant, it alone carries it."""
    data = trained.data
    _, codes = np.unique(data.emotions, return_inverse=True)
    matrix = np.zeros_like(data.matrix)
    matrix[:, :40] = np.eye(4, 40, dtype=np.float32)[codes]
    told = evaluate_systems(
        {"nearest": System(nearest(), replace(data, matrix=matrix))},
        protocol="speakers",
        importance=True,
    )
    rows = {row["group"]: row["drop"] for row in document(told)["systems"]["nearest"]["importance"]}
    assert rows["mfcc"] > 0.5
    assert {name for name, drop in rows.items() if drop} == {"mfcc"}


# Estimators of every kind.


@pytest.mark.parametrize("estimator", [RidgeClassifier(), Answering()])
def test_an_estimator_without_probabilities_is_scored_by_its_answers(
    trained: Trained, estimator: Any
) -> None:
    data = trained.data
    found = evaluate_estimator(estimator, data.matrix, data.utterances, protocol="speakers")
    truth = np.array(data.emotions)
    for result in found.folds:
        fitted = estimator.fit(data.matrix[result.fold.train], truth[result.fold.train])
        expected = fitted.predict(data.matrix[result.fold.test])
        best = np.array(found.emotions)[result.probabilities.argmax(axis=1)]
        assert np.array_equal(best, expected)
        assert result.probabilities.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("estimator", "certainty", "given"),
    [
        (Answering(), "answers", ()),
        (RidgeClassifier(), "scores", ("top_two",)),
        (linear(), "probabilities", ("top_two", "nll", "ece")),
    ],
)
def test_what_an_estimator_cannot_say_is_not_available(
    trained: Trained, estimator: Any, certainty: str, given: tuple[str, ...]
) -> None:
    systems = {"mine": System(estimator, trained.data)}
    told = document(evaluate_systems(systems, protocol="speakers", reference_split=False))
    one = told["systems"]["mine"]["evaluations"]["speakers"]
    assert one["score_kind"] == certainty
    assert bool(one["reliability"]) == ("ece" in given)
    assert bool(one["risk_coverage"]) == bool(one["thresholds"]) == bool(given)
    for metric in ("top_two", "nll", "ece"):
        assert (one["metrics"][metric]["mean"] is not None) == (metric in given)
    text = to_text(told)
    row = next(line for line in text.splitlines() if line.startswith("mine, speakers"))
    assert row.split().count("–") == 3 - len(given)
    assert ("not available" in text) == (len(given) < 3)
    markdown = render_markdown(build_context(told, Path("out")))
    assert ("not available" in markdown) == (len(given) < 3)


def test_a_single_fold_has_no_standard_deviation(trained: Trained, tmp_path: Path) -> None:
    data = trained.data
    fold = get_protocol("speakers").split(data.utterances, 0)[0]
    write_split(tmp_path / "split.csv", [fold], data.utterances)
    told = document(
        evaluate_systems(
            {"mine": System(nearest(), data)},
            reference_split=False,
            protocol=read_split(tmp_path / "split.csv"),
        )
    )
    metrics = told["systems"]["mine"]["evaluations"]["file"]["metrics"]
    assert metrics["uar"]["sd"] is None
    text = to_text(told)
    row = next(line for line in text.splitlines() if line.startswith("mine, file"))
    assert "±" not in row
    assert "file: 1 fold read from split.csv." in text
    assert "± 0.000" not in render_markdown(build_context(told, Path("out")))


def test_scores_of_two_emotions_become_probabilities_of_both(trained: Trained) -> None:
    two = [one for one in trained.data.utterances if one.emotion in ("calm", "happy")]
    data = trained.data.select(two)
    found = evaluate_estimator(RidgeClassifier(), data.matrix, data.utterances, protocol="speakers")
    assert found.probabilities.shape[1] == 2
    assert found.probabilities.sum(axis=1) == pytest.approx(1.0)


def test_features_of_any_kind_need_no_recordings(trained: Trained) -> None:
    gone = tuple(
        replace(one, path=Path("nowhere") / one.path.name) for one in trained.data.utterances
    )
    data = Dataset(gone, np.random.default_rng(0).standard_normal((64, 5)).astype(np.float32))
    told = document(evaluate_systems({"mine": System(nearest(), data)}, protocol="speakers"))
    assert told["data"]["features"] is None
    assert {leak["kind"]: leak["count"] for leak in told["leaks"]}["unchecked"] == 64
    assert "64 recordings could not be decoded" in to_text(told)


# The document.


def test_the_document_is_plain_json_of_what_was_found(found: Any) -> None:
    told = json.loads(to_json(document(found, command="voxaffect evaluate")))
    one, expected = told["systems"]["nearest"], found.systems["nearest"]
    main = expected.evaluations["speakers"]
    plain = one["evaluations"]["speakers"]
    assert plain["confusion"] == main.confusion.tolist()
    assert plain["metrics"]["uar"]["mean"] == pytest.approx(main.summary["uar"]["mean"], abs=1e-6)
    assert plain["metrics"]["uar"]["interval"] == pytest.approx(main.interval, abs=1e-6)
    assert plain["metrics"]["ece"]["mean"] == pytest.approx(main.calibration_error, abs=1e-6)
    assert np.allclose(plain["probabilities"], main.probabilities, atol=1e-6)
    truths = [told["utterances"][place]["emotion"] for place in plain["tested"]]
    assert truths == main.truth.tolist()
    assert one["robustness"]["louder"]["loss"] == pytest.approx(
        main.summary["uar"]["mean"] - expected.conditions["louder"].summary["uar"]["mean"], abs=1e-6
    )
    means = {row["group"]: row["meaning"] for row in one["importance"]}
    assert means["chroma"] == "energy of each note of the scale"
    assert "chroma: energy of each note of the scale" in to_text(told)
    assert told["baselines"]["speakers"]["chance"]["uar"] == 0.25
    assert [(row["a"], row["b"]) for row in told["paired"]] == [("nearest", "linear")]


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_but_for_the_time(trained: Trained) -> None:
    texts = []
    for _ in range(2):
        systems = {"linear": System(linear(), trained.data)}
        told = document(
            evaluate_systems(systems, protocol="speakers", importance=True), embedded=True
        )
        texts.append(to_json({**told, "created": ""}))
    assert texts[0] == texts[1]


def test_the_text_puts_both_protocols_the_premium_and_the_leaks_first(found: Any) -> None:
    text = to_text(document(found))
    summary = found.systems["nearest"].evaluations["speakers"].summary["uar"]
    assert f"{summary['mean']:.3f} ± {summary['sd']:.3f}" in text
    assert "leakage premium, nearest: " in text
    leaks = "8 speakers in both training and test, as this protocol intends: ravdess/01"
    assert f"leak check, random: {leaks}" in text
    assert "baseline: chance, speakers" in text
    assert "nearest minus linear, speakers:" in text
    louder = found.systems["nearest"].conditions["louder"].summary["uar"]["mean"]
    assert "a change below 0 is worse than the original recordings\n" in text
    row = next(line for line in text.splitlines() if line.startswith("nearest  louder"))
    assert row.split() == ["nearest", "louder", f"{louder:.3f}", f"{louder - summary['mean']:+.3f}"]


def test_answers_on_utterances_that_are_tested_several_times_are_counted(
    trained: Trained,
) -> None:
    data = trained.data
    protocol = get_protocol("tutorial")
    text = to_text(
        document(evaluate_systems({"tutorial": System(nearest(), data)}, protocol=protocol))
    )
    assert "tutorial, protocol tutorial" in text
    assert "tutorial, tutorial" not in text
    answers = 20 * round(len(data.utterances) / 4)
    assert f"{answers:,} answers on " in text
    assert text.count("answers on") == 1  # of the folds of speakers, each utterance is in one


def test_an_evaluation_reads_back(found: Any, tmp_path: Path) -> None:
    told = document(found)
    (tmp_path / "a.json").write_text(to_json(told))
    assert read_document(tmp_path / "a.json") == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read .not JSON"),
        ("[]", "not an evaluation"),
        ("{}", "not an evaluation"),
        (
            '{"kind": "voxaffect evaluation", "schema_version": 9}',
            "written in format 9",
        ),
    ],
)
def test_what_is_no_evaluation_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(EvaluationError, match=rf"a\.json: {message}"):
        read_document(tmp_path / "a.json")


def test_every_uar_of_a_document_is_the_mean_over_folds(found: Any) -> None:
    """The premium is the difference of the two UARs that stand there, as `compare` gives them."""
    plain = document(found)
    for name, system in plain["systems"].items():
        uars = {key: one["metrics"]["uar"]["mean"] for key, one in system["evaluations"].items()}
        premium = plain["premium"][name]["uar"]
        assert premium == pytest.approx(uars["random"] - uars["speakers"], abs=2e-6)
        compared = compare(plain, plain, (name, "linear"))
        assert compared["a"] == pytest.approx(uars["speakers"], abs=1e-6)
        assert compared["difference"] == pytest.approx(compared["a"] - compared["b"], abs=2e-6)


# Comparison.


def test_comparing_files_is_comparing_systems(found: Any) -> None:
    told = document(found)
    apart = compare(told, told, ("nearest", "linear"))
    (expected,) = told["paired"]
    assert apart["difference"] == pytest.approx(expected["difference"], abs=1e-6)
    assert apart["p"] == expected["p"]
    assert apart["utterances"] == 64


def test_comparison_needs_the_same_folds_and_a_system_that_is_there(
    found: Any, trained: Trained
) -> None:
    told = document(found)
    other = document(
        evaluate_systems(
            {"nearest": System(nearest(), trained.data)},
            protocol="speakers",
            seed=4,
            reference_split=False,
        )
    )
    with pytest.raises(EvaluationError, match="the folds differ"):
        compare(told, other, ("nearest", "nearest"))
    with pytest.raises(EvaluationError, match=r"no system named 'svm'.* nearest, linear"):
        compare(told, told, ("svm", "linear"))


def test_a_cross_corpus_study_shows_which_emotions_meet(trained: Trained) -> None:
    data = trained.data
    moved = tuple(
        replace(one, corpus="emodb", emotion="bored" if one.emotion == "calm" else one.emotion)
        if one.speaker in ("07", "08")
        else one
        for one in data.utterances
    )
    told = document(
        evaluate_systems(
            {"nearest": System(nearest(), replace(data, utterances=moved))}, protocol="cross"
        )
    )
    text = to_text(told)
    assert told["reference_protocol"] is None
    assert told["premium"] == {}
    assert "happy: ravdess and emodb\n" in text
    assert "bored: emodb only, left out\n" in text
    emotions = told["systems"]["nearest"]["evaluations"]["cross"]["emotions"]
    assert emotions == ["disgust", "fearful", "happy"]


def test_sentences_stand_beside_sentences_of_new_speakers(trained: Trained) -> None:
    found = evaluate_systems({"nearest": System(nearest(), trained.data)}, protocol="sentences")
    assert list(found.systems["nearest"].evaluations) == ["sentences", "sentences-speakers"]
    assert found.compute_premium("nearest") is not None


@pytest.fixture(scope="module")
def told(found: Any) -> str:
    return to_json(document(found))


PLACE = ("systems", "nearest", "evaluations", "speakers")


@pytest.mark.parametrize("value", [None, -1, "x", {}, [5]])
@pytest.mark.parametrize(
    "where",
    [
        ("systems",),
        ("systems", "nearest"),
        PLACE[:3],
        PLACE,
        ("protocol",),
        ("utterances",),
        ("utterances", 0),
        ("utterances", 0, "path"),
        ("utterances", 0, "emotion"),
        *((*PLACE, key) for key in ("emotions", "folds", "tested", "probabilities")),
        (*PLACE, "folds", 0),
        (*PLACE, "folds", 0, "test"),
        (*PLACE, "tested", 0),
        (*PLACE, "probabilities", 0),
        (*PLACE, "probabilities", 0, 0),
        (*PLACE, "emotions", 0),
    ],
    ids=lambda where: ".".join(map(str, where)) if isinstance(where, tuple) else None,
)
def test_a_damaged_evaluation_is_refused_or_compared(
    told: str, where: tuple[Any, ...], value: Any, tmp_path: Path
) -> None:
    part = damaged = json.loads(told)
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(damaged), encoding="utf-8")
    with suppress(EvaluationError):
        apart = compare(read_document(path), json.loads(told), ("nearest", "nearest"))
        assert np.isfinite([apart["a"], apart["b"], apart["difference"]]).all()


def test_a_missing_part_is_named(found: Any) -> None:
    told = document(found)
    lacking = {key: value for key, value in told.items() if key != "utterances"}
    with pytest.raises(EvaluationError, match=r"second evaluation is damaged.*no 'utterances'"):
        compare(told, lacking, ("nearest", "nearest"))


def test_what_is_nested_too_deep_is_no_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(EvaluationError, match="not JSON"):
        read_document(path)


def test_a_damaged_document_makes_no_report(found: Any, tmp_path: Path) -> None:
    lacking = {key: value for key, value in document(found).items() if key != "utterances"}
    with pytest.raises(EvaluationError, match="damaged"):
        write_report(lacking, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("predict_proba", lambda rows: np.full((len(rows), 4), np.nan)),
        ("predict_proba", lambda rows: -np.ones((len(rows), 4))),
        ("predict_proba", lambda rows: np.zeros((len(rows), 4))),
        ("predict_proba", lambda rows: np.ones((len(rows), 3))),
        ("predict_proba", lambda _: None),
        ("predict", lambda rows: np.array(["unheard of"] * len(rows))),
        ("predict", lambda _: np.array(["happy"])),
        ("predict", lambda _: None),
        ("decision_function", lambda rows: np.full((len(rows), 4), np.nan)),
    ],
)
def test_what_is_no_answer_is_refused_and_never_scored(
    trained: Trained, method: str, told: Any
) -> None:
    kind = type("Broken", (Answering,), {method: lambda _, rows: told(rows)})
    with pytest.raises(EvaluationError, match="Broken gave probabilities"):
        evaluate_estimator(
            kind(), trained.data.matrix, trained.data.utterances, protocol="speakers"
        )


def test_an_estimator_without_classes_is_refused_by_name(trained: Trained) -> None:
    kind = type("Nameless", (Answering,), {"fit": lambda self, _, __: self})
    with pytest.raises(EvaluationError, match="Nameless: expected classes_ of"):
        evaluate_estimator(
            kind(), trained.data.matrix, trained.data.utterances, protocol="speakers"
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda matrix: np.where(np.arange(len(matrix))[:, None] == 3, np.nan, matrix),
        lambda matrix: matrix[:, :0],
        lambda matrix: matrix[:, 0],
        lambda matrix: matrix.astype(object),
        lambda matrix: matrix.tolist(),
        lambda _: None,
    ],
)
def test_what_are_no_finite_features_is_refused_by_the_name_of_the_condition(
    trained: Trained, change: Any
) -> None:
    matrix = change(trained.data.matrix)
    with pytest.raises(EvaluationError, match="features"):
        evaluate_estimator(linear(), matrix, trained.data.utterances, protocol="speakers")
    system = System(linear(), trained.data, {"louder": matrix})
    with pytest.raises(EvaluationError, match=r"louder: .*features"):
        evaluate_systems({"linear": system}, protocol="speakers")


def test_no_system_is_no_study() -> None:
    with pytest.raises(EvaluationError, match="no system"):
        evaluate_systems({}, protocol="speakers")


def test_comparison_names_what_differs_in_the_data(trained: Trained) -> None:
    def evaluated(**changes: Any) -> dict[str, Any]:
        first, *others = trained.data.utterances
        data = replace(trained.data, utterances=(replace(first, **changes), *others))
        system = {"nearest": System(nearest(), data)}
        return document(
            evaluate_systems(system, protocol="speakers", seed=3, reference_split=False)
        )

    plain = document(
        evaluate_systems(
            {"nearest": System(nearest(), trained.data)},
            protocol="speakers",
            seed=3,
            reference_split=False,
        )
    )
    for other, reason in (
        (evaluated(speaker="elsewhere"), "the speaker of .* is .* and 'elsewhere'"),
        (evaluated(corpus="csv"), "their data are called .*csv.* with --name"),
        (
            evaluated(corpus="emodb", path=Path("other/elsewhere.wav")),
            r"their corpora are ravdess and emodb/ravdess\. Systems",
        ),
    ):
        with pytest.raises(EvaluationError, match=reason):
            compare(plain, other, ("nearest", "nearest"))


@pytest.mark.slow
def test_a_report_of_python_has_the_folds_for_a_split(found: Any, tmp_path: Path) -> None:
    paths = found.report(tmp_path / "out")
    assert tmp_path / "out" / "folds.csv" in paths
    protocol = read_split(tmp_path / "out" / "folds.csv")
    folds = protocol.split(found.utterances, 3)
    first = found.systems["nearest"].evaluations["speakers"].folds
    for fold, result in zip(folds, first, strict=True):
        assert set(fold.test) == set(result.fold.test)
    assert repr(protocol) == f"Protocol(file: {len(folds)} folds read from folds.csv)"


def test_a_protocol_prints_its_summary() -> None:
    assert repr(get_protocol("loso")) == "Protocol(loso: one speaker left out at a time)"


def test_a_summary_names_the_copies_that_ran(trained: Trained) -> None:
    recipe = get_recipe("logistic")
    assert recipe.augmentation is not None
    plain = _summarize(recipe, trained.data)
    assert plain.endswith("the fast default; trained without augmented copies")
    kept = np.ones(len(trained.data.utterances), dtype=np.bool_)
    copies = AugmentedCopies(trained.data.matrix, kept)
    augmented = replace(trained.data, copies=copies, augmentation=recipe.augmentation)
    count = recipe.augmentation.copies
    assert f"trained on {count} augmented copies of each" in _summarize(recipe, augmented)
    assert "copies" not in _summarize(get_recipe("mlp"), trained.data)
