"""The scaler, the ensemble, their graphs and copies: trained alike, exported alike."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from onnxruntime import InferenceSession
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect.errors import TrainingError
from voxaffect.features import get_feature_spec
from voxaffect.models import ModelCard
from voxaffect.training import RECIPES, Augmentation, augment_dataset, export, fit, load_dataset
from voxaffect.training.dataset import TrainingRows
from voxaffect.training.estimators import ClippedScaler, Ensemble, softmax, temperature
from voxaffect.training.graph import to_graph

RNG = np.random.default_rng(0)


def rows(count: int = 240, seed: int = 0) -> TrainingRows:
    """Three emotions in ten features, of eight speakers; the second half is copies of the first."""
    rng = np.random.default_rng(seed)
    half = count // 2
    emotions = np.array(["angry", "calm", "sad"])[np.arange(half) % 3]
    matrix = rng.standard_normal((half, 10)).astype(np.float32)
    matrix[np.arange(half), np.arange(half) % 3] += 2
    copies = matrix + rng.standard_normal(matrix.shape).astype(np.float32) * 0.3
    speakers = np.array([f"speaker {place // 3 % 8}" for place in range(half)])
    return TrainingRows(
        np.concatenate((matrix, copies)),
        np.tile(emotions, 2),
        np.tile(np.arange(half), 2),
        np.tile(speakers, 2),
    )


def run(estimator: object, matrix: np.ndarray) -> np.ndarray:
    graph = to_graph(estimator, matrix.shape[1]).SerializeToString()
    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"features": row[None]})[0] for row in matrix])


def test_within_the_limit_the_scaler_is_scikit_learns() -> None:
    matrix = RNG.normal(3, 2, (200, 6)).astype(np.float32)
    expected = StandardScaler().fit_transform(matrix)
    found = ClippedScaler(9.0).fit(matrix).transform(matrix)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(st.floats(-1e6, 1e6), st.floats(0.5, 8))
def test_no_feature_leaves_the_limit(value: float, limit: float) -> None:
    scaler = ClippedScaler(limit).fit(np.arange(8, dtype=np.float32)[:, None])
    found = scaler.transform(np.array([[value]], dtype=np.float32))
    assert abs(found[0, 0]) <= np.float32(limit)


def test_a_constant_feature_becomes_0() -> None:
    matrix = np.full((20, 1), 7.3, dtype=np.float32)
    assert ClippedScaler().fit(matrix).transform(matrix).tolist() == [[0.0]] * 20


@pytest.mark.parametrize("wanted", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_scores_is_found(wanted: float) -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 2, (20_000, 4))
    truth = np.array([rng.choice(4, p=p) for p in softmax(scores / wanted)])
    assert temperature(scores, truth) == pytest.approx(wanted, rel=0.06)


def test_a_row_of_double_weight_counts_as_two_in_the_temperature() -> None:
    rng = np.random.default_rng(8)
    scores = 3 * rng.standard_normal((60, 3))
    own = np.where(np.arange(60) < 20, 4.0, 1.0)[:, None]  # temperature of each row
    truth = np.array([rng.choice(3, p=row) for row in softmax(scores / own)])
    twice = [*range(60), *range(20)]
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    expected = temperature(scores[twice], truth[twice])
    assert temperature(scores, truth, weights) == pytest.approx(expected, rel=1e-3)
    assert temperature(scores, truth) < 0.9 * expected


def two_members(weights: list[float] | None = None) -> Ensemble:
    first = make_pipeline(ClippedScaler(), LogisticRegression())
    return Ensemble([(first, 0, 10), (LogisticRegression(), 2, 7)], weights=weights)


@pytest.mark.parametrize("weights", [None, [3.0, 1.0]])
def test_the_graph_of_an_ensemble_says_what_it_says(weights: list[float] | None) -> None:
    data = rows()
    ensemble = fit(two_members(weights), data)
    np.testing.assert_allclose(
        run(ensemble, data.matrix), ensemble.predict_proba(data.matrix), atol=1e-5
    )


def test_an_ensemble_is_the_tempered_mean_of_log_probabilities() -> None:
    data = rows()
    ensemble = fit(two_members([3.0, 1.0]), data)
    (a, _, _), (b, _, _) = ensemble.members_
    mean = 0.75 * a.predict_log_proba(data.matrix) + 0.25 * b.predict_log_proba(data.matrix[:, 2:7])
    expected = softmax(mean / ensemble.temperature_)
    np.testing.assert_allclose(ensemble.predict_proba(data.matrix), expected, atol=1e-6)


class Recorder(LogisticRegression):
    """Notes what it was fitted on."""

    seen: list[np.ndarray] = []

    def fit(self, matrix: np.ndarray, y: np.ndarray) -> Recorder:
        Recorder.seen.append(matrix)
        return super().fit(matrix, y)


def speakers_of(data: TrainingRows, matrix: np.ndarray) -> set[str]:
    heard = {tuple(row) for row in matrix}
    return {s for s, row in zip(data.speakers, data.matrix, strict=True) if tuple(row) in heard}


def test_the_temperature_is_fitted_on_speakers_that_the_members_had_not_heard() -> None:
    data = rows()
    Recorder.seen = []
    fit(Ensemble([(Recorder(), 0, 10)], held_out=0.25), data)
    without, everything = Recorder.seen
    speakers = speakers_of(data, without)
    assert len(speakers) == 6
    assert len(without) == np.isin(data.speakers, list(speakers)).sum()
    assert len(everything) == len(data.matrix)


def test_no_speaker_is_held_out_twice_and_stand_ins_take_the_members_place() -> None:
    data = rows()
    Recorder.seen = []
    plain = LogisticRegression()
    ensemble = Ensemble([(plain, 0, 10)], held_out=0.25, groups=3, stand_ins=[Recorder(C=0.5)])
    fit(ensemble, data)
    assert type(ensemble.members_[0][0]) is LogisticRegression
    held = [set(data.speakers) - speakers_of(data, matrix) for matrix in Recorder.seen]
    assert [len(group) for group in held] == [2, 2, 2]
    assert len(set.union(*held)) == 6


def test_more_groups_than_speakers_are_as_many_as_there_are() -> None:
    Recorder.seen = []
    fit(Ensemble([(Recorder(), 0, 10)], held_out=0.5, groups=9), rows())
    assert len(Recorder.seen) == 2 + 1


def test_the_temperature_of_two_groups_is_fitted_on_both() -> None:
    data = rows(960)
    alone = [
        fit(Ensemble([(LogisticRegression(), 0, 10)], held_out=0.5, groups=k), data) for k in (1, 2)
    ]
    names = np.unique(data.speakers)
    halves = np.random.default_rng(0).permutation(names).reshape(2, -1)
    scores, truth = [], []
    for half in halves:
        is_held = np.isin(data.speakers, half)
        member = LogisticRegression(random_state=0).fit(
            data.matrix[~is_held], data.emotions[~is_held]
        )
        test = is_held & (np.arange(len(is_held)) < len(is_held) // 2)
        scores.append(member.predict_log_proba(data.matrix[test]))
        truth.append(np.searchsorted(member.classes_, data.emotions[test]))
    assert alone[0].temperature_ == pytest.approx(temperature(scores[0], truth[0]), rel=1e-3)
    both = temperature(np.concatenate(scores), np.concatenate(truth))
    assert alone[1].temperature_ == pytest.approx(both, rel=1e-3)


def test_a_member_made_timid_by_its_penalty_is_sharpened() -> None:
    ensemble = fit(Ensemble([(LogisticRegression(C=1e-4), 0, 10)]), rows(1_200))
    assert ensemble.temperature_ < 1


def test_one_emotion_alone_is_refused() -> None:
    data = rows()
    only = data.emotions == "sad"
    with pytest.raises(TrainingError, match="at least two emotions"):
        fit(
            two_members(),
            TrainingRows(
                data.matrix[only], data.emotions[only], data.origins[only], data.speakers[only]
            ),
        )


POLICY = Augmentation(speeds=(0.9,), mixed_copies=1)


def test_rows_hold_copies_of_their_own_utterances_and_of_no_other(small_ravdess: Path) -> None:
    data = load_dataset({"ravdess": small_ravdess}, get_feature_spec("classic"))
    data = augment_dataset(data, POLICY, seed=0)
    places = np.arange(0, len(data.utterances), 3)
    found = data.rows(places)
    assert len(found.matrix) == 3 * len(places)
    assert set(found.origins) == set(places)
    np.testing.assert_array_equal(found.matrix[: len(places)], data.matrix[places])
    for origin, emotion, speaker in zip(found.origins, found.emotions, found.speakers, strict=True):
        assert emotion == data.utterances[origin].emotion
        assert speaker == f"ravdess/{data.utterances[origin].speaker}"


@pytest.mark.slow
def test_copies_without_talkers_follow_the_seed_and_no_other_utterance(
    small_ravdess: Path,
) -> None:
    spec, policy = get_feature_spec("classic"), replace(POLICY, babble_probability=0)
    data = load_dataset({"ravdess": small_ravdess}, spec)
    few = load_dataset({"ravdess": small_ravdess}, spec, emotions=["happy"])
    matrices = [
        augment_dataset(d, policy, seed=s).copies for d, s in ((data, 0), (few, 0), (data, 1))
    ]
    assert all(matrices)
    whole, part, other = (found.matrix for found in matrices if found)
    is_happy = np.array(data.emotions) == "happy"
    np.testing.assert_array_equal(whole[np.tile(is_happy, 2)], part)
    assert not np.array_equal(whole, other)


@pytest.mark.slow
def test_copies_do_not_follow_the_order_of_utterances(small_ravdess: Path) -> None:
    policy = replace(POLICY, noise_probability=1, babble_probability=1)
    data = load_dataset({"ravdess": small_ravdess}, get_feature_spec("classic"))
    reverse = replace(data, utterances=data.utterances[::-1], matrix=data.matrix[::-1])
    found, turned = (
        augment_dataset(d, policy, seed=0, cached=False).copies for d in (data, reverse)
    )
    assert found
    assert turned
    count = len(data.utterances)
    backwards = np.concatenate((np.arange(count)[::-1], count + np.arange(count)[::-1]))
    np.testing.assert_array_equal(found.matrix, turned.matrix[backwards])


@pytest.mark.parametrize("name", ["logistic", "ensemble"])
def test_a_recipe_of_affect_features_exports_what_it_learnt(name: str) -> None:
    recipe = RECIPES[name]
    length = 5_130
    matrix = RNG.standard_normal((48, length)).astype(np.float32)
    emotions = np.array(["calm", "happy", "sad"])[np.arange(48) % 3]
    matrix[np.arange(48), np.arange(48) % 3] += 4
    speakers = np.array([f"{place // 12}" for place in range(48)])
    fitted = fit(recipe.build(0), TrainingRows(matrix, emotions, np.arange(48), speakers))
    np.testing.assert_allclose(run(fitted, matrix), fitted.predict_proba(matrix), atol=1e-4)


class Interrupted(LogisticRegression):
    """Behaves as scikit-learn's MLP does when somebody presses Ctrl-C."""

    def fit(self, matrix: np.ndarray, y: np.ndarray) -> Interrupted:
        warnings.warn("Training interrupted by user.", stacklevel=1)
        return super().fit(matrix, y)


