"""WebVTT subtitles: the emotion and its confidence while it lasts."""

from __future__ import annotations

import html
from collections.abc import Sequence

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.srt import make_cues
from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    cues = make_cues(timelines, run, mark=".")
    blocks = (f"{times}\n{html.escape(text, quote=False)}\n" for times, text in cues)
    return "\n".join(["WEBVTT\n", *blocks])


TIMELINES = Format(_encode, ".vtt", "channel", ("segments",))
