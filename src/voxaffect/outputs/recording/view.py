"""Data of the component ``<voxaffect-recording>``: waveform, segments and windows of a recording.

``recording.js`` draws it, in the page of a recording and in the page of the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from voxaffect.outputs.envelope import Envelope, compute_envelopes
from voxaffect.outputs.figures.palette import assign_styles
from voxaffect.recognition import Overlap, Segment, Timeline, Window
from voxaffect.recognition.display import name_channel
from voxaffect.records.results import EmotionStyleRecord, RecordingRecord
from voxaffect.records.values import Serializable

_FULL_SCALE = 127
_POINTS = 20_000
"""Of the waveform of a lane: at an hour, more than five a second."""
_BIN_SECONDS = 0.002
_BINS_A_POINT = 4


@dataclass(frozen=True)
class EmotionView(Serializable):
    """Emotion with its style.

    Parameters
    ----------
    name : str
    color : str
        Such as ``#332288``.
    pattern : str
        Hatch, in Matplotlib's notation.
    """

    name: str
    color: str
    pattern: str

    _schema: ClassVar = EmotionStyleRecord


@dataclass(frozen=True)
class OverlapView:
    """Time in which several speakers speak.

    Parameters
    ----------
    start_seconds, end_seconds : float
    speakers : tuple of str
    text : str or None
        Words that nobody speaks alone, so that no segment has them.
    """

    start_seconds: float
    end_seconds: float
    speakers: tuple[str, ...]
    text: str | None


@dataclass(frozen=True)
class LaneView:
    """Channel of a recording.

    Parameters
    ----------
    name : str
        Name of the channel, or else its number, ``left``, ``right`` or ``mix``.
    low, high : tuple of int
        Envelope from −127 to 127, the loudest sample of all lanes.
    segments : tuple of Segment
    windows : tuple of Window
    overlaps : tuple of OverlapView
    """

    name: str
    low: tuple[int, ...]
    high: tuple[int, ...]
    segments: tuple[Segment, ...]
    windows: tuple[Window, ...]
    overlaps: tuple[OverlapView, ...]


@dataclass(frozen=True)
class RecordingView(Serializable):
    """Recording as the component draws it.

    Parameters
    ----------
    name : str
        Name of the file, without folders.
    seconds : float
    emotions : tuple of EmotionView
        In the model's order.
    lanes : tuple of LaneView
        One for each timeline.
    """

    name: str
    seconds: float
    emotions: tuple[EmotionView, ...]
    lanes: tuple[LaneView, ...]

    _schema: ClassVar = RecordingRecord


def view_emotions(emotions: Sequence[str]) -> tuple[EmotionView, ...]:
    """Emotions with the colors and patterns that they have in every figure."""
    styles = assign_styles(emotions).items()
    return tuple(EmotionView(name, style.color, style.hatch) for name, style in styles)


def view_recording(timelines: Sequence[Timeline], recording: Path | bytes) -> RecordingView:
    """View of the timelines of one recording.

    Parameters
    ----------
    timelines : sequence of Timeline
        One for each channel.
    recording : Path or bytes
        Sound of the recording; it is read in blocks.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    first = timelines[0]
    channels = [timeline.channel for timeline in timelines]
    bin_seconds = max(_BIN_SECONDS, first.seconds / (_BINS_A_POINT * _POINTS))
    envelopes = compute_envelopes(recording, channels, points=_POINTS, bin_seconds=bin_seconds)
    scale = _FULL_SCALE / max(max(float(np.abs(part).max()) for part in envelopes), 1e-6)
    lanes = [
        _view_lane(timeline, envelope, scale)
        for timeline, envelope in zip(timelines, envelopes, strict=True)
    ]
    name = Path(first.source).name or first.source
    return RecordingView(name, first.seconds, view_emotions(first.emotions), tuple(lanes))


def _view_lane(timeline: Timeline, envelope: Envelope, scale: float) -> LaneView:
    low, high = (tuple(np.rint(part * scale).astype(int).tolist()) for part in envelope)
    overlaps = tuple(_view_overlap(timeline, overlap) for overlap in timeline.overlaps)
    name = name_channel(timeline)
    return LaneView(name, low, high, timeline.segments, timeline.windows, overlaps)


def _view_overlap(timeline: Timeline, overlap: Overlap) -> OverlapView:
    start, end = overlap.start_seconds, overlap.end_seconds
    texts = [
        ": ".join(filter(None, [one.speaker, one.text]))
        for one in timeline.sentences
        if one.text and one.emotion is None
        if start <= (one.start_seconds + one.end_seconds) / 2 < end
    ]
    return OverlapView(start, end, overlap.speakers, " / ".join(texts) or None)
