"""Streams of recordings: each result in its turn, of any iterator, also one without an end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from voxaffect.audio import Source, get_file
from voxaffect.errors import WorkerError
from voxaffect.extraction.executors import open_executor
from voxaffect.extraction.failures import Failure, describe_failure
from voxaffect.extraction.matrix import MAX_SECONDS
from voxaffect.extraction.sources import Item, Named, get_subject, load_item, name_sources
from voxaffect.features import FeatureSpec, check_spec, compute_features
from voxaffect.records.arguments import check_number

_ITEMS_EACH = 2
"""Recordings for each worker that wait or are at work: enough that none is idle."""
_ENDLESS: Final = 1 << 40
"""Number of recordings to expect of an iterator that does not know it."""

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class FeatureVector:
    """Features of one recording.

    Parameters
    ----------
    source : str
        Its name.
    values : ndarray, shape (features,), float32
    """

    source: str
    values: Any


@dataclass(frozen=True)
class _Caught(Generic[Result]):
    """Function that returns why an item cannot be used; one that worker processes can load."""

    function: Callable[[Item], Result]

    def __call__(self, item: Item) -> Result | str:
        try:
            return self.function(item)
        except Exception as error:
            return describe_failure(error, get_subject(item))


def iter_results(
    function: Callable[[Item], Result],
    sources: Iterable[Source | tuple[str, Source]],
    *,
    rate_hz: int | None = None,
    workers: int | Executor | None = None,
) -> Generator[Result | Failure]:
    """Results of a function of each recording, in order.

    A source is asked for when a worker is nearly free, and forgotten with its result. So memory
    does not grow, and an iterator may be endless.

    Parameters
    ----------
    function : callable
        A pure function of an item. One that pickles can go to worker processes.
    sources, rate_hz
        As for ``name_sources``.
    workers : int or Executor, optional
        As for ``extract``.
    """
    items = name_sources(sources, rate_hz)
    total = len(sources) if isinstance(sources, Sized) else _ENDLESS
    return _iterate(_Caught(function), items, total, workers)


def _iterate(
    function: _Caught[Result], items: Iterator[Item], total: int, workers: int | Executor | None
) -> Generator[Result | Failure]:
    waiting: deque[tuple[Item, Future[Result | str]]] = deque()
    with open_executor(workers) as executor:
        most = 1 if executor.count == 1 else _ITEMS_EACH * executor.count
        executor.expect(total)
        try:
            for item in items:
                waiting.append((item, executor.submit(function, item)))
                while waiting and (len(waiting) >= most or waiting[0][1].done()):
                    yield _finish(*waiting.popleft())
            while waiting:
                yield _finish(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()


def _finish(item: Item, future: Future[Any]) -> Any:
    try:
        result = future.result()
    except WorkerError as error:  # the item ended two processes
        result = describe_failure(error, get_subject(item))
    return make_failure(item, result) if isinstance(result, str) else result


def make_failure(item: Item, reason: str) -> Failure:
    """Failure of a recording."""
    if not isinstance(item, Named):
        return Failure(get_file(item), reason, str(item))
    return Failure(Path(item.name.replace("\0", "")), reason, item.name)


@dataclass(frozen=True)
class _FeatureFunction:
    spec: FeatureSpec
    max_seconds: float

    def __call__(self, item: Item) -> FeatureVector:
        _, signal = load_item(item, max_seconds=self.max_seconds)
        name = item.name if isinstance(item, Named) else str(item)
        return FeatureVector(name, compute_features(signal, self.spec))


def iter_features(
    sources: Iterable[Source | tuple[str, Source]],
    spec: FeatureSpec,
    *,
    rate_hz: int | None = None,
    max_seconds: float = MAX_SECONDS,
    workers: int | Executor | None = None,
) -> Generator[FeatureVector | Failure]:
    """Features of recordings, in order, as they are finished.

    Parameters
    ----------
    sources, rate_hz
        As for ``iter_predictions``.
    spec : FeatureSpec
    max_seconds : float
        Longest recording to accept.
    workers : int or Executor, optional
        As for ``extract``.

    Yields
    ------
    FeatureVector or Failure

    Examples
    --------
    >>> from voxaffect.extraction import iter_features
    >>> for features in iter_features(["call.wav"], va.get_feature_spec("classic")):
    ...     print(features.source, features.values.shape)
    call.wav (180,)
    """
    check_spec(spec)
    check_number(max_seconds, "max_seconds")
    function = _FeatureFunction(spec, max_seconds)
    return iter_results(function, sources, rate_hz=rate_hz, workers=workers)
