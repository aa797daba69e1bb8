"""Many recordings: results and failures in order, with workers, progress and a checkpoint.

A task (module ``tasks``) turns one recording into results. This module decides what is left to
do, and keeps what is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Generic, Literal

import msgspec

from voxaffect.audio import Signal, Source, get_file
from voxaffect.console import show_progress
from voxaffect.errors import AudioError
from voxaffect.extraction import Failure, catch_failure
from voxaffect.extraction.sources import (
    Item,
    Named,
    get_name,
    name_sources,
)
from voxaffect.extraction.streaming import make_failure
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import Adaptation
from voxaffect.recognition.channels import make_choice
from voxaffect.recognition.checkpoint import Checkpoint, FileSignature, sign_file
from voxaffect.recognition.conversations import (
    ADAPT_REMEDY,
    ConversationSource,
    choose_engine,
)
from voxaffect.recognition.diarization import DiarizationConfig
from voxaffect.recognition.measurement import (
    ALL,
    FOLDER,
    SPEAKERS,
    Features,
    get_adaptation,
    get_kind,
    summarize,
)
from voxaffect.recognition.packing import pack_features, unpack_features
from voxaffect.recognition.prediction import Prediction, Predictor
from voxaffect.recognition.tasks import Output, PredictionTask, Result, Task, TimelineTask, Workers
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.segments import Timeline
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.recognition.transcription import TranscriptionConfig
from voxaffect.records.arguments import check_path
from voxaffect.records.choices import DEFAULT_VAD
from voxaffect.records.tables import tabulate_predictions, tabulate_segments
from voxaffect.records.values import to_frame

if TYPE_CHECKING:
    import pandas


Adapt = Literal["all", "folder"] | Sequence[str | Path] | Adaptation | None
"""Recordings to adapt to."""
TimelineAdapt = Literal["speakers"] | Adapt


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
    labels: Sequence[str] | None = None,
    adapt: Adapt = None,
    uncertain_below: float | None = None,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
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
    adapt : {"all", "folder"}, sequence of path, or Adaptation, optional
        Recordings without labels to adapt to: ``all`` sources together, or those of each
        ``folder``; paths of recordings of the same speaker or set-up; or what
        `measure_adaptation` gives. For the first two, the features of all sources are kept in
        memory until the last one is read.
    labels, channel_names, uncertain_below, vad, max_seconds : optional
        As for `predict`. A recording with another number of channels than names is a failure.
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
    loaded = get_model(model, labels)
    choice = make_choice(channels, channel_names)
    predictor = Predictor(loaded, None, uncertain_below, choice, vad, max_seconds)
    kind = get_kind(adapt, (ALL, FOLDER))
    if not kind:
        adaptation = get_adaptation(adapt, loaded, vad=vad, workers=workers)
        predictor = replace(predictor, adaptation=adaptation)
    return run_batch(
        items,
        PredictionTask(predictor),
        adapt=kind,
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
    labels: Sequence[str] | None = None,
    window_seconds: float = WindowConfig.window_seconds,
    hop_seconds: float = WindowConfig.hop_seconds,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
    speakers: str | Path | None = None,
    transcript: str | Path | None = None,
    diarize: bool | str | DiarizationConfig = False,
    transcribe: bool | str | TranscriptionConfig = False,
    vad: str = WindowConfig.vad,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    adapt: TimelineAdapt = None,
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
    adapt
        As for `predict_many`; or ``speakers``, for each speaker of a recording alone.
    model, labels, window_seconds, hop_seconds, channels, vad, smoothing : optional
        As for `timeline`.
    channel_names, uncertain_below, max_seconds : optional
        As for `timeline`.
    diarize, transcribe
        As for `timeline`.
    speakers, transcript : path, optional
        Folder with a file for each recording, of the same name but for the ending; or one file
        with all recordings, such as an RTTM file.

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
    >>> round(batch.results[0].segments[0].start_seconds, 1)
    0.0
    """
    choice = make_choice(channels, channel_names)
    items = name_sources(sources, rate_hz)
    windowing = WindowConfig(window_seconds, hop_seconds, vad)
    config = configure_timeline(get_model(model, labels), windowing, smoothing, uncertain_below)
    kind = get_kind(adapt, (ALL, FOLDER, SPEAKERS))
    if not kind:
        adaptation = get_adaptation(adapt, config.model, vad=vad, workers=workers)
        config = replace(config, adaptation=adaptation)
    total = _count(sources)
    conversations = ConversationSource(
        speakers,
        transcript,
        is_single=total == 1,
        diarization=choose_engine(diarize, DiarizationConfig, "diarize"),
        transcription=choose_engine(transcribe, TranscriptionConfig, "transcribe"),
        remedy=ADAPT_REMEDY if kind == SPEAKERS else "",
    )
    conversations.check_adaptation(kind)
    return run_batch(
        items,
        TimelineTask(
            replace(config, adapts_speakers=kind == SPEAKERS),
            choice,
            uncertain_below,
            max_seconds,
            progress,
            conversations,
        ),
        adapt=None if kind == SPEAKERS else kind,
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
    adapt: str | None = None,
    total: int | None = None,
    resume: str | Path | None = None,
    workers: Workers = None,
    progress: bool = False,
    on_results: Callable[[tuple[Result, ...]], object] | None = None,
) -> Batch[Result]:
    """Run a task on many recordings.

    Parameters
    ----------
    items : iterable of Path or Named
        As ``name_sources`` gives them.
    task : PredictionTask or TimelineTask
    adapt : {"all", "folder"}, optional
        Adapt to all recordings together, or to those of each folder. Then the features of all are
        computed before the first is classified.
    total : int, optional
        Number of items, for the progress bar.
    resume : str or Path, optional
        Checkpoint file: what it holds is not done again, unless the recording has changed. It
        is left in place. With ``adapt``, it holds features: the statistics are always those of
        all recordings of the call.
    workers, progress
        As for `predict_many`.
    on_results : callable, optional
        Called with the results of each recording, in the order of the items, as soon as those
        before it are finished. Without `adapt` only.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be used, or belongs to a run with other settings.
    """
    bar = show_progress(is_shown=progress, total=total, unit="file")
    settings = {**task.settings, "adapt": adapt} if adapt else task.settings
    opened = nullcontext() if resume is None else Checkpoint(check_path(resume, "resume"), settings)
    with opened as checkpoint, bar:
        if adapt:
            extraction: _Work[Features] = _Work(task.extract, pack_features, partial(_unpack, task))
            recordings = _AdaptedRecordings(task, adapt)
            _run(extraction, items, recordings.add, checkpoint, workers, bar.update)
            outcomes = recordings.classify()
        else:
            kept: _Outcomes[Result] = _Outcomes(on_results)
            outcomes = kept.by_index
            work: _Work[tuple[Result, ...]] = _Work(
                task.run, _pack_results, partial(_restore, task)
            )
            _run(work, items, kept.add, checkpoint, workers, bar.update)
    ordered = [outcomes[index] for index in sorted(outcomes)]
    used = [outcome for outcome in ordered if not isinstance(outcome, Failure)]
    failures = tuple(outcome for outcome in ordered if isinstance(outcome, Failure))
    return Batch(tuple(result for results in used for result in results), failures, len(used))


