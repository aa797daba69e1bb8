"""Option ``--adapt``: recordings without labels that a command adapts to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from voxaffect.cli.help import Option
from voxaffect.cli.inputs import find_recordings
from voxaffect.console import print_message
from voxaffect.errors import AudioError
from voxaffect.features.adaptation import LEAST_NAMED_RECORDINGS, LEAST_RECORDINGS
from voxaffect.models import Model
from voxaffect.recognition import Adaptation, AdaptationDecision, Prediction, Stream, Timeline
from voxaffect.recognition.measurement import ALL, FOLDER, measure_adaptation

_MOST_LISTED: Final = 20

adapt_option = click.option(
    "--adapt",
    cls=Option,
    section="Recognition",
    multiple=True,
    metavar="all | folder | PATH",
    help="Adapt to recordings without labels: all sources together, those of each folder, or other "
    "recordings of the same speaker or set-up (files, folders, patterns; repeatable). They should "
    f"hold different emotions. all and folder need {LEAST_RECORDINGS} recordings or more, PATH "
    f"{LEAST_NAMED_RECORDINGS}. In a timeline, windows of speech that do not overlap count as "
    "recordings.",
)

live_adapt_option = click.option(
    "--adapt",
    cls=Option,
    section="Recognition",
    multiple=True,
    metavar="PATH",
    help="Adapt to earlier recordings of the same speaker or set-up, without labels (files, "
    f"folders, patterns; repeatable): {LEAST_NAMED_RECORDINGS} or more, which should hold "
    "different emotions. The sound itself is not adapted to.",
)


def choose_adaptation(
    model: Model, options: Mapping[str, Any]
) -> tuple[str | None, Adaptation | None]:
    """Kind of adaptation to the sources themselves, or adaptation to the named recordings.

    Raises
    ------
    click.UsageError
        If a kind is named together with something else.
    AudioError
        If a named recording cannot be used.
    """
    values = options["adapt"]
    for kind in (ALL, FOLDER):
        if kind in values:
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
    for kind in (ALL, FOLDER):
        if kind in values:
            raise click.UsageError(
                f"--adapt {kind}: a stream does not adapt to its own sound. Name earlier "
                f"recordings of the speaker. For a folder of this name: --adapt ./{kind}"
            )
    return _measure(values, model) if values else None


def _measure(values: Sequence[str], model: Model, **options: Any) -> Adaptation:
    paths, failures = find_recordings(values)
    if failures:
        raise AudioError(failures[0].reason)
    return measure_adaptation(paths, model=model, **options)


def list_adaptations(results: Iterable[Prediction | Timeline | Stream]) -> None:
    """List on standard error the groups that were adapted to, and those that were not."""
    lines = [
        _format(decision)
        for decision in dict.fromkeys(result.adaptation for result in results)
        if decision is not None
    ]
    for line in lines[:_MOST_LISTED]:
        print_message(line)
    if len(lines) > _MOST_LISTED:
        print_message(f"adaptation: {len(lines) - _MOST_LISTED} more groups")


def _format(decision: AdaptationDecision) -> str:
    if not decision.is_applied:
        return f"not adapted: {decision.group}: {decision.reason}."
    count, weight = decision.recordings, decision.weight
    return f"adapted: {decision.group}: {count} recordings, weight {weight:.2f}"
