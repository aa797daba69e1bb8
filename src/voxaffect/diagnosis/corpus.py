"""Inspection of a corpus: what is missing, extra, unreadable, silent or there twice.

Names are compared with what the corpus is known to hold; every recording is decoded. Two
recordings are the same if their samples and rate are, whatever their files are called or wrapped
in. Everything is reported and nothing is raised, short of a folder without recordings: a file
that is odd in any way is one line of the report. Recordings are read block by block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxaffect import audio
from voxaffect.console import show_progress
from voxaffect.corpora.reading import Reading, parse, survey
from voxaffect.corpora.table import CORPORA, Corpus, expand
from voxaffect.corpora.utterance import Utterance
from voxaffect.errors import AudioError
from voxaffect.extraction import LocalExecutor

SILENT_PEAK = 1e-3
"""A recording that never leaves its mean by more than this, −60 dB, is called silent."""

MAX_SECONDS = 3 * 3600
"""A longer recording is no utterance; it is not read to its end."""

_WORKERS = 2
_SHOWN = 10


@dataclass(frozen=True)
class Fault:
    """One file and what is wrong with it."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Same:
    """Recordings with equal samples.

    Parameters
    ----------
    paths : tuple of Path
    is_known : bool
        Whether the corpus is known to hold them so: a trap, not a fault of this copy.
    emotions : tuple of str
        Of all of them; more than one contradict each other.
    """

    paths: tuple[Path, ...]
    is_known: bool
    emotions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Parameters
    ----------
    corpus : str
    root : Path
    files : int
        Recordings whose names fit, readable or not.
    emotions : dict
        How many of them show each emotion, most frequent first.
    speakers : int
    expected : tuple of int
        How many files a whole copy holds, for each release; empty if nobody knows.
    missing : tuple of str
        File names that a whole copy would hold, where its list is known.
    extra : tuple of Fault
        Recordings that fit no grammar, or that the whole corpus does not hold.
    unreadable : tuple of Fault
        Not decodable, cut short, empty, or with samples that are no numbers.
    same : tuple of Same
        Recordings with equal samples.
    copies : tuple of tuple of Path
        Files whose names say that they are one utterance, whatever their samples.
    equal_channels : tuple of Path
        Several channels, all the same.
    silent : tuple of Path
    traps : tuple of str
        What is known to go wrong with this corpus.
    notes : tuple of str
        How people's own data were read, one line each.
    """

    corpus: str
    root: Path
    files: int
    emotions: dict[str, int]
    speakers: int
    expected: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[Fault, ...] = ()
    unreadable: tuple[Fault, ...] = ()
    same: tuple[Same, ...] = ()
    copies: tuple[tuple[Path, ...], ...] = ()
    equal_channels: tuple[Path, ...] = ()
    silent: tuple[Path, ...] = ()
    traps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, as far as anybody knows."""
        return not self.missing and (not self.expected or self.files in self.expected)

    @property
    def is_sound(self) -> bool:
        """Whether it can be used as it is: whole, readable, nothing odd but known traps."""
        odd = self.extra or self.unreadable or self.copies or self.silent
        return self.is_whole and not odd and all(same.is_known for same in self.same)


@dataclass(frozen=True)
class _Heard:
    """What decoding one recording told."""

    path: Path
    digest: str = ""
    has_equal_channels: bool = False
    is_silent: bool = False
    fault: str = ""
    seconds: float = 0.0


def check(
    name: str, root: str | Path, *, reading: Reading | None = None, progress: bool = False
) -> Report:
    """Inspect a corpus, file by file.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``.
    root : path
        The corpus's folder; for ``csv`` the table.
    reading : Reading, optional
        How people's own data are read.
    progress : bool
        Whether to draw a progress bar.

    Returns
    -------
    Report

    Raises
    ------
    CorpusError
        If there is no such folder, or no recording in it.
    """
    found = survey(name, root, reading)
    corpus = CORPORA.get(name.lower())
    utterances = found.utterances
    misfits = tuple(Fault(path, reason) for path, reason in found.misfits)
    missing, strangers = _compare(utterances, corpus) if corpus else ((), ())
    # Several utterances can be parts of one recording.
    paths = list(dict.fromkeys(utterance.path for utterance in utterances))
    heard = _hear_all(paths, progress=progress)
    return Report(
        corpus=name,
        root=Path(root),
        files=len(utterances),
        emotions=dict(Counter(utterance.emotion for utterance in utterances).most_common()),
        speakers=len({utterance.speaker for utterance in utterances} - {None}),
        expected=corpus.sizes if corpus else (),
        missing=missing,
        extra=misfits + strangers,
        unreadable=(
            *(Fault(path, reason) for path, reason in found.unlisted),
            *(Fault(one.path, one.fault) for one in heard if one.fault),
            *_outside(utterances, heard),
        ),
        same=_same(heard, corpus, utterances),
        copies=found.copies,
        equal_channels=tuple(one.path for one in heard if one.has_equal_channels),
        silent=tuple(one.path for one in heard if one.is_silent),
        traps=corpus.traps if corpus else (),
        notes=found.notes,
    )


