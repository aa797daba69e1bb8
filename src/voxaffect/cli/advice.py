"""Warnings about answers, and answers that there are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from voxaffect.console import print_message
from voxaffect.recognizer import Prediction, Timeline
from voxaffect.recognizer.utterance import LONG_SECONDS

_MOST_NAMES: Final = 3


def count_without_speech(results: Iterable[Prediction | Timeline]) -> int:
    """Count the recordings in which no channel holds speech."""
    has_speech: dict[str, bool] = {}
    for result in results:
        has_speech[result.source] = has_speech.get(result.source, False) or result.has_speech
    return sum(not value for value in has_speech.values())


def warn(predictions: Iterable[Prediction]) -> None:
    """Warn on standard error of answers that should not be taken as one emotion."""
    results = [*predictions]
    long = [one for one in results if one.windows is not None and one.has_speech]
    mixed = [one for one in results if one.channels_differ and one.has_speech]
    if long:
        print_message(
            f"warning: {_name_some(long)}: longer than {LONG_SECONDS:.0f} s. The answer is the "
            "mean of its windows. For emotion over time, add --timeline."
        )
    if mixed:
        print_message(
            f"warning: {_name_some(mixed)}: the two channels hold different sound, such as two "
            "people. For one answer a channel, add --channels each."
        )


def _name_some(predictions: Sequence[Prediction]) -> str:
    """Names of the first recordings, and how many more there are."""
    sources = list(dict.fromkeys(one.source for one in predictions))
    more = len(sources) - _MOST_NAMES
    names = ", ".join(sources[:_MOST_NAMES])
    return f"{names} and {more} more" if more > 0 else names
