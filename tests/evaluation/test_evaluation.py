"""Metrics against audmetric and by hand; folds that keep what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import audmetric
import numpy as np
import pytest
from conftest import Trained
from hypothesis import given, strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError, TrainingError
from voxaffect.evaluation import PROTOCOLS, evaluate_estimator, get_protocol, random_split
from voxaffect.evaluation.metrics.categorical import compute_scores, count_confusions
from voxaffect.training import clone_with_seed, get_recipe, make_estimator, select_emotions

EMOTIONS = ("angry", "calm", "happy")


def utterance(
    number: int,
    *,
    speaker: str | None,
    emotion: str = "happy",
    corpus: str = "ravdess",
    text: str | None = None,
) -> Utterance:
    return Utterance(Path(f"{number}.wav"), corpus, emotion, speaker, text=text)


def members(speakers: Sequence[str | None], **options: Any) -> list[Utterance]:
    return [
        utterance(number, speaker=speaker, **options) for number, speaker in enumerate(speakers)
    ]


def actors() -> list[str]:
    """Return RAVDESS's speakers, three utterances each."""
    return [f"{number:02}" for number in range(1, 25)] * 3


def actors_and_sentences() -> list[Utterance]:
    return [
        utterance(number, speaker=speaker, text=f"{number // 24 % 2:02}")
        for number, speaker in enumerate(actors())
    ]


# Metrics.

labels = st.lists(st.sampled_from(EMOTIONS), min_size=1, max_size=30)


@given(st.data(), labels)
def test_metrics_are_audmetrics(data: st.DataObject, truth: list[str]) -> None:
    size = len(truth)
    predicted = data.draw(st.lists(st.sampled_from(EMOTIONS), min_size=size, max_size=size))
    found = compute_scores(truth, predicted)
    present = sorted(set(truth))
    # audmetric counts an emotion that never occurs as recall 0; the mean is over those that do.
    expected = audmetric.recall_per_class(truth, predicted, labels=list(EMOTIONS))
    assert found.uar == pytest.approx(np.mean([expected[emotion] for emotion in present]))
    assert found.accuracy == pytest.approx(audmetric.accuracy(truth, predicted))
    seen = sorted(set(truth) | set(predicted))
    expected_f1 = audmetric.unweighted_average_fscore(truth, predicted, labels=seen)
    assert found.macro_f1 == pytest.approx(expected_f1)


def test_metrics_by_hand() -> None:
    truth = ["angry"] * 4 + ["calm"] * 2
    predicted = ["angry", "angry", "angry", "calm", "calm", "happy"]
    found = compute_scores(truth, predicted)
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.uar == pytest.approx((3 / 4 + 1 / 2) / 2)
    # F1: angry 2·1·.75/1.75; calm 2·.5·.5/1; happy, never true, 0.
    assert found.macro_f1 == pytest.approx((6 / 7 + 1 / 2 + 0) / 3)


def test_a_perfect_prediction_scores_one() -> None:
    found = compute_scores(EMOTIONS, EMOTIONS)
    assert (found.uar, found.accuracy, found.macro_f1) == (1, 1, 1)


def test_confusion_has_truths_in_rows() -> None:
    found = count_confusions(["angry", "angry", "calm"], ["calm", "angry", "calm"], EMOTIONS)
    assert found.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


# Folds.

some_speakers = st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=2, max_size=60).filter(
    lambda speakers: len(set(speakers)) > 1
)


@given(some_speakers, st.integers(0, 99))
def test_speaker_folds_share_no_speaker_and_test_each_utterance_once(
    speakers: list[str], seed: int
) -> None:
    folds = get_protocol("speakers").split(members(speakers), seed)
    for fold in folds:
        heard = {speakers[place] for place in fold.train}
        tested = {speakers[place] for place in fold.test}
        assert heard
        assert tested
        assert not heard & tested
        assert sorted([*fold.train, *fold.test]) == list(range(len(speakers)))
    everything = np.concatenate([fold.test for fold in folds])
    assert sorted(everything) == list(range(len(speakers)))
    assert len(folds) == min(6, len(set(speakers)))


def test_speakers_of_the_same_name_in_two_corpora_are_two() -> None:
    both = [
        *members(["01"] * 3, corpus="ravdess"),
        *members(["01"] * 3, corpus="emodb"),
    ]
    folds = get_protocol("speakers").split(both, 0)
    assert [sorted(fold.test.tolist()) for fold in folds] in (
        [[0, 1, 2], [3, 4, 5]],
        [[3, 4, 5], [0, 1, 2]],
    )


