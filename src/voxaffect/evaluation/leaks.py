"""Leaks: the same thing in training and test, which makes scores look better than they are.

There are four kinds. A ``speaker``. A ``recording``, recognized by its decoded samples, whatever
the file is called. A ``twin``: another file of the same utterance by its name, such as the
audio-video version. A ``sentence``, which is reported, and stops the evaluation only if the
protocol keeps sentences apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from voxaffect.audio import Excerpt, Recording, fingerprint, read_recording
from voxaffect.corpora import Utterance
from voxaffect.errors import AudioError, LeakError
from voxaffect.evaluation.protocols import Fold, Protocol
from voxaffect.evaluation.splits import identify_recording
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
        One of ``KINDS``; or ``corpus``, which a finished model was trained on.
    protocol : str
    is_expected : bool
        Whether it belongs to the protocol; if not, it stops the evaluation.
    items : tuple of str
        What is on both sides, each once, in order.
    """

    kind: str
    protocol: str
    is_expected: bool
    items: tuple[str, ...]


@dataclass(frozen=True)
class LeakCheck:
    """Leaks of a protocol, and the number of recordings that could not be checked.

    Parameters
    ----------
    leaks : tuple of Leak
    unchecked : int
        Utterances whose recordings could not be decoded to compare them.
    """

    leaks: tuple[Leak, ...]
    unchecked: int

    def raise_if_unexpected(self) -> None:
        """Raise if there is a leak that does not belong to the protocol.

        Raises
        ------
        LeakError
            That lists what is on both sides.
        """
        unexpected = [leak for leak in self.leaks if not leak.is_expected]
        if not unexpected:
            return
        listed = "; ".join(
            f"{len(leak.items)} {leak.kind}{'s' if len(leak.items) > 1 else ''}: "
            + ", ".join(leak.items[:_SHOWN])
            + (" …" if len(leak.items) > _SHOWN else "")
            for leak in unexpected
        )
        raise LeakError(
            f"protocol {unexpected[0].protocol}: on both sides of a fold are {listed}. Its figures "
            "would be too good. Remove them, or allow it with --allow-leaks."
        )


def check_leaks(
    utterances: Sequence[Utterance], folds: Sequence[Fold], protocol: Protocol
) -> LeakCheck:
    """Find what is on both sides of any fold.

    Parameters
    ----------
    utterances : sequence of Utterance
    folds : sequence of Fold
    protocol : Protocol

    Returns
    -------
    LeakCheck
    """
    fingerprints = _fingerprint_all([get_source(utterance) for utterance in utterances])
    marks = {
        "speaker": [_identify_speaker(utterance) for utterance in utterances],
        "recording": fingerprints,
        "twin": [_identify_take(utterance) for utterance in utterances],
        "sentence": [_identify_sentence(utterance) for utterance in utterances],
    }
    leaks = []
    for kind in KINDS:
        items = _find_shared(marks[kind], utterances, folds, by_file=kind in ("recording", "twin"))
        if items:
            leaks.append(Leak(kind, protocol.name, kind in protocol.expected_leaks, items))
    return LeakCheck(tuple(leaks), sum(mark is None for mark in fingerprints))


def _find_shared(
    marks: Sequence[str | None],
    utterances: Sequence[Utterance],
    folds: Sequence[Fold],
    *,
    by_file: bool,
) -> tuple[str, ...]:
    """Marks on both sides of a fold; files by their names, two in a pair."""
    shared: dict[str, None] = {}
    for fold in folds:
        trained = {mark: index for index in fold.train if (mark := marks[index]) is not None}
        for index in fold.test:
            mark = marks[index]
            if mark in trained:
                sides = {identify_recording(utterances[side]) for side in (trained[mark], index)}
                shared[" = ".join(sorted(sides)) if by_file else mark] = None
    return tuple(sorted(shared))


def _identify_speaker(utterance: Utterance) -> str | None:
    return None if utterance.speaker is None else f"{utterance.corpus}/{utterance.speaker}"


def _identify_sentence(utterance: Utterance) -> str | None:
    return None if utterance.text is None else f"{utterance.corpus}/{utterance.text}"


def _identify_take(utterance: Utterance) -> str | None:
    """Return what two files of one utterance share; None where the corpus does not number takes."""
    take = (utterance.corpus, utterance.speaker, utterance.text, utterance.take)
    if None in take:
        return None
    more = (utterance.emotion, utterance.intensity, utterance.channel)
    return "/".join(map(str, (*take, *more)))


def _fingerprint_all(paths: Sequence[Recording]) -> list[str | None]:
    with LocalExecutor(kind="threads") as threads:
        return list(threads.map(_fingerprint, paths))


def _fingerprint(path: Recording) -> str | None:
    try:
        state = (path.path if isinstance(path, Excerpt) else path).stat()
        return _fingerprint_unchanged(path, state.st_size, state.st_mtime_ns)
    except (OSError, AudioError, MemoryError):
        return None  # counted as unchecked; the reason is reported with its features


@lru_cache(_REMEMBERED)
def _fingerprint_unchanged(path: Recording, _size: int, _changed: int) -> str:
    """Fingerprint of a file in its present state: several protocols ask for the same."""
    return fingerprint(read_recording(path))
