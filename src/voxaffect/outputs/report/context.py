"""Context of the report's templates: plain numbers, found in the document or computed from it.

A document may lack any part of an evaluation. A list is then empty, and its section is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from voxaffect.files import escape_control
from voxaffect.outputs.figures.palette import MOST_SYSTEMS
from voxaffect.outputs.report.formatting import format_legend
from voxaffect.records.choices import FEW_SPEAKERS

Document = Mapping[str, Any]
Evaluation = Mapping[str, Any]
MOST_ERRORS = 12
MOST_MISTAKES = 3
_UNTRAINED = ("predictions", "model")
"""Protocols of systems that were not trained here."""


@dataclass(frozen=True, eq=False)
class System:
    """A system, with its evaluation by the protocol of the report."""

    name: str
    system: Mapping[str, Any]
    evaluation: Evaluation


def build_context(document: Document, folder: Path) -> dict[str, Any]:
    """Compute everything that the templates show.

    Parameters
    ----------
    document : mapping
        Format 1, as ``json.loads`` gives it. Optional parts may be null, empty or absent.
    folder : Path
        The folder of the report, for links to recordings.
    """
    paths = [utterance["path"] for utterance in document["utterances"]]
    document = _make_printable(document)
    systems = list_systems(document)

    def having(*keys: str) -> list[System]:
        return [one for one in systems if dig(one.evaluation, *keys)][:MOST_SYSTEMS]

    robust = [one for one in systems if one.system.get("robustness")][:MOST_SYSTEMS]
    evaluations = list_evaluations(document)
    return {
        "document": document,
        "corpora": dig(document, "data", "corpora") or {},
        "used": _list_used(document, evaluations),
        "few_speakers": next(
            filter(None, (count_few_speakers(document, one) for _, one in evaluations)), 0
        ),
        "has_emotions": any(utterance["emotion"] for utterance in document["utterances"]),
        "interval_unit": _name_unit(evaluations),
        "has_unknown_speakers": any(one.get("unknown_speakers") for _, one in evaluations),
        "headline": _compare_protocols(document),
        "baselines": dig(document, "baselines", document["protocol"]) or {},
        "baseline_rows": _merge_baselines(document),
        "systems": systems,
        "evaluations": evaluations,
        "caveats": _join_caveats(systems),
        "confusion": [_summarize_confusion(one) for one in having("confusion")],
        "soft_labels": having("soft_labels"),
        "dimensions": having("dimensions"),
        "by_emotion": [_rank_emotions(one) for one in having("by_emotion")],
        "reliability": [one for one in map(_average_bins, having("reliability")) if one["bins"]],
        "risk": [_sample_curve(one) for one in having("risk_coverage", "coverage")],
        "by_speaker": [_rank_speakers(one) for one in having("by_speaker")],
        "by_corpus": _gather_corpora(systems),
        **_gather_groups(systems),
        **_gather_conditions(robust),
        "importance": [_rank_importance(one) for one in systems if one.system.get("importance")][
            :MOST_SYSTEMS
        ],
        "map": _center_emotions(document),
        "errors": _rank_errors(document, systems, paths, folder),
        "folds": _describe_folds(document, systems),
        "mapping": _tabulate_mapping(dig(document, "data", "mapping") or []),
    }


def dig(value: Any, *keys: str) -> Any:
    """Return the value under the keys, or None where any of them is absent or null."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def list_systems(document: Document) -> list[System]:
    """List the systems that the report's protocol measured, in the document's order."""
    return [
        System(name, system, evaluation)
        for name, system in document["systems"].items()
        if (evaluation := dig(system, "evaluations", document["protocol"]))
    ]


def list_evaluations(document: Document) -> list[tuple[str, Evaluation]]:
    """List every system's evaluations, those of the report's protocol first."""
    protocols = [document["protocol"], document.get("reference_protocol")]
    return [
        (name, evaluation)
        for name, system in document["systems"].items()
        for protocol in protocols
        if protocol and (evaluation := dig(system, "evaluations", protocol))
    ]


def _make_printable(value: Any) -> Any:
    """Return every text as one line without control characters: names may hold anything."""
    if isinstance(value, str):
        return escape_control(value)
    if isinstance(value, Mapping):
        return {escape_control(str(key)): _make_printable(part) for key, part in value.items()}
    return [_make_printable(part) for part in value] if isinstance(value, list | tuple) else value


