"""Parts of a manifest: what a worker gets at once, and writes as one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

from voxaffect.scaling.dataset import (
    FAILURE_KINDS,
    count_failed,
    name_part,
    read_rows,
    write_failures,
    write_rows,
)
from voxaffect.scaling.manifest import Entry
from voxaffect.scaling.storage import open_folder, sign
from voxaffect.scaling.work import Columns, Outcome, Row, Work

_SHOWN = 20


@dataclass(frozen=True)
class Part:
    """Rows of a manifest that follow each other.

    Parameters
    ----------
    number : int
    entries : tuple of Entry
    results, failures : tuple of str
        Keys of the files of this number that the dataset holds already.
    """

    number: int
    entries: tuple[Entry, ...]
    results: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartReport:
    """Counts of a finished part.

    Parameters
    ----------
    number : int
    recordings : int
        Of those that could be used, in this run.
    failed : int
        Number of recordings of the part that could not be used, now or before.
    kept : int
        Number of recordings whose results were there already.
    silent : int
    seconds : float
        Of sound, in this run.
    reasons : tuple of str
        Of the first failures of this run.
    """

    number: int
    recordings: int = 0
    failed: int = 0
    kept: int = 0
    silent: int = 0
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()


def divide(
    entries: Iterable[Entry],
    size: int,
    results: Mapping[int, Sequence[str]],
    failures: Mapping[int, Sequence[str]],
) -> Iterator[Part]:
    """Parts of so many rows, with the files that are there."""
    iterator = iter(entries)
    number = 0
    while chunk := tuple(islice(iterator, size)):
        yield Part(number, chunk, tuple(results.get(number, ())), tuple(failures.get(number, ())))
        number += 1


def compute_key(entries: Sequence[Entry], signatures: Sequence[str]) -> str:
    """Key of a part: equal while its rows and the signatures of its recordings are the same."""
    digest = blake2b(digest_size=8)
    for entry, signature in zip(entries, signatures, strict=True):
        digest.update(entry.key)
        digest.update(repr((entry.carried, signature)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@dataclass(frozen=True)
class PartWriter:
    """Function that does a part and writes its files.

    Parameters
    ----------
    work : Work
    columns : Columns
    metadata : tuple of (str, str)
        Of the files.
    retry_failed : bool
        Whether recordings that failed before are tried again.
    """

    work: Work
    columns: Columns
    metadata: tuple[tuple[str, str], ...]
    retry_failed: bool = False

    def __call__(self, part: Part) -> PartReport:
        """Do what is left of a part.

        Raises
        ------
        StorageError, VoxaffectError
            If its files cannot be read or written.
        ModelError
            As `Work`.
        """
        signatures = [sign(entry.path) for entry in part.entries]
        key = compute_key(part.entries, signatures)
        failures = self._read_failures(part, key)
        if failures is None:
            return self.write(part, key, self.work(part.entries, signatures))
        if failures and self.retry_failed:
            return self._retry(part, key, signatures, {failure[0] for failure in failures})
        self._remove_others(part, key, has_failed=bool(failures))
        failed = len(failures)
        return PartReport(part.number, failed=failed, kept=len(part.entries) - failed)

    def write(self, part: Part, key: str, outcome: Outcome, *, kept: int = 0) -> PartReport:
        """Write the files of a part: first the failures, so that the results prove it whole."""
        folder = open_folder(self.work.folder)
        metadata = dict(self.metadata)
        if outcome.failures:
            name = name_part(part.number, key, has_failed=True)
            folder.write(name, write_failures(outcome.failures, metadata))
        name = name_part(part.number, key)
        failed = len(outcome.failures)
        folder.write(name, write_rows(self.columns, outcome.rows, metadata, failed=failed))
        self._remove_others(part, key, has_failed=bool(outcome.failures))
        return PartReport(
            part.number,
            outcome.recordings,
            failed,
            kept,
            outcome.silent,
            outcome.seconds,
            tuple(failure.reason for failure in outcome.failures[:_SHOWN]),
        )

    def _retry(
        self, part: Part, key: str, signatures: Sequence[str], again: Set[int]
    ) -> PartReport:
        """Do again what failed, and add its rows to those that are there."""
        name = name_part(part.number, key)
        before = read_rows(open_folder(self.work.folder), name, self.columns.kinds)
        if before is None:
            return self.write(part, key, self.work(part.entries, signatures))
        pairs = zip(part.entries, signatures, strict=True)
        left = [(entry, signature) for entry, signature in pairs if entry.row in again]
        outcome = self.work(*zip(*left, strict=True))
        rows: list[Row] = [row for row in before if row[0] not in again] + outcome.rows
        rows.sort(key=lambda row: row[0])
        merged = Outcome(
            rows, outcome.failures, outcome.recordings, outcome.silent, outcome.seconds
        )
        return self.write(part, key, merged, kept=len(part.entries) - len(again))

    def _read_failures(self, part: Part, key: str) -> list[Row] | None:
        """Failures of a part that is done; None if it is not, or a file of it is damaged."""
        if key not in part.results:
            return None
        folder = open_folder(self.work.folder)
        failed = count_failed(folder, name_part(part.number, key), self.columns)
        if not failed:
            return None if failed is None else []
        if key not in part.failures:
            return None
        name = name_part(part.number, key, has_failed=True)
        failures = read_rows(folder, name, FAILURE_KINDS)
        return failures if failures is not None and len(failures) == failed else None

    def _remove_others(self, part: Part, key: str, *, has_failed: bool) -> None:
        """Remove files of other rows or recordings that had this number."""
        folder = open_folder(self.work.folder)
        for other in part.results:
            if other != key:
                folder.remove(name_part(part.number, other))
        for other in part.failures:
            if other != key or not has_failed:
                folder.remove(name_part(part.number, other, has_failed=True))
