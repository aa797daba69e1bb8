"""Tables of a user's recordings: the corpus kind ``csv``.

Columns are found by their names, or by the names that other programs give them. Every fault of a
table is reported in one run, with its line.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from voxaffect.corpora.base import ScanResult, Utterance
from voxaffect.corpora.layouts import SEXES
from voxaffect.corpora.overlaps import Part, find_overlaps
from voxaffect.corpora.raters import MergedTable, merge_raters, stack_raters
from voxaffect.corpora.ratings import (
    PREFIX,
    check_dimensions,
    check_soft_label,
    find_most_probable,
    match_most_probable,
    parse_rating,
    scale_shares,
)
from voxaffect.corpora.tables import (
    Table,
    find_columns,
    list_header,
    load_table,
    normalize_column,
    refuse_header,
)
from voxaffect.corpora.vocabulary import find_emotion, normalize_label, split_words
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control
from voxaffect.records.choices import DIMENSIONS

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
    "arousal": "activation emoact",
    "valence": "emoval",
    "dominance": "emodom",
    "rater": "rater_id annotator annotator_id annotator_name coder coder_id labeler labeller",
}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    column: (column, *names.split()) for column, names in _ALIASES.items()
}
"""Names that each of our columns may have in a table; our own is the first."""
_NAMES = frozenset(name for names in COLUMNS.values() for name in names)
_NEEDED = ("path", "emotion")
_MUST_BE_CLEAR = (*_NEEDED, "speaker", "start", "end", "rater")
NOTHING = split_words(", nan, nat, null, <na>, n/a")
NANS = frozenset({"nan"})
"""Of `NOTHING`, what is refused where a number, a time or a rater's answer is expected; NaT is a
time that pandas leaves open."""
_WITHOUT_NAN = frozenset(
    {"emotion", "rater", "start", "end", "duration", "arousal", "valence", "dominance"}
)
_MODEL_COLUMN = "uncertain"
"""Only results of voxaffect have it: the probabilities in such a table are a model's."""
_RESULT_COLUMNS = {"source", "emotion", "confidence", _MODEL_COLUMN}
_OTHER_UNITS = re.compile(
    r"(?:start|begin|onset|offset|from) ?(?:time)? ?(?:in )?"
    r"(?:ms|msec|millis|milliseconds|samples?|frames?)"
)
_UNKNOWN_SEX = split_words("unknown, other, none, na, -, ?, x, diverse, d")
_SHOWN = 20
_TIME = re.compile(
    r"(?:(?P<days>\d+) days? ?\+?)?(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?"
    r"(?P<seconds>\d+(?:[.,]\d+)?)? ?s?"
)
_KIND = "a table with the columns path and emotion"


def read_table(path: Path, columns: Mapping[str, str] | None = None) -> ScanResult:
    """Utterances of a table of recordings.

    `columns` names the table's column for some of ours, such as ``{"emotion": "label"}``. The
    labels stay as the table has them.

    Raises
    ------
    CorpusError
        With all faults of the table, or the first twenty.
    """
    titles = {column: normalize_column(title) for column, title in (columns or {}).items()}
    _check_columns(titles)
    table = stack_raters(load_table(path, kind=_KIND, columns=_NAMES | set(titles.values())))
    name = table.name
    merged = _merge_raters(table, titles)
    table = merged.table
    shares = _find_shares(table, titles)
    indices = _find_columns(table, titles, has_shares=bool(shares))
    _check_units(table, indices)
    reader = _TableReader(path.parent, table, indices, shares)
    utterances = reader.read()
    if len(reader.faults) == 1:
        raise CorpusError(f"{name}, {reader.faults[0]}.")
    if reader.faults:
        others = len(reader.faults) - _SHOWN
        more = f"; and {others:,} more" if others > 0 else ""
        raise CorpusError(
            f"{name}: {len(reader.faults):,} faults: {'; '.join(reader.faults[:_SHOWN])}{more}."
        )
    if not utterances:
        raise CorpusError(f"{name}: holds no recording, only the names of the columns.")
    notes = (*_note_columns(table, indices, shares), *merged.notes, *reader.notes)
    notes = tuple(f"{path.name}: {note}" for note in notes)
    return ScanResult(utterances, notes=notes, rated=merged.parts)


