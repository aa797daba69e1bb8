"""Transcripts that clients send, with the emotion of each sentence, in OpenAI's shape."""

from __future__ import annotations

from voxaffect.outputs.formats import TIMELINE_FORMATS, Run
from voxaffect.recognition import Timeline, Utterance
from voxaffect.recognition.channels import MIX
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.codec import to_line, to_plain
from voxaffect.records.results import TranscriptionDocument, TranscriptionSegment
from voxaffect.service.computing import (
    MEDIA_TYPES,
    PLAIN_TEXT,
    check_speech,
    compute_timelines,
    open_limited,
)
from voxaffect.service.jobs import Limits, Reply, Transcribe

_DIARIZED = "diarized_json"


def transcribe(job: Transcribe, limits: Limits) -> Reply:
    """Answer of a request for a transcription.

    Raises
    ------
    ServiceError
        If the client is to blame.
    """
    options = job.options
    model = open_limited(job.model, options.labels)
    windowing = WindowConfig(vad=options.vad)
    config = configure_timeline(model, windowing, None, options.uncertain_below)
    results = compute_timelines(job, config, MIX, limits)
    check_speech(results, job.content, model)
    (timeline,) = results
    name = options.response_format
    if name == "text":
        return Reply(f"{_join(timeline)}\n".encode(), PLAIN_TEXT, timeline.seconds)
    if name in ("srt", "vtt"):
        form = TIMELINE_FORMATS[name]
        content = str(form.encode(results, Run("sentences", model, has_files=False)))
        return Reply(content.encode(), MEDIA_TYPES[form.suffix], timeline.seconds)
    document = _make_document(timeline, name)
    body = to_line(to_plain(document, TranscriptionDocument)).encode()
    return Reply(body, MEDIA_TYPES[".json"], timeline.seconds)


def _join(timeline: Timeline) -> str:
    return " ".join(sentence.text or "" for sentence in timeline.sentences)


def _make_document(timeline: Timeline, name: str) -> TranscriptionDocument:
    document = TranscriptionDocument(text=_join(timeline))
    if name == "json":
        return document
    document.task, document.duration = "transcribe", timeline.seconds
    document.segments = [
        _make_segment(sentence, index, is_diarized=name == _DIARIZED)
        for index, sentence in enumerate(timeline.sentences)
    ]
    return document


def _make_segment(sentence: Utterance, index: int, *, is_diarized: bool) -> TranscriptionSegment:
    """Segment as OpenAI has it, with more fields."""
    return TranscriptionSegment(
        id=f"seg_{index}" if is_diarized else index,
        type="transcript.text.segment" if is_diarized else None,
        start=sentence.start_seconds,
        end=sentence.end_seconds,
        text=sentence.text or "",
        speaker=sentence.speaker,
        emotion=sentence.emotion,
        confidence=sentence.confidence,
        uncertain=sentence.uncertain,
        probabilities=dict(sentence.probabilities),
    )
