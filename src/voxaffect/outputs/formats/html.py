"""Page of one recording: waveform, emotions, player, summary and table in a single HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from voxaffect.errors import VoxaffectError
from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run
from voxaffect.records.choices import Level

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    from voxaffect.outputs.recording.page import render_page

    timelines = [_take_level(timeline, run.level) for timeline in timelines]
    source = timelines[0].source
    if run.content is None and not run.has_files:  # the source may be what a client sent
        raise VoxaffectError(f"{source}: a page needs the recording, and it is not here. Send it.")
    recording = Path(source) if run.content is None else run.content
    return render_page(timelines, recording, model=run.model, has_sound=run.has_sound)


def _take_level(timeline: Timeline, level: Level) -> Timeline:
    """Timeline with turns or sentences in place of its segments; those without an emotion go."""
    if level == "segments":
        return timeline
    from voxaffect.recognition import Segment

    segments = [
        Segment(
            part.start_seconds,
            part.end_seconds,
            part.emotion,
            part.probabilities,
            part.uncertain,
            speaker=part.speaker,
            text=part.text,
            dimensions=part.dimensions,
        )
        for part in getattr(timeline, level)
        if part.emotion is not None
    ]
    return replace(timeline, segments=tuple(segments))


TIMELINES = Format(_encode, ".html", "recording", SPEECH_LEVELS)
