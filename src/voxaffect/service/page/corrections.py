"""Timelines that come back from the page, where a person may have corrected emotions."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from voxaffect.files import escape_control
from voxaffect.outputs.formats.csv import write_rows
from voxaffect.recognition import Overlap, Segment, Timeline, Utterance, Window
from voxaffect.recognition.channels import MOST_CHANNELS
from voxaffect.records.codec import DECIMALS
from voxaffect.records.results import (
    OverlapRecord,
    SegmentRecord,
    TimelineRecord,
    UtteranceRecord,
)
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import Limits

_LONGEST_NAME = 100
_CHANNELS = {"mix", "left", "right", *(str(number + 1) for number in range(MOST_CHANNELS))}
_COLUMNS = ("path", "start", "end", "emotion", "model_emotion")


class ExportRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /page/export: the results of a timeline document, and the format to write."""

    response_format: str
    model: str
    results: list[TimelineRecord]
    with_unchanged: bool = False
    content: bytes = b""
    """Recording in Base64, for formats that hold its sound."""


def read_timelines(
    records: Sequence[TimelineRecord], emotions: Sequence[str], limits: Limits
) -> list[Timeline]:
    """Timelines of the records that a client sent, with the person's emotions in place.

    Parameters
    ----------
    records : sequence of TimelineRecord
    emotions : sequence of str
        Of the model; no other is accepted.
    limits : Limits

    Raises
    ------
    ServiceError
        If a record is none that this server could have made and a person corrected.
    """
    if not 1 <= len(records) <= MOST_CHANNELS:
        raise _refuse("results", f"expected 1 to {MOST_CHANNELS}, found {len(records)}")
    if len({record.source for record in records}) > 1:
        raise _refuse("results", "expected the channels of one recording")
    return [
        _Reader(f"results[{index}]", record, tuple(emotions), limits).read()
        for index, record in enumerate(records)
    ]


def write_training(timelines: Sequence[Timeline], *, with_unchanged: bool) -> str:
    """Table of labels that ``voxaffect train csv`` reads: one row for each segment.

    Parameters
    ----------
    timelines : sequence of Timeline
        One: training mixes the channels of a recording.
    with_unchanged : bool
        Whether a person has checked the other segments, so that their emotions are labels, too.
    """
    if len(timelines) > 1:
        message = "Training mixes the channels of a recording. Save each channel as its own file."
        raise ServiceError(400, "invalid_option", message, "results")
    rows = [
        (
            timeline.source,
            round(segment.start_seconds, DECIMALS),
            round(segment.end_seconds, DECIMALS),
            segment.emotion,
            segment.model_emotion or "",
        )
        for timeline in timelines
        for segment in timeline.segments
        if with_unchanged or segment.model_emotion is not None
    ]
    return write_rows(_COLUMNS, rows)