def _list_used(document: Document, evaluations: Sequence[tuple[str, Evaluation]]) -> dict[str, int]:
    """Count utterances, emotions and speakers that any fold trains on or tests; all without folds.

    A protocol may leave out utterances, such as those of emotions that only one corpus has.
    """
    indices: set[int] = set()
    for _, evaluation in evaluations:
        for fold in evaluation.get("folds") or ():
            indices.update(fold["train"], fold["test"])
    everything = document["utterances"]
    used = [everything[index] for index in sorted(indices)] or everything
    speakers = {(u.get("corpus"), u["speaker"]) for u in used if u.get("speaker")}
    return {
        "utterances": len(used),
        "emotions": len({u["emotion"] for u in used} - {None, ""}),
        "speakers": len(speakers),
    }


def count_few_speakers(document: Document, evaluation: Evaluation) -> int:
    """Number of tested speakers if intervals are over them and they are few; else 0."""
    if evaluation.get("unit") == "corpus" or evaluation.get("unknown_speakers"):
        return 0
    utterances = [document["utterances"][index] for index in evaluation.get("tested") or ()]
    count = len({(one.get("corpus"), one.get("speaker")) for one in utterances})
    return count if 1 < count <= FEW_SPEAKERS else 0


def _name_unit(evaluations: Sequence[tuple[str, Evaluation]]) -> str:
    """Name what the intervals of the UAR are drawn over."""
    return "corpora" if any(one.get("unit") == "corpus" for _, one in evaluations) else "speakers"


def _compare_protocols(document: Document) -> list[dict[str, Any]]:
    """Pair each system's evaluations on new speakers and by a random split.

    Of ``other``, predictions or a finished model, nobody knows which speakers it was trained on.
    """
    pairs = []
    for name, system in document["systems"].items():
        known = [one for one in (system.get("evaluations") or {}).values() if one]
        other = next((one for one in known if one.get("protocol") in _UNTRAINED), None)
        trained = [one for one in known if one is not other]
        new = next((one for one in trained if one.get("new_voices")), None)
        random = next((one for one in trained if not one.get("new_voices")), None)
        pairs.append(
            {
                "name": name,
                "new": new,
                "random": random,
                "other": other,
                "premium": dig(document, "premium", name),
                "is_measured": any(
                    dig(one, "metrics", "uar", "mean") is not None for one in (new, random)
                ),
            }
        )
    return pairs


def _merge_baselines(document: Document) -> list[dict[str, Any]]:
    """List chance and majority by protocol; protocols with the same scores share a row."""
    rows: dict[tuple[Any, ...], list[str]] = {}
    for protocol, baselines in (document.get("baselines") or {}).items():
        for name in ("chance", "majority"):
            if baseline := dig(baselines, name):
                scores = baseline.get("emotion"), baseline["uar"], baseline.get("accuracy")
                rows.setdefault(scores, []).append(protocol)
    return [
        {"emotion": emotion, "uar": uar, "accuracy": accuracy, "protocols": protocols}
        for (emotion, uar, accuracy), protocols in rows.items()
    ]


def describe_caveat(evaluation: Evaluation) -> str:
    """Describe the scores that a system without probabilities lacks; empty if it has them."""
    return {
        "scores": "gives no probabilities: NLL and ECE are not available, and its confidence is "
        "the softmax of its scores",
        "answers": "gives answers without probabilities: top-two, NLL, ECE and risk by coverage "
        "are not available",
        "dimensions": "gives dimensions and no emotions: scores of emotions are not available",
    }.get(evaluation.get("score_kind") or "", "")


def describe_repeats(evaluation: Evaluation) -> str:
    """Describe the answers on recordings that several folds test; empty if there are none."""
    tested = evaluation.get("tested") or ()
    different = len(set(tested))
    if len(tested) == different:
        return ""
    return (
        f"{len(tested):,} answers on {different:,} utterances: what several folds test counts "
        "each time."
    )


def _join_caveats(systems: Iterable[System]) -> str:
    caveats = {one.name: describe_caveat(one.evaluation) for one in systems}
    text = "; ".join(f"{name} {caveat}" for name, caveat in caveats.items() if caveat)
    return f"{text}." if text else ""


