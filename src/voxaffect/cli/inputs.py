"""Inputs of a command: recordings by files, folders and patterns, and a model."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxaffect.cli.help import Function, Option
from voxaffect.console import print_message, stderr_is_terminal
from voxaffect.errors import AudioError
from voxaffect.extraction import Failure
from voxaffect.files import describe_reason, walk_unique
from voxaffect.files.media import is_recording
from voxaffect.models.bundled import get_default, is_model_name

if TYPE_CHECKING:
    from voxaffect.models import Model

EXAMPLE = "example.wav"

_STANDARD_INPUT = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
"""Names that mean something else in the worker processes that several recordings may need."""


class ModelName(click.Path):
    """Name of a bundled model or of one on the hub, as text; or else a path, as ``Path``.

    So ``./fast`` is a path.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a name as it is, and anything else as a path."""
        return value if is_model_name(value) else super().convert(value, param, ctx)


def _split_labels(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",")]


model_option = click.option(
    "--model",
    cls=Option,
    section="Recognition",
    type=ModelName(),
    metavar="NAME | FILE",
    help="A bundled model, accurate or fast; a model file; or hf:owner/name@revision, a model on "
    "the Hugging Face Hub. Both bundled models are for "
    f"non-commercial use only. fast takes two fifths of the time.  [default: {get_default()}]",
)


uncertain_below_option = click.option(
    "--uncertain-below",
    cls=Option,
    section="Recognition",
    type=click.FloatRange(0, 1),
    metavar="PROBABILITY",
    help="Mark results below this probability as uncertain; 0 disables.  "
    "[default: the threshold of the model card, tuned on whole recordings]",
)


labels_option = click.option(
    "--labels",
    cls=Option,
    section="Recognition",
    callback=_split_labels,
    metavar="A,B,…",
    help="Limit the answers to these emotions of the model. Their probabilities are scaled to a "
    "sum of 1, not calibrated; without --uncertain-below, all results are then uncertain.",
)


def read_example() -> bytes:
    """Bytes of the bundled recording."""
    return (files("voxaffect") / "data" / EXAMPLE).read_bytes()


def max_seconds_option(default: float | None = None) -> Callable[[Function], Function]:
    """Option that limits the length of a recording.

    Parameters
    ----------
    default : float, optional
        Without it, any length is accepted.
    """
    return click.option(
        "--max-seconds",
        cls=Option,
        section="Input",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=default,
        show_default=default is not None,
        help="Refuse recordings that are longer than this.",
    )


def find_recordings(arguments: Sequence[str]) -> tuple[list[Path], tuple[Failure, ...]]:
    """Find recordings by files, folders (searched through) and patterns, each once, in order.

    Returns
    -------
    list of Path
        A file that is named is taken as it is: whether it can be read is found out later.
    tuple of Failure
        Folders without a recording or that cannot be read, patterns that match nothing.

    Raises
    ------
    AudioError
        If nothing at all is found.
    """
    failures: list[Failure] = []
    paths = dict.fromkeys(
        path for argument in arguments for path in _find_by_name(argument, failures)
    )
    if len(paths) > 1:
        for path in [path for path in paths if str(path) in _STANDARD_INPUT]:
            failures.append(Failure(path, f"{path}: standard input goes alone. Name it alone."))
            del paths[path]
    if failures and not paths:
        raise AudioError(" ".join(failure.reason for failure in failures))
    return list(paths), tuple(failures)


def list_files(*arguments: object) -> list[Path]:
    """Files among arguments, some of which name a bundled model, or nothing."""
    return [argument for argument in arguments if isinstance(argument, Path)]


def open_model(
    name: str | Path | None,
    *,
    labels: Sequence[str] | None = None,
    is_shown: bool = True,
    has_table: bool = False,
) -> Model:
    """Model of a name or file, which is named on standard error if that is a terminal.

    A note on standard error names a file in which damage would not be noticed, and what labels do,
    unless a table that is printed states that.

    Raises
    ------
    ModelError, ArgumentError
        As ``get_model``.
    """
    from voxaffect.models import load
    from voxaffect.models.licensing import describe_use
    from voxaffect.recognition.display import describe_limits

    model = load(name)
    if is_shown and stderr_is_terminal():
        print_message(f"model: {model.name} ({describe_use(model.card)})")
    if not model.is_checked:
        note = (
            f"note: {model.name}: model format {model.card.format} has no checksum: damage may go "
            "unnoticed. Train it again for a file that is checked."
        )
        print_message(note)
    limited = model.restrict(labels)
    if limited.labels is not None and not has_table:
        print_message(f"note: {describe_limits(limited.labels)}")
    return limited


def note_threshold(model: Model, uncertain_below: float | None) -> None:
    """Note a model of emotions without a threshold, on a terminal."""
    is_named = uncertain_below is not None or model.labels is not None
    if is_named or model.card.abstention or not model.emotions:
        return
    if stderr_is_terminal():
        print_message("note: uncertain only with --uncertain-below: no threshold was measured")


def _find_by_name(argument: str, failures: list[Failure]) -> list[Path]:
    path = Path(argument)
    if not argument:
        failures.append(Failure(path, "'': an empty name. Is a variable unset?"))
        return []
    if os.path.isdir(path):  # noqa: PTH112 (unlike Path.is_dir, it never raises)
        return _find_inside(path, failures)
    # What holds a NUL names no file and is no pattern: it fails by its name when it is read.
    if "\0" in argument or os.path.lexists(path) or not glob.has_magic(argument):
        return [path]
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
    if not matches:
        failures.append(Failure(path, f"{argument}: {_explain_no_match(argument)}."))
    return [path for match in matches for path in _find_by_name(match, failures)]


def _explain_no_match(pattern: str) -> str:
    """Reason why a pattern matches nothing: its folder may not be looked into."""
    folder = os.path.dirname(pattern)  # noqa: PTH120 (takes any name)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120
    try:
        os.scandir(folder or os.curdir).close()
    except FileNotFoundError:
        return f"no folder {folder}"
    except OSError as error:
        return f"the folder {folder} cannot be searched ({describe_reason(error)})"
    return "no file matches this pattern"


def _find_inside(folder: Path, failures: list[Failure]) -> list[Path]:
    """Recordings anywhere under a folder, by their names or else by their first bytes.

    Hidden files are none. What is named as a recording but is a pipe or a device is a failure.
    """
    problems: list[OSError] = []
    paths = [
        parent / name
        for parent, _, names in walk_unique(folder, problems.append)
        for name in names
        if is_recording(parent / name)
    ]
    recordings = [path for path in paths if not _is_special(path, failures)]
    failures += [
        Failure(Path(str(problem.filename)), f"{problem.filename}: {problem.strerror}.")
        for problem in problems
    ]
    if not paths and not problems:
        reason = (
            f"{folder}: no recordings in this folder. Expected audio or video files, such as WAV, "
            "FLAC, MP3, M4A or MP4."
        )
        failures.append(Failure(folder, reason))
    return sorted(recordings)


def _is_special(path: Path, failures: list[Failure]) -> bool:
    """True, with a failure, of a pipe or device in a folder: reading it might never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False  # reading it says why
    is_special = not stat.S_ISREG(mode)
    if is_special:
        failures.append(Failure(path, f"{path}: is a pipe or a device, expected a regular file."))
    return is_special
