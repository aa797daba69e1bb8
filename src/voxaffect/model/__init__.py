"""The model file: one ONNX graph, from feature vector to probabilities, that describes itself.

The graph holds scaler, classifier and calibration. Its metadata hold a ``ModelCard``: the
feature spec with version and ordered names, the emotions, what it was trained on and how it
scored, and a golden vector with its probabilities that is checked on every load. No pickle.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect import features
from voxaffect.errors import FeatureError, ModelError, VoxaffectError
from voxaffect.files import write_whole
from voxaffect.model.card import FORMAT_VERSION, ModelCard, distances, shortest
from voxaffect.runtime import import_onnxruntime

__all__ = [
    "FORMAT_VERSION",
    "INPUT_NAME",
    "METADATA_KEY",
    "OUTPUT_NAME",
    "Model",
    "ModelCard",
    "bundled",
    "distances",
    "load",
]

METADATA_KEY = "voxaffect"
INPUT_NAME, OUTPUT_NAME = "features", "probabilities"
_KIND = "tensor(float)"
_GOLDEN_TOLERANCE = 1e-4
_SUM_TOLERANCE = 1e-4


class Model:
    """A trained model, ready to give probabilities.

    Made by ``load``, or by training. The file's bytes are kept, so that ``save`` writes
    exactly what was loaded.

    Parameters
    ----------
    content : bytes
        The ONNX file.
    name : str
        What messages call it.

    Raises
    ------
    ModelError
        If it is not ours, is damaged, fails its own golden vector, or asks for features
        that this version cannot make.
    """

    def __init__(self, content: bytes, name: str = "<bytes>") -> None:
        self.content = content
        self.name = name
        self._session = _session(content, name)
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
        except UnicodeError as error:
            raise ModelError(f"{name}: its metadata are damaged ({shortest(error)}).") from error
        if METADATA_KEY not in metadata:
            raise ModelError(
                f"{name}: an ONNX file, but not a voxaffect model: it has no {METADATA_KEY!r} "
                "metadata. Expected a file written by: voxaffect train"
            )
        self.card = ModelCard.from_json(metadata[METADATA_KEY], name)
        self._check_features()
        self._check_graph()
        self._check_golden()

    def _check_features(self) -> None:
        try:
            names = features.names(self.card.spec)
        except FeatureError as error:
            raise ModelError(f"{self.name}: {error}") from error
        if names != self.card.feature_names:
            raise ModelError(f"{self.name}: its feature names are not those of its spec.")

    def _check_graph(self) -> None:
        """Refuse a graph that does not take the features that the card names."""
        try:
            ends = [*self._session.get_inputs(), *self._session.get_outputs()]
            kinds = {end.type for end in ends}
            inputs = [(end.name, *end.shape[1:]) for end in self._session.get_inputs()]
            outputs = [end.name for end in self._session.get_outputs()]
        except Exception as error:  # names of other bytes, kinds without a shape
            raise ModelError(f"{self.name}: its graph is damaged ({shortest(error)}).") from error
        expected = [(INPUT_NAME, len(self.card.feature_names))], [OUTPUT_NAME]
        if (inputs, outputs) != expected:
            raise ModelError(
                f"{self.name}: its graph maps {inputs} to {outputs}, and its metadata say "
                f"{expected[0]} to {expected[1]}. The file is damaged."
            )
        if kinds != {_KIND}:
            raise ModelError(
                f"{self.name}: its graph takes and gives {', '.join(sorted(kinds))}, expected "
                f"{_KIND} only. The file is damaged."
            )

    def _check_golden(self) -> None:
        with np.errstate(over="ignore"):  # infinite is refused below
            vector = np.array([self.card.golden["vector"]], dtype=np.float32)
        expected = np.array(self.card.golden["probabilities"])
        shapes = (1, len(self.card.feature_names)), (len(self.emotions),)
        if (vector.shape, expected.shape) != shapes:
            raise ModelError(f"{self.name}: its golden vector has the wrong length.")
        error_found = float(np.abs(self.probabilities(vector)[0] - expected).max())
        if not error_found <= _GOLDEN_TOLERANCE:
            raise ModelError(
                f"{self.name}: fails its self-test: the golden vector's probabilities differ by "
                f"{error_found:.2g}, {_GOLDEN_TOLERANCE:g} is allowed. The file is damaged."
            )

    @property
    def emotions(self) -> tuple[str, ...]:
        """Emotions in the order of the probabilities."""
        return self.card.emotions

    def probabilities(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of every emotion.

        Rows are computed one by one, so that a recording gets the same bits alone and in
        a batch.

        Parameters
        ----------
        matrix : ndarray, shape (n, d), float32, finite

        Returns
        -------
        ndarray, shape (n, emotions); rows sum to 1

        Raises
        ------
        ModelError
            If the shape is wrong, NaN goes in or comes out, or the graph cannot be run.
        """
        expected = len(self.card.feature_names)
        if matrix.ndim != 2 or matrix.shape[1] != expected:
            raise ModelError(
                f"{self.name}: expects {expected} features a row, found shape {matrix.shape}."
            )
        if not np.isfinite(matrix).all():
            raise ModelError(f"{self.name}: NaN or infinite features.")
        rows = np.asarray(matrix, dtype=np.float32)
        result = np.empty((len(rows), len(self.emotions)))
        for place in range(len(rows)):
            found = self._run(rows[place : place + 1])
            if found.shape != (1, len(self.emotions)):
                raise ModelError(
                    f"{self.name}: its graph gives shape {found.shape} for "
                    f"{len(self.emotions)} emotions. The file is damaged."
                )
            result[place] = found[0]
        sums = result.sum(axis=1)
        if not (np.abs(sums - 1) < _SUM_TOLERANCE).all():
            raise ModelError(f"{self.name}: probabilities do not sum to 1. The file is damaged.")
        if (result < -_SUM_TOLERANCE).any():
            raise ModelError(f"{self.name}: probabilities below 0. The file is damaged.")
        return np.asarray(result / sums[:, None])

    def _run(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            found: NDArray[np.float32] = self._session.run([OUTPUT_NAME], {INPUT_NAME: row})[0]
        except Exception as error:  # onnxruntime's own errors have no common base
            raise ModelError(
                f"{self.name}: its graph cannot be run ({shortest(error)}). The file is damaged."
            ) from error
        return found

    def save(self, path: str | Path) -> None:
        """Write the model file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            Ends in ``.onnx``.

        Raises
        ------
        ModelError
            If it cannot be written there.
        """
        try:
            write_whole(Path(path), lambda stream: stream.write(self.content))
        except VoxaffectError as error:
            raise ModelError(str(error)) from error


def _session(content: bytes, name: str) -> Any:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the graphs are tiny
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common base
        raise ModelError(
            f"{name}: not readable as ONNX, cut short or another kind of file ({shortest(error)})."
        ) from error


def load(path: str | Path | None = None) -> Model:
    """Load a model file; the bundled model if no path is given.

    Parameters
    ----------
    path : str or Path, optional

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is no such file, or as ``Model``.
    """
    if path is None:
        return bundled()
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}). Name a file written by voxaffect train, "
            "or none for the bundled model."
        ) from error
    return Model(content, str(path))


@cache
def bundled() -> Model:
    """Return the model that comes with voxaffect, loaded once."""
    return Model((files("voxaffect") / "data" / "model.onnx").read_bytes(), "bundled model")
