"""Check of a corpus: what is missing, extra, unreadable, silent or there twice.

Names are compared with the complete lists that are known; every recording is decoded, block by
block. Two recordings are the same if their samples and rate are, whatever their files are called
or wrapped in. A file that is odd in any way is one line of the report, and raises nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxaffect import audio
from voxaffect.console import show_progress
from voxaffect.corpora.agreement import Agreement, measure_agreements
from voxaffect.corpora.base import Corpus, FileIssue, Utterance, expand_template
from voxaffect.corpora.registry import CORPORA
from voxaffect.corpora.scanning import ReadOptions, parse_name, scan_corpus
from voxaffect.errors import AudioError
from voxaffect.extraction import LocalExecutor
from voxaffect.records.values import format_count

SILENT_PEAK = 1e-3
"""A recording that never leaves its mean by more than this, −60 dB, is called silent."""

MAX_SECONDS = 3 * 3600
"""A longer recording is no utterance; it is not read to its end."""

_WORKERS = 2
_SHOWN = 10
_FEW = 5  # of speakers or recordings: a bootstrap over fewer says little
_PREFILLED = (
    "agreement: if the raters corrected answers that a model had filled in, they agree too well, "
    "since they share these answers"
)


@dataclass(frozen=True)
class DuplicateGroup:
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
class CorpusReport:
    """Result of `check_corpus`.

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
        How many files a whole copy holds, for each release; empty if unknown.
    missing : tuple of str
        File names that a whole copy would hold, where its list is known.
    extra : tuple of FileIssue
        Recordings that fit no grammar, or that the whole corpus does not hold.
    unreadable : tuple of FileIssue
        Not decodable, cut short, empty, or with samples that are no numbers.
    duplicates : tuple of DuplicateGroup
        Recordings with equal samples.
    repeated : tuple of tuple of Path
        Files whose names say that they are one utterance, whatever their samples.
    equal_channels : tuple of Path
        Several channels, all the same.
    silent : tuple of Path
    traps : tuple of str
        What is known to go wrong with this corpus.
    notes : tuple of str
        How people's own data were read, one line each.
    agreement : tuple of Agreement
        Of the raters, where several people rated the recordings of a table.
    are_parts : bool
        True if one of several utterances is a part of a recording.
    """

    corpus: str
    root: Path
    files: int
    emotions: dict[str, int]
    speakers: int
    expected: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[FileIssue, ...] = ()
    unreadable: tuple[FileIssue, ...] = ()
    duplicates: tuple[DuplicateGroup, ...] = ()
    repeated: tuple[tuple[Path, ...], ...] = ()
    equal_channels: tuple[Path, ...] = ()
    silent: tuple[Path, ...] = ()
    traps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    are_parts: bool = False

    @property
    def is_whole(self) -> bool:
        """True if nothing is known to be missing."""
        return not self.missing and (not self.expected or self.files in self.expected)

    @property
    def is_sound(self) -> bool:
        """True if it can be used as it is: whole, readable, nothing odd but known traps."""
        is_odd = self.extra or self.unreadable or self.repeated or self.silent
        return self.is_whole and not is_odd and all(group.is_known for group in self.duplicates)


@dataclass(frozen=True)
class _Measurement:
    """Properties of one decoded recording, or the reason why it cannot be decoded."""

    path: Path
    digest: str = ""
    has_equal_channels: bool = False
    is_silent: bool = False
    seconds: float = 0.0
    issue: str = ""


def check_corpus(
    name: str, root: str | Path, *, options: ReadOptions | None = None, progress: bool = False
) -> CorpusReport:
    """Check a corpus, file by file.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``.
    root : path
        The corpus's folder; for ``csv`` the table.
    options : ReadOptions, optional
        How people's own data are read.
    progress : bool
        Whether to draw a progress bar.

    Returns
    -------
    CorpusReport

    Raises
    ------
    CorpusError
        If there is no such folder, or no recording in it.

    Examples
    --------
    >>> check_corpus("ravdess", "corpora/ravdess").is_whole  # doctest: +SKIP
    True
    """
    result = scan_corpus(name, root, options)
    corpus = CORPORA.get(name.lower())
    utterances = result.utterances
    missing, strangers = _compare(utterances, corpus) if corpus else ((), ())
    # Several utterances can be parts of one recording.
    paths = list(dict.fromkeys(utterance.path for utterance in utterances))
    with LocalExecutor(_WORKERS, kind="threads") as threads:
        measured = threads.map(_measure, paths)
        files = [*show_progress(measured, title="listening", is_shown=progress, total=len(paths))]
    return CorpusReport(
        corpus=name,
        root=Path(root),
        files=len(utterances),
        emotions=dict(Counter(one.emotion for one in utterances if one.emotion).most_common()),
        speakers=len({utterance.speaker for utterance in utterances} - {None}),
        expected=corpus.sizes if corpus else (),
        missing=missing,
        extra=result.unmatched + strangers,
        unreadable=(
            *result.unlisted,
            *(FileIssue(file.path, file.issue) for file in files if file.issue),
            *_find_overlong_parts(utterances, files),
        ),
        duplicates=_find_duplicates(files, corpus, utterances),
        repeated=result.repeated,
        equal_channels=tuple(file.path for file in files if file.has_equal_channels),
        silent=tuple(file.path for file in files if file.is_silent),
        traps=corpus.traps if corpus else (),
        notes=result.notes,
        agreement=measure_agreements(result.rated),
        are_parts=any(one.start_seconds is not None for one in utterances),
    )


def _compare(
    utterances: Sequence[Utterance], corpus: Corpus
) -> tuple[tuple[str, ...], tuple[FileIssue, ...]]:
    """Names that are missing and recordings that are extra, by the corpus's complete lists.

    A corpus may have several parts (speech, song); a part with no file at all was not fetched,
    so it is not missing.
    """
    if not corpus.name_templates:
        return (), ()
    present = {replace(utterance, path=Path()) for utterance in utterances}
    missing: list[str] = []
    known: set[Utterance] = set()
    for templates in corpus.name_templates:
        names = {
            replace(parse_name(Path(name), corpus), path=Path()): name
            for template in templates
            for name in expand_template(template)
        }
        known |= names.keys()
        if not present.isdisjoint(names):
            missing += [name for utterance, name in names.items() if utterance not in present]
    strangers = tuple(
        FileIssue(utterance.path, f"{corpus.title} holds no such recording.")
        for utterance in utterances
        if replace(utterance, path=Path()) not in known
    )
    return tuple(missing), strangers


def _measure(path: Path) -> _Measurement:
    try:
        return _decode(path)
    except AudioError as error:
        issue = str(error)
    except MemoryError:
        issue = f"{path}: too large for the memory of this machine."
    except Exception as error:  # whatever a decoder or a disk does, the other files are checked
        issue = f"{path}: cannot be read ({str(error) or type(error).__name__})."
    return _Measurement(path, issue=issue)


def _decode(path: Path) -> _Measurement:
    """Decode a recording block by block."""
    low, high, frames, has_equal_channels = np.inf, -np.inf, 0, True
    with audio.open_blocks(path) as blocks:
        digest = audio.Fingerprint(blocks.rate_hz)
        for block in blocks:
            frames += len(block)
            if frames > MAX_SECONDS * blocks.rate_hz:
                hours = MAX_SECONDS // 3600
                issue = f"{path}: longer than {hours} hours: no utterance."
                return _Measurement(path, issue=issue)
            samples = audio.mix_down(block)
            digest.add(samples)
            low, high = min(low, samples.min()), max(high, samples.max())
            has_equal_channels &= bool((block == block[:, :1]).all())
        return _Measurement(
            path,
            digest=digest.hexdigest(),
            has_equal_channels=blocks.channels > 1 and has_equal_channels,
            is_silent=bool(high - low < 2 * SILENT_PEAK),
            seconds=frames / blocks.rate_hz,
        )


def _find_overlong_parts(
    utterances: Sequence[Utterance], files: Sequence[_Measurement]
) -> Iterator[FileIssue]:
    """Parts that end after their recording does."""
    seconds = {file.path: file.seconds for file in files if not file.issue}
    for utterance in utterances:
        start, end = utterance.start_seconds, utterance.end_seconds
        if (start is None and end is None) or utterance.path not in seconds:
            continue
        part = audio.Excerpt(utterance.path, start or 0.0, end)
        if issue := part.explain_missing(seconds[utterance.path]):
            yield FileIssue(utterance.path, issue)


def _find_duplicates(
    files: Sequence[_Measurement], corpus: Corpus | None, utterances: Sequence[Utterance]
) -> tuple[DuplicateGroup, ...]:
    known = corpus.known_duplicates if corpus else ()
    emotions: dict[Path, set[str]] = {}
    for utterance in utterances:
        emotions.setdefault(utterance.path, set()).add(utterance.emotion)
    groups: dict[str, list[Path]] = {}
    for file in files:
        if file.digest and not file.is_silent:
            groups.setdefault(file.digest, []).append(file.path)
    return tuple(
        DuplicateGroup(
            tuple(paths),
            is_known=any({path.name for path in paths} <= names for names in known),
            emotions=tuple(sorted(set().union(*(emotions[path] for path in paths)))),
        )
        for paths in groups.values()
        if len(paths) > 1
    )


def describe_report(report: CorpusReport) -> Iterator[str]:
    """Lines of text for a report, most serious first."""
    title = CORPORA[report.corpus].title if report.corpus in CORPORA else report.corpus
    shares = ", ".join(f"{count:,} {emotion}" for emotion, count in report.emotions.items())
    shares = shares or ("no emotions" if report.files else "none")
    yield from report.notes
    noun = "part" if report.are_parts else "recording"
    counts = f"{format_count(report.files, noun)}, {format_count(report.speakers, 'speaker')}"
    yield f"{title}: {counts}, {shares}."
    yield from (_describe_agreement(one, noun) for one in report.agreement)
    if report.agreement:
        yield _PREFILLED
    if not report.is_whole:
        sizes = " or ".join(f"{size:,}" for size in report.expected)
        yield f"not whole: expected {sizes} recordings, found {report.files:,}"
    unknown = [group for group in report.duplicates if not group.is_known]
    sections = {
        "missing": report.missing,
        "extra": [f"{issue.path}: {issue.reason}" for issue in report.extra],
        "unreadable": [issue.reason for issue in report.unreadable],
        "one utterance in several files": [*map(_join_paths, report.repeated)],
        "the same recording under several emotions": [
            f"{_join_paths(group.paths)} ({', '.join(group.emotions)})"
            for group in unknown
            if len(group.emotions) > 1
        ],
        "the same recording": [
            _join_paths(group.paths) for group in unknown if len(group.emotions) < 2
        ],
        "the same recording, as is known": [
            _join_paths(group.paths) for group in report.duplicates if group.is_known
        ],
        "silent": report.silent,
        "several channels, all equal": report.equal_channels,
        "known trap": report.traps,
    }
    for heading, items in sections.items():
        yield from (f"{heading}: {item}" for item in items[:_SHOWN])
        if len(items) > _SHOWN:
            yield f"{heading}: and {len(items) - _SHOWN:,} more"


def _describe_agreement(agreement: Agreement, noun: str) -> str:
    """Line on agreement, and on an interval over few groups."""
    units = format_count(agreement.units, noun)
    people = f"{format_count(agreement.raters, 'rater')}, {units} with two or more ratings"
    if agreement.alpha is None:
        value = "not defined: it needs two ratings of a recording, and ratings that differ"
    else:
        value = f"{agreement.alpha:.3f}"
        if agreement.low is not None and agreement.high is not None:
            drawn = "speaker" if agreement.over == "speakers" else noun
            groups = format_count(agreement.groups, drawn)
            value += f" (95 % {agreement.low:.3f} to {agreement.high:.3f}, over {groups}"
            value += (
                f": with so few {drawn}s the interval says little)" * (agreement.groups < _FEW)
                or ")"
            )
    return f"agreement on {agreement.name}: Krippendorff's alpha {value}; {people}"


def _join_paths(paths: Sequence[Path]) -> str:
    return " = ".join(map(str, paths))
