"""``predict`` and ``info``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from inspect import signature
from pathlib import Path
from time import monotonic
from typing import Any

import click

from voxaffect.audio import MAX_STREAM_BYTES, open_blocks
from voxaffect.cli.advice import count_without_speech, list_without_speech, warn
from voxaffect.cli.figures import figures_to
from voxaffect.cli.lists import read_list
from voxaffect.cli.output import Writes, check_output, finish, max_seconds_option, summarize
from voxaffect.cli.results import Results, check_named, formats_named, is_folder, results_to
from voxaffect.cli.sources import open_model, recordings
from voxaffect.console import print_data, print_line, stderr_is_terminal
from voxaffect.errors import AudioError
from voxaffect.extraction import Failure
from voxaffect.features.affect.enrollment import Speaker
from voxaffect.files import read_standard_input
from voxaffect.models import Model, ModelCard
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS, Level, Run
from voxaffect.recognition import enroll_speaker, timeline
from voxaffect.recognition.batch import Predictions, Recognized, Timelines, recognize
from voxaffect.recognition.channels import CHANNELS
from voxaffect.recognition.checkpoint import forget
from voxaffect.recognition.prediction import Method
from voxaffect.recognition.timelines.vad import VAD_METHODS
from voxaffect.recognition.timelines.windowing import Cutting
from voxaffect.recognition.utterance import LONG_SECONDS

EXAMPLE = "example.wav"
_DEFAULTS = {**asdict(Cutting()), "channels": signature(timeline).parameters["channels"].default}
_OF_TIMELINES = {"window_seconds": "--window", "hop_seconds": "--hop"}
_OF_BOTH = ("channels", "vad", "max_seconds", "uncertain_below")
_TIMELINE_ONLY = [name for name in TIMELINE_FORMATS if name not in PREDICTION_FORMATS]
_PROGRESS_FILES = 20

Command = Callable[..., None]


def _sound_options(command: Command) -> Command:
    """Add what chooses the sound that is recognized."""
    options = [
        click.option(
            "--channels",
            type=click.Choice(CHANNELS),
            default=_DEFAULTS["channels"],
            show_default=True,
            help="All mixed, one, or each by itself: a call with a person on each side "
            "gets two answers.",
        ),
        click.option(
            "--vad",
            type=click.Choice(list(VAD_METHODS)),
            default=_DEFAULTS["vad"],
            show_default=True,
            help="Voice-activity detection. silero and webrtc (extra vad) pass over "
            "sound that is no speech. energy passes over silence alone.",
        ),
        max_seconds_option(),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _timeline_options(command: Command) -> Command:
    """Add what shapes a timeline."""
    options = [
        click.option(
            "--timeline",
            "is_timeline",
            is_flag=True,
            help="Emotion over time instead of one for each recording.",
        ),
        click.option(
            "--window",
            "window_seconds",
            type=float,
            metavar="SECONDS",
            help="How much speech the model hears at once.  "
            f"[default: {_DEFAULTS['window_seconds']:g}]",
        ),
        click.option(
            "--hop",
            "hop_seconds",
            type=float,
            metavar="SECONDS",
            help="From the end of a window to the end of the next.  "
            f"[default: {_DEFAULTS['hop_seconds']:g}]",
        ),
        click.option(
            "--level",
            type=click.Choice(["segments", "windows"]),
            help="Smoothed segments, or the raw windows under them.  [default: segments]",
        ),
        click.option(
            "--plot",
            metavar="FILE | FOLDER",
            callback=check_named,
            help="Draw the timeline too: .png or .svg; of several recordings, a folder. "
            "Needs the extra plot.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("sources", nargs=-1, metavar="[FILE | FOLDER | PATTERN | -]...")
@click.option("--example", is_flag=True, help="Recognize the bundled recording.")
@click.option(
    "--list",
    "list_path",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Recordings, one a line, beside those named; - reads the list from standard input.",
)
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Model file; the bundled model by default.",
)
@click.option(
    "--format",
    "format_names",
    multiple=True,
    metavar="A,B,…",
    help=f"Of {', '.join(PREDICTION_FORMATS)}; with --timeline also "
    f"{', '.join(_TIMELINE_ONLY)}. Several at once, with commas or "
    "repeated.  [default: as the output's name ends, else table]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE | FOLDER",
    callback=check_named,
    help="Write here instead of standard output.",
)
@_sound_options
@_timeline_options
@click.option(
    "--enroll",
    multiple=True,
    metavar="FILE | FOLDER | PATTERN",
    help="Recordings of the one speaker in all sources, unlabeled, in varied emotions: "
    "about eight sharpen recognition. Repeatable.",
)
@click.option(
    "--uncertain-below",
    type=click.FloatRange(0, 1),
    metavar="PROBABILITY",
    help="Mark predictions and segments below this probability as uncertain; 0 disables.  "
    "[default: the threshold of the model card, set on whole recordings]",
)
@click.option(
    "--explain",
    "is_explained",
    is_flag=True,
    help="Say what each family of features contributes instead: the command explain.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Keep a journal beside the output: after an interruption the same command "
    "goes on where it was. It is deleted when all is done.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="At work at once; all processors by default."
)
def predict(sources: tuple[str, ...], workers: int | None, **options: Any) -> None:
    """Recognize the emotion of recordings.

    Name files, folders (searched through) or patterns; - reads one recording from standard
    input. A recording that cannot be used is listed on standard error; the others are
    recognized all the same.

    The exit code is 0 if every recording got an emotion, 1 if any could not be used, and 3 if all
    could be used but in one or more no speech was found; these are listed on standard error.

    A recording longer than 30 s is recognized window by window. Its answer is the mean over the
    windows of speech, and is marked uncertain; --timeline shows how emotion changes.

    A format that holds one recording, of several, goes into a folder: a file for each, in
    sub-folders as the recordings are. So do several formats.
    """
    if options["is_explained"]:
        _explain(sources, options)
        return
    began = monotonic()
    _check_usage(sources, options)
    name = EXAMPLE if options["example"] else "-" if sources == ("-",) else None
    paths, nowhere = ([], ()) if name else _recordings(sources, options["list_path"])
    names = [name] if name else [*map(str, paths)]
    results = _results(names, paths, options)
    read = (*paths, options["model_path"], options["list_path"])
    figures = figures_to(options["plot"], names, taken=read, results=results)
    journal = results.journal() if options["resume"] else None
    model = open_model(options["model_path"])
    recognizer = _recognizer(model, workers, options)
    content = _content(name) if name else None
    if name and content is not None:
        found = _one(content, name, recognizer)
    else:
        least = 1 if options["is_timeline"] else _PROGRESS_FILES
        progress = len(paths) > least and stderr_is_terminal()
        found = recognize(paths, recognizer, journal=journal, workers=workers, progress=progress)
    failures = (*found.failures, *nowhere)
    if not options["is_timeline"]:
        warn(found.results)
    writes = Writes()
    results.write(found.results, writes, Run(results.level or "segments", model, failures))
    figures.draw(found.results, writes, content=content)
    if journal and not (failures or writes.failures):
        forget(journal)
    without_speech = count_without_speech(found.results)
    if options["output"] and not writes.failures:
        seconds = monotonic() - began
        summarize(
            found.files,
            len(failures),
            without_speech=without_speech,
            seconds=seconds,
            where=options["output"],
        )
    list_without_speech(found.results, found.files + len(failures), vad=options["vad"])
    finish(failures, found.files, without_speech=0 if writes.failures else without_speech)
    writes.finish()


def _explain(sources: tuple[str, ...], options: dict[str, Any]) -> None:
    """Hand over to the command that explains, or refuse what it does not know."""
    others = ("example", "list_path", "is_timeline", "enroll", "resume", "plot", "level")
    is_other_sound = any(options[name] != _DEFAULTS[name] for name in ("channels", "vad"))
    formats = {name for one in options["format_names"] for name in one.split(",")}
    if (
        is_other_sound
        or any(options[name] for name in others)
        or formats - {"table", "json"}
        or "-" in sources
    ):
        raise click.UsageError(
            "--explain goes with recordings, --model, --max-seconds, --format table or json, "
            "and -o."
        )
    if not sources:
        raise click.UsageError("Name recordings to explain.")
    from voxaffect.cli.diagnosis import explain  # who only predicts does not wait for it

    click.get_current_context().invoke(
        explain,
        sources=sources,
        model_path=options["model_path"],
        format_="json" if formats == {"json"} else "text" if formats else None,
        output=Path(options["output"]) if options["output"] else None,
        max_seconds=options["max_seconds"] or LONG_SECONDS,
    )


def _check_usage(sources: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse options that do not go together."""
    named = bool(sources or options["list_path"])
    if options["example"] == named:
        raise click.UsageError("Name recordings to recognize, or use --example; one of them.")
    if "-" in sources and (sources != ("-",) or options["list_path"]):
        raise click.UsageError("- reads one recording from standard input and stands alone.")
    if options["resume"] and (options["example"] or sources == ("-",)):
        raise click.UsageError("--resume goes with files and folders.")
    if options["is_timeline"] and options["enroll"]:
        raise click.UsageError("--enroll goes without --timeline: it adapts to whole utterances.")
    for name, option in {**_OF_TIMELINES, "level": "--level", "plot": "--plot"}.items():
        if options[name] is not None and not options["is_timeline"]:
            raise click.UsageError(f"{option} shapes emotion over time: add --timeline.")


