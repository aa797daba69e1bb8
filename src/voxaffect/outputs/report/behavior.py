"""How systems behave: which emotions, how sure, for whom, in which sound, by which features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from voxaffect.outputs.figures import evaluation as figures
from voxaffect.outputs.figures.evaluation import MOST_SYSTEMS
from voxaffect.outputs.report.blocks import Block, Folded, Missing, Plot, Prose, Section, Table
from voxaffect.outputs.report.reading import Document, Shown, dig, shown, unsure
from voxaffect.outputs.report.wording import (
    UNKNOWN,
    counted,
    interval,
    legend,
    listed,
    number,
    percent,
    signed,
    with_interval,
)


def _having(document: Document, *keys: str) -> list[Shown]:
    """Return the systems whose evaluation holds something under the keys; at most four."""
    return [each for each in shown(document) if dig(each.evaluation, *keys)][:MOST_SYSTEMS]


def _lacking(document: Document, what: str) -> str:
    """Say why a section is missing: nothing gives it, or it is not there."""
    said = [
        f"{each.name} {unsure(each.evaluation)}"
        for each in shown(document)
        if unsure(each.evaluation)
    ]
    return f"{'; '.join(said)}." if said else f"the document holds no {what}."


def _in_turn(plots: Sequence[tuple[str, Plot]]) -> tuple[Block, ...]:
    """Show the first system's figure, and fold the others'."""
    (_, first), *others = plots
    return (first, *(Folded(f"The same of {name}", (plot,)) for name, plot in others))


def confusion_section(document: Document) -> Section | Missing:
    """Which emotion is taken for which."""
    systems = _having(document, "confusion")
    if not systems:
        return Missing("Confusion matrix", "no system was measured by the protocol.")
    plots = [(each.name, _confusion_plot(each, place)) for place, each in enumerate(systems, 1)]
    said = _mistakes(systems[0].evaluation)
    return Section("confusion", "What is taken for what", (Prose(said), *_in_turn(plots)))


def _mistakes(evaluation: Mapping[str, Any], most: int = 3) -> str:
    """The commonest mistakes, by their share of the true emotion."""
    emotions = evaluation["emotions"]
    found = [
        (count / sum(row), count, sum(row), emotions[i], emotions[j])
        for i, row in enumerate(evaluation["confusion"])
        for j, count in enumerate(row)
        if i != j and count
    ]
    if not found:
        return "Nothing was mistaken for anything else."
    ranked = sorted(found, key=lambda each: (-each[0], each[3], each[4]))[:most]
    said = [
        f"{truth} for {taken} ({percent(share)}: {count} of {total})"
        for share, count, total, truth, taken in ranked
    ]
    return f"Taken most often for something else: {listed(said)}."


def _confusion_plot(shown_: Shown, place: int) -> Plot:
    evaluation = shown_.evaluation
    emotions, counts = evaluation["emotions"], evaluation["confusion"]
    right = [
        f"{name} {percent(row[i] / sum(row))}"
        for i, (name, row) in enumerate(zip(emotions, counts, strict=True))
        if sum(row)
    ]
    return Plot(
        f"confusion-{place}",
        figures.confusion(counts, emotions),
        f"Confusion matrix of {shown_.name}. Recognized as what they are: {', '.join(right)}. "
        f"{_mistakes(evaluation)}",
        f"{shown_.name}: of each true emotion (row), the per cent recognized as each emotion "
        "(column). A dot is none.",
        Table(
            f"Utterances of {shown_.name} by true (row) and recognized emotion",
            ["true", *emotions],
            [[name, *map(str, row)] for name, row in zip(emotions, counts, strict=True)],
        ),
    )


def emotions_section(document: Document) -> Section | Missing:
    """Recall of each emotion; of a single system, precision too."""
    systems = _having(document, "by_emotion")
    if not systems:
        return Missing("Emotions", "the document holds no scores by emotion.")
    names = list(systems[0].evaluation["by_emotion"])
    if len(systems) == 1:
        chosen = {
            kind: [dig(systems[0].evaluation, "by_emotion", name, kind) for name in names]
            for kind in ("recall", "precision")
        }
        label = "recall and precision"
    else:
        chosen = {
            each.name: [dig(each.evaluation, "by_emotion", name, "recall") for name in names]
            for each in systems
        }
        label = "recall"
    rows = [
        [
            each.name,
            name,
            *(number(found.get(kind)) for kind in ("recall", "precision", "f1")),
            str(found.get("utterances", UNKNOWN)),
        ]
        for each in systems
        for name, found in each.evaluation["by_emotion"].items()
    ]
    said = _extremes(systems[0])
    figure = figures.grouped_bars(names, chosen, label=label)
    numbers = "; ".join(f"{row[0]}, {row[1]}: recall {row[2]}, precision {row[3]}" for row in rows)
    caption = "Recall: of the utterances of an emotion, the share that was recognized."
    if len(systems) == 1:
        caption += " Precision: of the answers with that emotion, the share that was right."
    table = Table(
        "Scores by emotion",
        ["system", "emotion", "recall", "precision", "F1", "utterances"],
        rows,
        words=2,
    )
    plot = Plot("emotions", figure, f"{label.capitalize()} by emotion. {numbers}.", caption, table)
    return Section("emotions", "Emotion by emotion", (Prose(said), plot))


def _extremes(shown_: Shown) -> str:
    recalls = {
        name: each["recall"]
        for name, each in shown_.evaluation["by_emotion"].items()
        if each.get("recall") is not None
    }
    if len(recalls) < 2:
        return f"{shown_.name}, by emotion."
    best, worst = max(recalls, key=lambda n: recalls[n]), min(recalls, key=lambda n: recalls[n])
    return (
        f"{shown_.name} recognizes {best} best (recall {number(recalls[best])}) and {worst} "
        f"least (recall {number(recalls[worst])})."
    )


def reliability_section(document: Document) -> Section | Missing:
    """Whether a system is right as often as it is sure."""
    systems = [
        each
        for each in _having(document, "reliability")
        if any(each_bin["utterances"] for each_bin in each.evaluation["reliability"])
    ]
    if not systems:
        return Missing("Calibration", _lacking(document, "reliability"))
    rows = [
        [
            each.name,
            f"{number(found['low'], 2)} to {number(found['high'], 2)}",
            number(found["confidence"]),
            number(found["accuracy"]),
            str(found["utterances"]),
        ]
        for each in systems
        for found in each.evaluation["reliability"]
        if found["utterances"]
    ]
    said = " ".join(_calibrated(each) for each in systems)
    points = "; ".join(
        f"{row[0]} is {row[2]} sure and {row[3]} right ({row[4]} utterances)" for row in rows
    )
    plot = Plot(
        "reliability",
        figures.reliability({each.name: each.evaluation["reliability"] for each in systems}),
        f"Reliability. {said} Bin by bin: {points}.",
        "Over the dotted line a system is right more often than it says, under it less often. "
        "Gray bars: how many utterances were answered with that confidence.",
        Table(
            "Reliability by bin of confidence",
            ["system", "confidence from", "mean confidence", "accuracy", "utterances"],
            rows,
            words=2,
        ),
    )
    return Section("calibration", "Is it as right as it is sure?", (Prose(said), plot))


def _calibrated(shown_: Shown) -> str:
    bins = [each for each in shown_.evaluation["reliability"] if each["utterances"]]
    total = sum(each["utterances"] for each in bins)
    sure, right = (
        sum(each[kind] * each["utterances"] for each in bins) / total
        for kind in ("confidence", "accuracy")
    )
    error = dig(shown_.evaluation, "metrics", "ece", "mean")
    ending = "" if error is None else f"; expected calibration error {number(error)}"
    return f"{shown_.name} is {percent(sure)} sure and {percent(right)} right on average{ending}."


def abstention_section(document: Document) -> Section | Missing:
    """What is gained by not answering when unsure."""
    systems = _having(document, "risk_coverage", "coverage")
    if not systems:
        return Missing("Abstention", _lacking(document, "risk by coverage"))
    first = systems[0].evaluation
    thresholds = first.get("thresholds") or []
    curves = {each.name: each.evaluation["risk_coverage"] for each in systems}
    ends = "; ".join(
        f"{name} errs on {percent(curve['risk'][_widest(curve)])} of what it answers "
        f"at {percent(max(curve['coverage']))} coverage"
        for name, curve in curves.items()
    )
    rows = [
        [
            percent(each["risk"]),
            number(each.get("threshold")),
            percent(each["coverage"]) if each.get("threshold") is not None else "cannot be had",
        ]
        for each in thresholds
    ]
    said = " ".join(_promise(each) for each in thresholds) or f"{ends}."
    table = Table(
        f"How sure {systems[0].name} must be to answer, for a wanted risk",
        ["risk wanted", "threshold", "coverage"],
        rows,
        words=0,
    )
    plot = Plot(
        "risk-coverage",
        figures.risk_coverage(curves, marked=thresholds),
        f"Risk by coverage. {ends}. {said}",
        "Left: only the surest answers are given. Right: every recording is answered. Circles: "
        "the thresholds below. Under 2 % coverage there are too few answers to tell.",
        Table("Risk by coverage, at every tenth", ["system", "coverage", "risk"], _tenths(curves)),
    )
    return Section(
        "abstention",
        "What if it may say “uncertain”?",
        (Prose(said), plot, *([table] if rows else [])),
    )


def _widest(curve: Mapping[str, Sequence[float]]) -> int:
    return max(range(len(curve["coverage"])), key=lambda place: curve["coverage"][place])


def _promise(threshold: Mapping[str, Any]) -> str:
    if threshold.get("threshold") is None:
        return f"No threshold keeps the risk at {percent(threshold['risk'])}."
    return (
        f"Answering only when at least {number(threshold['threshold'])} sure keeps "
        f"{percent(threshold['coverage'])} of the recordings, and errs on at most "
        f"{percent(threshold['risk'])} of them."
    )


def _tenths(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> list[list[str]]:
    """The point of each curve that is nearest to every tenth of coverage."""
    rows = []
    for name, curve in curves.items():
        coverage = curve["coverage"]
        for tenth in range(1, 11):
            place = min(range(len(coverage)), key=lambda i: abs(coverage[i] - tenth / 10))
            rows.append([name, number(coverage[place]), number(curve["risk"][place])])
    return rows


def speakers_section(document: Document) -> Section | Missing:
    """How unlike speakers are."""
    systems = _having(document, "by_speaker")
    if not systems:
        return Missing("Speakers", "no speaker is known.")
    first = systems[0]
    by_speaker = first.evaluation["by_speaker"]
    rows = [
        [
            name,
            each.get("sex") or UNKNOWN,
            number(each["uar"]),
            number(each.get("accuracy")),
            str(each.get("utterances", UNKNOWN)),
        ]
        for name, each in sorted(by_speaker.items(), key=lambda item: (item[1]["uar"], item[0]))
    ]
    said = " ".join(_spread(each) for each in systems)
    plot = Plot(
        "speakers",
        figures.speakers(by_speaker),
        f"UAR of each speaker, {first.name}. {_spread(first)} In order: "
        f"{', '.join(f'{row[0]} {row[2]}' for row in rows)}.",
        f"{first.name}, speaker by speaker: an average over speakers is a promise to none of them.",
        Table(
            f"Speakers, {first.name}",
            ["speaker", "sex", "UAR", "accuracy", "utterances"],
            rows,
            words=2,
        ),
    )
    return Section("speakers", "Speaker by speaker", (Prose(said), plot))


def _spread(shown_: Shown) -> str:
    found = {name: each["uar"] for name, each in shown_.evaluation["by_speaker"].items()}
    low, high = min(found, key=lambda n: found[n]), max(found, key=lambda n: found[n])
    return (
        f"{shown_.name}: {counted(len(found), 'speaker')}, from {number(found[low])} ({low}) "
        f"to {number(found[high])} ({high}), median {number(median(found.values()))}."
    )


def groups_section(document: Document) -> Section | Missing:
    """Female and male, normal and strong."""
    systems = [*_having(document, "by_sex"), *_having(document, "by_intensity")]
    systems = list({each.name: each for each in systems}.values())
    names = [
        (kind, name)
        for kind in ("by_sex", "by_intensity")
        for name in sorted({n for each in systems for n in each.evaluation.get(kind) or {}})
    ]
    if not names:
        return Missing("Sex and intensity", "neither is known of these utterances.")
    found = {each.name: [dig(each.evaluation, *key) for key in names] for each in systems}
    titles = [name for _, name in names]
    plot = _estimates_plot(
        "groups",
        found,
        titles,
        what="UAR by sex and intensity",
        caption="Each group by itself: the UAR over its own utterances, with its 95 % interval "
        "over speakers.",
        count="utterances",
    )
    return Section("groups", "By sex and intensity", (Prose(_gap(systems[0])), plot))


def _gap(shown_: Shown) -> str:
    said = []
    for kind, noun in (("by_sex", "sexes"), ("by_intensity", "intensities")):
        found = {name: each["uar"] for name, each in (shown_.evaluation.get(kind) or {}).items()}
        if len(found) < 2:
            continue
        best, worst = max(found, key=lambda n: found[n]), min(found, key=lambda n: found[n])
        said.append(
            f"Between {noun}, {shown_.name} differs by {number(found[best] - found[worst])}"
            f" UAR ({best} {number(found[best])}, {worst} {number(found[worst])})."
        )
    return " ".join(said) or f"{shown_.name}: only one group is known."


def _estimates_plot(
    name: str,
    found: Mapping[str, Sequence[Mapping[str, Any] | None]],
    titles: Sequence[str],
    *,
    what: str,
    caption: str,
    count: str = "",
    reference: float | None = None,
) -> Plot:
    rows = [
        [
            system,
            title,
            number(each["uar"]),
            interval(each.get("interval")),
            *([str(each.get(count, UNKNOWN))] if count else [signed(_change(each))]),
        ]
        for system, values in found.items()
        for title, each in zip(titles, values, strict=True)
        if each
    ]
    said = "; ".join(f"{row[0]}, {row[1]}: {row[2]}" for row in rows)
    head = [
        "system",
        "condition" if not count else "group",
        "UAR",
        "95 % interval",
        count or "change",
    ]
    figure = figures.estimates(titles, found, reference=reference)
    return Plot(name, figure, f"{what}. {said}.", caption, Table(what, head, rows, words=2))


def _change(condition: Mapping[str, Any]) -> float | None:
    return None if condition.get("loss") is None else -condition["loss"]


def robustness_section(document: Document) -> Section | Missing:
    """What noise, rooms, bands and codecs cost."""
    systems = [each for each in shown(document) if each.system.get("robustness")][:MOST_SYSTEMS]
    if not systems:
        return Missing("Robustness", "no degraded audio was tested (--condition).")
    clean = {each.name: dig(each.evaluation, "metrics", "uar") for each in systems}
    names = list(dict.fromkeys(name for each in systems for name in each.system["robustness"]))
    found: dict[str, list[Mapping[str, Any] | None]] = {
        each.name: [
            {"uar": clean[each.name]["mean"], "interval": clean[each.name].get("interval")},
            *(each.system["robustness"].get(name) for name in names),
        ]
        for each in systems
    }
    first = systems[0]
    worst = max(first.system["robustness"].items(), key=lambda item: item[1].get("loss") or 0)
    said = (
        f"{first.name} loses most under {worst[0]}: {number(worst[1].get('loss'))} UAR, to "
        f"{with_interval(worst[1]['uar'], worst[1].get('interval'))}."
    )
    plot = _estimates_plot(
        "robustness",
        found,
        ["as recorded", *names],
        what="UAR on degraded audio",
        caption="The same folds, trained on the same, tested on degraded audio; a change "
        f"below 0 is worse. The dotted line is {first.name} on the recordings as they are.",
        reference=clean[first.name]["mean"],
    )
    return Section("robustness", "When the sound is worse", (Prose(said), plot))


def insight_section(document: Document) -> Section | Missing:
    """Which features carry the decision."""
    systems = [each for each in shown(document) if each.system.get("insight")][:MOST_SYSTEMS]
    if not systems:
        return Missing("Features", "no families of features were shuffled.")
    plots = [(each.name, _insight_plot(each, place)) for place, each in enumerate(systems, 1)]
    ranked = sorted(systems[0].system["insight"], key=lambda each: -each["drop"])[:3]
    said = listed([f"{each['family']} ({number(each['drop'])})" for each in ranked])
    said = f"{systems[0].name} leans most on {said}."
    return Section("features", "Which features carry it", (Prose(said), *_in_turn(plots)))


def _insight_plot(shown_: Shown, place: int) -> Plot:
    families = sorted(shown_.system["insight"], key=lambda each: -each["drop"])
    rows = [
        [
            each["family"],
            str(each["features"]),
            number(each["drop"]),
            interval(each.get("interval")),
        ]
        for each in families
    ]
    said = "; ".join(f"{row[0]} {row[2]}" for row in rows)
    known = legend({each["family"]: each.get("means") for each in families})
    key = f" What they tell of: {known}." if known else ""
    return Plot(
        f"insight-{place}",
        figures.insight(families),
        f"UAR that {shown_.name} loses when a family of features is shuffled: {said}.",
        f"{shown_.name}: the UAR lost on test folds when one family's values are dealt out among "
        f"the utterances anew. Families that say the same cover for each other.{key}",
        Table(
            f"Families of features, {shown_.name}",
            ["family", "features", "UAR lost", "95 % interval"],
            rows,
        ),
    )


def embedding_section(document: Document) -> Section | Missing:
    """Where utterances lie."""
    embedding = document.get("embedding")
    if not embedding or not embedding.get("points"):
        return Missing("Map", "the document holds no embedding.")
    points = embedding["points"]
    emotions = [each["emotion"] for each in document["utterances"]]
    explained = embedding.get("explained") or []
    said = f"{embedding['method']} of the features, without their emotions"
    said += f"; it keeps {percent(sum(explained))} of their variance." if explained else "."
    rows = [
        [
            name,
            str(len(own)),
            *(number(sum(point[axis] for point in own) / len(own), 2) for axis in (0, 1)),
        ]
        for name in sorted(set(emotions))
        for own in [[p for p, e in zip(points, emotions, strict=True) if e == name]]
    ]
    centers = "; ".join(f"{row[0]} at {row[2]}, {row[3]}" for row in rows)
    plot = Plot(
        "embedding",
        figures.embedding(points, emotions),
        f"Map of {counted(len(points), 'utterance')}, a panel for each emotion. {said} "
        f"Centers: {centers}.",
        "Every dot is an utterance: those of the panel's emotion in front, all others in gray. "
        "The cross is the emotion's center. The outermost 1 % are drawn at the edge.",
        Table("Centers of the emotions on the map", ["emotion", "utterances", "x", "y"], rows),
    )
    return Section("map", "Where utterances lie", (Prose(said), plot))
