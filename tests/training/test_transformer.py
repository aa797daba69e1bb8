"""``FeatureExtractor`` is at home in scikit-learn's pipelines and model selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Trained
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect.errors import AudioError, FeatureError
from voxaffect.extraction import extract
from voxaffect.features import get_feature_names, get_feature_spec
from voxaffect.training.transformer import FeatureExtractor


def pipeline(**options: object) -> Pipeline:
    extractor = FeatureExtractor("classic", workers=1, **options)  # type: ignore[arg-type]
    return make_pipeline(extractor, StandardScaler(), LogisticRegression(C=0.1, max_iter=1_000))


@pytest.fixture
def paths(trained: Trained) -> list[str]:
    return [str(utterance.path) for utterance in trained.data.utterances]


def test_its_matrix_is_extracts(recordings: list[Path]) -> None:
    found = FeatureExtractor("classic").fit_transform(recordings)
    assert np.array_equal(found, extract(recordings, get_feature_spec("classic")).matrix)


@pytest.mark.parametrize("cached", [True, False])
def test_the_cache_and_an_array_of_paths_change_no_bit(
    recordings: list[Path], cached: bool
) -> None:
    extractor = FeatureExtractor("classic", cached=cached)
    found = extractor.fit_transform(np.array([str(path) for path in recordings]))
    assert np.array_equal(found, extract(recordings, get_feature_spec("classic")).matrix)


def test_cross_val_score_works_on_paths(trained: Trained, paths: list[str]) -> None:
    speakers = [utterance.speaker for utterance in trained.data.utterances]
    split = GroupKFold(4)
    found = cross_val_score(pipeline(), paths, trained.data.emotions, groups=speakers, cv=split)
    later = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1_000))
    expected = cross_val_score(
        later, trained.data.matrix, trained.data.emotions, groups=speakers, cv=split
    )
    assert found == pytest.approx(expected)


def test_grid_search_chooses_among_groups(trained: Trained, paths: list[str]) -> None:
    grid = {"featureextractor__groups": [("mfcc",), ("chroma",)]}
    search = GridSearchCV(pipeline(), grid, cv=2).fit(paths, trained.data.emotions)
    assert search.best_params_["featureextractor__groups"] in [("mfcc",), ("chroma",)]
    assert search.predict(paths[:2]).shape == (2,)


def test_it_can_be_cloned_with_its_parameters() -> None:
    original = FeatureExtractor("classic", groups=("mel",), rate_hz=16_000, workers=2)
    assert clone(original).get_params() == original.get_params()


def test_its_columns_are_named() -> None:
    extractor = FeatureExtractor("classic", groups=("chroma",)).fit([])
    expected = get_feature_names(get_feature_spec("classic", groups=("chroma",)))
    assert tuple(extractor.get_feature_names_out()) == expected


def test_every_recording_that_cannot_be_used_is_named(recordings: list[Path]) -> None:
    recordings[1].write_bytes(b"words")
    recordings[3].unlink()
    with pytest.raises(AudioError, match=r"2 of 12 unusable: .*01\.wav: .*; .*03\.wav: "):
        FeatureExtractor("classic").fit_transform(recordings)


def test_unknown_features_are_refused_when_fitting() -> None:
    with pytest.raises(FeatureError, match="no features named 'clasic'"):
        FeatureExtractor("clasic").fit([])
