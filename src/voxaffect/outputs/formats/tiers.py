"""Timelines for the tools in which people look at sound, and for players.

Audacity, Raven, Praat, ELAN, SubRip and WebVTT: each file holds one recording, or one channel
of it. Times are whole ticks of the format's clock, so that no rounding lets an end come before
its start or two segments overlap.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from voxaffect.files import escape_control
from voxaffect.outputs.formats.naming import NAMELESS
from voxaffect.outputs.formats.timelines import Level, Ticks, channel_number, ticked
from voxaffect.recognition import Segment, Timeline
from voxaffect.recognition.display import UNCERTAIN, format_percent, format_probability

_MICROSECONDS = 1_000_000
_MILLISECONDS = 1_000
_TIERS = ("emotion", "confidence", UNCERTAIN)
_RAVEN_HIGH_HZ = 4_000  # within the band of every rate that is supported


def to_audacity(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """Audacity's label track: start, end, emotion (``sad (uncertain)``) between tabs."""
    return "".join(
        f"{_seconds(cell.start)}\t{_seconds(cell.end)}\t{_named(cell.stretch)}\n"
        for timeline in timelines
        for cell in ticked(timeline, level, per_second=_MICROSECONDS)
    )


def _named(stretch: Segment) -> str:
    name = escape_control(stretch.emotion)
    return f"{name} ({UNCERTAIN})" if stretch.uncertain else name


def _seconds(microseconds: int) -> str:
    return f"{microseconds // _MICROSECONDS}.{microseconds % _MICROSECONDS:06}"


