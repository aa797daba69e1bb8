"""Routes of the page. They belong to it alone and may change with it: OpenAPI leaves them out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from voxaffect import __version__
from voxaffect.service.jobs import Examine, ExamineOptions, Export, Introduce
from voxaffect.service.page.files import PATHS, SECURITY, read_file
from voxaffect.service.routes import answer, check_options, get_state
from voxaffect.service.server import NOTICE
from voxaffect.service.uploads import check_kind, receive_upload

router = APIRouter(include_in_schema=False)
_FRESH = {**SECURITY, "Cache-Control": "no-store"}


async def send_file(request: Request) -> Response:
    """Send a static file, unless the browser has it already."""
    file = read_file(request.url.path)
    headers = {**SECURITY, "Cache-Control": "no-cache", "ETag": file.tag}
    known = request.headers.get("if-none-match", "")
    if file.tag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


for _path in sorted(PATHS):
    router.add_api_route(_path, send_file, methods=["GET", "HEAD"])


@router.get("/page/about")
async def describe_server(request: Request) -> Response:
    """Models, limits and formats of the server, and the notice on the law."""
    state = get_state(request)
    settings = state.settings
    about = await state.describe(Introduce)
    content = {
        **about,
        "version": __version__,
        "default_model": state.choose_model("", settings.default_model),
        "stream_model": state.choose_model("", settings.default_stream_model),
        "max_body_bytes": int(settings.max_body_bytes),
        "max_seconds": settings.max_seconds,
        "notice": NOTICE,
    }
    return JSONResponse(content, headers=_FRESH)


@router.post("/page/recording")
async def examine_recording(request: Request) -> Response:
    """Recognize, examine and draw one recording."""
    state = get_state(request)
    check_kind(request)
    async with receive_upload(request, state) as upload:
        options = check_options(upload.fields, ExamineOptions)
        model = state.models[state.choose_model(options.model, state.settings.default_model)]
        job = Examine(upload.content, upload.name, model, options)
        return await answer(request, job, _FRESH)


@router.post("/page/export")
async def export_timeline(request: Request) -> Response:
    """Write timelines, which a person may have corrected, in a format."""
    state = get_state(request)
    async with receive_upload(request, state) as upload:
        return await answer(request, Export(upload.content, state.models), _FRESH)
