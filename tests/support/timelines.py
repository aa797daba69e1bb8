"""Timelines made by hand, for the tests of what is written of them."""

from __future__ import annotations

from dataclasses import replace

from voxaffect.recognition import Overlap, Segment, Timeline, Utterance, Window

EMOTIONS = ("angry", "happy", "sad")


def odds(emotion: str, confidence: float) -> dict[str, float]:
    rest = (1 - confidence) / (len(EMOTIONS) - 1)
    return {name: confidence if name == emotion else rest for name in EMOTIONS}


def segment(start: float, end: float, emotion: str, confidence: float = 0.75) -> Segment:
    return Segment(start, end, emotion, odds(emotion, confidence))


def timeline(
    *segments: Segment, source: str = "call.wav", channel: str = "mix", seconds: float = 12.3456789
) -> Timeline:
    """Return a timeline with overlapping windows, 3 s long, a second apart."""
    windows = tuple(
        Window(start, start + 3.0, odds(EMOTIONS[start % 3], 0.5)) for start in range(9)
    )
    return Timeline(source, channel, seconds, EMOTIONS, windows, segments)


CALL = timeline(
    segment(0.5, 3.2000004, "angry", 0.9),
    segment(3.2000004, 6.0, "happy"),
    segment(7.25, 12.3456789, "sad", 0.6),
)
LEFT = timeline(segment(1.0, 2.0, "angry"), segment(3.0, 4.5, "sad"), channel="left")
RIGHT = timeline(segment(2.0, 3.0, "happy"), channel="right")
DOUBTED = timeline(
    segment(0.5, 3.0, "angry", 0.9), replace(segment(3.0, 6.0, "sad", 0.4), uncertain=True)
)
SILENT = timeline(source="silent.wav", seconds=2.0)

ANN, BEN = "SPEAKER_00", "Ben <b>"
TALK = replace(
    timeline(
        replace(segment(0.5, 2.25, "sad", 0.81), speaker=ANN, text="Not again."),
        replace(segment(2.25, 3.0, "angry", 0.9), speaker=ANN, text="I told you!"),
        replace(segment(4.0, 6.0, "happy", 0.4), speaker=BEN, text="Me & you", uncertain=True),
        source="talk.wav",
    ),
    turns=(
        Utterance(
            0.5, 4.0, "sad", odds("sad", 0.6), False, ANN, "Not again. I told you! Well", 1.0
        ),
        Utterance(3.0, 6.0, "happy", odds("happy", 0.4), True, BEN, "Me & you", 1.0),
        Utterance(7.0, 7.5, None, {}, True, ANN, None, 0.5),
    ),
    sentences=(
        Utterance(0.5, 2.25, "sad", odds("sad", 0.81), False, ANN, "Not again."),
        Utterance(2.25, 4.0, "angry", odds("angry", 0.9), False, ANN, "I told you! Well", 1.0),
        Utterance(3.0, 6.0, "happy", odds("happy", 0.4), True, BEN, "Me & you", 1.0),
        Utterance(7.0, 7.5, None, {}, True, ANN, "Hm.", 0.5),
    ),
    overlaps=(Overlap(3.0, 4.0, (BEN, ANN)), Overlap(7.0, 7.5, (BEN, ANN))),
)
"""Conversation of two people who interrupt each other."""