@pytest.mark.parametrize(
    "protocol", [name for name in PROTOCOLS if name not in ("cross", "corpora")]
)
def test_folds_are_the_same_for_the_same_seed(protocol: str) -> None:
    once, again = (get_protocol(protocol).split(actors_and_sentences(), 7) for _ in range(2))
    assert len(once) == len(again)
    assert all(np.array_equal(a.test, b.test) for a, b in zip(once, again, strict=True))
    assert all(np.array_equal(a.train, b.train) for a, b in zip(once, again, strict=True))


@pytest.mark.parametrize("protocol", ["speakers", "random"])
def test_another_seed_gives_other_folds(protocol: str) -> None:
    one, other = (get_protocol(protocol).split(members(actors()), seed)[0] for seed in (0, 50))
    assert not np.array_equal(one.test, other.test)


def test_loso_tests_every_speaker_once_alone() -> None:
    speakers = actors()
    folds = get_protocol("loso").split(members(speakers), 0)
    assert [{speakers[place] for place in fold.test} for fold in folds] == [
        {speaker} for speaker in sorted(set(speakers))
    ]
    assert all(len(fold.train) + len(fold.test) == len(speakers) for fold in folds)


def test_sentences_are_never_on_both_sides() -> None:
    said = actors_and_sentences()
    folds = get_protocol("sentences").split(said, 0)
    for fold in folds:
        assert {said[p].text for p in fold.train}.isdisjoint({said[p].text for p in fold.test})
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(said)))


def test_sentences_by_new_speakers_share_neither_and_test_each_utterance_once() -> None:
    said = actors_and_sentences()
    folds = get_protocol("sentences-speakers").split(said, 0)
    for fold in folds:
        for mark in ("text", "speaker"):
            heard = {getattr(said[place], mark) for place in fold.train}
            assert heard.isdisjoint({getattr(said[place], mark) for place in fold.test})
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(said)))
    assert len(folds) == 12


def test_emobox_folds_are_its_own() -> None:
    speakers = actors()
    folds = get_protocol("emobox").split(members(speakers), 0)
    assert [sorted({speakers[place] for place in fold.test}) for fold in folds] == [
        ["01", "11", "20", "21"],
        ["04", "10", "12", "14"],
        ["08", "09", "19", "23"],
        ["03", "05", "07", "24"],
        ["02", "15", "16", "18"],
        ["06", "13", "17", "22"],
    ]
    everything = np.concatenate([fold.test for fold in folds])
    assert sorted(everything) == list(range(len(speakers)))
    assert all(not set(fold.train) & set(fold.test) for fold in folds)
    assert all(len(fold.train) + len(fold.test) == len(speakers) for fold in folds)


@pytest.mark.parametrize(("protocol", "count", "first"), [("tutorial", 20, 0), ("random", 6, 0)])
def test_random_folds_are_scikit_learns_of_successive_seeds(
    protocol: str, count: int, first: int
) -> None:
    folds = get_protocol(protocol).split(members(actors()), first)
    assert [fold.seed for fold in folds] == list(range(first, first + count))
    expected = train_test_split(np.arange(72), test_size=0.25, random_state=first + 3)
    assert np.array_equal(folds[3].train, expected[0])
    assert np.array_equal(folds[3].test, expected[1])


@pytest.mark.parametrize(
    ("protocol", "is_new"),
    [
        ("tutorial", False),
        ("random", False),
        ("speakers", True),
        ("emobox", True),
        ("loso", True),
        ("sentences", False),
        ("sentences-speakers", True),
    ],
)
def test_a_protocol_says_whether_its_voices_are_new(protocol: str, is_new: bool) -> None:
    speakers = actors()
    shared = [
        {speakers[place] for place in fold.train} & {speakers[place] for place in fold.test}
        for fold in get_protocol(protocol).split(actors_and_sentences(), 0)
    ]
    assert get_protocol(protocol).new_voices is is_new
    assert any(shared) is not is_new


# Evaluation.


def nearest() -> Any:
    return make_pipeline(StandardScaler(), KNeighborsClassifier(3))