def to_raven(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """Raven's selection table: one selection a stretch, in the band of speech."""
    columns = [
        "Selection",
        "View",
        "Channel",
        "Begin Time (s)",
        "End Time (s)",
        "Low Freq (Hz)",
        "High Freq (Hz)",
        "Begin File",
        "Emotion",
        "Confidence",
        "Uncertain",
    ]
    lines = ["\t".join(columns)]
    for timeline in timelines:
        channel, name = channel_number(timeline.channel), escape_control(Path(timeline.source).name)
        for cell in ticked(timeline, level, per_second=_MICROSECONDS):
            cells = [
                len(lines),
                "Spectrogram 1",
                channel,
                _seconds(cell.start),
                _seconds(cell.end),
                0,
                _RAVEN_HIGH_HZ,
                name,
                escape_control(cell.stretch.emotion),
                _confidence(cell.stretch),
                str(cell.stretch.uncertain).lower(),
            ]
            lines.append("\t".join(map(str, cells)))
    return "\n".join(lines) + "\n"


def _confidence(stretch: Segment) -> str:
    return format_probability(stretch.confidence)


def to_textgrid(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """Praat's TextGrid: tiers of emotions, confidences and doubt for each channel.

    Intervals follow each other from 0 to the recording's end; silence is an empty one.
    """
    end = max(1, *(round(one.seconds * _MICROSECONDS) for one in timelines))
    tiers = []
    for timeline in timelines:
        cells = ticked(timeline, level, per_second=_MICROSECONDS)
        for name in _TIERS:
            tiers.append((_tier_name(name, timeline, timelines), _intervals(cells, name, end)))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {_seconds(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for place, (name, intervals) in enumerate(tiers, start=1):
        lines += [
            f"    item [{place}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name)}",
            "        xmin = 0",
            f"        xmax = {_seconds(end)}",
            f"        intervals: size = {len(intervals)}",
        ]
        for number, (begin, until, text) in enumerate(intervals, start=1):
            lines += [
                f"        intervals [{number}]:",
                f"            xmin = {_seconds(begin)}",
                f"            xmax = {_seconds(until)}",
                f"            text = {_quoted(text)}",
            ]
    return "\n".join(lines) + "\n"


def _tier_name(name: str, timeline: Timeline, timelines: Sequence[Timeline]) -> str:
    return name if len(timelines) == 1 else f"{name} {timeline.channel}"


def _intervals(cells: Sequence[Ticks], name: str, end: int) -> list[tuple[int, int, str]]:
    """Cells and the silences between them, without a gap."""
    found, reached = [], 0
    for cell in cells:
        if cell.start > reached:
            found.append((reached, cell.start, ""))
        found.append((cell.start, cell.end, _label(cell.stretch, name)))
        reached = cell.end
    if reached < end or not found:
        found.append((reached, end, ""))
    return found


def _label(stretch: Segment, name: str) -> str:
    """What a tier says of a stretch; nothing where it is certain enough."""
    if name == UNCERTAIN:
        return UNCERTAIN if stretch.uncertain else ""
    return escape_control(stretch.emotion) if name == "emotion" else _confidence(stretch)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def to_srt(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """SubRip subtitles: the emotion and its confidence while it lasts."""
    cues = _cues(timelines, level, comma=",")
    return "".join(
        f"{number}\n{times}\n{text}\n\n" for number, (times, text) in enumerate(cues, start=1)
    )


def to_vtt(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """WebVTT subtitles: the emotion and its confidence while it lasts."""
    cues = _cues(timelines, level, comma=".")
    blocks = (f"{times}\n{html.escape(text, quote=False)}\n" for times, text in cues)
    return "\n".join(["WEBVTT\n", *blocks])


def _cues(timelines: Sequence[Timeline], level: Level, *, comma: str) -> list[tuple[str, str]]:
    return [
        (
            f"{_stamp(cell.start, comma)} --> {_stamp(cell.end, comma)}",
            _caption(cell.stretch),
        )
        for timeline in timelines
        for cell in ticked(timeline, level, per_second=_MILLISECONDS)
    ]


def _caption(stretch: Segment) -> str:
    doubt = f", {UNCERTAIN}" if stretch.uncertain else ""
    return f"{escape_control(stretch.emotion)} ({format_percent(stretch.confidence)}{doubt})"


def _stamp(milliseconds: int, comma: str) -> str:
    seconds, rest = divmod(milliseconds, _MILLISECONDS)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{comma}{rest:03}"


def to_eaf(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """ELAN's annotation document: tiers of emotions, confidences and doubt for each channel."""
    schema = "http://www.w3.org/2001/XMLSchema-instance"
    root = Xml.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "voxaffect",
            "DATE": "1970-01-01T00:00:00+00:00",  # the same file every time
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": schema,
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = Xml.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    for source in dict.fromkeys(one.source for one in timelines):
        _add_media(header, source)
    order = Xml.SubElement(root, "TIME_ORDER")
    count = 0
    for timeline in timelines:
        cells = ticked(timeline, level, per_second=_MILLISECONDS)
        first = len(order)
        for moment in (tick for cell in cells for tick in (cell.start, cell.end)):
            slot = {"TIME_SLOT_ID": f"ts{len(order) + 1}", "TIME_VALUE": str(moment)}
            Xml.SubElement(order, "TIME_SLOT", slot)
        for name in _TIERS:
            tier = {
                "LINGUISTIC_TYPE_REF": "default-lt",
                "TIER_ID": _tier_name(name, timeline, timelines),
            }
            _add_annotations(Xml.SubElement(root, "TIER", tier), cells, name, (first, count))
            count += len(cells)
    kind = {
        "GRAPHIC_REFERENCES": "false",
        "LINGUISTIC_TYPE_ID": "default-lt",
        "TIME_ALIGNABLE": "true",
    }
    Xml.SubElement(root, "LINGUISTIC_TYPE", kind)
    Xml.indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _add_annotations(
    tier: Xml.Element, cells: Sequence[Ticks], name: str, first: tuple[int, int]
) -> None:
    """Add what each cell says; ``first`` counts the time slots and annotations before."""
    slots, annotations = first
    for place, cell in enumerate(cells):
        label = _label(cell.stretch, name)
        if not label:
            continue
        begin = slots + 2 * place + 1
        attributes = {
            "ANNOTATION_ID": f"a{annotations + place + 1}",
            "TIME_SLOT_REF1": f"ts{begin}",
            "TIME_SLOT_REF2": f"ts{begin + 1}",
        }
        outer = Xml.SubElement(tier, "ANNOTATION")
        inner = Xml.SubElement(outer, "ALIGNABLE_ANNOTATION", attributes)
        Xml.SubElement(inner, "ANNOTATION_VALUE").text = label


def _add_media(header: Xml.Element, source: str) -> None:
    """Say which recording it is, if it is a file; ELAN asks for it if it has moved."""
    if source in NAMELESS:
        return
    path = Path(source)
    kind = "audio/x-wav" if path.suffix.lower() == ".wav" else "audio/*"
    media = {"MEDIA_URL": path.absolute().as_uri(), "MIME_TYPE": kind}
    Xml.SubElement(header, "MEDIA_DESCRIPTOR", media)
