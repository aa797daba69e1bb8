"""Where the figures of ``predict --plot`` go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import click

from voxaffect.cli.output import (
    Writes,
    check_apart,
    check_apart_from,
    check_output,
    check_output_folder,
)
from voxaffect.cli.results import Results, is_folder
from voxaffect.files import make_folder
from voxaffect.outputs.formats import group_by_source, name_outputs
from voxaffect.recognition import Timeline

_ENDINGS = (".png", ".svg")
_DEFAULT_ENDING = ".png"


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

        for source, found in group_by_source(timelines).items():
            with writes.attempt():
                path = self.files[source]
                make_folder(path.parent)
                plot(found, path, recording=content or Path(source))


def figures_to(
    option: str | None,
    sources: Sequence[str],
    *,
    taken: Collection[Path | None],
    results: Results,
) -> Figures:
    """Decide where figures go, before the work.

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
    if path.suffix.lower() in _ENDINGS and not is_folder(option):
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
        raise click.UsageError(f"{option}: expected a name ending in {', '.join(_ENDINGS)}.")
    check_output_folder(path, sources=taken)
    files = {source: _in(path, name) for source, name in name_outputs(sources).items()}
    check_apart(results.output, *files.values())
    return Figures(files)


def _in(folder: Path, name: PurePath) -> Path:
    return folder / name.with_name(f"{name.name}{_DEFAULT_ENDING}")
