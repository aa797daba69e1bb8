"""Answer: the probability of the predicted emotion."""

from __future__ import annotations

from typing import Final

from voxaffect.diagnosis.findings import WARNING, Case, Finding
from voxaffect.recognition.display import describe_dimensions, format_apart, format_probability

DOUBTFUL: Final = 0.5


def judge_answer(case: Case) -> Finding:
    """Judge the certainty of the prediction."""
    prediction = case.prediction
    assert prediction is not None
    if prediction.emotion is None:
        return Finding("answer", describe_dimensions(prediction.dimensions or {}))
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    text = ", then ".join(f"{emotion} {format_probability(p)}" for emotion, p in ranked[:2])
    threshold = case.card.abstention.get("threshold", DOUBTFUL)
    finding = Finding("answer", text, ranked[0][1], "probability")
    if not prediction.uncertain:
        return finding
    if ranked[0][1] >= threshold:
        reason = (
            "two different channels are mixed"
            if prediction.channels_differ
            else "emotion may change in so long a recording"
        )
        return finding.flag(
            WARNING,
            f"Uncertain: {reason}. Several emotions are possible.",
            "Ask for each channel (predict --channels each) or for emotion over time "
            "(voxaffect timeline).",
        )
    probability, limit = format_apart(ranked[0][1], threshold)
    return finding.flag(
        WARNING,
        f"Uncertain: {probability} is less than {limit}. Several emotions are possible.",
        "Adapt to about eight recordings of the speaker (predict --adapt FOLDER).",
    )
