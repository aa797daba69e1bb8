"""Many recordings, file by file: workers, progress, a list of what failed, and a journal.

A *recognizer* does the work; this module decides what is left to do and keeps what is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from voxaffect.console import show_progress
from voxaffect.extraction import Failure, LocalExecutor, count_workers, describe_failure
from voxaffect.features.affect.enrollment import Speaker
from voxaffect.models import Model
from voxaffect.recognition.checkpoint import Journal, Stamp, stamp
from voxaffect.recognition.prediction import Prediction, Predictor, predict_each
from voxaffect.recognition.timelines.segments import Segment, Timeline, Window


class Named(Protocol):
    """A result that names its recording."""

    @property
    def source(self) -> str:
        """Name of the recording."""


Result = TypeVar("Result", bound=Named)

_SUM_TOLERANCE = 1e-6


class Recognizer(Protocol[Result]):
    """What turns files into results."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""

    def run(
        self, paths: Sequence[Path], workers: int
    ) -> Generator[tuple[int, Sequence[Result] | str]]:
        """Yield place and results of each path, or why there are none, as they are finished."""

    def to_json(self, result: Result) -> Any:
        """Return a JSON value that holds all of a result."""

    def from_json(self, value: Any) -> Result:
        """Return what ``to_json`` was given.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            If it is anything else.
        """


@dataclass(frozen=True)
class Recognized(Generic[Result]):
    """Results of many recordings, and those that could not be used.

    Parameters
    ----------
    results : tuple
        In the order of the paths.
    failures : tuple of Failure
        In the order of the paths.
    files : int
        How many recordings the results are of.
    """

    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    files: int


@dataclass(frozen=True)
class Predictions:
    """Recognize one emotion for each recording, or each channel of it."""

    predictor: Predictor

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""
        predictor = self.predictor
        options = {
            "uncertain_below": predictor.uncertain_below,
            "channels": predictor.channels,
            "vad": predictor.vad,
            "max_seconds": predictor.max_seconds,
        }
        return {"kind": "predictions", **options, **_identity(predictor.model, predictor.speaker)}

    def run(
        self, paths: Sequence[Path], workers: int
    ) -> Generator[tuple[int, Sequence[Prediction] | str]]:
        """Yield index and predictions of each path, or why there are none."""
        for index, _, outcome in predict_each(paths, self.predictor, workers=workers):
            yield index, outcome

    def to_json(self, result: Prediction) -> Any:
        """Return a JSON value that holds all of a prediction."""
        return asdict(result)

    def from_json(self, value: Any) -> Prediction:
        """Return what ``to_json`` was given."""
        model = self.predictor.model
        if value["emotion"] is not None or value["probabilities"]:
            _check_judged(value, model)
        if tuple(value["emotions"]) != model.emotions:
            raise ValueError("other emotions than the model's")
        return Prediction(**{**value, "emotions": model.emotions})


@dataclass(frozen=True)
class Timelines:
    """Recognize emotion over time.

    Parameters
    ----------
    recognize : callable
        From a path (and ``workers``, ``progress``) to its timelines, one a channel.
    model : Model
    options : mapping
        What ``recognize`` was told, as JSON values.
    shows_progress : bool
        Within a recording that is alone; of several, a bar counts the files.
    """

    recognize: Callable[..., Sequence[Timeline]]
    model: Model
    options: Mapping[str, Any] = field(default_factory=dict)
    shows_progress: bool = False

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""
        return {"kind": "timelines", **_identity(self.model), **self.options}

    def run(
        self, paths: Sequence[Path], workers: int
    ) -> Generator[tuple[int, Sequence[Timeline] | str]]:
        """Yield place and timelines of each path, one after the other: each has all workers."""
        began = monotonic()
        with LocalExecutor(workers) as executor:
            for place, path in enumerate(paths):
                left = len(paths) - place - 1
                executor.expect_seconds(left * (monotonic() - began) / max(place, 1))
                progress = self.shows_progress and len(paths) == 1
                outcome: Sequence[Timeline] | str
                try:
                    outcome = self.recognize(path, workers=executor, progress=progress)
                except Exception as error:
                    outcome = describe_failure(error, str(path))
                yield place, outcome

    def to_json(self, result: Timeline) -> Any:
        """Return a JSON value that holds all of a timeline."""
        return asdict(result)

    def from_json(self, value: Any) -> Timeline:
        """Return what ``to_json`` was given."""
        for one in (*value["windows"], *value["segments"]):
            _check_judged(one, self.model)
        parts = {
            "emotions": tuple(value["emotions"]),
            "windows": tuple(Window(**one) for one in value["windows"]),
            "segments": tuple(Segment(**one) for one in value["segments"]),
        }
        return Timeline(**{**value, **parts})


