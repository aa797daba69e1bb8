"""Manifests: tables of recordings, read row by row, so that their length takes no memory."""

from __future__ import annotations

import csv
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

from voxaffect.corpora.tables import SEPARATOR_LINE, find_separator
from voxaffect.errors import ManifestError, extra
from voxaffect.files import escape_control
from voxaffect.records.choices import CHANNELS
from voxaffect.scaling.storage import as_local, get_parent, is_address, join_name, open_binary

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "source", "url"),
    "start": ("start", "start_seconds"),
    "end": ("end", "end_seconds"),
    "channels": ("channels", "channel"),
}
"""Names that each column may have; the first that a table has is taken."""
ENDINGS = (".csv", ".tsv", ".parquet")
_NAMES = frozenset(name for names in COLUMNS.values() for name in names)
_BATCH_ROWS = 4_096
_TRIED_PATHS = 100
_SHOWN = 3


@dataclass(frozen=True)
class Entry:
    """One row: a recording, or a part of one.

    Parameters
    ----------
    row : int
        Number in the manifest, from 1.
    path : str
        Path or address.
    start_seconds, end_seconds : float, optional
        Part of the recording.
    channels : str, optional
        ``mix``, ``left``, ``right`` or ``each``.
    carried : tuple
        Values of the columns that are carried through.
    """

    row: int
    path: str
    start_seconds: float | None = None
    end_seconds: float | None = None
    channels: str | None = None
    carried: tuple[Any, ...] = ()

    @property
    def key(self) -> bytes:
        """Bytes that are equal only for the same part of the same recording."""
        part = (self.path, self.start_seconds or 0.0, self.end_seconds, self.channels)
        return repr(part).encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Manifest:
    """Rows that can be read again and again.

    Parameters
    ----------
    name : str
        For messages.
    rows : iterable of (int, sequence)
        Number and cells of each row; it begins anew with each iteration.
    indices : mapping of str to int
        Index of each column that voxaffect reads.
    carried : mapping of str to Arrow type
        Columns that are carried through, in their order, and their kinds.
    folder : str
        That paths are relative to; empty for the present one.
    """

    name: str
    rows: Iterable[tuple[int, Sequence[Any]]]
    indices: Mapping[str, int]
    carried: Mapping[str, Any]
    folder: str = ""

    @property
    def has_times(self) -> bool:
        """True if rows may be parts of recordings."""
        return "start" in self.indices or "end" in self.indices

    def __iter__(self) -> Iterator[Entry]:
        others = [index for index in self._order if index not in self.indices.values()]
        for row, cells in self.rows:
            yield Entry(
                row,
                self._read_path(row, cells),
                self._read_seconds(row, cells, "start"),
                self._read_seconds(row, cells, "end"),
                self._read_channels(row, cells),
                tuple(cells[index] for index in others),
            )

    @property
    def _order(self) -> range:
        return range(len(self.indices) + len(self.carried))

    def _read_path(self, row: int, cells: Sequence[Any]) -> str:
        path = cells[self.indices["path"]]
        if path is None or (isinstance(path, str) and not path.strip()):
            raise ManifestError(f"{self.name}, row {row}: no path. Give one, or delete the row.")
        if not isinstance(path, str):
            shown = escape_control(str(path))[:40]
            raise ManifestError(f"{self.name}, row {row}: the path is {shown}, expected text.")
        return join_name(self.folder, path) if self.folder else path

    def _read_seconds(self, row: int, cells: Sequence[Any], column: str) -> float | None:
        index = self.indices.get(column)
        value = None if index is None else cells[index]
        if value is None or value == "":
            return None
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = np.nan
        if not 0 <= seconds < np.inf:
            shown = escape_control(str(value))[:40]
            raise ManifestError(
                f"{self.name}, row {row}: {column} is {shown!r}, expected seconds from 0."
            )
        return seconds

    def _read_channels(self, row: int, cells: Sequence[Any]) -> str | None:
        index = self.indices.get("channels")
        value = None if index is None else cells[index]
        if value is None or value == "":
            return None
        if value not in CHANNELS:
            shown = escape_control(str(value))[:40]
            raise ManifestError(
                f"{self.name}, row {row}: channels are {shown!r}, expected {', '.join(CHANNELS)}."
            )
        return str(value)


