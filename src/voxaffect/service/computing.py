"""Work of a worker process: decoding, recognition, and the body of the answer."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from voxaffect.audio import Blocks, ffmpeg, open_blocks
from voxaffect.diagnosis import diagnose
from voxaffect.errors import ArgumentError, AudioError, MissingExtraError, ModelError
from voxaffect.files.media import AUDIO_EXTENSIONS, MEDIA_EXTENSIONS
from voxaffect.models import Model, load
from voxaffect.models.bundled import is_bundled
from voxaffect.models.licensing import describe_use
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS, Format, Run
from voxaffect.outputs.formats.base import describe_model
from voxaffect.recognition import Prediction, Timeline
from voxaffect.recognition.channels import ChannelReader
from voxaffect.recognition.prediction import Predictor
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.codec import round_numbers, to_line, to_plain
from voxaffect.records.results import ModelRecord
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import (
    Classify,
    Describe,
    Job,
    Limits,
    Prepare,
    Recognize,
    Reply,
)
from voxaffect.service.sessions import run_stream

_MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".srt": "application/x-subrip; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".eaf": "application/xml",
}
_SMALLEST_PROBABILITY = 1e-12
_STATUSES = {"unsupported_format": 415, "too_long": 413, "out_of_memory": 413}


def run(job: Job, limits: Limits) -> Any:
    """Do one job.

    Raises
    ------
    ServiceError
        If the client is to blame.
    """
    _limit_memory(limits.memory_bytes)
    try:
        if isinstance(job, Recognize):
            return _recognize(job, limits)
        if isinstance(job, Classify):
            return _classify(job, limits)
        if isinstance(job, Describe):
            return _describe(job)
        if isinstance(job, Prepare):
            return open_model(job.model).name
        return run_stream(job, open_model)
    except AudioError as error:
        raise _explain(error) from None
    except (ArgumentError, ModelError) as error:
        raise ServiceError(400, "invalid_option", str(error)) from None
    except MemoryError:
        message = "The recording needs more memory than the server allows. Cut it."
        raise ServiceError(413, "out_of_memory", message) from None


@lru_cache(maxsize=1)
def _limit_memory(count: int) -> None:
    """Let the system refuse this process more memory, where it can."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (count, count))


@lru_cache
def open_model(name: str) -> Model:
    """Model of a bundled name or a path, loaded once."""
    return load(name if is_bundled(name) else Path(name))


def _describe(job: Describe) -> dict[str, Any]:
    """Plain data of GET /v1/models."""
    models = []
    for identifier, name in job.models.items():
        model = open_model(name)
        record = to_plain(describe_model(model), ModelRecord) | {"name": identifier}
        about = {"emotions": list(model.emotions), "use": describe_use(model.card)}
        entry = {"id": identifier, "object": "model", "owned_by": "voxaffect"}
        models.append(entry | about | record)
    return {"models": models}


def _check_recording(recording: Blocks, limits: Limits) -> None:
    for name, value, most in (
        ("channels", recording.channels, limits.max_channels),
        ("Hz", recording.rate_hz, limits.max_rate_hz),
    ):
        if value > most:
            message = f"{recording.name}: has {value} {name}, at most {most} are accepted."
            raise ServiceError(413, "too_large", message)


def _recognize(job: Recognize, limits: Limits) -> Reply:
    options = job.options
    name, is_timeline, form = _choose_format(options.response_format, options.timeline)
    _check_format(name, form, options.level if is_timeline else "segments", options.channels)
    model = open_model(job.model)
    results: Sequence[Prediction | Timeline]
    if is_timeline:
        results = _compute_timelines(job, model, limits)
    else:
        predictor = Predictor(model, None, options.uncertain_below, options.channels, options.vad)
        results = _predict(job.content, job.name, predictor, limits)
    _check_speech(results, job.content, model)
    content = form.encode(results, Run(options.level, model, has_files=False))
    body = content.encode() if isinstance(content, str) else content
    media_type = _MEDIA_TYPES.get(form.suffix, "text/plain; charset=utf-8")
    return Reply(body, media_type, results[0].seconds or 0.0)


