"""Bodies of requests, read within limits and held in memory only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from voxaffect.files import escape_control
from voxaffect.service.errors import ServiceError
from voxaffect.service.guard import size_error
from voxaffect.service.state import State

NAMELESS = "upload"
"""Source of a recording that came without a file name."""
_LONGEST_NAME = 100
_LONGEST_FIELD = 1_000
_MOST_FIELDS = 20
_NEEDED = "Send the recording as the body, or as the field 'file' of multipart/form-data."


@dataclass(frozen=True)
class Upload:
    """A body.

    Parameters
    ----------
    content : bytes
        Of the recording; or the whole body.
    name : str
        Of the file, without folders.
    fields : dict of str to str
        Options, from the query and the form.
    """

    content: bytes
    name: str
    fields: dict[str, str]


class _FormParser(MultiPartParser):
    """Parser that writes nothing to a disk."""

    spool_max_size = sys.maxsize


@asynccontextmanager
async def receive_upload(request: Request, state: State) -> AsyncIterator[Upload]:
    """Read a body; it counts as held until the end of the block.

    Raises
    ------
    ServiceError
        If it is too large, takes too long, or holds no recording.
    """
    held = 0

    async def read() -> AsyncGenerator[bytes, None]:
        nonlocal held
        async for chunk in request.stream():
            if held + len(chunk) > state.settings.max_body_bytes:
                raise size_error(state.settings.max_body_bytes)
            state.hold(len(chunk))
            held += len(chunk)
            yield chunk

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    seconds = state.settings.upload_seconds
    try:
        try:
            async with asyncio.timeout(seconds):
                is_form = kind == "multipart/form-data"
                upload = await (_read_form if is_form else _read_raw)(request, read())
        except TimeoutError:
            message = f"The body did not arrive within {seconds:g} s."
            raise ServiceError(408, "upload_timeout", message) from None
        if not upload.content:
            raise ServiceError(400, "missing_file", f"The body is empty. {_NEEDED}", "file")
        yield upload
    finally:
        state.release(held)


def check_kind(request: Request) -> None:
    """Refuse bodies that are no recording by their own account.

    Raises
    ------
    ServiceError
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/json", "application/x-www-form-urlencoded"):
        message = f"The body is {kind}. {_NEEDED}"
        raise ServiceError(415, "unsupported_body", message)


async def _read_raw(request: Request, chunks: AsyncGenerator[bytes, None]) -> Upload:
    content = b"".join([chunk async for chunk in chunks])
    return Upload(content, NAMELESS, dict(request.query_params))


async def _read_form(request: Request, chunks: AsyncGenerator[bytes, None]) -> Upload:
    parser = _FormParser(
        request.headers,
        chunks,
        max_files=1,
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ServiceError(400, "invalid_form", f"{error.message} {_NEEDED}") from None
    fields, file = dict(request.query_params), None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            file = value if name == "file" else file
        else:
            fields[name] = value
    if file is None:
        raise ServiceError(400, "missing_file", f"The form has no file. {_NEEDED}", "file")
    content = await file.read()
    await file.close()
    return Upload(content, _clean_name(file.filename or ""), fields)


def _clean_name(name: str) -> str:
    """Name without folders and hidden marks: it stands in results, and opens nothing."""
    base = name.replace("\\", "/").rpartition("/")[2].strip()
    return escape_control(base)[:_LONGEST_NAME] or NAMELESS
