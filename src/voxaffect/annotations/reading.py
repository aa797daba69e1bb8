"""Reading of turns and transcripts of other programs, in the format that their content shows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from voxaffect.annotations.formats import FORMATS, Document, Entry, Format, clean_text
from voxaffect.annotations.formats.base import CLIPPED_SECONDS
from voxaffect.annotations.transcripts import Sentence, Word
from voxaffect.annotations.turns import MOST_SPEAKERS, Turn
from voxaffect.errors import AnnotationError, ArgumentError
from voxaffect.files import escape_control, read_bounded
from voxaffect.files.encoding import detect_encoding

_LIMIT_BYTES = 1 << 25
_HEAD_BYTES = 64  # any text of ours begins with Latin letters, digits or marks
_DECIMALS = 6
"""Of seconds: a start and a length add up to the start of the next turn, without an overlap."""
_TURNS = "a file of turns (who speaks when)"
_TRANSCRIPT = "a transcript (what is said when)"
_DATABASE = re.compile(r"\Aname: [^\n]*\n(?:.*\n)*tables:\n")
_EMOTIONS = {
    "angry", "anger", "bored", "calm", "contempt", "disgust", "disgusted", "fear", "fearful",
    "happy", "happiness", "neutral", "other", "sad", "sadness", "surprise", "surprised",
}  # fmt: skip
_BINARIES = {
    b"RIFF": "a recording (WAV)",
    b"fLaC": "a recording (FLAC)",
    b"OggS": "a recording (Ogg)",
    b"ID3": "a recording (MP3)",
    b"\xff\xfb": "a recording (MP3)",
    b"FORM": "a recording (AIFF)",
    b"PK\x03\x04": "an archive or a workbook (such as Excel's)",
    b"\xd0\xcf\x11\xe0": "a workbook (such as Excel's)",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"ooBinaryFile": "a binary file of Praat (save it as text)",
    b"PAR1": "a Parquet file (save it as CSV)",
}


def read_turns(
    path: str | os.PathLike[str] | bytes, *, recording: str | None = None
) -> tuple[Turn, ...]:
    """Turns of speakers that another program has written, sorted by their start.

    The content says what the format is, not the name of the file. Turns without length are left
    out, and equal ones are one.

    Parameters
    ----------
    path : str, path or bytes
        A file, or its content.
    recording : str, optional
        Name of the recording, for a file with the turns of several.

    Raises
    ------
    AnnotationError
        If the file cannot be read, has no turn, or one that cannot be.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "call.rttm")
    ...     size = path.write_text("SPEAKER call 1 0.5 2.0 <NA> <NA> anna <NA> <NA>")
    ...     read_turns(path)
    (Turn(start_seconds=0.5, end_seconds=2.5, speaker='anna'),)
    """
    document, kind = _open_document(path, recording, _TURNS)
    if kind.list_turns is None:
        raise document.refuse(
            "", f"is {kind.name}, which has no speakers. Give {_TURNS}, such as RTTM."
        )
    turns = []
    entries = list(kind.list_turns(document))
    kept = _check(document, entries, "turn")
    if entries and not kept:
        raise document.refuse("", "no turn has a length, expected an end after its start.")
    for entry in kept:
        if speaker := clean_text(entry.speaker):
            turns.append(Turn(entry.start, entry.end, speaker, _find_channel(entry)))
    if not turns:
        raise document.refuse(
            "",
            f"no turn of a speaker in this {kind.name} file. Expected {_TURNS}: write it again "
            "with speakers.",
        )
    turns = _keep_channels(turns)
    speakers = {turn.speaker for turn in turns}
    _refuse_many(document, speakers)
    _refuse_emotions(document, speakers)
    return tuple(sorted(set(turns)))


def read_transcript(
    path: str | os.PathLike[str] | bytes, *, recording: str | None = None
) -> tuple[Sentence, ...]:
    r"""Sentences of a transcript that another program has written, sorted by their start.

    The content says what the format is, not the name of the file. Sentences without length or
    text are left out, and equal ones are one.

    Parameters
    ----------
    path : str, path or bytes
        A file, or its content.
    recording : str, optional
        Name of the recording, for a file with the transcripts of several.

    Raises
    ------
    AnnotationError
        If the file cannot be read, has no sentence, or one that cannot be.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "call.srt")
    ...     size = path.write_text("1\n00:00:00,500 --> 00:00:02,000\n[anna]: Hello.\n")
    ...     [sentence] = read_transcript(path)
    ...     sentence.speaker, sentence.text
    ('anna', 'Hello.')
    """
    document, kind = _open_document(path, recording, _TRANSCRIPT)
    if kind.list_sentences is None:
        raise document.refuse(
            "", f"is {kind.name}, which has no text. Give {_TRANSCRIPT}, such as SRT."
        )
    sentences = []
    for entry in _check(document, kind.list_sentences(document), "sentence"):
        if text := clean_text(entry.text):
            speaker = clean_text(entry.speaker) or None
            words = _keep_words(entry)
            sentences.append(Sentence(entry.start, entry.end, text, speaker, words))
    if not sentences:
        raise document.refuse("", f"no sentence in this {kind.name} file. Expected {_TRANSCRIPT}.")
    _refuse_many(document, {one.speaker for one in sentences if one.speaker})
    return tuple(sorted(dict.fromkeys(sentences), key=_get_span))


def _find_channel(entry: Entry) -> str:
    """Number of the channel of an entry; empty where it is no number, left or right."""
    name = entry.channel.strip().lower()
    name = {"left": "1", "right": "2"}.get(name, name)
    return name if name.isascii() and name.isdecimal() else ""


def _keep_channels(turns: Sequence[Turn]) -> list[Turn]:
    """Turns with their channels; without, unless they name two or more, or one but the first.

    Programs write channel 1 (some 0) where they mixed all.
    """
    if {turn.channel for turn in turns} - {""} in (set(), {"0"}, {"1"}):
        return [replace(turn, channel="") for turn in turns]
    return [*turns]


def _refuse_many(document: Document, speakers: set[str]) -> None:
    if len(speakers) > MOST_SPEAKERS:
        raise document.refuse(
            "",
            f"has {len(speakers):,} speakers, expected at most {MOST_SPEAKERS:,} in a recording. "
            "Give each speaker one name in all of the file.",
        )


def _refuse_emotions(document: Document, speakers: set[str]) -> None:
    """Refuse a file with emotions where speakers belong, as voxaffect and others write it."""
    words = {re.split(r"[ (]", speaker.lower())[0] for speaker in speakers}
    if len(words) > 1 and words <= _EMOTIONS:
        raise document.refuse(
            "",
            f"has emotions instead of speakers ({', '.join(sorted(words))}). Expected {_TURNS}.",
        )


def _get_span(sentence: Sentence) -> tuple[float, float]:
    return sentence.start_seconds, sentence.end_seconds


def _keep_words(entry: Entry) -> tuple[Word, ...]:
    """Words with text that touch their sentence, in order of their start."""
    words = [
        replace(word, text=clean_text(word.text))
        for word in entry.words
        if word.start_seconds <= entry.end and word.end_seconds >= entry.start
    ]
    return tuple(sorted((word for word in words if word.text), key=lambda word: word.start_seconds))


def _check(document: Document, entries: Iterable[Entry], kind: str) -> Sequence[Entry]:
    """Entries that have length, with times that can be.

    Raises
    ------
    AnnotationError
        If one starts before zero, or ends before it starts.
    """
    kept = []
    for entry in entries:
        start, end = (round(time, _DECIMALS) for time in (entry.start, entry.end))
        if start < -CLIPPED_SECONDS:
            raise document.refuse(
                entry.where,
                f"a {kind} starts at {start:g} s, expected 0 or more. Count from the beginning of "
                "the recording.",
            )
        if end < start:
            raise document.refuse(
                entry.where,
                f"a {kind} ends at {end:g} s, before its start at {start:g} s. Mend its times.",
            )
        start = max(start, 0.0)
        if end > start:
            kept.append(replace(entry, start=start, end=end))
    return kept


def _open_document(
    path: str | os.PathLike[str] | bytes, recording: str | None, what: str
) -> tuple[Document, Format]:
    if not isinstance(recording, str | None):
        raise ArgumentError(
            f"recording: expected the name of a recording, found {type(recording).__name__}."
        )
    if isinstance(path, bytes):
        content, name = path, "<bytes>"
    else:
        content = read_bounded(path, limit=_LIMIT_BYTES, what=what, error=AnnotationError)
        name = escape_control(str(path))
    text = decode_text(content, name, what)
    document = Document(name, text, recording)
    for kind in FORMATS:
        if kind.matches(text):
            return document, kind
    if _DATABASE.search(text):
        raise document.refuse(
            "", "is the header of an audformat database. Give its table, db.<table>.csv."
        )
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    known = ", ".join(kind.name for kind in FORMATS)
    raise document.refuse(
        "",
        f"no format of {what} that voxaffect knows ({known}); it begins with "
        f"{escape_control(first[:60])[:60]!r}.",
    )


def decode_text(content: bytes, name: str, what: str) -> str:
    """Text of a file, its lines parted by newlines alone.

    Raises
    ------
    AnnotationError
        If it is empty, no text, or text in an encoding of 8 bits.
    """
    for mark, kind in _BINARIES.items():
        if content.startswith(mark):
            raise AnnotationError(f"{name}: is {kind}, expected {what}.")
    try:
        text = content.decode(detect_encoding(content[:_HEAD_BYTES]))
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f"{name}: not readable as text in UTF-8 or UTF-16 (byte {error.start:,}: "
            f"{error.reason}), expected {what}. Save it again as UTF-8."
        ) from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise AnnotationError(f"{name}: holds NUL characters, expected {what}, which is text.")
    if not text.strip():
        raise AnnotationError(f"{name}: empty, expected {what}.")
    return text
