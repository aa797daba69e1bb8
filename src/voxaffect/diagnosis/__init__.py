"""What is wrong with a recording, and how far the answer to it can be trusted.

The answer to "everything I say is sad": clipping, level, noise, bandwidth, channels, length, share
of speech, likeness to what the model was trained on; each with its number, what it does to trust,
and what helps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voxaffect.audio import Signal, Source, open_blocks
from voxaffect.diagnosis.measures import Recording, measure
from voxaffect.diagnosis.verdicts import HIGH, LIMITED, LOW, OK, Case, Finding, judge
from voxaffect.errors import AudioError
from voxaffect.features import describe
from voxaffect.models import Model, get_model
from voxaffect.recognition import Prediction, predict

__all__ = ["Diagnosis", "Finding", "diagnose"]

EXAMINED_SECONDS = 120.0
EXAMINED_SAMPLES = 1 << 24
"""Of all channels together: bounds the memory."""
_TRUSTS = (HIGH, LIMITED, LOW)


@dataclass(frozen=True)
class Diagnosis:
    """What was found of one recording.

    Parameters
    ----------
    source : str
        The recording's path, or ``<bytes>`` or ``<array>``.
    findings : tuple of Finding
        Everything that was examined, also what is well.
    prediction : Prediction or None
        None if the recording cannot be recognized, or is longer than what is examined. Without an
        emotion if there is no speech.
    scores : mapping of str to mapping
        What high trust means: how the model scored where it was measured, as its card has it.
    """

    source: str
    findings: tuple[Finding, ...]
    prediction: Prediction | None
    scores: Mapping[str, Mapping[str, Any]]

    @property
    def trust(self) -> str:
        """``high``, ``limited`` or ``low``: the least that any finding leaves."""
        return max((finding.trust for finding in self.findings), key=_TRUSTS.index)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Topics that lower trust, the gravest first."""
        graver = sorted(self.findings, key=lambda finding: -_TRUSTS.index(finding.trust))
        return tuple(finding.topic for finding in graver if finding.trust != HIGH)

    @property
    def flaws(self) -> tuple[Finding, ...]:
        """Findings that are not ok."""
        return tuple(finding for finding in self.findings if finding.verdict != OK)


def diagnose(
    source: Source,
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    max_seconds: float | None = None,
) -> Diagnosis:
    """Examine a recording, and say how far the answer to it can be trusted.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels). A ``Signal`` is mono already: nothing can be
        found out about its channels.
    rate_hz : int, optional
        Sampling rate of an array.
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    max_seconds : float, optional
        Longest recording to accept; any length by default. Of a long one, the first two minutes
        are examined, or less if there are many channels.

    Returns
    -------
    Diagnosis
        Also of what `predict` refuses for being silent or too short.

    Raises
    ------
    AudioError
        If the recording cannot be read, is empty, or holds NaN.
    ModelError
        If the model cannot be loaded.

    Examples
    --------
    >>> import numpy as np
    >>> diagnose(np.zeros(16_000), rate_hz=16_000).reasons
    ('level',)
    """
    loaded = get_model(model)
    recording = _recorded(source, rate_hz, max_seconds)
    mix = recording.mix
    case = Case(recording, measure(recording, mix), loaded.card)
    prediction, distance = _recognized(mix, loaded) if recording.is_whole else (None, None)
    if prediction is not None and case.measures.channels.are_different:
        prediction = replace(prediction, channels_differ=True, uncertain=True)
    case = replace(case, prediction=prediction, distance=distance)
    return Diagnosis(recording.name, judge(case), prediction, loaded.card.scores)


def _recorded(source: Source, rate_hz: int | None, max_seconds: float | None) -> Recording:
    """Read what is examined: all, or of more than two minutes the beginning."""
    with open_blocks(source, rate_hz, max_seconds=max_seconds) as whole:
        most = min(int(EXAMINED_SECONDS * whole.rate_hz), EXAMINED_SAMPLES // whole.channels)
        held, blocks = 0, []
        for block in whole:
            blocks.append(block)
            held += len(block)
            if held >= most:
                break
        seconds = max(held, whole.frames if held >= most else 0) / whole.rate_hz
        samples = np.concatenate(blocks)
        return Recording(
            whole.name, samples, whole.rate_hz, seconds, whole.container, whole.encoding
        )


def _recognized(mix: Signal, model: Model) -> tuple[Prediction | None, float | None]:
    """Answer and distance from the training data, of what can be recognized."""
    try:
        prediction = predict(mix, model=model)
    except AudioError:  # too short, silent, far too loud: the findings say so
        return None, None
    if not prediction.has_speech:
        return prediction, None
    return prediction, model.card.distance(describe(mix, model.card.spec))
