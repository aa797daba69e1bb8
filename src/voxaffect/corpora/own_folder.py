"""Folders of a user's recordings: the corpus kind ``folder``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from voxaffect.corpora.base import Corpus, FileIssue, ScanResult, Utterance
from voxaffect.corpora.layouts import Layout, detect_layout
from voxaffect.corpora.registry import CORPORA
from voxaffect.corpora.vocabulary import extract_emotions, find_emotion
from voxaffect.errors import CorpusError
from voxaffect.files import list_names

_SAMPLE = 8  # names by which a public corpus is recognized
_OFTEN_MERGED = {"calm", "neutral"}


def read_folder(
    root: Path, paths: Sequence[Path], *, layout: str | None, words: Collection[str]
) -> ScanResult:
    """Utterances with emotions and speakers from the names of folders.

    The layout is detected from the names if it is None. `words` are the user's own words for
    emotions. The labels stay as the folders have them.

    Raises
    ------
    CorpusError
        If the layout is unclear, or no recording fits it.
    """
    corpus = _recognize_corpus(paths)
    parts = [path.relative_to(root).parts for path in paths]
    try:
        levels = Layout.parse(layout) if layout else detect_layout(root, parts, words)
    except CorpusError as error:
        raise _add_corpus(error, corpus) from error
    utterances, unmatched = [], []
    for path, names in zip(paths, parts, strict=True):
        fields: dict[str, Any] = levels.read_fields(names)
        if reason := _find_issue(path, fields.get("emotion"), levels, None if layout else corpus):
            unmatched.append(FileIssue(path, reason))
        else:
            utterances.append(Utterance(path, "folder", **fields))
    if not utterances:
        raise CorpusError(
            f"{root}: none of {len(paths):,} recordings fits the layout {levels}. "
            f"{unmatched[0].reason}"
        )
    if corpus and not layout and not any(find_emotion(one.emotion) for one in utterances):
        raise _add_corpus(CorpusError(f"{root}: no folder names an emotion that is known."), corpus)
    notes = (*_note_layout(levels, utterances), *_note_names(root, utterances))
    if corpus:
        notes += (
            f"folder: these files are named as those of {corpus.title}: {corpus.name} instead of "
            "folder reads their speakers too",
        )
    return ScanResult(tuple(utterances), tuple(unmatched), notes=notes)


def _find_issue(
    path: Path, emotion: str | None, levels: Layout, corpus: Corpus | None
) -> str | None:
    """Reason why a recording has no emotion, or one that its name contradicts."""
    if emotion is None and levels.is_in_name:
        count = len(extract_emotions(path.stem))
        return f"'{path.name}' holds {count} words for an emotion, expected 1."
    if emotion is None:
        return f"'{path.name}' is in no sub-folder that names its emotion."
    match = corpus.pattern.search(path.as_posix()) if corpus else None
    if corpus is None or match is None:
        return None
    coded, stated = corpus.emotions.get(match["emotion"]), find_emotion(emotion)
    if coded is None or stated in (None, coded) or {coded, stated} == _OFTEN_MERGED:
        return None
    return (
        f"'{path.name}' is {stated} by its folder and {coded} by its name ({corpus.title}); "
        "--layout takes the folders' word."
    )


def _note_layout(levels: Layout, utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Notes on how the folders were read."""
    emotions, speakers, sets = (
        sorted({getattr(utterance, field) for utterance in utterances} - {None})
        for field in ("emotion", "speaker", "subset")
    )
    words = f"emotions {list_names(emotions)}"
    if speakers:
        words += f"; speakers {list_names(speakers)}"
    notes = [f"folder: read as {levels}: {words}"]
    if sets:
        notes.append(
            f"folder: sets {list_names(sets)}: read together, and protocols split them anew"
        )
    return tuple(notes)


def _note_names(root: Path, utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Note on file names that hold a word for another emotion than their folders."""
    others = [
        utterance.path.relative_to(root)
        for utterance in utterances
        if len(within := extract_emotions(utterance.path.stem)) == 1
        and (stated := find_emotion(utterance.emotion)) is not None
        and stated not in within
    ]
    if not others:
        return ()
    return (
        f"folder: {len(others):,} file names hold a word for another emotion than their folders, "
        f"such as {others[0]}: the folders count",
    )


def _recognize_corpus(paths: Sequence[Path]) -> Corpus | None:
    """Public corpus whose files have such names."""
    names = [path.as_posix() for path in paths[:_SAMPLE]]
    corpora = (
        corpus for corpus in CORPORA.builtins.values() if all(map(corpus.pattern.search, names))
    )
    return next(corpora, None)


def _add_corpus(error: CorpusError, corpus: Corpus | None) -> CorpusError:
    """Error with the hint that the files are named as those of a public corpus, if they are."""
    if corpus is None:
        return error
    return CorpusError(
        f"{error} These files are named as those of {corpus.title}: to read them so, use "
        f"{corpus.name} instead of folder."
    )
