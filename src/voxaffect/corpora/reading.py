"""From a folder of recordings to utterances: names are read, never sound.

Files are found at any depth under the root, whatever the case of their extension; hidden files
and macOS's ``._*`` and ``__MACOSX`` are passed over. The order is that of the relative paths,
the same on every machine.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from voxaffect.corpora.table import OWN_DATA, Corpus, look_up
from voxaffect.corpora.utterance import Utterance
from voxaffect.errors import CorpusError
from voxaffect.files import walked
from voxaffect.media import EXTENSIONS

DATA_VARIABLE = "VOXAFFECT_DATA"
"""The environment variable that names the folder with one sub-folder for each corpus."""

_SHOWN = 3  # offending files that one message lists


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
    """

    utterances: tuple[Utterance, ...]
    misfits: tuple[tuple[Path, str], ...] = ()
    copies: tuple[tuple[Path, ...], ...] = ()


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

    return Utterance(
        path=path,
        corpus=corpus.name,
        emotion=decode("emotion", corpus.emotions),
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


def utterances(name: str, root: str | Path) -> tuple[Utterance, ...]:
    """List every recording of a corpus.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``.
    root : path
        The corpus's folder; for ``csv`` the table itself.

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
    found = survey(name, root)
    if found.misfits:
        first, others = found.misfits[:_SHOWN], len(found.misfits) - _SHOWN
        reasons = " ".join(reason for _, reason in first)
        more = f" And {others:,} more like these." if others > 0 else ""
        raise CorpusError(
            f"{Path(root)}: {len(found.misfits):,} of "
            f"{len(found.misfits) + len(found.utterances):,} recordings do not fit. "
            f"{reasons}{more} Move them elsewhere, or name another folder."
        )
    if found.copies:
        one, other = found.copies[0][:2]
        raise CorpusError(
            f"{Path(root)}: {len(found.copies):,} utterances are there more than once, such as "
            f"{one} and {other}. Name the folder that holds one copy."
        )
    return found.utterances


def survey(name: str, root: str | Path) -> Survey:
    """Sort the recordings under a root into those that fit and those that do not.

    Parameters
    ----------
    name, root
        As in `utterances`.

    Returns
    -------
    Survey

    Raises
    ------
    CorpusError
        If there is no such folder, or no recording in it; for ``csv`` any fault of the table.
    """
    root = Path(root)
    if name == "csv":
        return Survey(_read_table(root))
    if name == "folder":
        return _survey_folder(root)
    corpus = look_up(name)
    paths = _recordings(root, corpus.extensions)
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
    return Survey(tuple(fits), tuple(misfits), _copies(fits))


def _copies(fits: list[Utterance]) -> tuple[tuple[Path, ...], ...]:
    paths: dict[Utterance, list[Path]] = {}
    for utterance in fits:
        paths.setdefault(replace(utterance, path=Path()), []).append(utterance.path)
    return tuple(tuple(same) for same in paths.values() if len(same) > 1)


def _survey_folder(root: Path) -> Survey:
    fits, misfits = [], []
    for path in _recordings(root, EXTENSIONS):
        *folders, _ = path.relative_to(root).parts
        if folders:
            speaker = folders[1] if len(folders) > 1 else None
            fits.append(Utterance(path, "folder", folders[0].strip().lower(), speaker))
        else:
            misfits.append((path, f"'{path.name}' is in no sub-folder that names its emotion."))
    if not fits and not misfits:
        raise CorpusError(
            f"{root}: holds no recording. Looked for one sub-folder an emotion, with recordings "
            f"({_listed(EXTENSIONS)}) or speakers' folders in it."
        )
    return Survey(tuple(fits), tuple(misfits))


def _recordings(root: Path, extensions: Collection[str]) -> list[Path]:
    if not root.is_dir():
        what = "is a file, expected a folder" if root.exists() else "no such folder"
        raise CorpusError(f"{root}: {what}.")
    return sorted(_walk(root, extensions), key=lambda path: path.relative_to(root).parts)


def _walk(root: Path, extensions: Collection[str]) -> Iterator[Path]:
    def stop(error: OSError) -> None:
        raise CorpusError(f"{error.filename}: cannot be listed ({error.strerror}).") from error

    for folder, subfolders, files in walked(root, stop):
        subfolders[:] = [sub for sub in subfolders if not _is_hidden(sub)]
        for file in files:
            if not _is_hidden(file) and Path(file).suffix.lower() in extensions:
                yield folder / file


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _read_table(path: Path) -> tuple[Utterance, ...]:
    """Read a table of recordings; every fault is named with its line."""
    if not path.is_file():
        what = "is a folder, expected a CSV file" if path.is_dir() else "no such file"
        raise CorpusError(f"{path}: {what}.")
    found: list[Utterance] = []
    lines: dict[tuple[int, int] | str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(path, rows.fieldnames)
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                utterance = _of_row(row, path.parent, where)
                same = _identity(utterance.path)
                if same in lines:
                    raise CorpusError(
                        f"{where}: {utterance.path} is on line {lines[same]} already, by this or "
                        "another name. Name each recording once."
                    )
                lines[same] = rows.line_num
                found.append(utterance)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: not readable as CSV in UTF-8 ({error}).") from error
    if not found:
        raise CorpusError(f"{path}: holds no recording, line 1 names the columns and ends it.")
    return tuple(found)


def _identity(path: Path) -> tuple[int, int] | str:
    """What is the same for every name of a file: other spellings, links, capitals."""
    found = path.stat()
    # Some network disks number no files.
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def _check_columns(path: Path, columns: Collection[str] | None) -> None:
    if not columns:
        raise CorpusError(f"{path}, line 1: empty. Expected the columns path and emotion.")
    for needed in ("path", "emotion"):
        if needed not in columns:
            raise CorpusError(
                f"{path}, line 1: no column '{needed}', found {', '.join(map(str, columns))}. "
                "Separate columns by commas."
            )


def _of_row(row: Mapping[str, str | None], folder: Path, where: str) -> Utterance:
    def cell(column: str) -> str | None:
        return (row.get(column) or "").strip() or None

    name, emotion, sex = cell("path"), cell("emotion"), cell("sex")
    if name is None or emotion is None:
        raise CorpusError(f"{where}: '{'emotion' if name else 'path'}' is empty.")
    if sex not in (None, "female", "male"):
        raise CorpusError(f"{where}: sex is '{sex}', expected female, male or nothing.")
    recording = Path(os.path.normpath(folder / name))
    if not recording.is_file():
        raise CorpusError(f"{where}: {recording}: no such file.")
    return Utterance(
        path=recording,
        corpus="csv",
        emotion=emotion.lower(),
        speaker=cell("speaker"),
        sex=sex,
        text=cell("text"),
        intensity=cell("intensity"),
        take=cell("take"),
        channel=cell("channel"),
    )


def download_folder(name: str) -> Path:
    """Where `download` puts a corpus unless told otherwise.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path
        In the user's data folder, as the platform has it; it need not exist.
    """
    import platformdirs

    return platformdirs.user_data_path("voxaffect", appauthor=False) / "corpora" / name


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
        return Path(root)
    corpus = look_up(name)
    if root is not None:
        root = Path(root).expanduser()
        inner = root / corpus.name
        return inner if inner.is_dir() else root
    data = os.environ.get(DATA_VARIABLE)
    places = [Path(data).expanduser() / corpus.name] if data else []
    places.append(download_folder(corpus.name))
    for place in places:
        if place.is_dir():
            return place
    unset = "" if data else f" ({DATA_VARIABLE} is not set)"
    raise CorpusError(
        f"{corpus.title}: not found. Looked in {' and '.join(map(str, places))}{unset}. "
        f"{_remedy(corpus)}"
    )


def _remedy(corpus: Corpus) -> str:
    if corpus.downloads:
        return f"Get it with: voxaffect corpora download {corpus.name}"
    return f"To get it: {corpus.instructions}"
