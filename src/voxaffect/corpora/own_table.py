"""Tables of recordings: the corpus kind ``csv``.

Columns are found by their names, or by the names that other programs give them. Every fault of a
table is reported in one run, with its line.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from voxaffect.corpora.labels import known_emotion, normalize
from voxaffect.corpora.layouts import SEXES
from voxaffect.corpora.overlaps import Part, overlaps
from voxaffect.corpora.rows import Rows, normalize_column, read_rows
from voxaffect.corpora.utterance import Utterance
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control

_ALIASES: Mapping[str, str] = {
    "path": "file filename file_name filepath file_path wav wav_file wav_path wavfile audio "
    "audio_path audio_file audiofile audiopath recording clip clip_path datei dateiname pfad "
    "fichier chemin archivo ruta arquivo plik dosya 文件 文件名 路径",
    "emotion": "label labels emotion_label emotions category class target emo emocion emozione "
    "emocao emocja duygu gefuhl 情感 情绪",
    "speaker": "speaker_id speakerid speaker_name spk spk_id spkr actor actor_id subject "
    "subject_id participant participant_id sprecher sprecherin locuteur locutrice hablante "
    "locutor parlante mowca konusmaci 说话人",
    "sex": "gender speaker_sex speaker_gender geschlecht sexe genre sexo genero sesso genere "
    "plec cinsiyet 性别",
    "text": "sentence transcript transcription utterance statement",
    "intensity": "emotion_intensity",
    "take": "repetition",
    "channel": "vocal_channel",
    "subset": "set split partition fold",
    "start": "start_seconds start_time onset begin",
    "end": "end_seconds end_time stop",
    "duration": "duration_seconds length_seconds dur",
}
_COLUMNS = {column: (column, *names.split()) for column, names in _ALIASES.items()}
_NAMES = frozenset(name for names in _COLUMNS.values() for name in names)
_NEEDED = ("path", "emotion")
_MUST_BE_CLEAR = (*_NEEDED, "speaker", "start", "end")
_NOTHING = frozenset(("", "nan", "nat", "null", "<na>", "n/a"))
_OTHER_UNITS = re.compile(
    r"(?:start|begin|onset|offset|from) ?(?:time)? ?(?:in )?"
    r"(?:ms|msec|millis|milliseconds|samples?|frames?)"
)
_UNKNOWN_SEX = frozenset(("unknown", "other", "none", "na", "-", "?", "x", "diverse", "d"))
_SHOWN = 20
_Span = tuple[float | None, float | None]
_Cell = Callable[[str], str | None]
_SPAN = re.compile(
    r"(?:(?P<days>\d+) days? ?\+?)?(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?"
    r"(?P<seconds>\d+(?:[.,]\d+)?)? ?s?"
)
WHAT = "a table with the columns path and emotion"


@dataclass(frozen=True)
class TableResult:
    """A table that was read.

    Parameters
    ----------
    utterances : tuple of Utterance
        With the labels as the table has them.
    notes : tuple of str
        What was read in another way than its names say, one line each.
    """

    utterances: tuple[Utterance, ...]
    notes: tuple[str, ...]


def read_table(path: Path, columns: Mapping[str, str] | None = None) -> TableResult:
    """Read a table of recordings.

    Parameters
    ----------
    path : Path
    columns : mapping of str to str, optional
        Name of the table's column for each of ours, such as ``{"emotion": "label"}``.

    Returns
    -------
    TableResult

    Raises
    ------
    CorpusError
        With all faults of the table, or the first twenty.
    """
    name = escape_control(str(path))
    own = {column: normalize_column(title) for column, title in (columns or {}).items()}
    _check_columns(own)
    rows = read_rows(path, what=WHAT, columns=_NAMES | set(own.values()))
    places = _find_columns(name, rows, own)
    _check_units(name, rows, places)
    reader = _Reader(name, path.parent, rows, places)
    utterances = reader.read()
    if len(reader.faults) == 1:
        raise CorpusError(f"{name}, {reader.faults[0]}.")
    if reader.faults:
        shown = "; ".join(reader.faults[:_SHOWN])
        more = len(reader.faults) - _SHOWN
        rest = f"; and {more:,} more" if more > 0 else ""
        raise CorpusError(f"{name}: {len(reader.faults):,} faults: {shown}{rest}.")
    if not utterances:
        raise CorpusError(f"{name}: holds no recording, only the names of the columns.")
    notes = (*_notes(path.name, rows, places), *_note_overlaps(path.name, reader.shared))
    return TableResult(utterances, notes)


def parse_columns(text: str) -> dict[str, str]:
    """Columns as ``--columns`` has them.

    Raises
    ------
    CorpusError
        If an entry is no pair, or names none of our columns.

    Examples
    --------
    >>> parse_columns("path=file,emotion=label")
    {'path': 'file', 'emotion': 'label'}
    """
    pairs = [entry.partition("=") for entry in text.split(",") if entry.strip()]
    result = {column.strip().lower(): title.strip() for column, _, title in pairs}
    if not result or not all(result.values()) or len(result) < len(pairs):
        raise CorpusError(
            f"columns {text!r}: expected ours and the table's, such as path=file,emotion=label."
        )
    _check_columns(result)
    return result


def _check_columns(columns: Iterable[str]) -> None:
    unknown = sorted(set(columns) - set(_COLUMNS))
    if unknown:
        raise CorpusError(
            f"columns: no column {unknown[0]!r} to read; there are: {', '.join(_COLUMNS)}."
        )


def _find_columns(name: str, rows: Rows, own: Mapping[str, str]) -> dict[str, int]:
    """Place of each of our columns in the table."""
    places: dict[str, int] = {}
    header = ", ".join(column or "(no name)" for column in rows.header)
    for column, names in _COLUMNS.items():
        wanted = own.get(column)
        if wanted is not None and wanted not in rows.header:
            raise CorpusError(f"{name}, line 1: no column '{wanted}', found {header}.")
        taken = set(own.values())
        present = [title for title in names if title in rows.header and title not in taken]
        if wanted is None and present and present[0] != column and len(present) > 1:
            if column not in _MUST_BE_CLEAR:
                continue
            raise CorpusError(
                f"{name}, line 1: {' and '.join(present)} could each be the {column}. Choose one, "
                f"such as --columns {column}={present[0]} (in Python columns="
                f"{{{column!r}: {present[0]!r}}})."
            )
        if wanted or present:
            places[column] = rows.header.index(wanted or present[0])
    if "start" not in places or "end" in places:
        places.pop("duration", None)  # of the whole recording, as many tables state it
    missing = [column for column in _NEEDED if column not in places]
    if missing and len(rows.header) == 1:
        raise CorpusError(
            f"{name}, line 1: one column, '{header}', expected at least path and emotion. Separate "
            "columns by commas, semicolons, tabs or bars, and name them in the first line."
        )
    if missing:
        remedy = ",".join(f"{column}=NAME" for column in missing)
        raise CorpusError(
            f"{name}, line 1: no column '{missing[0]}', found {header}. Line 1 names the "
            f"columns. Rename one, or say which it is with --columns {remedy} (in Python columns=)."
        )
    return places


def _notes(name: str, rows: Rows, places: Mapping[str, int]) -> tuple[str, ...]:
    """Say which columns were read by another name, and which not at all."""
    header = {column: rows.header[index] for column, index in places.items()}
    renamed = [f"{title} as {column}" for column, title in header.items() if title != column]
    passed = [title for title in rows.header if title and title not in header.values()]
    notes = []
    if renamed:
        notes.append(f"{name}: {', '.join(renamed)}")
    if passed:
        notes.append(f"{name}: not used: {', '.join(passed)}")
    return tuple(notes)


def _check_units(name: str, rows: Rows, places: Mapping[str, int]) -> None:
    """Refuse times in another unit: passed over, each row would be the whole recording."""
    if "start" in places:
        return
    for title in rows.header:
        if _OTHER_UNITS.fullmatch(re.sub(r"[\W_]+", " ", title).strip()):
            raise CorpusError(
                f"{name}, line 1: '{title}' is no time in seconds. Write the columns start and end "
                "in seconds, or delete it if each file is one recording."
            )


def _note_overlaps(name: str, shared: Sequence[tuple[Part, Part]]) -> tuple[str, ...]:
    """Say that parts of a recording overlap."""
    if not shared:
        return ()
    one, other = shared[0]
    return (
        f"{name}: parts overlap ({len(shared):,}), such as lines {one.line} and {other.line}: "
        "training and test may share sound",
    )


class _Reader:
    """Reads rows one by one and collects their faults."""

    def __init__(self, name: str, folder: Path, rows: Rows, places: Mapping[str, int]) -> None:
        self.name, self.folder, self.rows, self.places = name, folder, rows, places
        self.faults: list[str] = []
        self.shared: list[tuple[Part, Part]] = []
        self._lines: dict[object, int] = {}
        self._parts: list[Part] = []

    def read(self) -> tuple[Utterance, ...]:
        """Read every row; those with a fault are left out and the fault is kept."""
        utterances = []
        for line, cells in self.rows.rows:
            faults: list[str] = []
            utterance = self._utterance(line, cells, faults)
            self.faults += [f"line {line}: {fault}" for fault in faults]
            if utterance is not None:
                utterances.append(utterance)
                self._keep_part(line, utterance)
        self.shared = list(overlaps(self._parts))
        self.faults += [
            f"line {other.line}: most of it is in line {one.line} too, which has another emotion; "
            "keep one of them, or name their speakers"
            for one, other in self.shared
            if one.contradicts(other)
        ]
        return tuple(utterances)

    def _keep_part(self, line: int, one: Utterance) -> None:
        emotion = known_emotion(one.emotion) or normalize(one.emotion)
        end = math.inf if one.end_seconds is None else one.end_seconds
        start = one.start_seconds or 0.0
        self._parts.append(Part(line, _identity(one.path), start, end, emotion, one.speaker))

    @cached_property
    def _width(self) -> int:
        return len(self.rows.header)

    @cached_property
    def _sexes(self) -> Mapping[str, str]:
        """Words for a sex; beside H (hombre, homme), M is mujer; beside K (kobieta), it is male."""
        index = self.places["sex"]
        words = {normalize(cells[index]) for _, cells in self.rows.rows if index < len(cells)}
        letters = {"h": {"h": "male", "m": "female"}, "k": {"k": "female", "e": "male"}}
        return {
            **SEXES,
            **{k: v for mark in letters if mark in words for k, v in letters[mark].items()},
        }

    def _utterance(self, line: int, cells: list[str], faults: list[str]) -> Utterance | None:
        if len(cells) > self._width and any(cells[self._width :]):
            faults.append(
                f"{len(cells)} cells, expected {self._width}; quote a cell that holds "
                f"{self.rows.separator!r}"
            )
            return None

        def cell(column: str) -> str | None:
            index = self.places.get(column, self._width)
            text = cells[index] if index < min(len(cells), self._width) else ""
            return None if text.lower() in _NOTHING else text

        faults += [f"'{column}' is empty" for column in _NEEDED if cell(column) is None]
        sex, span = self._sex(cell("sex"), faults), self._span(cell, faults)
        file = cell("path")
        recording = self._recording(file, faults) if file else None
        if recording is not None:
            self._check_unique(line, recording, span, faults)
        emotion = cell("emotion")
        if faults or recording is None or emotion is None:
            return None
        kept = ("speaker", "text", "intensity", "take", "channel", "subset")
        return Utterance(
            path=recording,
            corpus="csv",
            emotion=emotion,
            sex=sex,
            start_seconds=span[0],
            end_seconds=span[1],
            **{key: cell(key) for key in kept},
        )

    def _sex(self, text: str | None, faults: list[str]) -> str | None:
        if text is None or text.lower() in _UNKNOWN_SEX:
            return None
        plain = normalize(text)
        found = {self._sexes[word] for word in (plain, *plain.split()) if word in self._sexes}
        if len(found) != 1:
            faults.append(f"sex is '{text}', expected female, male or nothing")
            return None
        return found.pop()

    def _span(self, cell: _Cell, faults: list[str]) -> _Span:
        times = []
        for column in ("start", "end", "duration"):
            text = cell(column)
            times.append(parse_seconds(text) if text is not None else None)
            if text is not None and times[-1] is None:
                faults.append(f"{column} is '{text}', expected seconds or hh:mm:ss")
        start, end, duration = times
        if duration is not None:
            end = (start or 0.0) + duration
        if end is not None and end <= (start or 0.0):
            faults.append(f"the end, {end:g} s, is not after the start, {start or 0:g} s")
        return start, end

    def _recording(self, text: str, faults: list[str]) -> Path | None:
        """Find the file: relative to the table; Windows' separators and ~ work."""
        plain = text.replace("\\", "/")
        forms = (unicodedata.normalize(form, plain) for form in ("NFC", "NFD"))  # macOS takes NFD
        for spelling in dict.fromkeys((text, plain, *forms)):
            try:
                path = Path(os.path.normpath(self.folder / Path(spelling).expanduser()))
                if path.is_file():
                    return path
            except (OSError, ValueError, RuntimeError):
                continue  # a name that no disk can hold, or no home folder
        faults.append(self._missing(text))
        return None

    def _missing(self, text: str) -> str:
        shown = escape_control(text)
        if re.match(r"\w{2,}://", text):
            return f"{shown}: is an address, expected a path"
        if os.name != "nt" and re.match(r"[A-Za-z]:[\\/]", text):
            return f"{shown}: is a path of Windows; make it relative to the table's folder"
        plain = text.replace("\\", "/")
        try:
            path = Path(os.path.normpath(self.folder / Path(plain).expanduser()))
            if path.is_dir():
                return f"{shown}: is a folder, expected a recording"
            if Path(plain).is_file():
                return (
                    f"{shown}: no such file under {escape_control(str(self.folder))}, the table's "
                    "folder, though there is one here: paths are relative to the table"
                )
        except (OSError, ValueError, RuntimeError) as error:
            return f"{shown}: names no file ({escape_control(str(error))})"
        hint = _hint(path) if len(self.faults) < _SHOWN else ""
        return f"{escape_control(str(path))}: no such file{hint}"

    def _check_unique(self, line: int, path: Path, span: _Span, faults: list[str]) -> None:
        key = (_identity(path), (span[0] or 0.0, span[1]))
        if (first := self._lines.setdefault(key, line)) != line:
            faults.append(
                f"{escape_control(str(path))} is on line {first} already, by this or another name; "
                "name each recording once"
            )


def _hint(path: Path) -> str:
    """Name of a file beside it that differs by capitals or by its ending only."""
    try:
        names = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    except OSError:
        return ""
    wanted = path.name.casefold()
    near = [name for name in names if wanted in (name.casefold(), Path(name).stem.casefold())]
    return f", though there is {escape_control(near[0])}" if near else ""


def _identity(path: Path) -> tuple[int, int] | str:
    """Equal for every name of a file: other spellings, links, capitals."""
    status = path.stat()
    # Some network disks number no files.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def parse_seconds(text: str) -> float | None:
    """Seconds of a time as people and pandas write it; None if it is none.

    Examples
    --------
    >>> parse_seconds("1.5"), parse_seconds("0 days 00:00:01.5"), parse_seconds("1:02")
    (1.5, 1.5, 62.0)
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (
        float((match[unit] or "0").replace(",", "."))
        for unit in ("days", "hours", "minutes", "seconds")
    )
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