@pytest.mark.parametrize("protocol", ["random", "speakers"])
def test_an_evaluation_adds_up(trained: Trained, protocol: str) -> None:
    data = trained.data
    found = evaluate_estimator(nearest(), data.matrix, data.utterances, protocol=protocol)
    assert found.emotions == ("calm", "disgust", "fearful", "happy")
    assert found.confusion.sum() == sum(len(result.fold.test) for result in found.folds)
    weights = [len(result.fold.test) for result in found.folds]
    accuracies = [result.scores.accuracy for result in found.folds]
    expected = np.average(accuracies, weights=weights)
    assert np.trace(found.confusion) / found.confusion.sum() == pytest.approx(expected)
    assert found.summary["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert found.summary["accuracy"]["sd"] == pytest.approx(np.std(accuracies))
    assert all(np.allclose(result.probabilities.sum(axis=1), 1) for result in found.folds)


def test_each_fold_is_what_scikit_learn_says_of_it(trained: Trained) -> None:
    data = trained.data
    truth = np.array(data.emotions)
    found = evaluate_estimator(nearest(), data.matrix, data.utterances, protocol="speakers", seed=4)
    for result in found.folds:
        fitted = nearest().fit(data.matrix[result.fold.train], truth[result.fold.train])
        expected = fitted.predict_proba(data.matrix[result.fold.test])
        assert np.array_equal(result.probabilities, expected)


@pytest.mark.slow
def test_the_number_of_processes_changes_no_number() -> None:
    rng = np.random.default_rng(0)
    emotions = [EMOTIONS[number % 3] for number in range(240)]
    everyone = [
        utterance(number, speaker="ABCD"[number // 60], emotion=emotion)
        for number, emotion in enumerate(emotions)
    ]
    matrix = rng.standard_normal((240, 500)).astype(np.float32)  # large enough for processes
    matrix[:, 0] += [EMOTIONS.index(emotion) for emotion in emotions]
    model = make_pipeline(StandardScaler(), LogisticRegression())
    one, two = (
        evaluate_estimator(model, matrix, everyone, protocol="loso", workers=workers)
        for workers in (1, 2)
    )
    assert np.array_equal(one.probabilities, two.probabilities)
    assert one.summary == two.summary


def test_an_evaluation_is_the_same_for_the_same_seed(trained: Trained) -> None:
    data = trained.data
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="saga", max_iter=5))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        once, again = (
            evaluate_estimator(model, data.matrix, data.utterances, protocol="random", seed=3)
            for _ in range(2)
        )
    assert all(
        np.array_equal(a.probabilities, b.probabilities)
        for a, b in zip(once.folds, again.folds, strict=True)
    )


def test_guessing_scores_chance(trained: Trained) -> None:
    data = trained.data
    guess = DummyClassifier(strategy="prior")
    found = evaluate_estimator(guess, data.matrix, data.utterances, protocol="speakers")
    assert found.summary["uar"]["mean"] == pytest.approx(0.25)


def test_the_estimator_given_stays_unfitted(trained: Trained) -> None:
    model = nearest()
    evaluate_estimator(model, trained.data.matrix, trained.data.utterances, protocol="speakers")
    assert not hasattr(model[-1], "classes_")


def test_an_emotion_that_only_some_folds_train_gets_its_own_column() -> None:
    """Columns follow the emotions of the whole, not those of one fold."""
    speakers = [speaker for speaker in "ABCDEF" for _ in range(6)]
    emotions = [EMOTIONS[number % 2] for number in range(36)]
    everyone = [
        utterance(number, speaker=speaker, emotion=emotion)
        for number, (speaker, emotion) in enumerate(zip(speakers, emotions, strict=True))
    ]
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((36, 4)).astype(np.float32)
    matrix[:, 0] = [10.0 * EMOTIONS.index(emotion) for emotion in emotions]
    found = evaluate_estimator(nearest(), matrix, everyone, protocol="speakers")
    assert found.confusion.tolist() == [[18, 0], [0, 18]]


# What a protocol cannot do.


def run(utterances: list[Utterance], protocol: str) -> None:
    matrix = np.random.default_rng(0).standard_normal((len(utterances), 3)).astype(np.float32)
    evaluate_estimator(nearest(), matrix, utterances, protocol=protocol)


def test_one_speaker_is_not_enough() -> None:
    with pytest.raises(EvaluationError, match="1 speaker, at least 2 are needed"):
        run(members(["A"] * 9), "speakers")


@pytest.mark.parametrize("protocol", ["sentences", "sentences-speakers"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "what is said in 4 of 4 utterances is unknown"),
        ("01", r"1 sentence \(ravdess/01\), at least 2"),
    ],
)
def test_sentences_must_be_known_and_several(protocol: str, text: str | None, message: str) -> None:
    said = [utterance(number, speaker="ABAB"[number], text=text) for number in range(4)]
    with pytest.raises(EvaluationError, match=message):
        run(said, protocol)


@pytest.mark.parametrize("protocol", ["speakers", "emobox", "loso"])
def test_unknown_speakers_are_counted(protocol: str) -> None:
    with pytest.raises(EvaluationError, match="the speaker of 2 of 5 utterances is unknown"):
        run(members(["A", None, "B", None, "C"]), protocol)


