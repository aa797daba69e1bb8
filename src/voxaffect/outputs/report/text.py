"""A study in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voxaffect.outputs.formats import align_columns
from voxaffect.outputs.report.context import describe_caveat
from voxaffect.outputs.report.documents import Document
from voxaffect.outputs.report.formatting import format_legend, format_mean, format_number

_METRICS = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro-F1"}
_CHANGE = "UAR on degraded audio; change from the recordings as they are, below 0 is worse"
_WHOLE = {"top_two": "top-2", "nll": "NLL", "ece": "ECE"}


def to_text(found: Document) -> str:
    """Scores side by side, what they are worth, then details of each.

    Parameters
    ----------
    found : dict
        As `document` makes it.

    Returns
    -------
    str
    """
    blocks = [
        "Mean ± standard deviation over folds; top-2, NLL, ECE, intervals and differences over "
        "all tested utterances\n" + align_columns(list(_scores(found))),
        "".join(f"{line}\n" for line in _notes(found)),
        _robustness(found),
        *(
            _details(f"{name}, {protocol}", one)
            for name, system in found["systems"].items()
            for protocol, one in system["evaluations"].items()
        ),
    ]
    return "\n".join(block for block in blocks if block)


def _scores(found: Document) -> Iterator[list[str]]:
    yield ["", "folds", *_METRICS.values(), *_WHOLE.values()]
    for name, system in found["systems"].items():
        for protocol, one in system["evaluations"].items():
            metrics = one["metrics"]
            means = [format_mean(metrics[metric]) for metric in _METRICS]
            wholes = [format_number(metrics[metric]["mean"]) for metric in _WHOLE]
            yield [f"{name}, {protocol}", str(len(one["folds"])), *means, *wholes]
    for protocol, base in found["baselines"].items():
        for name, row in base.items():
            title = f"always {row['emotion']}" if "emotion" in row else name
            values = [f"{row[m]:.3f}" if m in row else "" for m in _METRICS]
            yield [f"{title}, {protocol}", "", *values, *([""] * len(_WHOLE))]


def _notes(found: Document) -> Iterator[str]:
    """What the protocols are, what leaked, and what is between the figures."""
    first = next(iter(found["systems"].values()))
    for protocol, one in first["evaluations"].items():
        yield f"{protocol}: {one['summary']}."
    yield from _doubts(found)
    for row in found["data"]["mapping"]:
        yield f"{row['emotion']}: {' and '.join(row['corpora'])}" + (
            "" if len(row["corpora"]) > 1 else " only, left out"
        )
    if found["reference_missing"]:
        yield f"beside it there is no other protocol: {found['reference_missing']}"
    for name, premium in found["premium"].items():
        yield (
            f"leakage premium, {name}: the random split claims {premium['uar']:+.3f} UAR "
            f"beyond new voices{_within(premium['interval'])}"
        )
    for row in found["paired"]:
        yield (
            f"{row['a']} less {row['b']}, {row['protocol']}: {row['difference']:+.3f} UAR"
            f"{_within(row['interval'])}, p = {row['p']:.4f}"
        )
    for leak in found["leaks"]:
        yield leak_line(leak)
    for name, system in found["systems"].items():
        families = {row["group"]: row.get("meaning") for row in system["importance"]}
        if any(families.values()):
            yield f"families of features, {format_legend(families)}"
        for row in system["importance"]:
            yield (
                f"{name} without {row['group']}: {row['drop']:.3f} UAR lost"
                f"{_within(row['interval'])}"
            )


def _doubts(found: Document) -> Iterator[str]:
    """Which systems do not say how sure they are."""
    for name, system in found["systems"].items():
        said = describe_caveat(next(iter(system["evaluations"].values())))
        if said:
            yield f"{name} {said}"


def _robustness(found: Document) -> str:
    """UAR on degraded audio, under a heading that says which way a change goes."""
    rows = [
        [name, condition, f"{row['uar']:.3f}", f"{-row['loss']:+.3f}"]
        for name, system in found["systems"].items()
        for condition, row in system["robustness"].items()
    ]
    if not rows:
        return ""
    return f"{_CHANGE}\n" + align_columns([["", "", "UAR", "change"], *rows])


def leak_line(leak: Mapping[str, Any]) -> str:
    """Say one kind of leak in a line."""
    if leak["kind"] == "unchecked":
        return f"leak check, {leak['protocol']}: {leak['count']} recordings could not be decoded"
    what = leak["kind"] if leak["count"] == 1 else f"{leak['kind']}s"
    why = "as it means to" if leak["expected"] else "ALLOWED"
    few = ", ".join(leak["examples"][:3])
    more = " …" if leak["count"] > 3 else ""
    return (
        f"leak check, {leak['protocol']}: {leak['count']} {what} on both sides, {why}: {few}{more}"
    )


def _within(interval: list[float] | None) -> str:
    return "" if interval is None else f" (95 % {interval[0]:+.3f} to {interval[1]:+.3f})"


def _details(title: str, one: Mapping[str, Any]) -> str:
    """Interval, sexes, thresholds, and utterances by true (row) and recognized emotion."""
    facts = []
    if one["metrics"]["uar"]["interval"]:
        low, high = one["metrics"]["uar"]["interval"]
        facts.append(
            f"UAR of all {one['metrics']['uar']['whole']:.3f}, "
            f"95 % interval over speakers: {low:.3f} to {high:.3f}"
        )
    elif count := one.get("unknown_speakers"):
        facts.append(
            f"UAR of all {one['metrics']['uar']['whole']:.3f}, no interval: the speakers "
            f"of {count:,} utterances are unknown"
        )
    for groups in (one["by_sex"], one["by_intensity"]):
        facts += [f"UAR, {name}: {group['uar']:.3f}" for name, group in groups.items()]
    facts += [_threshold(row) for row in one["thresholds"]]
    rows = [["true \\ recognized", "", *one["emotions"], "recall", "precision"]]
    for emotion, counts in zip(one["emotions"], one["confusion"], strict=True):
        shares = [one["by_emotion"][emotion][key] for key in ("recall", "precision")]
        cells = ["–" if share is None else f"{share:.2f}" for share in shares]
        rows.append([emotion, "", *map(str, counts), *cells])
    return "\n".join([title, *facts, align_columns(rows)])


def _threshold(row: Mapping[str, Any]) -> str:
    if row["threshold"] is None:
        return f"risk {row['risk']:.0%}: no threshold reaches it"
    return (
        f"risk {row['risk']:.0%}: answer from {row['threshold']:.4g} on, "
        f"{row['coverage']:.0%} of utterances"
    )
