"""Bodies of requests, read within limits and held in memory only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from voxaffect.files import escape_control
from voxaffect.service.errors import ServiceError
from voxaffect.service.guard import size_error
from voxaffect.service.jobs import COMPANIONS
from voxaffect.service.state import State

NAMELESS = "upload"
"""Source of a recording that came without a file name."""
_Value = TypeVar("_Value", str, UploadFile)
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
    companions : dict of str to bytes
        Other files of the form, by their fields.
    """

    content: bytes
    name: str
    fields: dict[str, str]
    companions: dict[str, bytes] = field(default_factory=dict)


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
    return Upload(content, NAMELESS, _collect(request.query_params.multi_items()))


async def _read_form(request: Request, chunks: AsyncGenerator[bytes, None]) -> Upload:
    parser = _FormParser(
        request.headers,
        chunks,
        max_files=1 + len(COMPANIONS),
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ServiceError(400, "invalid_form", f"{error.message} {_NEEDED}") from None
    items = form.multi_items()
    texts = [(name, value) for name, value in items if isinstance(value, str)]
    fields = _collect([*request.query_params.multi_items(), *texts])
    files = _collect([(name, file) for name, file in items if isinstance(file, UploadFile)])
    if "file" not in files:
        raise ServiceError(400, "missing_file", f"The form has no file. {_NEEDED}", "file")
    contents = {name: await file.read() for name, file in files.items()}
    await form.close()
    companions = {name: contents[name] for name in COMPANIONS if name in contents}
    name = _clean_name(files["file"].filename or "")
    return Upload(contents["file"], name, fields, companions)


def _collect(items: Sequence[tuple[str, _Value]]) -> dict[str, _Value]:
    """Fields by name; OpenAI's lists, whose names end in ``[]``, keep the last value.

    Raises
    ------
    ServiceError
        If another one is given twice.
    """
    fields: dict[str, _Value] = {}
    for name, value in items:
        if name in fields and not name.endswith("[]"):
            message = f"{name[:40]}: is given twice. Give it once; a list takes commas."
            raise ServiceError(400, "invalid_option", message, name[:40])
        fields[name] = value
    return fields


def _clean_name(name: str) -> str:
    """Name without folders and hidden marks: it stands in results, and opens nothing."""
    base = name.replace("\\", "/").rpartition("/")[2].strip()
    return escape_control(base)[:_LONGEST_NAME] or NAMELESS
