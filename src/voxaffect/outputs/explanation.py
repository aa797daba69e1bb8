"""Explanations as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

from voxaffect.features import describe_families
from voxaffect.features.encoders import FAMILIES as ENCODER_FAMILIES
from voxaffect.files import escape_control
from voxaffect.recognition import Explanation
from voxaffect.recognition.display import NO_SPEECH, UNCERTAIN, format_probability

_HALF = 12
_SHORTEST = 19
_NEGLIGIBLE = 0.01
_WIDTH = 90
_NAMELESS = " For groups such as pitch and rhythm, explain the answer of --model fast."


def show_explanations(explanations: Sequence[Explanation]) -> str:
    """One block a recording: a line a feature group, with bars for the two best emotions.

    A legend of the groups is at the end, once.
    """
    known = describe_families()
    shown = dict.fromkeys(family for one in explanations for family in one.contributions)
    legend = "; ".join(f"{family}: {known[family]}" for family in shown)
    text = f"Feature groups: {legend}.{_NAMELESS if ENCODER_FAMILIES.keys() & shown else ''}"
    notes = [f"{fill(text, _WIDTH)}\n"] if legend else []
    return "\n".join([*map(_block, explanations), *notes])


def _block(one: Explanation) -> str:
    if not one.prediction.has_speech:
        return f"{escape_control(one.prediction.source)}: {NO_SPEECH}\n"
    ranked = sorted(one.prediction.probabilities.items(), key=lambda item: -item[1])[:2]
    shown = [emotion for emotion, _ in ranked]
    rows = dict(sorted(one.contributions.items(), key=lambda item: -_spread(item[1], shown)))
    longest = max(abs(row[emotion]) for row in rows.values() for emotion in shown)
    answer = ", then ".join(
        f"{emotion} {format_probability(probability)}" for emotion, probability in ranked
    )
    if one.prediction.uncertain:
        answer += f", {UNCERTAIN}"
    width = 2 * _HALF + 1
    first = max(_SHORTEST, *map(len, rows))
    head = "".join(f"  {'':6} {emotion:^{width}}" for emotion in shown)
    lines = [f"{escape_control(one.prediction.source)}: {answer}", f"  {'':{first}}{head}".rstrip()]
    for family, row in rows.items():
        cells = "".join(
            f"  {row[emotion]:+6.2f} {_bar(row[emotion], longest)}" for emotion in shown
        )
        lines.append(f"  {family:{first}}{cells}".rstrip())
    lines += [
        f"  {name:{first}}"
        + "".join(f"  {row[emotion]:+6.2f} {'':{width}}" for emotion in shown).rstrip()
        for name, row in _others(one)
    ]
    lines.append("  log-odds; a bar to the right speaks for the emotion, to the left against it")
    return "\n".join(lines) + "\n"


def _spread(row: Mapping[str, float], shown: Sequence[str]) -> float:
    """Largest contribution of a feature group to the shown emotions."""
    return max(abs(row[emotion]) for emotion in shown)


def _bar(value: float, longest: float) -> str:
    length = round(_HALF * abs(value) / max(longest, 1e-9))
    left, right = ("", "█" * length) if value >= 0 else ("▒" * length, "")
    return f"{left:>{_HALF}}│{right:<{_HALF}}"


def _others(one: Explanation) -> list[tuple[str, Mapping[str, float]]]:
    """Baseline of the model, and interactions of groups unless they are negligible."""
    unexplained = max(map(abs, one.remainder.values()))
    rest = [("interactions", one.remainder)] if unexplained > _NEGLIGIBLE else []
    return [("baseline", one.baseline), *rest]