def _recordings(
    sources: tuple[str, ...], list_path: Path | None
) -> tuple[list[Path], tuple[Failure, ...]]:
    return recordings([*sources, *(read_list(list_path) if list_path else ())])


def _results(names: Sequence[str], paths: Sequence[Path], options: dict[str, Any]) -> Results:
    """Decide where results go, and refuse a place before the work is done."""
    is_timeline, output = options["is_timeline"], options["output"]
    others = (options["model_path"], options["list_path"])
    taken = {*paths, *(path for path in others if path)}
    if output and not is_folder(output):
        check_output(Path(output), sources=taken)
    formats = formats_named(options["format_names"], output, is_timeline=is_timeline)
    level: Level | None = (options["level"] or "segments") if is_timeline else None
    results = results_to(formats, output, names, level=level, channels=options["channels"])
    results.check(taken=taken)
    return results


def _recognizer(
    model: Model, workers: int | None, options: dict[str, Any]
) -> Predictions | Timelines:
    """Return what recognizes, told what the options say."""
    if options["is_timeline"]:
        given = {name: options[name] for name in _OF_TIMELINES if options[name] is not None}
        told = {name: given.get(name, _DEFAULTS[name]) for name in _OF_TIMELINES}
        Cutting(told["window_seconds"], told["hop_seconds"])  # refuses numbers
        told |= {name: options[name] for name in _OF_BOTH}
        recognize_one = partial(timeline, model=model, **told)
        return Timelines(recognize_one, model, told, shows_progress=stderr_is_terminal())
    speaker = (
        _enrolled(options["enroll"], model, workers, options["vad"]) if options["enroll"] else None
    )
    return Predictions(Method(model, speaker, **{name: options[name] for name in _OF_BOTH}))


