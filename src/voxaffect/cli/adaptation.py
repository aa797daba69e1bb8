"""Option ``--adapt``: recordings without labels that a command adapts to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from voxaffect.cli.help import Option
from voxaffect.cli.inputs import find_recordings
from voxaffect.console import print_message
from voxaffect.errors import AudioError

if TYPE_CHECKING:
    from voxaffect.models import Model
    from voxaffect.recognition import Adaptation, AdaptationDecision, Prediction, Stream, Timeline

_MOST_LISTED: Final = 20
SPEAKERS_REMEDY: Final = (
    "--adapt speakers adapts to each speaker of a timeline: name the turns with --speakers, or add "
    "--diarize. For a folder of this name: --adapt ./speakers"
)

_ADAPT_HELP: Final = (
    "Adapt to recordings without labels: all sources together, those of each folder, or other "
    "recordings of the same speaker or set-up (files, folders, patterns; repeatable). They should "
    "hold different emotions. all and folder need 8 recordings or more, PATH 2."
)
_option = partial(click.option, "--adapt", cls=Option, section="Recognition", multiple=True)

adapt_option = _option(metavar="all | folder | PATH", help=_ADAPT_HELP)

timeline_adapt_option = _option(
    metavar="all | folder | speakers | PATH",
    help=f"{_ADAPT_HELP} Windows of speech that do not overlap count as recordings. "
    "speakers adapts to each speaker of a recording alone (with --speakers or --diarize), from 8 "
    "windows on.",
)

live_adapt_option = _option(
    metavar="PATH",
    help="Adapt to earlier recordings of the same speaker or set-up, without labels (files, "
    "folders, patterns; repeatable): 2 or more, which should hold different emotions. The sound "
    "itself is not adapted to.",
)


def choose_adaptation(
    model: Model, options: Mapping[str, Any], *, has_speakers: bool = False
) -> tuple[str | None, Adaptation | None]:
    """Kind of adaptation to the sources themselves, or adaptation to the named recordings.

    Raises
    ------
    click.UsageError
        If a kind is named together with something else.
    AudioError
        If a named recording cannot be used.
    """
    from voxaffect.recognition.measurement import ALL, FOLDER, SPEAKERS

    values = options["adapt"]
    for kind in (ALL, FOLDER, SPEAKERS):
        if kind in values:
            if kind == SPEAKERS and not has_speakers:
                raise click.UsageError(SPEAKERS_REMEDY)
            if len(values) > 1:
                raise click.UsageError(
                    f"--adapt {kind} stands alone. For a folder of this name: --adapt ./{kind}"
                )
            return kind, None
    if not values:
        return None, None
    return None, _measure(values, model, vad=options["vad"], workers=options["workers"])


def choose_live_adaptation(model: Model, values: Sequence[str]) -> Adaptation | None:
    """Adaptation of a stream to the named recordings, if there are any.

    Raises
    ------
    click.UsageError
        If the sound itself is named, which a stream does not adapt to.
    AudioError
        If a named recording cannot be used.
    """
    from voxaffect.recognition.measurement import ALL, FOLDER

    for kind in (ALL, FOLDER):
        if kind in values:
            raise click.UsageError(
                f"--adapt {kind}: a stream does not adapt to its own sound. Name earlier "
                f"recordings of the speaker. For a folder of this name: --adapt ./{kind}"
            )
    return _measure(values, model) if values else None


def _measure(values: Sequence[str], model: Model, **options: Any) -> Adaptation:
    from voxaffect.recognition import measure_adaptation

    paths, failures = find_recordings(values)
    if failures:
        raise AudioError(failures[0].reason)
    return measure_adaptation(paths, model=model, **options)


def list_adaptations(results: Iterable[Prediction | Timeline | Stream]) -> None:
    """List on standard error the groups that were adapted to, and those that were not."""
    from voxaffect.recognition import Timeline

    groups: dict[AdaptationDecision, None] = {}
    lines: list[str] = []
    for result in results:
        if result.adaptation is not None:
            groups[result.adaptation] = None
        if isinstance(result, Timeline):
            lines += _list_speakers(result)
    lines += map(_format, groups)
    for line in lines[:_MOST_LISTED]:
        print_message(line)
    if len(lines) > _MOST_LISTED:
        print_message(f"adaptation: {len(lines) - _MOST_LISTED} more groups")


def _list_speakers(result: Timeline) -> Iterator[str]:
    for decision in result.speaker_adaptations:
        name = f"{result.source}: {decision.group}"
        yield _format(replace(decision, group=name), "windows")


def _format(decision: AdaptationDecision, counted: str = "recordings") -> str:
    if not decision.is_applied:
        return f"not adapted: {decision.group}: {decision.reason}."
    count, weight = decision.recordings, decision.weight
    return f"adapted: {decision.group}: {count} {counted}, weight {weight:.2f}"
