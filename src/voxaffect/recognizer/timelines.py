"""Timelines that say where they are uncertain."""

from __future__ import annotations

from pathlib import Path

from voxaffect.audio import Source
from voxaffect.model import Model, load
from voxaffect.recognizer import recording
from voxaffect.recognizer.prediction import threshold
from voxaffect.recognizer.segments import Timeline, marked
from voxaffect.recognizer.smoothing import Smoothing
from voxaffect.recognizer.spans import Cutting


def timeline(
    source: Source,
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    window_seconds: float = Cutting.window_seconds,
    hop_seconds: float = Cutting.hop_seconds,
    channels: str = recording.CHANNELS[0],
    gate: str = Cutting.gate,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Recognise emotion over the time of a recording of any length.

    It is read in blocks, once. The windows and segments are those that a `Stream` gives.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    window_seconds : float
        Longest window of speech, 0.5 to 30.
    hop_seconds : float
        Between the ends of windows, 0.1 to 30.
    channels : str
        ``mix`` of all, the ``left`` or ``right`` one, or ``each`` by itself.
    gate : str
        What tells speech from silence: ``energy``, or ``webrtc`` (extra ``vad``).
    smoothing : Smoothing, optional
    uncertain_below : float, optional
        Certainty under which a segment, and probability under which a window, is uncertain; 0
        for never. By default what the model card states, which was measured on whole
        recordings, not on windows: of segments it promises no share that is wrong.
    workers : int, optional
        Threads that judge windows; as many as processors by default, 1 for none beside this
        one. Their number changes no number.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    tuple of Timeline
        One, or one for each channel. Silence has neither windows nor segments.

    Raises
    ------
    AudioError
        If the recording cannot be read, is shorter than 0.25 s, or has no such channel; or if
        a number is out of range.
    ModelError
        If the model cannot be loaded, or the threshold is no probability.
    MissingExtraError
        If the gate needs a library that is not installed.
    """
    loaded = model if isinstance(model, Model) else load(model)
    least = threshold(loaded, uncertain_below)
    found = recording.timeline(
        source, rate_hz=rate_hz, model=loaded, window_seconds=window_seconds,
        hop_seconds=hop_seconds, channels=channels, gate=gate, smoothing=smoothing,
        workers=workers, progress=progress,
    )  # fmt: skip
    return tuple(marked(one, least) for one in found)
