"""What a report rests on: errors to listen to, the data, the leak check, how it was made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from voxaffect.files import escape_control
from voxaffect.outputs.report.blocks import (
    Block,
    Code,
    Missing,
    Prose,
    Recording,
    Recordings,
    Section,
    Table,
    Terms,
)
from voxaffect.outputs.report.reading import Document, dig, shown
from voxaffect.outputs.report.wording import MOST_LISTED, UNKNOWN, counted, number

MOST_ERRORS = 12
_LEAKS = {
    "speaker": "a speaker on both sides",
    "recording": "the same recording on both sides",
    "twin": "an audio-video twin on both sides",
    "sentence": "a sentence on both sides",
}
_TERMS = (
    (
        "UAR",
        "Unweighted average recall: the mean, over the emotions, of the share that was "
        "recognized. Chance is one over the number of emotions, however unequal they are.",
    ),
    ("Accuracy", "The share of all utterances that was recognized."),
    ("Macro-F1", "The mean over the emotions of F1, the harmonic mean of recall and precision."),
    ("Top-two", "The share whose emotion is among the two most probable."),
    (
        "NLL",
        "Mean negative log-likelihood of the true emotion, in nats: 0 is best, and to be "
        "sure and wrong costs most.",
    ),
    ("ECE", "Expected calibration error: how far confidence and accuracy lie apart, 0 at best."),
    (
        "95 % interval",
        "Of the figure over all tested utterances together, as premium and "
        "differences are; it lies a little beside the mean over folds. Percentiles of a bootstrap "
        "that draws whole speakers, since utterances of one speaker are alike. A new set of "
        "speakers is expected within it.",
    ),
    (
        "Leakage premium",
        "What the random split claims beyond new voices: the worth of having "
        "heard the speakers in training.",
    ),
)


def errors_section(document: Document, *, paths: Sequence[str], folder: Path) -> Section | Missing:
    """The mistakes that were made with most confidence, to listen to.

    Parameters
    ----------
    document : mapping
    paths : sequence of str
        Of the utterances, as they are, whatever they hold.
    folder : Path
        Where the report will lie.

    Returns
    -------
    Section or Missing
    """
    systems = [each for each in shown(document) if each.evaluation.get("probabilities")]
    ranked = [each for each in systems if each.evaluation.get("certainty") != "answers"]
    if systems and not ranked:
        return Missing("Worst errors", "bare answers do not say how sure they were.")
    systems = ranked
    if not systems:
        return Missing("Worst errors", "the document holds no probabilities.")
    first = systems[0]
    found = _worst(first.evaluation, document["utterances"])
    if not found:
        return Section("errors", "Worst errors", (Prose(f"{first.name} made no error."),))
    root = _root(paths)
    recordings = tuple(
        Recording(
            truth=document["utterances"][place]["emotion"],
            recognized=recognized,
            confidence=number(confidence),
            speaker=document["utterances"][place].get("speaker") or UNKNOWN,
            name=escape_control(os.path.relpath(paths[place], root) if root else paths[place]),
            url=url(paths[place], folder),
        )
        for confidence, place, recognized in found
    )
    said = (
        f"Where {first.name} was surest and wrong. Listen before you blame the system: some "
        "recordings are mislabeled, cut, or acted so that people disagree too."
    )
    caption = f"The {counted(len(found), 'error')} of {first.name} with most confidence"
    return Section("errors", "Worst errors", (Prose(said), Recordings(caption, recordings)))


def _worst(
    evaluation: Mapping[str, Any], utterances: Sequence[Mapping[str, Any]]
) -> list[tuple[float, int, str]]:
    """Confidence, utterance and recognized emotion of the worst errors; no utterance twice."""
    found: dict[int, tuple[float, int, str]] = {}
    for place, row in zip(evaluation["tested"], evaluation["probabilities"], strict=True):
        confidence = max(row)
        recognized = evaluation["emotions"][row.index(confidence)]
        if recognized == utterances[place]["emotion"]:
            continue
        if place not in found or confidence > found[place][0]:
            found[place] = (confidence, place, recognized)
    return sorted(found.values(), key=lambda each: (-each[0], each[1]))[:MOST_ERRORS]


def _root(paths: Sequence[str]) -> str:
    """Return the folder that all recordings lie in, or nothing where they share none."""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
    except ValueError:  # absolute and relative, or several drives
        return ""


def url(path: str, folder: Path) -> str:
    """Return where a page in the folder finds a recording: absolute paths stay so.

    A path that looks like another scheme (``javascript:``) or holds bytes that are no UTF-8
    comes out quoted.
    """
    if Path(path).is_absolute():
        return Path(path).as_uri()
    relative = os.path.relpath(Path(path).absolute(), folder.absolute())
    return "./" + quote(os.fsencode(Path(relative).as_posix()))


def data_section(document: Document) -> Section:
    """Corpora, emotions, features, what was mapped, what could not be used."""
    data = document.get("data") or {}
    corpora = data.get("corpora") or {}
    rows = [
        [
            name,
            each.get("license") or UNKNOWN,
            each.get("citation") or UNKNOWN,
            f"{each.get('utterances', UNKNOWN)}",
            f"{each.get('speakers') or UNKNOWN}",
        ]
        for name, each in corpora.items()
    ]
    emotions = data.get("emotions") or {}
    features = data.get("features")
    blocks: list[Block] = []
    if rows:
        head = ["corpus", "license", "citation", "utterances", "speakers"]
        blocks.append(Table("Corpora", head, rows, words=3))
    if emotions:
        blocks.append(
            Table(
                "Utterances by emotion",
                list(emotions),
                [[str(count) for count in emotions.values()]],
                words=0,
            )
        )
    if features:
        groups = ", ".join(features.get("groups") or []) or "all"
        blocks.append(
            Prose(
                f"Features: {features['name']}, version {features.get('version')}, "
                f"{counted(features['count'], 'number')} each; groups: {groups}."
            )
        )
    else:
        blocks.append(Prose("Features: brought by the user, not described."))
    return Section("data", "Data", (*blocks, *_mapping(data), *_failures(data)))


def _mapping(data: Mapping[str, Any]) -> tuple[Block, ...]:
    found = data.get("mapping") or []
    if not found:
        return ()
    if all(isinstance(each, Mapping) for each in found):
        head = list(dict.fromkeys(key for each in found for key in each))
        rows = [[_cell(each.get(key)) for key in head] for each in found]
        return (Table("Emotions as they were mapped", head, rows, words=len(head)),)
    rows = [[_cell(each)] for each in found]
    return (Table("Emotions as they were mapped", ["mapping"], rows),)


def _cell(value: Any) -> str:
    if value is None:
        return UNKNOWN
    return " → ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _failures(data: Mapping[str, Any]) -> tuple[Block, ...]:
    found = data.get("failures") or []
    if not found:
        return ()
    rows = [[each["path"], each["reason"]] for each in found[:MOST_LISTED]]
    left = len(found) - len(rows)
    said = f"{counted(len(found), 'recording')} could not be used and is in no figure."
    said = said if len(found) == 1 else said.replace(" is in", " are in")
    said += f" The other {left} are in report.json." if left else ""
    table = Table("Recordings that could not be used", ["file", "reason"], rows, words=2)
    return (Prose(said, warns=True), table)


def leaks_section(document: Document) -> Section | Missing:
    """What stood on both sides of a split."""
    found = document.get("leaks")
    if found is None:
        return Missing("Leak check", "it was not run.")
    if not found:
        said = (
            "Nothing stood on both sides of any split: no speaker, no recording, no "
            "audio-video twin, no sentence."
        )
        return Section("leaks", "Leak check", (Prose(said),))
    rows = [
        [
            each["protocol"],
            _LEAKS.get(each["kind"], each["kind"]),
            _judged(each),
            ", ".join(map(str, each.get("examples") or [])) or UNKNOWN,
            str(each["count"]),
        ]
        for each in found
    ]
    unmeant = [each for each in found if not each.get("meant")]
    said = (
        "What stood on both sides of a split is meant by the protocol."
        if not unmeant
        else (
            f"{counted(len(unmeant), 'kind')} of leak "
            f"{'is' if len(unmeant) == 1 else 'are'} not meant by the protocol: see below."
        )
    )
    head = ["protocol", "what", "judged", "examples", "count"]
    table = Table("What stood on both sides of a split", head, rows, words=4)
    return Section("leaks", "Leak check", (Prose(said, warns=bool(unmeant)), table))


def _judged(leak: Mapping[str, Any]) -> str:
    if leak.get("meant"):
        return "meant by the protocol"
    return "stops an evaluation" if leak.get("stops") else "reported"


def origin_section(document: Document) -> Section:
    """The command, seed, date and versions: what is needed to make it again."""
    rows = [
        ["seed", str(document.get("seed", UNKNOWN))],
        ["made", str(document.get("created") or UNKNOWN)],
        *([name, str(version)] for name, version in (document.get("versions") or {}).items()),
    ]
    table = Table("Versions", ["what", "which"], rows, words=2)
    command = document.get("command")
    return Section("origin", "How it was made", (*([Code(command)] if command else []), table))


def reading_section(missing: Sequence[Missing]) -> Section:
    """What the words mean, and what is not here."""
    left = (
        [
            Prose(
                "Not in this report: "
                + " ".join(f"{each.title}: {each.reason}" for each in missing)
            )
        ]
        if missing
        else []
    )
    return Section("reading", "How to read it", (*left, Terms(_TERMS)))


def title(document: Document) -> str:
    """Name what was measured."""
    corpora = ", ".join(dig(document, "data", "corpora") or {})
    return f"Speech emotion recognition on {corpora}" if corpora else "Speech emotion recognition"


def lead(document: Document) -> str:
    """Say in one line how many of what were measured, and how."""
    utterances = document["utterances"]
    people = {(each.get("corpus"), each["speaker"]) for each in utterances if each.get("speaker")}
    emotions = {each["emotion"] for each in utterances}
    parts = [
        counted(len(utterances), "utterance"),
        counted(len(emotions), "emotion"),
        counted(len(people), "speaker") if people else "speakers unknown",
        counted(len(document["systems"]), "system"),
        f"protocol {document['protocol']}",
    ]
    return f"{', '.join(parts)}; {str(document.get('created') or '')[:10] or 'undated'}."