def _summarize_confusion(one: System) -> dict[str, Any]:
    """Rank the most frequent mistakes by their share of the true emotion, and list recalls."""
    emotions = one.evaluation["emotions"]
    rows = list(zip(emotions, one.evaluation["confusion"], strict=True))
    mistakes = [
        {
            "share": count / sum(row),
            "count": count,
            "total": sum(row),
            "truth": truth,
            "recognized": recognized,
        }
        for truth, row in rows
        for recognized, count in zip(emotions, row, strict=True)
        if recognized != truth and count
    ]
    ranked = sorted(mistakes, key=lambda row: (-row["share"], row["truth"], row["recognized"]))
    recalls = [(name, row[i] / sum(row)) for i, (name, row) in enumerate(rows) if sum(row)]
    return {
        "system": one,
        "mistakes": ranked[:MOST_MISTAKES],
        "recalls": recalls,
        "repeats": describe_repeats(one.evaluation),
    }


def _rank_emotions(one: System) -> dict[str, Any]:
    """Rank emotions by recall, lowest first."""
    recalls = {
        name: scores["recall"]
        for name, scores in one.evaluation["by_emotion"].items()
        if scores.get("recall") is not None
    }
    return {"system": one, "ranked": sorted(recalls.items(), key=lambda item: item[1])}


def _average_bins(one: System) -> dict[str, Any]:
    """Average confidence and accuracy over all utterances of the bins that are not empty."""
    bins = [each for each in one.evaluation["reliability"] if each["utterances"]]
    total = sum(each["utterances"] for each in bins)
    means = {
        kind: sum(each[kind] * each["utterances"] for each in bins) / total
        for kind in ("confidence", "accuracy")
        if bins
    }
    return {"system": one, "bins": bins, **means}


def _sample_curve(one: System) -> dict[str, Any]:
    """Find the point of full coverage, and the points nearest to every tenth of coverage."""
    curve = one.evaluation["risk_coverage"]
    points = [
        {"coverage": coverage, "risk": risk}
        for coverage, risk in zip(curve["coverage"], curve["risk"], strict=True)
    ]
    return {
        "system": one,
        "full": max(points, key=lambda point: point["coverage"]),
        "tenths": [
            min(points, key=lambda point: abs(point["coverage"] - tenth / 10))
            for tenth in range(1, 11)
        ],
    }


def _rank_speakers(one: System) -> dict[str, Any]:
    """Rank speakers by UAR, lowest first, with the median."""
    by_speaker = one.evaluation["by_speaker"].items()
    ranked = sorted(by_speaker, key=lambda item: (item[1]["uar"], item[0]))
    return {
        "system": one,
        "ranked": ranked,
        "median": median(scores["uar"] for _, scores in ranked),
    }


def _gather_corpora(systems: Iterable[System]) -> list[tuple[System, list[Any]]]:
    """Gather the scores of the corpora, where there are several."""
    scores = [(one, list((one.evaluation.get("by_corpus") or {}).items())) for one in systems]
    return [(one, groups) for one, groups in scores if len(groups) > 1]


def _gather_groups(systems: Iterable[System]) -> dict[str, Any]:
    """Gather the scores of sexes and intensities, and the gaps of the first system."""
    kinds = {"by_sex": "sexes", "by_intensity": "intensities"}
    chosen = [one for one in systems if any(dig(one.evaluation, kind) for kind in kinds)]
    chosen = chosen[:MOST_SYSTEMS]
    keys = [
        (kind, name)
        for kind in kinds
        for name in sorted({n for one in chosen for n in one.evaluation.get(kind) or {}})
    ]
    gaps = []
    for kind, noun in kinds.items() if chosen else ():
        groups = (chosen[0].evaluation.get(kind) or {}).items()
        ranked = sorted(
            ((name, scores["uar"]) for name, scores in groups), key=lambda item: item[1]
        )
        if len(ranked) > 1:
            gaps.append({"noun": noun, "best": ranked[-1], "worst": ranked[0]})
    scores = [(one, [(key[1], dig(one.evaluation, *key)) for key in keys]) for one in chosen]
    return {"groups": scores, "gaps": gaps}


