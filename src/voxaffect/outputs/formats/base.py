"""Contract of an output format, and what all formats share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from voxaffect.extraction import Failure
from voxaffect.models import Model
from voxaffect.records.codec import to_json, to_plain
from voxaffect.records.results import Document, FailureRecord, ModelRecord

Level = Literal["segments", "windows"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Run:
    """Circumstances of results, for formats that hold them.

    Parameters
    ----------
    level : {"segments", "windows"}
        Of timelines, in formats that hold one of them.
    model : Model, optional
        That gave the results.
    failures : sequence of Failure
        Recordings that could not be used.
    has_files : bool
        Whether the sources are files of this machine, whose paths results may hold.
    """

    level: Level = "segments"
    model: Model | None = None
    failures: Sequence[Failure] = ()
    has_files: bool = True


@dataclass(frozen=True)
class Format:
    """One way to write predictions, or timelines.

    Parameters
    ----------
    encoder : callable
        From a sequence of results and a `Run` to the whole file.
    suffix : str
        Ending of the names of such files.
    holds : {"all", "recording", "channel"}
        What one file can hold: all results, those of one recording, or of one channel.
    levels : tuple of str
        Of timelines: ``segments``, and ``windows`` where segments may overlap.
    is_text : bool
        Whether a terminal can show it.
    is_for_people : bool
        Whether people read it, so that a terminal's alphabet may shape it.
    check : callable
        Raises MissingExtraError where a library that it needs is not installed.
    """

    encoder: Callable[[Sequence[Any], Run], str | bytes]
    suffix: str
    holds: Literal["all", "recording", "channel"] = "all"
    levels: tuple[Level, ...] = ("segments", "windows")
    is_text: bool = True
    is_for_people: bool = False
    check: Callable[[], None] = lambda: None

    def encode(self, results: Sequence[Any], run: Run | None = None) -> str | bytes:
        """Return the content of a file."""
        return self.encoder(results, run or Run())


def encode_document(schema: type[Document], results: Sequence[Any], run: Run) -> str:
    """JSON of results in an envelope, which names the model and the failures."""
    content = {
        "model": describe_model(run.model) if run.model else None,
        "results": results,
        "failures": [describe_failure(failure) for failure in run.failures],
    }
    return to_json(to_plain(content, schema))


def describe_model(model: Model) -> ModelRecord:
    """Record of a model: its digest, and the licenses of what it was trained on."""
    corpora = model.card.corpora.items()
    return ModelRecord(
        name=model.name,
        sha256=model.sha256,
        format=model.card.format,
        threshold=model.card.abstention.get("threshold"),
        licenses={name: corpus["license"] for name, corpus in corpora},
    )


def describe_failure(failure: Failure) -> FailureRecord:
    """Record of a failure."""
    message = str(failure.reason)
    return FailureRecord(source=failure.source, error=failure.error, message=message)


def group_by_source(results: Sequence[Any]) -> dict[str, list[Any]]:
    """Results of each recording, in order."""
    groups: dict[str, list[Any]] = {}
    for result in results:
        groups.setdefault(result.source, []).append(result)
    return groups
