"""Adaptation to each speaker of a conversation: what it is worth, in share of time.

    pip install -e ".[bench,diarize]"
    python benchmarks/speaker_adaptation.py --data DIR --inner              # conversations of AESDD
    python benchmarks/speaker_adaptation.py --data DIR --turns given --turns diarized

The conversations and the share of time are those of ``conversation.py``, with one emotion for
each turn. The features are computed once, and classified in each of these ways: ``none`` without
adaptation; ``all`` adapts to all windows of a speaker that do not overlap (``timeline --adapt
speakers``), ``first minute`` to those of the first minute of the speaker's speech. ``unchecked``
leaves out the checks of docs/batches.md: it adapts always.

The way was chosen on conversations of AESDD. Those of EMOVO were then measured once.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from conversation import (
    LIBRARIES,
    list_segments,
    list_true_turns,
    list_turns,
    score,
)
from conversations import RATE_HZ, Conversation, make_conversation
from entries import write_entry

from voxaffect.annotations import Turn
from voxaffect.audio import Samples, open_blocks
from voxaffect.corpora import read_corpus
from voxaffect.recognition.adaptation import VectorAdapter, make_adapter, summarize_vectors
from voxaffect.recognition.channels import MIX, ChannelReader
from voxaffect.recognition.classification import classify
from voxaffect.recognition.timelines import conversation as turns_of
from voxaffect.recognition.timelines.collection import (
    ChannelWindows,
    build_timelines,
    collect_vectors,
)
from voxaffect.recognition.timelines.segmentation import TimelineConfig, configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig

SEEDS = (1, 2, 3)
INNER_SEEDS = (101, 102, 103, 104)
WAYS = ("none", "all", "first minute", "all, unchecked", "first minute, unchecked")
MINUTE_FRAMES = 6_000


def compute_windows(
    talk: Conversation, turns: Sequence[Turn], config: TimelineConfig
) -> ChannelWindows:
    """Windows of a conversation that follow its turns, with their vectors."""
    conversation = turns_of.Conversation(tuple(sorted(turns)))
    with open_blocks(talk.mixed, RATE_HZ, name=talk.name) as recording:
        reader = ChannelReader(recording, MIX)
        features = collect_vectors(reader, reader, config, conversation=conversation, workers=1)
    return features.channels[0]


def group_first_minute(channel: ChannelWindows) -> dict[str, list[Samples]]:
    """Vectors of each speaker's first minute, of windows that do not overlap."""
    groups: defaultdict[str, list[Samples]] = defaultdict(list)
    reached: dict[str, int] = {}
    heard: defaultdict[str, int] = defaultdict(int)
    for window, row in zip(channel.windows, channel.rows, strict=True):
        speaker = window.speaker
        if speaker is None or row is None or window.start < reached.get(speaker, 0):
            continue
        if heard[speaker] < MINUTE_FRAMES:
            groups[speaker].append(row)
            heard[speaker] += window.stop - window.start
        reached[speaker] = window.stop
    return dict(groups)


def make_adapters(
    channel: ChannelWindows, config: TimelineConfig, way: str
) -> dict[str, VectorAdapter]:
    """Adapter of each speaker."""
    if way == "none":
        return {}
    is_short = way.startswith("first minute")
    groups = group_first_minute(channel) if is_short else channel.group_by_speaker()
    adapters = {
        speaker: make_adapter(summarize_vectors(vectors, config.model, speaker), config.model)
        for speaker, vectors in groups.items()
    }
    if not way.endswith("unchecked"):
        return adapters
    return {
        speaker: replace(one, decision=replace(one.decision, is_applied=True))
        for speaker, one in adapters.items()
    }


def measure(
    talk: Conversation, channel: ChannelWindows, config: TimelineConfig, way: str
) -> dict[str, Any]:
    """Figures of one way to adapt."""
    adapters = make_adapters(channel, config, way)
    rows = tuple(
        None if row is None else classify(row, config.model, adapters.get(window.speaker or ""))
        for window, row in zip(channel.windows, channel.rows, strict=True)
    )
    (result,) = build_timelines([replace(channel, rows=rows)], config)
    parts = {"segments": list_segments(result.segments), "turns": list_turns(result)}
    figures = {
        level: score(talk, config.model.emotions, dict.fromkeys(talk.speakers, own))
        for level, own in parts.items()
    }
    adapted = sum(one.decision.is_applied for one in adapters.values())
    return {**figures, "speakers adapted to": adapted, "speakers": len(channel.group_by_speaker())}


def list_turns_of(talk: Conversation, kind: str) -> Sequence[Turn]:
    """True turns, or those of the diarization."""
    if kind == "given":
        return list_true_turns(talk)
    from voxaffect.recognition.diarization import diarize

    return diarize(talk.mixed, rate_hz=RATE_HZ)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--turns", choices=("given", "diarized"), action="append")
    parser.add_argument("--inner", action="store_true", help="conversations of AESDD, to choose by")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("benchmarks/speaker_adaptation.json")
    )
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    corpus, name = ("aesdd", "csv:aesdd") if given.inner else ("emovo", "csv:emovo-table")
    utterances = read_corpus(name, Path(given.data) / corpus / "utterances.csv")
    config = configure_timeline(None, WindowConfig(), None, None)
    for seed in given.seed or (INNER_SEEDS if given.inner else SEEDS):
        talk = make_conversation(utterances, seed, name=f"{corpus}-{seed}")
        for kind in given.turns or ("given",):
            start = time.monotonic()
            channel = compute_windows(talk, list_turns_of(talk, kind), config)
            ways = {way: measure(talk, channel, config, way) for way in given.way or WAYS}
            options = {"start": start, "seed": seed, "libraries": LIBRARIES}
            write_entry(given.output, f"{talk.name}: {kind}", {"ways": ways}, **options)


if __name__ == "__main__":
    main()
