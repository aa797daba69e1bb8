"""Emotion over the time of a recording of any length: a stream's windows, in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from voxaffect.annotations import Sentence, Turn
from voxaffect.audio import Samples, Source, open_blocks
from voxaffect.errors import AudioError
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import Adaptation
from voxaffect.recognition.channels import ChannelReader, make_choice
from voxaffect.recognition.conversations import (
    ADAPT_REMEDY,
    ConversationSource,
    choose_engine,
)
from voxaffect.recognition.diarization import DiarizationConfig
from voxaffect.recognition.measurement import ALL, SPEAKERS, get_adaptation, get_kind, summarize
from voxaffect.recognition.timelines.collection import (
    build_timelines,
    classify_windows,
    collect_vectors,
    collect_windows,
)
from voxaffect.recognition.timelines.conversation import NO_CONVERSATION, Conversation
from voxaffect.recognition.timelines.segmentation import TimelineConfig, configure_timeline
from voxaffect.recognition.timelines.segments import Timeline
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.recognition.transcription import TranscriptionConfig


def timeline(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    labels: Sequence[str] | None = None,
    window_seconds: float = WindowConfig.window_seconds,
    hop_seconds: float = WindowConfig.hop_seconds,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
    speakers: str | Path | Sequence[Turn] | None = None,
    transcript: str | Path | Sequence[Sentence] | None = None,
    diarize: bool | str | DiarizationConfig = False,
    transcribe: bool | str | TranscriptionConfig = False,
    vad: str = WindowConfig.vad,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    adapt: Literal["all", "speakers"] | Sequence[str | Path] | Adaptation | None = None,
    max_seconds: float | None = None,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Recognize emotion over the time of a recording of any length.

    It is read in blocks, once. The windows and segments are those that a `Stream` gives.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    name : str, optional
        Of the recording in results and messages; its path by default.
    model : Model, str or Path, optional
        A model, its file, or the name of a bundled one: ``accurate`` (the default) or ``fast``.
    labels : sequence of str, optional
        Limit the answer to these emotions of the model. Their probabilities are scaled to a sum of
        1 and are not calibrated; without `uncertain_below`, all results are then uncertain.
    window_seconds : float
        Longest window of speech, 0.5 to 30.
    hop_seconds : float
        Between the ends of windows, 0.1 to 30.
    channels : str
        ``mix`` of all, the ``left`` or ``right`` one, or ``each`` by itself.
    channel_names : sequence of str, optional
        A name for each channel of the recording, in order, such as ``("agent", "customer")``; not
        for the mix. Results have it as ``channel_name``.
    speakers : path or sequence of Turn, optional
        Turns of the speakers, such as an RTTM file. No window then contains two speakers, or
        speech that overlaps, and each speaker is smoothed alone. Time outside of the turns counts
        as no speech. The result has `turns` and `overlaps`.
    transcript : path or sequence of Sentence, optional
        Sentences, such as an SRT file. The result has `sentences`, and segments have a text. If
        the transcript names speakers, it serves as turns where no speakers are given.
    diarize : bool, str or DiarizationConfig
        Find the turns by the sound: True or ``campplus`` (extra ``diarize``), or ``pyannote``
        (extra ``diarize-pyannote``). The recording is read twice, and held in memory.
    transcribe : bool, str or TranscriptionConfig
        Find the sentences by the sound: True or ``faster-whisper`` (extra ``transcribe``).
    vad : str
        Voice-activity detection. ``silero`` takes what is louder than the background, and confirms
        by a neural network that it is speech. ``webrtc`` (extra ``vad``) takes the frames that
        WebRTC's detector finds, and confirms them, too. ``energy`` takes whatever is louder than
        the background, be it music or noise.
    smoothing : Smoothing, optional
    uncertain_below : float, optional
        Confidence below which a segment or window is uncertain; 0 for never. By default the
        threshold of the model card. It was measured on whole recordings, so it is only a rough
        guide for segments.
    adapt : {"all", "speakers"}, sequence of path, or Adaptation, optional
        Recordings without labels to adapt to: ``all`` for the windows of this recording itself;
        ``speakers`` for those of each speaker alone, where turns are known;
        paths of recordings of the same speaker or set-up; or what `measure_adaptation` gives.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    workers : int or Executor, optional
        As for ``extract``; 1 for this thread alone. Results are identical for any number or
        kind of workers.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    tuple of Timeline
        One, or one for each channel. Where there is no speech, there are neither windows nor
        segments.

    Raises
    ------
    AudioError
        If the recording cannot be read, is shorter than 0.25 s, or has no such channel; or if
        a number is out of range.
    AnnotationError
        If a file of speakers or a transcript cannot be read, or is another recording's.
    ModelError
        If the model cannot be loaded, the threshold is no probability, or the adaptation is one
        of other features.
    MissingExtraError
        If the voice-activity detection needs a library that is not installed.

    Examples
    --------
    >>> (whole,) = va.timeline("call.wav")
    >>> whole.segments[0].emotion in va.load().emotions
    True
    """
    choice = make_choice(channels, channel_names)
    windowing = WindowConfig(window_seconds, hop_seconds, vad)
    config = configure_timeline(get_model(model, labels), windowing, smoothing, uncertain_below)
    kind = get_kind(adapt, (ALL, SPEAKERS), remedy="For several recordings, take timeline_many.")
    adaptation = None if kind else get_adaptation(adapt, config.model, vad=vad, workers=workers)
    config = replace(config, adaptation=adaptation, adapts_speakers=kind == SPEAKERS)
    conversations = ConversationSource(
        speakers,
        transcript,
        diarization=choose_engine(diarize, DiarizationConfig, "diarize"),
        transcription=choose_engine(transcribe, TranscriptionConfig, "transcribe"),
        remedy=ADAPT_REMEDY if kind == SPEAKERS else "",
    )
    conversations.check_adaptation(kind)
    if (conversations.diarization or conversations.transcription) and hasattr(source, "read"):
        raise AudioError(
            "diarization and transcription read a recording twice, and a stream can be read once. "
            "Give its bytes."
        )
    open_again = partial(open_blocks, source, rate_hz, name=name, max_seconds=max_seconds)
    with open_again() as recording:
        reader = ChannelReader(recording, choice)
        conversation = conversations.read(recording, open_again)
        run = run_adapted_timelines if kind == ALL else run_timelines
        return run(
            reader, reader, config, conversation=conversation, workers=workers, progress=progress
        )


