"""A fitted pipeline becomes a model file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import TrainingError, extra
from voxaffect.features import FeatureSpec, names
from voxaffect.model import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, Model, ModelCard

_TOLERANCE = 1e-4
_LIBRARIES = ("voxaffect", "numpy", "scipy", "scikit-learn", "skl2onnx", "onnx", "onnxruntime")


def export(
    pipeline: Any,
    matrix: NDArray[np.float32],
    *,
    spec: FeatureSpec,
    recipe: str,
    seed: int,
    corpora: Mapping[str, Mapping[str, Any]],
    scores: Mapping[str, Mapping[str, Any]],
) -> Model:
    """Convert a fitted pipeline to a model file and check that it says the same.

    Parameters
    ----------
    pipeline : scikit-learn pipeline
        Fitted, with ``classes_`` and ``predict_proba``.
    matrix : ndarray, shape (n, d), float32
        Training features: all are compared, the one nearest to the mean becomes the golden vector.
    spec : FeatureSpec
    recipe : str
    seed : int
    corpora, scores : mapping
        As in ``ModelCard``.

    Returns
    -------
    Model

    Raises
    ------
    TrainingError
        If the graph's probabilities differ from the pipeline's by more than 1e-4.
    """
    graph = to_graph(pipeline, matrix.shape[1])
    central = int(np.square(matrix - matrix.mean(axis=0)).sum(axis=1).argmin())
    expected = pipeline.predict_proba(matrix.astype(np.float64))
    card = ModelCard(
        spec=spec,
        feature_names=names(spec),
        emotions=tuple(map(str, pipeline.classes_)),
        recipe=recipe,
        seed=seed,
        corpora=corpora,
        scores=scores,
        golden={
            "vector": matrix[central].astype(float).tolist(),
            "probabilities": expected[central].tolist(),
        },
        libraries={library: version(library) for library in _LIBRARIES},
        created=datetime.now(UTC).date().isoformat(),
    )
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, card.to_json()
    model = Model(graph.SerializeToString(), "the trained model")
    difference = float(np.abs(model.probabilities(matrix) - expected).max())
    if not difference <= _TOLERANCE:
        raise TrainingError(
            f"the exported graph differs from the pipeline by {difference:.2g}, "
            f"{_TOLERANCE:g} is allowed. Scale the features first, or report it."
        )
    return model


def to_graph(pipeline: Any, length: int) -> Any:
    """ONNX graph of a fitted pipeline, with one input and the probabilities as one output.

    Parameters
    ----------
    pipeline : scikit-learn pipeline
    length : int
        Features in a vector.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    TrainingError
        If scikit-learn's estimator has no ONNX conversion.
    """
    with extra("train"):
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
        from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
        from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
    try:
        graph = to_onnx(
            pipeline,
            initial_types=[(INPUT_NAME, FloatTensorType([None, length]))],
            options={"zipmap": False},
        )
    except (MissingConverter, MissingShapeCalculator, NotImplementedError) as error:
        raise TrainingError(f"{type(pipeline).__name__}: no ONNX conversion ({error}).") from error
    return select_model_inputs_outputs(graph, OUTPUT_NAME)
