"""A fitted estimator becomes a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError, TrainingError
from voxaffect.features import get_feature_names
from voxaffect.files import escape_control
from voxaffect.models import METADATA_KEY, Model, ModelCard, add_checksum, distances
from voxaffect.models.card import MAX_TEXT_LENGTH
from voxaffect.models.operators import check_operators
from voxaffect.models.protobuf import read_outline
from voxaffect.training.augmentation.policy import Augmentation
from voxaffect.training.dataset import Dataset
from voxaffect.training.packages import list_packages

if TYPE_CHECKING:
    from voxaffect.training.dimensions import DimensionRegressor

_TOLERANCE = 1e-4
_PERCENTILES = (5, 50, 95, 99)
_LIBRARIES = ("voxaffect", "numpy", "scipy", "scikit-learn", "skl2onnx", "onnx", "onnxruntime")


def export(
    estimator: Any,
    data: Dataset,
    *,
    recipe: str = "",
    seed: int = 0,
    scores: Mapping[str, Mapping[str, Any]] | None = None,
    abstention: Mapping[str, float] | None = None,
    regressor: DimensionRegressor | None = None,
    dimension_scores: Mapping[str, Mapping[str, float | None]] | None = None,
) -> Model:
    """Convert a fitted estimator to a model file and check that its probabilities are equal.

    Parameters
    ----------
    estimator : scikit-learn classifier or pipeline, optional
        Fitted, with ``classes_`` and ``predict_proba``. None for a model of dimensions alone.
    data : Dataset
        What it was trained on: all utterances are compared, and the one nearest to the mean
        becomes the golden vector.
    recipe : str
        Name that the card states; by default the kind of the estimator.
    seed : int
    scores, abstention : mapping, optional
        As in ``ModelCard``.
    regressor : DimensionRegressor, optional
        Of dimensions, fitted to the same data.
    dimension_scores : mapping of str to mapping, optional
        By dimension: ``ccc`` and ``absolute_error`` on new speakers.

    Returns
    -------
    Model

    Raises
    ------
    TrainingError
        If the graph's probabilities differ from the estimator's by more than 1e-4, or its
        dimensions from the regressor's; or it holds an operator that voxaffect does not run; or
        there is neither an estimator nor a regressor.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> model = va.export(va.fit(va.make_estimator("logistic"), data.rows()), data)
    >>> model.save("model.onnx")
    >>> va.load("model.onnx").emotions
    ('happy', 'sad')
    """
    if data.spec is None:
        raise TrainingError(
            "the features of this dataset were not computed by voxaffect (its spec is None), and a "
            "model file must be able to compute them from a recording. Use load_dataset, or keep "
            "the estimator by the means of scikit-learn."
        )
    from voxaffect.training.finetuned import FinetunedClassifier
    from voxaffect.training.graph import add_dimensions, add_encoder, make_input_graph, to_graph

    if estimator is None and regressor is None:
        raise TrainingError("estimator: expected a fitted classifier, found None.")

    if isinstance(estimator, FinetunedClassifier):
        estimator, data = estimator.unpack(data)
    assert data.spec is not None
    length = data.matrix.shape[1]
    graph = make_input_graph(length) if estimator is None else to_graph(estimator, length)
    if regressor is not None:
        graph = add_dimensions(graph, regressor)
    if data.spec.encoder is not None:
        graph = add_encoder(graph, data.spec.encoder.content)
    _check_graph(graph.SerializeToString(), type(estimator).__name__)
    expected = None if estimator is None else estimator.predict_proba(data.matrix)
    dimensions = None if regressor is None else regressor.predict(data.matrix)
    card = _make_card(
        data,
        recipe=recipe or type(estimator).__name__,
        seed=seed,
        scores=scores or {},
        abstention=abstention or {},
        emotions=() if estimator is None else tuple(map(str, estimator.classes_)),
        golden=_make_golden(data, expected, dimensions),
        dimensions={}
        if regressor is None
        else _describe_dimensions(data, regressor.names, dimension_scores or {}),
    )
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, card.to_json()
    model = Model(add_checksum(graph.SerializeToString()), "the trained model")
    if expected is not None:
        _check_equal(model.probabilities(data.matrix), expected)
    if dimensions is not None:
        _check_equal(model.dimensions(data.matrix), dimensions)
    return model


def _check_equal(values: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    """Refuse a graph whose output is not that of the estimator."""
    difference = float(np.abs(values - expected).max())
    if not difference <= _TOLERANCE:
        raise TrainingError(
            f"the exported graph differs from the estimator by {difference:.2g}, "
            f"{_TOLERANCE:g} is allowed. Scale the features first, or report it."
        )


def _describe_dimensions(
    data: Dataset, names: Sequence[str], scores: Mapping[str, Mapping[str, float | None]]
) -> dict[str, dict[str, Any]]:
    """Entry of each dimension in the card: its scale, its training data and its scores."""
    result = {}
    for name in names:
        rated = [one for one in data.utterances if name in (one.dimensions or {})]
        speakers = {(one.corpus, one.speaker) for one in rated if one.speaker is not None}
        result[name] = {
            "low": 0.0,
            "high": 1.0,
            "utterances": len(rated),
            "speakers": len(speakers),
            "corpora": sorted({_clean_text(one.corpus) for one in rated}),
            **scores.get(name, {}),
        }
    return result


def _check_graph(content: bytes, name: str) -> None:
    """Refuse a graph that no model file may hold.

    Raises
    ------
    TrainingError
        If it holds an operator that voxaffect does not run.
    """
    try:
        outline = read_outline(content, name)
        check_operators(outline.operators, outline.opsets, name)
    except ModelError as error:
        raise TrainingError(str(error)) from error


def _make_golden(
    data: Dataset, expected: NDArray[np.float64] | None, dimensions: NDArray[np.float64] | None
) -> dict[str, list[float]]:
    """Vector of the utterance nearest to the mean, and what the graph gives for it."""
    matrix = data.matrix
    encoder = data.spec.encoder if data.spec else None
    central = int(np.square(matrix - matrix.mean(axis=0)).sum(axis=1).argmin())
    return {
        "vector": matrix[central].astype(float).tolist(),
        "probabilities": [] if expected is None else expected[central].tolist(),
        "encoded": [] if encoder is None else encoder.encode_golden().astype(float).tolist(),
        "dimensions": [] if dimensions is None else dimensions[central].tolist(),
    }


def _make_card(data: Dataset, **fields: Any) -> ModelCard:
    """Card of the given fields and those that follow from the data and the libraries."""
    assert data.spec is not None
    encoder = data.spec.encoder
    return ModelCard(
        spec=replace(data.spec, encoder=None),
        encoder=dict(encoder.info) if encoder else {},
        feature_names=get_feature_names(data.spec),
        corpora={
            _clean_text(name): _describe_corpus(corpus) for name, corpus in data.summary().items()
        },
        augmentation=_encode_policy(data.augmentation),
        **describe_training_data(data),
        conditions={},
        libraries={library: version(library) for library in _LIBRARIES}
        | list_packages(data, [fields["recipe"]]),
        created=datetime.now(UTC).date().isoformat(),
        **fields,
    )


def _clean_text(name: str) -> str:
    """Name of a folder or table, as a card holds it: a line without control characters."""
    return escape_control(name)[:MAX_TEXT_LENGTH]


def _describe_corpus(corpus: Mapping[str, Any]) -> dict[str, Any]:
    """Entry of a corpus in the card."""
    return {
        key: _clean_text(value) if isinstance(value, str) else value
        for key, value in corpus.items()
    }


def _encode_policy(policy: Augmentation | None) -> dict[str, Any]:
    """Fields of a policy as plain data."""
    fields = asdict(policy) if policy else {}
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()
    }


def describe_training_data(data: Dataset) -> dict[str, Any]:
    """Mean, spread and distances of the training data, with which a recording is compared.

    Parameters
    ----------
    data : Dataset
        With the copies that were trained on.

    Returns
    -------
    dict
        ``mean``, ``sd`` and ``distances`` as in ``ModelCard``.
    """
    assert data.spec is not None
    mean, sd = (
        np.array([float(f"{value:.6g}") for value in row])
        for row in (
            data.matrix.mean(axis=0, dtype=np.float64),
            data.matrix.std(axis=0, dtype=np.float64),
        )
    )
    matrices = [data.matrix] if data.copies is None else [data.matrix, data.copies.matrix]
    spread = np.concatenate(
        [
            distances(matrix, mean=mean, sd=sd, names=get_feature_names(data.spec))
            for matrix in matrices
        ]
    )
    return {
        "mean": tuple(mean.tolist()),
        "sd": tuple(sd.tolist()),
        "distances": {str(p): round(float(np.percentile(spread, p)), 4) for p in _PERCENTILES},
    }
