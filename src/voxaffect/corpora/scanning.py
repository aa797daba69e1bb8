"""Recordings of corpora as utterances: names are read, never sound."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voxaffect.corpora.base import (
    Corpus,
    FileIssue,
    ScanResult,
    Utterance,
    list_emotions,
)
from voxaffect.corpora.folders import explain_source, list_files
from voxaffect.corpora.labels import KEEP, check_labels, find_unused_entries, map_labels
from voxaffect.corpora.layouts import Layout
from voxaffect.corpora.own_features import read_feature_labels
from voxaffect.corpora.own_folder import read_folder
from voxaffect.corpora.own_table import read_table
from voxaffect.corpora.ratings import find_most_probable, merge_shares
from voxaffect.corpora.registry import (
    OWN_DATA,
    check_own_name,
    get_corpus,
    split_own_name,
)
from voxaffect.corpora.vocabulary import find_emotion, normalize_label, unify_spellings
from voxaffect.errors import CorpusError
from voxaffect.files import list_names
from voxaffect.files.folders import expand_home

_SHOWN = 3  # offending files that one message lists
_UNKNOWN_SPEAKERS = {
    *("unknown", "none", "na", "n/a", "null", "nobody", "anonymous", "?", "", "unbekannt"),
    "inconnu",
}


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a user's own data.

    Parameters
    ----------
    layout : str, optional
        Of a ``folder``, such as ``speaker/emotion``; detected from the names by default.
    labels : mapping of str to str, or "none", optional
        From words of the data to emotions, before the vocabulary; ``"none"`` keeps every word.
    columns : mapping of str to str, optional
        Of a ``csv``: its name for our columns; detected from the names by default.
    name : str, optional
        Of a ``folder`` or ``csv`` as a corpus; its kind by default.
    """

    layout: str | None = None
    labels: Mapping[str, str] | str | None = None
    columns: Mapping[str, str] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        map_labels((), self.labels)
        if self.layout is not None:
            Layout.parse(self.layout)
        if self.name is not None:
            check_own_name(self.name)


def parse_name(path: Path, corpus: Corpus) -> Utterance:
    """Utterance that a file name of a corpus describes.

    Parameters
    ----------
    path : Path
        With its folders, where the corpus's grammar needs them (ESD, SAVEE).
    corpus : Corpus

    Raises
    ------
    CorpusError
        If the name does not match the grammar, or holds a code that the corpus does not know.

    Examples
    --------
    >>> from voxaffect.corpora import CORPORA
    >>> utterance = parse_name(Path("wav/03a01Fa.wav"), CORPORA["emodb"])
    >>> utterance.emotion, utterance.speaker, utterance.sex
    ('happy', '03', 'male')
    """
    match = corpus.pattern.search(path.as_posix())
    if match is None:
        raise CorpusError(f"{corpus.title}: '{path.name}' does not match {corpus.grammar}.")
    fields = match.groupdict()
    fields["speaker"] = corpus.aliases.get(fields["speaker"], fields["speaker"])

    def decode(field: str, codes: Mapping[str, str]) -> str:
        if fields[field] in codes:
            return codes[fields[field]]
        known = sorted(codes)
        shown = ", ".join(known) if len(known) <= 12 else f"{known[0]} … {known[-1]}"
        raise CorpusError(
            f"{corpus.title}: '{path.name}' has the unknown {field} '{fields[field]}', "
            f"expected {shown}."
        )

    emotion, word = decode("emotion", corpus.emotions), fields.get("label")
    if word and find_emotion(word) not in (None, emotion):
        raise CorpusError(
            f"{corpus.title}: '{path.name}' is {emotion} by its code and {word} by its name."
        )
    return Utterance(
        path=path,
        corpus=corpus.name,
        emotion=emotion,
        speaker=fields["speaker"],
        sex=decode("speaker", corpus.sexes),
        text=fields.get("text"),
        intensity=decode("intensity", corpus.intensities) if "intensity" in fields else None,
        take=fields.get("take") or None,
        channel=decode("channel", corpus.channels) if "channel" in fields else "speech",
    )


def read_corpus(
    name: str, root: str | Path, options: ReadOptions | None = None
) -> tuple[Utterance, ...]:
    """Every recording of a corpus as an utterance.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``.
    root : path
        The corpus's folder; for ``csv`` the table itself.
    options : ReadOptions, optional

    Returns
    -------
    tuple of Utterance
        In the order of their paths; at least one.

    Raises
    ------
    CorpusError
        If the folder does not exist or holds no recording, if names do not fit the grammar,
        or if the same utterance is there twice, which would leak from training to test.

    Examples
    --------
    >>> utterances = read_corpus("ravdess", "corpora/ravdess")  # doctest: +SKIP
    >>> len(utterances)  # doctest: +SKIP
    1440
    """
    utterances, _ = read_corpora({name: root}, options)
    check_labels(list_emotions(utterances), (options or ReadOptions()).labels)
    return utterances


