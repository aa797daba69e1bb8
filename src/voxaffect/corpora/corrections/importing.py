"""Import of corrected files: labels of people become a table that ``train csv`` reads."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voxaffect.annotations.formats.base import Document
from voxaffect.annotations.formats.json_files import JSON, list_sentences
from voxaffect.annotations.formats.rttm import RTTM
from voxaffect.annotations.formats.srt import SRT
from voxaffect.annotations.formats.vtt import VTT
from voxaffect.annotations.reading import decode_text
from voxaffect.corpora.corrections.base import CorrectedFile, Correction
from voxaffect.corpora.corrections.labelstudio import read_labelstudio
from voxaffect.corpora.corrections.marks import read_marks
from voxaffect.corpora.corrections.recordings import (
    RecordingFinder,
    check_folder_of_recordings,
    check_part,
    measure_recording,
)
from voxaffect.corpora.corrections.table import read_corrected_table
from voxaffect.corpora.labels import KEEP
from voxaffect.corpora.overlaps import Part, find_overlaps
from voxaffect.corpora.vocabulary import find_emotion, normalize_label
from voxaffect.errors import AnnotationError, CorpusError
from voxaffect.files import escape_control, read_bounded
from voxaffect.records.values import format_count

FOLDER = "folder"
"""Instead of a rater: the name of the folder of each file."""
_LIMIT_BYTES = 1 << 28
_KIND = "a file with corrected labels"
_DECIMALS = 6
_SHORTEST_SECONDS = 0.25  # of a part that two raters share


@dataclass(frozen=True)
class ImportedLabels:
    """Labels of people, each with its recording.

    Parameters
    ----------
    rows : tuple of (Path, Correction)
        Sorted by recording, time and rater; the emotions are in one vocabulary.
    notes : tuple of str
    """

    rows: tuple[tuple[Path, Correction], ...]
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Counts of labels, recordings, raters and differences from the model."""
        recordings = len({path for path, _ in self.rows})
        labels = format_count(len(self.rows), "label")
        counts = [f"{labels} of {format_count(recordings, 'recording')}"]
        if raters := {one.rater for _, one in self.rows} - {None}:
            counts.append(format_count(len(raters), "rater"))
        if changed := sum(one.model_emotion is not None for _, one in self.rows):
            verb = "differs" if changed == 1 else "differ"
            counts.append(f"{changed:,} {verb} from the model")
        return ", ".join(counts)

    def write_table(self, folder: Path) -> str:
        """CSV with paths relative to a folder, without columns of which nothing is known."""
        optional = {
            "start": "start_seconds",
            "end": "end_seconds",
            "speaker": "speaker",
            "rater": "rater",
            "model_emotion": "model_emotion",
        }
        used = {
            column: field
            for column, field in optional.items()
            if any(getattr(one, field) is not None for _, one in self.rows)
        }
        order = ["path", "start", "end", "emotion", "speaker", "rater", "model_emotion"]
        columns = [name for name in order if name in ("path", "emotion") or name in used]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        for path, one in self.rows:
            cells = {column: _format(getattr(one, field)) for column, field in used.items()}
            writer.writerow({"path": _relate(path, folder), "emotion": one.emotion, **cells})
        return buffer.getvalue()


