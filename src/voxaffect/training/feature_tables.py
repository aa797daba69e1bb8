"""Matrix and spec of a dataset of features, for training without the recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora.own_features import list_feature_files
from voxaffect.errors import FeatureError, TrainingError, extra
from voxaffect.features import FeatureSpec, check_spec, get_feature_names
from voxaffect.files import escape_control, read_bounded
from voxaffect.training.matrices import iter_chunks, make_matrix

KIND = "features"
_RUN = "_run.json"
_MOST_BYTES = 1 << 24


def read_spec(root: Path) -> FeatureSpec:
    """Spec that the features of a dataset were computed by.

    Parameters
    ----------
    root : Path

    Raises
    ------
    TrainingError
        If it is no dataset of features, or each recording was analyzed at its own rate.
    FeatureError
        If this version cannot compute these features.
    """
    path = root / _RUN
    name = escape_control(str(path))
    content = read_bounded(
        path, limit=_MOST_BYTES, what="the description of a dataset", error=TrainingError
    )
    try:
        spec = FeatureSpec.from_json(json.loads(content)["features"])
    except (ValueError, KeyError, TypeError, RecursionError, FeatureError) as error:
        raise TrainingError(
            f"{name}: describes no dataset of features. Write one with voxaffect features TABLE "
            "--dataset -o FOLDER."
        ) from error
    check_spec(spec)
    if spec.rate_hz is None:
        raise TrainingError(
            f"{name}: each recording was analyzed at its own sampling rate. A model needs one "
            "rate: write the dataset with voxaffect features --rate 16000."
        )
    return spec


def read_matrix(root: Path, spec: FeatureSpec) -> NDArray[np.float32]:
    """Features of a dataset, shape (n, d), float32, in the order of its rows.

    A matrix that is too large for the memory is one in a file.

    Parameters
    ----------
    root : Path
    spec : FeatureSpec
        As `read_spec` gives it.

    Raises
    ------
    TrainingError
        If a file lacks a feature, or a number is missing or infinite.
    """
    with extra("parquet"):
        from pyarrow import parquet

    names = list(get_feature_names(spec))
    paths = list_feature_files(root)
    counts = [parquet.read_metadata(path).num_rows for path in paths]
    matrix = make_matrix(sum(counts), len(names))
    start = 0
    for path, count in zip(paths, counts, strict=True):
        missing = set(names) - set(parquet.read_schema(path).names)
        if missing:
            raise TrainingError(
                f"{escape_control(str(path))}: lacks the feature {min(missing)}. Write the dataset "
                "again."
            )
        table = parquet.read_table(path, columns=names, memory_map=True, partitioning=None)
        for index, name in enumerate(names):
            matrix[start : start + count, index] = table.column(name).to_numpy()
        start += count
    for part in iter_chunks(matrix):
        is_finite = np.isfinite(matrix[part]).all(axis=1)
        if is_finite.all():
            continue
        row = part.start + int(np.argmin(is_finite)) + 1
        raise TrainingError(
            f"{escape_control(str(root))}: recording {row} has a feature that is missing or "
            "not finite. Write the dataset again."
        )
    return matrix
