"""Label Studio: a task for each recording with the model's answer, the most uncertain first.

The names of the labeling configuration (``audio``, ``emotion``) are those of `labelstudio_config`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxaffect.errors import VoxaffectError
from voxaffect.files import escape_surrogates
from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run, group_by_source
from voxaffect.outputs.formats.labels import clean_words
from voxaffect.outputs.formats.ticks import MICROSECONDS, number_channel, round_times
from voxaffect.recognition.display import describe_doubt
from voxaffect.records.choices import Level
from voxaffect.records.codec import round_numbers, to_json

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Segment, Timeline, Utterance

AUDIO, EMOTION = "audio", "emotion"
"""Names of the tags of the labeling configuration."""
SPEAKER = "speaker: "
"""Beginning of the note of a region with its speaker."""
_SHA_DIGITS = 8


@dataclass(frozen=True)
class _Answer:
    """Answer of the model to one recording; without speech there is no score and no result."""

    source: str
    channels: Sequence[Prediction | Timeline]
    score: float | None
    uncertain: bool
    results: Sequence[dict[str, Any]]

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Order in which people should see the answers: the most uncertain first."""
        return self.score is None, not self.uncertain, self.score or 0.0


def _encode_predictions(predictions: Sequence[Prediction], run: Run) -> str:
    answers = []
    for one in predictions:
        if one.has_speech and one.emotion is None:
            raise VoxaffectError(
                "labelstudio: the model gives dimensions and no emotions, which this format holds. "
                "Take another format, such as csv."
            )
        choice = _make_result("choices", {"choices": [one.emotion]}, one.confidence)
        results = [choice] if one.has_speech else []
        answers.append(_Answer(one.source, [one], one.confidence, one.uncertain, results))
    return _write_tasks(answers, run)


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> str:
    answers = []
    for source, channels in group_by_source(timelines).items():
        results = [region for one in channels for region in _make_regions(one, run.level)]
        score = _average_confidence([part for one in channels for part in getattr(one, run.level)])
        answers.append(_Answer(source, channels, score, False, results))
    return _write_tasks(answers, run)


def _make_regions(timeline: Timeline, level: Level) -> list[dict[str, Any]]:
    """Regions of the parts that have an emotion."""
    channel = number_channel(timeline.channel) - 1
    regions = []
    for one in round_times(timeline, level, per_second=MICROSECONDS):
        if one.part.emotion is None:
            continue
        value = {
            "start": one.start / MICROSECONDS,
            "end": one.end / MICROSECONDS,
            "channel": channel,
            "labels": [one.part.emotion],
        }
        region: dict[str, Any] = {"original_length": timeline.seconds}
        region |= _make_result("labels", value, one.part.confidence)
        speaker = one.part.speaker and f"{SPEAKER}{clean_words(one.part.speaker)}"
        if notes := [*filter(None, [speaker, describe_doubt(one.part)])]:
            region["meta"] = {"text": notes}
        regions.append(region)
    return regions


def _make_result(kind: str, value: Mapping[str, Any], score: float | None) -> dict[str, Any]:
    return {"from_name": EMOTION, "to_name": AUDIO, "type": kind, "score": score, "value": value}


def _average_confidence(parts: Sequence[Segment | Utterance]) -> float | None:
    """Mean confidence over the time of all parts with an emotion; None without any."""
    parts = [part for part in parts if part.emotion is not None]
    seconds = sum(part.end_seconds - part.start_seconds for part in parts)
    total = sum(
        (part.confidence or 0.0) * (part.end_seconds - part.start_seconds) for part in parts
    )
    return total / seconds if seconds else None


def _write_tasks(answers: Sequence[_Answer], run: Run) -> str:
    ordered = sorted(answers, key=lambda answer: answer.rank)
    tasks = [_make_task(number, answer, run) for number, answer in enumerate(ordered, start=1)]
    return to_json(round_numbers(tasks))


def _make_task(number: int, answer: _Answer, run: Run) -> dict[str, Any]:
    source = escape_surrogates(answer.source)
    address = run.audio.locate(source) if run.has_files else run.audio.join(source)
    channels = ", ".join(one.channel for one in answer.channels)
    data = {AUDIO: address, "source": source, "channel": channels}
    if names := [one.channel_name for one in answer.channels if one.channel_name is not None]:
        data["channel_name"] = ", ".join(names)
    named = [{"id": f"{number}-{index}", **one} for index, one in enumerate(answer.results, 1)]
    prediction = {"model_version": _name_model(run), "score": answer.score, "result": named}
    return {"data": data, "predictions": [prediction] if named else []}


def _name_model(run: Run) -> str:
    return f"{run.model.name} {run.model.sha256[:_SHA_DIGITS]}" if run.model else "voxaffect"


PREDICTIONS = Format(_encode_predictions, ".labelstudio.json")
TIMELINES = Format(_encode_timelines, ".labelstudio.json", levels=SPEECH_LEVELS)
