"""Join of predictions to utterances by the names of their recordings."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from voxaffect.corpora import Utterance
from voxaffect.files import escape_control

_SAME_SECONDS = 5e-4
"""Distance of two times that are the same, as tables round them."""
_Group = list[Utterance]


class UtteranceIndex:
    """Utterances of corpora by the names of their recordings.

    A name is looked up as a path first: from the working folder, and in each of the folders. Then
    the recording counts whose path has most of the name's last parts, such as the file name; it
    must be the only one. A name without an ending fits any ending.

    Parameters
    ----------
    utterances : sequence of Utterance
    folders : iterable of Path
        Of the corpora, and of the table.
    """

    def __init__(self, utterances: Sequence[Utterance], folders: Iterable[Path]) -> None:
        self.utterances = utterances
        self._folders = [str(folder) for folder in (Path(), *folders)]
        self._by_path: dict[str, _Group] = {}
        for utterance in utterances:
            self._by_path.setdefault(_normalize(str(utterance.path)), []).append(utterance)
        self._by_name: dict[str, list[str]] = {}
        for path in self._by_path:
            file = path.rsplit("/", 1)[-1]
            for name in {file, os.path.splitext(file)[0]}:  # noqa: PTH122
                self._by_name.setdefault(name, []).append(path)

    def find(self, name: str, start: float | None, end: float | None) -> Utterance | str | None:
        """Utterance of a recording, or of a part of it; why it is not clear; None if unknown."""
        paths = self._find_paths(name)
        if len(paths) > 1:
            shown = " and ".join(escape_control(path) for path in paths[:2])
            more = f" and {len(paths) - 2:,} more" if len(paths) > 2 else ""
            return (
                f"{escape_control(name)} could be {shown}{more}. Write more of the path, such as "
                "relative to the folder of the corpus"
            )
        if not paths:
            return None
        group = self._by_path[paths[0]]
        if start is None and end is None and len(group) == 1:
            return group[0]
        parts = [one for one in group if _is_part(one, start, end)]
        if len(parts) == 1:
            return parts[0]
        return (
            f"{escape_control(name)} holds {len(group)} utterances of the data, and "
            f"{len(parts)} have this start and end. Write the columns start and end, in seconds, "
            "as the data have them"
        )

    def _find_paths(self, name: str) -> list[str]:
        text = name.replace("\\", "/")
        for folder in self._folders:
            if (path := _normalize(os.path.join(folder, text))) in self._by_path:  # noqa: PTH118
                return [path]
        parts = [part for part in _compose(text).split("/") if part not in ("", ".")]
        candidates = self._by_name.get(parts[-1], []) if parts else []
        lengths = [_count_common(parts, path.split("/")) for path in candidates]
        return [
            path for path, length in zip(candidates, lengths, strict=True) if length == max(lengths)
        ]


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _normalize(path: str) -> str:
    return _compose(os.path.abspath(path)).replace("\\", "/")  # noqa: PTH100


def _count_common(parts: Sequence[str], others: Sequence[str]) -> int:
    """Number of folders before the file name that two paths share, from the last one."""
    pairs = zip(reversed(parts[:-1]), reversed(others[:-1]), strict=False)
    return next(
        (n for n, (one, other) in enumerate(pairs) if one != other),
        min(len(parts), len(others)) - 1,
    )


def _is_part(utterance: Utterance, start: float | None, end: float | None) -> bool:
    own_end = utterance.end_seconds
    starts = abs((utterance.start_seconds or 0.0) - (start or 0.0)) < _SAME_SECONDS
    if end is None or own_end is None:
        return starts and end is own_end
    return starts and abs(own_end - end) < _SAME_SECONDS
