"""Maps of labels as files: a CSV with the columns ``from`` and ``to``."""

from __future__ import annotations

from pathlib import Path

from voxaffect.corpora.labels import KEEP, normalize
from voxaffect.corpora.rows import read_rows
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control

_COLUMNS = ("from", "to")
_WHAT = "a map of labels, a CSV with the columns from,to"


def read_labels(path: str | Path) -> dict[str, str] | str:
    """Read what a user gives as ``--labels``.

    Parameters
    ----------
    path : str or Path
        A CSV, or ``none``, which keeps every word.

    Returns
    -------
    dict of str to str, or "none"

    Raises
    ------
    CorpusError
        If the file is no map, or says two things of one label.
    """
    if str(path) == KEEP:
        return KEEP
    name = escape_control(str(path))
    table = read_rows(Path(path), what=_WHAT, columns=_COLUMNS)
    if table.header != _COLUMNS:
        raise CorpusError(
            f"{name}, line 1: expected the columns from,to, found {','.join(table.header)}."
        )
    labels: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, cells in table.rows:
        if len(cells) != len(_COLUMNS) or not all(cells):
            raise CorpusError(
                f"{name}, line {line}: expected a label and its emotion, found "
                f"{escape_control(','.join(cells))!r}."
            )
        word, emotion = cells
        if (first := lines.setdefault(normalize(word), line)) != line:
            raise CorpusError(f"{name}, line {line}: {word!r} is on line {first} already.")
        labels[word] = emotion
    if not labels:
        raise CorpusError(f"{name}: holds no label, only the names of the columns.")
    return labels