def _predict(
    content: bytes, name: str, predictor: Predictor, limits: Limits
) -> tuple[Prediction, ...]:
    with open_blocks(content, name=name, max_seconds=limits.max_seconds) as recording:
        _check_recording(recording, limits)
        return predictor.predict(recording, 1)


def _compute_timelines(job: Recognize, model: Model, limits: Limits) -> tuple[Timeline, ...]:
    options = job.options
    windowing = WindowConfig(vad=options.vad)
    config = configure_timeline(model, windowing, None, options.uncertain_below)
    with open_blocks(job.content, name=job.name, max_seconds=limits.max_seconds) as recording:
        _check_recording(recording, limits)
        reader = ChannelReader(recording, options.channels)
        return run_timelines(reader, reader, config, workers=1)


def _choose_format(name: str, timeline: bool | None) -> tuple[str, bool, Format]:
    """Name of the format in the registry, whether it is of a timeline, and the format."""
    if name == "verbose_json":
        name, timeline = "json", True if timeline is None else timeline
        if not timeline:
            raise ServiceError(
                400, "invalid_option", "verbose_json is a timeline.", "response_format"
            )
    if name not in PREDICTION_FORMATS and name not in TIMELINE_FORMATS:
        known = ", ".join({**PREDICTION_FORMATS, **TIMELINE_FORMATS})
        message = f"{name[:40]!r} is no format; there are verbose_json, {known}."
        raise ServiceError(400, "invalid_option", message, "response_format")
    if timeline is None:
        timeline = name not in PREDICTION_FORMATS
    formats = TIMELINE_FORMATS if timeline else PREDICTION_FORMATS
    if name not in formats:
        message = f"{name} shows emotion over time: ask for timeline=true."
        raise ServiceError(400, "invalid_option", message, "response_format")
    return name, timeline, formats[name]


def _check_format(name: str, form: Format, level: str, channels: str) -> None:
    try:
        form.check()
    except MissingExtraError as error:
        raise ServiceError(400, "missing_extra", str(error), "response_format") from None
    if level not in form.levels:
        message = f"{name} holds segments, which do not overlap, not {level}."
        raise ServiceError(400, "invalid_option", message, "level")
    if form.holds == "channel" and channels == "each":
        message = f"a file of {name} holds one channel: ask for mix, left or right."
        raise ServiceError(400, "invalid_option", message, "channels")


def _check_speech(results: Sequence[Prediction | Timeline], content: bytes, model: Model) -> None:
    """Refuse a recording without speech, with what ``doctor`` finds wrong in it."""
    if any(result.has_speech for result in results):
        return
    reasons = [f"{results[0].source}: no speech was found."]
    try:
        flaws = diagnose(content, model=model).flaws
        reasons += [f"{flaw.topic}: {flaw.text}. {flaw.remedy}" for flaw in flaws]
    except AudioError:  # what the recognition could use, but the diagnosis cannot
        pass
    raise ServiceError(422, "no_speech", " ".join(reasons))


def _explain(error: AudioError) -> ServiceError:
    """Answer to a recording that cannot be used."""
    message = str(error)
    if error.code == "unsupported_format":
        message += f" Read are {_list_endings(AUDIO_EXTENSIONS)}"
        message += f", {_list_endings(MEDIA_EXTENSIONS)}." if ffmpeg.is_installed() else "."
    code = "unusable_recording" if error.code == "unusable" else error.code
    return ServiceError(_STATUSES.get(error.code, 422), code, message)


def _list_endings(endings: frozenset[str]) -> str:
    return ", ".join(sorted(ending.lstrip(".") for ending in endings))


def _classify(job: Classify, limits: Limits) -> Reply:
    """Labels and scores, the highest first."""
    predictor = Predictor(open_model(job.model))
    results = _predict(job.content, "recording", predictor, limits)
    _check_speech(results, job.content, predictor.model)
    scores = dict(results[0].probabilities)
    if job.parameters.function_to_apply == "none":
        scores = {name: math.log(max(p, _SMALLEST_PROBABILITY)) for name, p in scores.items()}
    ranked = sorted(scores, key=lambda name: -scores[name])[: job.parameters.top_k]
    plain = [{"label": name, "score": round_numbers(scores[name])} for name in ranked]
    return Reply(to_line(plain).encode(), "application/json", results[0].seconds or 0.0)
