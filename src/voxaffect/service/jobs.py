"""Jobs for worker processes, and their replies: plain values that both processes import fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from voxaffect.records.choices import DEFAULT_VAD, Channels, Level, Vad

TranscriptionFormat = Literal["json", "text", "srt", "vtt", "verbose_json", "diarized_json"]
Probability = Annotated[float, Meta(ge=0, le=1)]


class EmotionOptions(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Options of a request for the emotion of a recording, as form fields or in the query."""

    model: Annotated[str, Meta(description="A model of GET /v1/models.")] = ""
    response_format: Annotated[
        str,
        Meta(
            description="json (a document as voxaffect predict writes it), verbose_json (with "
            "windows, as voxaffect timeline writes it), or another format of docs/formats.md."
        ),
    ] = "json"
    timeline: Annotated[
        bool | None,
        Meta(description="Emotion over time instead of one answer. Formats that need it imply it."),
    ] = None
    level: Level = "segments"
    channels: Channels = "mix"
    channel_names: Annotated[
        str | None,
        Meta(
            description="A name for each channel of the recording, with commas, such as "
            "agent,customer; with channels each, left or right. Results have it as channel_name."
        ),
    ] = None
    vad: Vad = DEFAULT_VAD
    uncertain_below: Probability | None = None
    labels: Annotated[
        str | None,
        Meta(description="Limit the answers to these emotions of the model, with commas."),
    ] = None


class ClassifyParameters(Struct, kw_only=True, frozen=True):
    """Parameters of the Hugging Face task audio-classification."""

    top_k: Annotated[int, Meta(ge=1)] | None = None
    function_to_apply: Literal["softmax", "none"] = "softmax"
    labels: Annotated[
        str | None,
        Meta(description="Limit the answer to these emotions of the model, with commas."),
    ] = None


class ClassifyQuery(ClassifyParameters, forbid_unknown_fields=True, frozen=True):
    """The same parameters in the query; others are refused."""


class ClassifyInput(Struct, kw_only=True):
    """Body of the Hugging Face task audio-classification."""

    inputs: Annotated[str, Meta(description="The recording, in Base64.")]
    parameters: ClassifyParameters = ClassifyParameters()


@dataclass(frozen=True)
class Limits:
    """Limits of a recording, and of the process that decodes it."""

    max_seconds: float
    max_channels: int
    max_rate_hz: int
    memory_bytes: int


@dataclass(frozen=True)
class Prepare:
    """Load a model, and use it once if asked, because the first use imports libraries."""

    model: str
    is_used: bool = False


@dataclass(frozen=True)
class Describe:
    """Describe models: names for clients, and names or paths."""

    models: dict[str, str]


class TranscriptionOptions(Struct, kw_only=True, frozen=True):
    """Options of a request in the shape of OpenAI; others of its options change nothing."""

    model: Annotated[
        str, Meta(description="A model of GET /v1/models; any other name is the default one.")
    ] = ""
    response_format: TranscriptionFormat = "json"
    vad: Vad = DEFAULT_VAD
    uncertain_below: Probability | None = None
    labels: Annotated[
        str | None,
        Meta(description="Limit the answers to these emotions of the model, with commas."),
    ] = None


COMPANIONS = ("speakers", "transcript")
"""Fields of files that go with a recording."""


@dataclass(frozen=True)
class Companions:
    """Files that go with a recording: turns of speakers, and a transcript."""

    speakers: bytes | None = None
    transcript: bytes | None = None


@dataclass(frozen=True)
class Recognize:
    """Recognize one recording."""

    content: bytes
    name: str
    model: str
    options: EmotionOptions
    companions: Companions = Companions()


@dataclass(frozen=True)
class Transcribe:
    """Recognize the emotion of the sentences of a transcript, in the shape of OpenAI."""

    content: bytes
    name: str
    model: str
    options: TranscriptionOptions
    companions: Companions


@dataclass(frozen=True)
class Classify:
    """Recognize one recording, in the shape of Hugging Face."""

    content: bytes
    model: str
    parameters: ClassifyParameters


class ExamineOptions(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Options of the page for a recording."""

    model: str = ""
    channels: Channels = "mix"
    uncertain_below: Probability | None = None


@dataclass(frozen=True)
class Introduce:
    """Describe models and formats to the page: names for clients, and names or paths."""

    models: dict[str, str]


@dataclass(frozen=True)
class Examine:
    """Recognize, examine and draw one recording for the page."""

    content: bytes
    name: str
    model: str
    options: ExamineOptions


@dataclass(frozen=True)
class Export:
    """Write timelines of the page in a format: JSON that a client sent, and the models."""

    content: bytes
    models: dict[str, str]


@dataclass(frozen=True)
class OpenStream:
    """Begin a stream."""

    identifier: str
    model: str
    rate_hz: int
    encoding: str
    channels: int
    uncertain_below: float | None


@dataclass(frozen=True)
class PushStream:
    """Process the next sound of a stream: whole frames of interleaved samples."""

    identifier: str
    content: bytes


@dataclass(frozen=True)
class FlushStream:
    """End the speech of a stream here, and go on with new sound unless it is the last."""

    identifier: str
    is_last: bool


@dataclass(frozen=True)
class DropStream:
    """Forget a stream."""

    identifier: str


PageJob = Introduce | Examine | Export
StreamJob = OpenStream | PushStream | FlushStream | DropStream
Job = Prepare | Describe | Recognize | Transcribe | Classify | PageJob | StreamJob


@dataclass(frozen=True)
class Reply:
    """Body of an answer."""

    content: bytes
    media_type: str
    seconds: float = 0.0
    """Of sound that was recognized."""


@dataclass(frozen=True)
class Work:
    """Function that a worker process runs; what it needs is imported there.

    Parameters
    ----------
    limits : Limits
    """

    limits: Limits

    def __call__(self, job: Job) -> Any:
        """Do a job."""
        from voxaffect.service import computing

        return computing.run(job, self.limits)