def _check_judged(value: Mapping[str, Any], model: Model) -> None:
    """Refuse what no model can have answered, as a damaged journal may hold it."""
    found = value["probabilities"]
    if tuple(found) != model.emotions or value.get("emotion", model.emotions[0]) not in found:
        raise ValueError("other emotions than the model's")
    if not all(isinstance(one, float) and 0 <= one <= 1 for one in found.values()):
        raise ValueError("no probabilities")
    if abs(sum(found.values()) - 1) > _SUM_TOLERANCE:
        raise ValueError("probabilities that do not sum to 1")
    if not isinstance(value.get("uncertain", False), bool):
        raise ValueError("uncertain: neither true nor false")
    start, end = value.get("start_seconds", 0.0), value.get("end_seconds", inf)
    if not 0 <= start <= end:
        raise ValueError("an end before the start")


def _known(recognizer: Recognizer[Result], values: Any, source: str) -> list[Result]:
    """Return results that a journal holds; none if they are damaged or another recording's."""
    try:
        results = [recognizer.from_json(one) for one in values]
        return results if all(one.source == source for one in results) else []
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _identity(model: Model, speaker: Speaker | None = None) -> dict[str, str | None]:
    """Digests of what recognizes, and the version that runs it."""
    voice = hashlib.sha256(speaker.mean.tobytes()).hexdigest() if speaker else None
    return {
        "model": hashlib.sha256(model.content).hexdigest(),
        "speaker": voice,
        "version": version("voxaffect"),
    }


def recognize(
    paths: Sequence[Path],
    recognizer: Recognizer[Result],
    *,
    journal: Path | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Recognized[Result]:
    """Recognize many recordings; what cannot be used is listed, not raised.

    Parameters
    ----------
    paths : sequence of Path
        Each once.
    recognizer : Recognizer
        ``Predictions`` or ``Timelines``.
    journal : Path, optional
        Where finished recordings are kept, so that a run that was interrupted goes on: what
        it holds is not done again, unless the recording has changed. It is left in place:
        remove it once the results are safe.
    workers : int, optional
        As many as processors by default. Their number changes no result.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Recognized

    Raises
    ------
    JournalError
        If the journal cannot be used, or belongs to a run with other settings.
    """
    if journal is None:
        return _recognized(paths, recognizer, None, workers=workers, progress=progress)
    with Journal(journal, recognizer.settings) as kept:
        return _recognized(paths, recognizer, kept, workers=workers, progress=progress)


def _recognized(
    paths: Sequence[Path],
    recognizer: Recognizer[Result],
    journal: Journal | None,
    *,
    workers: int | None,
    progress: bool,
) -> Recognized[Result]:

    outcomes: dict[int, Sequence[Result] | str] = {}
    stamps: list[Stamp | None] = [stamp(path) for path in paths] if journal else []
    if journal:
        for place, path in enumerate(paths):
            known = _known(recognizer, journal.result(str(path), stamps[place]), str(path))
            if known:
                outcomes[place] = known
    left = [place for place in range(len(paths)) if place not in outcomes]
    bar = show_progress(is_shown=progress, total=len(paths), initial=len(outcomes), unit="file")
    rest = [paths[place] for place in left]
    # Closed at once on Ctrl-C, so that nothing goes on at work.
    with bar, closing(recognizer.run(rest, workers or count_workers())) as running:
        for position, outcome in running:
            place = left[position]
            outcomes[place] = outcome
            now = stamps[place] if journal else None
            if journal and now and not isinstance(outcome, str):
                journal.add(str(paths[place]), now, [*map(recognizer.to_json, outcome)])
            bar.update()
    return _in_order(paths, outcomes)


def _in_order(
    paths: Sequence[Path], outcomes: Mapping[int, Sequence[Result] | str]
) -> Recognized[Result]:
    results: list[Result] = []
    failures: list[Failure] = []
    for place, path in enumerate(paths):
        outcome = outcomes[place]
        if isinstance(outcome, str):
            failures.append(Failure(path, outcome))
        else:
            results += outcome
    return Recognized(tuple(results), tuple(failures), len(paths) - len(failures))
