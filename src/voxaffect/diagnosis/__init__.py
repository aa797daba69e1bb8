"""Diagnosis of a recording: its problems, and the trust that its answer deserves.

It answers "why is everything I say sad?": clipping, level, noise, bandwidth, channels, length,
share of speech, and distance from the training data. Each has a number, an effect and a remedy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from voxaffect.annotations import Turn
from voxaffect.audio import Signal, Source, join_blocks, open_blocks
from voxaffect.diagnosis.answer import judge_answer
from voxaffect.diagnosis.bandwidth import judge_bandwidth
from voxaffect.diagnosis.channels import judge_channels
from voxaffect.diagnosis.clipping import judge_clipping
from voxaffect.diagnosis.distance import judge_distance
from voxaffect.diagnosis.findings import HIGH, LIMITED, LOW, OK, PROBLEM, WARNING, Case, Finding
from voxaffect.diagnosis.format import judge_format
from voxaffect.diagnosis.hum import judge_hum
from voxaffect.diagnosis.length import judge_length
from voxaffect.diagnosis.level import judge_level
from voxaffect.diagnosis.measures import ExaminedRecording, measure
from voxaffect.diagnosis.noise import judge_noise
from voxaffect.diagnosis.offset import judge_offset
from voxaffect.diagnosis.reverberation import judge_reverberation
from voxaffect.diagnosis.speakers import judge_speakers
from voxaffect.diagnosis.speech import judge_speech
from voxaffect.errors import AudioError
from voxaffect.features import compute_features
from voxaffect.models import Model, get_model
from voxaffect.recognition import Prediction, predict
from voxaffect.recognition.conversations import ConversationSource, OpenAgain
from voxaffect.records.results import DiagnosisRecord
from voxaffect.records.values import Serializable

__all__ = ["Diagnosis", "Finding", "diagnose"]

EXAMINED_SECONDS = 120.0
EXAMINED_SAMPLES = 1 << 24
"""Of all channels together: bounds the memory."""
_TRUSTS = (HIGH, LIMITED, LOW)
_VERDICTS = (OK, WARNING, PROBLEM)
_RECORDING = (judge_length, judge_format, judge_channels, judge_level, judge_clipping, judge_offset)
_SOUND = (judge_speech, judge_noise, judge_reverberation, judge_bandwidth, judge_hum)
_PREDICTION = (judge_distance, judge_answer)


@dataclass(frozen=True)
class Diagnosis(Serializable):
    """Findings and prediction of one recording.

    Parameters
    ----------
    source : str
        The recording's path, or ``<bytes>`` or ``<array>``.
    findings : tuple of Finding
        One for each topic that was examined, the good ones too.
    prediction : Prediction or None
        None if the recording cannot be recognized, or is longer than what is examined. Without an
        emotion if there is no speech.
    scores : mapping of str to mapping
        Scores of the model, from its card. Its UAR is to be expected at high trust.
    """

    source: str
    findings: tuple[Finding, ...]
    prediction: Prediction | None
    scores: Mapping[str, Mapping[str, Any]]

    _schema: ClassVar = DiagnosisRecord

    def __repr__(self) -> str:
        reasons = f" ({', '.join(self.reasons)})" if self.reasons else ""
        return f"<Diagnosis {self.source!r}: trust {self.trust}{reasons}>"

    def _repr_html_(self) -> str:
        """Table of the findings for notebooks, the serious ones first."""
        ranked = sorted(self.findings, key=lambda finding: -_VERDICTS.index(finding.verdict))
        rows = "".join(
            f"<tr><td>{escape(finding.verdict)}</td><th>{escape(finding.topic)}</th>"
            f'<td style="text-align: left">{escape(finding.text)}'
            f"{f'<br>{escape(advice)}' if (advice := finding.advice) else ''}</td></tr>"
            for finding in ranked
        )
        return f"<table><caption>{escape(repr(self)[11:-1])}</caption>{rows}</table>"

    @property
    def trust(self) -> str:
        """``high``, ``limited`` or ``low``: the least that any finding leaves."""
        return max((finding.trust for finding in self.findings), key=_TRUSTS.index)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Topics that lower trust, the most serious first."""
        ranked = sorted(self.findings, key=lambda finding: -_TRUSTS.index(finding.trust))
        return tuple(finding.topic for finding in ranked if finding.trust != HIGH)

    @property
    def flaws(self) -> tuple[Finding, ...]:
        """Findings that are not ok."""
        return tuple(finding for finding in self.findings if finding.verdict != OK)