class _Reader:
    """Reader of one record; it names the part at fault."""

    def __init__(
        self, path: str, record: TimelineRecord, emotions: tuple[str, ...], limits: Limits
    ) -> None:
        self._path, self._record, self._emotions = path, record, emotions
        self._limits = limits

    def read(self) -> Timeline:
        record = self._record
        if tuple(record.emotions) != self._emotions:
            raise _refuse(f"{self._path}.emotions", "expected those of the model")
        if record.channel not in _CHANNELS:
            raise _refuse(f"{self._path}.channel", "expected mix, left, right or a number")
        if not 0 <= record.seconds <= self._limits.max_seconds:
            raise _refuse(f"{self._path}.seconds", f"expected 0 to {self._limits.max_seconds:g}")
        return Timeline(
            escape_control(record.source)[:_LONGEST_NAME],
            record.channel,
            record.seconds,
            self._emotions,
            tuple(self._read_window(index, part) for index, part in enumerate(record.windows)),
            tuple(self._read_segments()),
            turns=self._read_utterances("turns", record.turns),
            sentences=self._read_utterances("sentences", record.sentences),
            overlaps=self._read_overlaps(),
            has_threshold=self._has_threshold(),
            channel_name=self._read_channel_name(),
        )

    def _read_channel_name(self) -> str | None:
        name = self._record.channel_name
        return None if name is None else escape_control(name)[:_LONGEST_NAME]

    def _has_threshold(self) -> bool:
        """True unless the summary states nothing that is certain, though there is speech."""
        summary = self._record.summary
        is_stated = summary is None or summary.whole.certain_share is not None
        return is_stated or not self._record.segments

    def _read_window(self, index: int, part: SegmentRecord) -> Window:
        self._check(f"{self._path}.windows[{index}]", part)
        return Window(
            part.start_seconds,
            part.end_seconds,
            part.probabilities,
            part.uncertain,
            part.speaker,
            dimensions=part.dimensions,
        )

    def _read_segments(self) -> list[Segment]:
        segments, reached = [], 0.0
        for index, part in enumerate(self._record.segments):
            path = f"{self._path}.segments[{index}]"
            self._check(path, part)
            if part.start_seconds < reached:
                raise _refuse(path, "overlaps the one before")
            reached = part.end_seconds
            is_corrected = part.model_emotion is not None
            if is_corrected and part.model_emotion not in self._emotions:
                raise _refuse(f"{path}.model_emotion", "expected an emotion of the model")
            segments.append(
                Segment(
                    part.start_seconds,
                    part.end_seconds,
                    part.emotion,
                    part.probabilities,
                    part.uncertain and not is_corrected,  # a person has decided
                    part.model_emotion,
                    part.speaker,
                    part.text,
                    dimensions=part.dimensions,
                )
            )
        return segments

    def _read_utterances(
        self, name: str, parts: Sequence[UtteranceRecord]
    ) -> tuple[Utterance, ...]:
        """Read turns or sentences; one that nobody speaks alone has no emotion."""
        for index, part in enumerate(parts):
            path = f"{self._path}.{name}[{index}]"
            if part.emotion is None and not part.probabilities:
                self._check_times(path, part)
            else:
                self._check(path, part)
            if not 0 <= part.overlap_seconds <= self._record.seconds + 1e-6:
                raise _refuse(f"{path}.overlap_seconds", "expected a time of the part")
        return tuple(
            Utterance(
                part.start_seconds,
                part.end_seconds,
                part.emotion,
                part.probabilities,
                part.uncertain,
                part.speaker,
                part.text,
                part.overlap_seconds,
                dimensions=part.dimensions,
            )
            for part in parts
        )

    def _read_overlaps(self) -> tuple[Overlap, ...]:
        for index, part in enumerate(self._record.overlaps):
            self._check_times(f"{self._path}.overlaps[{index}]", part)
        return tuple(
            Overlap(part.start_seconds, part.end_seconds, tuple(part.speakers))
            for part in self._record.overlaps
        )

    def _check_times(
        self, path: str, part: SegmentRecord | UtteranceRecord | OverlapRecord
    ) -> None:
        if not 0 <= part.start_seconds < part.end_seconds <= self._record.seconds + 1e-6:
            raise _refuse(path, "expected start_seconds < end_seconds within the recording")

    def _check(self, path: str, part: SegmentRecord | UtteranceRecord) -> None:
        self._check_times(path, part)
        if part.emotion not in self._emotions:
            raise _refuse(f"{path}.emotion", "expected an emotion of the model")
        values = part.probabilities.values()
        if tuple(part.probabilities) != self._emotions or not all(0 <= p <= 1 for p in values):
            raise _refuse(f"{path}.probabilities", "expected one from 0 to 1 for each emotion")
        if not all(0 <= value <= 1 for value in (part.dimensions or {}).values()):
            raise _refuse(f"{path}.dimensions", "expected numbers from 0 to 1")


def _refuse(path: str, reason: str) -> ServiceError:
    return ServiceError(400, "invalid_option", f"{path}: {reason}.", "results")