def read_corpora(
    roots: Mapping[str, str | Path], options: ReadOptions | None = None
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Every recording of several corpora, with the emotions in one vocabulary.

    Parameters
    ----------
    roots : mapping of str to path
        By name, as for `read_corpus`.
    options : ReadOptions, optional

    Returns
    -------
    tuple of Utterance
    tuple of str
        How the data were read, one line each.

    Raises
    ------
    CorpusError
        As `read_corpus`, and if two labels look like one emotion.
    """
    options = options or ReadOptions()
    results = [_scan(name, Path(root), options) for name, root in roots.items()]
    for root, result in zip(roots.values(), results, strict=True):
        _check(Path(root), result)
    utterances = tuple(utterance for result in results for utterance in result.utterances)
    utterances, notes = _map_emotions(utterances, options)
    return utterances, (*(note for result in results for note in result.notes), *notes)


def scan_corpus(name: str, root: str | Path, options: ReadOptions | None = None) -> ScanResult:
    """Recordings under a root, those that fit a corpus and those that do not.

    Parameters
    ----------
    name, root, options
        As for `read_corpus`.

    Returns
    -------
    ScanResult

    Raises
    ------
    CorpusError
        If there is no such folder, or no recording in it; for ``csv`` any fault of the table.
    """
    options = options or ReadOptions()
    result = _scan(name, Path(root), options)
    utterances, notes = _map_emotions(result.utterances, options)
    check_labels(list_emotions(utterances), options.labels)
    return replace(result, utterances=utterances, notes=(*result.notes, *notes))


def _scan(name: str, root: Path, options: ReadOptions) -> ScanResult:
    """Scan a corpus; the labels stay as the data have them."""
    kind, own_name = split_own_name(name)
    if kind in OWN_DATA:
        if own_name is not None:
            check_own_name(own_name)
        result = _unify_speakers(_scan_own(kind, expand_home(root), options))
        corpus_name = own_name or options.name or kind
        renamed = (replace(one, corpus=corpus_name) for one in result.utterances)
        return replace(result, utterances=tuple(renamed))
    corpus = get_corpus(name)
    listing = list_files(root, corpus.extensions)
    if not listing.recordings:
        raise CorpusError(
            f"{root}: holds no recording. Looked for {corpus.title} as {corpus.layout}. "
            f"A table of them is read as csv:{corpus.name}-table --data TABLE.csv. "
            f"{explain_source(corpus)}"
        )
    utterances, unmatched = [], []
    for path in listing.recordings:
        try:
            utterances.append(parse_name(path, corpus))
        except CorpusError as error:
            unmatched.append(FileIssue(path, str(error)))
    repeated = _find_repeated(utterances)
    return ScanResult(tuple(utterances), tuple(unmatched), repeated, unlisted=listing.unlisted)


def _find_repeated(utterances: Sequence[Utterance]) -> tuple[tuple[Path, ...], ...]:
    """Paths that describe one and the same utterance."""
    paths: dict[Utterance, list[Path]] = {}
    for utterance in utterances:
        paths.setdefault(replace(utterance, path=Path()), []).append(utterance.path)
    return tuple(tuple(group) for group in paths.values() if len(group) > 1)


def _scan_own(name: str, root: Path, options: ReadOptions) -> ScanResult:
    if name == "csv":
        return read_table(root, options.columns)
    if name == "features":
        return read_feature_labels(root)
    listing = list_files(root, None)
    if not listing.recordings:
        raise CorpusError(
            f"{root}: holds no recording. Looked for one sub-folder an emotion, with recordings "
            "(WAV, FLAC, MP3, M4A, MP4 …) or speakers' folders in it. A table is read as "
            "csv:NAME --data TABLE.csv."
        )
    words = () if isinstance(options.labels, str | None) else options.labels
    result = read_folder(root, listing.recordings, layout=options.layout, words=words)
    notes = result.notes
    if archives := listing.archives:
        more = f" and {len(archives) - 1:,} more" if len(archives) > 1 else ""
        first = archives[0].relative_to(root)
        notes += (f"folder: not read, for they are archives: {first}{more}",)
    return replace(result, notes=notes, unlisted=listing.unlisted)


def _unify_speakers(result: ScanResult) -> ScanResult:
    """Give a speaker one spelling, so that nobody is in training and in test by two names."""
    names = (u.speaker for u in result.utterances if u.speaker is not None)
    speakers = {
        name: None if normalize_label(name) in _UNKNOWN_SPEAKERS else spelling
        for name, spelling in unify_spellings(Counter(names)).items()
    }
    replaced = {name: speaker for name, speaker in sorted(speakers.items()) if name != speaker}
    if not replaced:
        return result
    utterances = tuple(
        utterance
        if utterance.speaker is None
        else replace(utterance, speaker=speakers[utterance.speaker])
        for utterance in result.utterances
    )
    shown = [f"{name} as {speaker or 'nobody known'}" for name, speaker in replaced.items()]
    note = f"speakers: {list_names(shown)}"
    return replace(result, utterances=utterances, notes=(*result.notes, note))


def _check(root: Path, result: ScanResult) -> None:
    """Refuse folders that are closed, recordings that fit no grammar, and utterances twice."""
    if result.unlisted:
        raise CorpusError(result.unlisted[0].reason)
    if unmatched := result.unmatched:
        reasons = " ".join(issue.reason for issue in unmatched[:_SHOWN])
        others = len(unmatched) - _SHOWN
        more = f" And {others:,} more like these." if others > 0 else ""
        raise CorpusError(
            f"{root}: {len(unmatched):,} of {len(unmatched) + len(result.utterances):,} "
            f"recordings do not fit. {reasons}{more} Move them elsewhere, or name another folder."
        )
    if result.repeated:
        first, second = result.repeated[0][:2]
        raise CorpusError(
            f"{root}: {len(result.repeated):,} utterances are there more than once, such as "
            f"{first} and {second}. {_explain_repetition(root, result)}"
        )


def _explain_repetition(root: Path, result: ScanResult) -> str:
    """Remedy for a corpus that is there twice: the folder with one copy, if there is one."""
    last = [group[-1] for group in result.repeated]
    inner = Path(os.path.commonpath([path.parent for path in last]))
    while inner not in (root, inner.parent) and re.match(r"(?i)actor_?\d|wav$", inner.name):
        inner = inner.parent
    count = sum(inner in utterance.path.parents for utterance in result.utterances)
    if inner != root and count == len(result.repeated):
        return (
            f"Some copies of a corpus hold everything twice. Name the folder with one copy: {inner}"
        )
    return "Delete one of each, or name the folder that holds one copy."


def _map_emotions(
    utterances: tuple[Utterance, ...], options: ReadOptions
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Utterances with emotions in one vocabulary, and notes on the words that were replaced."""
    words = [word for utterance in utterances for word in _list_words(utterance)]
    emotions = map_labels(words, options.labels)
    replaced = {
        word: emotion
        for word, emotion in sorted(emotions.items())
        if normalize_label(word) != normalize_label(emotion)
    }
    mapped = tuple(_map_utterance(utterance, emotions, replaced) for utterance in utterances)
    if options.labels == KEEP:
        return mapped, _note_synonyms(emotions)
    notes = []
    if unused := find_unused_entries(emotions, options.labels):
        entries = ", ".join(map(repr, unused))
        notes.append(f"labels: no recording has the label {entries} of the map; check its spelling")
    if replaced:
        shown = (f"{word} as {emotion}" for word, emotion in replaced.items())
        notes.append(f"labels: {', '.join(shown)}")
    mapped_words = set(map(normalize_label, options.labels or ()))
    unknown = {
        emotion
        for word, emotion in emotions.items()
        if find_emotion(word) is None and normalize_label(word) not in mapped_words
    }
    if unknown:
        notes.append(f"labels: no known emotion, kept as they are: {', '.join(sorted(unknown))}")
    return mapped, tuple(notes)


def _list_words(utterance: Utterance) -> tuple[str, ...]:
    """Words for emotions of an utterance, its own first; none where only dimensions are rated."""
    if not utterance.emotion:
        return ()
    return utterance.emotion, *(one for one in utterance.distribution if one != utterance.emotion)


def _map_utterance(
    utterance: Utterance, emotions: Mapping[str, str], replaced: Collection[str]
) -> Utterance:
    """Utterance in our words; of a soft label, the most probable emotion may then be another."""
    if not utterance.emotion:
        return utterance
    emotion = emotions[utterance.emotion]
    shares = utterance.soft_label and merge_shares(utterance.soft_label, emotions)
    return replace(
        utterance,
        emotion=find_most_probable(shares, emotion) if shares else emotion,
        label=utterance.emotion if utterance.emotion in replaced and not shares else None,
        soft_label=shares or None,
    )


def _note_synonyms(emotions: Collection[str]) -> tuple[str, ...]:
    """Notes on words for one emotion that the user keeps apart."""
    groups: dict[str, list[str]] = {}
    for word in sorted(emotions):
        groups.setdefault(find_emotion(word) or word, []).append(word)
    return tuple(
        f"labels: kept apart as --labels {KEEP} says: {', '.join(words)}"
        for words in groups.values()
        if len(words) > 1
    )