def _enrolled(sources: tuple[str, ...], model: Model, workers: int | None, vad: str) -> Speaker:
    paths, nowhere = recordings(sources)
    if nowhere:
        raise AudioError(nowhere[0].reason)
    return enroll_speaker(paths, model=model, vad=vad, workers=workers)


def _content(name: str) -> bytes:
    """Bytes of a recording that is no file: the example, or standard input."""
    if name == EXAMPLE:
        return (files("voxaffect") / "data" / EXAMPLE).read_bytes()
    return read_standard_input(limit=MAX_STREAM_BYTES, what="a recording", error=AudioError)


def _one(content: bytes, name: str, recognizer: Predictions | Timelines) -> Recognized[Any]:
    """Recognize one recording that is no file, under a name to print."""
    if isinstance(recognizer, Timelines):
        return Recognized(tuple(recognizer.recognize(content, name=name)), (), 1)
    method = recognizer.method
    with open_blocks(content, name=name, max_seconds=method.max_seconds) as recording:
        return Recognized(method.predict(recording), (), 1)


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[MODEL]")
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The same as the argument.",
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--full", is_flag=True, help="With JSON: every feature's name and mean, and the golden vector."
)
def info(path: Path | None, model_path: Path | None, format_: str, full: bool) -> None:
    """Show what a model file says of itself; the bundled model by default."""
    if path and model_path:
        raise click.UsageError("Name the model once: as the argument, or with --model.")
    if full and format_ != "json":
        raise click.UsageError("--full goes with --format json.")
    model = open_model(path or model_path)
    if format_ == "json":
        document = asdict(model.card) if full else _brief(model.card)
        document |= {"sha256": model.sha256, "is_checked": model.is_checked}
        print_data(json.dumps(document, indent=2, allow_nan=False) + "\n")
        return
    for line in _lines(model):
        print_line(line)


