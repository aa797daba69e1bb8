"""Warnings about answers, and answers that there are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from voxaffect.console import print_message
from voxaffect.files import list_names
from voxaffect.recognition.display import name_channel
from voxaffect.records.choices import DEFAULT_VAD, LONG_SECONDS

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Timeline

_MOST_NAMES: Final = 3
_MOST_LISTED: Final = 20
_COVERED_SHARE: Final = 0.5
"""Of a recording; turns that cover less may be those of another one, or end early."""


def count_without_speech(results: Iterable[Prediction | Timeline]) -> int:
    """Count the recordings in which speech was found in no channel."""
    return len(_without_speech(results))


def _without_speech(results: Iterable[Prediction | Timeline]) -> list[str]:
    """Names of the recordings in which speech was found in no channel."""
    has_speech: dict[str, bool] = {}
    for result in results:
        has_speech[result.source] = has_speech.get(result.source, False) or result.has_speech
    return [source for source, is_speech in has_speech.items() if not is_speech]


def list_without_speech(
    results: Sequence[Prediction | Timeline], total: int, *, vad: str = DEFAULT_VAD
) -> None:
    """List on standard error the recordings, and the single channels, where no speech was found.

    Parameters
    ----------
    results : sequence of Prediction or Timeline
    total : int
        How many recordings there are.
    vad : str
        Voice-activity detection that was used.
    """
    recordings = _without_speech(results)
    channels = [
        f"{one.source}, channel {name_channel(one)}"
        for one in results
        if not one.has_speech and one.source not in recordings
    ]
    names = [*recordings, *channels]
    if not names:
        return
    for name in names[:_MOST_LISTED]:
        print_message(f"no speech was found: {name}")
    if len(names) > _MOST_LISTED:
        print_message(f"no speech was found: {len(names) - _MOST_LISTED} more")
    counts = f"No speech was found in {len(recordings)} of {total} recordings. " * (total > 1)
    remedy = "For shouting or singing, try predict --vad energy."
    parts = (counts if recordings else "", remedy if vad != "energy" else "")
    if any(parts):
        print_message("".join(parts).strip())


def list_without_emotion(timelines: Iterable[Timeline]) -> None:
    """List on standard error the speakers who never speak alone, and so have no emotion."""
    for timeline in timelines:
        speakers = {one.speaker for one in timeline.turns if one.speaker is not None}
        heard = {one.speaker for one in timeline.windows}
        silent = sorted(speakers - heard)
        listed = silent if len(silent) <= _MOST_LISTED else [list_names(silent, _MOST_LISTED)]
        for speaker in listed:
            print_message(
                f"no speech of {speaker} alone was found: {timeline.source}"
                + (f", channel {name_channel(timeline)}" if timeline.channel != "mix" else "")
            )


def note_uncovered(timelines: Iterable[Timeline]) -> None:
    """Note on standard error the recordings of which turns cover less than half."""
    from voxaffect.annotations import Turn, find_stretches

    spans: dict[tuple[str, float], list[Turn]] = {}
    for timeline in timelines:  # turns of all channels together
        turns = spans.setdefault((timeline.source, timeline.seconds), [])
        turns += [Turn(one.start_seconds, one.end_seconds, "") for one in timeline.turns]
    for (source, seconds), turns in spans.items():
        covered = sum(one.end_seconds - one.start_seconds for one in find_stretches(turns))
        if turns and covered < _COVERED_SHARE * seconds:
            print_message(
                f"note: {source}: turns cover {covered:.1f} of {seconds:.1f} s; "
                "speech outside of them is left out."
            )


def warn(predictions: Iterable[Prediction]) -> None:
    """Warn on standard error of answers that should not be taken as one emotion."""
    results = [*predictions]
    long = [one for one in results if one.windows is not None and one.has_speech]
    mixed = [one for one in results if one.channels_differ and one.has_speech]
    if long:
        print_message(
            f"warning: {_name_some(long)}: longer than {LONG_SECONDS:.0f} s. The answer is the "
            "mean of its windows. For emotion over time, use voxaffect timeline."
        )
    if mixed:
        print_message(
            f"warning: {_name_some(mixed)}: the two channels hold different sound, such as two "
            "people. For one answer a channel, add --channels each."
        )


def warn_of_whole(predictions: Iterable[Prediction]) -> None:
    """Warn of long recordings that were explained as a whole, which `predict` never answers so."""
    long = [one for one in predictions if one.has_speech and (one.seconds or 0) > LONG_SECONDS]
    if long:
        print_message(
            f"warning: {_name_some(long)}: longer than {LONG_SECONDS:.0f} s. It is explained as a "
            "whole. predict answers by windows, and its answer may be another."
        )


def _name_some(predictions: Sequence[Prediction]) -> str:
    """Names of the first recordings, and how many more there are."""
    sources = list(dict.fromkeys(one.source for one in predictions))
    more = len(sources) - _MOST_NAMES
    names = ", ".join(sources[:_MOST_NAMES])
    return f"{names} and {more} more" if more > 0 else names
