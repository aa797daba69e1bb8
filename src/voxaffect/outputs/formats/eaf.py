"""ELAN's annotation document: tiers of words, emotion, confidence and doubt for each speaker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run
from voxaffect.outputs.formats.naming import NAMELESS
from voxaffect.outputs.formats.ticks import MILLISECONDS, TickedPart
from voxaffect.outputs.formats.tiers import Tier, list_tiers

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline

_KIND = {
    "GRAPHIC_REFERENCES": "false",
    "LINGUISTIC_TYPE_ID": "default-lt",
    "TIME_ALIGNABLE": "true",
}


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    root = _make_root(timelines if run.has_files else ())
    order = Xml.SubElement(root, "TIME_ORDER")
    count = 0
    for group in list_tiers(timelines, run.level, per_second=MILLISECONDS):
        first = len(order)
        for moment in (tick for one in group.parts for tick in (one.start, one.end)):
            slot = {"TIME_SLOT_ID": f"ts{len(order) + 1}", "TIME_VALUE": str(moment)}
            Xml.SubElement(order, "TIME_SLOT", slot)
        participant = {"PARTICIPANT": group.speaker} if group.speaker else {}
        for tier in group.tiers:
            facts = {"LINGUISTIC_TYPE_REF": "default-lt", **participant, "TIER_ID": tier.name}
            _add_annotations(Xml.SubElement(root, "TIER", facts), group.parts, tier, (first, count))
            count += len(group.parts)
    Xml.SubElement(root, "LINGUISTIC_TYPE", _KIND)
    Xml.indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _make_root(timelines: Sequence[Timeline]) -> Xml.Element:
    root = Xml.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "voxaffect",
            "DATE": "1970-01-01T00:00:00+00:00",  # the same file every time
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = Xml.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    for source in dict.fromkeys(one.source for one in timelines):
        _add_media(header, source)
    return root


def _add_annotations(
    element: Xml.Element, parts: Sequence[TickedPart[Any]], tier: Tier, first: tuple[int, int]
) -> None:
    """Add the label of each part; ``first`` counts the time slots and annotations before."""
    slots, annotations = first
    for index, one in enumerate(parts):
        label = tier.label(one.part)
        if not label:
            continue
        begin = slots + 2 * index + 1
        attributes = {
            "ANNOTATION_ID": f"a{annotations + index + 1}",
            "TIME_SLOT_REF1": f"ts{begin}",
            "TIME_SLOT_REF2": f"ts{begin + 1}",
        }
        outer = Xml.SubElement(element, "ANNOTATION")
        inner = Xml.SubElement(outer, "ALIGNABLE_ANNOTATION", attributes)
        Xml.SubElement(inner, "ANNOTATION_VALUE").text = label


def _add_media(header: Xml.Element, source: str) -> None:
    """Name the recording, if it is a file; ELAN asks for it if it has moved."""
    if source in NAMELESS:
        return
    path = Path(source)
    kind = "audio/x-wav" if path.suffix.lower() == ".wav" else "audio/*"
    media = {"MEDIA_URL": path.absolute().as_uri(), "MIME_TYPE": kind}
    Xml.SubElement(header, "MEDIA_DESCRIPTOR", media)


TIMELINES = Format(_encode, ".eaf", "recording", SPEECH_LEVELS)
