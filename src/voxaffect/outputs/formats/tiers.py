"""Tiers of annotation programs: emotion, confidence and doubt of each channel."""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.files import escape_control
from voxaffect.recognition import Segment, Timeline, Window
from voxaffect.recognition.display import UNCERTAIN, format_probability

TIERS = ("emotion", "confidence", UNCERTAIN)


def name_tier(tier: str, timeline: Timeline, timelines: Sequence[Timeline]) -> str:
    """Name of a tier; with its channel where there are several."""
    return tier if len(timelines) == 1 else f"{tier} {timeline.channel}"


def label_part(part: Segment | Window, tier: str) -> str:
    """Label of a segment in a tier; empty in the tier of doubt where there is none."""
    if tier == UNCERTAIN:
        return UNCERTAIN if part.uncertain else ""
    if tier == "emotion":
        return escape_control(part.emotion)
    return format_probability(part.confidence)
