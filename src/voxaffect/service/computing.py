"""Work of a worker process: decoding, recognition, and the body of the answer."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Sequence
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from voxaffect.annotations import read_transcript, read_turns
from voxaffect.audio import Blocks, ffmpeg, open_blocks
from voxaffect.diagnosis import diagnose
from voxaffect.errors import (
    AnnotationError,
    ArgumentError,
    AudioError,
    MissingExtraError,
    ModelError,
)
from voxaffect.files.media import AUDIO_EXTENSIONS, MEDIA_EXTENSIONS
from voxaffect.models import Model, load
from voxaffect.models.bundled import is_model_name
from voxaffect.models.licensing import describe_use
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS, Format, Run
from voxaffect.outputs.formats.base import describe_model
from voxaffect.recognition import Prediction, Timeline
from voxaffect.recognition.channels import ChannelChoice, ChannelReader, make_choice
from voxaffect.recognition.conversations import ConversationSource
from voxaffect.recognition.prediction import Predictor
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import TimelineConfig, configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.codec import round_numbers, to_line, to_plain
from voxaffect.records.results import ModelRecord
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import (
    COMPANIONS,
    Classify,
    Companions,
    Describe,
    Examine,
    Job,
    Limits,
    PageJob,
    Prepare,
    Recognize,
    Reply,
    Transcribe,
)
from voxaffect.service.sessions import run_stream

MEDIA_TYPES = {
    ".json": "application/json",
    ".labelstudio.json": "application/json",
    ".labelstudio.xml": "application/xml",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".srt": "application/x-subrip; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".eaf": "application/xml",
    ".html": "text/html; charset=utf-8",
}
PLAIN_TEXT = "text/plain; charset=utf-8"
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
            return _prepare(job)
        if isinstance(job, Transcribe | PageJob):
            return _run_above(job, limits)
        return run_stream(job, open_model)
    except AudioError as error:
        raise _explain(error) from None
    except AnnotationError as error:
        raise ServiceError(400, "invalid_annotation", str(error)) from None
    except (ArgumentError, ModelError) as error:
        raise ServiceError(400, "invalid_option", str(error)) from None
    except MemoryError:
        message = "The recording needs more memory than the server allows. Cut it."
        raise ServiceError(413, "out_of_memory", message) from None


def _run_above(job: Transcribe | PageJob, limits: Limits) -> Any:
    """Do a job of a module that takes functions of this one."""
    if isinstance(job, Transcribe):
        from voxaffect.service import transcribing

        return transcribing.transcribe(job, limits)
    from voxaffect.service.page import work

    return work.run(job, limits)


@lru_cache(maxsize=1)
def _limit_memory(count: int) -> None:
    """Let the system refuse this process more memory, where it can."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (count, count))


@lru_cache
def open_model(name: str) -> Model:
    """Model of a bundled name, an address on the hub or a path, loaded once."""
    return load(name if is_model_name(name) else Path(name))


def _prepare(job: Prepare) -> str:
    """Load a model; use it, and take what is loaded by then out of the garbage collection."""
    model = open_model(job.model)
    if job.is_used:
        example = (files("voxaffect") / "data" / "example.wav").read_bytes()
        with open_blocks(example, name="example") as recording:
            Predictor(model).predict(recording, 1)
        gc.collect()
        gc.freeze()
    return model.name


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


def check_recording(recording: Blocks, limits: Limits) -> None:
    """Refuse a recording beyond the limits.

    Raises
    ------
    ServiceError
    """
    for name, value, most in (
        ("channels", recording.channels, limits.max_channels),
        ("Hz", recording.rate_hz, limits.max_rate_hz),
    ):
        if value > most:
            message = f"{recording.name}: has {value} {name}, at most {most} are accepted."
            raise ServiceError(413, "too_large", message)


def _recognize(job: Recognize, limits: Limits) -> Reply:
    options = job.options
    asked = _imply_timeline(options.timeline, options.level, job.companions)
    name, is_timeline, form = _choose_format(options.response_format, asked)
    _check_format(name, form, options.level if is_timeline else "segments", options.channels)
    if options.level != "segments" and not is_timeline:
        message = f"{options.level} are of emotion over time: ask for timeline=true."
        raise ServiceError(400, "invalid_option", message, "level")
    names = options.channel_names
    choice = make_choice(options.channels, None if names is None else names.split(","))
    model = open_limited(job.model, options.labels)
    results: Sequence[Prediction | Timeline]
    if is_timeline:
        windowing = WindowConfig(vad=options.vad)
        config = configure_timeline(model, windowing, None, options.uncertain_below)
        results = compute_timelines(job, config, choice, limits)
    else:
        predictor = Predictor(model, None, options.uncertain_below, choice, options.vad)
        results = predict_within(job.content, job.name, predictor, limits)
    check_speech(results, job.content, model)
    origin = Run(options.level, model, has_files=False, content=job.content)
    content = form.encode(results, origin)
    body = content.encode() if isinstance(content, str) else content
    other = PLAIN_TEXT if form.is_text else "application/octet-stream"  # of a plug-in
    media_type = MEDIA_TYPES.get(form.suffix, other)
    return Reply(body, media_type, results[0].seconds or 0.0)


