"""A study as plain data: everything a report shows, and what `compare` reads back.

Format 1. Numbers are rounded to six decimals, but for the probabilities: from them, all figures
follow again. ``created`` is the only entry that differs between two runs of one command.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation import Evaluation, LeakCheck, Study, SystemResult
from voxaffect.evaluation.metrics.calibration import RiskCoverage
from voxaffect.evaluation.metrics.categorical import Scores
from voxaffect.evaluation.studies import compare_evaluations
from voxaffect.features import describe_families
from voxaffect.files import escape_control, read_bounded
from voxaffect.records.arguments import check_kind
from voxaffect.records.codec import round_numbers
from voxaffect.records.evaluation import check_evaluation
from voxaffect.training import Dataset
from voxaffect.training.packages import list_packages

KIND = "voxaffect evaluation"
FORMAT = 1
MAX_DOCUMENT_BYTES = 512 << 20
"""Raise it when a reader of the format before would misread the new one."""
RISKS = (0.05, 0.1, 0.2, 0.3)
Document = dict[str, Any]
_POINTS = 101
_SHOWN = 20
_METRICS = (*(one.name for one in fields(Scores)), "top_two", "nll", "ece")
_GROUPS = ("by_emotion", "by_sex", "by_intensity", "by_corpus", "by_speaker")
_LIBRARIES = ("voxaffect", "numpy", "scipy", "scikit-learn", "soundfile", "soxr", "onnxruntime")


def document(study: Study, *, command: str = "", embedded: bool = False) -> Document:
    """Turn a study into plain data.

    Parameters
    ----------
    study : Study
    command : str
        That made it, to be run again.
    embedded : bool
        Whether to draw a map of the utterances by principal components, which takes a while.

    Returns
    -------
    dict
        Ready for ``json.dumps``; no NaN.
    """
    check_kind(study, Study, "study", "a Study, as voxaffect.study gives it")
    first = next(iter(study.systems.values()))
    content: Document = {
        "kind": KIND,
        "schema_version": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": study.seed,
        "versions": {
            "python": platform.python_version(),
            **{library: version(library) for library in _LIBRARIES},
            **list_packages(study.data, study.systems),
        },
        "data": _data(study.data, study.protocol.name),
        "utterances": [_utterance(one) for one in study.utterances],
        "leaks": _leaks(study),
        "protocol": study.protocol.name,
        "reference_protocol": study.reference_protocol or None,
        "reference_missing": study.reference_missing,
        "premium": {
            name: _premium(study, name) for name in study.systems if study.reference_protocol
        },
        "systems": {name: _system(study, one) for name, one in study.systems.items()},
        "baselines": {name: one.baselines for name, one in first.evaluations.items()},
        "paired": [
            {
                "a": one,
                "b": other,
                "protocol": study.protocol.name,
                "metric": "uar",
                **asdict(difference),
            }
            for one, other, difference in study.compare_pairs()
        ],
        "embedding": _embedding(study.data) if embedded and _can_embed(study.data) else None,
    }
    plain: Document = round_numbers(content)
    for name, system in study.systems.items():
        for protocol, one in system.evaluations.items():
            entry = plain["systems"][name]["evaluations"][protocol]
            entry["dimension_values"] = _list_dimensions(one)
            if one.score_kind != "dimensions":
                entry["probabilities"] = round_numbers(one.probabilities, None)
    return plain


def read_document(path: str | Path) -> Document:
    """Read a document back.

    Raises
    ------
    EvaluationError
        If it is none, or of a newer format.
    """
    what = "the JSON that voxaffect evaluate writes"
    content = read_bounded(path, limit=MAX_DOCUMENT_BYTES, what=what, error=EvaluationError)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{path}: cannot be read (not JSON: {error}).") from error
    check_document(value, str(path))
    document: Document = value
    return document


def check_document(document: Any, name: str) -> None:
    """Refuse what is no evaluation that this version reads.

    Parameters
    ----------
    document : object
    name : str
        What messages call it.

    Raises
    ------
    EvaluationError
        If it is of another kind or a newer format, holds no system, or is damaged.
    """
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise EvaluationError(
            f"{name}: not an evaluation. Expected the JSON that voxaffect evaluate writes."
        )
    number = document.get("schema_version")
    if not isinstance(number, int) or number > FORMAT:
        raise EvaluationError(
            f"{name}: written in format {shortened(number)[:60]}, this voxaffect reads up to "
            f"{FORMAT}. Upgrade voxaffect."
        )
    if document.get("systems", {}) == {}:
        raise EvaluationError(f"{name}: holds no system. Evaluate one or more.")
    try:
        check_evaluation(document)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(
            f"{name} is damaged ({escape_control(str(error))}). Evaluate again, or pass what "
            "voxaffect.document makes."
        ) from error


def _utterance(one: Utterance) -> Document:
    kept = ("corpus", "emotion", "speaker", "sex", "text", "intensity")
    own = {key: getattr(one, key) for key in ("label", "subset", "start_seconds", "end_seconds")}
    stated = {key: value for key, value in own.items() if value is not None}
    named = {key: getattr(one, key) or None for key in kept}
    return {"path": str(one.path), **named, **stated}


def _data(data: Dataset, protocol: str) -> Document:
    spec = data.spec
    counts = Counter(filter(None, data.emotions))
    return {
        "corpora": data.summary(),
        "emotions": {emotion: counts[emotion] for emotion in sorted(counts)},
        "features": None
        if spec is None
        else {
            "name": spec.name,
            "version": spec.version,
            "groups": spec.groups,
            "count": data.matrix.shape[1],
        },
        "mapping": _mapping(data) if data.has_emotions and protocol in ("cross", "corpora") else [],
        "failures": [{"path": str(f.path), "reason": f.reason} for f in data.failures],
    }


def _mapping(data: Dataset) -> list[Document]:
    """Corpora that hold each emotion, in the order of the data: ``cross`` trains on the first."""
    names = list(dict.fromkeys(utterance.corpus for utterance in data.utterances))
    held = {
        name: {utterance.emotion for utterance in data.utterances if utterance.corpus == name}
        for name in names
    }
    everything = sorted(set().union(*held.values()))
    return [
        {"emotion": emotion, "corpora": [name for name in names if emotion in held[name]]}
        for emotion in everything
    ]


def _leaks(study: Study) -> list[Document] | None:
    """List the leaks of all protocols; None where they could not be looked for."""
    checks = dict.fromkeys(
        (one.protocol.name, one.check)
        for result in study.systems.values()
        for one in result.evaluations.values()
        if one.check is not None
    )
    if not checks:
        return None
    return [leak for name, check in checks for leak in _describe_leaks(check, name)]


def _describe_leaks(check: LeakCheck, protocol: str) -> list[Document]:
    leaks = [
        {
            "kind": leak.kind,
            "protocol": leak.protocol,
            "expected": leak.is_expected,
            "count": len(leak.items),
            "examples": leak.items[:_SHOWN],
            "stops": not leak.is_expected and leak.kind != "sentence",
        }
        for leak in check.leaks
    ]
    if check.unchecked:
        leaks.append(
            {
                "kind": "unchecked",
                "protocol": protocol,
                "expected": True,
                "count": check.unchecked,
                "examples": (),
                "stops": False,
            }
        )
    return leaks


def _premium(study: Study, name: str) -> Document:
    premium = study.compute_premium(name)
    assert premium is not None
    return {"uar": premium[0], "interval": premium[1]}


def _system(study: Study, result: SystemResult) -> Document:
    main, known = result.evaluations[study.protocol.name], describe_families()
    return {
        "summary": result.summary,
        "model": asdict(result.model) if result.model else None,
        "evaluations": {name: _evaluation(one) for name, one in result.evaluations.items()},
        "robustness": {
            name: _compare_condition(main, one) for name, one in result.conditions.items()
        },
        "importance": sorted(
            (
                {
                    "group": name,
                    "meaning": known.get(name),
                    "features": result.group_sizes[name],
                    **_compare_permutation(main, one),
                }
                for name, one in result.permutations.items()
            ),
            key=lambda row: -row["drop"],
        ),
    }


def _compare_condition(clean: Evaluation, other: Evaluation) -> Document:
    return {
        "uar": other.summary["uar"]["mean"],
        "loss": clean.summary["uar"]["mean"] - other.summary["uar"]["mean"],
        "interval": other.interval,
        "ece": other.calibration_error,
    }


def _compare_permutation(whole: Evaluation, other: Evaluation) -> Document:
    apart = compare_evaluations(whole, other)
    return {"drop": apart.difference, "interval": apart.interval}


def _evaluation(one: Evaluation) -> Document:
    """Plain data of an evaluation; without the scores of emotions, if the system gives none."""
    keys = ("name", "seed", "train", "test")
    folds = [
        dict(zip(keys, (f.name, f.seed, np.sort(f.train), f.test), strict=True))
        for f in (result.fold for result in one.folds)
    ]
    entry: Document = {
        "protocol": one.protocol.name,
        "summary": one.description,
        "weighting": one.weighting,
        "uncertainty": one.uncertainty,
        "stated": dict(one.abstention) or None,
        "unknown_emotions": dict(one.unknown),
        "untested_emotions": (),
        "unit": one.protocol.unit,
        "unknown_speakers": one.unknown_speakers,
        "new_voices": one.protocol.new_voices,
        "unchecked": one.unchecked,
        "score_kind": one.score_kind,
        "emotions": one.emotions,
        "metrics": {name: dict.fromkeys(("mean", "sd", "interval")) for name in _METRICS},
        **_ratings(one),
        **{name: {} for name in _GROUPS},
        "confusion": None,
        "reliability": (),
        "risk_coverage": None,
        "thresholds": (),
        "folds": folds,
        "tested": np.concatenate([result.fold.test for result in one.folds]),
        "probabilities": (),
        "dimension_values": _list_dimensions(one),
    }
    return entry if one.score_kind == "dimensions" else entry | _score_emotions(one, folds)


def _score_emotions(one: Evaluation, folds: Sequence[Document]) -> Document:
    """Scores of emotions."""
    is_ranked = one.score_kind != "answers"  # bare answers are all as sure as each other
    scores = [asdict(result.scores) for result in one.folds if result.scores is not None]
    groups = {
        f"by_{name}": {value: asdict(group) for value, group in one.score_groups(name).items()}
        for name in ("sex", "intensity", "corpus")
    }
    return {
        "untested_emotions": one.untested if one.protocol.is_open else (),
        "metrics": _metrics(one),
        "by_emotion": one.by_emotion,
        **groups,
        "by_speaker": _by_speaker(one),
        "confusion": one.confusion,
        "reliability": [asdict(bin_) for bin_ in one.reliability],
        "risk_coverage": _curve(one.risk_coverage) if is_ranked else None,
        "thresholds": [_threshold(one.risk_coverage, risk) for risk in RISKS if is_ranked],
        "folds": [fold | values for fold, values in zip(folds, scores, strict=True)],
        "probabilities": one.probabilities,
    }


def _list_dimensions(one: Evaluation) -> list[list[float | None]] | None:
    """Dimensions of each tested utterance, in the order of ``DIMENSIONS``; None without any."""
    if one.dimensions is None:
        return None
    return [[None if np.isnan(cell) else cell for cell in row] for row in one.dimensions.tolist()]


def _metrics(one: Evaluation) -> Document:
    """Mean and sd over folds where a fold has a figure, else the figure over all utterances.

    A single fold has no sd. What the estimator's certainty cannot give is null.
    """
    over_all = {"top_two": one.top_two, "nll": one.log_loss, "ece": one.calibration_error}
    intervals = {"uar": one.interval, "accuracy": one.bootstrap_interval("accuracy")}
    metrics: Document = {
        name: {
            "mean": values["mean"],
            "sd": values["sd"] if len(one.folds) > 1 else None,
            "interval": intervals.get(name),
        }
        for name, values in one.summary.items()
    }
    if one.protocol.is_open and one.score_kind != "answers":
        restricted = one.restrict()
        metrics["restricted_uar"] = {
            "mean": restricted.summary["uar"]["mean"],
            "sd": restricted.summary["uar"]["sd"] if len(one.folds) > 1 else None,
            "interval": restricted.interval,
        }
    for name, value in over_all.items():
        has_interval = value is not None and name != "ece"
        interval = one.bootstrap_interval(name) if has_interval else None
        metrics[name] = {"mean": value, "sd": None, "interval": interval}
    return metrics


def _ratings(one: Evaluation) -> Document:
    """Scores against soft labels and of dimensions, where there are any."""
    parts: Document = {}
    if (soft := one.soft_scores) is not None:
        metrics = ("divergence", "cross_entropy", "cosine")
        parts["soft_labels"] = {
            "utterances": soft.utterances,
            **{
                name: {"mean": getattr(soft, name), "interval": soft.intervals.get(name)}
                for name in metrics
            },
        }
    if scores := one.dimension_scores:
        parts["dimensions"] = {name: asdict(row) for name, row in scores.items()}
    return parts


def _by_speaker(one: Evaluation) -> Document:
    sexes = {f"{utterance.corpus}/{utterance.speaker}": utterance.sex for utterance in one.tested}
    return {
        name: {
            "uar": group.uar,
            "accuracy": group.accuracy,
            "utterances": group.utterances,
            "sex": sexes[name],
        }
        for name, group in one.by_speaker.items()
    }


def _curve(curve: RiskCoverage) -> Document:
    """Evenly thinned to what a figure can show, with the points of the thresholds."""
    marked = np.searchsorted(curve.coverage, [_threshold(curve, r)["coverage"] for r in RISKS])
    even = np.linspace(0, len(curve.risk) - 1, _POINTS).round().astype(int)
    indices = np.unique(np.concatenate([even, marked]))
    return {name: getattr(curve, name)[indices] for name in ("threshold", "coverage", "risk")}


def _threshold(curve: RiskCoverage, wanted: float) -> Document:
    choice = curve.select_threshold(wanted)
    is_reached = bool(choice["coverage"])
    return {
        "risk": wanted,
        "threshold": choice["threshold"] if is_reached else None,
        "coverage": choice["coverage"],
        "measured": choice["risk"] if is_reached else None,
    }


def _can_embed(data: Dataset) -> bool:
    """True if there are features, and emotions to mark on the map."""
    return data.has_emotions and data.matrix.size > 0


def _embedding(data: Dataset) -> Document:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(data.matrix).clip(-5, 5)
    pca = PCA(
        2, svd_solver="covariance_eigh" if scaled.shape[1] < 500 else "randomized", random_state=0
    )
    points = pca.fit_transform(scaled)
    return {"method": "PCA", "points": points, "explained": pca.explained_variance_ratio_}
