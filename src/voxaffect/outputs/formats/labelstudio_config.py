"""Label Studio's labeling configuration for the tasks of `labelstudio`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from voxaffect.files import escape_control
from voxaffect.outputs.figures.palette import assign_styles
from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run
from voxaffect.outputs.formats.labelstudio import AUDIO, EMOTION

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Timeline


def _encode_predictions(predictions: Sequence[Prediction], run: Run) -> str:
    emotions = _list_emotions(predictions, run)
    view = Xml.Element("View")
    Xml.SubElement(view, "Audio", name=AUDIO, value=f"${AUDIO}")
    choices = Xml.SubElement(
        view, "Choices", name=EMOTION, toName=AUDIO, choice="single-radio", showInline="true"
    )
    for emotion in emotions:
        Xml.SubElement(choices, "Choice", value=escape_control(emotion))
    return _write(view)


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> str:
    emotions = _list_emotions(timelines, run)
    view = Xml.Element("View")
    labels = Xml.SubElement(view, "Labels", name=EMOTION, toName=AUDIO, choice="single")
    for emotion, style in assign_styles(emotions).items():
        Xml.SubElement(labels, "Label", value=escape_control(emotion), background=style.color)
    player = Xml.SubElement(view, "Audio", name=AUDIO, value=f"${AUDIO}")
    if any(one.channel != "mix" for one in timelines):
        player.set("splitchannels", "true")
    return _write(view)


def _list_emotions(results: Sequence[Prediction | Timeline], run: Run) -> list[str]:
    """Emotions that a person can choose: those of the model, in its order."""
    known = run.model.emotions if run.model else ()
    named = [emotion for one in results for emotion in one.emotions]
    return [*dict.fromkeys((*known, *named))]


def _write(view: Xml.Element) -> str:
    Xml.indent(view, "  ")
    return f"{Xml.tostring(view, encoding='unicode')}\n"


PREDICTIONS = Format(_encode_predictions, ".labelstudio.xml")
TIMELINES = Format(_encode_timelines, ".labelstudio.xml", levels=SPEECH_LEVELS)