def parse_columns(text: str) -> dict[str, str]:
    """Columns of the text that a user gives as ``--columns``.

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
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise CorpusError(
            f"columns: no column {unknown[0]!r} to read; there are: {', '.join(COLUMNS)}."
        )


def _find_shares(table: Table, titles: Mapping[str, str]) -> dict[str, int]:
    """Index of the column of each emotion in soft labels, of which there are at least two."""
    if _MODEL_COLUMN in table.header:
        return {}
    columns = {
        title.removeprefix(PREFIX).replace("_", " "): index
        for index, title in enumerate(table.header)
        if title.startswith(PREFIX) and title != PREFIX and title not in titles.values()
    }
    return columns if len(columns) > 1 else {}


def _find_columns(
    table: Table, titles: Mapping[str, str], *, has_shares: bool = False
) -> dict[str, int]:
    """Index of each of our columns in the table; ratings do without an emotion."""
    indices = find_columns(table, COLUMNS, titles, clear=_MUST_BE_CLEAR)
    if "start" not in indices or "end" in indices:
        indices.pop("duration", None)  # of the whole recording, as many tables state it
    missing = [column for column in _NEEDED if column not in indices]
    has_ratings = has_shares or any(name in indices for name in DIMENSIONS)
    if has_ratings and "emotion" in missing:
        missing.remove("emotion")
    header = list_header(table)
    if missing and len(table.header) == 1:
        raise refuse_header(
            table,
            f"one column, '{header}', expected at least path and emotion. Separate columns by "
            "commas, semicolons, tabs or bars, and name them in the first line",
        )
    if "path" in missing and set(table.header) >= _RESULT_COLUMNS:
        raise refuse_header(
            table,
            "is a result of predict or timeline. If people corrected it, make a table of labels "
            "with `voxaffect corpora import FILE -o labels.csv`",
        )
    if missing:
        remedy = ",".join(f"{column}=NAME" for column in missing)
        raise refuse_header(
            table,
            f"no column '{missing[0]}', found {header}. Line 1 names the columns. Rename one, or "
            f"say which it is with --columns {remedy} (in Python columns=)",
        )
    return indices


def _merge_raters(table: Table, titles: Mapping[str, str]) -> MergedTable:
    """Table with a row for each recording, where several people rated one."""
    indices = find_columns(table, COLUMNS, titles, clear=("rater",))
    if "rater" not in indices or "path" not in indices:
        return MergedTable(table)
    units = [_identify_unit(cells, indices) for _, cells in table.rows]
    return merge_raters(table, indices, units, {*NOTHING} - NANS)


def _identify_unit(cells: list[str], indices: Mapping[str, int]) -> tuple[object, ...]:
    """Recording and times of a row, equal for all who rated this part."""
    path, *times = (
        cells[index] if (index := indices.get(column)) is not None and index < len(cells) else ""
        for column in ("path", "start", "end", "duration")
    )
    return (
        path.replace("\\", "/"),
        *(text if (time := parse_seconds(text)) is None else time for text in times),
    )


def _check_units(table: Table, indices: Mapping[str, int]) -> None:
    """Refuse times in another unit: passed over, each row would be the whole recording."""
    for title in table.header if "start" not in indices else ():
        if _OTHER_UNITS.fullmatch(re.sub(r"[\W_]+", " ", title).strip()):
            raise refuse_header(
                table,
                f"'{title}' is no time in seconds. Write the columns start and end in seconds, or "
                "delete it if each file is one recording",
            )


def _note_columns(
    table: Table, indices: Mapping[str, int], shares: Mapping[str, int]
) -> Iterator[str]:
    """Notes on columns that were read by another name, on ratings, and on unused columns."""
    header = {column: table.header[index] for column, index in indices.items()}
    if renamed := [f"{title} as {column}" for column, title in header.items() if title != column]:
        yield ", ".join(renamed)
    if shares:
        yield f"soft labels: {', '.join(shares)}"
    if rated := [name for name in DIMENSIONS if name in indices]:
        alone = "" if shares or "emotion" in indices else "; no column of emotions"
        yield f"dimensions: {', '.join(rated)}{alone}"
    used = {*indices.values(), *shares.values()}
    if unused := [title for i, title in enumerate(table.header) if title and i not in used]:
        yield f"not used: {', '.join(unused)}"


class _TableReader:
    """Reader of rows that collects their faults."""

    def __init__(
        self,
        folder: Path,
        table: Table,
        indices: Mapping[str, int],
        shares: Mapping[str, int],
    ) -> None:
        self.folder, self.table, self.indices, self.shares = folder, table, indices, shares
        self._has_emotions = bool(shares) or "emotion" in indices
        self.faults: list[str] = []
        self.notes: list[str] = []
        self._line = 0
        self._lines: dict[object, int] = {}

    def read(self) -> tuple[Utterance, ...]:
        """Utterances of all rows without a fault; faults and notes are kept."""
        utterances, parts = [], []
        for line, cells in self.table.rows:
            self._line = line
            if (utterance := self._read_row(cells)) is not None:
                utterances.append(utterance)
                parts.append(_make_part(line, utterance))
        overlaps = list(find_overlaps(parts))
        for first, second in overlaps:
            if first.contradicts(second):
                self._line = second.line
                self._add_fault(
                    f"most of it is in line {first.line} too, which has another emotion; "
                    "keep one of them, or name their speakers"
                )
        if overlaps:
            first, second = overlaps[0]
            self.notes.append(
                f"parts overlap ({len(overlaps):,}), such as lines {first.line} and "
                f"{second.line}: training and test may share sound"
            )
        return tuple(utterances)

    def _add_fault(self, fault: str) -> None:
        self.faults.append(f"line {self._line}: {fault}")

    def _read_row(self, cells: list[str]) -> Utterance | None:
        width, count = len(self.table.header), len(self.faults)
        if any(cells[width:]):
            separator = self.table.separator
            self._add_fault(
                f"{len(cells)} cells, expected {width}; quote a cell that holds {separator!r}"
            )
            return None
        row = {
            column: cells[index]
            for column, index in self.indices.items()
            if index < len(cells) and not is_empty(cells[index], column)
        }
        if "path" not in row:
            self._add_fault("'path' is empty")
        before = len(self.faults)
        soft_label = self._parse_shares(cells)
        has_fault = len(self.faults) > before
        emotion = None if has_fault else self._choose_emotion(row.get("emotion"), soft_label)
        dimensions = self._parse_dimensions(row)
        if not self._has_emotions and not dimensions and len(self.faults) == before:
            self._add_fault("no dimension is rated; rate it, or delete the row")
        sex = self._parse_sex(row.get("sex"))
        start, end = self._parse_times(row)
        path = self._find_recording(row["path"]) if "path" in row else None
        if path is not None:
            self._check_unique(path, start, end)
        if path is None or emotion is None or len(self.faults) > count:
            return None
        kept = ("speaker", "text", "intensity", "take", "channel", "subset")
        return Utterance(
            path=path,
            corpus="csv",
            emotion=emotion,
            sex=sex,
            start_seconds=start,
            end_seconds=end,
            soft_label=soft_label,
            dimensions=dimensions or None,
            **{column: row.get(column) for column in kept},
        )

    def _parse_shares(self, cells: list[str]) -> dict[str, float] | None:
        """Soft label of a row; None if all its cells are empty, or there is a fault."""
        texts = {
            emotion: cells[index]
            for emotion, index in self.shares.items()
            if index < len(cells) and cells[index]
        }
        if not texts:
            return None
        shares = {emotion: parse_rating(text) for emotion, text in texts.items()}
        for emotion, share in shares.items():
            if math.isnan(share):
                self._add_fault(
                    f"{PREFIX}{emotion} is {texts[emotion]!r}, expected a number from 0 to 1"
                )
                return None
        try:
            check_soft_label(shares)
        except ValueError as error:
            self._add_fault(str(error))
            return None
        return scale_shares(shares)

    def _choose_emotion(self, text: str | None, shares: Mapping[str, float] | None) -> str | None:
        """Emotion of a row: the most probable one, which the column emotion must be, too.

        It is empty in a table of dimensions alone.
        """
        if not self._has_emotions:
            return ""
        if text is not None and text.lower() in NANS:
            self._add_fault(f"emotion is {text!r}, expected an emotion")
            return None
        if shares is None:
            if text is None:
                fault = "no emotion is rated" if self.shares else "'emotion' is empty"
                is_rated = "rater" in self.indices
                self._add_fault("no rater names an emotion; delete it" if is_rated else fault)
            return text
        if text is None:
            return find_most_probable(shares)
        emotion = match_most_probable(text, shares)
        if emotion is None:
            best = find_most_probable(shares)
            self._add_fault(
                f"emotion is {text!r}, and {best!r} is the most probable by the columns "
                f"{PREFIX}…; correct one of them, or delete the column emotion"
            )
        return emotion

    def _parse_dimensions(self, row: Mapping[str, str]) -> dict[str, float]:
        """Dimensions that are rated."""
        ratings = {}
        for name in DIMENSIONS:
            if (text := row.get(name)) is None:
                continue
            ratings[name] = parse_rating(text)
            if math.isnan(ratings[name]):
                self._add_fault(
                    f"{name} is {text!r}, expected a number from 0 to 1{advise_empty(text)}"
                )
                return {}
        try:
            check_dimensions(ratings)
        except ValueError as error:
            self._add_fault(str(error))
        return ratings

    @cached_property
    def _sexes(self) -> Mapping[str, str]:
        """Words for a sex; M is mujer if there is H (hombre), and mężczyzna if there is K."""
        index = self.indices["sex"]
        words = {
            normalize_label(cells[index]) for _, cells in self.table.rows if index < len(cells)
        }
        letters = {"h": {"h": "male", "m": "female"}, "k": {"k": "female", "e": "male"}}
        return {
            **SEXES,
            **{k: v for letter in letters if letter in words for k, v in letters[letter].items()},
        }

    def _parse_sex(self, text: str | None) -> str | None:
        if text is None or text.lower() in _UNKNOWN_SEX:
            return None
        plain = normalize_label(text)
        sexes = {self._sexes[word] for word in (plain, *plain.split()) if word in self._sexes}
        if len(sexes) == 1:
            return sexes.pop()
        self._add_fault(f"sex is '{text}', expected female, male or nothing")
        return None

    def _parse_times(self, row: Mapping[str, str]) -> tuple[float | None, float | None]:
        times: dict[str, float] = {}
        for column in ("start", "end", "duration"):
            if (text := row.get(column)) is None:
                continue
            if (seconds := parse_seconds(text)) is None:
                self._add_fault(
                    f"{column} is '{text}', expected seconds or hh:mm:ss{advise_empty(text)}"
                )
            else:
                times[column] = seconds
        start, end = times.get("start"), times.get("end")
        if "duration" in times:
            end = (start or 0.0) + times["duration"]
        if end is not None and end <= (start or 0.0):
            self._add_fault(f"the end, {end:g} s, is not after the start, {start or 0:g} s")
        return start, end

    def _find_recording(self, text: str) -> Path | None:
        """Path of a file, relative to the table; separators of Windows and ~ work."""
        plain = text.replace("\\", "/")
        forms = (unicodedata.normalize(form, plain) for form in ("NFC", "NFD"))  # macOS takes NFD
        for spelling in dict.fromkeys((text, plain, *forms)):
            try:
                path = self._resolve(spelling)
                if path.is_file():
                    return path
            except (OSError, ValueError, RuntimeError):
                continue  # a name that no disk can hold, or no home folder
        self._add_fault(self._explain_missing(text))
        return None

    def _resolve(self, name: str) -> Path:
        return Path(os.path.normpath(self.folder / Path(name).expanduser()))

    def _explain_missing(self, text: str) -> str:
        shown = escape_control(text)
        if re.match(r"\w{2,}://", text):
            return f"{shown}: is an address, expected a path"
        if os.name != "nt" and re.match(r"[A-Za-z]:[\\/]", text):
            return f"{shown}: is a path of Windows; make it relative to the table's folder"
        plain = text.replace("\\", "/")
        try:
            path = self._resolve(plain)
            if path.is_dir():
                return f"{shown}: is a folder, expected a recording"
            if Path(plain).is_file():
                return (
                    f"{shown}: no such file under {escape_control(str(self.folder))}, the table's "
                    "folder, though there is one here: paths are relative to the table"
                )
        except (OSError, ValueError, RuntimeError) as error:
            return f"{shown}: names no file ({escape_control(str(error))})"
        hint = _suggest_name(path) if len(self.faults) < _SHOWN else ""
        return f"{escape_control(str(path))}: no such file{hint}"

    def _check_unique(self, path: Path, start: float | None, end: float | None) -> None:
        key = _identify(path), start or 0.0, end
        if (first := self._lines.setdefault(key, self._line)) != self._line:
            self._add_fault(
                f"{escape_control(str(path))} is on line {first} already, by this or another name; "
                "name each recording once"
            )


def _make_part(line: int, utterance: Utterance) -> Part:
    emotion = find_emotion(utterance.emotion) or normalize_label(utterance.emotion)
    end = math.inf if utterance.end_seconds is None else utterance.end_seconds
    start = utterance.start_seconds or 0.0
    return Part(line, _identify(utterance.path), start, end, emotion, utterance.speaker)


def _suggest_name(path: Path) -> str:
    """Hint at a file in the same folder that differs by capitals or by its ending only."""
    try:
        names = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    except OSError:
        return ""
    wanted = path.name.casefold()
    near = [name for name in names if wanted in (name.casefold(), Path(name).stem.casefold())]
    return f", though there is {escape_control(near[0])}" if near else ""


def _identify(path: Path) -> tuple[int, int] | str:
    """Key that is equal for every name of a file: other spellings, links, capitals."""
    status = path.stat()
    # Some network disks number no files.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def is_empty(text: str, column: str) -> bool:
    """True if a cell of one of our columns says nothing; NaN is no such cell where it is a fault.

    Examples
    --------
    >>> is_empty("nan", "speaker"), is_empty("nan", "arousal"), is_empty("", "arousal")
    (True, False, True)
    """
    word = text.lower()
    return word in NOTHING and not (column in _WITHOUT_NAN and word in NANS)


def advise_empty(text: str) -> str:
    """Remedy for a cell with NaN; empty for other cells."""
    return ". Leave the cell empty if it is not known" if text.lower() in NANS else ""


def parse_seconds(text: str) -> float | None:
    """Seconds of a time as people and pandas write it; None if it is none.

    Examples
    --------
    >>> parse_seconds("1.5"), parse_seconds("0 days 00:00:01.5"), parse_seconds("1:02")
    (1.5, 1.5, 62.0)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (
        float((match[unit] or "0").replace(",", "."))
        for unit in ("days", "hours", "minutes", "seconds")
    )
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
