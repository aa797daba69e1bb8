"""Conversations: what it is worth to know who speaks when, in share of time.

    pip install -e ".[bench,diarize]"
    python benchmarks/conversation.py --data DIR                  # an hour on two cores
    python benchmarks/conversation.py --data DIR --seed 1 --way ignored --way given
    python benchmarks/conversation.py --data DIR --write FOLDER   # sound, turns and texts

``DIR`` holds ``emovo`` and ``aesdd``, each with a table ``utterances.csv``. Neither is in the
training of a bundled model. Ten minutes are made of recordings of four speakers of EMOVO: about
100 turns of one to three recordings, each turn in one emotion; a tenth of them overlap. A seed
decides on the speakers and all the rest (`conversations.py`). Diarization was chosen on
conversations of AESDD.

Share of time: of the time in which one speaker alone speaks, for how much of it the right one of
all emotions of the model is given. Silence where there is speech is wrong. ``ignored`` takes the
windows as they come, ``given`` follows the true turns, ``diarized`` those of the diarization.
``turns`` is one emotion for each turn, ``segments`` the smoothed segments. Where turns are ignored,
the emotion of a true turn is that of the mean of the segments in it, by time: so the gain by the
mean is known apart from that by the windows. Two channels have two speakers each; each channel is
recognized by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from conversations import RATE_HZ, Conversation, make_conversation
from entries import write_entry

from voxaffect.annotations import Turn
from voxaffect.corpora import read_corpus
from voxaffect.models import load
from voxaffect.recognition import Segment, Timeline, timeline
from voxaffect.recognition.classification import choose_threshold

LIBRARIES = ("voxaffect", "numpy", "scipy", "onnxruntime", "soxr", "soundfile")
SEEDS = (1, 2, 3)
INNER_SEEDS = (101, 102)
WAYS = ("ignored", "given", "diarized", "ignored, two channels", "given, two channels")
GRID_SECONDS = 0.01
LEAST_SECONDS = 0.25
Part = tuple[float, float, str, bool]
"""Start, end, emotion, and whether it is certain."""


def list_segments(segments: Sequence[Segment]) -> list[Part]:
    return [
        (one.start_seconds, one.end_seconds, one.emotion, not one.uncertain) for one in segments
    ]


def list_turns(result: Timeline) -> list[Part]:
    return [
        (one.start_seconds, one.end_seconds, one.emotion, not one.uncertain)
        for one in result.turns
        if one.emotion is not None
    ]


def average_in_turns(
    segments: Sequence[Segment], turns: Sequence[Turn], threshold: float
) -> list[Part]:
    """Emotion of each turn by the mean of what was recognized in it without regard to turns."""
    parts = []
    for turn in turns:
        total, seconds = 0.0, 0.0
        for one in segments:
            start = max(one.start_seconds, turn.start_seconds)
            shared = min(one.end_seconds, turn.end_seconds) - start
            if shared > 0:
                total = total + shared * np.array(list(one.probabilities.values()))
                seconds += shared
        if seconds >= LEAST_SECONDS:
            emotion = list(segments[0].probabilities)[int(np.argmax(total))]
            is_certain = float(np.max(total)) / seconds >= threshold
            parts.append((turn.start_seconds, turn.end_seconds, emotion, is_certain))
    return parts


def paint(parts: Sequence[Part], length: int, emotions: Sequence[str]) -> np.ndarray:
    """Index of the emotion at each 10 ms, and -1 without; plus 100 where it is uncertain."""
    grid = np.full(length, -1)
    for start, end, emotion, is_certain in parts:
        part = slice(round(start / GRID_SECONDS), round(end / GRID_SECONDS))
        grid[part] = emotions.index(emotion) + (0 if is_certain else 100)
    return grid


def find_alone(talk: Conversation, emotions: Sequence[str]) -> dict[str, np.ndarray]:
    """Index of the emotion of each speaker at each 10 ms in which nobody else speaks, or -1."""
    length = len(talk.mixed) * 100 // RATE_HZ + 1
    truth = {
        speaker: paint(
            [
                (one.start_seconds, one.end_seconds, one.emotion, True)
                for one in talk.spoken
                if one.speaker == speaker
            ],
            length,
            emotions,
        )
        for speaker in talk.speakers
    }
    is_alone = sum((grid >= 0).astype(int) for grid in truth.values()) == 1
    return {speaker: np.where(is_alone, grid, -1) for speaker, grid in truth.items()}


def score(
    talk: Conversation, emotions: Sequence[str], parts: dict[str, list[Part]]
) -> dict[str, Any]:
    """Share of time that is right, by speaker and in all; ``parts`` are those for each speaker."""
    right, certain, both, total = ({} for _ in range(4))
    for speaker, truth in find_alone(talk, emotions).items():
        spoken = truth >= 0
        given = paint(parts[speaker], len(truth), emotions)[spoken]
        is_right = given % 100 == truth[spoken]
        is_certain = (given >= 0) & (given < 100)
        is_right &= given >= 0
        total[speaker] = int(spoken.sum())
        right[speaker], certain[speaker] = int(is_right.sum()), int(is_certain.sum())
        both[speaker] = int((is_right & is_certain).sum())
    seconds = sum(total.values())
    return {
        "share of time": sum(right.values()) / seconds,
        "by speaker": {speaker: right[speaker] / total[speaker] for speaker in total},
        "certain": sum(certain.values()) / seconds,
        "right where certain": sum(both.values()) / max(sum(certain.values()), 1),
    }


def recognize(
    talk: Conversation, emotions: Sequence[str], turns: Sequence[Turn] | None, *, is_stereo: bool
) -> dict[str, Any]:
    """Figures of one way to recognize a conversation."""
    sound = talk.two_channels if is_stereo else talk.mixed
    options: dict[str, Any] = {"channels": "each" if is_stereo else "mix"}
    if turns is not None:
        options["speakers"] = turns
    began = time.process_time()
    results = timeline(sound, rate_hz=RATE_HZ, name=talk.name, workers=1, **options)
    seconds = time.process_time() - began
    by_speaker = {
        speaker: results[index // 2 if is_stereo else 0]
        for index, speaker in enumerate(talk.speakers)
    }
    figures: dict[str, Any] = {"processor seconds": seconds}
    threshold = choose_threshold(load("accurate"), None)
    segments = {name: list_segments(result.segments) for name, result in by_speaker.items()}
    figures["segments"] = score(talk, emotions, segments)
    figures["turns"] = score(
        talk,
        emotions,
        {
            name: list_turns(result)
            if turns is not None
            else average_in_turns(result.segments, list_true_turns(talk, name), threshold)
            for name, result in by_speaker.items()
        },
    )
    return figures


def list_true_turns(talk: Conversation, name: str | None = None) -> list[Turn]:
    """Turns of a conversation, or those of one speaker."""
    return [
        Turn(start, end, speaker) for speaker, start, end in talk.turns if name in (None, speaker)
    ]


def measure(talk: Conversation, way: str, emotions: Sequence[str]) -> dict[str, Any]:
    """Figures of one conversation and way."""
    is_stereo = way.endswith("two channels")
    if way.startswith("ignored"):
        return recognize(talk, emotions, None, is_stereo=is_stereo)
    if way.startswith("given"):
        return recognize(talk, emotions, list_true_turns(talk), is_stereo=is_stereo)
    from voxaffect.recognition.diarization import diarize

    began = time.process_time()
    turns = diarize(talk.mixed, rate_hz=RATE_HZ)
    seconds = time.process_time() - began
    figures = recognize(talk, emotions, turns, is_stereo=False)
    return {**figures, "diarization": {**score_diarization(talk, turns), "seconds": seconds}}


def score_diarization(talk: Conversation, turns: Sequence[Turn]) -> dict[str, float]:
    """Diarization error rate and its parts, without a collar and with overlapped speech."""
    from scipy.optimize import linear_sum_assignment

    length = len(talk.mixed) * 100 // RATE_HZ + 1
    true = _paint_speakers(
        [(o.speaker, o.start_seconds, o.end_seconds) for o in talk.spoken], length
    )
    found = _paint_speakers([(t.speaker, t.start_seconds, t.end_seconds) for t in turns], length)
    common = true.astype(int) @ found.T.astype(int)
    matched = common[linear_sum_assignment(-common)].sum()
    counts, others = true.sum(axis=0), found.sum(axis=0)
    total = int(counts.sum())
    missed = np.maximum(counts - others, 0).sum() / total
    false = np.maximum(others - counts, 0).sum() / total
    confused = (np.minimum(counts, others).sum() - matched) / total
    return {
        "error rate": float(missed + false + confused),
        "missed": float(missed),
        "false alarm": float(false),
        "confused": float(confused),
        "speakers": len(found),
    }


def _paint_speakers(parts: Sequence[tuple[str, float, float]], length: int) -> np.ndarray:
    names = sorted({speaker for speaker, *_ in parts})
    grid = np.zeros((len(names), length), bool)
    for speaker, start, end in parts:
        grid[names.index(speaker), round(start / GRID_SECONDS) : round(end / GRID_SECONDS)] = True
    return grid


def summarize(document: dict[str, Any]) -> dict[str, Any]:
    """Mean and standard deviation over the conversations, for each way and level."""
    rows: dict[str, list[float]] = {}
    for entry in document.values():
        for way, figures in entry.get("ways", {}).items():
            for level in ("segments", "turns"):
                if level in figures:
                    rows.setdefault(f"{way}: {level}", []).append(figures[level]["share of time"])
    return {
        name: {"mean": float(np.mean(shares)), "sd": float(np.std(shares)), "calls": len(shares)}
        for name, shares in sorted(rows.items())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--inner", action="store_true", help="conversations of AESDD, to choose by")
    parser.add_argument("--write", type=Path, help="only write the sound, turns and texts")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/conversation.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    corpus, name = ("aesdd", "csv:aesdd") if given.inner else ("emovo", "csv:emovo-table")
    utterances = read_corpus(name, Path(given.data) / corpus / "utterances.csv")
    emotions = load("accurate").emotions
    for seed in given.seed or (INNER_SEEDS if given.inner else SEEDS):
        start = time.monotonic()
        talk = make_conversation(utterances, seed, name=f"{corpus}-{seed}")
        if given.write:
            talk.write(given.write)
            continue
        document = json.loads(given.output.read_text()) if given.output.exists() else {}
        ways = dict(document.get(talk.name, {}).get("ways", {}))
        for way in given.way or WAYS:
            ways[way] = measure(talk, way, emotions)
            figures = {"ways": ways, "conversation": describe(talk)}
            options = {"start": start, "seed": seed, "libraries": LIBRARIES}
            write_entry(given.output, talk.name, figures, **options)
    if given.output.exists() and not given.write:
        print(json.dumps(summarize(json.loads(given.output.read_text())), indent=1))


def describe(talk: Conversation) -> dict[str, Any]:
    """Size of a conversation."""
    overlaps = [one[2] > two[1] for one, two in zip(talk.turns, talk.turns[1:], strict=False)]
    return {
        "seconds": len(talk.mixed) / RATE_HZ,
        "speakers": list(talk.speakers),
        "turns": len(talk.turns),
        "recordings": len(talk.spoken),
        "turns that overlap": sum(overlaps),
    }


if __name__ == "__main__":
    main()
