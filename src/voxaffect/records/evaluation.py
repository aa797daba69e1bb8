"""Schema of an evaluation: everything a report shows, and ``compare`` reads back.

A part that a document may lack may also be null. Further fields are allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from voxaffect.records.codec import check, show_key

_LARGEST = 1e9
_Text = Annotated[str, Meta(max_length=20_000)]
_Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
_Count = Annotated[int, Meta(ge=0, le=10**12)]
_Index = Annotated[int, Meta(ge=0, le=10**9)]
_Brief = bool | _Number | _Text | None
_Row = list[_Number]
_Interval = tuple[_Number, _Number]


class Metric(Struct, kw_only=True):
    """Mean of a metric over the folds, or over all utterances."""

    mean: _Number | None = None
    sd: _Number | None = None
    interval: _Interval | None = None


class GroupScores(Struct, kw_only=True):
    """Scores of the utterances that share an attribute."""

    uar: _Number
    interval: _Interval | None = None
    utterances: _Count | None = None
    accuracy: _Number | None = None
    sex: _Text | None = None


class EmotionScores(Struct, kw_only=True):
    """Scores of one emotion."""

    recall: _Number | None = None
    precision: _Number | None = None
    f1: _Number | None = None
    utterances: _Count | None = None


class ReliabilityBin(Struct, kw_only=True):
    """Accuracy of the predictions within a range of confidence."""

    utterances: _Count
    low: _Number | None = None
    high: _Number | None = None
    confidence: _Number | None = None
    accuracy: _Number | None = None


class RiskCoverage(Struct, kw_only=True):
    """Share of wrong predictions, and of those kept, by threshold."""

    coverage: _Row
    risk: _Row
    threshold: _Row | None = None


class Threshold(Struct, kw_only=True):
    """Threshold that keeps the risk below a limit."""

    risk: _Number
    threshold: _Number | None = None
    coverage: _Number | None = None
    measured: _Number | None = None


class Uncertainty(Struct, kw_only=True):
    """Answers of a finished model that are not marked uncertain."""

    threshold: _Number
    answered: _Number
    right: _Number | None = None
    interval: _Interval | None = None


class SoftLabelScores(Struct, kw_only=True):
    """Means of the scores against soft labels."""

    utterances: _Count
    divergence: Metric | None = None
    cross_entropy: Metric | None = None
    cosine: Metric | None = None


class DimensionScores(Struct, kw_only=True):
    """Scores of one dimension, such as arousal."""

    utterances: _Count
    ccc: _Number | None = None
    absolute_error: _Number | None = None
    interval: _Interval | None = None
    absolute_error_interval: _Interval | None = None


class Fold(Struct, kw_only=True):
    """Split of the utterances, and its scores."""

    name: _Text
    train: list[_Index]
    test: list[_Index]
    seed: _Brief = None
    uar: _Number | None = None
    accuracy: _Number | None = None


class EvaluationRecord(Struct, kw_only=True):
    """Evaluation of a system by one protocol."""

    protocol: _Text
    emotions: list[_Text]
    summary: _Text | None = None
    weighting: _Text | None = None
    unit: _Text | None = None
    uncertainty: Uncertainty | None = None
    stated: dict[str, _Number] | None = None
    unknown_emotions: dict[str, _Count] | None = None
    untested_emotions: list[_Text] | None = None
    new_voices: bool | None = None
    unchecked: list[_Text] | None = None
    unknown_speakers: _Count | None = None
    score_kind: _Text | None = None
    dimension_values: list[list[_Number | None]] | None = None
    metrics: dict[str, Metric | None] | None = None
    soft_labels: SoftLabelScores | None = None
    dimensions: dict[str, DimensionScores] | None = None
    by_emotion: dict[str, EmotionScores] | None = None
    by_sex: dict[str, GroupScores] | None = None
    by_intensity: dict[str, GroupScores] | None = None
    by_corpus: dict[str, GroupScores] | None = None
    by_speaker: dict[str, GroupScores] | None = None
    confusion: list[_Row] | None = None
    reliability: list[ReliabilityBin] | None = None
    risk_coverage: RiskCoverage | None = None
    thresholds: list[Threshold] | None = None
    folds: list[Fold] | None = None
    tested: list[_Index] | None = None
    probabilities: list[_Row] | None = None


class ConditionScores(Struct, kw_only=True):
    """Scores under a condition, such as noise."""

    uar: _Number
    loss: _Number | None = None
    interval: _Interval | None = None


class FeatureGroup(Struct, kw_only=True):
    """Permutation importance of a group of features."""

    group: _Text
    features: _Count
    drop: _Number
    meaning: _Text | None = None
    interval: _Interval | None = None


class ModelRecord(Struct, kw_only=True):
    """File and training corpora of a finished model."""

    sha256: _Text
    corpora: list[_Text]


class SystemRecord(Struct, kw_only=True):
    """Evaluations of one system."""

    evaluations: dict[str, EvaluationRecord | None]
    summary: _Text | None = None
    model: ModelRecord | None = None
    robustness: dict[str, ConditionScores | None] | None = None
    importance: list[FeatureGroup] | None = None


class UtteranceRecord(Struct, kw_only=True):
    """Utterance of the data."""

    path: _Text
    emotion: _Text | None
    corpus: _Text | None = None
    speaker: _Text | None = None
    sex: _Text | None = None
    text: _Text | None = None
    intensity: _Text | None = None


class CorpusRecord(Struct, kw_only=True):
    """Corpus of the data."""

    utterances: _Count | None = None
    speakers: _Count | None = None
    license: _Text | None = None
    citation: _Text | None = None


class FeatureSet(Struct, kw_only=True):
    """Features of the first system."""

    name: _Text
    version: _Brief = None
    groups: list[_Text] | None = None
    count: _Count | None = None


class UnusedFile(Struct, kw_only=True):
    """File that could not be used."""

    path: _Text | None = None
    reason: _Text | None = None


class DataRecord(Struct, kw_only=True):
    """Data of the evaluation."""

    corpora: dict[str, CorpusRecord | None] | None = None
    emotions: dict[str, _Count] | None = None
    features: FeatureSet | None = None
    mapping: list[dict[str, list[_Brief] | _Brief]] | None = None
    failures: list[UnusedFile] | None = None


class LeakRecord(Struct, kw_only=True):
    """Items on both sides of a split."""

    kind: _Text
    protocol: _Text
    count: _Count
    expected: bool | None = None
    stops: bool | None = None
    examples: list[_Brief] | None = None


class PairRecord(Struct, kw_only=True):
    """Difference of two systems on the same utterances."""

    a: _Text
    b: _Text
    protocol: _Text
    metric: _Text
    difference: _Number
    interval: _Interval | None = None
    p: _Number | None = None


class Premium(Struct, kw_only=True):
    """UAR that a random split claims above new speakers."""

    uar: _Number
    interval: _Interval | None = None


class Baseline(Struct, kw_only=True):
    """Score of a system that listens to nothing."""

    uar: _Number
    accuracy: _Number | None = None
    emotion: _Text | None = None


class Embedding(Struct, kw_only=True):
    """Map of the utterances in two dimensions."""

    method: _Text | None = None
    points: list[_Interval] | None = None
    explained: _Row | None = None


class EvaluationDocument(Struct, kw_only=True):
    """Evaluation of one or more systems."""

    schema_version: int
    protocol: _Text
    utterances: list[UtteranceRecord]
    systems: dict[str, SystemRecord]
    created: _Text | None = None
    command: _Text | None = None
    seed: _Brief = None
    versions: dict[str, _Brief] | None = None
    data: DataRecord | None = None
    leaks: list[LeakRecord] | None = None
    reference_protocol: _Text | None = None
    reference_missing: _Text | None = None
    premium: dict[str, Premium | None] | None = None
    baselines: dict[str, dict[str, Baseline | None] | None] | None = None
    paired: list[PairRecord] | None = None
    embedding: Embedding | None = None


def check_evaluation(document: Any) -> None:
    """Refuse a document of which a part is missing, of another kind, or fits no other part.

    Raises
    ------
    ValueError
        With the path of the part.
    """
    record = check(document, EvaluationDocument)
    count = len(record.utterances)
    for name, system in record.systems.items():
        for protocol, evaluation in system.evaluations.items():
            if evaluation:
                path = f"$.systems.{show_key(name)}.evaluations.{show_key(protocol)}"
                _check_indices(evaluation, path, count)
                _check_sizes(evaluation, path)
    points = record.embedding.points if record.embedding else None
    _check_length("$.embedding.points", points or [], {0, count})


def _check_indices(evaluation: EvaluationRecord, path: str, count: int) -> None:
    """Refuse the index of an utterance that does not exist."""
    lists = {f"{path}.tested": evaluation.tested or []}
    for number, fold in enumerate(evaluation.folds or []):
        lists |= {
            f"{path}.folds[{number}].train": fold.train,
            f"{path}.folds[{number}].test": fold.test,
        }
    for where, indices in lists.items():
        if indices and max(indices) >= count:
            raise ValueError(
                f"{where}: expected numbers of utterances under {count}, found {max(indices)}"
            )


def _check_sizes(evaluation: EvaluationRecord, path: str) -> None:
    """Refuse tables whose sizes do not fit the emotions and the tested utterances."""
    emotions = len(evaluation.emotions)
    tables: Mapping[str, list[_Row]] = {
        "probabilities": evaluation.probabilities or [],
        "confusion": evaluation.confusion or [],
    }
    expected = {"probabilities": len(evaluation.tested or []), "confusion": emotions}
    for name, rows in tables.items():
        _check_length(f"{path}.{name}", rows, {0, expected[name]})
        for index, row in enumerate(rows):
            _check_length(f"{path}.{name}[{index}]", row, {emotions})
    if curve := evaluation.risk_coverage:
        _check_length(f"{path}.risk_coverage.risk", curve.risk, {len(curve.coverage)})


def _check_length(path: str, value: list[Any], expected: set[int]) -> None:
    if len(value) not in expected:
        raise ValueError(f"{path}: expected {max(expected)} entries, found {len(value)}")