def _brief(card: ModelCard) -> dict[str, Any]:
    """Return the card with the features counted, not listed."""
    counted = {"features": len(card.feature_names)}
    lists = {"feature_names", "golden", "mean", "sd"}
    return {key: value for key, value in asdict(card).items() if key not in lists} | counted


def _score(score: Mapping[str, float]) -> str:
    """Mean and standard deviation; a single split, of which the card holds an sd of 0, has none."""
    spread = f" ± {score['sd']:.3f}" if score["sd"] else ""
    return f"{score['mean']:.3f}{spread}"


_COPIES = {
    "at speeds": "speeds",
    "mixed": "mixed_copies",
    "of these in rooms": "room_probability",
    "noisy": "noise_probability",
    "of the noisy with babble": "babble_probability",
}
"""What `info` tells of a card's augmentation."""


def _amount(value: float | list[float]) -> str:
    shown = value[:9] if isinstance(value, list) else [value]
    return " ".join(f"{one:g}" for one in shown)


_CHECKED = "yes: unchanged since it was written (its author is not checked)"
_UNCHECKED = "no: this format has no checksum, so damage may go unnoticed"


def _lines(model: Model) -> list[str]:
    card = model.card
    rate = f"{card.spec.rate_hz} Hz" if card.spec.rate_hz else "the recording's own rate"
    lines = [
        f"model     {model.name}, {len(model.content):,} bytes, format {card.format}",
        f"sha256    {model.sha256}",
        f"checked   {_CHECKED if model.is_checked else _UNCHECKED}",
        f"emotions  {', '.join(card.emotions)}",
        f"features  {card.spec.name} version {card.spec.version}, "
        f"{len(card.feature_names)} numbers at {rate}",
        f"recipe    {card.recipe}, seed {card.seed}, {card.created}",
    ]
    for name, corpus in card.corpora.items():
        lines.append(
            f"corpus    {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers, "
            f"{corpus['license']}"
        )
    if card.augmentation:
        told = (
            f"{name} {_amount(card.augmentation[key])}"
            for name, key in _COPIES.items()
            if key in card.augmentation
        )
        lines.append(f"copies    {', '.join(told)} (--format json has all)")
    for protocol, metrics in card.scores.items():
        values = ", ".join(f"{metric} {_score(value)}" for metric, value in metrics.items())
        lines.append(f"scores    {protocol}: {values}")
    if not card.abstention:
        lines.append("uncertain where --uncertain-below says: no threshold was measured")
    else:
        found = card.abstention
        lines.append(
            f"uncertain under {found['threshold']:.4g}: of the others on new voices "
            f"({found['coverage']:.0%} of all), {found['risk']:.0%} were wrong"
        )
    return [*lines, f"libraries {', '.join(f'{k} {v}' for k, v in card.libraries.items())}"]
