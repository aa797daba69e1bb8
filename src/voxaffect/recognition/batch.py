"""Many recordings: results and failures in order, with workers, progress and a checkpoint.

A task (module ``tasks``) turns one recording into results. This module decides what is left to
do, and keeps what is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sized
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

import msgspec

from voxaffect.audio import Signal, Source, get_file
from voxaffect.console import show_progress
from voxaffect.errors import AudioError
from voxaffect.extraction import Failure
from voxaffect.extraction.sources import (
    Item,
    Named,
    get_name,
    name_sources,
)
from voxaffect.features.affect.enrollment import Speaker
from voxaffect.models import Model, get_model
from voxaffect.recognition.checkpoint import Checkpoint, FileSignature, sign_file
from voxaffect.recognition.prediction import Prediction, Predictor
from voxaffect.recognition.tasks import PredictionTask, Result, Task, TimelineTask, Workers
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.segments import Timeline
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.vad import DEFAULT_VAD
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.arguments import check_path
from voxaffect.records.tables import tabulate_predictions, tabulate_segments
from voxaffect.records.values import to_frame

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Batch(Generic[Result]):
    """Results of many recordings, and those that could not be used.

    Parameters
    ----------
    results : tuple of Prediction or Timeline
        In the order of the sources; one for each channel.
    failures : tuple of Failure
        In the order of the sources.
    files : int
        Number of recordings that have results.
    """

    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    files: int

    def to_frame(self) -> pandas.DataFrame:
        """Data frame with a row for each prediction, or each segment of the timelines."""
        timelines = [result for result in self.results if isinstance(result, Timeline)]
        if timelines:
            return to_frame(tabulate_segments(timelines, "segments"))
        predictions = [result for result in self.results if isinstance(result, Prediction)]
        return to_frame(tabulate_predictions(predictions))


def predict_many(
    sources: Iterable[Source | tuple[str, Source]],
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    speaker: Speaker | None = None,
    uncertain_below: float | None = None,
    channels: str = "mix",
    vad: str = DEFAULT_VAD,
    max_seconds: float | None = None,
    resume: str | Path | None = None,
    workers: Workers = None,
    progress: bool = False,
) -> Batch[Prediction]:
    """Recognize the emotion of many recordings; failures are listed, not raised.

    Parameters
    ----------
    sources : iterable of Source or tuple of (str, Source)
        Paths, bytes, binary streams, arrays and ``Signal`` objects, alone or with a name, as in
        ``("call 17", content)``. A generator is read as the work goes on, so that not all
        recordings are in memory at once.
    rate_hz : int, optional
        Sampling rate of arrays.
    model : Model, str or Path, optional
        A model, its file, or the name of a bundled one: ``accurate`` (the default) or ``fast``.
    speaker : Speaker, optional
        As `enroll_speaker` gives it, if one known speaker speaks in all of them.
    uncertain_below, vad, max_seconds : optional
        As for `predict`.
    channels : str
        As for `predict`; or ``each`` by itself.
    resume : str or Path, optional
        Checkpoint file of finished recordings. After an interruption, the same call does only
        what is left. Delete the file when the results are safe.
    workers : int or Executor, optional
        As for ``extract``.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Batch
        Both parts in the order of the sources. A result's ``source`` is the name; without one,
        the path, or else the kind and the index, as in ``<bytes 3>``.

    Raises
    ------
    AudioError
        If it is a single recording. The fault of one of many recordings is its failure.
    ModelError
        If the model cannot be loaded.
    CheckpointError
        If the checkpoint cannot be used, or belongs to a run with other settings.

    Examples
    --------
    >>> batch = va.predict_many(["call.wav", ("noise", b"0101")])
    >>> [prediction.source for prediction in batch.results]
    ['call.wav']
    >>> [failure.source for failure in batch.failures]
    ['noise']
    """
    items = name_sources(sources, rate_hz)
    predictor = Predictor(get_model(model), speaker, uncertain_below, channels, vad, max_seconds)
    return run_batch(
        items,
        PredictionTask(predictor),
        total=_count(sources),
        resume=resume,
        workers=workers,
        progress=progress,
    )


def timeline_many(
    sources: Iterable[Source | tuple[str, Source]],
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    window_seconds: float = WindowConfig.window_seconds,
    hop_seconds: float = WindowConfig.hop_seconds,
    channels: str = "mix",
    vad: str = WindowConfig.vad,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    max_seconds: float | None = None,
    resume: str | Path | None = None,
    workers: Workers = None,
    progress: bool = False,
) -> Batch[Timeline]:
    """Recognize emotion over the time of many recordings; failures are listed, not raised.

    Parameters
    ----------
    sources, rate_hz, resume, workers, progress
        As for `predict_many`.
    model, window_seconds, hop_seconds, channels, vad, smoothing, uncertain_below, max_seconds
        As for `timeline`.

    Returns
    -------
    Batch

    Raises
    ------
    AudioError
        If it is a single recording, or an argument is out of range.
    ModelError
        If the model cannot be loaded.
    CheckpointError
        If the checkpoint cannot be used, or belongs to a run with other settings.

    Examples
    --------
    >>> batch = va.timeline_many(["call.wav"], workers=1)
    >>> [segment.emotion for segment in batch.results[0].segments]
    ['sad', 'happy']
    """
    items = name_sources(sources, rate_hz)
    windowing = WindowConfig(window_seconds, hop_seconds, vad)
    config = configure_timeline(model, windowing, smoothing, uncertain_below)
    total = _count(sources)
    return run_batch(
        items,
        TimelineTask(config, channels, uncertain_below, max_seconds, progress),
        total=total,
        resume=resume,
        workers=workers,
        progress=progress and total != 1,
    )


def _count(sources: object) -> int | None:
    return len(sources) if isinstance(sources, Sized) else None


def run_batch(
    items: Iterable[Item],
    task: Task[Result],
    *,
    total: int | None = None,
    resume: str | Path | None = None,
    workers: Workers = None,
    progress: bool = False,
) -> Batch[Result]:
    """Run a task on many recordings.

    Parameters
    ----------
    items : iterable of Path or Named
        As ``name_sources`` gives them.
    task : PredictionTask or TimelineTask
    total : int, optional
        Number of items, for the progress bar.
    resume : str or Path, optional
        Checkpoint file: what it holds is not done again, unless the recording has changed. It
        is left in place.
    workers, progress
        As for `predict_many`.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be used, or belongs to a run with other settings.
    """
    bar = show_progress(is_shown=progress, total=total, unit="file")
    opened = (
        nullcontext() if resume is None else Checkpoint(check_path(resume, "resume"), task.settings)
    )
    with opened as checkpoint, bar:
        outcomes: dict[int, tuple[Result, ...] | Failure] = {}
        left: list[tuple[int, FileSignature | None]] = []

        def skip_finished() -> Iterator[Item]:
            for index, item in enumerate(items):
                signature = _sign(item) if checkpoint else None
                restored = _restore(task, checkpoint, item, signature) if checkpoint else ()
                if restored:
                    outcomes[index] = restored
                    bar.update()
                else:
                    left.append((index, signature))
                    yield item

        # Closed at once on Ctrl-C, so that no work goes on.
        with closing(task.run(skip_finished(), workers)) as running:
            for position, item, outcome in running:
                index, signature = left[position]
                if isinstance(outcome, str):
                    outcomes[index] = _make_failure(item, outcome)
                else:
                    outcomes[index] = outcome
                    if checkpoint and signature:
                        values = [asdict(result) for result in outcome]
                        checkpoint.add(get_name(item), signature, values)
                bar.update()
    ordered = [outcomes[index] for index in sorted(outcomes)]
    used = [outcome for outcome in ordered if not isinstance(outcome, Failure)]
    failures = tuple(outcome for outcome in ordered if isinstance(outcome, Failure))
    return Batch(tuple(result for results in used for result in results), failures, len(used))


def _restore(
    task: Task[Result], checkpoint: Checkpoint, item: Item, signature: FileSignature | None
) -> tuple[Result, ...]:
    """Results that a checkpoint holds; none if they are damaged or another recording's."""
    name = get_name(item)
    try:
        values = checkpoint.result(name, signature)
        results = tuple(task.restore(value) for value in values or ())
    except (ValueError, TypeError, KeyError, AttributeError, msgspec.ValidationError):
        return ()
    return results if all(result.source == name for result in results) else ()


def _sign(item: Item) -> FileSignature | None:
    """Signature of a recording: of a file its size and time, of other sound its content."""
    if not isinstance(item, Named):
        return sign_file(get_file(item))
    source = item.source
    if isinstance(source, Path):
        return sign_file(source)
    if isinstance(source, AudioError):
        return None
    if isinstance(source, bytes):
        content = source
    else:
        samples = source.samples if isinstance(source, Signal) else source
        rate_hz = source.rate_hz if isinstance(source, Signal) else item.rate_hz
        content = samples.tobytes() + f"{samples.dtype} {samples.shape} {rate_hz}".encode()
    digest = hashlib.blake2b(content, digest_size=7).digest()
    return len(content), int.from_bytes(digest, "big")


def _make_failure(item: Item, reason: str) -> Failure:
    if not isinstance(item, Named):
        return Failure(get_file(item), reason, str(item))
    return Failure(Path(item.name.replace("\0", "")), reason, item.name)
