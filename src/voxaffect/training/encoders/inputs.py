"""Inputs of a pretrained encoder that is fine-tuned: its weights, and log-mel spectrograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Recording, check_usable, resample
from voxaffect.console import show_progress
from voxaffect.errors import TrainingError
from voxaffect.extraction import (
    MAX_SECONDS,
    Transform,
    compute_each,
    describe_failure,
    open_executor,
)
from voxaffect.extraction.sources import Item, get_subject, load_item
from voxaffect.features.encoders import RATE_HZ, compute_speech_logmel
from voxaffect.features.spec import FeatureSpec
from voxaffect.runtime.forks import no_fork
from voxaffect.training.encoders.store import find_encoder
from voxaffect.training.encoders.weights import load_weights

LogMel = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class EncoderInputs:
    """Log-mel spectrograms of recordings, by their features, and the encoder they are for.

    Equal features are equal sound. So a row of features leads to its log-mel, in whatever
    dataset, fold or condition the row is.

    Parameters
    ----------
    weights : Path
        Weights of the encoder.
    layers : tuple of int
        Layers whose hidden states are the features, from 1.
    bands : int
        Mel bands of the encoder.
    logmels : mapping of bytes to ndarray of float16, shape (frames, bands)
        By the digest of a row of features.
    """

    weights: Path
    layers: tuple[int, ...]
    bands: int
    logmels: Mapping[bytes, LogMel]

    def find(self, matrix: NDArray[np.float32]) -> list[LogMel]:
        """Log-mel of each row of features.

        Raises
        ------
        TrainingError
            If a row has none.
        """
        try:
            return [self.logmels[digest_row(row)] for row in matrix]
        except KeyError as error:
            raise TrainingError(
                "features without their log-mel spectrograms: fine-tuning needs the features of "
                "recordings as load_training_data computes them, neither changed nor permuted. "
                "Leave permutation importance out."
            ) from error

    def add(
        self,
        sources: Sequence[Recording],
        matrix: NDArray[np.float32],
        *,
        transform: Transform | None = None,
        workers: int | Executor | None = None,
        progress: bool = False,
        max_seconds: float = MAX_SECONDS,
    ) -> EncoderInputs:
        """Compute the log-mels of more recordings.

        Parameters
        ----------
        sources : sequence of Path or Excerpt, length n
        matrix : ndarray, shape (n, d), float32
            Features of the recordings after the same transform.
        transform : Transform, optional
            Applied to every recording first.
        workers, progress, max_seconds
            As for `extract`.

        Returns
        -------
        EncoderInputs
            With these and those that were there.

        Raises
        ------
        TrainingError
            If a recording cannot be used.
        """
        task = _Task(self.bands, transform, max_seconds)
        title = f"log-mel, {transform.key.partition(',')[0]}" if transform else "log-mel"
        logmels = dict(self.logmels)
        bar = show_progress(title=title, is_shown=progress, total=len(sources), unit="file")
        with bar, open_executor(workers) as executor:
            for index, result in compute_each(sources, task, executor):
                if isinstance(result, str):
                    raise TrainingError(f"{result} Its features are cached: mend or remove it.")
                logmels[digest_row(matrix[index])] = result
                bar.update()
        return replace(self, logmels=logmels)

    def join(self, *others: EncoderInputs) -> EncoderInputs:
        """Inputs of several datasets of one encoder."""
        logmels = {key: each for inputs in (self, *others) for key, each in inputs.logmels.items()}
        return replace(self, logmels=logmels)

    def __deepcopy__(self, memo: Any) -> EncoderInputs:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # As one array, so that processes share one copy of it.
        counts = [len(logmel) for logmel in self.logmels.values()]
        empty = np.empty((0, self.bands), dtype=np.float16)
        frames = np.concatenate([empty, *self.logmels.values()])
        return _unpack, (self.weights, self.layers, tuple(self.logmels), counts, frames)


def _unpack(
    weights: Path,
    layers: tuple[int, ...],
    keys: Sequence[bytes],
    counts: Sequence[int],
    frames: LogMel,
) -> EncoderInputs:
    logmels = np.split(frames, np.cumsum(counts)[:-1]) if counts else []
    return EncoderInputs(weights, layers, frames.shape[1], dict(zip(keys, logmels, strict=True)))


def load_inputs(encoder: str | Path, spec: FeatureSpec) -> EncoderInputs:
    """Inputs of an encoder, without log-mels yet.

    Parameters
    ----------
    encoder : str or Path
        Name of an encoder that was downloaded, or a file or folder of weights.
    spec : FeatureSpec
        As `open_encoder` gives it.

    Raises
    ------
    TrainingError
        If the encoder is not Whisper's.
    """
    if spec.encoder is None or spec.encoder.takes_waveform:
        raise TrainingError(
            f"encoder {encoder}: expected Whisper's for the recipe finetuned, found another. Take "
            "the recipe encoder, which trains no encoder."
        )
    path = find_encoder(encoder).resolve()
    layers = tuple(int(group.removeprefix("layer_")) for group in spec.groups)
    return EncoderInputs(path, layers, load_weights(path).mel_bands, {})


def digest_row(row: NDArray[np.float32]) -> bytes:
    """Digest of a row of features."""
    return blake2b(np.ascontiguousarray(row, dtype=np.float32).tobytes(), digest_size=16).digest()


@dataclass(frozen=True)
class _Task:
    """Work on one file; it can be sent to another process."""

    bands: int
    transform: Transform | None
    max_seconds: float

    def __call__(self, item: Item) -> LogMel | str:
        """Log-mel spectrogram of a recording, or why there is none."""
        try:
            digest, signal = load_item(
                item, needs_digest=self.transform is not None, max_seconds=self.max_seconds
            )
            if self.transform:
                signal = self.transform.apply(signal, digest)
            check_usable(signal)
            with no_fork:
                samples = resample(signal, RATE_HZ).samples
                return np.ascontiguousarray(
                    compute_speech_logmel(samples, self.bands).T, dtype=np.float16
                )
        except Exception as error:
            return describe_failure(error, get_subject(item))