@pytest.mark.parametrize("corpora", [("calls",), ("emodb", "ravdess")])
def test_emobox_is_for_one_corpus_that_it_knows(corpora: tuple[str, ...]) -> None:
    mixed = [utterance(n, speaker="03", corpus=c) for n, c in enumerate(corpora * 3)]
    with pytest.raises(EvaluationError, match=r"for one corpus at a time, of ravdess, emodb"):
        run(mixed, "emobox")


def test_emobox_needs_all_its_speakers() -> None:
    speakers = [speaker for speaker in actors() if speaker not in ("04", "10", "12", "14")]
    with pytest.raises(EvaluationError, match="emobox fold 2 tests speakers 04, 10, 12, 14: 0 of"):
        run(members(speakers), "emobox")


def test_an_emotion_tested_but_never_trained_is_named() -> None:
    rare = [*members(["A", "A", "B", "B"]), utterance(4, speaker="C", emotion="calm")]
    rare += [utterance(5, speaker="A", emotion="angry"), utterance(6, speaker="B", emotion="angry")]
    with pytest.raises(EvaluationError, match=r"fold \d: calm is tested and never trained"):
        run(rare, "speakers")


def test_one_emotion_is_nothing_to_tell_apart() -> None:
    with pytest.raises(
        TrainingError, match="at least two emotions are needed to train, found happy"
    ):
        run(members(["A", "A", "B", "B"]), "speakers")


def test_an_unknown_protocol_names_the_known_ones() -> None:
    with pytest.raises(EvaluationError, match=r"no protocol named 'loto'; there are: tutorial"):
        run(members(["A", "B"]), "loto")


def test_rows_and_utterances_must_be_as_many() -> None:
    with pytest.raises(EvaluationError, match="3 rows of features for 2 utterances"):
        evaluate_estimator(
            nearest(), np.zeros((3, 2), np.float32), members(["A", "B"]), protocol="random"
        )


@pytest.mark.parametrize(("count", "test_size"), [(1, 0.25), (0, 0.25), (10, 0.0), (10, 1.0)])
def test_a_side_without_utterances_is_refused(count: int, test_size: float) -> None:
    with pytest.raises(EvaluationError, match=f"{count} utterances cannot be split"):
        random_split(count, test_size=test_size, seed=0)


# Recipes.


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(TrainingError, match=r"no recipe named 'svm'; there are: tutorial, mlp"):
        make_estimator("svm")


def test_the_tutorial_recipe_is_the_bare_mlp_as_written() -> None:
    (step,) = make_estimator("tutorial", 5).steps
    expected = {
        "alpha": 0.01,
        "batch_size": 256,
        "epsilon": 1e-08,
        "hidden_layer_sizes": (300,),
        "learning_rate": "adaptive",
        "max_iter": 500,
        "random_state": 5,
    }
    assert {key: step[1].get_params()[key] for key in expected} == expected
    assert get_recipe("tutorial").emotions == ("calm", "happy", "fearful", "disgust")


def test_the_mlp_recipe_adds_the_scaler() -> None:
    steps = [type(step).__name__ for _, step in make_estimator("mlp").steps]
    assert steps == ["StandardScaler", "MLPClassifier"]


def test_a_seed_reaches_every_step_and_not_the_original() -> None:
    original = make_estimator("mlp", 1)
    assert clone_with_seed(original, 42)[-1].random_state == 42
    assert original[-1].random_state == 1


def test_an_unknown_emotion_names_the_known_ones() -> None:
    with pytest.raises(TrainingError, match="no recording of 'sad'; there are: happy"):
        select_emotions(members(["A", "B"]), ["happy", "sad"])


# Across corpora.


def _in(corpus: str, emotions: str) -> list[Utterance]:
    words = {"h": "happy", "s": "sad", "c": "calm", "a": "angry"}
    return [Utterance(Path(f"{i}.wav"), corpus, words[e], "1") for i, e in enumerate(emotions)]


def test_cross_trains_on_the_first_corpus_and_tests_the_others_on_common_emotions() -> None:
    utterances = [*_in("ravdess", "hsca"), *_in("emodb", "shah"), *_in("savee", "hs")]
    first, second = PROTOCOLS["cross"].split(utterances, 0)
    assert (first.train.tolist(), first.test.tolist()) == ([0, 1, 3], [4, 5, 6, 7])
    assert (second.train.tolist(), second.test.tolist()) == ([0, 1], [8, 9])


@pytest.mark.parametrize(
    ("utterances", "message"),
    [
        (_in("ravdess", "hs"), "Name two or more"),
        ([*_in("ravdess", "hs"), *_in("emodb", "ca")], "share 0 emotions"),
    ],
)
def test_cross_needs_two_corpora_with_common_emotions(
    utterances: list[Utterance], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        PROTOCOLS["cross"].split(utterances, 0)
