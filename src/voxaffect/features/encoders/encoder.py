"""A pretrained encoder of speech as one ONNX graph: sound in, one vector out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import FeatureError
from voxaffect.features.dsp import Array
from voxaffect.features.encoders.logmel import MAX_FRAMES, RATE_HZ, compute_whisper_logmel
from voxaffect.features.front_end import find_speech
from voxaffect.runtime.forks import no_fork
from voxaffect.runtime.onnx import open_session, run_part

LOGMEL_INPUT: Final = "log_mel"
WAVEFORM_INPUT: Final = "waveform"
VECTOR_OUTPUT: Final = "vector"
FEATURES_INPUT: Final = "features"
_GOLDEN_FRAMES, _GOLDEN_SAMPLES = 60, 9_600
_SHORTEST_SAMPLES = 8_000


class Encoder:
    """Encoder that turns an utterance into the mean and deviation of its hidden states.

    The graph maps ``log_mel`` (1, bands, frames) or ``waveform`` (1, samples) to ``vector``
    (1, d): of each layer, the mean over time of its hidden states, then their standard deviation.
    A model file holds the graph of its encoder next to that of its classifier. An encoder can be
    pickled; each process opens it once.

    Parameters
    ----------
    content : bytes
        ONNX file.
    layers : tuple of str
        Names of the layers in the vector, in order.
    info : mapping of str to str, optional
        Name, source, license and citation, for the cards of models.
    weights : str, optional
        SHA-256 that the feature spec states; that of the content by default.
    session : onnxruntime.InferenceSession, optional
        Session of the content, if one is open already.
    """

    def __init__(
        self,
        content: bytes,
        layers: tuple[str, ...],
        *,
        info: Mapping[str, str] | None = None,
        weights: str | None = None,
        session: Any = None,
    ) -> None:
        self.content = content
        self.layers = layers
        self.info = dict(info or {})
        self.weights = weights or sha256(content).hexdigest()
        self._session = session or open_session(content)

    def __reduce__(self) -> tuple[Any, ...]:
        # As an array, so that processes share one copy of the bytes.
        content = np.frombuffer(self.content, dtype=np.uint8)
        info = tuple(self.info.items())
        return _open_once, (_Shared(content), self.layers, self.weights, info)

    def __deepcopy__(self, memo: Any) -> Encoder:
        return self

    @cached_property
    def size(self) -> int:
        """Numbers in the vector."""
        (shape,) = (o.shape for o in self._session.get_outputs() if o.name == VECTOR_OUTPUT)
        return int(shape[1])

    @property
    def takes_waveform(self) -> bool:
        """True for a graph that takes sound, false for one that takes a log-mel spectrogram."""
        return WAVEFORM_INPUT in self._inputs

    @cached_property
    def _inputs(self) -> dict[str, list[Any]]:
        return {one.name: list(one.shape) for one in self._session.get_inputs()}

    def encode_samples(self, samples: Array) -> Array:
        """Vector of one utterance.

        Parameters
        ----------
        samples : ndarray, shape (n,), float32
            At 16 kHz, at least 0.25 s. Silence around the speech and the level have no effect.
        """
        if self.takes_waveform:
            speech = _cut_speech(samples)
            start = max(0, (len(speech) - MAX_FRAMES * 160) // 2)
            return self._run(WAVEFORM_INPUT, speech[start : start + MAX_FRAMES * 160])
        bands = self._inputs[LOGMEL_INPUT][1]
        return self.encode_logmel(compute_speech_logmel(samples, bands))

    def encode_logmel(self, logmel: Array) -> Array:
        """Vector of a log-mel spectrogram; of a long one, its middle 30 s.

        Parameters
        ----------
        logmel : ndarray, shape (bands, frames), float32
        """
        return self._run(LOGMEL_INPUT, _cut_middle(logmel))

    def encode_golden(self) -> Array:
        """Vector of a fixed input, by which a model file tests itself."""
        name = WAVEFORM_INPUT if self.takes_waveform else LOGMEL_INPUT
        if name == WAVEFORM_INPUT:
            time = np.arange(_GOLDEN_SAMPLES, dtype=np.float64) / RATE_HZ
            return self._run(name, 0.1 * np.sin(2 * np.pi * (200 + 100 * time) * time))
        bands, frames = np.ogrid[: self._inputs[name][1], :_GOLDEN_FRAMES]
        wave = np.sin(bands / 5 + frames / 7) * np.cos(bands / 11 - frames / 13)
        return self._run(name, 0.6 * wave)

    def _run(self, name: str, values: NDArray[Any]) -> Array:
        inputs = {name: np.ascontiguousarray(values[None], dtype=np.float32)}
        if FEATURES_INPUT in self._inputs:  # of the classifier in the same file, which has no work
            inputs[FEATURES_INPUT] = np.zeros((1, self._inputs[FEATURES_INPUT][1]), np.float32)
        try:
            with no_fork:
                vector: Array = run_part(self._session, VECTOR_OUTPUT, inputs)[0]
        except Exception as error:  # onnxruntime's own errors have no common base
            raise FeatureError(f"the encoder cannot be run ({error}).") from error
        return vector


def compute_speech_logmel(samples: Array, bands: int) -> Array:
    """Log-mel spectrogram of an utterance, as an encoder gets it.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At 16 kHz, at least 0.25 s.
    bands : int

    Returns
    -------
    ndarray, shape (bands, frames), float32
        Of the speech alone; an even number of frames, at most 30 s from the middle.
    """
    return _cut_middle(compute_whisper_logmel(_cut_speech(samples), bands))


def _cut_speech(samples: Array) -> Array:
    """Speech at the standard level, with zeros behind it up to half a second."""
    speech = find_speech(samples).samples
    return np.pad(speech, (0, max(0, _SHORTEST_SAMPLES - len(speech))))


def _cut_middle(logmel: Array) -> Array:
    count = min(logmel.shape[1], MAX_FRAMES) // 2 * 2
    start = (logmel.shape[1] - count) // 2
    return logmel[:, start : start + count]


class _Shared:
    """Bytes as an array, which processes share."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> tuple[Any, ...]:
        return _Shared, (self.content,)

    def __hash__(self) -> int:
        return hash(self.content[-256:].tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shared) and np.array_equal(self.content, other.content)


@lru_cache(maxsize=4)
def _open_once(
    shared: _Shared, layers: tuple[str, ...], weights: str, info: tuple[tuple[str, str], ...]
) -> Encoder:
    return Encoder(shared.content.tobytes(), layers, weights=weights, info=dict(info))