def _imply_timeline(timeline: bool | None, level: str, companions: Companions) -> bool | None:
    """Choice of a timeline, which speakers and a transcript imply."""
    given = [name for name in COMPANIONS if getattr(companions, name) is not None]
    if given and timeline is False:
        message = f"{given[0]} shapes emotion over time: ask for timeline=true."
        raise ServiceError(400, "invalid_option", message, given[0])
    if (level == "turns" and not given) or (level == "sentences" and "transcript" not in given):
        needed = "speakers" if level == "turns" else "transcript"
        message = f"{level} need the file {needed}: send it as a field of the form."
        raise ServiceError(400, "invalid_option", message, "level")
    return True if given else timeline


def read_companions(
    companions: Companions, name: str, level: str = "segments"
) -> ConversationSource:
    """Source of the turns and sentences that came with a recording.

    Raises
    ------
    AnnotationError
    """
    speakers, transcript = companions.speakers, companions.transcript
    return ConversationSource(
        None if speakers is None else read_turns(speakers, recording=name),
        None if transcript is None else read_transcript(transcript, recording=name),
        remedy="Send speakers as a field of the form, too." if level == "turns" else "",
    )


def predict_within(
    content: bytes, name: str, predictor: Predictor, limits: Limits
) -> tuple[Prediction, ...]:
    """Predictions of a recording within the limits."""
    with open_blocks(content, name=name, max_seconds=limits.max_seconds) as recording:
        check_recording(recording, limits)
        return predictor.predict(recording, 1)


def compute_timelines(
    job: Recognize | Transcribe | Examine,
    config: TimelineConfig,
    choice: ChannelChoice,
    limits: Limits,
) -> tuple[Timeline, ...]:
    """Timelines of a recording within the limits."""
    companions = Companions() if isinstance(job, Examine) else job.companions
    level = job.options.level if isinstance(job, Recognize) else "segments"
    conversations = read_companions(companions, job.name, level)
    open_content = partial(open_blocks, job.content, name=job.name, max_seconds=limits.max_seconds)
    with open_content() as recording:
        check_recording(recording, limits)
        reader = ChannelReader(recording, choice)
        conversation = conversations.read(recording, open_content)
        return run_timelines(reader, reader, config, conversation=conversation, workers=1)


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
        message = f"there is no format {name[:40]!r}; the formats are verbose_json, {known}."
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
        message = f"{name} holds {form.list_levels()}, not {level}."
        raise ServiceError(400, "invalid_option", message, "level")
    if form.holds == "channel" and channels == "each":
        message = f"a file of {name} holds one channel: ask for mix, left or right."
        raise ServiceError(400, "invalid_option", message, "channels")


def check_speech(results: Sequence[Prediction | Timeline], content: bytes, model: Model) -> None:
    """Refuse a recording without speech, with what ``doctor`` finds wrong in it."""
    if any(result.has_speech for result in results):
        return
    reasons = [f"{results[0].source}: no speech was found."]
    try:
        flaws = diagnose(content, model=model, workers=1).flaws
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
    return ServiceError(_STATUSES.get(error.code, 422), error.code, message)


def _list_endings(endings: frozenset[str]) -> str:
    return ", ".join(sorted(ending.lstrip(".") for ending in endings))


def open_limited(name: str, labels: str | None) -> Model:
    """Model whose answers are limited to some emotions, with commas, if any are named."""
    return open_model(name).restrict(None if labels is None else labels.split(","))


def _classify(job: Classify, limits: Limits) -> Reply:
    """Labels and scores, the highest first."""
    predictor = Predictor(open_limited(job.model, job.parameters.labels))
    results = predict_within(job.content, "recording", predictor, limits)
    check_speech(results, job.content, predictor.model)
    scores = dict(results[0].probabilities)
    if job.parameters.function_to_apply == "none":
        scores = {name: math.log(max(p, _SMALLEST_PROBABILITY)) for name, p in scores.items()}
    ranked = sorted(scores, key=lambda name: -scores[name])[: job.parameters.top_k]
    plain = [{"label": name, "score": round_numbers(scores[name])} for name in ranked]
    return Reply(to_line(plain).encode(), "application/json", results[0].seconds or 0.0)
