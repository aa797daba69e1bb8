"""Tiers of annotation programs: words, emotion, confidence and doubt of each speaker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voxaffect.files import escape_control
from voxaffect.outputs.formats.labels import clean_words
from voxaffect.outputs.formats.ticks import TickedPart, round_parts
from voxaffect.recognition.display import (
    UNCERTAIN,
    describe_doubt,
    format_probability,
    name_channel,
)

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline
    from voxaffect.records.choices import Level

_TIERS: Final = ("emotion", "confidence", UNCERTAIN)
_TEXT, _OVERLAP = "text", "overlap"


@dataclass(frozen=True)
class Tier:
    """One line of labels, which may be empty.

    Parameters
    ----------
    name : str
        Its kind; with its channel where there are several or it has a name; with ``@`` and the
        speaker, if known.
    kind : str
    """

    name: str
    kind: str

    def label(self, part: Any) -> str:
        """Label of a part of the tier; empty in the tier of doubt where there is none."""
        if self.kind == _OVERLAP:
            return ", ".join(map(clean_words, part.speakers))
        if self.kind == _TEXT:
            return clean_words(part.text or "")
        if part.emotion is None:
            return ""
        if self.kind == UNCERTAIN:
            return describe_doubt(part)
        if self.kind == "emotion":
            return escape_control(part.emotion)
        return format_probability(part.confidence)


@dataclass(frozen=True)
class TierGroup:
    """Tiers that label the same parts, which do not overlap.

    Parameters
    ----------
    tiers : tuple of Tier
    parts : tuple of TickedPart
    speaker : str
        Empty if it is unknown.
    """

    tiers: tuple[Tier, ...]
    parts: tuple[TickedPart[Any], ...]
    speaker: str = ""


def list_tiers(timelines: Sequence[Timeline], level: Level, *, per_second: int) -> list[TierGroup]:
    """Groups of tiers of all channels of a recording.

    The words of a speaker are those of its sentences, if there are any, else those of the parts.

    Parameters
    ----------
    timelines : sequence of Timeline
    level : {"segments", "turns", "sentences"}
        Of the parts whose emotion is labelled.
    per_second : int
        Ticks of the clock.
    """
    return [
        group
        for timeline in timelines
        for group in _list_groups(
            timeline, level, per_second, _name_channel(timeline, is_alone=len(timelines) == 1)
        )
    ]


def _name_channel(timeline: Timeline, *, is_alone: bool) -> str:
    """Part of the names of tiers for a channel; ``@`` in it would begin a speaker."""
    if is_alone and timeline.channel_name is None:
        return ""
    return f" {name_channel(timeline).replace('@', ' at ')}"


def _list_groups(
    timeline: Timeline, level: Level, per_second: int, channel: str
) -> Iterator[TierGroup]:
    parts = getattr(timeline, level)
    sentences = timeline.sentences if level != "sentences" else ()
    has_text = any(getattr(one, "text", None) for one in (*parts, *sentences))
    names = _name_speakers([one.speaker for one in (*parts, *sentences)])
    for speaker, name in names.items() or [(None, "")]:
        ending = f"{channel}@{name}" if name else channel
        own = [one for one in parts if one.speaker == speaker]
        ticked = round_parts(own, timeline, per_second=per_second, are_apart=True)
        kinds = _TIERS if sentences or not has_text else (_TEXT, *_TIERS)
        if sentences:
            spoken = [one for one in sentences if one.speaker == speaker]
            words = round_parts(spoken, timeline, per_second=per_second, are_apart=True)
            yield TierGroup((Tier(f"{_TEXT}{ending}", _TEXT),), tuple(words), name)
        tiers = tuple(Tier(f"{kind}{ending}", kind) for kind in kinds)
        yield TierGroup(tiers, tuple(ticked), name)
    if timeline.overlaps:
        both = round_parts(timeline.overlaps, timeline, per_second=per_second, are_apart=True)
        yield TierGroup((Tier(f"{_OVERLAP}{channel}", _OVERLAP),), tuple(both))


def _name_speakers(speakers: Sequence[str | None]) -> dict[str | None, str]:
    """Names of speakers in one line, all different, in order of their appearance."""
    names: dict[str | None, str] = {}
    for speaker in dict.fromkeys(speakers):
        name = base = clean_words(speaker or "")
        number = 1
        while speaker is not None and name in names.values():
            number += 1
            name = f"{base}-{number}"
        names[speaker] = name
    return names
