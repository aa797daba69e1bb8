"""A study in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voxaffect.outputs.formats import align_columns
from voxaffect.outputs.report.context import count_few_speakers, describe_caveat, describe_repeats
from voxaffect.outputs.report.documents import Document
from voxaffect.outputs.report.formatting import format_legend, format_mean, format_number

_METRICS = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro-F1"}
_CHANGE = "UAR on degraded audio; a change below 0 is worse than the original recordings"
_WHOLE = {"top_two": "top-2", "nll": "NLL", "ece": "ECE"}


def to_text(document: Document) -> str:
    """Format scores side by side, then notes on them, then details of each evaluation.

    Parameters
    ----------
    document : dict
        As `document` makes it.

    Returns
    -------
    str
    """
    systems = document["systems"].values()
    has_folds = any(len(o["folds"]) > 1 for s in systems for o in s["evaluations"].values())
    evaluations = [one for system in systems for one in system["evaluations"].values()]
    is_scored = any(one["score_kind"] != "dimensions" for one in evaluations)
    title = (
        f"{'Mean ± standard deviation over folds' if has_folds else 'One fold'}; "
        "top-2, NLL, ECE, confusions, recalls and groups over all tested utterances\n"
    )
    blocks = [
        title + align_columns(list(_tabulate_scores(document))) if is_scored else "",
        "".join(f"{line}\n" for line in _list_notes(document)),
        _tabulate_conditions(document),
        *(
            _show_details(_title(name, protocol), one)
            for name, system in document["systems"].items()
            for protocol, one in system["evaluations"].items()
        ),
    ]
    return "\n".join(block for block in blocks if block)


def _title(system: str, protocol: str) -> str:
    """Title of an evaluation; a system may have the name of the protocol."""
    return f"{system}, protocol {protocol}" if system == protocol else f"{system}, {protocol}"


def _tabulate_scores(document: Document) -> Iterator[list[str]]:
    yield ["", "folds", *_METRICS.values(), *_WHOLE.values()]
    for name, system in document["systems"].items():
        for protocol, one in system["evaluations"].items():
            metrics = one["metrics"]
            means = [format_mean(metrics[metric]) for metric in _METRICS]
            wholes = [format_number(metrics[metric]["mean"]) for metric in _WHOLE]
            yield [_title(name, protocol), str(len(one["folds"])), *means, *wholes]
    for protocol, base in document["baselines"].items():
        for name, row in base.items():
            title = "baseline: " + (f"always {row['emotion']}" if "emotion" in row else name)
            values = [f"{row[metric]:.3f}" if metric in row else "" for metric in _METRICS]
            yield [f"{title}, {protocol}", "", *values, *([""] * len(_WHOLE))]


def _list_notes(document: Document) -> Iterator[str]:
    """List notes on protocols, premium, differences, leaks and feature groups."""
    first = next(iter(document["systems"].values()))
    yield from _list_protocols(document, first)
    yield from _list_caveats(document)
    yield from _list_training(document)
    if document["reference_missing"]:
        yield f"no other protocol to compare with: {document['reference_missing']}"
    for name, premium in document["premium"].items():
        yield (
            f"leakage premium, {name}: {premium['uar']:+.3f} UAR by the random split over new "
            f"speakers{_format_interval(premium['interval'])}"
        )
    for row in document["paired"]:
        yield (
            f"{row['a']} minus {row['b']}, {row['protocol']}: {row['difference']:+.3f} UAR"
            f"{_format_interval(row['interval'])}, p = {row['p']:.4f}"
        )
    for leak in document["leaks"] or ():
        yield _describe_leak(leak)
    for name, system in document["systems"].items():
        meanings = {row["group"]: row.get("meaning") for row in system["importance"]}
        if any(meanings.values()):
            yield f"feature groups, {format_legend(meanings)}"
        for row in system["importance"]:
            yield (
                f"{name} without {row['group']}: {row['drop']:.3f} UAR lost"
                f"{_format_interval(row['interval'])}"
            )


def _list_protocols(document: Document, first: Mapping[str, Any]) -> Iterator[str]:
    """List the protocols, and those whose intervals are over few speakers."""
    for protocol, one in first["evaluations"].items():
        yield f"{protocol}: {one['summary']}."
        if few := count_few_speakers(document, one):
            yield (
                f"{protocol}: the intervals are over {few} speakers, which is few: they are rough, "
                "and may be too narrow"
            )


def _list_caveats(document: Document) -> Iterator[str]:
    """List the systems without probabilities, and what could not be checked of each."""
    for name, system in document["systems"].items():
        first = next(iter(system["evaluations"].values()))
        if caveat := describe_caveat(first):
            yield f"{name} {caveat}"
        if unchecked := first.get("unchecked"):
            yield f"{name}: {system['summary']}"
        for sentence in unchecked or ():
            yield f"not checked of {name}: {sentence}"


def _list_training(document: Document) -> Iterator[str]:
    """List notes on weights and emotions of systems and data."""
    yield from _list_weights(document)
    for name, system in document["systems"].items():
        yield from _list_emotions(name, system["evaluations"][document["protocol"]])
    alone = "trained, not tested" if document["protocol"] == "corpora" else "left out"
    for row in document["data"]["mapping"]:
        yield f"{row['emotion']}: {' and '.join(row['corpora'])}" + (
            "" if len(row["corpora"]) > 1 else f" only, {alone}"
        )


def _list_emotions(name: str, one: Mapping[str, Any]) -> Iterator[str]:
    """List the emotions that only a system or only the data have."""
    if unknown := one.get("unknown_emotions"):
        counts = ", ".join(f"{emotion} ({count:,})" for emotion, count in unknown.items())
        yield f"emotions of recordings that are left out, since no model knows them: {counts}"
    if untested := one.get("untested_emotions"):
        yield f"emotions that {name} may answer and no tested recording has: {', '.join(untested)}"


def _list_weights(document: Document) -> Iterator[str]:
    """List how each system weighted recordings in training, where they do not weigh alike."""
    for name, system in document["systems"].items():
        for one in system["evaluations"].values():
            if weighting := one.get("weighting"):
                yield f"{name}: {weighting}"


def _tabulate_conditions(document: Document) -> str:
    """Tabulate the UAR on degraded audio."""
    rows = [
        [name, condition, f"{row['uar']:.3f}", f"{-row['loss']:+.3f}"]
        for name, system in document["systems"].items()
        for condition, row in system["robustness"].items()
    ]
    if not rows:
        return ""
    return f"{_CHANGE}\n" + align_columns([["", "", "UAR", "change"], *rows])


def _describe_leak(leak: Mapping[str, Any]) -> str:
    """Describe one kind of leak in a line."""
    start = f"leak check, {leak['protocol']}: {leak['count']}"
    if leak["kind"] == "unchecked":
        return f"{start} recordings could not be decoded"
    noun = leak["kind"] if leak["count"] == 1 else f"{leak['kind']}s"
    verdict = "as this protocol intends" if leak["expected"] else "ALLOWED"
    examples = ", ".join(leak["examples"][:3]) + (" …" if leak["count"] > 3 else "")
    return f"{start} {noun} in both training and test, {verdict}: {examples}"


def _format_interval(interval: list[float] | None) -> str:
    return "" if interval is None else f" (95 % {interval[0]:+.3f} to {interval[1]:+.3f})"


def _format_bounds(interval: list[float] | None) -> str:
    return "" if interval is None else f" (95 % {interval[0]:.3f} to {interval[1]:.3f})"


def _show_details(title: str, one: Mapping[str, Any]) -> str:
    """Show the interval, groups, thresholds and the confusion matrix of an evaluation."""
    facts = []
    if one["metrics"]["uar"]["interval"]:
        low, high = one["metrics"]["uar"]["interval"]
        unit = "corpora" if one.get("unit") == "corpus" else "speakers"
        facts.append(
            f"UAR {one['metrics']['uar']['mean']:.3f}, "
            f"95 % interval over {unit}: {low:.3f} to {high:.3f}"
        )
    elif one["confusion"] is not None and (count := one.get("unknown_speakers")):
        facts.append(
            f"UAR {one['metrics']['uar']['mean']:.3f}, no interval: the speakers "
            f"of {count:,} utterances are unknown"
        )
    if restricted := one["metrics"].get("restricted_uar"):
        facts.append(
            f"UAR with answers among the tested emotions alone: {format_mean(restricted)}"
            f"{_format_bounds(restricted['interval'])}"
        )
    facts += list_rating_scores(one)
    if uncertainty := one.get("uncertainty"):
        facts.append(_describe_uncertainty(uncertainty, one.get("stated") or {}))
    if len(one["by_corpus"]) > 1:
        facts += [
            f"UAR, {name}: {group['uar']:.3f}{_format_bounds(group['interval'])}"
            for name, group in one["by_corpus"].items()
        ]
    for groups in (one["by_sex"], one["by_intensity"]):
        facts += [f"UAR, {name}: {group['uar']:.3f}" for name, group in groups.items()]
    facts += [_describe_threshold(row) for row in one["thresholds"]]
    if repeats := describe_repeats(one):
        facts.append(repeats)
    if one["confusion"] is None:
        return "".join(f"{line}\n" for line in [title, *facts])
    rows = [["true \\ recognized", "", *one["emotions"], "recall", "precision"]]
    for emotion, counts in zip(one["emotions"], one["confusion"], strict=True):
        shares = [one["by_emotion"][emotion][key] for key in ("recall", "precision")]
        cells = ["–" if share is None else f"{share:.2f}" for share in shares]
        rows.append([emotion, "", *map(str, counts), *cells])
    return "\n".join([title, *facts, align_columns(rows)])


def list_rating_scores(one: Mapping[str, Any]) -> list[str]:
    """Lines on the scores against soft labels and on those of each dimension."""
    lines = []
    if soft := one.get("soft_labels"):
        names = {
            "divergence": "Jensen-Shannon divergence",
            "cross_entropy": "cross-entropy",
            "cosine": "cosine similarity",
        }
        parts = [
            f"{title} {soft[name]['mean']:.3f}{_format_bounds(soft[name].get('interval'))}"
            for name, title in names.items()
            if soft.get(name)
        ]
        lines.append(f"soft labels of {soft['utterances']:,} utterances: {', '.join(parts)}")
    for name, row in (one.get("dimensions") or {}).items():
        ccc = "not defined" if row.get("ccc") is None else f"{row['ccc']:.3f}"
        error = ""
        if row.get("absolute_error") is not None:
            bounds = _format_bounds(row.get("absolute_error_interval"))
            error = f", mean absolute error {row['absolute_error']:.3f}{bounds}"
        lines.append(
            f"{name} of {row['utterances']:,} utterances: CCC {ccc}"
            f"{_format_bounds(row.get('interval'))}{error}"
        )
    return lines


def _describe_uncertainty(uncertainty: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """Describe the answers that are not uncertain, and those that the model card states."""
    answered, right = uncertainty["answered"], uncertainty["right"]
    text = f"marked uncertain: {1 - answered:.0%}"
    if right is not None:
        bounds = _format_bounds(uncertainty["interval"])
        text += f"; of the other answers, {right:.0%} are right{bounds}"
    if "risk" in stated:
        unseen = "corpora" if "speakers_risk" in stated else "speakers"
        text += f"; the model card states {1 - stated['risk']:.0%} on {unseen} left out"
    return text


def _describe_threshold(row: Mapping[str, Any]) -> str:
    """Describe the threshold for a target risk, and its coverage."""
    if row["threshold"] is None:
        return f"no threshold keeps errors below {row['risk']:.0%}"
    return (
        f"errors below {row['risk']:.0%}: answer from a confidence of {row['threshold']:.4g}, "
        f"{row['coverage']:.0%} of utterances"
    )
