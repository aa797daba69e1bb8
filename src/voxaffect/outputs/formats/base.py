"""Contract of an output format, and what all formats share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from urllib.parse import quote

from voxaffect.errors import VoxaffectError
from voxaffect.records.choices import Level
from voxaffect.records.codec import to_json, to_plain
from voxaffect.records.results import Document, ModelRecord

if TYPE_CHECKING:
    from voxaffect.extraction import Failure
    from voxaffect.models import Model

Result = TypeVar("Result")
SPEECH_LEVELS: Final[tuple[Level, ...]] = ("segments", "turns", "sentences")
"""Levels of formats that hold speech once; windows overlap."""
LOCAL_FILES = "/data/local-files/?d="
"""Address of files that Label Studio reads from its own disk."""


@dataclass(frozen=True)
class AudioAddress:
    """Addresses of recordings in a program that loads them over HTTP.

    Parameters
    ----------
    prefix : str
        Beginning of every address; the path follows, percent-encoded.
    folder : Path, optional
        That the paths are relative to; by default the working folder.

    Examples
    --------
    >>> AudioAddress("https://example.com/calls").locate("may/1 2.wav")
    'https://example.com/calls/may/1%202.wav'
    """

    prefix: str = LOCAL_FILES
    folder: Path | None = None

    def locate(self, source: str) -> str:
        """Return the address of a recording.

        Raises
        ------
        VoxaffectError
            If the file is not under the folder.
        """
        folder = os.path.abspath(self.folder or ".")  # noqa: PTH100 (keeps links)
        try:
            path = PurePath(os.path.abspath(source)).relative_to(folder)  # noqa: PTH100
        except ValueError:
            raise VoxaffectError(
                f"{source}: is not under {folder}, so it has no address. Name the folder that the "
                "addresses begin at with --audio-root."
            ) from None
        return self.join(path.as_posix())

    def join(self, name: str) -> str:
        """Return the address of a path that is relative already."""
        separator = "" if self.prefix.endswith(("/", "=")) else "/"
        return f"{self.prefix}{separator}{quote(name)}"


@dataclass(frozen=True)
class Run:
    """Circumstances of results, for formats that hold them.

    Parameters
    ----------
    level : {"segments", "windows", "turns", "sentences"}
        Of timelines, in formats that hold one of them.
    model : Model, optional
        That gave the results.
    failures : sequence of Failure
        Recordings that could not be used.
    has_files : bool
        Whether the sources are files of this machine, whose paths results may hold.
    content : bytes, optional
        Of the one recording, where its source is no file; formats that hold sound read it.
    has_sound : bool
        Whether such formats hold the sound.
    audio : AudioAddress
        Of recordings, in formats that name their addresses.
    is_free : bool
        Whether a format may write the level that its readers expect instead: subtitles sentences.
    """

    level: Level = "segments"
    model: Model | None = None
    failures: Sequence[Failure] = ()
    has_files: bool = True
    content: bytes | None = None
    has_sound: bool = True
    audio: AudioAddress = AudioAddress()
    is_free: bool = False


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
    preferred : tuple of str
        Levels that readers of the format expect: the first that the timelines have is written
        where nobody has chosen one.
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
    preferred: tuple[Level, ...] = ()
    is_text: bool = True
    is_for_people: bool = False
    check: Callable[[], None] = lambda: None

    def list_levels(self) -> str:
        """Return the levels in words, such as ``segments, turns or sentences``."""
        *others, last = self.levels
        return f"{', '.join(others)} or {last}" if others else last

    def encode(self, results: Sequence[Any], run: Run | None = None) -> str | bytes:
        """Return the content of a file."""
        run = run or Run(is_free=True)
        if run.is_free:
            known = (one for one in self.preferred if any(getattr(part, one) for part in results))
            run = replace(run, level=next(known, run.level))
        return self.encoder(results, run)


def encode_document(schema: type[Document], results: Sequence[Any], run: Run) -> str:
    """JSON of results in an envelope, which names the model and the failures."""
    return to_json(make_document(schema, results, run))


def make_document(schema: type[Document], results: Sequence[Any], run: Run) -> dict[str, Any]:
    """Plain data of results in an envelope."""
    content = {
        "model": describe_model(run.model) if run.model else None,
        "results": results,
        "failures": list(run.failures),
    }
    return to_plain(content, schema)


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


def group_by_source(results: Sequence[Any]) -> dict[str, list[Any]]:
    """Results of each recording, in order."""
    groups: dict[str, list[Any]] = {}
    for result in results:
        groups.setdefault(result.source, []).append(result)
    return groups
