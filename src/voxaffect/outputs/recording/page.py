"""The page of one recording: a single file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from string import Template

from voxaffect.files import escape_control
from voxaffect.models import Model
from voxaffect.models.licensing import describe_use
from voxaffect.outputs.recording.sound import DELAY_SECONDS, encode_sound
from voxaffect.outputs.recording.view import view_recording
from voxaffect.recognition import Timeline
from voxaffect.recognition.display import UNCALIBRATED, format_percent, format_probability

STYLES = ("theme.css", "recording.css", "page.css")
SCRIPTS = ("recording.js", "page.js")
_WITH_SOUND = (
    "This file contains the voices of the recording. Keep it and pass it on as you would the "
    "recording itself."
)
_ONLY_SEVERAL = "Only several speakers at once, so no emotion."
_WITHOUT_SOUND = "This file does not contain the sound of the recording."


def render_page(
    timelines: Sequence[Timeline],
    recording: Path | bytes,
    *,
    model: Model | None = None,
    has_sound: bool = True,
) -> str:
    """HTML of the timelines of one recording; the same results give the same bytes.

    Parameters
    ----------
    timelines : sequence of Timeline
        One for each channel.
    recording : Path or bytes
        Its sound.
    model : Model, optional
        That gave the timelines.
    has_sound : bool
        Whether the page holds the sound, for its player.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    view = view_recording(timelines, recording)
    style = "".join(map(_read, STYLES))
    script = "".join(map(_read, SCRIPTS))
    channels = [timeline.channel for timeline in timelines]
    sound = _embed(encode_sound(recording, channels)) if has_sound else ""
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(escape_control(value))}</dd>\n"
        for name, value in _list_facts(timelines[0], model)
    )
    return Template(_read("page.html")).substitute(
        policy=_make_policy(style, script),
        version=version("voxaffect"),
        name=escape(escape_control(view.name)),
        lead=escape(_summarize(timelines)),
        privacy=_WITH_SOUND if has_sound else _WITHOUT_SOUND,
        style=style,
        facts=facts,
        data=view.to_json().replace("<", "\\u003c"),
        sound=sound,
        script=script,
    )


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _embed(content: bytes) -> str:
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<script type="text/plain" id="sound" data-delay="{DELAY_SECONDS:.4f}">{data}</script>\n'
    )


def _make_policy(style: str, script: str) -> str:
    """Content-Security-Policy: this style and this script, a player, and nothing else."""
    hashes = (_hash(style), _hash(script))
    return (
        f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; media-src blob:; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _summarize(timelines: Sequence[Timeline]) -> str:
    """Length of the recording and of its speech, and the share of it that is uncertain."""
    speech = uncertain = 0.0
    for segment in (one for timeline in timelines for one in timeline.segments):
        length = segment.end_seconds - segment.start_seconds
        speech += length
        uncertain += length if segment.uncertain else 0.0
    whole = f"Length {_format_time(timelines[0].seconds)}"
    speakers = {one.speaker for timeline in timelines for one in timeline.segments} - {None}
    if speakers:
        whole += f", {len(speakers)} speaker{'s' * (len(speakers) > 1)}"
    if not speech:
        has_overlaps = any(timeline.overlaps for timeline in timelines)
        return f"{whole}. {_ONLY_SEVERAL if has_overlaps else 'No speech was found.'}"
    doubt = f"{format_percent(uncertain / speech)} of it is uncertain"
    where = "" if len(timelines) == 1 else f" in {len(timelines)} channels"
    return f"{whole}, speech {_format_time(speech)}{where}; {doubt}."


def _format_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _list_facts(timeline: Timeline, model: Model | None) -> Iterator[tuple[str, str]]:
    """Origin of the results: model, threshold, adaptation, version."""
    if model is not None:
        yield "Model", model.name
        yield "SHA-256", model.sha256
        threshold = model.card.abstention.get("threshold")
        yield "Threshold", "none" if threshold is None else format_probability(threshold)
        yield "Trained on", ", ".join(model.card.corpora)
        yield "Use", describe_use(model.card)
    if not timeline.calibrated:
        yield "Limited to", f"{', '.join(timeline.emotions)}; confidence is {UNCALIBRATED}"
    if timeline.adaptation is not None:
        used = "used" if timeline.adaptation.is_applied else "not used"
        yield "Adaptation", f"to the group {timeline.adaptation.group}: {used}"
    if decisions := timeline.speaker_adaptations:
        used = ", ".join(one.group for one in decisions if one.is_applied)
        yield "Adaptation", f"to each speaker: {f'used for {used}' if used else 'not used'}"
    yield "Written by", f"voxaffect {version('voxaffect')}"
