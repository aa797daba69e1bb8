"""Rich Transcription Time Marked (NIST), as pyannote, NeMo and voxaffect write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import PurePath, PureWindowsPath
from urllib.parse import unquote

from voxaffect.annotations.formats.base import Document, Entry, Format, shorten
from voxaffect.files import escape_control, list_names

_TYPES = {
    "SPEAKER", "SPKR-INFO", "LEXEME", "NON-LEX", "NON-SPEECH", "NOSCORE", "NO_RT_METADATA",
    "SEGMENT", "FILLER", "EDIT", "SU", "IP", "CB", "A/P",
}  # fmt: skip
_COMMENT = ";;"
_LEAST_FIELDS, _MOST_FIELDS = 8, 10
_MISSING = "<NA>"
_SPEECH = "SPEECH"
"""Stands for a speaker where speech is known, but not who speaks."""


def _list_turns(document: Document) -> Iterator[Entry]:
    lines = list(_list_lines(document))
    ids = list(dict.fromkeys(fields[1] for _, fields in lines))
    wanted = choose_id(document, ids)
    for where, fields in lines:
        if fields[1] != wanted:
            continue
        start = document.parse_seconds(fields[3], where, "start")
        length = document.parse_seconds(fields[4], where, "duration")
        if fields[7] == _MISSING:
            raise document.refuse(where, "no name of a speaker. Name one in the eighth field.")
        speaker = "" if fields[7] == _SPEECH else unquote(fields[7])
        channel = "" if fields[2] == _MISSING else fields[2]
        yield Entry(where, start, start + length, speaker, channel=channel)


def _list_lines(document: Document) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(document.text.split("\n"), start=1):
        fields = line.partition(_COMMENT)[0].split()
        if not fields or fields[0] != "SPEAKER":
            continue
        where = f"line {number}"
        if not _LEAST_FIELDS <= len(fields) <= _MOST_FIELDS:
            raise document.refuse(
                where,
                "expected SPEAKER, file, channel, start, duration, <NA>, <NA>, speaker, <NA> and "
                f"<NA>, found {len(fields)} fields: {shorten(line.strip())}. Write %20 for a blank "
                "in a name.",
            )
        yield where, fields


def choose_id(document: Document, ids: list[str]) -> str | None:
    """Name, of those that a file has for recordings, that is the wanted recording's.

    Raises
    ------
    AnnotationError
        If there are several, and none or more than one fit.
    """
    if len(ids) <= 1:
        return ids[0] if ids else None
    listed = list_names([escape_control(one) for one in ids])
    if document.recording is None:
        raise document.refuse(
            "", f"has {len(ids)} recordings ({listed}). Choose one by its name (recording=)."
        )
    for name_recording in (_name_exactly, _name_stem):
        wanted = name_recording(document.recording)
        matching = [one for one in ids if name_recording(unquote(one)) == wanted]
        if len(matching) == 1:
            return matching[0]
    raise document.refuse(
        "",
        f"no turns of {escape_control(document.recording)!r}; it has {listed}. Name the recording "
        "as the file does.",
    )


def _name_exactly(name: str) -> str:
    return PureWindowsPath(name).as_posix()


def _name_stem(name: str) -> str:
    """Name without folders and the ending of a file of sound."""
    path = PurePath(PureWindowsPath(name).name)
    is_ending = re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", path.suffix)
    return path.stem if is_ending else path.name


def _matches(text: str) -> bool:
    """True of a text whose first line, after comments, is of a type of RTTM."""
    lines = (line.split(maxsplit=2) for line in StringIO(text))
    first = next((one for one in lines if one and not one[0].startswith(_COMMENT)), [])
    return len(first) > 1 and first[0] in _TYPES


RTTM = Format("RTTM", _matches, _list_turns, None)
