"""``listen``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, TypeAlias

import click

from voxaffect.cli.adaptation import (
    choose_live_adaptation,
    list_adaptations,
    live_adapt_option,
)
from voxaffect.cli.help import Command, Option
from voxaffect.cli.inputs import (
    labels_option,
    max_seconds_option,
    model_option,
    open_model,
    uncertain_below_option,
)
from voxaffect.console import (
    check_stdout,
    get_raw_stream,
    print_line,
    print_note,
    stdout_is_terminal,
)
from voxaffect.errors import extra

if TYPE_CHECKING:
    from voxaffect.audio.devices import LiveSource
    from voxaffect.recognition import Event
    from voxaffect.recognition.live.session import Session

    Show: TypeAlias = Callable[[Session, list[Event]], None]

_input_option = partial(click.option, cls=Option, section="Input")
_EXAMPLES = (
    "voxaffect listen",
    "voxaffect listen --adapt earlier/",
    "voxaffect listen --input call.wav --save session/",
)


@click.command(cls=Command, examples=_EXAMPLES)
@_input_option(
    "--input",
    "path",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Read a recording instead of the microphone, in real time; - is standard input. "
    "WAV from a pipe is processed as it arrives.",
)
@max_seconds_option()
@_input_option("--fast", is_flag=True, help="Read the recording as fast as possible.")
@click.option(
    "--save",
    "folder",
    cls=Option,
    section="Output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write audio.wav and timeline.jsonl to this folder, during the recording.",
)
@_input_option("--device", metavar="NUMBER | NAME", help="Microphone; the system's by default.")
@_input_option("--list-devices", is_flag=True, help="List microphones and exit.")
@model_option
@labels_option
@live_adapt_option
@uncertain_below_option
def listen(
    path: Path | None,
    max_seconds: float | None,
    fast: bool,
    folder: Path | None,
    device: str | None,
    list_devices: bool,
    model: str | Path | None,
    adapt: tuple[str, ...],
    uncertain_below: float | None,
    labels: list[str] | None,
) -> None:
    """Recognize emotion live, from a microphone.

    On a terminal, the command shows the current emotion, the level and the last minute. In a
    pipe, it prints one line for each event. Ctrl-C stops it and prints a summary. The model is
    accurate by default, since short windows of unknown voices are hard. On a weak computer, use
    --model fast.
    """
    from voxaffect.audio.devices import describe_devices, open_microphone, play_file
    from voxaffect.outputs.live.plain import format_summary
    from voxaffect.recognition import Stream
    from voxaffect.recognition.live.recorder import open_recorder
    from voxaffect.recognition.live.session import Session

    if list_devices:
        for name in describe_devices() or ["No microphone found."]:
            print_line(name)
        return
    if path is None and fast:
        raise click.UsageError("--fast goes with --input FILE.")
    if path is None and max_seconds is not None:
        raise click.UsageError("--max-seconds goes with --input FILE.")
    if path is not None and device is not None:
        raise click.UsageError("--input and --device: one of them.")
    if folder is None:
        check_stdout("Name a folder with --save.")
    loaded = open_model(model, labels=labels)
    adaptation = choose_live_adaptation(loaded, adapt)  # before the sound begins
    source = (
        open_microphone(device)
        if path is None
        else play_file(path, is_real_time=not fast, max_seconds=max_seconds)
    )
    with source as live:
        stream = Stream(
            loaded, rate_hz=live.rate_hz, uncertain_below=uncertain_below, adapt=adaptation
        )
        list_adaptations([stream])
        recording = (
            nullcontext(None)
            if folder is None
            else open_recorder(
                folder,
                name=live.name,
                rate_hz=live.rate_hz,
                emotions=loaded.emotions,
                adaptation=stream.adaptation,
            )
        )
        with recording as recorder, _show_events() as show:
            session = Session(live.name, stream, recorder)
            _run(live, session, show)
    print_note(format_summary(session.state))
    if folder is not None:
        print_note(f"Kept in {folder}.")


def _run(live: LiveSource, session: Session, show: Show) -> None:
    """Take blocks to the end, or all that came until Ctrl-C; never stop in the middle of one."""
    with _interruptible() as is_stopped:
        for block in live.blocks:
            show(session, session.take(block))
            if is_stopped.is_set():
                for rest in live.drain():
                    show(session, session.take(rest))
                break
        show(session, session.end())


@contextmanager
def _interruptible() -> Iterator[Flag]:
    """Turn the first Ctrl-C into a flag; a second one breaks off as usual."""
    is_stopped = Flag()
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: object) -> None:
        is_stopped.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield is_stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _show_events() -> AbstractContextManager[Show]:
    return _on_terminal() if stdout_is_terminal() else nullcontext(_print)


def _print(_: Session, events: list[Event]) -> None:
    from voxaffect.outputs.live.plain import format_event

    for text in filter(None, map(format_event, events)):
        print_note(text)


@contextmanager
def _on_terminal() -> Iterator[Show]:
    with extra("live"):
        from rich.console import Console
        from rich.live import Live
    from voxaffect.outputs.live.dashboard import draw_dashboard

    console = Console(file=get_raw_stream(sys.stdout))
    with Live(console=console, refresh_per_second=8) as live:
        yield lambda session, _: live.update(draw_dashboard(session.state))
