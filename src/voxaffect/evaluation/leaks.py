"""Leaks: what stands on both sides of a fold and makes its figure look better than it is.

Four kinds: a ``speaker``; a ``recording``, told by its decoded samples whatever the file is
called; a ``twin``, another file of the same utterance by its name, such as the audio-video
version; and a ``sentence``, which is reported and stops nothing unless the protocol keeps
sentences apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from voxaffect.audio import Excerpt, Recording, fingerprint, read_recording
from voxaffect.corpora import Utterance
from voxaffect.errors import AudioError, LeakError
from voxaffect.evaluation.protocols import Fold, Protocol
from voxaffect.evaluation.splits import recording_of
from voxaffect.extraction import LocalExecutor
from voxaffect.training.sources import get_source

KINDS = ("speaker", "recording", "twin", "sentence")
_SHOWN = 10
_REMEMBERED = 100_000


@dataclass(frozen=True)
class Leak:
    """One kind of leak in the folds of a protocol.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    protocol : str
    meant : bool
        Whether the protocol means it; if not, it stops the evaluation.
    items : tuple of str
        What is on both sides, each once, in order.
    """

    kind: str
    protocol: str
    meant: bool
    items: tuple[str, ...]


@dataclass(frozen=True)
class LeakCheck:
    """What was found, and what could not be looked at.

    Parameters
    ----------
    leaks : tuple of Leak
    unheard : int
        Utterances whose recordings could not be decoded to compare them.
    """

    leaks: tuple[Leak, ...]
    unheard: int

    def stop(self) -> None:
        """Raise if there is a leak that is not meant.

        Raises
        ------
        LeakError
            That lists what is on both sides.
        """
        found = [leak for leak in self.leaks if not leak.meant]
        if not found:
            return
        listed = "; ".join(
            f"{len(leak.items)} {leak.kind}{'s' if len(leak.items) > 1 else ''}: "
            + ", ".join(leak.items[:_SHOWN])
            + (" …" if len(leak.items) > _SHOWN else "")
            for leak in found
        )
        raise LeakError(
            f"protocol {found[0].protocol}: on both sides of a fold are {listed}. Its figures "
            "would be too good. Remove them, or allow it with --allow-leaks."
        )


def check_leaks(
    utterances: Sequence[Utterance], folds: Sequence[Fold], protocol: Protocol
) -> LeakCheck:
    """Look for what stands on both sides of any fold.

    Parameters
    ----------
    utterances : sequence of Utterance
    folds : sequence of Fold
    protocol : Protocol

    Returns
    -------
    LeakCheck
    """
    heard = _fingerprints([get_source(utterance) for utterance in utterances])
    marks = {
        "speaker": [_speaker(utterance) for utterance in utterances],
        "recording": heard,
        "twin": [_twin(utterance) for utterance in utterances],
        "sentence": [_sentence(utterance) for utterance in utterances],
    }
    leaks = []
    for kind in KINDS:
        items = _shared(marks[kind], utterances, folds, by_file=kind in ("recording", "twin"))
        if items:
            leaks.append(Leak(kind, protocol.name, kind in protocol.meant, items))
    return LeakCheck(tuple(leaks), sum(mark is None for mark in heard))


def _shared(
    marks: Sequence[str | None],
    utterances: Sequence[Utterance],
    folds: Sequence[Fold],
    *,
    by_file: bool,
) -> tuple[str, ...]:
    """Marks on both sides of a fold; files by their names, two in a pair."""
    found: dict[str, None] = {}
    for fold in folds:
        trained = {mark: place for place in fold.train if (mark := marks[place]) is not None}
        for place in fold.test:
            mark = marks[place]
            if mark in trained:
                sides = {recording_of(utterances[side]) for side in (trained[mark], place)}
                found[" = ".join(sorted(sides)) if by_file else mark] = None
    return tuple(sorted(found))


def _speaker(utterance: Utterance) -> str | None:
    return None if utterance.speaker is None else f"{utterance.corpus}/{utterance.speaker}"


def _sentence(utterance: Utterance) -> str | None:
    return None if utterance.text is None else f"{utterance.corpus}/{utterance.text}"


def _twin(utterance: Utterance) -> str | None:
    """Return what two files of one utterance share; None where the corpus does not number takes."""
    told = (utterance.corpus, utterance.speaker, utterance.text, utterance.take)
    if None in told:
        return None
    more = (utterance.emotion, utterance.intensity, utterance.channel)
    return "/".join(map(str, (*told, *more)))


def _fingerprints(paths: Sequence[Recording]) -> list[str | None]:
    with LocalExecutor(kind="threads") as threads:
        return list(threads.map(_fingerprint, paths))


def _fingerprint(path: Recording) -> str | None:
    try:
        state = (path.path if isinstance(path, Excerpt) else path).stat()
        return _heard(path, state.st_size, state.st_mtime_ns)
    except (OSError, AudioError, MemoryError):
        return None  # counted as unheard; whoever needs its features has been told why


@lru_cache(_REMEMBERED)
def _heard(path: Recording, _size: int, _changed: int) -> str:
    """Fingerprint of a file in its present state: several protocols ask for the same."""
    return fingerprint(read_recording(path))
