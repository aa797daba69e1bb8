"""The figures that a report opens with: new voices beside a random split, and systems compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxaffect.outputs.figures import evaluation as figures
from voxaffect.outputs.figures.evaluation import MOST_SYSTEMS
from voxaffect.outputs.report.blocks import Block, Card, Cards, Missing, Plot, Prose, Section, Table
from voxaffect.outputs.report.reading import Document, dig, evaluations, pair, shown, unsure
from voxaffect.outputs.report.wording import (
    UNKNOWN,
    interval,
    measured,
    number,
    probability,
    signed,
    with_interval,
)

METRICS = {
    "uar": "UAR",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "top_two": "top-two",
    "nll": "NLL",
    "ece": "ECE",
}


def headline(document: Document) -> Section:
    """Open with both figures of the first system, the premium, and what chance gives."""
    systems = document["systems"]
    first = next(iter(systems))
    blocks: list[Block] = [
        Cards((*_cards(document, first), *_guess_cards(document))),
        Prose(_verdict(document, first), warns=not pair(systems[first])[0]),
    ]
    if any(any(pair(system)) for system in systems.values()):
        blocks.append(_headline_plot(document))
    return Section("result", "The result", tuple(blocks))


def _cards(document: Document, name: str) -> tuple[Card, ...]:
    new, heard = pair(document["systems"][name])
    premium = dig(document, "premium", name)
    found: list[Card] = []
    for label, evaluation in (("New voices", new), ("Random split", heard)):
        uar = dig(evaluation, "metrics", "uar") or {}
        note = evaluation["summary"] if evaluation else "not measured"
        if evaluation and evaluation is new:
            note = f"speakers never heard in training: {note}"
        bounds = interval(uar["interval"]) if uar.get("interval") else ""
        is_first = label == "New voices"
        found.append(Card(label, number(uar.get("mean")), bounds, note, is_first=is_first))
    if premium:
        found.append(
            Card(
                "Leakage premium",
                signed(premium["uar"]),
                interval(premium["interval"]) if premium.get("interval") else "",
                "what the random split claims beyond new voices",
            )
        )
    return tuple(found)


def _guess_cards(document: Document) -> tuple[Card, ...]:
    """What is had without listening."""
    baselines = dig(document, "baselines", document["protocol"]) or {}
    chance, majority = baselines.get("chance"), baselines.get("majority")
    if not chance and not majority:
        return ()
    notes = []
    if chance:
        notes.append("chance: every emotion guessed alike")
    if majority:
        notes.append(
            f"always “{majority['emotion']}”: {number(majority['uar'])}, accuracy "
            f"{number(majority.get('accuracy'))}"
        )
    return (Card("Guessing", number(dig(chance or majority, "uar")), note="; ".join(notes)),)


def _verdict(document: Document, name: str) -> str:
    new, heard = pair(document["systems"][name])
    premium = dig(document, "premium", name)
    unit = "UAR, the mean recall over the emotions, with 95 % intervals over speakers"
    if new is None:
        reason = document.get("beside_missing") or "no protocol of new voices was run"
        return (
            f"{name} was not measured on new voices ({reason}). Every figure here is of voices "
            "that training may have heard: do not expect it from a stranger."
        )
    if heard is None:
        reason = document.get("beside_missing") or "no random split was run"
        return f"Figures are {unit}. No random split stands beside them ({reason})."
    if not premium:
        return f"Figures are {unit}."
    bounds = premium.get("interval")
    size = with_interval(premium["uar"], bounds)
    if bounds and bounds[0] <= 0 <= bounds[1]:
        claim = f"no clear advantage over new voices: {size} UAR"
    else:
        claim = f"{size} UAR {'beyond' if premium['uar'] > 0 else 'short of'} new voices"
    return (
        f"The random split claims {claim}. It tests voices that training has heard, so it "
        "answers another question; expect the figure of new voices from a stranger. Figures "
        f"are {unit}."
    )


def _headline_plot(document: Document) -> Plot:
    rows, drawn = [], {}
    for name, system in document["systems"].items():
        metrics = [dig(evaluation, "metrics", "uar") for evaluation in pair(system)]
        if not any(metrics):
            continue
        drawn[name] = (metrics[0], metrics[1])
        premium = dig(document, "premium", name) or {}
        cells = [with_interval(dig(each, "mean"), dig(each, "interval")) for each in metrics]
        rows.append([name, *cells, _premium(premium)])
    chance = dig(document, "baselines", document["protocol"], "chance", "uar")
    said = "; ".join(
        f"{name}: new voices {new}, random split {heard}" for name, new, heard, _ in rows
    )
    return Plot(
        "headline",
        figures.headline(drawn, chance=chance),
        f"UAR of each system on new voices and by a random split. {said}. Chance: "
        f"{number(chance)}.",
        "Each system twice: on speakers it never heard, and on a random split. The bar between "
        f"is the leakage premium; {_whiskers(document)}.",
        Table(
            "UAR on new voices and by a random split",
            ["system", "new voices", "random split", "premium"],
            rows,
        ),
    )


def _has_unknown_speakers(document: Document) -> bool:
    return any(evaluation.get("unknown_speakers") for _, evaluation in evaluations(document))


def _whiskers(document: Document) -> str:
    if _has_unknown_speakers(document):
        return "no intervals are drawn, since speakers are unknown"
    return "whiskers are 95 % intervals over speakers"


def _interval_kind(document: Document) -> str:
    if _has_unknown_speakers(document):
        return "there is no interval, since speakers are unknown"
    return "the interval is a bootstrap over speakers"


def _premium(premium: Mapping[str, Any]) -> str:
    bounds = f" {interval(premium['interval'])}" if premium.get("interval") else ""
    return signed(premium.get("uar")) + bounds


def systems_section(document: Document) -> Section | Missing:
    """Every system by every protocol, baselines under them, and the paired differences."""
    found = evaluations(document)
    if not found:
        return Missing("Systems", "no system was measured by the protocol.")
    rows = [
        [name, evaluation["protocol"], *_scores(evaluation["metrics"])]
        for name, evaluation in found
    ]
    rows += _baseline_rows(document)
    said = [
        f"{name}: {system['summary']}"
        for name, system in document["systems"].items()
        if system.get("summary")
    ]
    doubts = {name: unsure(evaluation) for name, evaluation in found}
    said += [f"{name} {doubt}" for name, doubt in doubts.items() if doubt]
    if len(document["systems"]) > MOST_SYSTEMS:
        said.append(f"Figures under this show the first {MOST_SYSTEMS}")
    head = ["system", "protocol", "UAR", "95 % interval", *list(METRICS.values())[1:]]
    return Section(
        "systems",
        "Systems",
        (
            *([Prose(f"{'. '.join(said)}.")] if said else []),
            Table(
                f"Mean ± standard deviation over folds; {_interval_kind(document)}",
                head,
                rows,
                words=2,
            ),
            *_paired(document),
        ),
    )


def _scores(metrics: Mapping[str, Any]) -> list[str]:
    """Cells of a row: folds are scored by the first three metrics, all utterances by the others."""
    uar, *others = (metrics.get(name) or {} for name in METRICS)
    return [
        measured(uar),
        interval(uar.get("interval")),
        *map(measured, others[:2]),
        *(number(each.get("mean")) for each in others[2:]),
    ]


def _baseline_rows(document: Document) -> list[list[str]]:
    """Chance and majority by each protocol; those that agree share a row."""
    protocols: dict[tuple[str, str, str], list[str]] = {}
    for protocol, baselines in (document.get("baselines") or {}).items():
        for name in ("chance", "majority"):
            each = (baselines or {}).get(name)
            if each:
                title = f"always {each['emotion']}" if each.get("emotion") else name
                key = (title, number(each["uar"]), number(each.get("accuracy")))
                protocols.setdefault(key, []).append(protocol)
    return [
        [title, ", ".join(names), uar, UNKNOWN, accuracy, *[UNKNOWN] * 4]
        for (title, uar, accuracy), names in protocols.items()
    ]


def _paired(document: Document) -> tuple[Block, ...]:
    found = document.get("paired") or []
    if not found:
        return ()
    rows = [
        [
            f"{each['a']} − {each['b']}",
            each["protocol"],
            _metric(each["metric"]),
            signed(each["difference"]),
            interval(each.get("interval")),
            probability(each.get("p")),
        ]
        for each in found
    ]
    return (
        Prose(" ".join(_difference(each) for each in found)),
        Table(
            "Paired differences on the same utterances",
            ["systems", "protocol", "metric", "difference", "95 % interval", "p"],
            rows,
            words=3,
        ),
    )


def _metric(name: str) -> str:
    return METRICS.get(name, name)


def _difference(paired: Mapping[str, Any]) -> str:
    bounds = paired.get("interval")
    metric = _metric(paired["metric"])
    size = with_interval(abs(paired["difference"]), None)
    names = f"{paired['a']} and {paired['b']}"
    if bounds and bounds[0] <= 0 <= bounds[1]:
        return (
            f"{names} are not told apart by {paired['protocol']}: their {metric} differs by "
            f"{size}, and the interval holds 0."
        )
    better, worse = paired["a"], paired["b"]
    if paired["difference"] < 0:
        better, worse = worse, better
    return f"{better} has {size} more {metric} than {worse} by {paired['protocol']}."


def protocol_section(document: Document) -> Section | Missing:
    """How utterances were split, fold by fold."""
    systems = shown(document)
    if not systems:
        return Missing("Protocol", "no system was measured by it.")
    evaluation = systems[0].evaluation
    folds = evaluation.get("folds") or []
    kind = (
        "no speaker of a test is in its training"
        if evaluation.get("new_voices")
        else ("speakers of a test may be in its training")
    )
    rows = [
        [
            fold["name"],
            _who(document, fold),
            f"{len(fold['train'])}",
            f"{len(fold['test'])}",
            number(fold.get("uar")),
            number(fold.get("accuracy")),
        ]
        for fold in folds
    ]
    said = f"{evaluation['protocol']}: {evaluation['summary']}; {kind}."
    table = Table(
        f"Folds of {systems[0].name}",
        ["fold", "speakers tested", "trained on", "tested on", "UAR", "accuracy"],
        rows,
        words=2,
    )
    return Section("protocol", "Protocol", (Prose(said), *([table] if rows else [])))


def _who(document: Document, fold: Mapping[str, Any]) -> str:
    """Speakers of a fold's test: their names while they are few."""
    utterances = document["utterances"]
    names = sorted({utterances[place].get("speaker") or "" for place in fold["test"]} - {""})
    if not names:
        return UNKNOWN
    return ", ".join(names) if len(names) <= 6 else f"{len(names)}"


def summary(document: Document) -> str:
    """Say the result in one line, for whatever lists pages."""
    name, system = next(iter(document["systems"].items()))
    new, heard = (dig(each, "metrics", "uar", "mean") for each in pair(system))
    premium = dig(document, "premium", name, "uar")
    parts = [
        f"{number(new)} on new voices" if new is not None else "",
        f"{number(heard)} by a random split" if heard is not None else "",
        f"a premium of {signed(premium)}" if premium is not None else "",
    ]
    return f"{name}: UAR {', '.join(part for part in parts if part) or UNKNOWN}"
