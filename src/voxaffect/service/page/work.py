"""Work of a worker process for the page: all about one recording, and files of its timelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from voxaffect.audio import open_blocks
from voxaffect.diagnosis import diagnose
from voxaffect.errors import AudioError, MissingExtraError
from voxaffect.models import Model
from voxaffect.models.licensing import describe_use
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS, Format, Run
from voxaffect.outputs.formats.base import make_document
from voxaffect.outputs.formats.ticks import number_channel
from voxaffect.outputs.recording.view import view_emotions, view_recording
from voxaffect.recognition import Timeline
from voxaffect.recognition.channels import ChannelChoice
from voxaffect.recognition.prediction import Predictor
from voxaffect.records.codec import round_numbers, to_line
from voxaffect.records.results import PredictionDocument, TimelineDocument
from voxaffect.service.computing import (
    MEDIA_TYPES,
    PLAIN_TEXT,
    check_recording,
    compute_timelines,
    open_model,
    predict_within,
)
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import Examine, Export, Introduce, Limits, PageJob, Reply
from voxaffect.service.page.corrections import ExportRequest, read_timelines, write_training

TRAINING = "training"
"""Format of the page alone: labels that ``voxaffect train csv`` reads."""
_LONGEST_REASON = 300
_WITH_SOUND = ("html",)
"""Formats that hold the sound."""


def run(job: PageJob, limits: Limits) -> Any:
    """Do one job.

    Raises
    ------
    ServiceError
        If the client is to blame.
    """
    if isinstance(job, Introduce):
        return _introduce(job)
    if isinstance(job, Examine):
        return _examine(job, limits)
    return _export(job, limits)


def _introduce(job: Introduce) -> dict[str, Any]:
    """Models in short, and the formats that can be written here."""
    models = [
        _describe_model(identifier, open_model(name)) for identifier, name in job.models.items()
    ]
    timelines = {
        name: form for name, form in TIMELINE_FORMATS.load_usable().items() if _is_usable(form)
    }
    predictions = {
        name: form for name, form in PREDICTION_FORMATS.load_usable().items() if _is_usable(form)
    }
    return {
        "models": models,
        "prediction_formats": [*map(_describe_format, predictions, predictions.values())],
        "timeline_formats": [*map(_describe_format, timelines, timelines.values())],
    }


def _describe_format(name: str, form: Format) -> dict[str, Any]:
    return {"name": name, "suffix": form.suffix, "holds": form.holds}


def _is_usable(form: Format) -> bool:
    try:
        form.check()
    except MissingExtraError:
        return False
    return True


def _describe_model(identifier: str, model: Model) -> dict[str, Any]:
    card = model.card
    uars = {name: scores["uar"]["mean"] for name, scores in card.scores.items() if "uar" in scores}
    plain: dict[str, Any] = round_numbers(
        {
            "id": identifier,
            "emotions": [one.to_dict() for one in view_emotions(model.emotions)],
            "abstention": card.abstention,
            "corpora": card.corpora,
            "uars": uars,
            "encoder": card.encoder.get("name", ""),
            "use": describe_use(card),
            "created": card.created,
        }
    )
    return plain


def _examine(job: Examine, limits: Limits) -> Reply:
    """Answer, emotion over time, and findings of one recording, as JSON."""
    options, model = job.options, open_model(job.model)
    choice = ChannelChoice(options.channels)
    predictor = Predictor(model, None, options.uncertain_below, choice)
    predictions = predict_within(job.content, job.name, predictor, limits)
    timelines = compute_timelines(job, predictor.timeline_config, choice, limits)
    circumstances = Run(model=model, has_files=False)
    content = {
        "predictions": make_document(PredictionDocument, predictions, circumstances),
        "timelines": make_document(TimelineDocument, timelines, circumstances),
        "diagnosis": _diagnose(job, model, limits),
        "view": view_recording(timelines, job.content).to_dict(),
    }
    seconds = predictions[0].seconds or 0.0
    return Reply(to_line(content).encode(), "application/json", seconds)


def _diagnose(job: Examine, model: Model, limits: Limits) -> dict[str, Any] | None:
    try:
        diagnosis = diagnose(job.content, model=model, max_seconds=limits.max_seconds, workers=1)
    except AudioError:  # what the recognition could use, but the diagnosis cannot
        return None
    return diagnosis.to_dict()


def _export(job: Export, limits: Limits) -> Reply:
    """File of timelines that a client sent."""
    try:
        request = msgspec.json.decode(job.content, type=ExportRequest)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:_LONGEST_REASON] or "too deep"
        raise ServiceError(400, "invalid_json", f"The body: {reason}.") from None
    if request.model not in job.models:
        raise ServiceError(400, "invalid_option", "model: is none of this server.", "model")
    model = open_model(job.models[request.model])
    timelines = read_timelines(request.results, model.emotions, limits)
    if request.response_format == TRAINING:
        content = write_training(timelines, with_unchanged=request.with_unchanged)
        return Reply(content.encode(), MEDIA_TYPES[".csv"])
    form = _get_format(request.response_format, timelines)
    sound = _take_sound(request, timelines, limits)
    encoded = form.encode(timelines, Run("segments", model, has_files=False, content=sound))
    body = encoded.encode() if isinstance(encoded, str) else encoded
    return Reply(body, MEDIA_TYPES.get(form.suffix, PLAIN_TEXT))


def _take_sound(request: ExportRequest, timelines: Sequence[Timeline], limits: Limits) -> bytes:
    """Sound for the formats that hold it; never None, so that no source is opened as a file."""
    if request.response_format not in _WITH_SOUND:
        return b""
    if not request.content:
        message = f"a file of {request.response_format} holds the sound: send it as content."
        raise ServiceError(400, "invalid_option", message, "content")
    name = timelines[0].source
    with open_blocks(request.content, name=name, max_seconds=limits.max_seconds) as recording:
        check_recording(recording, limits)
        highest = max(number_channel(one.channel) for one in timelines)
        if highest > recording.channels:
            message = f"the sound has {recording.channels} channels, the results {highest}."
            raise ServiceError(400, "invalid_option", message, "content")
    return request.content


def _get_format(name: str, timelines: Sequence[Timeline]) -> Format:
    form = TIMELINE_FORMATS.get(name)
    if form is None or not _is_usable(form):
        known = ", ".join((*TIMELINE_FORMATS, TRAINING))
        message = f"there is no format {name[:40]!r} here; the formats are {known}."
        raise ServiceError(400, "invalid_option", message, "response_format")
    if form.holds == "channel" and len(timelines) > 1:
        message = f"a file of {name} holds one channel: choose one channel, or the mix."
        raise ServiceError(400, "invalid_option", message, "response_format")
    return form
