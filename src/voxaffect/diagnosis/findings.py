"""Findings: the verdict on one topic, its effect on the answer, and a remedy.

Limits are set so that clean recordings hardly ever pass them: RAVDESS at 16 and 48 kHz and EMO-DB,
2,037 recordings. `benchmarks/doctor.py` measures them again; its JSON has the percentiles of every
number, the share of false alarms, and how often each of seventeen planted defects is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voxaffect.models import ModelCard
from voxaffect.recognition import Prediction

if TYPE_CHECKING:
    from voxaffect.diagnosis.measures import ExaminedRecording, Measures, Sound

OK, WARNING, PROBLEM = "ok", "warning", "problem"
HIGH, LIMITED, LOW = "high", "limited", "low"
TAKE_ONE_CHANNEL = (
    "Take one channel alone, with predict --channels left, or swap the polarity of one."
)
_TRUST = {OK: HIGH, WARNING: LIMITED, PROBLEM: LOW}


@dataclass(frozen=True)
class Finding:
    """Result of one examination.

    Parameters
    ----------
    topic : str
        ``length``, ``level``, ``noise``, …: stable names.
    text : str
        The measured number, with its unit.
    value : float or None
        The number that decided, in `unit`.
    unit : str
    verdict : str
        ``ok``, ``warning`` or ``problem``: of the recording.
    effect : str
        The effect on the answer; empty if there is none.
    remedy : str
        Advice; empty if none is needed.
    trust : str
        Trust in the answer after this finding alone: ``high``, ``limited`` or ``low``.
    """

    topic: str
    text: str
    value: float | None = None
    unit: str = ""
    verdict: str = OK
    effect: str = ""
    remedy: str = ""
    trust: str = HIGH

    @property
    def advice(self) -> str:
        """Effect and remedy in one text; empty if there are none."""
        return " ".join(filter(None, (self.effect, self.remedy)))

    def flag(self, verdict: str, effect: str, remedy: str, *, trust: str = "") -> Finding:
        """Return this finding as a warning or a problem, with its effect and a remedy.

        Trust is limited by a warning and low after a problem, unless it is given.
        """
        trust = trust or _TRUST[verdict]
        return replace(self, verdict=verdict, effect=effect, remedy=remedy, trust=trust)


@dataclass(frozen=True, eq=False)
class Case:
    """Everything that a verdict can use."""

    recording: ExaminedRecording
    measures: Measures
    card: ModelCard
    prediction: Prediction | None = None
    distance: float | None = None

    @property
    def sound(self) -> Sound:
        """Measures of the sound. Only cases with sound have them."""
        assert self.measures.sound is not None
        return self.measures.sound

    @property
    def has_speech(self) -> bool:
        """Speech in the prediction, or, without one, in the measures."""
        if self.prediction is not None:
            return self.prediction.has_speech
        return self.measures.sound is not None and self.measures.sound.finding.has_speech

    @property
    def subject(self) -> str:
        """The word for the sound: ``speech`` or ``sound``."""
        return "speech" if self.has_speech else "sound"

    def describe_cost(self, condition: str) -> str:
        """Return the cost of a condition in UAR, as measured for the model's recipe."""
        scores = self.card.conditions
        if condition not in scores:
            return f"Its cost was not measured for recipe {self.card.recipe}."
        clean, there = scores["clean"], scores[condition]
        return (
            f"UAR to expect on new speakers {there:.3f} instead of {clean:.3f} "
            f"(measured at {condition!r}, recipe {self.card.recipe})."
        )


def format_percent(share: float) -> str:
    """Return a percentage with two significant digits, and without an exponent below 1e6."""
    percent = 100 * share
    return f"{percent:.0f}" if 10 <= abs(percent) < 1e6 else f"{percent:.2g}"
