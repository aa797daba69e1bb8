"""Live session: from a sound source to events, the present state and a recording."""

from __future__ import annotations

import numpy as np

from voxaffect.audio import Samples
from voxaffect.recognition import Event, Stream
from voxaffect.recognition.live.recorder import SessionRecorder
from voxaffect.recognition.live.state import SessionState, advance_state
from voxaffect.recognition.timelines.windowing import check_peak


class Session:
    """Live session; its ``state`` is always the present one.

    Parameters
    ----------
    name : str
        Of the sound source.
    stream : Stream
    recorder : SessionRecorder, optional
        Writes sound and events as they come.
    """

    def __init__(self, name: str, stream: Stream, recorder: SessionRecorder | None = None) -> None:
        self.state = SessionState(name, stream.model.emotions)
        self._stream, self._recorder = stream, recorder

    def take(self, block: Samples) -> list[Event]:
        """Process the next block; return its events."""
        if self._recorder is not None:
            # First: the recording is kept even if recognition fails.
            self._recorder.write_sound(block)
        check_peak(block, self.state.name)  # the stream would not know what to call it
        events = self._stream.push(block) if len(block) else []
        return self._advance(block, events)

    def end(self) -> list[Event]:
        """End the sound; return the last events."""
        return self._advance(np.zeros(0, dtype=np.float32), self._stream.finish())

    def _advance(self, block: Samples, events: list[Event]) -> list[Event]:
        self.state = advance_state(self.state, block, seconds=self._stream.seconds, events=events)
        if self._recorder is not None:
            self._recorder.write_events(events)
        return events