def import_labels(
    sources: Sequence[str | Path],
    *,
    recordings: str | Path | None = None,
    rater: str | None = None,
    labels: Mapping[str, str] | str | None = None,
) -> ImportedLabels:
    """Labels that people corrected in Label Studio, ELAN, Praat, Audacity or a table.

    Parameters
    ----------
    sources : sequence of path
        JSON exports of Label Studio, EAF, TextGrid, label tracks, and CSV of the page or of
        `predict` and `timeline`. The content says which it is.
    recordings : path, optional
        Folder of the recordings, or the recording. By default they are looked for under the name
        in the file, and next to the file.
    rater : str, optional
        Who corrected the files; ``"folder"`` for the name of each file's folder. By default, the
        annotator of ELAN's tiers. Label Studio always names its annotators.
    labels : mapping of str to str, or "none", optional
        As for `read_corpus`.

    Returns
    -------
    ImportedLabels

    Raises
    ------
    CorpusError, AnnotationError
        If a file cannot be read, has a word that is no known emotion, or does not fit its
        recording.
    """
    folder = None if recordings is None else Path(recordings)
    check_folder_of_recordings(folder)
    if rater is not None and not rater.strip():
        raise CorpusError(
            f"rater is empty. Name a person, or '{FOLDER}' for the name of each file's folder."
        )
    targets = {} if labels is None or isinstance(labels, str) else labels
    words = {normalize_label(word): emotion for word, emotion in targets.items()}
    rows: list[tuple[Path, Correction]] = []
    names: list[str] = []
    seen: dict[tuple[object, ...], str] = {}
    measured: dict[Path, tuple[float, int]] = {}
    for path in map(Path, sources):
        file, corrections = _read(path)
        finder = RecordingFinder(path, folder)
        for one in corrections:
            named = one.rater or _name_rater(rater, path) or one.annotator
            own = replace(one, rater=named)
            own = _unify(file, own, words, keeps_words=labels == KEEP)
            recording = finder.find(file, own)
            if recording not in measured:
                measured[recording] = measure_recording(recording)
            check_part(file, own, recording, measured[recording])
            key = _identify(recording, own)
            is_new = key not in seen
            if (before := seen.setdefault(key, own.emotion)) != own.emotion:
                raise file.refuse(
                    own.where,
                    f"this part of {escape_control(str(recording))} is {before} before and "
                    f"{own.emotion} here{_advise(one.rater)}.",
                )
            if is_new:
                rows.append((recording, own))
                names.append(f"{file.name}, {own.where}")
    _check_overlaps(rows, names)
    rows, notes = _cut_at_boundaries(rows)
    return ImportedLabels(tuple(sorted(rows, key=_rank)), notes)


def _identify(recording: Path, one: Correction) -> tuple[object, ...]:
    """Key of a part and its rater; programs round times to milliseconds."""
    times = (None if t is None else round(t, 3) for t in (one.start_seconds, one.end_seconds))
    return (recording, *times, one.rater, one.speaker)


def _advise(rater: str | None) -> str:
    """Remedy for two answers of one person, whom the file names or not."""
    if rater:
        return f", both by {escape_control(rater)}. Delete one of them in the file"
    return (
        ". Delete one of them, or, if two people answered, keep the files of each in a folder of "
        f"their own and add --rater {FOLDER}"
    )


def _check_overlaps(rows: Sequence[tuple[Path, Correction]], names: Sequence[str]) -> None:
    """Refuse parts of one person's answers that share most of their sound and differ."""
    parts = [
        Part(
            index,
            (str(path), one.rater),
            one.start_seconds or 0.0,
            math.inf if one.end_seconds is None else one.end_seconds,
            one.emotion,
            one.speaker,
        )
        for index, (path, one) in enumerate(rows)
    ]
    for first, second in find_overlaps(parts):
        if first.contradicts(second):
            (path, one), (_, other) = rows[first.line], rows[second.line]
            raise CorpusError(
                f"{names[second.line]}: {other.emotion} overlaps {one.emotion} of "
                f"{names[first.line]} by more than half, in {escape_control(str(path))}. Correct "
                "the times, or delete one of them."
            )


def _read(path: Path) -> tuple[CorrectedFile, list[Correction]]:
    content = read_bounded(path, limit=_LIMIT_BYTES, what=_KIND, error=CorpusError)
    name = escape_control(str(path))
    file = CorrectedFile(name, decode_text(content, name, _KIND))
    try:
        if file.text.lstrip()[:1] in ("[", "{"):
            corrections = read_labelstudio(file)
        else:
            marks = read_marks(file)
            corrections = read_corrected_table(file, path) if marks is None else marks
    except CorpusError:
        _refuse_speech(file)
        raise
    if not corrections:
        raise file.refuse("", "no label of an emotion. Label a part, and save the file again.")
    return file, corrections


