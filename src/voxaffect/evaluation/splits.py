"""Splits as files: the side of every utterance in every fold, to publish and to read back.

A split is a CSV with the columns ``fold``, ``role`` (``train`` or ``test``) and ``recording``:
corpus, folder and name of the file, such as ``ravdess/Actor_01/03-01-01-01-01-01-01.wav``, so
that it holds wherever the corpus lies. An utterance that a fold leaves out has no line in it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.protocols import Fold, Protocol
from voxaffect.files import read_bounded, write_text
from voxaffect.records.arguments import check_kind, check_list, check_path

COLUMNS = ("fold", "role", "recording")
MAX_SPLIT_BYTES = 512 << 20
_ROLES = ("train", "test")
_SHOWN = 3
_Lines = dict[str, dict[str, list[str]]]


def identify_recording(utterance: Utterance) -> str:
    """Name that a split gives an utterance: corpus, folder and file name, and its part of it."""
    start, end = utterance.start_seconds, utterance.end_seconds
    name = f"{utterance.corpus}/{utterance.path.parent.name}/{utterance.path.name}"
    if start is None and end is None:
        return name
    return f"{name}#t={start or 0.0}" + ("" if end is None else f",{end}")


def write_split(path: str | Path, folds: Sequence[Fold], utterances: Sequence[Utterance]) -> None:
    """Write which utterances train and test in every fold, in order.

    Parameters
    ----------
    path : str or Path
    folds : sequence of Fold
    utterances : sequence of Utterance
        That the folds count.

    Raises
    ------
    EvaluationError
        If two utterances have one name.
    VoxaffectError
        If it cannot be written.
    """
    path = check_path(path, "path")
    folds = check_list(folds, "folds", "folds")
    for fold in folds:
        check_kind(fold, Fold, "folds", "a Fold")
    names = [identify_recording(utterance) for utterance in utterances]
    _check_unique(names, str(path))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for fold in folds:
        for role, indices in zip(_ROLES, (fold.train, fold.test), strict=True):
            writer.writerows((fold.name, role, names[index]) for index in np.sort(indices))
    write_text(Path(path), buffer.getvalue())


def read_split(path: str | Path) -> Protocol:
    """Read a split back as a protocol of its own.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Protocol
        Its voices count as new; whether they are, the leak check finds out.

    Raises
    ------
    EvaluationError
        If the file is no split; and later, when it splits, if it names a recording that is
        not there or a fold lacks a side.

    Examples
    --------
    >>> corpora = {"folder": "my_recordings"}
    >>> study = va.evaluate(corpora, "logistic", protocol="loso", reference_split=False)
    >>> study.save_split("folds.csv")
    >>> va.read_split("folds.csv").summary
    '3 folds read from folds.csv'
    """
    lines = _read_lines(path)
    counted = "1 fold" if len(lines) == 1 else f"{len(lines)} folds"
    summary = f"{counted} read from {Path(path).name}"
    return Protocol(
        "file", summary, partial(_make_folds, lines=lines, name=str(path)), new_voices=True
    )


def _read_lines(path: str | Path) -> _Lines:
    """Recordings by fold and role."""
    what = "a split, as --save-split writes it"
    content = read_bounded(path, limit=MAX_SPLIT_BYTES, what=what, error=EvaluationError)
    try:
        file = io.StringIO(content.decode("utf-8-sig"), newline="")
        rows = list(csv.reader(file, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path}: cannot be read as a split ({error}).") from error
    if not rows or tuple(rows[0]) != COLUMNS:
        header = ",".join(rows[0]) if rows else "nothing"
        raise EvaluationError(f"{path}: expected the columns {','.join(COLUMNS)}, found {header}.")
    lines: _Lines = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS) or row[1] not in _ROLES:
            raise EvaluationError(
                f"{path}, line {number}: expected fold, train or test, recording; found "
                f"{','.join(row)!r}."
            )
        lines.setdefault(row[0], {role: [] for role in _ROLES})[row[1]].append(row[2])
    if not lines:
        raise EvaluationError(f"{path}: holds no fold. Add lines under {','.join(COLUMNS)}.")
    return lines


def _make_folds(
    utterances: Sequence[Utterance], seed: int, *, lines: _Lines, name: str
) -> tuple[Fold, ...]:
    names = [identify_recording(utterance) for utterance in utterances]
    _check_unique(names, name)
    indices = {recording: index for index, recording in enumerate(names)}
    folds = []
    for fold, sides in lines.items():
        train, test = (_look_up(sides[role], indices, f"{name}, {fold}, {role}") for role in _ROLES)
        folds.append(Fold(fold, train, test, seed))
    return tuple(folds)


def _look_up(recordings: Sequence[str], indices: Mapping[str, int], where: str) -> NDArray[np.intp]:
    if not recordings:
        raise EvaluationError(f"{where}: no utterance. Every fold needs both sides.")
    missing = [recording for recording in recordings if recording not in indices]
    if missing:
        raise EvaluationError(
            f"{where}: {len(missing)} of {len(recordings)} recordings are not among the "
            f"utterances evaluated, such as {', '.join(missing[:_SHOWN])}. Complete the corpus, "
            "or check --emotions."
        )
    return np.array([indices[recording] for recording in recordings], dtype=np.intp)


def _check_unique(names: Sequence[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise EvaluationError(
            f"{where}: {len(twice)} names are there twice, such as {twice[0]}: a split tells "
            "recordings apart by corpus, folder and file name. Rename one."
        )
