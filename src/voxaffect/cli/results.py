"""Where the results of ``predict`` go: which formats, which files, decided before the work."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import click

from voxaffect.cli.output import Writes, check_output_folder, check_result, emit, real
from voxaffect.errors import VoxaffectError
from voxaffect.files import make_folder, sync_files, write_text, write_whole
from voxaffect.outputs.formats import (
    PREDICTION_FORMATS,
    TIMELINE_FORMATS,
    Format,
    Level,
    Run,
    group_by_source,
    name_outputs,
)

_JOURNAL = "voxaffect.journal"
_STEM = "emotions"
"""Of the file, in a folder, that holds all recordings."""


def formats_named(
    values: Sequence[str], output: str | None, *, is_timeline: bool
) -> dict[str, Format]:
    """Return the formats asked for, or the one that the output's name tells, or the table.

    Raises
    ------
    click.UsageError
        If one is unknown, or needs a timeline.
    """
    known = TIMELINE_FORMATS if is_timeline else PREDICTION_FORMATS
    names = [name.strip().lower() for value in values for name in value.split(",")]
    names = names or [_told_by(output)]
    for name in names:
        if name not in known and name in TIMELINE_FORMATS:
            raise click.UsageError(f"{name} shows emotion over time: add --timeline.")
        if name not in known:
            raise click.UsageError(f"{name!r} is no format; there are {', '.join(known)}.")
    return {name: known[name] for name in names}


def _told_by(output: str | None) -> str:
    """Name the format whose ending the output has; without any ending, the table."""
    if output is None or is_folder(output) or not Path(output).suffix:
        return "table"
    ends = {
        name: form
        for name, form in TIMELINE_FORMATS.items()
        if output.lower().endswith(form.suffix.lower())
    }
    if not ends:
        endings = ", ".join(dict.fromkeys(form.suffix for form in TIMELINE_FORMATS.values()))
        raise click.UsageError(
            f"{output}: expected a name ending in {endings}; or name a format with --format."
        )
    return max(ends, key=lambda name: len(ends[name].suffix))


def check_named(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """Refuse an empty name, as an unset variable leaves it."""
    if value == "":
        raise click.BadParameter("an empty name. Is a variable unset?")
    return value


def is_folder(output: str) -> bool:
    """Whether a name is, or asks to become, a folder."""
    # os.path.isdir, unlike Path.is_dir, never raises.
    return os.path.isdir(output) or output.endswith(("/", os.sep))  # noqa: PTH112


@dataclass(frozen=True)
class Results:
    """What is written where.

    Parameters
    ----------
    formats : mapping of str to Format
    output : Path, optional
        A file, or a folder; standard output by default.
    in_folder : bool
    names : mapping of str to PurePath
        Of each source, its place in a folder, without ending.
    level : {"segments", "windows"}, optional
        Of timelines.
    """

    formats: Mapping[str, Format]
    output: Path | None
    in_folder: bool
    names: Mapping[str, PurePath]
    level: Level | None = None

    def journal(self) -> Path:
        """Where the journal of a run lies: in the folder, which it makes, or beside the file."""
        if self.output is None:
            raise click.UsageError("--resume keeps a journal beside the output: name it with -o.")
        if self.in_folder:
            make_folder(self.output)
            return self.output / _JOURNAL
        return self.output.with_name(f"{self.output.name}.journal")

    def check(self, *, taken: Collection[Path]) -> None:
        """Refuse a place that cannot or must not be written to.

        Raises
        ------
        VoxaffectError
            If the folder above does not exist, or a file to write is a recording.
        """
        if self.output is None or not self.in_folder:
            check_result(self.output, sources=taken)
            return
        check_output_folder(self.output, sources=taken)
        read = {real(path) for path in taken}
        for form in self.formats.values():
            for name in [PurePath(_STEM)] if form.holds == "all" else self.names.values():
                path = self._file(name, form)
                if real(path) in read:
                    raise VoxaffectError(
                        f"{path}: would overwrite a recording. Name another folder."
                    )
                if os.path.isdir(path):  # noqa: PTH112
                    raise VoxaffectError(f"{path}: is a folder, expected a file to write.")

    def makes(self, folder: Path) -> bool:
        """Whether a folder is that of the results, which is made before anything goes into it."""
        return self.in_folder and self.output is not None and real(folder) == real(self.output)

    def _file(self, name: PurePath, form: Format, channel: str = "") -> Path:
        folder = self.output or Path()
        return folder / name.with_name(f"{name.name}{channel}{form.suffix}")

    def write(self, results: Sequence[Any], writes: Writes, run: Run) -> None:
        """Print or write everything; each file whole or not at all, whatever fails."""
        paths = []
        for form in self.formats.values():
            for path, part in self._files(form, results):
                with writes.attempt():
                    content = form.encode(part, run)
                    if path is not None:
                        _write(path, content, in_folder=self.in_folder)
                        paths.append(path)
                    elif isinstance(content, str):
                        emit(content, None, is_data=not form.is_for_people)
        if self.in_folder:
            with writes.attempt():
                sync_files(paths)

    def _files(
        self, form: Format, results: Sequence[Any]
    ) -> Iterator[tuple[Path | None, Sequence[Any]]]:
        """Split results into files."""
        if not self.in_folder:
            yield self.output, results
        elif form.holds == "all":
            yield self._file(PurePath(_STEM), form), results
        else:
            for source, found in group_by_source(results).items():
                name = self.names[source]
                # Of each channel by itself, so that no other recording can have the name.
                numbered = [one for one in found if one.channel.isdigit()]
                if form.holds == "recording" or not numbered:
                    yield self._file(name, form), found
                    continue
                for timeline in numbered:
                    yield self._file(name, form, f".{timeline.channel}"), [timeline]


def _write(path: Path, content: str | bytes, *, in_folder: bool) -> None:
    if in_folder:
        make_folder(path.parent)
    if isinstance(content, str):
        write_text(path, content, is_alone=not in_folder)
    else:
        write_whole(path, lambda stream: stream.write(content), is_alone=not in_folder)


def results_to(
    formats: Mapping[str, Format],
    output: str | None,
    sources: Sequence[str],
    *,
    level: Level | None = None,
    channels: str | None = None,
) -> Results:
    """Decide where results go.

    Parameters
    ----------
    formats : mapping of str to Format
    output : str, optional
        As it was typed.
    sources : sequence of str
        All recordings.
    level, channels : str, optional
        Of timelines.

    Raises
    ------
    click.UsageError
        If they do not fit where they should go.
    MissingExtraError
        If a format needs a library that is not installed.
    """
    for name, form in formats.items():
        form.check()
        if level and level not in form.levels:
            raise click.UsageError(f"{name} holds segments, which do not overlap, not {level}.")
        if output is None and not form.is_text:
            raise click.UsageError(f"{name} is no text: name a file with -o.")
    reason = _why_several(formats, len(sources), channels)
    in_folder = output is not None and (bool(reason) or is_folder(output))
    if reason and (output is None or _is_one_file(output)):
        raise click.UsageError(f"{reason} name a folder with -o.")
    names = name_outputs(sources) if in_folder else {}
    return Results(formats, Path(output) if output else None, in_folder, names, level)


def _why_several(formats: Mapping[str, Format], count: int, channels: str | None) -> str:
    """Say why one file is not enough, if it is not."""
    if len(formats) > 1:
        return f"{len(formats)} formats make several files:"
    for name, form in formats.items():
        if form.holds != "all" and count > 1:
            return f"a file of {name} holds one recording, and there are {count}:"
        if form.holds == "channel" and channels == "each":
            return f"a file of {name} holds one channel:"
    return ""


def _is_one_file(output: str) -> bool:
    """Whether a name is a file's, or looks like one."""
    if os.path.lexists(output):
        return not os.path.isdir(output)  # noqa: PTH112
    endings = tuple(form.suffix.lower() for form in TIMELINE_FORMATS.values())
    return output.lower().endswith(endings)
