"""Routes of HTTP."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from voxaffect.records.codec import check
from voxaffect.service import openapi
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import (
    Classify,
    ClassifyInput,
    ClassifyParameters,
    ClassifyQuery,
    Companions,
    EmotionOptions,
    Job,
    Recognize,
    Reply,
    Transcribe,
    TranscriptionOptions,
)
from voxaffect.service.state import State
from voxaffect.service.uploads import check_kind, receive_upload

router = APIRouter()
_Options = TypeVar("_Options")


def get_state(request: Request) -> State:
    """State of the server that a request came to."""
    state: State = request.app.state.voxaffect
    return state


@router.post("/v1/emotion", **openapi.EMOTION)
async def recognize_emotion(request: Request) -> Response:
    """Recognize the emotion of a recording, or its emotion over time."""
    state = get_state(request)
    check_kind(request)
    async with receive_upload(request, state) as upload:
        options = check_options(upload.fields, EmotionOptions)
        model = state.models[state.choose_model(options.model, state.settings.default_model)]
        companions = Companions(**upload.companions)
        job = Recognize(upload.content, upload.name, model, options, companions)
        return await answer(request, job)


@router.post("/v1/classify", **openapi.CLASSIFY)
async def classify_recording(request: Request) -> Response:
    """Answer as the Hugging Face task audio-classification does."""
    state = get_state(request)
    model = state.settings.default_model
    is_json = request.headers.get("content-type", "").startswith("application/json")
    async with receive_upload(request, state) as upload:
        content, parameters = upload.content, ClassifyParameters()
        if is_json:
            content, parameters = _decode_inputs(content)
            _refuse_query(upload.fields)
        elif upload.fields:
            parameters = check_options(upload.fields, ClassifyQuery)
        return await answer(request, Classify(content, model, parameters))


@router.post("/v1/audio/transcriptions", **openapi.TRANSCRIPTIONS)
async def answer_transcription(request: Request) -> Response:
    """Answer as OpenAI does, with the emotion of each sentence of a transcript that came along."""
    state = get_state(request)
    check_kind(request)
    async with receive_upload(request, state) as upload:
        companions = Companions(**upload.companions)
        if companions.transcript is None:
            message = (
                "voxaffect recognizes no words. Send the words as the file 'transcript' (SRT, "
                "WebVTT or JSON). For emotion over time: POST /v1/emotion with timeline=true."
            )
            raise ServiceError(501, "not_implemented", message)
        options = check_options(upload.fields, TranscriptionOptions)
        known = options.model if options.model in state.models else ""
        model = state.models[state.choose_model(known, state.settings.default_model)]
        job = Transcribe(upload.content, upload.name, model, options, companions)
        return await answer(request, job)


@router.get("/v1/models", **openapi.MODELS)
async def list_models(request: Request) -> Response:
    """Models that requests may name, the default first."""
    about = await get_state(request).describe()
    return JSONResponse({"object": "list", "data": about["models"]})


@router.get("/healthz", **openapi.HEALTH)
async def report_health() -> Response:
    """Report that the server runs."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", **openapi.HEALTH)
async def report_readiness(request: Request) -> Response:
    """Report whether the server takes requests."""
    if not get_state(request).is_ready:
        raise ServiceError(503, "not_ready", "The server starts or ends.", retry_seconds=1)
    return JSONResponse({"status": "ok"})


@router.get("/metrics", **openapi.METRICS)
async def report_metrics(request: Request) -> Response:
    """Counters for Prometheus, of this server process."""
    content = get_state(request).metrics.render()
    return Response(content, media_type="text/plain; version=1.0.0; charset=utf-8")


async def answer(request: Request, job: Job, headers: Mapping[str, str] | None = None) -> Response:
    """Answer of a job that a worker does."""
    state = get_state(request)
    seconds = state.settings.request_seconds
    reply: Reply = await state.pool.compute(job, seconds, request.is_disconnected)
    state.metrics.sound.labels("upload").inc(reply.seconds)
    return Response(reply.content, headers=headers, media_type=reply.media_type)


def check_options(fields: dict[str, str], kind: type[_Options]) -> _Options:
    """Options of form fields or the query, all of which are text.

    Raises
    ------
    ServiceError
        With the name of the first one that is not known or out of range.
    """
    try:
        return check(fields, kind, strict=False)
    except ValueError as error:
        path, _, reason = str(error).removeprefix("$.").partition(" ")
        param = path.rstrip(":")[:40]
        raise ServiceError(400, "invalid_option", f"{param}: {reason}", param) from None


def _refuse_query(fields: Mapping[str, str]) -> None:
    """Refuse parameters in the query, where the body has its own."""
    for name in fields:
        message = f"{name[:40]}: parameters of a JSON body belong into its 'parameters'."
        raise ServiceError(400, "invalid_option", message, name[:40])


def _decode_inputs(body: bytes) -> tuple[bytes, ClassifyParameters]:
    """Recording and parameters of a JSON body."""
    try:
        value: Any = json.loads(body)
        given = check(value, ClassifyInput)
        return base64.b64decode(given.inputs, validate=True), given.parameters
    except binascii.Error:
        raise ServiceError(400, "invalid_option", "inputs: is no Base64.", "inputs") from None
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        reason = str(error).removeprefix("$")[:200] if isinstance(error, ValueError) else "too deep"
        raise ServiceError(400, "invalid_json", f"The body: {reason}.") from None
