"""Datasets of features, as ``voxaffect features --dataset`` writes them: their labels.

`training` reads the features themselves, in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from voxaffect.corpora.base import ScanResult, Utterance
from voxaffect.corpora.own_table import NOTHING
from voxaffect.corpora.ratings import (
    PREFIX,
    check_dimensions,
    check_soft_label,
    find_most_probable,
    match_most_probable,
    parse_rating,
    scale_shares,
)
from voxaffect.errors import CorpusError, extra
from voxaffect.files import escape_control
from voxaffect.records.choices import DIMENSIONS

_NEEDED = ("row", "source", "emotion")
_KEPT = ("speaker", "sex", "text", "intensity", "take", "channel", "subset")
_TIMES = ("manifest_start_seconds", "manifest_end_seconds")


def list_feature_files(root: Path) -> list[Path]:
    """Parquet files of a dataset, in the order of its rows.

    Raises
    ------
    CorpusError
        If there is none, or no such folder.
    """
    if not root.is_dir():
        raise CorpusError(f"{escape_control(str(root))}: no such folder. Name a dataset.")
    paths = sorted(root.glob("part-*.parquet"))
    if not paths:
        raise CorpusError(
            f"{escape_control(str(root))}: holds no dataset of features. Write one with voxaffect "
            "features TABLE --dataset -o FOLDER."
        )
    return paths


def read_feature_labels(root: Path) -> ScanResult:
    """Utterances of a dataset of features, with its labels.

    Parameters
    ----------
    root : Path

    Raises
    ------
    CorpusError
        If it is no such dataset, or a recording has neither an emotion nor a rating.
    MissingExtraError
        If pyarrow is not installed.
    """
    with extra("parquet"):
        import pyarrow
        from pyarrow import parquet

    utterances, notes = [], dict[str, None]()
    for path in list_feature_files(root):
        name = escape_control(str(path))
        try:
            titles = parquet.read_schema(path).names
            shares = _find_shares(titles)
            rated = [one for one in DIMENSIONS if one in titles]
            _check_titles(titles, name, has_ratings=bool(shares or rated))
            known = (*_NEEDED, *_KEPT, *_TIMES, *shares, *rated)
            wanted = [one for one in known if one in titles]
            rows = parquet.read_table(path, columns=wanted, partitioning=None).to_pylist()
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise CorpusError(f"{name}: is no Parquet file ({error}). Write it again.") from error
        utterances += [_make_utterance(row, name, shares) for row in rows]
        parts = {"soft labels": shares.values(), "dimensions": rated}
        notes |= {f"{kind}: {', '.join(own)}": None for kind, own in parts.items() if own}
    return ScanResult(tuple(utterances), notes=tuple(notes))


def _find_shares(titles: list[str]) -> dict[str, str]:
    """Emotion of each column of soft labels, of which there are at least two."""
    if "uncertain" in titles:
        return {}  # of a model's results
    shares = {
        title: title.removeprefix(PREFIX).replace("_", " ")
        for title in titles
        if title.startswith(PREFIX) and title != PREFIX
    }
    return shares if len(shares) > 1 else {}


def _check_titles(titles: list[str], name: str, *, has_ratings: bool) -> None:
    missing = [title for title in _NEEDED if title not in titles]
    if has_ratings and "emotion" in missing:
        missing.remove("emotion")
    if missing:
        raise CorpusError(
            f"{name}: has no column {', '.join(missing)}. Give the table that the features are "
            "computed from a column emotion, and write the dataset again."
        )


def _make_utterance(row: Mapping[str, Any], name: str, shares: Mapping[str, str]) -> Utterance:
    texts: dict[str, Any] = {title: _read_text(row.get(title)) for title in ("emotion", *_KEPT)}
    label = texts.pop("emotion")
    try:
        soft_label = _read_soft_label(row, shares)
        dimensions = _read_numbers(row, DIMENSIONS)
        check_dimensions(dimensions)
        emotion = _choose_emotion(label, soft_label)
    except ValueError as error:
        raise CorpusError(
            f"{name}: row {row['row']} of the table: {error}. Correct the table, and write the "
            "dataset again."
        ) from error
    has_labels = "emotion" in row or shares
    if not emotion and (has_labels or not dimensions):
        missing = "emotion" if has_labels else "rating"
        raise CorpusError(
            f"{name}: row {row['row']} of the table has no {missing}. Delete the row."
        )
    start, end = (row.get(title) for title in _TIMES)
    return Utterance(
        Path(row["source"]),
        "features",
        emotion,
        start_seconds=start,
        end_seconds=end,
        soft_label=soft_label,
        dimensions=dimensions or None,
        **texts,
    )


def _read_numbers(row: Mapping[str, Any], titles: Iterable[str]) -> dict[str, float]:
    """Numbers of the columns that are not empty.

    Raises
    ------
    ValueError
        If a cell is no number.
    """
    numbers = {}
    for title in titles:
        if (value := row.get(title)) is None or not str(value).strip():
            continue
        numbers[title] = parse_rating(str(value))
        if math.isnan(numbers[title]):
            raise ValueError(f"{title} is {str(value)[:40]!r}, expected a number from 0 to 1")
    return numbers


def _read_soft_label(row: Mapping[str, Any], shares: Mapping[str, str]) -> dict[str, float] | None:
    numbers = _read_numbers(row, shares)
    if not numbers:
        return None
    soft_label = {shares[title]: number for title, number in numbers.items()}
    check_soft_label(soft_label)
    return scale_shares(soft_label)


def _choose_emotion(text: str | None, soft_label: Mapping[str, float] | None) -> str:
    """Emotion of a row: the most probable one, which the column emotion must be, too.

    Raises
    ------
    ValueError
        If it is another one.
    """
    if soft_label is None:
        return text or ""
    if text is None:
        return find_most_probable(soft_label)
    emotion = match_most_probable(text, soft_label)
    if emotion is None:
        best = find_most_probable(soft_label)
        raise ValueError(f"emotion is {text!r}, and {best!r} is the most probable by {PREFIX}…")
    return emotion


def _read_text(value: Any) -> str | None:
    text = "" if value is None else str(value).strip()
    return None if text.lower() in NOTHING else text
