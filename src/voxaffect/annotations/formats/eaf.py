"""ELAN's annotation document: tiers with a participant, or named after their speaker.

Time slots without a time lie between others at even distances, and annotations that only refer to
another share its time evenly, as ELAN shows them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as Xml

from voxaffect.annotations.formats.base import Document, Entry, Format, parse_number, shorten
from voxaffect.annotations.formats.tiers import Tier, list_tier_sentences, list_tier_turns

_ROOT = "ANNOTATION_DOCUMENT"
_MILLISECONDS = 1000
_DEEPEST = 32
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)")
_FIRST_ELEMENT = re.compile(r"<(?![?!])([^\s/>]{1,60})")


@dataclass(frozen=True)
class _Annotation:
    """Annotation of a tier, with its slots of time or the annotation that it refers to."""

    id: str
    slots: tuple[str, str] | None
    parent: str
    previous: str
    text: str


class _Builder(Xml.TreeBuilder):
    """Tree of elements without endless depth."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Xml.Element:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Xml.ParseError(f"elements more than {_DEEPEST} deep")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Xml.Element:
        self._depth -= 1
        return super().end(tag)


def list_tiers(document: Document) -> list[Tier]:
    """Tiers with annotations."""
    root = _parse(document)
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise document.refuse(
            "HEADER", f"expected times in milliseconds, found {shorten(units)}. Save it in ELAN."
        )
    slots = _read_slots(document, root)
    tiers = []
    times: dict[str, tuple[float, float]] = {}
    elements = root.findall("TIER")
    annotations = [_read_annotations(element) for element in elements]
    for own in annotations:
        times.update(_align(document, own, slots))
    _refer(document, annotations, times)
    for element, own in zip(elements, annotations, strict=True):
        name, speaker = element.get("TIER_ID", ""), element.get("PARTICIPANT", "").strip()
        where = f"tier {shorten(name)}, annotation"
        entries = [
            Entry(f"{where} {shorten(one.id)}", *times[one.id], text=one.text) for one in own
        ]
        annotator = element.get("ANNOTATOR", "").strip()
        tiers.append(Tier(name, entries, speaker, "PARENT_REF" in element.attrib, annotator))
    return [tier for tier in tiers if tier.entries]


def find_recordings(document: Document) -> list[str]:
    """Paths of the recordings that a document links, relative ones first."""
    media = _parse(document).findall("HEADER/MEDIA_DESCRIPTOR")
    links = [one.get(key, "") for key in ("RELATIVE_MEDIA_URL", "MEDIA_URL") for one in media]
    return [unquote(urlsplit(link).path) for link in links if link.strip()]


def _parse(document: Document) -> Xml.Element:
    """Root element.

    Raises
    ------
    AnnotationError
        If the XML is broken, declares entities, or is no document of ELAN.
    """
    match = _FIRST_ELEMENT.search(document.text)
    if not match or match[1] != _ROOT:
        actual = shorten(match[1]) if match else "none"
        raise document.refuse(
            "", f"is XML, but not ELAN's: expected the element {_ROOT}, found {actual}."
        )
    if _DECLARATION.search(document.text):
        raise document.refuse(
            "", "XML with a DOCTYPE, which ELAN never writes. Save it again in ELAN."
        )
    parser = Xml.XMLParser(target=_Builder())
    try:
        parser.feed(document.text)
        root = parser.close()
    except Xml.ParseError as error:
        raise document.refuse("", f"broken XML ({error}). Save it again in ELAN.") from error
    return root


def _read_slots(document: Document, root: Xml.Element) -> dict[str, float | None]:
    slots: dict[str, float | None] = {}
    for slot in root.iterfind("TIME_ORDER/TIME_SLOT"):
        name, value = slot.get("TIME_SLOT_ID", ""), slot.get("TIME_VALUE")
        where = f"time slot {shorten(name)}"
        slots[name] = None
        if value is not None:
            number = parse_number(value)
            if number is None:
                raise document.refuse(
                    where, f"expected a time in milliseconds, found {shorten(value)}."
                )
            slots[name] = document.parse_seconds(number / _MILLISECONDS, where)
    return slots