def test_an_interrupted_training_gives_no_half_trained_model() -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(Interrupted(), rows())


def test_a_part_of_a_dataset_keeps_its_own_copies(small_ravdess: Path) -> None:
    data = augment_dataset(
        load_dataset({"ravdess": small_ravdess}, get_feature_spec("classic")), POLICY, seed=0
    )
    part = data.select(data.utterances[3:9])
    assert part.utterances == data.utterances[3:9]
    whole, own = data.rows(np.arange(3, 9)), part.rows()
    np.testing.assert_array_equal(whole.matrix, own.matrix)
    assert (whole.origins - 3).tolist() == own.origins.tolist()


def test_the_card_states_how_the_copies_were_made(small_ravdess: Path) -> None:
    policy = replace(POLICY, babble_probability=0.25)
    data = augment_dataset(
        load_dataset({"ravdess": small_ravdess}, get_feature_spec("classic")), policy, seed=0
    )
    fitted = fit(make_pipeline(StandardScaler(), LogisticRegression()), data.rows())
    card = export(fitted, data, recipe="logistic", seed=0, scores={}).card
    stated = {
        key: tuple(one) if isinstance(one, list) else one for key, one in card.augmentation.items()
    }
    assert Augmentation(**stated) == policy
    assert ModelCard.from_json(card.to_json(), "card") == card
    part = data.select(data.utterances[3:9])
    assert part.augmentation == policy