def diagnose(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    max_seconds: float | None = None,
    speakers: str | Path | Sequence[Turn] | ConversationSource | None = None,
    workers: int | Executor | None = None,
) -> Diagnosis:
    """Examine a recording, and judge the trust that its answer deserves.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels). A ``Signal`` is mono already: its channels
        cannot be examined.
    rate_hz : int, optional
        Sampling rate of an array.
    name : str, optional
        Of the recording in the result and in messages; its path by default.
    model : Model, str or Path, optional
        A model, its file, or the name of a bundled one: ``accurate`` (the default) or ``fast``.
    max_seconds : float, optional
        Longest recording to accept; any length by default. Of a long one, the first two minutes
        are examined, or less if there are many channels.
    speakers : path, sequence of Turn, or ConversationSource, optional
        Turns, as for `timeline`: is each name one voice, and each voice one name? The whole
        recording is then read once more. Needs the extra ``diarize``.
    workers : int or Executor, optional
        As for `predict`.

    Returns
    -------
    Diagnosis
        Recordings that `predict` refuses, because they are silent or too short, have one too.

    Raises
    ------
    AudioError
        If the recording cannot be read, is empty, or holds NaN.
    ModelError
        If the model cannot be loaded.
    AnnotationError
        If a file of turns cannot be read, or is another recording's.
    MissingExtraError
        If speakers are given, and the extra ``diarize`` is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> diagnose(np.zeros(16_000), rate_hz=16_000).reasons
    ('level',)
    """
    loaded = get_model(model)
    open_again = partial(open_blocks, source, rate_hz, name=name, max_seconds=max_seconds)
    if speakers is not None and hasattr(source, "read"):
        raise AudioError("speakers: a stream can be read once. Give its bytes.")
    turns = _read_turns(speakers, open_again)
    recording = _read_beginning(source, rate_hz, name, max_seconds)
    mix = recording.mix
    case = Case(recording, measure(recording, mix), loaded.card)
    prediction, distance = None, None
    if recording.is_whole:
        prediction, distance = _recognize(mix, loaded, workers)
    if prediction is not None and case.measures.channels.are_different:
        prediction = replace(prediction, channels_differ=True, uncertain=True)
    case = replace(case, prediction=prediction, distance=distance)
    findings = _judge(case)
    if turns:
        with open_again() as blocks:
            findings = (*findings, judge_speakers(join_blocks(blocks), turns))
    return Diagnosis(recording.name, findings, prediction, loaded.card.scores)


def _read_turns(
    speakers: str | Path | Sequence[Turn] | ConversationSource | None, open_again: OpenAgain
) -> tuple[Turn, ...]:
    """Turns of a recording; none where no speakers are given."""
    if speakers is None:
        return ()
    if not isinstance(speakers, ConversationSource):
        speakers = ConversationSource(speakers)
    with open_again() as recording:
        return speakers.read(recording, open_again).turns


def _judge(case: Case) -> tuple[Finding, ...]:
    """Return every finding of a case, in the order in which people should read them."""
    judges = list(_RECORDING)
    if case.measures.sound is not None:
        judges += _SOUND
    if case.prediction is not None and case.prediction.has_speech:
        judges += _PREDICTION
    return tuple(judge(case) for judge in judges)


def _read_beginning(
    source: Source, rate_hz: int | None, name: str | None, max_seconds: float | None
) -> ExaminedRecording:
    """Read all of a recording, or the beginning of one longer than two minutes."""
    with open_blocks(source, rate_hz, name=name, max_seconds=max_seconds) as whole:
        limit = min(int(EXAMINED_SECONDS * whole.rate_hz), EXAMINED_SAMPLES // whole.channels)
        length, blocks = 0, []
        for block in whole:
            blocks.append(block)
            length += len(block)
            if length >= limit:
                break
        seconds = max(length, whole.frames if length >= limit else 0) / whole.rate_hz
        samples = np.concatenate(blocks)
        return ExaminedRecording(
            whole.name, samples, whole.rate_hz, seconds, whole.container, whole.encoding
        )


def _recognize(
    mix: Signal, model: Model, workers: int | Executor | None
) -> tuple[Prediction | None, float | None]:
    """Return the prediction and the distance from the training data, where there are any."""
    try:
        prediction = predict(mix, model=model, workers=workers)
    except AudioError:  # too short, silent, far too loud: the findings say so
        return None, None
    if not prediction.has_speech:
        return prediction, None
    return prediction, model.card.distance(compute_features(mix, model.spec))
