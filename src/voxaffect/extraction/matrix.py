"""Extraction: the features of many recordings as one matrix."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Excerpt, Recording, Signal, get_file
from voxaffect.console import show_progress
from voxaffect.errors import AudioError, CacheError, WorkerError, extra
from voxaffect.extraction.cache import FeatureCache, warn_once
from voxaffect.extraction.executors import (
    BatchExecutor,
    LocalExecutor,
    open_executor,
)
from voxaffect.extraction.failures import Failure, describe_failure
from voxaffect.extraction.sources import Item, compute_digest, get_subject, load_item
from voxaffect.features import FeatureSpec, check_spec, compute_features, get_feature_names
from voxaffect.records.arguments import check_kind, check_list, check_path

if TYPE_CHECKING:
    import pandas


_CHUNK_FILES = 2_048  # bounds the memory that waiting work takes
_SAVE_SECONDS = 0.25  # at most this much work is lost by a kill

MAX_SECONDS: Final = 300.0
"""Longest recording whose features are computed, unless another limit is given: features of a
whole recording need its frames at once, and those of five minutes take up to 500 MB."""

Result = TypeVar("Result")

Outcome = NDArray[np.float32] | str
"""A vector, or why there is none."""


@dataclass(frozen=True)
class Transform:
    """Something done to every recording before its features are computed.

    Parameters
    ----------
    key : str
        Names it with everything that can change a number; part of the cache key.
    apply : callable
        From a ``Signal`` and the digest of its file (a seed that follows the content, not
        the place in a list) to a ``Signal``. One that pickles can go to worker processes.
    """

    key: str
    apply: Callable[[Signal, bytes], Signal]


@dataclass(frozen=True, eq=False)
class Extraction:
    """Features of many recordings.

    Parameters
    ----------
    matrix : ndarray, shape (n, d), float32
        One row for every recording that could be used, in the order asked for.
    kept : ndarray, shape (n,), int
        Which of the paths asked for the rows are of.
    failures : tuple of Failure
        The others, in the order asked for.
    """

    matrix: NDArray[np.float32]
    kept: NDArray[np.intp]
    failures: tuple[Failure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data: ``features`` (a row for each recording in ``kept``) and ``failures``."""
        return {
            "features": self.matrix.tolist(),
            "kept": self.kept.tolist(),
            "failures": [failure.to_dict() for failure in self.failures],
        }

    def to_frame(self, names: Sequence[str] | None = None) -> pandas.DataFrame:
        """Data frame with a row for each recording that could be used.

        Parameters
        ----------
        names : sequence of str, optional
            Of the features, as ``feature_names`` gives them; numbers by default.
        """
        with extra("pandas"):
            import pandas

        return pandas.DataFrame(self.matrix, index=self.kept, columns=names)


def extract(
    paths: Sequence[str | Path | Excerpt],
    spec: FeatureSpec,
    *,
    transform: Transform | None = None,
    workers: int | Executor | None = None,
    cache: FeatureCache | None = None,
    progress: bool = False,
    max_seconds: float = MAX_SECONDS,
) -> Extraction:
    """Feature vectors of many recordings.

    Parameters
    ----------
    paths : sequence of str, Path or Excerpt
        An excerpt is a part of a recording.
    spec : FeatureSpec
    transform : Transform, optional
        Done to every recording first; nothing by default.
    workers : int or Executor, optional
        How many; as many as processors by default. They are threads, and become processes
        where enough is left to do. A `LocalExecutor` serves several calls; any other
        `concurrent.futures.Executor` will do. Neither number nor kind changes a number.
    cache : FeatureCache, optional
        Where known vectors are looked up and new ones kept; none by default.
    progress : bool
        Show a progress bar on standard error; off a terminal, a line now and then.
    max_seconds : float
        Longest recording to accept. Memory grows with it.

    Returns
    -------
    Extraction

    Raises
    ------
    FeatureError
        If the spec is unknown.
    CacheError
        If the cache cannot be read. Features that it cannot take are returned all the same.
    AudioError
        If a single path is given instead of a sequence.

    Whatever else is raised meanwhile, and a worker process that ends, is the failure of its
    recording.

    Examples
    --------
    >>> va.extract(["call.wav"], va.get_feature_spec("classic")).matrix.shape
    (1, 180)
    """
    if isinstance(paths, str | Path):
        raise AudioError(f"{paths}: expected a sequence of paths, found one. Put it in a list.")
    files = [
        path if isinstance(path, Excerpt) else check_path(path, "paths")
        for path in check_list(paths, "paths", "paths of recordings")
    ]
    if cache is not None:
        check_kind(cache, FeatureCache, "cache", "a FeatureCache, or None")
    check_spec(spec)
    task = _Task(spec, transform, max_seconds)
    outcomes: list[Outcome | None] = []
    title = f"{spec.name}, {transform.key.partition(',')[0]}" if transform else spec.name
    bar = show_progress(title=title, is_shown=progress, total=len(files), unit="file")
    with bar, open_executor(workers) as executor:
        for start in range(0, len(files), _CHUNK_FILES):
            chunk = files[start : start + _CHUNK_FILES]
            results = _look_up(chunk, task, cache, executor.count)
            missing = [index for index, vector in enumerate(results) if vector is None]
            bar.update(len(chunk) - len(missing))
            left = [chunk[index] for index in missing]
            with closing(_compute(left, task, cache, executor)) as computed:
                for position, outcome in computed:
                    results[missing[position]] = outcome
                    bar.update()
            outcomes += results
    return _assemble(files, outcomes, len(get_feature_names(spec)))