def is_table(name: str) -> bool:
    """True of the name of a table, by its ending."""
    return name.lower().endswith(ENDINGS)


def open_manifest(name: str) -> Manifest:
    """Open a table of recordings: CSV, TSV or Parquet, local or remote.

    Paths in it are relative to it. Columns that it does not know are carried through.

    Parameters
    ----------
    name : str
        Path or address.

    Raises
    ------
    ManifestError
        If it is no table, or has no column of paths.
    StorageError
        If it cannot be read.
    """
    name = as_local(name)
    shown = escape_control(name)
    folder = get_parent(name)
    table: _Parquet | _Text = (
        _Parquet(name) if name.lower().endswith(".parquet") else _Text(name, shown)
    )
    kinds = table.read_kinds()
    indices = _find_columns(list(kinds), shown)
    _check_times(kinds, indices, shown)
    taken = set(indices.values())
    carried = {title: kind for at, (title, kind) in enumerate(kinds.items()) if at not in taken}
    return Manifest(shown, table, indices, carried, folder or os.curdir)


def list_paths(paths: Sequence[str]) -> Manifest:
    """Manifest of paths and addresses, each a whole recording."""
    rows = _Rows(paths)
    return Manifest("the list", rows, {"path": 0}, {})


def check_manifest(manifest: Manifest) -> int:
    """Number of rows, all of which are read and checked before the work.

    Raises
    ------
    ManifestError
        If a row cannot be used, two rows are the same, or no file of the first rows exists.
    """
    digests = array("Q")
    for entry in manifest:
        if entry.end_seconds is not None and entry.end_seconds <= (entry.start_seconds or 0):
            raise ManifestError(
                f"{manifest.name}, row {entry.row}: the end, {entry.end_seconds:g} s, is not after "
                f"the start, {entry.start_seconds or 0:g} s. Correct them."
            )
        digests.append(_digest(entry))
    if not digests:
        raise ManifestError(f"{manifest.name}: no rows. Expected a recording in each row.")
    _check_unique(manifest, np.frombuffer(digests, np.uint64))
    _check_paths(manifest)
    return len(digests)


def _digest(entry: Entry) -> int:
    return int.from_bytes(blake2b(entry.key, digest_size=8).digest(), "little")


def _check_unique(manifest: Manifest, digests: Any) -> None:
    ordered = np.sort(digests)
    repeated = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    if not repeated:
        return
    first: dict[bytes, int] = {}
    for entry in manifest:
        if _digest(entry) in repeated:
            row = first.setdefault(entry.key, entry.row)
            if row != entry.row:
                raise ManifestError(
                    f"{manifest.name}, row {entry.row}: is the same recording as row {row} "
                    f"({escape_control(entry.path)}). Delete one, or give them different parts."
                )


def _check_paths(manifest: Manifest) -> None:
    """Refuse a manifest none of whose first paths exists: its folder is probably another."""
    paths = [entry.path for entry in islice(manifest, _TRIED_PATHS)]
    local = [path for path in paths if not is_address(path)]
    if local and not any(map(os.path.lexists, local)):
        shown = ", ".join(map(escape_control, local[:_SHOWN]))
        raise ManifestError(
            f"{manifest.name}: none of the first {len(local)} files exists ({shown}). Paths in a "
            "table are relative to its folder. Correct them, or move the table."
        )


def _check_times(kinds: Mapping[str, Any], indices: Mapping[str, int], name: str) -> None:
    """Refuse dates and times of day, whose unit is none that a start or an end can have."""
    for column in ("start", "end"):
        kind = [*kinds.values()][indices[column]] if column in indices else "string"
        if not isinstance(kind, str) and _is_temporal(kind):
            raise ManifestError(f"{name}: {column} is of type {kind}, expected seconds as numbers.")


def _is_temporal(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_temporal(kind)) and not types.is_interval(kind)


def list_values(column: Any) -> list[Any]:
    """Values of an Arrow column; dates and times as integers, of which Python's hold fewer."""
    import pyarrow

    if _is_temporal(column.type):
        column = column.cast(f"int{column.type.bit_width}")
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pyarrow.ArrowException) as error:
        raise ManifestError(
            f"a column of type {column.type} has a value that Python cannot hold ({error}). Leave "
            "the column out."
        ) from error
    return values


