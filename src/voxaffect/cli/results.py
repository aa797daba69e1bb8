"""Files of the results of ``predict`` and ``timeline``, decided before the work."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from voxaffect.cli.outputs import (
    Writes,
    check_apart,
    check_apart_from,
    check_output,
    check_output_folder,
    check_result,
    emit,
    resolve_links,
)
from voxaffect.errors import VoxaffectError
from voxaffect.files import make_folder, sync_files, write_text, write_whole
from voxaffect.outputs.formats import (
    PREDICTION_FORMATS,
    TIMELINE_FORMATS,
    Format,
    Run,
    group_by_source,
    name_outputs,
)
from voxaffect.records.choices import Level

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline

_CHECKPOINT = "voxaffect.checkpoint"
_FIGURE_ENDINGS = (".png", ".svg")
_FIGURE_ENDING = ".png"
_STEM = "emotions"
"""Of the file, in a folder, that holds all recordings."""


def choose_formats(
    values: Sequence[str], output: str | None, known: Mapping[str, Format]
) -> dict[str, Format]:
    """Choose the formats asked for, or the one of the output's ending, or the table.

    Raises
    ------
    click.UsageError
        If one is unknown, or needs a timeline.
    """
    names = [name.strip().lower() for value in values for name in value.split(",")]
    names = names or [_find_format(output)]
    for name in names:
        if name not in known and name in TIMELINE_FORMATS:
            raise click.UsageError(f"{name} shows emotion over time: use voxaffect timeline.")
        if name not in known:
            raise click.UsageError(
                f"there is no format {name!r}; the formats are {', '.join(known)}."
            )
    return {name: known[name] for name in names}


def _find_format(output: str | None) -> str:
    """Name of the format whose ending the output has; without any ending, the table."""
    if output is None or is_folder(output) or not Path(output).suffix:
        return "table"
    lengths = _match_endings(output, TIMELINE_FORMATS.builtins)
    if not lengths:  # plug-ins are loaded for other endings only
        plugins = PREDICTION_FORMATS.load_usable() | TIMELINE_FORMATS.load_usable()
        lengths = _match_endings(output, plugins)
    if not lengths:
        endings = ", ".join(dict.fromkeys(form.suffix for form in plugins.values()))
        raise click.UsageError(
            f"{output}: expected a name ending in {endings}; or name a format with --format."
        )
    return max(lengths, key=lambda name: lengths[name])


def _match_endings(output: str, formats: Mapping[str, Format]) -> dict[str, int]:
    """Formats whose ending a name has, with the length of the ending."""
    return {
        name: len(form.suffix)
        for name, form in formats.items()
        if output.lower().endswith(form.suffix.lower())
    }


def check_named(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """Refuse an empty name, as an unset variable leaves it."""
    if value == "":
        raise click.BadParameter("an empty name. Is a variable unset?")
    return value


def is_folder(output: str) -> bool:
    """True if a name is a folder, or ends as one."""
    # os.path.isdir, unlike Path.is_dir, never raises.
    return os.path.isdir(output) or output.endswith(("/", os.sep))  # noqa: PTH112


@dataclass(frozen=True)
class Results:
    """Files that results go to.

    Parameters
    ----------
    formats : mapping of str to Format
    output : Path, optional
        A file, or a folder; standard output by default.
    in_folder : bool
    names : mapping of str to PurePath
        Of each source, its path in a folder, without ending.
    level : str, optional
        Of timelines.
    """

    formats: Mapping[str, Format]
    output: Path | None
    in_folder: bool
    names: Mapping[str, PurePath]
    level: Level | None = None

    def prepare_checkpoint(self) -> Path:
        """Path of the checkpoint: in the folder, which is made, or next to the file."""
        if self.output is None:
            raise click.UsageError(
                "--resume keeps a checkpoint next to the output: name it with -o."
            )
        if self.in_folder:
            make_folder(self.output)
            return self.output / _CHECKPOINT
        return self.output.with_name(f"{self.output.name}.checkpoint")

    def check(self, *, taken: Collection[Path]) -> None:
        """Refuse a path that cannot or must not be written to.

        Raises
        ------
        VoxaffectError
            If the folder above does not exist, or a file to write is a recording.
        """
        if self.output is None or not self.in_folder:
            check_result(self.output, sources=taken)
            return
        check_output_folder(self.output, sources=taken)
        read = {resolve_links(path) for path in taken}
        for form in self.formats.values():
            for name in [PurePath(_STEM)] if form.holds == "all" else self.names.values():
                path = self._file(name, form)
                if resolve_links(path) in read:
                    raise VoxaffectError(
                        f"{path}: would overwrite a recording. Name another folder."
                    )
                if os.path.isdir(path):  # noqa: PTH112
                    raise VoxaffectError(f"{path}: is a folder, expected a file to write.")

    def makes(self, folder: Path) -> bool:
        """True of the folder of the results, which is made before the first file in it."""
        return (
            self.in_folder
            and self.output is not None
            and resolve_links(folder) == resolve_links(self.output)
        )

    def _file(self, name: PurePath, form: Format, channel: str = "") -> Path:
        folder = self.output or Path()
        return folder / name.with_name(f"{name.name}{channel}{form.suffix}")

    @property
    def is_stream(self) -> bool:
        """True if each result is a line on standard output, which can be printed at once."""
        return self.output is None and [*self.formats] == ["jsonl"]

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
            for source, channels in group_by_source(results).items():
                name = self.names[source]
                # Of each channel by itself, so that no other recording can have the name.
                numbered = [result for result in channels if result.channel.isdigit()]
                if form.holds == "recording" or not numbered:
                    yield self._file(name, form), channels
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


def choose_results(
    formats: Mapping[str, Format],
    output: str | None,
    sources: Sequence[str],
    *,
    level: Level | None = None,
    channels: str | None = None,
) -> Results:
    """Choose the files of results.

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
            raise click.UsageError(f"{name} holds {form.list_levels()}, not {level}.")
        if output is None and not form.is_text:
            raise click.UsageError(f"{name} is no text: name a file with -o.")
    reason = _explain_several(formats, len(sources), channels)
    in_folder = output is not None and (bool(reason) or is_folder(output))
    if reason and (output is None or _is_one_file(output, formats)):
        raise click.UsageError(f"{reason} name a folder with -o.")
    names = name_outputs(sources) if in_folder else {}
    return Results(formats, Path(output) if output else None, in_folder, names, level)