def run_timelines(
    reader: ChannelReader,
    sound: Iterable[tuple[Samples, ...]],
    config: TimelineConfig,
    *,
    conversation: Conversation = NO_CONVERSATION,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Timelines of the channels of an open recording.

    Parameters
    ----------
    reader : ChannelReader
    sound : iterable of tuple of ndarray
        All that the reader gives, or has given.
    config : TimelineConfig
    conversation : Conversation
    workers, progress
        As for `timeline`.
    """
    if config.adapts_speakers:
        features = collect_vectors(
            reader, sound, config, conversation=conversation, workers=workers, progress=progress
        )
        return classify_windows(features, config)
    channels = collect_windows(
        reader,
        sound,
        config,
        compute_row=config.classify,
        conversation=conversation,
        workers=workers,
        progress=progress,
    )
    return build_timelines(channels, config)


def run_adapted_timelines(
    reader: ChannelReader,
    sound: Iterable[tuple[Samples, ...]],
    config: TimelineConfig,
    *,
    conversation: Conversation = NO_CONVERSATION,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Timelines of an open recording, adapted to its own windows; as `run_timelines`."""
    features = collect_vectors(
        reader, sound, config, conversation=conversation, workers=workers, progress=progress
    )
    adaptation = summarize([features], config.model, ALL)
    return classify_windows(features, replace(config, adaptation=adaptation))
