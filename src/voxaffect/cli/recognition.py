"""Options of ``predict`` and ``timeline``, and their way from recordings to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any

import click

from voxaffect.audio import MAX_STREAM_BYTES
from voxaffect.cli.advice import count_without_speech, list_without_speech
from voxaffect.cli.help import Function, Option, group_options
from voxaffect.cli.inputs import (
    find_recordings,
    list_files,
    max_seconds_option,
    model_option,
    uncertain_below_option,
)
from voxaffect.cli.lists import read_list
from voxaffect.cli.outputs import Writes, check_output, finish, summarize
from voxaffect.cli.results import (
    Figures,
    Results,
    check_named,
    choose_figures,
    choose_formats,
    choose_results,
    is_folder,
)
from voxaffect.console import stderr_is_terminal
from voxaffect.errors import AudioError
from voxaffect.extraction import Failure
from voxaffect.extraction.sources import Named
from voxaffect.files import read_standard_input
from voxaffect.models import Model
from voxaffect.outputs.formats import Format, Level, Run
from voxaffect.recognition.batch import Batch, run_batch
from voxaffect.recognition.channels import CHANNELS
from voxaffect.recognition.checkpoint import discard
from voxaffect.recognition.tasks import PredictionTask, TimelineTask
from voxaffect.recognition.timelines.vad import DEFAULT_VAD, VAD_METHODS

EXAMPLE = "example.wav"

_input_option = partial(click.option, cls=Option, section="Input")
_output_option = partial(click.option, cls=Option, section="Output")
_run_option = partial(click.option, cls=Option, section="Run")
recognition_option = partial(click.option, cls=Option, section="Recognition")

input_options = group_options(
    click.argument("sources", nargs=-1, metavar="[FILE | FOLDER | PATTERN | -]..."),
    _input_option("--example", is_flag=True, help="Recognize the bundled recording."),
    _input_option(
        "--list",
        "list_path",
        type=click.Path(path_type=Path, allow_dash=True),
        metavar="FILE",
        help="Text file with one recording on each line; - reads the list from standard input.",
    ),
    max_seconds_option(),
    _input_option(
        "--channels",
        type=click.Choice(CHANNELS),
        default="mix",
        show_default=True,
        help="mix: all channels mixed. left, right: one channel. each: one answer for "
        "each channel, such as the two sides of a call.",
    ),
)

recognition_options = group_options(
    model_option,
    recognition_option(
        "--vad",
        type=click.Choice(list(VAD_METHODS)),
        default=DEFAULT_VAD,
        show_default=True,
        help="Voice-activity detection. silero and webrtc ignore silence and sound that is not "
        "speech. energy ignores silence only. webrtc needs the extra vad.",
    ),
    uncertain_below_option,
)

run_options = group_options(
    _run_option(
        "--resume",
        is_flag=True,
        help="Keep a checkpoint of finished recordings next to the output. After an interruption, "
        "the same command continues there. If all recordings succeed, the checkpoint is deleted.",
    ),
    _run_option(
        "--workers",
        type=click.IntRange(min=1),
        help="Number of parallel workers; all processors by default.",
    ),
)


def output_options(formats: Mapping[str, Format]) -> Callable[[Function], Function]:
    """Options of the place and the formats of results."""
    return group_options(
        _output_option(
            "-o",
            "--output",
            metavar="FILE | FOLDER",
            callback=check_named,
            help="Write to this file or folder, not to standard output.",
        ),
        _output_option(
            "--format",
            "format_names",
            multiple=True,
            metavar="A,B,…",
            help=f"One or more of {', '.join(formats)}; separate several with commas.  "
            "[default: from the ending of --output, otherwise table]",
        ),
    )


@dataclass(frozen=True)
class Job:
    """Work of one command: its recordings and outputs, checked before the work.

    Parameters
    ----------
    paths : list of Path
    failures : tuple of Failure
        Arguments that name no recording.
    name : str, optional
        Of the one recording that is no file: the example, or standard input.
    content : bytes, optional
        Of that recording.
    results : Results
    figures : Figures
    checkpoint : Path, optional
    output : str, optional
        As it was typed.
    workers : int, optional
    vad : str
    began : float
    """

    paths: list[Path]
    failures: tuple[Failure, ...]
    name: str | None
    content: bytes | None
    results: Results
    figures: Figures
    checkpoint: Path | None
    output: str | None
    workers: int | None
    vad: str
    began: float

    def recognize(
        self, task: PredictionTask | TimelineTask, *, adapt: str | None, progress_files: int
    ) -> Batch[Any]:
        """Recognize all recordings, with a progress bar from so many on."""
        if self.name is not None and self.content is not None:  # its fault is the command's
            item = Named(self.name, self.content)
            if not adapt:
                return Batch(task.recognize(item), (), 1)
            batch: Batch[Any] = run_batch([item], task, adapt=adapt, workers=self.workers)
            if batch.failures:
                raise AudioError(batch.failures[0].reason)
            return batch
        return run_batch(
            self.paths,
            task,
            adapt=adapt,
            total=len(self.paths),
            resume=self.checkpoint,
            workers=self.workers,
            progress=len(self.paths) >= progress_files and stderr_is_terminal(),
        )

    def finish(self, batch: Batch[Any], model: Model) -> None:
        """Write results and figures, list what failed, and end with the exit code."""
        failures = (*batch.failures, *self.failures)
        writes = Writes()
        run = Run(self.results.level or "segments", model, failures)
        self.results.write(batch.results, writes, run)
        self.figures.draw(batch.results, writes, content=self.content)
        if self.checkpoint and not (failures or writes.failures):
            discard(self.checkpoint)
        silent = count_without_speech(batch.results)
        if self.output and not writes.failures:
            seconds = monotonic() - self.began
            summarize(
                batch.files,
                len(failures),
                without_speech=silent,
                seconds=seconds,
                output=self.output,
                model=model.name,
            )
        list_without_speech(batch.results, batch.files + len(failures), vad=self.vad)
        finish(failures, batch.files, without_speech=0 if writes.failures else silent)
        writes.finish()


def prepare_job(
    sources: tuple[str, ...],
    options: Mapping[str, Any],
    formats: Mapping[str, Format],
    *,
    level: Level | None = None,
    plot: str | None = None,
) -> Job:
    """Find the recordings and decide where results go, or refuse before the work.

    Parameters
    ----------
    sources : tuple of str
    options : mapping of str to value
        Of `input_options`, `output_options`, `recognition_options` and `run_options`.
    formats : mapping of str to Format
        All that the command knows.
    level : {"segments", "windows"}, optional
        Of timelines.
    plot : str, optional
        Where figures go, as it was typed.
    """
    began = monotonic()
    _check_usage(sources, options)
    name = EXAMPLE if options["example"] else "-" if sources == ("-",) else None
    paths: list[Path] = []
    failures: tuple[Failure, ...] = ()
    if name is None:
        listed = read_list(options["list_path"]) if options["list_path"] else ()
        paths, failures = find_recordings([*sources, *listed])
    names = [name] if name else [*map(str, paths)]
    taken = [*paths, *list_files(options["model"], options["list_path"])]
    output = options["output"]
    if output and not is_folder(output):
        check_output(Path(output), sources=taken)
    chosen = choose_formats(options["format_names"], output, formats)
    results = choose_results(chosen, output, names, level=level, channels=options["channels"])
    results.check(taken=taken)
    figures = choose_figures(plot, names, taken=taken, results=results)
    return Job(
        paths,
        failures,
        name,
        _read_content(name) if name else None,
        results,
        figures,
        results.prepare_checkpoint() if options["resume"] else None,
        output,
        options["workers"],
        options["vad"],
        began,
    )


def _check_usage(sources: tuple[str, ...], options: Mapping[str, Any]) -> None:
    """Refuse options that do not go together."""
    if options["example"] == bool(sources or options["list_path"]):
        raise click.UsageError("Name recordings to recognize, or use --example; one of them.")
    if "-" in sources and (sources != ("-",) or options["list_path"]):
        raise click.UsageError("- reads one recording from standard input and stands alone.")
    if options["resume"] and (options["example"] or sources == ("-",)):
        raise click.UsageError("--resume goes with files and folders.")


def _read_content(name: str) -> bytes:
    """Bytes of a recording that is no file: the example, or standard input."""
    if name == EXAMPLE:
        return (files("voxaffect") / "data" / EXAMPLE).read_bytes()
    return read_standard_input(limit=MAX_STREAM_BYTES, what="a recording", error=AudioError)