def _read_annotations(tier: Xml.Element) -> list[_Annotation]:
    annotations = []
    for element in tier.iterfind("ANNOTATION/*"):
        own = element.get("ANNOTATION_ID", "")
        text = element.findtext("ANNOTATION_VALUE") or ""
        if element.tag == "ALIGNABLE_ANNOTATION":
            slots = element.get("TIME_SLOT_REF1", ""), element.get("TIME_SLOT_REF2", "")
            annotations.append(_Annotation(own, slots, "", "", text))
        elif element.tag == "REF_ANNOTATION":
            parent = element.get("ANNOTATION_REF", "")
            previous = element.get("PREVIOUS_ANNOTATION", "")
            annotations.append(_Annotation(own, None, parent, previous, text))
    return annotations


def _align(
    document: Document, annotations: Sequence[_Annotation], slots: Mapping[str, float | None]
) -> dict[str, tuple[float, float]]:
    """Times of the annotations of a tier that have slots.

    Raises
    ------
    AnnotationError
        If a slot is not there, or has no time and lies between no two that have.
    """
    own = [(one.id, one.slots) for one in annotations if one.slots is not None]
    for name, pair in own:
        for slot in pair:
            if slot not in slots:
                raise document.refuse(
                    f"annotation {shorten(name)}", f"its time slot {shorten(slot)} is not there."
                )
    chain = [slot for _, pair in own for slot in pair]
    chain = [one for one, after in pairwise([*chain, ""]) if one != after]
    known: dict[str, float] = {slot: time for slot in chain if (time := slots[slot]) is not None}
    known |= _spread(chain, known)
    times = {}
    for name, (first, second) in own:
        if first not in known or second not in known:
            raise document.refuse(
                f"annotation {shorten(name)}",
                "its time slots have no time. Align it in ELAN.",
            )
        times[name] = known[first], known[second]
    return times


def _spread(chain: Sequence[str], known: Mapping[str, float]) -> dict[str, float]:
    """Times of slots without one, at even distances between the neighbors that have one."""
    spread: dict[str, float] = {}
    waiting: list[str] = []
    last: float | None = None
    for slot in chain:
        if slot not in known:
            waiting.append(slot)
            continue
        if last is not None:
            step = (known[slot] - last) / (len(waiting) + 1)
            spread |= {one: last + step * index for index, one in enumerate(waiting, start=1)}
        waiting, last = [], known[slot]
    return spread


def _refer(
    document: Document,
    tiers: Sequence[Sequence[_Annotation]],
    times: dict[str, tuple[float, float]],
) -> None:
    """Add the times of annotations that refer to others: those of one parent share its time."""
    waiting = [one for tier in tiers for one in _group_by_parent(tier)]
    for _ in range(_DEEPEST):
        later = []
        for parent, children in waiting:
            if parent not in times:
                later.append((parent, children))
                continue
            start, end = times[parent]
            step = (end - start) / len(children)
            for index, child in enumerate(children):
                times[child.id] = start + index * step, start + (index + 1) * step
        waiting = later
    if waiting:
        parent, children = waiting[0]
        raise document.refuse(
            f"annotation {shorten(children[0].id)}",
            f"the annotation {shorten(parent)} that it refers to is not there. Mend it in ELAN.",
        )


def _group_by_parent(tier: Sequence[_Annotation]) -> Iterator[tuple[str, list[_Annotation]]]:
    groups: defaultdict[str, list[_Annotation]] = defaultdict(list)
    for one in tier:
        if one.slots is None:
            groups[one.parent].append(one)
    for parent, children in groups.items():
        yield parent, _order(children)


def _order(children: list[_Annotation]) -> list[_Annotation]:
    """Children of one annotation, each after its previous; as they come if that is broken."""
    after = {one.previous: one for one in children}
    ordered, name = [], ""
    while (one := after.pop(name, None)) is not None:
        ordered.append(one)
        name = one.id
    return ordered if len(ordered) == len(children) else children


def _list_turns(document: Document) -> Iterator[Entry]:
    return list_tier_turns(document, list_tiers(document))


def _list_sentences(document: Document) -> Iterator[Entry]:
    return list_tier_sentences(document, list_tiers(document))


EAF = Format("ELAN (EAF)", lambda text: text.lstrip()[:1] == "<", _list_turns, _list_sentences)
