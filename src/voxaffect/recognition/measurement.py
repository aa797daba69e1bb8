"""Measurement of recordings without labels, for adaptation to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, Final

from voxaffect.audio import Blocks, Samples
from voxaffect.errors import ArgumentError, AudioError
from voxaffect.extraction import BatchExecutor, open_executor
from voxaffect.extraction.sources import Item, open_item
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import (
    NAMED,
    Adaptation,
    make_adapter,
    summarize_vectors,
)
from voxaffect.recognition.channels import MIX, ChannelReader
from voxaffect.recognition.timelines.collection import WindowFeatures, collect_vectors
from voxaffect.recognition.timelines.segmentation import TimelineConfig
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.vad import get_vad_method
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.recognition.utterance import RecordingFeatures, UtteranceTask, iter_recordings
from voxaffect.records.arguments import check_list, check_path
from voxaffect.records.choices import DEFAULT_VAD, LONG_SECONDS

ALL: Final = "all"
FOLDER: Final = "folder"
SPEAKERS: Final = "speakers"
"""Kind of adaptation of a timeline: each speaker of a recording alone."""

Features = RecordingFeatures | WindowFeatures


def list_vectors(features: Features) -> list[Samples]:
    """Vectors of a recording that count for adaptation: those of channels and windows."""
    if isinstance(features, RecordingFeatures):
        return [vector for _, vector in features.vectors if vector is not None]
    return [vector for channel in features.channels for vector in channel.vectors_apart]


def summarize(
    recordings: Iterable[Features], model: Model, group: str, *, is_named: bool = False
) -> Adaptation:
    """Adaptation to a group of recordings; the order of the recordings changes no bit."""
    vectors = [vector for features in recordings for vector in list_vectors(features)]
    return summarize_vectors(vectors, model, group, is_named=is_named)


def extract_recording(
    recording: Blocks,
    task: UtteranceTask,
    config: TimelineConfig,
    workers: int | Executor | None = None,
) -> Features:
    """Features of an open recording: of the whole, or of its windows if it is long."""
    reader = ChannelReader(recording, task.channels)
    parts = reader.read_beginning(LONG_SECONDS)
    if reader.is_finished:
        return task.compute(reader, parts)
    return collect_vectors(reader, chain(parts, reader), config, workers=workers)


def measure_adaptation(
    paths: Sequence[str | Path],
    *,
    model: Model | str | Path | None = None,
    vad: str = DEFAULT_VAD,
    workers: int | Executor | None = None,
) -> Adaptation:
    """Measure recordings without labels, to adapt to their speaker or set-up.

    Parameters
    ----------
    paths : sequence of str or Path
        Of one speaker, or of one set-up, with different emotions. At least two; about eight serve
        well. Those without speech do not count.
    model : Model, str or Path, optional
        The model that will be adapted; ``accurate`` by default.
    vad : str
        Voice-activity detection, as for `predict`.
    workers : int or Executor, optional

    Returns
    -------
    Adaptation
        For ``adapt=`` of `predict`, `predict_many`, `timeline`, `timeline_many` and `Stream`.

    Raises
    ------
    AudioError
        If a recording cannot be used; every one is named. If there is no speech in any.

    Examples
    --------
    >>> adaptation = va.measure_adaptation(["call.wav", "call.wav"])
    >>> va.predict("call.wav", adapt=adaptation).adaptation.is_applied
    True
    """
    loaded = get_model(model)
    loaded.check_gives_emotions("adaptation")
    get_vad_method(vad)
    files = _check_paths(paths, "paths")
    task = UtteranceTask(loaded.spec, MIX, vad)
    config = TimelineConfig(loaded, WindowConfig(vad=vad), Smoothing(), 0.0)

    def process_long(item: Item, executor: BatchExecutor) -> Features:
        with open_item(item) as recording:
            return extract_recording(recording, task, config, executor)

    measured: list[Features] = []
    reasons: dict[int, str] = {}
    with (
        open_executor(workers) as executor,
        closing(iter_recordings(files, task, executor, process_long)) as each,
    ):
        for index, _, features in each:
            if isinstance(features, str):
                reasons[index] = str(features)
            else:
                measured.append(features)
    if reasons:
        text = "; ".join(reasons[index] for index in sorted(reasons))
        raise AudioError(f"{len(reasons)} of {len(files)} cannot be adapted to: {text}")
    adaptation = summarize(measured, loaded, NAMED, is_named=True)
    if not adaptation.recordings:
        raise AudioError(
            f"no speech was found in any of {len(files)} recordings to adapt to. "
            "Name others; for shouting or singing, take vad energy."
        )
    return adaptation


def get_kind(adapt: Any, known: Sequence[str], *, remedy: str = "") -> str | None:
    """Kind of adaptation to the sources themselves; None if it is another one, or none.

    Raises
    ------
    ArgumentError
        If it is a text, but not one of the known kinds.
    """
    if not isinstance(adapt, str):
        return None
    if adapt not in known:
        kinds = "".join(f"{kind!r}, " for kind in known)
        raise ArgumentError(
            f"adapt: expected {kinds}a list of paths, or what measure_adaptation gives, found "
            f"{adapt[:60]!r}. {remedy}".rstrip()
        )
    return adapt


def get_adaptation(
    adapt: Sequence[str | Path] | Adaptation | None,
    model: Model,
    *,
    vad: str,
    workers: int | Executor | None = None,
) -> Adaptation | None:
    """Adaptation that a caller gave, or names by the paths of recordings.

    Raises
    ------
    AudioError
        As `measure_adaptation`.
    ModelError
        If it is one of other features than the model's.
    """
    if adapt is None:
        return None
    if isinstance(adapt, Adaptation):
        make_adapter(adapt, model)
        return adapt
    files = _check_paths(adapt, "adapt")
    return measure_adaptation(files, model=model, vad=vad, workers=workers)


def _check_paths(paths: Any, name: str) -> list[Path]:
    values = check_list(paths, name, "paths of recordings, or what measure_adaptation gives")
    return [check_path(path, name) for path in values]
