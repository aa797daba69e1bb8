"""A live session: the one thing with state, between a feed and whoever shows or keeps it."""

from __future__ import annotations

import numpy as np

from voxaffect.audio import Samples
from voxaffect.recognition import Event, Stream
from voxaffect.recognition.live.recorder import Keeper
from voxaffect.recognition.live.state import Scene, after
from voxaffect.recognition.timelines.windowing import check_peak


class Session:
    """Takes blocks, and always has the present scene.

    Parameters
    ----------
    name : str
        Of the feed.
    stream : Stream
    keeper : Keeper, optional
        Keeps sound and events as they come.
    """

    def __init__(self, name: str, stream: Stream, keeper: Keeper | None = None) -> None:
        self.scene = Scene(name, stream.model.emotions)
        self._stream, self._keeper = stream, keeper

    def take(self, block: Samples) -> list[Event]:
        """Hear the next block; return what became known."""
        if self._keeper is not None:
            self._keeper.hear(block)  # first: what is recorded is not lost if recognition fails
        check_peak(block, self.scene.name)  # the stream would not know what to call it
        events = self._stream.push(block) if len(block) else []
        return self._advance(block, events)

    def end(self) -> list[Event]:
        """Hear no more; return what was still to be decided."""
        return self._advance(np.zeros(0, dtype=np.float32), self._stream.finish())

    def _advance(self, block: Samples, events: list[Event]) -> list[Event]:
        self.scene = after(self.scene, block, seconds=self._stream.seconds, events=events)
        if self._keeper is not None:
            self._keeper.note(events)
        return events