def _refuse_speech(file: CorrectedFile) -> None:
    """Refuse a file of turns or of a transcript, which no person has labeled."""
    document = Document(file.name, file.text)
    kind = next((one for one in (JSON, VTT, RTTM, SRT) if one.matches(file.text)), None)
    try:
        if kind is None or (kind is JSON and not any(list_sentences(document))):
            return
    except AnnotationError:
        return
    raise file.refuse(
        "",
        f"is {kind.name} of who speaks when or what is said, without emotions that people gave. "
        "Give it to timeline with --speakers or --transcript, and correct what that writes.",
    )


def _name_rater(rater: str | None, path: Path) -> str | None:
    return path.absolute().parent.name if rater == FOLDER else rater


def _unify(
    file: CorrectedFile, one: Correction, words: Mapping[str, str], *, keeps_words: bool
) -> Correction:
    """Label with its emotion in the vocabulary."""
    if keeps_words:
        return one
    word = one.emotion
    known = find_emotion(word)
    emotion = words.get(normalize_label(word)) or words.get(known or "") or known
    if emotion is None:
        raise file.refuse(
            one.where,
            f"{json.dumps(word[:60], ensure_ascii=False)} is no known emotion. Correct it, state "
            f"what it means by --labels map.csv, or keep all words with --labels {KEEP}.",
        )
    return replace(one, emotion=emotion)


def _cut_at_boundaries(
    rows: Iterable[tuple[Path, Correction]],
) -> tuple[list[tuple[Path, Correction]], tuple[str, ...]]:
    """Rows in which raters of a recording share parts: cut where the boundaries of one differ."""
    groups: defaultdict[tuple[Path, str | None], list[Correction]] = defaultdict(list)
    for path, one in rows:
        groups[path, one.speaker].append(one)
    result, cut = [], 0
    for (path, _), own in groups.items():
        parts = own
        if _has_other_boundaries(own):
            unique = {(_identify(path, one), one.emotion): one for one in _cut(own)}
            parts, cut = [*unique.values()], cut + 1
        result += [(path, part) for part in parts]
    count = format_count(cut, "recording")
    note = f"raters: parts of {count} are cut where the raters' boundaries differ"
    return result, ((note,) if cut else ())


def _has_other_boundaries(own: Sequence[Correction]) -> bool:
    """True if parts of two raters overlap and differ."""
    if len({one.rater for one in own}) < 2:
        return False
    timed = [one for one in own if one.start_seconds is not None and one.end_seconds is not None]
    return any(
        a.rater != b.rater and a_part != b_part and a_part[0] < b_part[1] and b_part[0] < a_part[1]
        for index, a in enumerate(timed)
        for b in timed[:index]
        for a_part, b_part in [(_get_part(a), _get_part(b))]
    )


def _get_part(one: Correction) -> tuple[float, float]:
    return one.start_seconds or 0.0, one.end_seconds or 0.0


def _cut(own: Sequence[Correction]) -> Iterable[Correction]:
    moments = sorted({moment for one in own for moment in _get_part(one)})
    for one in own:
        start, end = _get_part(one)
        inner = moments[bisect_right(moments, start) : bisect_right(moments, end)]
        for first, last in zip([start, *inner], inner, strict=False):
            if last - first >= _SHORTEST_SECONDS:
                yield replace(one, start_seconds=first, end_seconds=last)


def _rank(row: tuple[Path, Correction]) -> tuple[str, float, float, str]:
    path, one = row
    return str(path), one.start_seconds or 0.0, one.end_seconds or 0.0, one.rater or ""


def _relate(path: Path, folder: Path) -> str:
    """Path from the folder of the table, or all of it on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def _format(value: object) -> object:
    return round(value, _DECIMALS) if isinstance(value, float) else value
