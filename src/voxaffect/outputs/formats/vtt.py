"""WebVTT subtitles: a voice tag for the speaker, the words, and the emotion and its confidence."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run
from voxaffect.outputs.formats.labels import clean_words, has_words, label_speech
from voxaffect.outputs.formats.srt import caption_emotion, list_cues

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    cues = list_cues(timelines, run, mark=".")
    has_labels = any(has_words(part) for _, part in cues)
    label = _mark_up if has_labels else _caption
    texts = [(times, label(part)) for times, part in cues]
    blocks = (f"{times}\n{text}\n" for times, text in texts if text)
    return "\n".join(["WEBVTT\n", *blocks])


def _caption(part: Any) -> str:
    return _escape(caption_emotion(part))


def _mark_up(part: Any) -> str:
    """Caption with a voice tag, if the speaker is known."""
    text = _escape(label_speech(part, has_speaker=False))
    speaker = _escape(clean_words(part.speaker or ""))
    return f"<v {speaker}>{text}" if speaker else text


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


TIMELINES = Format(_encode, ".vtt", "channel", SPEECH_LEVELS, ("sentences",))