def _compare(
    utterances: Sequence[Utterance], corpus: Corpus
) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """Hold what is there against the corpus's complete lists, where they are known.

    A corpus may have several parts (speech, song); a part with no file at all was not fetched,
    so it is not missing.
    """
    if not corpus.grids:
        return (), ()
    there = {_identity(utterance) for utterance in utterances}
    missing: list[str] = []
    known: set[Utterance] = set()
    for grid in corpus.grids:
        names = {_identity(parse(Path(name), corpus)): name for name in _names(grid)}
        known |= names.keys()
        if not there.isdisjoint(names):
            missing += [name for identity, name in names.items() if identity not in there]
    strangers = tuple(
        Fault(utterance.path, f"{corpus.title} holds no such recording.")
        for utterance in utterances
        if _identity(utterance) not in known
    )
    return tuple(missing), strangers


def _names(grid: Sequence[str]) -> Iterator[str]:
    for template in grid:
        yield from expand(template)


def _identity(utterance: Utterance) -> Utterance:
    return replace(utterance, path=Path())


def _hear_all(paths: Sequence[Path], *, progress: bool) -> list[_Heard]:

    with LocalExecutor(_WORKERS, kind="threads") as threads:
        heard = threads.map(_hear, paths)
        return list(show_progress(heard, title="listening", is_shown=progress, total=len(paths)))


def _hear(path: Path) -> _Heard:
    try:
        return _decode(path)
    except AudioError as error:
        return _Heard(path, fault=str(error))
    except MemoryError:
        return _Heard(path, fault=f"{path}: too large for the memory of this machine.")
    except Exception as error:  # whatever a decoder or a disk does, the other files are checked
        reason = str(error) or type(error).__name__
        return _Heard(path, fault=f"{path}: cannot be read ({reason}).")


def _decode(path: Path) -> _Heard:
    """Decode a recording block by block."""
    low, high, frames, has_equal_channels = np.inf, -np.inf, 0, True
    with audio.open_blocks(path) as blocks:
        digest = audio.Fingerprint(blocks.rate_hz)
        for block in blocks:
            frames += len(block)
            if frames > MAX_SECONDS * blocks.rate_hz:
                hours = MAX_SECONDS // 3600
                return _Heard(path, fault=f"{path}: longer than {hours} hours: no utterance.")
            samples = audio.mix_down(block)
            digest.add(samples)
            low, high = min(low, samples.min()), max(high, samples.max())
            has_equal_channels &= bool((block == block[:, :1]).all())
        return _Heard(
            path,
            digest=digest.hexdigest(),
            has_equal_channels=blocks.channels > 1 and has_equal_channels,
            is_silent=bool(high - low < 2 * SILENT_PEAK),
            seconds=frames / blocks.rate_hz,
        )


def _outside(utterances: Sequence[Utterance], heard: Sequence[_Heard]) -> Iterator[Fault]:
    """Parts that end after their recording does."""
    seconds = {one.path: one.seconds for one in heard if not one.fault}
    for one in utterances:
        is_part = one.start_seconds is not None or one.end_seconds is not None
        if not is_part or one.path not in seconds:
            continue
        part = audio.Excerpt(one.path, one.start_seconds or 0.0, one.end_seconds)
        if fault := part.explain_missing(seconds[one.path]):
            yield Fault(one.path, fault)


def _same(
    heard: Sequence[_Heard], corpus: Corpus | None, utterances: Sequence[Utterance]
) -> tuple[Same, ...]:
    known = corpus.twins if corpus else ()
    emotions: dict[Path, set[str]] = {}
    for utterance in utterances:
        emotions.setdefault(utterance.path, set()).add(utterance.emotion)
    groups: dict[str, list[Path]] = {}
    for one in heard:
        if one.digest and not one.is_silent:
            groups.setdefault(one.digest, []).append(one.path)
    return tuple(
        Same(
            tuple(paths),
            is_known=any({path.name for path in paths} <= pair for pair in known),
            emotions=tuple(sorted(set().union(*(emotions[path] for path in paths)))),
        )
        for paths in groups.values()
        if len(paths) > 1
    )


def describe(report: Report) -> Iterator[str]:
    """Say a report in lines of text, most serious first.

    Parameters
    ----------
    report : Report

    Yields
    ------
    str
    """
    title = CORPORA[report.corpus].title if report.corpus in CORPORA else report.corpus
    shares = ", ".join(f"{count:,} {emotion}" for emotion, count in report.emotions.items())
    yield from report.notes
    yield f"{title}: {report.files:,} recordings, {report.speakers} speakers, {shares or 'none'}."
    if not report.is_whole:
        sizes = " or ".join(f"{size:,}" for size in report.expected)
        yield f"not whole: expected {sizes} recordings, found {report.files:,}"
    found = {
        "missing": report.missing,
        "extra": [f"{fault.path}: {fault.reason}" for fault in report.extra],
        "unreadable": [fault.reason for fault in report.unreadable],
        "one utterance in several files": map(_joined, report.copies),
        "the same recording under several emotions": [
            f"{_joined(s.paths)} ({', '.join(s.emotions)})"
            for s in report.same
            if not s.is_known and len(s.emotions) > 1
        ],
        "the same recording": [
            _joined(s.paths) for s in report.same if not s.is_known and len(s.emotions) < 2
        ],
        "the same recording, as is known": [_joined(s.paths) for s in report.same if s.is_known],
        "silent": report.silent,
        "several channels, all equal": report.equal_channels,
        "known trap": report.traps,
    }
    for what, items in found.items():
        listed = list(items)
        yield from (f"{what}: {item}" for item in listed[:_SHOWN])
        if len(listed) > _SHOWN:
            yield f"{what}: and {len(listed) - _SHOWN:,} more"


def _joined(paths: Sequence[Path]) -> str:
    return " = ".join(map(str, paths))
