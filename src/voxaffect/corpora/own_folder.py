"""Folders of recordings: the corpus kind ``folder``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxaffect.corpora.labels import emotions_within, known_emotion
from voxaffect.corpora.layouts import Layout, detect_layout
from voxaffect.corpora.table import CORPORA, Corpus
from voxaffect.corpora.utterance import Utterance
from voxaffect.errors import CorpusError

_NAMED = 8  # names that one line lists
_OFTEN_MERGED = {"calm", "neutral"}


@dataclass(frozen=True)
class FolderResult:
    """A folder that was read.

    Parameters
    ----------
    utterances : tuple of Utterance
        With the labels as the folders have them.
    misfits : tuple of (Path, str)
        Recordings without an emotion, each with the reason.
    notes : tuple of str
        How it was read, one line each.
    """

    utterances: tuple[Utterance, ...]
    misfits: tuple[tuple[Path, str], ...]
    notes: tuple[str, ...]


def read_folder(
    root: Path, paths: Sequence[Path], *, layout: str | None, own: Collection[str]
) -> FolderResult:
    """Read emotions and speakers from the names of folders.

    Parameters
    ----------
    root : Path
    paths : sequence of Path
        The recordings under it, at least one.
    layout : str, optional
        As ``--layout`` has it; by default as the names tell.
    own : collection of str
        The user's own words for emotions.

    Returns
    -------
    FolderResult

    Raises
    ------
    CorpusError
        If the layout is unclear, or no recording fits it.
    """
    parts = [path.relative_to(root).parts for path in paths]
    try:
        levels = Layout.parse(layout) if layout else detect_layout(root, parts, own)
    except CorpusError as error:
        raise _add_corpus(error, paths) from error
    corpus = None if layout else _corpus_of(paths)
    fits, misfits = [], []
    for path, names in zip(paths, parts, strict=True):
        fields: dict[str, Any] = levels.fields(names)
        if "emotion" not in fields:
            misfits.append((path, _reason(levels, path)))
        elif reason := _contradiction(path, fields["emotion"], corpus):
            misfits.append((path, reason))
        else:
            fits.append(Utterance(path, "folder", **fields))
    if not fits:
        raise CorpusError(
            f"{root}: none of {len(paths):,} recordings fits the layout {levels}. {misfits[0][1]}"
        )
    if corpus and not any(known_emotion(one.emotion) for one in fits):
        raise _add_corpus(CorpusError(f"{root}: no folder names an emotion that is known."), paths)
    notes = (*_notes(levels, fits), *_note_names(root, fits), *_note_corpus(paths))
    return FolderResult(tuple(fits), tuple(misfits), notes)


def _contradiction(path: Path, emotion: str, corpus: Corpus | None) -> str | None:
    """Say that the code of a public corpus in a file's name states another emotion."""
    match = corpus.pattern.search(path.as_posix()) if corpus else None
    coded = corpus.emotions.get(match["emotion"]) if corpus and match else None
    stated = known_emotion(emotion)
    if coded is None or stated in (None, coded) or {coded, stated} == _OFTEN_MERGED:
        return None
    title = corpus.title if corpus else ""
    return (
        f"'{path.name}' is {stated} by its folder and {coded} by its name ({title}); --layout "
        "takes the folders' word."
    )


def _note_names(root: Path, fits: Sequence[Utterance]) -> tuple[str, ...]:
    """Say which file names hold a word for another emotion than their folders."""
    others = [
        one.path.relative_to(root)
        for one in fits
        if len(within := emotions_within(one.path.stem)) == 1
        and (stated := known_emotion(one.emotion)) is not None
        and stated not in within
    ]
    if not others:
        return ()
    return (
        f"folder: {len(others):,} file names hold a word for another emotion than their folders, "
        f"such as {others[0]}: the folders count",
    )


def _reason(levels: Layout, path: Path) -> str:
    if not levels.is_in_name:
        return f"'{path.name}' is in no sub-folder that names its emotion."
    count = len(emotions_within(path.stem))
    return f"'{path.name}' holds {count} words for an emotion, expected 1."


def _notes(levels: Layout, fits: Sequence[Utterance]) -> tuple[str, ...]:
    """Say how the folders were read."""
    emotions = {utterance.emotion for utterance in fits}
    speakers = {utterance.speaker for utterance in fits} - {None}
    sets = {utterance.subset for utterance in fits} - {None}
    words = f"emotions {_some(emotions)}"
    if speakers:
        words += f"; speakers {_some(speakers)}"
    notes = [f"folder: read as {levels}: {words}"]
    if sets:
        notes.append(f"folder: sets {_some(sets)}: read together, and protocols split them anew")
    return tuple(notes)


def _some(names: Collection[str | None]) -> str:
    known = sorted(filter(None, names))
    more = f" … ({len(known)})" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more


def _corpus_of(paths: Sequence[Path]) -> Corpus | None:
    """Public corpus as whose files these are named."""
    names = [path.as_posix() for path in paths[:_NAMED]]
    return next((one for one in CORPORA.values() if all(map(one.pattern.search, names))), None)


def _note_corpus(paths: Sequence[Path]) -> tuple[str, ...]:
    corpus = _corpus_of(paths)
    if corpus is None:
        return ()
    return (
        f"folder: these files are named as those of {corpus.title}: {corpus.name} instead of "
        "folder reads their speakers too",
    )


def _add_corpus(error: CorpusError, paths: Sequence[Path]) -> CorpusError:
    """Add that the files are named as those of a public corpus, if they are."""
    corpus = _corpus_of(paths)
    if corpus is None:
        return error
    return CorpusError(
        f"{error} These files are named as those of {corpus.title}: to read them so, use "
        f"{corpus.name} instead of folder."
    )