def _gather_conditions(systems: Sequence[System]) -> dict[str, Any]:
    """Gather the scores of the original recordings and of each condition, and the worst one."""
    if not systems:
        return {"robustness": [], "worst_condition": None}
    names = list(dict.fromkeys(name for one in systems for name in one.system["robustness"]))
    rows = []
    for one in systems:
        clean = one.evaluation["metrics"]["uar"]
        original = {"uar": clean["mean"], "interval": clean.get("interval")}
        conditions = [(name, one.system["robustness"].get(name)) for name in names]
        rows.append((one, [("as recorded", original), *conditions]))
    conditions = systems[0].system["robustness"].items()
    worst = max(conditions, key=lambda item: item[1].get("loss") or 0)
    return {"robustness": rows, "worst_condition": worst}


def _rank_importance(one: System) -> tuple[System, list[Mapping[str, Any]], str]:
    """Rank feature groups by the UAR that is lost without them, with their meanings."""
    groups = sorted(one.system["importance"], key=lambda group: -group["drop"])
    legend = format_legend({group["group"]: group.get("meaning") for group in groups})
    return one, groups, legend


def _center_emotions(document: Document) -> list[dict[str, Any]]:
    """Compute the center of each emotion on the map; empty without a map."""
    points = dig(document, "embedding", "points")
    if not points:
        return []
    by_emotion: dict[str, list[Sequence[float]]] = {}
    for utterance, point in zip(document["utterances"], points, strict=True):
        by_emotion.setdefault(utterance["emotion"], []).append(point)
    return [
        {
            "emotion": emotion,
            "utterances": len(own),
            "center": [sum(point[axis] for point in own) / len(own) for axis in (0, 1)],
        }
        for emotion, own in sorted(by_emotion.items())
    ]


def _rank_errors(
    document: Document, systems: Sequence[System], paths: Sequence[str], folder: Path
) -> dict[str, Any]:
    """Rank the errors of the first system with confidences, the most confident first.

    Paths are those of the utterances, unescaped. No utterance is listed twice.
    """
    known = [one for one in systems if one.evaluation.get("probabilities")]
    ranked = [one for one in known if one.evaluation.get("score_kind") != "answers"]
    if not ranked:
        return {"system": None, "has_answers": bool(known)}
    evaluation, utterances = ranked[0].evaluation, document["utterances"]
    worst: dict[int, tuple[float, int, str]] = {}
    for index, row in zip(evaluation["tested"], evaluation["probabilities"], strict=True):
        confidence = max(row)
        recognized = evaluation["emotions"][row.index(confidence)]
        if recognized == utterances[index]["emotion"]:
            continue
        if index not in worst or confidence > worst[index][0]:
            worst[index] = confidence, index, recognized
    root = _find_root(paths)
    return {
        "system": ranked[0],
        "rows": [
            {
                **utterances[index],
                "recognized": recognized,
                "confidence": confidence,
                "name": escape_control(
                    os.path.relpath(paths[index], root) if root else paths[index]
                ),
                "url": make_url(paths[index], folder),
            }
            for confidence, index, recognized in sorted(
                worst.values(), key=lambda error: (-error[0], error[1])
            )[:MOST_ERRORS]
        ],
    }


def _find_root(paths: Sequence[str]) -> str:
    """Return the common folder of all recordings; empty if they share none."""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
    except ValueError:  # absolute and relative, or several drives
        return ""


def make_url(path: str, folder: Path) -> str:
    """Return the URL of a recording for a page in a folder: absolute paths stay so.

    A path that looks like another scheme (``javascript:``) or holds bytes that are no UTF-8
    comes out quoted.
    """
    if Path(path).is_absolute():
        return Path(path).as_uri()
    relative = os.path.relpath(Path(path).absolute(), folder.absolute())
    return "./" + quote(os.fsencode(Path(relative).as_posix()))


def _describe_folds(document: Document, systems: Sequence[System]) -> list[dict[str, Any]]:
    """List the first system's folds, with the names of the speakers of each test."""
    utterances = document["utterances"]
    return [
        {
            **fold,
            "speakers": sorted({utterances[i].get("speaker") or "" for i in fold["test"]} - {""}),
        }
        for one in systems[:1]
        for fold in one.evaluation.get("folds") or []
    ]


def _tabulate_mapping(mapping: Sequence[Any]) -> dict[str, Any]:
    """Return the mapping of emotions as a table with a head and rows of text."""
    if not all(isinstance(row, Mapping) for row in mapping):
        mapping = [{"mapping": row} for row in mapping]
    head = list(dict.fromkeys(key for row in mapping for key in row))
    return {"head": head, "rows": [[_join(row.get(key)) for key in head] for row in mapping]}


def _join(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
