"""Drawings: the figures of a report by name, from the context of its templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxaffect.outputs.figures import evaluation as figures
from voxaffect.outputs.report.context import System, dig

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_figures(context: dict[str, Any]) -> dict[str, Figure]:
    """Draw every figure that the document has data for.

    Parameters
    ----------
    context : dict
        As `build_context` gives it.
    """
    drawings = {
        f"confusion-{index}": figures.draw_confusion(
            one["system"].evaluation["confusion"], one["system"].evaluation["emotions"]
        )
        for index, one in enumerate(context["confusion"], 1)
    }
    drawings |= {
        f"importance-{index}": figures.draw_importance(groups)
        for index, (_, groups, _) in enumerate(context["importance"], 1)
    }
    pairs = {
        row["name"]: (dig(row["new"], "metrics", "uar"), dig(row["random"], "metrics", "uar"))
        for row in context["headline"]
        if row["is_measured"]
    }
    if pairs:
        chance = dig(context["baselines"], "chance", "uar")
        drawings["headline"] = figures.draw_headline(pairs, chance=chance)
    if context["by_emotion"]:
        drawings["emotions"] = _draw_emotions([one["system"] for one in context["by_emotion"]])
    if context["reliability"]:
        bins = {one["system"].name: one["bins"] for one in context["reliability"]}
        drawings["reliability"] = figures.draw_reliability(bins)
    if context["risk"]:
        systems = [one["system"] for one in context["risk"]]
        curves = {system.name: system.evaluation["risk_coverage"] for system in systems}
        thresholds = systems[0].evaluation.get("thresholds") or []
        drawings["risk-coverage"] = figures.draw_risk_coverage(curves, marked=thresholds)
    if context["by_speaker"]:
        first = context["by_speaker"][0]["system"]
        drawings["speakers"] = figures.draw_speakers(first.evaluation["by_speaker"])
    if context["groups"]:
        drawings["groups"] = _draw_estimates(context["groups"])
    if context["robustness"]:
        clean = context["robustness"][0][1][0][1]["uar"]
        drawings["robustness"] = _draw_estimates(context["robustness"], reference=clean)
    if context["map"]:
        emotions = [utterance["emotion"] for utterance in context["document"]["utterances"]]
        points = context["document"]["embedding"]["points"]
        drawings["map"] = figures.draw_map(points, emotions)
    return drawings


def _draw_emotions(systems: list[System]) -> Figure:
    """Draw the recall of every system; of a single one, its precision too."""
    names = list(systems[0].evaluation["by_emotion"])

    def select(system: System, kind: str) -> list[float | None]:
        return [dig(system.evaluation, "by_emotion", name, kind) for name in names]

    if len(systems) == 1:
        series = {kind: select(systems[0], kind) for kind in ("recall", "precision")}
        return figures.draw_bars(names, series, label="recall and precision")
    return figures.draw_bars(
        names, {system.name: select(system, "recall") for system in systems}, label="recall"
    )


def _draw_estimates(scores: list[Any], reference: float | None = None) -> Figure:
    names = [name for name, _ in scores[0][1]]
    series = {system.name: [value for _, value in pairs] for system, pairs in scores}
    return figures.draw_estimates(names, series, reference=reference)
