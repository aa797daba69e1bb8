"""Labels of ELAN, Praat and Audacity: tiers named ``emotion``, or lines of a label track."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from voxaffect.annotations.formats import eaf, labels, textgrid
from voxaffect.annotations.formats.base import Document, Entry
from voxaffect.annotations.formats.tiers import Tier
from voxaffect.corpora.corrections.base import CorrectedFile, Correction
from voxaffect.files import list_names

_TIER = re.compile(r"emotion(?: (?P<channel>[^@]+))?(?:@(?P<speaker>.+))?", re.IGNORECASE)
_DOUBT = r"uncertain|corrected; model: (?P<model>[^)\]]+)"
_PLAIN = re.compile(rf"(?P<emotion>[^\[\]()]+?)(?: \((?:{_DOUBT})\))?")
_SPOKEN = re.compile(
    r"(?:(?P<speaker>[^:\[\]]+): )?(?:.* )?"
    rf"\[(?P<emotion>[^\[\],]+?)(?: \d+(?:\.\d+)?%)?(?:, (?:{_DOUBT}))?\]"
)
_SEVERAL = "several speakers"


def read_marks(file: CorrectedFile) -> list[Correction] | None:
    """Labels of a file of ELAN, Praat or Audacity; None if it is none of these.

    Raises
    ------
    AnnotationError
        If the file is broken.
    CorpusError
        If it has no emotion.
    """
    document = Document(file.name, file.text)
    if eaf.EAF.matches(file.text):
        linked = tuple(eaf.find_recordings(document))
        tiers = _read_tiers(file, eaf.list_tiers(document))
        return [replace(one, linked=linked) for one in tiers]
    if textgrid.TEXTGRID.matches(file.text):
        return _read_tiers(file, textgrid.list_tiers(document))
    if labels.LABELS.matches(file.text):
        return [*_read_track(file, labels.list_entries(document))]
    return None


def _read_tiers(file: CorrectedFile, tiers: list[Tier]) -> list[Correction]:
    corrections, has_tier = [], False
    for tier in tiers:
        if (match := _TIER.fullmatch(tier.name.strip())) is None:
            continue
        has_tier = True
        speaker = tier.speaker or match["speaker"] or None
        corrections += [
            Correction(
                entry.where,
                "",
                entry.start,
                entry.end,
                entry.text.strip(),
                speaker=speaker,
                channel=match["channel"] or "mix",
                annotator=tier.annotator or None,
            )
            for entry in tier.entries
            if entry.text.strip()
        ]
    if not has_tier:
        names = list_names([tier.name for tier in tiers])
        raise file.refuse(
            "", f"no tier 'emotion' with labels, found {names or 'none'}. Name one so."
        )
    return corrections


def _read_track(file: CorrectedFile, entries: Iterator[Entry]) -> Iterator[Correction]:
    for entry in entries:
        text = f"{entry.speaker}: {entry.text}" if entry.speaker else entry.text
        if not text:
            continue
        match = _SPOKEN.fullmatch(text) or _PLAIN.fullmatch(text)
        if match is None:
            raise file.refuse(
                entry.where,
                f"expected an emotion such as 'sad', found {text[:60]!r}. Mend the label.",
            )
        if match["emotion"] == _SEVERAL:
            continue
        speaker = match["speaker"] if match.re is _SPOKEN else None
        yield Correction(
            entry.where,
            "",
            entry.start,
            entry.end,
            match["emotion"].strip(),
            speaker=speaker,
            model_emotion=match["model"],
        )