def _explain_several(formats: Mapping[str, Format], count: int, channels: str | None) -> str:
    """Reason why one file is not enough, if it is not."""
    if len(formats) > 1:
        return f"{len(formats)} formats make several files:"
    for name, form in formats.items():
        if form.holds != "all" and count > 1:
            return f"a file of {name} holds one recording, and there are {count}:"
        if form.holds == "channel" and channels == "each":
            return f"a file of {name} holds one channel:"
    return ""


def _is_one_file(output: str, formats: Mapping[str, Format]) -> bool:
    """True if a name is of a file, or looks like one."""
    if os.path.lexists(output):
        return not os.path.isdir(output)  # noqa: PTH112
    known = {**TIMELINE_FORMATS.builtins, **formats}
    return bool(_match_endings(output, known))


@dataclass(frozen=True)
class Figures:
    """A file for each source; none if nothing is to be drawn."""

    files: Mapping[str, Path]

    def draw(
        self, timelines: Sequence[Timeline], writes: Writes, *, content: bytes | None = None
    ) -> None:
        """Draw what was asked for; ``content`` is the recording, if it is no file."""
        if not self.files:
            return
        from voxaffect.outputs.figures.timeline import plot

        for source, channels in group_by_source(timelines).items():
            with writes.attempt():
                path = self.files[source]
                make_folder(path.parent)
                plot(channels, path, recording=content or Path(source))


def choose_figures(
    option: str | None,
    sources: Sequence[str],
    *,
    taken: Collection[Path | None],
    results: Results,
) -> Figures:
    """Choose the files of figures, before the work.

    Parameters
    ----------
    option : str, optional
        As it was typed.
    sources : sequence of str
        All recordings.
    taken : collection of Path
        What the command reads.
    results : Results
        Their folder is made before the figures.

    Raises
    ------
    click.UsageError
        If the name has another ending, is one file for several recordings, or the results' own.
    MissingExtraError
        If Matplotlib is not installed.
    """
    if option is None:
        return Figures({})
    from voxaffect.outputs.figures.timeline import check_installed

    check_installed()
    path = Path(option)
    if path.suffix.lower() in _FIGURE_ENDINGS and not is_folder(option):
        if len(sources) > 1:
            raise click.UsageError(
                f"{option} shows one recording, and there are {len(sources)}: name a folder "
                "with --plot."
            )
        if results.makes(path.parent):
            check_apart_from(path, taken)
        else:
            check_output(path, sources=taken)
        check_apart(results.output, path)
        return Figures(dict.fromkeys(sources, path))
    if path.suffix and not is_folder(option):
        raise click.UsageError(f"{option}: expected a name ending in {', '.join(_FIGURE_ENDINGS)}.")
    check_output_folder(path, sources=taken)
    files = {
        source: path / name.with_name(f"{name.name}{_FIGURE_ENDING}")
        for source, name in name_outputs(sources).items()
    }
    check_apart(results.output, *files.values())
    return Figures(files)
