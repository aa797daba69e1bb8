"""Options of ``predict`` and ``timeline``, and their way from recordings to files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from voxaffect.audio import MAX_STREAM_BYTES
from voxaffect.cli.advice import count_without_speech, list_without_speech
from voxaffect.cli.help import Function, Option, group_options
from voxaffect.cli.inputs import (
    EXAMPLE,
    find_recordings,
    labels_option,
    list_files,
    max_seconds_option,
    model_option,
    read_example,
    uncertain_below_option,
)
from voxaffect.cli.lists import read_list
from voxaffect.cli.outputs import Writes, check_output, emit, finish, summarize
from voxaffect.cli.results import (
    Figures,
    Results,
    check_named,
    choose_figures,
    choose_formats,
    choose_results,
    is_folder,
)
from voxaffect.cli.usage import refuse_options
from voxaffect.console import stderr_is_terminal
from voxaffect.errors import ArgumentError, AudioError
from voxaffect.extraction import Failure
from voxaffect.files import escape_control, read_standard_input
from voxaffect.outputs.formats import LOCAL_FILES, AudioAddress, Format, Run
from voxaffect.outputs.summary import format_timeline_summary
from voxaffect.recognition.checkpoint import discard
from voxaffect.records.choices import CHANNELS, DEFAULT_VAD, VADS, Level

if TYPE_CHECKING:
    from voxaffect.models import Model
    from voxaffect.recognition import Batch, Timeline
    from voxaffect.recognition.channels import ChannelChoice
    from voxaffect.recognition.tasks import PredictionTask, TimelineTask

_input_option = partial(click.option, cls=Option, section="Input")
_output_option = partial(click.option, cls=Option, section="Output")
_run_option = partial(click.option, cls=Option, section="Run")
recognition_option = partial(click.option, cls=Option, section="Recognition")


def _split_names(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else value.split(",")


def choose_channels(options: Mapping[str, Any]) -> ChannelChoice:
    """Choose the channels, with their names if there are any.

    Raises
    ------
    click.UsageError
        If the names do not go with the channels, or are no names.
    """
    from voxaffect.recognition.channels import make_choice

    names = options["channel_names"]
    if options["channels"] == "mix":
        refuse_options(
            ("channel_names",), "{} goes with --channels each, left or right: the mix has no names."
        )
        names = None
    try:
        return make_choice(options["channels"], names)
    except ArgumentError as error:
        message = str(error).replace("channel_names", "--channel-names", 1)
        raise click.UsageError(message) from error


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
    _input_option(
        "--channel-names",
        callback=_split_names,
        metavar="A,B,…",
        help="A name for each channel of the recordings, in order, such as agent,customer. Results "
        "show it. Goes with --channels each, left and right.",
    ),
)

recognition_options = group_options(
    model_option,
    labels_option,
    recognition_option(
        "--vad",
        type=click.Choice(VADS),
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


class _FormatOption(Option):
    """Option whose help lists all formats; those of plug-ins are searched for that only."""

    def __init__(self, *names: Any, formats: Mapping[str, Format], **options: Any) -> None:
        super().__init__(*names, **options)
        self._formats = formats

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return names and help."""
        self.help = (
            f"One or more of {', '.join(self._formats)}; separate several with commas.  "
            "[default: from the ending of --output, otherwise table]"
        )
        return super().get_help_record(ctx)


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
            cls=_FormatOption,
            formats=formats,
            multiple=True,
            metavar="A,B,…",
        ),
        _output_option(
            "--audio-url",
            metavar="URL",
            default=LOCAL_FILES,
            show_default=True,
            help="With --format labelstudio: beginning of the address of every recording. "
            "The default stands for files on the disk of Label Studio.",
        ),
        _output_option(
            "--audio-root",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="FOLDER",
            help="With --format labelstudio: folder that the addresses begin at, such as Label "
            "Studio's document root. By default, the working folder.",
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
    is_streamed : bool
        Whether results are printed as they are finished.
    audio : AudioAddress
        Of recordings, in formats that name their addresses.
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
    is_streamed: bool
    audio: AudioAddress = field(default_factory=AudioAddress)

    @property
    def prints_table(self) -> bool:
        """True if a table goes to standard output."""
        return self.output is None and "table" in self.results.formats

    def recognize(
        self, task: PredictionTask | TimelineTask, *, adapt: str | None, progress_files: int
    ) -> Batch[Any]:
        """Recognize all recordings, with a progress bar from so many on."""
        from voxaffect.extraction.sources import Named
        from voxaffect.recognition.batch import Batch, run_batch

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
            on_results=partial(self._print, task.model) if self.is_streamed else None,
        )

    def _print(self, model: Model, results: Sequence[Any]) -> None:
        """Print the lines of one recording as soon as it is finished."""
        for form in self.results.formats.values():
            content = form.encode(results, Run(model=model))
            emit(str(content), None, is_data=True)

    def _print_summary(self, timelines: Sequence[Timeline]) -> None:
        """Print the summary of each timeline after a table on standard output."""
        if not self.prints_table:
            return
        lines = [line for timeline in timelines for line in format_timeline_summary(timeline)]
        emit("".join(f"{escape_control(line)}\n" for line in ["", *lines]), None)

    def finish(
        self,
        batch: Batch[Any],
        model: Model,
        *,
        has_sound: bool = True,
        is_level_free: bool = False,
    ) -> None:
        """Write results and figures, list what failed, and end with the exit code."""
        failures = (*batch.failures, *self.failures)
        writes = Writes()
        run = Run(
            self.results.level or "segments",
            model,
            failures,
            content=self.content,
            has_sound=has_sound,
            audio=self.audio,
            is_free=is_level_free,
        )
        self.results.write(() if self.is_streamed else batch.results, writes, run)
        if self.results.level is not None and batch.results:
            self._print_summary(batch.results)
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
    read: Collection[Path] = (),
) -> Job:
    """Find the recordings and decide where results go, or refuse before the work.

    Parameters
    ----------
    sources : tuple of str
    options : mapping of str to value
        Of `input_options`, `output_options`, `recognition_options` and `run_options`.
    formats : mapping of str to Format
        All that the command knows.
    level : str, optional
        Of timelines.
    plot : str, optional
        Where figures go, as it was typed.
    read : collection of Path
        What else the command reads, which no output may overwrite.
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
    taken = [*paths, *list_files(options["model"], options["list_path"]), *read]
    output = options["output"]
    if output and not is_folder(output):
        check_output(Path(output), sources=taken)
    chosen = choose_formats(options["format_names"], output, formats)
    results = choose_results(chosen, output, names, level=level, channels=options["channels"])
    results.check(taken=taken)
    audio = _choose_addresses(options, chosen, names)
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
        is_streamed=results.is_stream and name is None and not options["adapt"],
        audio=audio,
    )


def _choose_addresses(
    options: Mapping[str, Any], formats: Mapping[str, Format], names: Sequence[str]
) -> AudioAddress:
    """Addresses of the recordings, refused before the work if a recording has none."""
    if "labelstudio" not in formats:
        refuse_options(("audio_url", "audio_root"), "{} goes with --format labelstudio.")
        return AudioAddress()
    audio = AudioAddress(options["audio_url"], options["audio_root"])
    for name in names:
        audio.locate(name)
    return audio


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
        return read_example()
    return read_standard_input(limit=MAX_STREAM_BYTES, what="a recording", error=AudioError)
