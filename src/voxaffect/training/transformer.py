"""Features as a scikit-learn transformer, so that its model selection works on recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError, extra
from voxaffect.extraction import extract, open_cache
from voxaffect.features import get_feature_names, get_feature_spec
from voxaffect.records.arguments import check_list, check_path

with extra("train"):
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted


class FeatureExtractor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn paths into a feature matrix, as the first step of a scikit-learn pipeline.

    Parameters
    ----------
    features : str
        A feature set, such as ``classic``.
    groups : tuple of str, optional
        Some of its groups.
    rate_hz : int, optional
        Resample to this rate first.
    workers : int, optional
        As for ``extract``.
    cached : bool
        Use the feature cache.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(va.FeatureExtractor("classic"), va.make_estimator("mlp"))
    >>> pipeline[0].fit_transform(["call.wav"]).shape
    (1, 180)
    """

    def __init__(
        self,
        features: str = "classic",
        *,
        groups: tuple[str, ...] | None = None,
        rate_hz: int | None = None,
        workers: int | None = None,
        cached: bool = True,
    ) -> None:
        self.features = features
        self.groups = groups
        self.rate_hz = rate_hz
        self.workers = workers
        self.cached = cached

    def fit(self, paths: Sequence[str | Path], y: Any = None) -> FeatureExtractor:  # noqa: ARG002
        """Check the parameters; nothing is learnt from data."""
        self.spec_ = get_feature_spec(self.features, groups=self.groups, rate_hz=self.rate_hz)
        return self

    def transform(self, paths: Sequence[str | Path]) -> NDArray[np.float32]:
        """Feature matrix of recordings.

        Parameters
        ----------
        paths : sequence of str or Path, length n

        Returns
        -------
        ndarray, shape (n, d), float32

        Raises
        ------
        AudioError
            If any recording cannot be used; every one is named.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "spec_")
        wanted = [
            check_path(path, "paths") for path in check_list(paths, "paths", "paths of recordings")
        ]
        with open_cache(is_wanted=self.cached) as cache:
            result = extract(wanted, self.spec_, workers=self.workers, cache=cache)
        if result.failures:
            reasons = "; ".join(failure.reason for failure in result.failures)
            raise AudioError(f"{len(result.failures)} of {len(wanted)} unusable: {reasons}")
        return result.matrix

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the columns."""
        check_is_fitted(self, "spec_")
        return np.array(get_feature_names(self.spec_), dtype=object)