def compute_each(
    items: Sequence[Item], task: Callable[[Item], Result], executor: BatchExecutor
) -> Generator[tuple[int, Result | str]]:
    """Results of a task on many recordings, as they are finished.

    Parameters
    ----------
    items : sequence of Path or Named
        As `name_sources` and `waves` give them.
    task : callable
        A pure function of an item. One that pickles can go to worker processes.
    executor : BatchExecutor

    Yields
    ------
    tuple of int and (object or str)
        Index; the result, or why the worker process that computed it has ended.
    """
    with closing(executor.map_unordered(task, items)) as outcomes:
        for index, result in outcomes:
            if isinstance(result, WorkerError):
                yield index, describe_failure(result, get_subject(items[index]))
            else:
                yield index, result


@dataclass(frozen=True)
class _Task:
    """Work on one file; it can be sent to another process."""

    spec: FeatureSpec
    transform: Transform | None
    max_seconds: float

    @property
    def recipe(self) -> str:
        """Cache key, without the digest of the content. Another limit has keys of its own."""
        limit = "" if self.max_seconds == MAX_SECONDS else f"max_seconds={self.max_seconds:g}"
        return self.spec.to_json() + (self.transform.key if self.transform else "") + limit

    def __call__(self, item: Item) -> tuple[bytes, Outcome]:
        """Digest and vector of a recording, or why there is none: whatever is raised."""
        try:
            digest, signal = load_item(
                item, needs_digest=self.transform is not None, max_seconds=self.max_seconds
            )
            if self.transform:
                signal = self.transform.apply(signal, digest)
            return digest, compute_features(signal, self.spec)
        except Exception as error:
            return b"", describe_failure(error, get_subject(item))


def _results(
    task: _Task, items: Sequence[Item], executor: BatchExecutor
) -> Generator[tuple[int, bytes, Outcome]]:
    """Index, digest, and the vector or why there is none, as they are finished."""
    with closing(compute_each(items, task, executor)) as each:
        for index, result in each:
            if isinstance(result, str):
                yield index, b"", result
            else:
                yield index, *result


def _look_up(
    paths: Sequence[Recording], task: _Task, cache: FeatureCache | None, workers: int
) -> list[Outcome | None]:
    """Vectors that the cache holds; None for the others."""
    if cache is None:
        return [None] * len(paths)
    with LocalExecutor(workers, kind="threads") as threads:
        digests = list(threads.map(compute_digest, paths))
    readable = [digest for digest in digests if digest]
    vectors = cache.get(readable, task.recipe, length=len(get_feature_names(task.spec)))
    return [vectors.get(digest) if digest else None for digest in digests]


def _compute(
    paths: Sequence[Recording], task: _Task, cache: FeatureCache | None, executor: BatchExecutor
) -> Generator[tuple[int, Outcome]]:
    """Compute the rest, saving as it comes: this process alone writes the cache."""
    unsaved: dict[bytes, NDArray[np.float32]] = {}
    saved_at = monotonic()
    try:
        for index, digest, outcome in _results(task, paths, executor):
            if digest and not isinstance(outcome, str):
                unsaved[digest] = outcome
            if monotonic() - saved_at > _SAVE_SECONDS:
                _save(unsaved, task, cache)
                unsaved, saved_at = {}, monotonic()
            yield index, outcome
    finally:
        _save(unsaved, task, cache)


def _save(
    vectors: dict[bytes, NDArray[np.float32]], task: _Task, cache: FeatureCache | None
) -> None:
    """Keep what is finished, if there is a cache; one that is full loses no features."""
    if cache is None or not vectors:
        return
    try:
        cache.put(vectors, task.recipe)
    except CacheError as error:
        warn_once(f"Features are not kept for next time: {error}")


def _assemble(
    paths: Sequence[Recording], outcomes: Sequence[Outcome | None], length: int
) -> Extraction:
    kept = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, str)]
    failures = tuple(
        Failure(get_file(path), outcome, str(path))
        for path, outcome in zip(paths, outcomes, strict=True)
        if isinstance(outcome, str)
    )
    matrix = np.empty((len(kept), length), dtype=np.float32)
    for row, index in enumerate(kept):
        matrix[row] = outcomes[index]
    return Extraction(matrix, np.array(kept, dtype=np.intp), failures)
