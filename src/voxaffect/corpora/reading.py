"""From a folder of recordings to utterances: names are read, never sound.

Files are found at any depth under the root, whatever the case of their extension; hidden files
and macOS's ``._*`` and ``__MACOSX`` are passed over. The order is that of the relative paths,
the same on every machine.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from voxaffect.corpora.labels import (
    KEEP,
    check_clear,
    known_emotion,
    map_labels,
    normalize,
    one_spelling,
    unmatched_entries,
)
from voxaffect.corpora.layouts import Layout
from voxaffect.corpora.own_folder import read_folder
from voxaffect.corpora.own_table import read_table
from voxaffect.corpora.table import CORPORA, OWN_DATA, Corpus, look_up
from voxaffect.corpora.utterance import Utterance
from voxaffect.errors import CorpusError
from voxaffect.files import name_errors, walk_unique
from voxaffect.files.folders import expand_home, find_data_folder
from voxaffect.files.media import is_recording
from voxaffect.records.arguments import check_path

DATA_VARIABLE = "VOXAFFECT_DATA"
"""The environment variable that names the folder with one sub-folder for each corpus."""

_SHOWN = 3  # offending files that one message lists
_HIDDEN = frozenset(
    (
        "__macosx",
        "$recycle.bin",
        "system volume information",
        "@eadir",
        "#recycle",
        "lost+found",
        "node_modules",
        "__pycache__",
    )
)
_ARCHIVES = frozenset((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".rar", ".7z"))
_LISTED = 8  # names that one line lists
_UNKNOWN_SPEAKERS = frozenset(
    ("unknown", "none", "na", "n/a", "null", "nobody", "anonymous", "?", "", "unbekannt", "inconnu")
)


@dataclass(frozen=True)
class Reading:
    """Wishes of a user about how data are read.

    Parameters
    ----------
    layout : str, optional
        Of a ``folder``, such as ``speaker/emotion``; by default as the names tell.
    labels : mapping of str to str, or "none", optional
        From words of the data to emotions, before the vocabulary; ``"none"`` keeps every word.
    columns : mapping of str to str, optional
        Of a ``csv``: its name for our columns; by default as the names tell.
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
        if self.name is not None and (not self.name.strip() or self.name.lower() in CORPORA):
            raise CorpusError(
                f"name {self.name!r}: expected a name of your own, other than those of the public "
                f"corpora: {', '.join(CORPORA)}."
            )


@dataclass(frozen=True)
class Survey:
    """What is under a corpus's root, judged by name alone.

    Parameters
    ----------
    utterances : tuple of Utterance
        The recordings that fit the grammar.
    misfits : tuple of (Path, str)
        The recordings that do not, each with the reason.
    copies : tuple of tuple of Path
        Recordings whose names say that they are one and the same utterance.
    notes : tuple of str
        How people's own data were read, one line each.
    unlisted : tuple of (Path, str)
        Folders that cannot be looked into, each with the reason.
    """

    utterances: tuple[Utterance, ...]
    misfits: tuple[tuple[Path, str], ...] = ()
    copies: tuple[tuple[Path, ...], ...] = ()
    notes: tuple[str, ...] = ()
    unlisted: tuple[tuple[Path, str], ...] = ()


def parse(path: Path, corpus: Corpus) -> Utterance:
    """Read what a file name says.

    Parameters
    ----------
    path : Path
        With its folders, where the corpus's grammar needs them (ESD, SAVEE).
    corpus : Corpus

    Returns
    -------
    Utterance

    Raises
    ------
    CorpusError
        If the name does not match the grammar, or holds a code that the corpus does not know.
    """
    match = corpus.pattern.search(path.as_posix())
    if match is None:
        raise CorpusError(f"{corpus.title}: '{path.name}' does not match {corpus.grammar}.")
    said = match.groupdict()
    said["speaker"] = corpus.aliases.get(said["speaker"], said["speaker"])

    def decode(field: str, codes: Mapping[str, str]) -> str:
        if said[field] in codes:
            return codes[said[field]]
        raise CorpusError(
            f"{corpus.title}: '{path.name}' has the unknown {field} '{said[field]}', "
            f"expected {_listed(codes)}."
        )

    emotion, word = decode("emotion", corpus.emotions), said.get("label")
    if word and known_emotion(word) not in (None, emotion):
        raise CorpusError(
            f"{corpus.title}: '{path.name}' is {emotion} by its code and {word} by its name."
        )
    return Utterance(
        path=path,
        corpus=corpus.name,
        emotion=emotion,
        speaker=said["speaker"],
        sex=decode("speaker", corpus.sexes),
        text=said.get("text"),
        intensity=decode("intensity", corpus.intensities) if "intensity" in said else None,
        take=said.get("take") or None,
        channel=decode("channel", corpus.channels) if "channel" in said else "speech",
    )


