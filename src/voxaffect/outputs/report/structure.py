"""Structure of a report document, checked before anything is drawn or compared from it.

A part that a document may lack may also be null or empty. What a part holds is checked with its
path, such as ``systems.logistic.evaluations.loso.metrics.uar.mean``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxaffect.records.predicates import (
    Check,
    any_of,
    anything,
    array,
    flag,
    join,
    mapping,
    number,
    numbers,
    or_null,
    record,
    refuse,
    text,
)

_LARGEST = 1e9
_TEXT = text(20_000, is_plain=False)
_NUMBER = number(-_LARGEST, _LARGEST)
_COUNT = number(0, 1e12, whole=True)
_ROW = numbers(-_LARGEST, _LARGEST)
_BRIEF = or_null(any_of(flag, _NUMBER, _TEXT))
_INDICES = array(number(0, 1e9, whole=True))


def _lax(required: Mapping[str, Check] | None = None, **optional: Check) -> Check:
    """Check of an object with parts that may be null or absent, and others of any kind."""
    parts = {name: or_null(check) for name, check in optional.items()}
    return record(required or {}, parts, others=anything)


def _interval(value: Any, path: str) -> None:
    _ROW(value, path)
    if len(value) not in (0, 2):
        refuse(path, "two numbers", value)


_METRIC = _lax(mean=_NUMBER, sd=_NUMBER, interval=_interval, whole=_NUMBER)
_GROUP = _lax({"uar": _NUMBER}, interval=_interval, utterances=_COUNT, accuracy=_NUMBER, sex=_TEXT)
_GROUPS = mapping(_GROUP)
_BIN = _lax({"utterances": _COUNT}, low=_NUMBER, high=_NUMBER, confidence=_NUMBER, accuracy=_NUMBER)
_FOLD = _lax({"name": _TEXT, "train": _INDICES, "test": _INDICES}, uar=_NUMBER, accuracy=_NUMBER)
_EVALUATION = _lax(
    {"protocol": _TEXT, "emotions": array(_TEXT, least=1)},
    summary=_TEXT,
    new_voices=flag,
    unknown_speakers=_COUNT,
    certainty=_TEXT,
    metrics=mapping(or_null(_METRIC)),
    by_emotion=mapping(_lax(recall=_NUMBER, precision=_NUMBER, f1=_NUMBER, utterances=_COUNT)),
    by_sex=_GROUPS,
    by_intensity=_GROUPS,
    by_corpus=_GROUPS,
    by_speaker=_GROUPS,
    confusion=array(_ROW),
    reliability=array(_BIN),
    risk_coverage=_lax({"coverage": _ROW, "risk": _ROW}, threshold=_ROW),
    thresholds=array(_lax({"risk": _NUMBER}, threshold=_NUMBER, coverage=_NUMBER)),
    folds=array(_FOLD),
    tested=_INDICES,
    probabilities=array(_ROW),
)
_CONDITION = _lax({"uar": _NUMBER}, loss=_NUMBER, interval=_interval)
_SYSTEM = _lax(
    {"evaluations": mapping(or_null(_EVALUATION))},
    summary=_TEXT,
    robustness=mapping(or_null(_CONDITION)),
    insight=array(
        _lax(
            {"family": _TEXT, "features": _COUNT, "drop": _NUMBER}, means=_TEXT, interval=_interval
        )
    ),
)
_UTTERANCE = _lax(
    {"path": _TEXT, "emotion": _TEXT},
    corpus=_TEXT,
    speaker=_TEXT,
    sex=_TEXT,
    text=_TEXT,
    intensity=_TEXT,
)
_CORPUS = _lax(utterances=_COUNT, speakers=_COUNT, license=_TEXT, citation=_TEXT)
_FEATURES = _lax({"name": _TEXT}, version=_BRIEF, groups=array(_TEXT), count=_COUNT)
_DATA = _lax(
    corpora=mapping(or_null(_CORPUS)),
    emotions=mapping(_COUNT),
    features=_FEATURES,
    mapping=array(mapping(any_of(array(_BRIEF), _BRIEF))),
    failures=array(_lax({"path": _TEXT, "reason": _TEXT})),
)
_LEAK = _lax(
    {"kind": _TEXT, "protocol": _TEXT, "count": _COUNT},
    meant=flag,
    stops=flag,
    examples=array(_BRIEF),
)
_PAIR = _lax(
    {"a": _TEXT, "b": _TEXT, "protocol": _TEXT, "metric": _TEXT, "difference": _NUMBER},
    interval=_interval,
    p=_NUMBER,
)
_BASELINE = _lax({"uar": _NUMBER}, accuracy=_NUMBER, emotion=_TEXT)
_EMBEDDING = _lax(method=_TEXT, points=array(_interval), explained=_ROW)
_DOCUMENT = _lax(
    {"protocol": _TEXT, "utterances": array(_UTTERANCE), "systems": mapping(_SYSTEM)},
    created=_TEXT,
    command=_TEXT,
    seed=_BRIEF,
    versions=mapping(_BRIEF),
    data=_DATA,
    leaks=array(_LEAK),
    beside=_TEXT,
    beside_missing=_TEXT,
    premium=mapping(or_null(_lax({"uar": _NUMBER}, interval=_interval))),
    baselines=mapping(or_null(mapping(or_null(_BASELINE)))),
    paired=array(_PAIR),
    embedding=_EMBEDDING,
)


def check_structure(document: Any) -> None:
    """Refuse a document of which a part is missing, of another kind, or fits no other part.

    Raises
    ------
    ValueError
        With the path of the part.
    """
    _DOCUMENT(document, "")
    count = len(document["utterances"])
    for name, system in document["systems"].items():
        for protocol, evaluation in system["evaluations"].items():
            if evaluation:
                path = join(f"systems.{name}.evaluations", protocol)
                _check_indices(evaluation, path, count)
                _check_sizes(evaluation, path)
    points = (document.get("embedding") or {}).get("points") or []
    _check_length("embedding.points", points, {0, count})


def _check_indices(evaluation: Mapping[str, Any], path: str, count: int) -> None:
    """Refuse a number of an utterance that is not there."""
    lists = {f"{path}.tested": evaluation.get("tested") or []}
    for number_, fold in enumerate(evaluation.get("folds") or []):
        for part in ("train", "test"):
            lists[f"{path}.folds[{number_}].{part}"] = fold[part]
    for place, indices in lists.items():
        for index in indices:
            if index >= count:
                refuse(place, f"numbers of utterances under {count}", index)


def _check_sizes(evaluation: Mapping[str, Any], path: str) -> None:
    """Refuse tables whose sizes do not fit the emotions and the tested utterances."""
    emotions = len(evaluation["emotions"])
    rows = evaluation.get("probabilities") or []
    _check_length(f"{path}.probabilities", rows, {0, len(evaluation.get("tested") or [])})
    table = evaluation.get("confusion") or []
    _check_length(f"{path}.confusion", table, {0, emotions})
    for name, lists in (("probabilities", rows), ("confusion", table)):
        for index, row in enumerate(lists):
            _check_length(f"{path}.{name}[{index}]", row, {emotions})
    curve = evaluation.get("risk_coverage") or {"coverage": [], "risk": []}
    _check_length(f"{path}.risk_coverage.risk", curve["risk"], {len(curve["coverage"])})


def _check_length(path: str, value: list[Any], expected: set[int]) -> None:
    if len(value) not in expected:
        raise ValueError(f"{path}: expected {max(expected)} entries, found {len(value)}")