def _find_columns(titles: Sequence[str], name: str) -> dict[str, int]:
    plain = [title.strip().lower().replace(" ", "_") for title in titles]
    indices = {}
    for column, names in COLUMNS.items():
        known = [plain.index(one) for one in names if one in plain]
        if known:
            indices[column] = known[0]
    if "path" not in indices:
        shown = ", ".join(escape_control(title)[:40] for title in titles[:12])
        raise ManifestError(
            f"{name}: no column of paths. Expected one of {', '.join(COLUMNS['path'])}; "
            f"found {shown or 'nothing'}."
        )
    return indices


@dataclass(frozen=True)
class _Rows:
    """Rows of a list of paths."""

    paths: Sequence[str]

    def __iter__(self) -> Iterator[tuple[int, Sequence[Any]]]:
        for row, path in enumerate(self.paths, start=1):
            yield row, (path,)


def _check_titles(titles: Sequence[str], name: str) -> None:
    seen: set[str] = set()
    for title in titles:
        if title in seen:
            raise ManifestError(
                f"{name}: the column {escape_control(title)!r} is there twice. Rename one."
            )
        seen.add(title)


@dataclass(frozen=True)
class _Text:
    """Table of text, with a header."""

    name: str
    shown: str

    def read_kinds(self) -> dict[str, Any]:
        """Title and kind of each column."""
        with open_binary(self.name) as stream:
            _, header = next(self._read(stream), (0, []))
        _check_titles(header, self.shown)
        return dict.fromkeys(header, "string")

    def __iter__(self) -> Iterator[tuple[int, Sequence[Any]]]:
        with open_binary(self.name) as stream:
            lines = self._read(stream)
            _, header = next(lines, (0, []))
            for row, (line, cells) in enumerate(lines, start=1):
                if len(cells) != len(header):
                    raise ManifestError(
                        f"{self.shown}, line {line}: has {len(cells)} cells, expected "
                        f"{len(header)} as in the header. Put cells with a separator in quotes."
                    )
                yield row, cells

    def _read(self, stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
        """Number of its last line, and cells of each row that is not empty."""
        lines = self._decode(stream)
        first, skipped, separator = next(lines, ""), 0, None
        if match := SEPARATOR_LINE.fullmatch(first):
            first, skipped, separator = next(lines, ""), 1, match[1]
        separator = separator or find_separator(first, _NAMES)
        reader = csv.reader(_chain(first, lines), delimiter=separator, strict=True)
        begins = 1 + skipped
        try:
            for cells in reader:
                if any(cells):
                    yield reader.line_num + skipped, cells
                begins = reader.line_num + skipped + 1
        except csv.Error as error:
            raise ManifestError(
                f"{self.shown}, line {begins}: the row that begins there is not readable as CSV "
                f"({error}). Close every quote, and double a quote that is part of a cell."
            ) from error

    def _decode(self, stream: BinaryIO) -> Iterator[str]:
        for number, line in enumerate(stream, start=1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ManifestError(
                    f"{self.shown}, line {number}: is not UTF-8 (byte {error.start + 1} of the "
                    "line). Save the table as UTF-8."
                ) from error


def _chain(first: str, others: Iterator[str]) -> Iterator[str]:
    yield first
    yield from others


@dataclass(frozen=True)
class _Parquet:
    """Table of Parquet, read in batches."""

    name: str

    def read_kinds(self) -> dict[str, Any]:
        """Title and kind of each column."""
        with open_binary(self.name) as stream:
            schema = self._open(stream).schema_arrow
        _check_titles(schema.names, escape_control(self.name))
        return dict(zip(schema.names, schema.types, strict=True))

    def __iter__(self) -> Iterator[tuple[int, Sequence[Any]]]:
        row = 0
        with open_binary(self.name) as stream:
            for batch in self._open(stream).iter_batches(_BATCH_ROWS, use_threads=False):
                columns = [list_values(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    row += 1
                    yield row, cells

    def _open(self, stream: BinaryIO) -> Any:
        with extra("parquet"):
            import pyarrow
            from pyarrow import parquet
        try:
            return parquet.ParquetFile(stream)
        except pyarrow.ArrowInvalid as error:
            name = escape_control(self.name)
            raise ManifestError(f"{name}: is no Parquet file ({error}).") from error
