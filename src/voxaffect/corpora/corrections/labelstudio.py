"""Label Studio's export in JSON: the submitted annotations of every task."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from voxaffect.corpora.corrections.base import CorrectedFile, Correction
from voxaffect.files import escape_control

_KINDS = ("labels", "choices")
_SPEAKER = re.compile(r"^speaker: (?P<name>.+)$", re.MULTILINE)
_UPLOAD = re.compile(r"(?:.*/)?upload/\d+/(?:[0-9a-f]{8}-)?(?P<name>[^/]+)")


def read_labelstudio(file: CorrectedFile) -> list[Correction]:
    """Labels of the annotations that people submitted; tasks without one are left out.

    Raises
    ------
    CorpusError
        If it is no such export, or no task has an annotation.
    """
    try:
        tasks = json.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise file.refuse(
            "", f"broken JSON ({error}). Export it from Label Studio again."
        ) from None
    tasks = tasks if isinstance(tasks, list) else [tasks]
    corrections: list[Correction] = []
    submitted = 0
    for number, task in enumerate(tasks, start=1):
        where = f"task {task.get('id', number)}" if isinstance(task, dict) else f"task {number}"
        annotations = _list_annotations(file, where, task)
        submitted += len(annotations)
        for annotation in annotations:
            corrections += _read_annotation(file, where, task, annotation)
    if not submitted:
        raise file.refuse(
            "",
            f"no annotation in {len(tasks):,} tasks. Submit answers in Label Studio, and export "
            "them as JSON.",
        )
    return corrections


def _list_annotations(file: CorrectedFile, where: str, task: Any) -> list[dict[str, Any]]:
    if isinstance(task, dict) and isinstance(task.get("data"), dict):
        annotations = task.get("annotations", [])
        if isinstance(annotations, list) and all(isinstance(one, dict) for one in annotations):
            return [one for one in annotations if not one.get("was_cancelled")]
    raise file.refuse(
        where, "expected data and annotations. Export from Label Studio as JSON, not JSON-MIN."
    )


def _read_annotation(
    file: CorrectedFile, where: str, task: Mapping[str, Any], annotation: Mapping[str, Any]
) -> Iterator[Correction]:
    source, channels = _find_source(task["data"]), _list_channels(task["data"])
    answers = _list_predicted(file, where, task)
    results = annotation.get("result")
    for result in results if isinstance(results, list) else ():
        kind = result.get("type") if isinstance(result, dict) else None
        value = result.get("value") if kind in _KINDS else None
        if not isinstance(value, dict):
            continue  # a comment, a relation, or another control of the configuration
        words = value.get(kind)
        if not isinstance(words, list) or len(words) != 1 or not isinstance(words[0], str):
            shown = escape_control(str(words))[:60]
            raise file.refuse(where, f"expected one emotion, found {shown}. Choose one.")
        times = [_read_seconds(file, where, name, value) for name in ("start", "end")]
        region = _read_id(file, where, result)
        predicted = answers.get(region) or answers.get((times[0], times[1]))
        yield Correction(
            where,
            source,
            times[0],
            times[1],
            words[0],
            speaker=_find_speaker(result),
            rater=_name_rater(annotation.get("completed_by")),
            model_emotion=predicted if predicted != words[0] else None,
            channel=channels,
            channel_index=_read_channel(file, where, value),
        )


def _read_seconds(
    file: CorrectedFile, where: str, name: str, value: Mapping[str, Any]
) -> float | None:
    """Start or end of a region; None if it has none."""
    seconds = value.get(name)
    if seconds is None:
        return None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        with suppress(OverflowError):
            if math.isfinite(seconds):
                return float(seconds)
    raise file.refuse(
        where,
        f"{name} is {_show(seconds)}, expected a number of seconds. Correct it in the file, or "
        "export it from Label Studio again.",
    )


def _read_id(file: CorrectedFile, where: str, result: Mapping[str, Any]) -> str | int | None:
    """Identifier of a region; None if it has none."""
    region = result.get("id")
    if region is None or isinstance(region, str | int):
        return region
    raise file.refuse(
        where,
        f"id is {_show(region)}, expected text. Correct it in the file, or export it from Label "
        "Studio again.",
    )


def _read_channel(file: CorrectedFile, where: str, value: Mapping[str, Any]) -> int:
    """Channel that a region was drawn in, from 0."""
    channel = value.get("channel")
    if channel is None:
        return 0
    if isinstance(channel, int) and not isinstance(channel, bool) and channel >= 0:
        return channel
    raise file.refuse(
        where,
        f"channel is {_show(channel)}, expected 0, 1 and so on. Correct it in the file, or export "
        "it from Label Studio again.",
    )


def _show(value: Any) -> str:
    return escape_control(json.dumps(value, ensure_ascii=False))[:60]


def _find_source(data: Mapping[str, Any]) -> str:
    """Recording of a task: as `voxaffect` named it, or of its address."""
    if isinstance(source := data.get("source"), str) and source:
        return source
    address = data.get("audio")
    if not isinstance(address, str):
        texts = [value for value in data.values() if isinstance(value, str)]
        address = next((text for text in texts if "/" in text or "." in text), "")
    parts = urlsplit(address)
    if names := parse_qs(parts.query).get("d"):
        return names[-1]
    path = unquote(parts.path)
    match = _UPLOAD.fullmatch(path)
    return match["name"] if match else path.lstrip("/") if parts.scheme else path


def _find_speaker(result: Mapping[str, Any]) -> str | None:
    """Speaker in the notes of a region, as `voxaffect` writes it."""
    meta = result.get("meta")
    notes = meta.get("text") if isinstance(meta, dict) else None
    texts = [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []
    matches = [match for text in texts for match in _SPEAKER.finditer(text)]
    return matches[0]["name"].strip() if matches else None


def _list_channels(data: Mapping[str, Any]) -> str:
    channel = data.get("channel")
    return channel if isinstance(channel, str) and channel else "mix"


def _list_predicted(file: CorrectedFile, where: str, task: Mapping[str, Any]) -> dict[Any, str]:
    """Emotions of the model, by the identifier and by the times of their regions."""
    answers: dict[Any, str] = {}
    predictions = task.get("predictions")
    for prediction in predictions if isinstance(predictions, list) else ():
        results = prediction.get("result") if isinstance(prediction, dict) else None
        for result in results if isinstance(results, list) else ():
            value = result.get("value") if isinstance(result, dict) else None
            if not isinstance(value, dict):
                continue
            words = value.get("labels") or value.get("choices")
            if isinstance(words, list) and words and isinstance(words[0], str):
                times = [_read_seconds(file, where, name, value) for name in ("start", "end")]
                answers[_read_id(file, where, result)] = words[0]
                answers[times[0], times[1]] = words[0]
    return answers


def _name_rater(person: Any) -> str | None:
    """Name of an annotator: the address or the number that the export has."""
    if isinstance(person, dict):
        person = next((person[key] for key in ("email", "username", "id") if person.get(key)), None)
    return str(person) if isinstance(person, str | int) and person != "" else None
