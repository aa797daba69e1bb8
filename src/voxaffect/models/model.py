"""Model of a file or of the package: loading, self-test, probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from voxaffect import features
from voxaffect.errors import ArgumentError, FeatureError, ModelError, VoxaffectError
from voxaffect.features import FeatureSpec
from voxaffect.features.encoders.encoder import (
    LOGMEL_INPUT,
    VECTOR_OUTPUT,
    WAVEFORM_INPUT,
    Encoder,
)
from voxaffect.files import read_bounded, write_whole
from voxaffect.models.bundled import get_default, is_bundled, list_bundled, read_bundled
from voxaffect.models.card import ModelCard, shortest
from voxaffect.models.hub.address import is_hub_address
from voxaffect.models.integrity import check_checksum
from voxaffect.models.operators import check_operators
from voxaffect.models.protobuf import read_outline
from voxaffect.records.arguments import check_kind, check_list, check_path
from voxaffect.runtime.forks import no_fork
from voxaffect.runtime.onnx import import_onnxruntime, open_session, run_part

METADATA_KEY = "voxaffect"
INPUT_NAME, OUTPUT_NAME, DIMENSIONS_OUTPUT = "features", "probabilities", "dimensions"
MAX_MODEL_BYTES = 512 << 20
"""Size of the largest model file that is read."""
_KIND = "tensor(float)"
_CHECKED_SINCE = 4
_ENCODED_TOLERANCE_SDS = 1.5
_ENCODED_DISTANCE_SDS = 0.15
"""Rounding of the golden input moves whole quantization steps, so it moves a vector by more than
one would expect. Damage as small as one bias vector of zeros moves it further; tests hold both."""
_ARENA_BYTES = 1 << 30
"""Most memory for the numbers of all graphs in a process."""
_GOLDEN_TOLERANCE = 1e-4
_SUM_TOLERANCE = 1e-4
_LEAST_LABELS = 2
_NAMES = " or ".join(list_bundled())


class Model:
    """A trained model, ready to give probabilities.

    Made by ``load``, or by training. The file's bytes are kept, so that ``save`` writes
    exactly what was loaded. It can be shared by threads, pickled and sent to other processes,
    where each model is loaded once. A copy is the model itself: nothing changes it.

    Parameters
    ----------
    content : bytes
        The ONNX file. For a path, use ``load``.
    name : str
        What messages call it.

    Raises
    ------
    ModelError
        If it is not ours, is damaged, was changed after it was written, fails its own golden
        vector, holds operators that training does not write, or asks for features that this
        version cannot make.
    ArgumentError
        If the content is not bytes.
    """

    labels: tuple[str, ...] | None = None
    """Emotions that answers are limited to; None for all."""

    def __init__(self, content: bytes, name: str = "<bytes>") -> None:
        if not isinstance(content, bytes | bytearray | memoryview):
            remedy = f"For a file, use voxaffect.load({str(content)!r})."
            raise ArgumentError(
                f"Model: expected the bytes of a model file, found {type(content).__name__}. "
                + (remedy if isinstance(content, str | PathLike) else "For a file, use load.")
            )
        self.content = bytes(content)
        self.name = name
        if len(self.content) > MAX_MODEL_BYTES:
            raise ModelError(
                f"{name}: too large: expected a model file, at most {MAX_MODEL_BYTES:,} bytes, "
                f"found {len(self.content):,} bytes."
            )
        self.is_checked = check_checksum(self.content, name)
        outline = read_outline(self.content, name)
        if METADATA_KEY not in outline.metadata:
            raise ModelError(
                f"{name}: an ONNX file, but not a voxaffect model: it has no {METADATA_KEY!r} "
                "metadata. Expected a file written by: voxaffect train"
            )
        check_operators(outline.operators, outline.opsets, name)
        self.card = ModelCard.from_json(outline.metadata[METADATA_KEY], name)
        if self.card.format >= _CHECKED_SINCE and not self.is_checked:
            raise ModelError(
                f"{name}: it does not end in its checksum, as model format {self.card.format} "
                "does. The file is damaged or was changed. Copy it again from its source."
            )
        self._session = _open_session(self.content, name)
        self._check_graph()
        self.spec = self._complete_spec()
        self._check_features()
        self._check_golden()

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_once, (self.content, self.name, self.labels)

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: Any) -> Model:
        return self

    def __repr__(self) -> str:
        outputs = f"{len(self.emotions)} emotions" if self.emotions else "dimensions alone"
        return f"<Model {self.name!r}: {self.card.recipe}, {outputs}>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            functions = ("predict", "predict_many", "timeline", "explain", "diagnose")
            remedy = f" Use voxaffect.{name}(…, model=model)." if name in functions else ""
            raise AttributeError(f"Model has no attribute {name!r}.{remedy}")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the whole file in hexadecimal, as ``sha256sum`` shows it."""
        return sha256(self.content).hexdigest()

    def _complete_spec(self) -> FeatureSpec:
        """Feature spec of the card, with the encoder that the file holds."""
        spec = self.card.spec
        if spec.weights is None:
            return spec
        encoder = Encoder(self.content, spec.groups, weights=spec.weights, session=self._session)
        return replace(spec, encoder=encoder)

    def _check_features(self) -> None:
        try:
            names = features.get_feature_names(self.spec)
        except FeatureError as error:
            package = self.card.spec.package
            trained = self.card.libraries.get(package or "")
            message = f"{error}=={trained}" if trained else str(error)  # it ends in the package
            raise ModelError(f"{self.name}: {message}") from error
        if names != self.card.feature_names:
            spec = self.card.spec
            raise ModelError(
                f"{self.name}: its {len(self.card.feature_names)} feature names are not the "
                f"{len(names)} of its spec, {spec.name} version {spec.version}."
            )

    def _check_graph(self) -> None:
        """Refuse a graph that does not take the features that the card names."""
        try:
            ends = [*self._session.get_inputs(), *self._session.get_outputs()]
            kinds = {end.type for end in ends}
            inputs = [(end.name, *end.shape[1:]) for end in self._session.get_inputs()]
            outputs = [end.name for end in self._session.get_outputs()]
        except Exception as error:  # names of other bytes, kinds without a shape
            raise ModelError(f"{self.name}: its graph is damaged ({shortest(error)}).") from error
        names = [OUTPUT_NAME] if self.card.emotions else []
        names += [DIMENSIONS_OUTPUT] if self.card.dimensions else []
        expected = [(INPUT_NAME, len(self.card.feature_names))], names
        if self.card.spec.weights is not None:
            outputs = self._check_encoder_ends(inputs, outputs)
            inputs = inputs[:1]
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

    def _check_encoder_ends(self, inputs: list[Any], outputs: list[str]) -> list[str]:
        """Refuse a graph without the encoder that the card names; return the other outputs."""
        names = [name for name, *_ in inputs[1:]]
        if names not in ([LOGMEL_INPUT], [WAVEFORM_INPUT]) or outputs[-1:] != [VECTOR_OUTPUT]:
            raise ModelError(
                f"{self.name}: its metadata name an encoder, and its graph maps {inputs} to "
                f"{outputs}. The file is damaged."
            )
        return outputs[:-1]

    def _check_golden(self) -> None:
        if self.spec.encoder is not None:
            self._check_encoded(self.spec.encoder)
        with np.errstate(over="ignore"):  # infinite is refused below
            vector = np.array([self.card.golden["vector"]], dtype=np.float32)
        golden = self.card.golden
        outputs = {}
        if self.emotions:
            outputs[OUTPUT_NAME] = self.probabilities, len(self.emotions)
        if self.card.dimensions:
            outputs[DIMENSIONS_OUTPUT] = self.dimensions, len(self.card.dimensions)
        for name, (compute, length) in outputs.items():
            expected = np.array(golden.get(name, []))
            shapes = (1, len(self.card.feature_names)), (length,)
            if (vector.shape, expected.shape) != shapes:
                raise ModelError(f"{self.name}: its golden vector has the wrong length.")
            difference = float(np.abs(compute(vector)[0] - expected).max())
            if not difference <= _GOLDEN_TOLERANCE:
                raise ModelError(
                    f"{self.name}: fails its self-test: the golden vector's {name} differ by "
                    f"{difference:.2g}, {_GOLDEN_TOLERANCE:g} is allowed. The file is damaged."
                )

    def _check_encoded(self, encoder: Encoder) -> None:
        """Refuse an encoder whose vector of the golden input is not that of the card.

        Processors round the products of an encoder differently, so single numbers may differ.
        """
        try:
            vector = encoder.encode_golden()
        except FeatureError as error:
            raise ModelError(f"{self.name}: {error} The file is damaged.") from error
        expected, sd = np.array(self.card.golden.get("encoded", [])), np.array(self.card.sd)
        if expected.shape != vector.shape or sd.shape != vector.shape:
            raise ModelError(f"{self.name}: its encoder gives a vector of the wrong length.")
        difference = np.abs(vector - expected) / np.maximum(sd, 1e-6)
        typical, largest = float(np.sqrt(np.square(difference).mean())), float(difference.max())
        if not (typical <= _ENCODED_DISTANCE_SDS and largest <= _ENCODED_TOLERANCE_SDS):
            raise ModelError(
                f"{self.name}: fails its self-test: its encoder's vector differs by {typical:.2g} "
                f"standard deviations on average and by {largest:.2g} at most; "
                f"{_ENCODED_DISTANCE_SDS:g} and {_ENCODED_TOLERANCE_SDS:g} are allowed. The file "
                f"is damaged."
            )

    @property
    def emotions(self) -> tuple[str, ...]:
        """Emotions in the order of the probabilities; none of a model of dimensions alone."""
        return self.labels or self.card.emotions

    def check_gives_emotions(self, purpose: str) -> None:
        """Refuse a model of dimensions alone for what needs emotions.

        Parameters
        ----------
        purpose : str
            Such as ``a timeline``.

        Raises
        ------
        ModelError
        """
        if not self.emotions:
            raise ModelError(
                f"{self.name}: gives {', '.join(self.dimension_names)} and no emotions, which "
                f"{purpose} needs. Use predict, or another model."
            )

    def restrict(self, labels: Sequence[str] | None) -> Model:
        """Return the model with answers among some of its emotions only.

        The probabilities of the others are left out, and the rest is scaled to a sum of 1. These
        are not calibrated: nobody measured how often they are right. So there is no threshold.
        ``save`` writes the whole model.

        Parameters
        ----------
        labels : sequence of str, optional
            Two of its emotions or more, or words for them, such as anger; the model itself for all
            of them, and for None.

        Raises
        ------
        ArgumentError
            If it does not know an emotion, or fewer than two are named.

        Examples
        --------
        >>> va.load().restrict(["sad", "angry"]).emotions
        ('angry', 'sad')
        """
        if labels is None:
            return self
        self.check_gives_emotions("a choice of labels")
        listed = check_list(labels, "labels", "emotions")
        for name in listed:
            check_kind(name, str, "labels", "names of emotions")
        known = {emotion.casefold(): emotion for emotion in self.emotions}
        names = {_match(name, known) for name in listed}
        if unknown := sorted(names - known.keys()):
            raise ArgumentError(
                f"labels: {self.name} knows no {', '.join(map(repr, unknown))}. Its emotions are: "
                f"{', '.join(self.emotions)}."
            )
        if len(names) < _LEAST_LABELS:
            raise ArgumentError(
                f"labels: expected two emotions or more, found {', '.join(sorted(names)) or 'none'}"
                ": with one, every answer would be that one."
            )
        chosen = tuple(emotion for key, emotion in known.items() if key in names)
        if chosen == self.emotions:
            return self
        limited = object.__new__(Model)
        limited.__dict__.update(self.__dict__)
        limited.labels, limited.card = chosen, replace(self.card, abstention={})
        return limited

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """Dimensions that it gives, such as arousal, in the order of `dimensions`; often none."""
        return tuple(self.card.dimensions)

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
            Without columns if it gives dimensions alone.

        Raises
        ------
        ModelError
            If the shape is wrong, NaN goes in or comes out, or the graph cannot be run.
        """
        if not self.card.emotions:
            return np.empty((len(matrix), 0))
        count = len(self.card.emotions)
        result = self._run_rows(matrix, OUTPUT_NAME, count, noun="emotions")
        sums = result.sum(axis=1)
        if not (np.abs(sums - 1) < _SUM_TOLERANCE).all():
            raise ModelError(f"{self.name}: probabilities do not sum to 1. The file is damaged.")
        if (result < -_SUM_TOLERANCE).any():
            raise ModelError(f"{self.name}: probabilities below 0. The file is damaged.")
        whole = np.asarray(result / sums[:, None])
        return whole if self.labels is None else self._select(whole, self.labels)

    def dimensions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Dimensions such as arousal, from 0 to 1, in the order of `dimension_names`.

        Parameters
        ----------
        matrix : ndarray, shape (n, d), float32, finite

        Returns
        -------
        ndarray, shape (n, dimensions)
            Without columns if it gives none.

        Raises
        ------
        ModelError
            As `probabilities`.
        """
        if not self.card.dimensions:
            return np.empty((len(matrix), 0))
        count = len(self.card.dimensions)
        result = self._run_rows(matrix, DIMENSIONS_OUTPUT, count, noun="dimensions")
        if not ((result >= 0) & (result <= 1)).all():
            raise ModelError(f"{self.name}: dimensions outside of 0 to 1. The file is damaged.")
        return result

    def _run_rows(
        self, matrix: NDArray[np.float32], output: str, count: int, *, noun: str
    ) -> NDArray[np.float64]:
        """Run the graph for each row; shape (n, count)."""
        expected = len(self.card.feature_names)
        check_kind(matrix, np.ndarray, "matrix", "an array of features")
        if matrix.ndim != 2 or matrix.shape[1] != expected:
            raise ModelError(
                f"{self.name}: expects {expected} features a row, found shape {matrix.shape}."
            )
        if not np.isfinite(matrix).all():
            raise ModelError(f"{self.name}: NaN or infinite features.")
        rows = np.asarray(matrix, dtype=np.float32)
        result = np.empty((len(rows), count))
        for index in range(len(rows)):
            answer = self._run(rows[index : index + 1], output)
            if answer.shape != (1, count):
                raise ModelError(
                    f"{self.name}: its graph gives shape {answer.shape} for {count} {noun}. "
                    "The file is damaged."
                )
            result[index] = answer[0]
        return result

    def _select(self, whole: NDArray[np.float64], labels: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of some emotions with a sum of 1; equal ones where all are 0."""
        rows = np.maximum(whole[:, [self.card.emotions.index(one) for one in labels]], 0)
        sums = rows.sum(axis=1, keepdims=True)
        equal = np.full_like(rows, 1 / len(labels))
        return np.asarray(np.divide(rows, sums, out=equal, where=sums > 0))

    @cached_property
    def _idle_inputs(self) -> dict[str, NDArray[np.float32]]:
        """Smallest input of the encoder, which does not run when features are classified."""
        if self.spec.encoder is None:
            return {}
        shapes = {end.name: end.shape for end in self._session.get_inputs()[1:]}
        return {
            name: np.zeros((1, *shape[1:-1], 2 if name == LOGMEL_INPUT else 800), np.float32)
            for name, shape in shapes.items()
        }

    def _run(self, row: NDArray[np.float32], output: str) -> NDArray[np.float32]:
        try:
            with no_fork:
                inputs = {INPUT_NAME: row, **self._idle_inputs}
                answer: NDArray[np.float32] = run_part(self._session, output, inputs)
        except Exception as error:  # onnxruntime's own errors have no common base
            raise ModelError(
                f"{self.name}: its graph cannot be run ({_reason(error)}). The file is damaged."
            ) from error
        return answer

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
            write_whole(check_path(path, "path"), lambda stream: stream.write(self.content))
        except VoxaffectError as error:
            raise ModelError(str(error)) from error


@lru_cache(maxsize=4)
def _load_once(content: bytes, name: str, labels: tuple[str, ...] | None = None) -> Model:
    """Model that came from another process; a pool that sends it with every task loads it once."""
    return Model(content, name).restrict(labels)


def _open_session(content: bytes, name: str) -> Any:
    _limit_memory()
    try:
        return open_session(content, use_env_allocators="1")
    except Exception as error:  # onnxruntime's own errors have no common base
        raise ModelError(
            f"{name}: its graph cannot be loaded ({_reason(error)}). The file is damaged."
        ) from error


def _reason(error: Exception) -> str:
    """Reason that onnxruntime gives, short enough to stand in a message."""
    if "Available memory of" in str(error):
        return f"it asks for more than {_ARENA_BYTES >> 20} MB of memory"
    return shortest(error)


@cache
def _limit_memory() -> None:
    """Limit the memory that all graphs take together."""
    onnxruntime = import_onnxruntime()
    arena = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", arena, 0, onnxruntime.OrtMemType.DEFAULT)
    limit = onnxruntime.OrtArenaCfg({"max_mem": _ARENA_BYTES})
    onnxruntime.create_and_register_allocator(memory, limit)


def load(model: str | PathLike[str] | None = None) -> Model:
    """Load a bundled model by its name, a model of the hub by its, or a file by its path.

    Parameters
    ----------
    model : str or Path, optional
        ``accurate`` or ``fast``, for a bundled model, which is loaded once; the path of a file;
        or ``hf:owner/name@revision``, for a model on the Hugging Face Hub, whose ``name`` then
        states the commit. A file of such a name is ``./fast`` or a ``Path``. By default, the
        bundled model ``accurate``.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is no such file, or as ``Model``. It is a ``HubError`` if the hub gives no file.
    MissingExtraError
        For a model on the hub, if huggingface_hub is not installed.
    ArgumentError
        If it is neither a name nor a path.

    Examples
    --------
    >>> va.load("fast").card.recipe
    'networks'
    """
    if model is None or is_bundled(model):
        return _load_bundled(str(model or get_default()))
    if not isinstance(model, str | PathLike):
        raise ArgumentError(
            f"load: expected the path of a model file, or {_NAMES}; found {type(model).__name__}. "
            "For the bytes of a file, use voxaffect.Model."
        )
    if isinstance(model, str) and is_hub_address(model):
        from voxaffect.models.hub.download import fetch_model

        return Model(*fetch_model(model))
    what = (
        f"a file written by voxaffect train, or the name of a bundled model, {_NAMES}, or "
        "hf:owner/name"
    )
    content = read_bounded(model, limit=MAX_MODEL_BYTES, what=what, error=ModelError)
    return Model(content, str(model))


def get_model(
    model: Model | str | PathLike[str] | None, labels: Sequence[str] | None = None
) -> Model:
    """Model that a caller gave, or names; by default, that of ``load``.

    Parameters
    ----------
    model : Model, str or Path, optional
    labels : sequence of str, optional
        As for `Model.restrict`.

    Raises
    ------
    ModelError
        As ``load``.
    ArgumentError
        If it is something else, or the labels are not emotions of the model.
    """
    if isinstance(model, Model):
        return model.restrict(labels)
    if model is not None and not isinstance(model, str | PathLike):
        raise ArgumentError(
            f"model: expected a Model, the path of a model file, or {_NAMES}; found "
            f"{type(model).__name__}. For the bytes of a file, use voxaffect.Model."
        )
    return load(model).restrict(labels)


@cache
def _load_bundled(name: str) -> Model:
    """Return a model that comes with voxaffect, loaded once."""
    return Model(read_bundled(name), name)


def _match(name: str, known: Mapping[str, str]) -> str:
    """Emotion that a word names, as the keys are written; the word itself if it names none."""
    from voxaffect.corpora.vocabulary import find_emotion

    word = name.strip().casefold()
    return word if word in known else (find_emotion(word) or word).casefold()
