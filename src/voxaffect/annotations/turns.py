"""Turns: which speaker speaks when, who speaks alone, and who at the same time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MOST_SPEAKERS = 1_000
"""In one recording; more are no conversation, and each moment would list them."""


@dataclass(frozen=True, order=True)
class Turn:
    """Stretch of time in which one speaker speaks; other speakers may speak in it, too.

    Parameters
    ----------
    start_seconds, end_seconds : float
        From the beginning of the recording.
    speaker : str
        Name, such as ``SPEAKER_00``.
    channel : str
        Number of the channel, from 1; empty where none is known.
    """

    start_seconds: float
    end_seconds: float
    speaker: str
    channel: str = field(default="", repr=False)


@dataclass(frozen=True, order=True)
class Stretch:
    """Stretch of time in which the same speakers speak throughout.

    Parameters
    ----------
    start_seconds, end_seconds : float
        From the beginning of the recording.
    speakers : tuple of str
        In alphabetical order; one of them where that speaker speaks alone.
    """

    start_seconds: float
    end_seconds: float
    speakers: tuple[str, ...]


def find_stretches(turns: Iterable[Turn]) -> tuple[Stretch, ...]:
    """Longest stretches in which the same speakers speak; together they are all turns.

    Turns of one speaker that touch or overlap are one. A turn without length counts for nothing.

    Examples
    --------
    >>> find_stretches([Turn(0, 3, "anna"), Turn(2, 4, "bert")])  # doctest: +NORMALIZE_WHITESPACE
    (Stretch(start_seconds=0, end_seconds=2, speakers=('anna',)),
     Stretch(start_seconds=2, end_seconds=3, speakers=('anna', 'bert')),
     Stretch(start_seconds=3, end_seconds=4, speakers=('bert',)))
    """
    stretches: list[Stretch] = []
    for start, end, speakers in _sweep(turns):
        last = stretches[-1] if stretches else None
        if last and last.end_seconds == start and last.speakers == speakers:
            stretches[-1] = Stretch(last.start_seconds, end, speakers)
        else:
            stretches.append(Stretch(start, end, speakers))
    return tuple(stretches)


def _sweep(turns: Iterable[Turn]) -> Iterator[tuple[float, float, tuple[str, ...]]]:
    """Speakers between each two times at which a turn starts or ends, where there are any."""
    changes: defaultdict[float, list[tuple[str, int]]] = defaultdict(list)
    for turn in turns:
        if turn.start_seconds < turn.end_seconds:
            changes[turn.start_seconds].append((turn.speaker, 1))
            changes[turn.end_seconds].append((turn.speaker, -1))
    counts: Counter[str] = Counter()
    active: list[str] = []  # in alphabetical order
    start = 0.0
    for time in sorted(changes):
        if active:
            yield start, time, tuple(active)
        for speaker, change in changes[time]:
            counts[speaker] += change
        for speaker in {speaker for speaker, _ in changes[time]}:
            index = bisect_left(active, speaker)
            was_active = active[index : index + 1] == [speaker]
            if counts[speaker] and not was_active:
                insort(active, speaker)
            elif was_active and not counts[speaker]:
                del active[index]
        start = time


def find_exclusive(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Stretches in which one speaker speaks alone, in order, as turns.

    Examples
    --------
    >>> find_exclusive([Turn(0, 3, "anna"), Turn(2, 4, "bert")])  # doctest: +NORMALIZE_WHITESPACE
    (Turn(start_seconds=0, end_seconds=2, speaker='anna'),
     Turn(start_seconds=3, end_seconds=4, speaker='bert'))
    """
    return tuple(
        Turn(stretch.start_seconds, stretch.end_seconds, stretch.speakers[0])
        for stretch in find_stretches(turns)
        if len(stretch.speakers) == 1
    )


def find_overlaps(turns: Iterable[Turn]) -> tuple[Stretch, ...]:
    """Stretches in which several speakers speak, in order.

    Examples
    --------
    >>> find_overlaps([Turn(0, 3, "anna"), Turn(2, 4, "bert")])
    (Stretch(start_seconds=2, end_seconds=3, speakers=('anna', 'bert')),)
    """
    return tuple(stretch for stretch in find_stretches(turns) if len(stretch.speakers) > 1)