@dataclass(frozen=True)
class _Work(Generic[Output]):
    """Work on each recording, and its way to and from a checkpoint.

    Parameters
    ----------
    run : callable
        Yields index, recording and the output, or the reason why there is none.
    pack : callable
        From an output to JSON values.
    restore : callable
        From JSON values and the name of the recording to an output; None if they are damaged.
    """

    run: Callable[[Iterable[Item], Workers], Generator[tuple[int, Item, Output | str]]]
    pack: Callable[[Output], Any]
    restore: Callable[[Any, str], Output | None]


def _run(
    work: _Work[Output],
    items: Iterable[Item],
    add: Callable[[int, Item, Output | Failure], None],
    checkpoint: Checkpoint | None,
    workers: Workers,
    advance: Callable[[], object],
) -> None:
    """Do the work that a checkpoint does not hold; add every output, from there or not."""
    left: list[tuple[int, FileSignature | None]] = []

    def skip_finished() -> Iterator[Item]:
        for index, item in enumerate(items):
            signature = _sign(item) if checkpoint else None
            value = checkpoint.result(get_name(item), signature) if checkpoint else None
            restored = None if value is None else work.restore(value, get_name(item))
            if restored is None:
                left.append((index, signature))
                yield item
            else:
                add(index, item, restored)
                advance()

    # Closed at once on Ctrl-C, so that no work goes on.
    with closing(work.run(skip_finished(), workers)) as running:
        for position, item, outcome in running:
            index, signature = left[position]
            if isinstance(outcome, str):
                add(index, item, make_failure(item, outcome))
            else:
                add(index, item, outcome)
                if checkpoint and signature:
                    checkpoint.add(get_name(item), signature, work.pack(outcome))
            advance()


