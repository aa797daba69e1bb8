"""Features of recordings to and from the plain data that a checkpoint holds."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from voxaffect.audio import Samples
from voxaffect.recognition.measurement import Features
from voxaffect.recognition.timelines.collection import ChannelWindows, WindowFeatures
from voxaffect.recognition.timelines.conversation import Conversation
from voxaffect.recognition.timelines.windowing import Item, SpeechEnd, SpeechWindow, Step
from voxaffect.recognition.utterance import RecordingFeatures

Plain = dict[str, Any]


def pack_features(features: Features) -> Plain:
    """Plain data of features."""
    if isinstance(features, RecordingFeatures):
        return {
            "seconds": features.seconds,
            "channels_differ": features.channels_differ,
            "vectors": [[name, _pack_vector(vector)] for name, vector in features.vectors],
        }
    return {
        "channels_differ": features.channels_differ,
        "channels": [_pack_channel(channel) for channel in features.channels],
    }


def unpack_features(plain: Any, source: str, size: int) -> Features:
    """Features of plain data.

    Parameters
    ----------
    plain : JSON value
    source : str
        Name of the recording.
    size : int
        Numbers in a vector.

    Raises
    ------
    ValueError, TypeError, KeyError
        If no such features are possible.
    """
    differ = bool(plain["channels_differ"])
    if "channels" in plain:
        channels = [_unpack_channel(channel, source, size) for channel in plain["channels"]]
        return WindowFeatures(tuple(channels), differ)
    vectors = [(str(name), _unpack_vector(text, size)) for name, text in plain["vectors"]]
    return RecordingFeatures(float(plain["seconds"]), differ, tuple(vectors))


def _pack_vector(vector: Samples | None) -> str | None:
    if vector is None:
        return None
    return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode("ascii")


def _unpack_vector(text: str | None, size: int) -> Samples | None:
    if text is None:
        return None
    vector = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    if vector.shape != (size,) or not np.isfinite(vector).all():
        raise ValueError("no vector of the model's features")
    return vector.astype(np.float32)


def _pack_channel(channel: ChannelWindows) -> Plain:
    return {
        "channel": channel.channel,
        "channel_name": channel.channel_name,
        "seconds": channel.seconds,
        "rate_hz": channel.rate_hz,
        "steps": [
            [step.before, step.now, [_pack_item(item) for item in step.items]]
            for step in channel.steps
        ],
        "vectors": [_pack_vector(row) for row in channel.rows],
        "conversation": asdict(channel.conversation),
    }


def _unpack_channel(plain: Plain, source: str, size: int) -> ChannelWindows:
    steps = tuple(
        Step(int(before), int(now), tuple(_unpack_item(item) for item in items))
        for before, now, items in plain["steps"]
    )
    rows = tuple(_unpack_vector(text, size) for text in plain["vectors"])
    if len(rows) != sum(len(step.windows) for step in steps):
        raise ValueError("not a vector for each window")
    channel, seconds, rate_hz = plain["channel"], plain["seconds"], plain["rate_hz"]
    name = None if plain["channel_name"] is None else str(plain["channel_name"])
    conversation = msgspec.convert(plain["conversation"], Conversation)
    return ChannelWindows(
        source, str(channel), float(seconds), int(rate_hz), steps, rows, conversation, name
    )


def _pack_item(item: Item) -> list[Any]:
    frames = (
        [item.stop]
        if isinstance(item, SpeechEnd)
        else [item.utterance_start, item.start, item.stop]
    )
    return [item.speaker, *frames]


def _unpack_item(values: list[Any]) -> Item:
    speaker = None if values[0] is None else str(values[0])
    if len(values) == 2:
        return SpeechEnd(int(values[1]), speaker)
    utterance_start, start, stop = map(int, values[1:])
    return SpeechWindow(utterance_start, start, stop, np.zeros(0, np.float32), None, speaker)