def _listed(codes: Collection[str]) -> str:
    known = sorted(codes)
    return ", ".join(known) if len(known) <= 12 else f"{known[0]} … {known[-1]}"


def utterances(
    name: str, root: str | Path, reading: Reading | None = None
) -> tuple[Utterance, ...]:
    """List every recording of a corpus.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``.
    root : path
        The corpus's folder; for ``csv`` the table itself.
    reading : Reading, optional
        How to read it.

    Returns
    -------
    tuple of Utterance
        In the order of their paths; at least one.

    Raises
    ------
    CorpusError
        If the folder does not exist or holds no recording, if names do not fit the grammar,
        or if the same utterance is there twice, which would leak from training to test.
    """
    members, _ = read_corpora({name: root}, reading)
    check_clear((utterance.emotion for utterance in members), (reading or Reading()).labels)
    return members


def read_corpora(
    roots: Mapping[str, str | Path], reading: Reading | None = None
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """List every recording of several corpora, in one vocabulary.

    Parameters
    ----------
    roots : mapping of str to path
        By name, as for `utterances`.
    reading : Reading, optional

    Returns
    -------
    tuple of Utterance
    tuple of str
        How the data were read, one line each.

    Raises
    ------
    CorpusError
        As `utterances`, and if two labels look like one emotion.
    """
    reading = reading or Reading()
    surveys = [_survey(name, Path(root), reading) for name, root in roots.items()]
    for root, survey in zip(roots.values(), surveys, strict=True):
        _check(Path(root), survey)
    members = tuple(utterance for survey in surveys for utterance in survey.utterances)
    members, notes = _map_emotions(members, reading)
    return members, (*(note for survey in surveys for note in survey.notes), *notes)


def _check(root: Path, survey: Survey) -> None:
    """Refuse folders that are closed, recordings that fit no grammar, and utterances twice."""
    if survey.unlisted:
        raise CorpusError(survey.unlisted[0][1])
    if survey.misfits:
        first, others = survey.misfits[:_SHOWN], len(survey.misfits) - _SHOWN
        reasons = " ".join(reason for _, reason in first)
        more = f" And {others:,} more like these." if others > 0 else ""
        raise CorpusError(
            f"{root}: {len(survey.misfits):,} of "
            f"{len(survey.misfits) + len(survey.utterances):,} recordings do not fit. "
            f"{reasons}{more} Move them elsewhere, or name another folder."
        )
    if survey.copies:
        one, other = survey.copies[0][:2]
        raise CorpusError(
            f"{root}: {len(survey.copies):,} utterances are there more than once, such as "
            f"{one} and {other}. {_one_copy(root, survey)}"
        )


def _one_copy(root: Path, survey: Survey) -> str:
    """Remedy for a corpus that is there twice: the folder with one copy, if there is one."""
    last = [same[-1] for same in survey.copies]
    inner = Path(os.path.commonpath([path.parent for path in last]))
    while inner not in (root, inner.parent) and re.match(r"(?i)actor_?\d|wav$", inner.name):
        inner = inner.parent
    count = sum(inner in utterance.path.parents for utterance in survey.utterances)
    if inner != root and count == len(survey.copies):
        return (
            f"Some copies of a corpus hold everything twice. Name the folder with one copy: {inner}"
        )
    return "Delete one of each, or name the folder that holds one copy."


def _map_emotions(
    members: tuple[Utterance, ...], reading: Reading
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Give every utterance its emotion in one vocabulary, and say which words it replaced."""
    emotions = map_labels((utterance.emotion for utterance in members), reading.labels)
    replaced = {
        word: emotion
        for word, emotion in sorted(emotions.items())
        if normalize(word) != normalize(emotion)
    }
    mapped = tuple(
        replace(
            utterance,
            emotion=emotions[utterance.emotion],
            label=utterance.emotion if utterance.emotion in replaced else None,
        )
        for utterance in members
    )
    if reading.labels == KEEP:
        return mapped, _synonyms_kept(emotions)
    notes = []
    if unmatched := unmatched_entries(emotions, reading.labels):
        entries = ", ".join(map(repr, unmatched))
        notes.append(f"labels: no recording has the label {entries} of the map; check its spelling")
    if replaced:
        shown = (f"{word} as {emotion}" for word, emotion in replaced.items())
        notes.append(f"labels: {', '.join(shown)}")
    own = {normalize(word) for word in (reading.labels or {})}
    unknown = {
        emotion
        for word, emotion in emotions.items()
        if known_emotion(word) is None and normalize(word) not in own
    }
    if unknown:
        notes.append(f"labels: no known emotion, kept as they are: {', '.join(sorted(unknown))}")
    return mapped, tuple(notes)


def _synonyms_kept(emotions: Collection[str]) -> tuple[str, ...]:
    """Warn of words for one emotion that the user keeps apart."""
    groups: dict[str, list[str]] = {}
    for word in sorted(emotions):
        groups.setdefault(known_emotion(word) or word, []).append(word)
    return tuple(
        f"labels: kept apart as --labels {KEEP} says: {', '.join(words)}"
        for words in groups.values()
        if len(words) > 1
    )


def survey(name: str, root: str | Path, reading: Reading | None = None) -> Survey:
    """Sort the recordings under a root into those that fit and those that do not.

    Parameters
    ----------
    name, root, reading
        As in `utterances`.

    Returns
    -------
    Survey

    Raises
    ------
    CorpusError
        If there is no such folder, or no recording in it; for ``csv`` any fault of the table.
    """
    reading = reading or Reading()
    result = _survey(name, Path(root), reading)
    mapped, notes = _map_emotions(result.utterances, reading)
    check_clear((utterance.emotion for utterance in mapped), reading.labels)
    return replace(result, utterances=mapped, notes=(*result.notes, *notes))


def _survey(name: str, root: Path, reading: Reading) -> Survey:
    """Sort recordings, with the labels as the data have them."""
    if name in OWN_DATA:
        result = _unify_speakers(_survey_own(name, root, reading))
        renamed = (replace(one, corpus=reading.name or name) for one in result.utterances)
        return replace(result, utterances=tuple(renamed)) if reading.name else result
    corpus = look_up(name)
    paths, unlisted = _recordings(root, corpus.extensions)
    if not paths:
        raise CorpusError(
            f"{root}: holds no recording. Looked for {corpus.title} as {corpus.layout}. "
            f"{_remedy(corpus)}"
        )
    fits, misfits = [], []
    for path in paths:
        try:
            fits.append(parse(path, corpus))
        except CorpusError as error:
            misfits.append((path, str(error)))
    return Survey(tuple(fits), tuple(misfits), _copies(fits), unlisted=unlisted)


def _unify_speakers(survey: Survey) -> Survey:
    """Give a speaker one spelling, so that nobody is in training and in test by two names."""
    counts = Counter(one.speaker for one in survey.utterances if one.speaker is not None)
    speakers = {
        name: None if normalize(name) in _UNKNOWN_SPEAKERS else spelling
        for name, spelling in one_spelling(counts).items()
    }
    replaced = {name: speaker for name, speaker in sorted(speakers.items()) if name != speaker}
    if not replaced:
        return survey
    shown = [f"{name} as {speaker or 'nobody known'}" for name, speaker in replaced.items()]
    more = f" … ({len(shown):,})" if len(shown) > _LISTED else ""
    unified = tuple(
        replace(one, speaker=speakers[one.speaker]) if one.speaker in replaced else one
        for one in survey.utterances
    )
    note = f"speakers: {', '.join(shown[:_LISTED])}{more}"
    return replace(survey, utterances=unified, notes=(*survey.notes, note))


def _survey_own(name: str, root: Path, reading: Reading) -> Survey:
    root = expand_home(root)
    if name == "csv":
        table = read_table(root, reading.columns)
        return Survey(table.utterances, notes=table.notes)
    paths, unlisted = _recordings(root, None)
    if not paths:
        raise CorpusError(
            f"{root}: holds no recording. Looked for one sub-folder an emotion, with recordings "
            "(WAV, FLAC, MP3, M4A, MP4 …) or speakers' folders in it."
        )
    words = () if isinstance(reading.labels, str | None) else reading.labels
    folder = read_folder(root, paths, layout=reading.layout, own=words)
    notes = (*folder.notes, *_note_archives(root))
    return Survey(folder.utterances, folder.misfits, notes=notes, unlisted=unlisted)


def _copies(fits: list[Utterance]) -> tuple[tuple[Path, ...], ...]:
    paths: dict[Utterance, list[Path]] = {}
    for utterance in fits:
        paths.setdefault(replace(utterance, path=Path()), []).append(utterance.path)
    return tuple(tuple(same) for same in paths.values() if len(same) > 1)


_Unlisted = tuple[tuple[Path, str], ...]


def _recordings(root: Path, extensions: Collection[str] | None) -> tuple[list[Path], _Unlisted]:
    """Recordings under a root, in order, and the folders that cannot be looked into."""
    with name_errors(root, "cannot be read", CorpusError):
        if not root.is_dir():
            what = "is a file, expected a folder" if root.exists() else "no such folder"
            raise CorpusError(f"{root}: {what}.")
    errors: list[OSError] = []
    paths = sorted(
        _walk(root, extensions, errors.append), key=lambda path: path.relative_to(root).parts
    )
    unlisted = tuple(
        (Path(str(error.filename)), f"{error.filename}: cannot be listed ({error.strerror}).")
        for error in errors
    )
    if unlisted and not paths:
        raise CorpusError(unlisted[0][1])
    return paths, unlisted


def _walk(
    root: Path, extensions: Collection[str] | None, on_error: Callable[[OSError], object]
) -> Iterator[Path]:
    """Files with these extensions; without any, all that are recordings."""
    for folder, subfolders, files in walk_unique(root, on_error):
        subfolders[:] = [sub for sub in subfolders if not _is_hidden(sub)]
        for file in files:
            path = folder / file
            if _is_hidden(file):
                continue
            if is_recording(path) if extensions is None else path.suffix.lower() in extensions:
                yield path


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _HIDDEN


def _note_archives(root: Path) -> tuple[str, ...]:
    """Say that archives are not looked into."""
    archives = [
        folder / file
        for folder, subfolders, files in walk_unique(root, lambda _error: None)
        for file in files
        if Path(file).suffix.lower() in _ARCHIVES and not _is_hidden(file)
    ]
    if not archives:
        return ()
    first = min(archives).relative_to(root)
    more = f" and {len(archives) - 1:,} more" if len(archives) > 1 else ""
    return (f"folder: not read, for they are archives: {first}{more}",)


def download_folder(name: str) -> Path:
    """Where `download` puts a corpus unless told otherwise.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path
        In the user's data folder, as the platform has it; it need not exist.

    Raises
    ------
    CorpusError
        If nobody knows the home folder of this user.
    """
    folder = find_data_folder()
    if folder is None:
        raise CorpusError(
            f"{name}: this user has no home folder to keep it in. Name a folder, or set "
            f"{DATA_VARIABLE}."
        )
    return folder / "corpora" / name


def root_of(name: str, root: str | Path | None = None) -> Path:
    """Find a corpus's folder.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``, which have no place of their own.
    root : path, optional
        The corpus's folder, or the folder that holds it under its name. Otherwise the
        environment variable ``VOXAFFECT_DATA`` names the latter, or else it is looked for
        where `download` puts it.

    Returns
    -------
    Path

    Raises
    ------
    CorpusError
        If there is none; the message names every place looked in.
    """
    if name in OWN_DATA:
        if root is None:
            raise CorpusError(f"{name}: say where it is, {OWN_DATA[name]}.")
        return expand_home(check_path(root, "root"))
    corpus = look_up(name)
    if root is not None:
        root = expand_home(check_path(root, "root"))
        inner = root / corpus.name
        return inner if inner.is_dir() else root
    data = os.environ.get(DATA_VARIABLE)
    places = _places_by_variable(data, corpus) if data else []
    if find_data_folder() is not None:
        places.append(download_folder(corpus.name))
    for place in places:
        if _holds_something(place):
            return place
    unset = "" if data else f" ({DATA_VARIABLE} is not set)"
    raise CorpusError(
        f"{corpus.title}: not found. Looked in {' and '.join(map(str, places)) or 'no folder'}"
        f"{unset}. "
        f"{_remedy(corpus)}"
    )


def _places_by_variable(data: str, corpus: Corpus) -> list[Path]:
    """Sub-folder of the variable's folder; or that folder, if it is the corpus itself."""
    folder = expand_home(Path(data))
    has_actors = corpus.name == "ravdess" and any(folder.glob("Actor_*"))
    is_itself = has_actors or folder.name.lower() == corpus.name
    return [folder / corpus.name, *([folder] if is_itself else [])]


def _holds_something(folder: Path) -> bool:
    """Whether a folder is there and holds more than hidden files."""
    try:
        return any(not _is_hidden(name) for name in os.listdir(folder))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # whoever reads it says what is wrong


def _remedy(corpus: Corpus) -> str:
    if corpus.downloads:
        return f"Get it with: voxaffect corpora download {corpus.name}"
    return f"To get it: {corpus.instructions}"
