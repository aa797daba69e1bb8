"""OpenAPI document: bodies, answers and examples of the routes, from the schemas of records."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from msgspec import Struct
from starlette.exceptions import HTTPException

from voxaffect.records.results import PredictionDocument, TimelineDocument, TranscriptionDocument
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import (
    ClassifyInput,
    ClassifyQuery,
    EmotionOptions,
    TranscriptionOptions,
)

_DESCRIPTION = """Emotion of a voice, over time or as one answer, with its trust.

Sound that cannot be used gets 415 (no recording, or a format that is not read) or 422 (no speech,
cut short, too short, …). Errors are objects: type, code, message and param."""


class ErrorDetail(Struct, kw_only=True):
    """Error, for people and programs."""

    type: str
    code: str
    message: str
    param: str | None


class ErrorObject(Struct, kw_only=True):
    """Body of every answer that is an error."""

    error: ErrorDetail


class LabelScore(Struct, kw_only=True):
    """Label with its score, as Hugging Face calls them."""

    label: str
    score: float


_ERRORS = {
    400: "An option is not known or out of range.",
    401: "The token is missing or wrong.",
    403: "The host or the origin is not allowed.",
    408: "The body took too long.",
    413: "The body or the recording is too large or too long.",
    415: "No recording, or a format that is not read.",
    422: "A recording without speech, cut short, too short, silent or damaged.",
    500: "The server failed, or its worker process was ended.",
    503: "The server has no room; Retry-After says when to come again.",
    504: "Recognition took too long.",
}
_EXAMPLE = {
    "schema_version": 1,
    "voxaffect": "0.1.0",
    "model": {
        "name": "accurate",
        "sha256": "…",
        "format": 5,
        "threshold": 0.61,
        "licenses": {"ravdess": "CC BY-NC-SA 4.0"},
    },
    "results": [
        {
            "source": "call.wav",
            "emotion": "happy",
            "confidence": 0.82,
            "uncertain": False,
            "result": "emotion",
            "channel": "mix",
            "seconds": 3.7,
            "windows": None,
            "channels_differ": False,
            "probabilities": {"angry": 0.1, "happy": 0.82, "sad": 0.08},
            "adaptation": None,
        }
    ],
    "failures": [],
}
_TRANSCRIPTION = {
    "task": "transcribe",
    "duration": 3.7,
    "text": "Not again.",
    "segments": [
        {
            "type": "transcript.text.segment",
            "id": "seg_0",
            "start": 0.4,
            "end": 1.6,
            "text": "Not again.",
            "speaker": "SPEAKER_00",
            "emotion": "sad",
            "confidence": 0.82,
            "uncertain": False,
            "probabilities": {"angry": 0.1, "happy": 0.08, "sad": 0.82},
        }
    ],
}
_BINARY = {"type": "string", "format": "binary"}


def _refer(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    example = ServiceError(422, "no_speech", "call.wav: no speech was found.").content
    return {
        status: {
            "description": _ERRORS[status],
            "content": {"application/json": {"schema": _refer("ErrorObject"), "example": example}},
        }
        for status in (*statuses, 401, 403)
    }


_ALL_ERRORS = _list_errors(400, 408, 413, 415, 422, 500, 503, 504)


def _describe_options(kind: type[Struct]) -> dict[str, Any]:
    """Schema of each option."""
    schema = msgspec.json.schema_components([kind])[1][kind.__name__]
    options: dict[str, Any] = schema["properties"]
    return options


def _list_query(kind: type[Struct]) -> list[dict[str, Any]]:
    """Options as parameters of a query."""
    options = _describe_options(kind)
    return [{"name": name, "in": "query", "schema": schema} for name, schema in options.items()]


_OPTIONS = _describe_options(EmotionOptions)
_COMPANIONS = {
    "speakers": {**_BINARY, "description": "Turns of the speakers, such as an RTTM file."},
    "transcript": {**_BINARY, "description": "A transcript, such as an SRT file."},
}
EMOTION: dict[str, Any] = {
    "response_class": JSONResponse,
    "openapi_extra": {
        "parameters": _list_query(EmotionOptions),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": _BINARY, **_COMPANIONS, **_OPTIONS},
                        "required": ["file"],
                    }
                },
                "application/octet-stream": {"schema": _BINARY},
            },
        },
    },
    "responses": {
        200: {
            "description": "The result, in the format that was asked for.",
            "content": {
                "application/json": {
                    "schema": {"anyOf": [_refer("PredictionDocument"), _refer("TimelineDocument")]},
                    "example": _EXAMPLE,
                },
                "text/csv": {},
                "text/plain": {},
            },
        },
        **_ALL_ERRORS,
    },
}
CLASSIFY: dict[str, Any] = {
    "response_class": JSONResponse,
    "openapi_extra": {
        "parameters": _list_query(ClassifyQuery),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _refer("ClassifyInput")},
                "application/octet-stream": {"schema": _BINARY},
            },
        },
    },
    "responses": {
        200: {
            "description": "Labels, the most probable first.",
            "content": {
                "application/json": {
                    "schema": {"type": "array", "items": _refer("LabelScore")},
                    "example": [
                        {"label": "happy", "score": 0.82},
                        {"label": "angry", "score": 0.1},
                    ],
                }
            },
        },
        **_ALL_ERRORS,
    },
}
TRANSCRIPTIONS: dict[str, Any] = {
    "response_class": JSONResponse,
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": _BINARY,
                            **_COMPANIONS,
                            **_describe_options(TranscriptionOptions),
                        },
                        "required": ["file", "transcript"],
                    }
                }
            },
        },
    },
    "responses": {
        200: {
            "description": "The transcript, in OpenAI's shape; segments have their emotions.",
            "content": {
                "application/json": {
                    "schema": _refer("TranscriptionDocument"),
                    "example": _TRANSCRIPTION,
                },
                "text/plain": {},
            },
        },
        501: {
            "description": "Without a transcript: voxaffect recognizes no words.",
            "content": {"application/json": {"schema": _refer("ErrorObject")}},
        },
        **_ALL_ERRORS,
    },
}
MODELS: dict[str, Any] = {
    "response_class": JSONResponse,
    "responses": {
        200: {
            "description": "The models of the server.",
            "content": {
                "application/json": {
                    "example": {
                        "object": "list",
                        "data": [{"id": "fast", "object": "model", "emotions": ["angry", "calm"]}],
                    }
                }
            },
        },
        **_list_errors(500, 503),
    },
}
HEALTH: dict[str, Any] = {
    "response_class": JSONResponse,
    "responses": {
        200: {
            "description": "It is.",
            "content": {"application/json": {"example": {"status": "ok"}}},
        },
        **_list_errors(503),
    },
}
METRICS: dict[str, Any] = {
    "response_class": JSONResponse,
    "responses": {
        200: {"description": "Metrics of Prometheus.", "content": {"text/plain": {}}},
        **_list_errors(),
    },
}
_SCHEMAS = (
    ErrorObject,
    LabelScore,
    ClassifyInput,
    PredictionDocument,
    TimelineDocument,
    TranscriptionDocument,
)


def complete(app: FastAPI) -> None:
    """Let an application give the document, and answer its own errors as objects."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _make_document(app)
        return app.openapi_schema

    async def answer(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid")
        answer = ServiceError(error.status_code, code, str(error.detail))
        return JSONResponse(answer.content, error.status_code, error.headers)

    app.openapi = describe  # type: ignore[method-assign]
    app.add_exception_handler(404, answer)
    app.add_exception_handler(405, answer)


def _make_document(app: FastAPI) -> dict[str, Any]:
    from voxaffect import __version__

    document = get_openapi(
        title=app.title, version=__version__, description=_DESCRIPTION, routes=app.routes
    )
    _, schemas = msgspec.json.schema_components(
        _SCHEMAS, ref_template="#/components/schemas/{name}"
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    return document
