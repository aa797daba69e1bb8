"""Emotion as it is spoken: a feed of blocks, what is known at each moment, a view of it."""

from __future__ import annotations

from voxaffect.live.feeds import Feed, devices, microphone, played
from voxaffect.live.keeping import Keeper, kept_in
from voxaffect.live.scene import Scene, after
from voxaffect.live.session import Session

__all__ = [
    "Feed",
    "Keeper",
    "Scene",
    "Session",
    "after",
    "devices",
    "kept_in",
    "microphone",
    "played",
]