class _Outcomes(Generic[Result]):
    """Results and failures by index; results are also passed on, in order, as soon as they can be.

    Parameters
    ----------
    on_results : callable, optional
    """

    def __init__(self, on_results: Callable[[tuple[Result, ...]], object] | None) -> None:
        self.by_index: dict[int, tuple[Result, ...] | Failure] = {}
        self._on_results, self._next = on_results, 0

    def add(
        self,
        index: int,
        item: Item,  # noqa: ARG002
        outcome: tuple[Result, ...] | Failure,
    ) -> None:
        """Keep an outcome, and pass on the results that no earlier recording holds up."""
        self.by_index[index] = outcome
        while self._on_results is not None and self._next in self.by_index:
            outcome = self.by_index[self._next]
            self._next += 1
            if not isinstance(outcome, Failure):
                self._on_results(outcome)


class _AdaptedRecordings(Generic[Result]):
    """Features of all recordings of a batch, until they are classified group by group.

    Parameters
    ----------
    task : PredictionTask or TimelineTask
    adapt : {"all", "folder"}
    """

    def __init__(self, task: Task[Result], adapt: str) -> None:
        self._task, self._adapt = task, adapt
        self._outcomes: dict[int, tuple[Result, ...] | Failure] = {}
        self._groups: dict[str, dict[int, tuple[Failure, Features]]] = {}

    def add(self, index: int, item: Item, features: Features | Failure) -> None:
        """Keep the features of a recording, without its sound."""
        if isinstance(features, Failure):
            self._outcomes[index] = features
            return
        group = ALL if self._adapt == ALL else _get_folder(item)
        blank = make_failure(item, "")  # for a failure of the classifier
        self._groups.setdefault(group, {})[index] = blank, features

    def classify(self) -> dict[int, tuple[Result, ...] | Failure]:
        """Results and failures by index."""
        for group, members in self._groups.items():
            rows = (features for _, features in members.values())
            task = self._task.adapt(summarize(rows, self._task.model, group))
            for index, (blank, features) in members.items():
                outcome = catch_failure(task.classify, blank.source)(features, blank.source)
                self._outcomes[index] = (
                    replace(blank, reason=outcome) if isinstance(outcome, str) else outcome
                )
        return self._outcomes


def _get_folder(item: Item) -> str:
    """Folder of a recording's file; of other sound, the folder in its name."""
    if not isinstance(item, Named):
        return str(get_file(item).parent)
    path = item.source if isinstance(item.source, Path) else PurePath(item.name)
    return str(path.parent)


def _pack_results(results: tuple[Result, ...]) -> list[dict[str, Any]]:
    return [asdict(result) for result in results]


def _restore(task: Task[Result], values: Any, name: str) -> tuple[Result, ...] | None:
    """Results that a checkpoint holds; None if they are damaged or another recording's."""
    try:
        results = tuple(task.restore(value) for value in values)
    except (ValueError, TypeError, KeyError, AttributeError, msgspec.ValidationError):
        return None
    return results if results and all(result.source == name for result in results) else None


def _unpack(task: Task[Result], value: Any, name: str) -> Features | None:
    """Features that a checkpoint holds; None if they are damaged."""
    try:
        return unpack_features(value, name, len(task.model.card.mean))
    except (ValueError, TypeError, KeyError, AttributeError, msgspec.ValidationError):
        return None


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
