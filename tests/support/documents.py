"""Evaluations as plain data, made up from seeded chance, consistent in all their numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EMOTIONS = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
Floats = NDArray[np.float64]


def utterances(
    emotions: Sequence[str] = EMOTIONS, *, speakers: int = 12, each: int = 4
) -> list[dict[str, Any]]:
    """Return a corpus: every speaker says every emotion, twice normal and twice strong."""
    return [
        {
            "path": f"/data/ravdess/Actor_{speaker:02}/{emotion}-{take}.wav",
            "corpus": "ravdess",
            "emotion": emotion,
            "speaker": f"{speaker:02}",
            "sex": "female" if speaker % 2 == 0 else "male",
            "text": f"{take % 2 + 1:02}",
            "intensity": "strong" if take >= each / 2 else "normal",
        }
        for speaker in range(1, speakers + 1)
        for emotion in emotions
        for take in range(each)
    ]


def _recalls(truth: Any, answer: Any) -> Floats:
    return np.array([(answer[truth == name] == name).mean() for name in np.unique(truth)])


def _interval(truth: Any, answer: Any, who: Any, *, draws: int = 60) -> list[float] | None:
    """Bootstrap over speakers, few draws: the numbers need only be plausible."""
    names = np.unique(who)
    if len(names) < 2:
        return None
    rng = np.random.default_rng(0)
    places = {name: np.flatnonzero(who == name) for name in names}
    found = []
    for _ in range(draws):
        drawn = np.concatenate([places[name] for name in rng.choice(names, len(names))])
        found.append(_recalls(truth[drawn], answer[drawn]).mean())
    return [float(value) for value in np.percentile(found, [2.5, 97.5])]


def _f1(recall: float, precision: float) -> float:
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def _by_emotion(emotions: Sequence[str], table: Floats) -> dict[str, Any]:
    found = {}
    for place, name in enumerate(emotions):
        recall = table[place, place] / max(table[place].sum(), 1)
        precision = table[place, place] / max(table[:, place].sum(), 1)
        found[name] = {
            "recall": recall,
            "precision": precision,
            "f1": _f1(recall, precision),
            "utterances": int(table[place].sum()),
        }
    return found


def _reliability(confidence: Floats, right: Any, bins: int = 15) -> list[dict[str, Any]]:
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "low": number / bins,
            "high": (number + 1) / bins,
            "confidence": float(confidence[which == number].mean()) if n else None,
            "accuracy": float(right[which == number].mean()) if n else None,
            "utterances": n,
        }
        for number in range(bins)
        for n in [int((which == number).sum())]
    ]


def _curve(confidence: Floats, right: Any) -> dict[str, list[float]]:
    order = np.argsort(-confidence, kind="stable")
    number = np.arange(1, len(order) + 1)
    return {
        "threshold": confidence[order].tolist(),
        "coverage": (number / len(order)).tolist(),
        "risk": (np.cumsum(~right[order]) / number).tolist(),
    }


def _thresholds(curve: Mapping[str, Sequence[float]], risks: Sequence[float]) -> list[Any]:
    found = []
    for risk in risks:
        fit = [place for place, value in enumerate(curve["risk"]) if value <= risk]
        last = fit[-1] if fit else None
        found.append(
            {
                "risk": risk,
                "threshold": None if last is None else curve["threshold"][last],
                "coverage": 0 if last is None else curve["coverage"][last],
            }
        )
    return found


def evaluation(
    protocol: str,
    *,
    members: Sequence[Mapping[str, Any]],
    emotions: Sequence[str],
    folds: Sequence[tuple[Sequence[int], Sequence[int]]],
    probabilities: Floats,
    new_voices: bool,
    summary: str = "folds of speakers",
) -> dict[str, Any]:
    """Return one evaluation with every figure that follows from its probabilities."""
    tested = [int(place) for _, test in folds for place in test]
    truth = np.array([members[place]["emotion"] for place in tested])
    answer = np.array(emotions)[probabilities.argmax(axis=1)]
    who = np.array([f"{members[p]['corpus']}/{members[p]['speaker']}" for p in tested])
    right, confidence = answer == truth, probabilities.max(axis=1)
    table = np.array([[((truth == a) & (answer == b)).sum() for b in emotions] for a in emotions])
    by_emotion, reliability = _by_emotion(emotions, table), _reliability(confidence, right)
    curve = _curve(confidence, right)

    def group(kind: str) -> dict[str, Any]:
        values = np.array([members[place].get(kind) or "" for place in tested])
        return {
            str(name): {
                "uar": float(_recalls(truth[at], answer[at]).mean()),
                "utterances": int(at.sum()),
                "interval": _interval(truth[at], answer[at], who[at]),
            }
            for name in np.unique(values)
            if name
            for at in [values == name]
        }

    ends = np.cumsum([len(test) for _, test in folds])
    rows = []
    for (train, test), end in zip(folds, ends, strict=True):
        at = slice(int(end) - len(test), int(end))
        rows.append(
            {
                "name": f"fold {len(rows) + 1}",
                "seed": 9,
                "train": list(map(int, train)),
                "test": list(map(int, test)),
                "macro_f1": 0.5,
                "uar": float(_recalls(truth[at], answer[at]).mean()),
                "accuracy": float(right[at].mean()),
            }
        )
    own = probabilities[np.arange(len(truth)), [list(emotions).index(name) for name in truth]]
    ranks = (probabilities > own[:, None]).sum(axis=1)
    whole = {
        "uar": [row["uar"] for row in rows],
        "accuracy": [row["accuracy"] for row in rows],
        "macro_f1": [np.mean([each["f1"] for each in by_emotion.values()])],
        "top_two": [(ranks < 2).mean()],
        "nll": [-np.log(own).mean()],
        "ece": [
            sum(
                abs(each["confidence"] - each["accuracy"]) * each["utterances"]
                for each in reliability
                if each["utterances"]
            )
            / len(truth)
        ],
    }
    metrics = {
        name: {"mean": float(np.mean(found)), "sd": float(np.std(found)), "interval": None}
        for name, found in whole.items()
    }
    metrics["uar"]["interval"] = _interval(truth, answer, who)
    return {
        "protocol": protocol,
        "summary": summary,
        "new_voices": new_voices,
        "emotions": list(emotions),
        "metrics": metrics,
        "by_emotion": by_emotion,
        "by_sex": group("sex"),
        "by_intensity": group("intensity"),
        "by_speaker": {
            str(name): {
                "uar": float(_recalls(truth[at], answer[at]).mean()),
                "accuracy": float(right[at].mean()),
                "utterances": int(at.sum()),
                "sex": members[tested[int(np.flatnonzero(at)[0])]].get("sex"),
            }
            for name in np.unique(who)
            if not name.endswith("/None")
            for at in [who == name]
        },
        "confusion": table.tolist(),
        "reliability": reliability,
        "risk_coverage": curve,
        "thresholds": _thresholds(curve, (0.05, 0.1, 0.2)),
        "folds": rows,
        "tested": tested,
        "probabilities": probabilities.tolist(),
    }


def _probabilities(
    members: Sequence[Mapping[str, Any]], emotions: Sequence[str], *, skill: float, seed: int
) -> Floats:
    """Make answers up: speakers differ, happy and surprised are alike, so are calm and sad."""
    rng = np.random.default_rng(seed)
    by_speaker = {each["speaker"]: rng.normal(0, 0.5) for each in members}
    logits = rng.normal(0, 1, (len(members), len(emotions)))
    alike = {"happy": "surprised", "sad": "calm", "calm": "neutral"}
    for row, each in zip(logits, members, strict=True):
        row[list(emotions).index(each["emotion"])] += skill + by_speaker[each["speaker"]]
        if alike.get(each["emotion"]) in emotions:
            row[list(emotions).index(alike[each["emotion"]])] += skill / 2
    powers = np.exp(logits * 1.2)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _system(
    members: Sequence[Mapping[str, Any]], emotions: Sequence[str], *, skill: float, seed: int
) -> dict[str, Any]:
    places = np.arange(len(members))
    speakers = sorted({each["speaker"] or "" for each in members})
    who = np.array([each["speaker"] or "" for each in members])
    folds = [
        (places[~held], places[held])
        for fold in range(3)
        for held in [np.isin(who, speakers[fold::3])]
        if held.any()
    ]
    mixed = np.random.default_rng(seed).permutation(places)
    cuts = [(np.setdiff1d(places, test), test) for test in np.array_split(mixed, 3)]
    made = {}
    for name, split, gain in (("emobox", folds, 0.0), ("random", cuts, 1.3)):
        probabilities = _probabilities(members, emotions, skill=skill + gain, seed=seed)
        made[name] = evaluation(
            name,
            members=members,
            emotions=emotions,
            folds=split,
            new_voices=name == "emobox",
            probabilities=probabilities[np.concatenate([test for _, test in split])],
            summary="EmoBox's six RAVDESS folds of four actors"
            if name == "emobox"
            else "a quarter held out at random, six times",
        )
    return {
        "summary": "affect features, augmented",
        "evaluations": made,
        **_extras(made["emobox"]["metrics"]["uar"]["mean"], seed),
    }


def _extras(uar: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    losses = {
        "noise 20 dB": 0.03,
        "noise 10 dB": 0.08,
        "reverb": 0.07,
        "telephone": 0.09,
        "MP3 at 64 kbit/s": -0.003,
        "gain −20 dB": 0.0,
    }
    families = {
        "timbre": 812,
        "pitch": 120,
        "energy": 64,
        "voice quality": 40,
        "rhythm": 88,
        "modulation": 220,
        "covariance": 3570,
    }

    def around(value: float, half: float) -> list[float]:
        return [value - half, value + half]

    return {
        "robustness": {
            name: {"uar": uar - loss, "loss": loss, "interval": around(uar - loss, 0.05)}
            for name, loss in losses.items()
        },
        "insight": [
            {"family": name, "features": count, "drop": drop, "interval": around(drop, 0.02)}
            for (name, count) in families.items()
            for drop in [float(rng.uniform(-0.01, 0.12))]
        ],
    }


def _premium(system: Mapping[str, Any]) -> dict[str, Any]:
    heard, new = (
        system["evaluations"][name]["metrics"]["uar"]["mean"] for name in ("random", "emobox")
    )
    return {"uar": heard - new, "interval": [heard - new - 0.04, heard - new + 0.04]}


def document(
    *,
    emotions: Sequence[str] = EMOTIONS,
    systems: Sequence[str] = ("logistic",),
    members: Sequence[dict[str, Any]] | None = None,
    seed: int = 9,
) -> dict[str, Any]:
    """Return a whole evaluation, as ``json.loads`` gives it."""
    members = utterances(emotions) if members is None else members
    made = {
        name: _system(members, emotions, skill=2.0 - 0.6 * place, seed=seed + place)
        for place, name in enumerate(systems)
    }
    plane = np.random.default_rng(seed).normal(size=(len(emotions), 2)) * 2
    noise = np.random.default_rng(seed).normal(size=(len(members), 2))
    points = [
        plane[list(emotions).index(each["emotion"])] + extra
        for each, extra in zip(members, noise, strict=True)
    ]
    counts = Counter(each["emotion"] for each in members)
    even = 1 / len(emotions)
    baseline = {
        "chance": {"uar": even, "accuracy": even},
        "majority": {"emotion": emotions[0], "uar": even, "accuracy": 0.133},
    }
    made_up = {
        "kind": "voxaffect evaluation",
        "format": 1,
        "created": "2026-11-22T18:00:00+00:00",
        "command": "voxaffect evaluate ravdess --protocol emobox --report out/",
        "seed": seed,
        "versions": {"voxaffect": "0.1.0", "python": "3.11.7", "numpy": "2.4.6"},
        "data": {
            "corpora": {
                "ravdess": {
                    "utterances": len(members),
                    "license": "CC BY-NC-SA 4.0",
                    "speakers": len({each["speaker"] for each in members}),
                    "citation": "Livingstone & Russo 2018, PLOS ONE 13(5): e0196391",
                }
            },
            "emotions": dict(counts),
            "mapping": [],
            "features": {
                "name": "affect",
                "version": 1,
                "groups": ["functionals", "covariance"],
                "count": 5130,
            },
            "failures": [{"path": "/data/ravdess/broken.wav", "reason": "no sound in it"}],
        },
        "utterances": list(members),
        "leaks": [
            {
                "kind": "speaker",
                "protocol": "random",
                "meant": True,
                "count": 12,
                "examples": ["ravdess/01", "ravdess/02"],
                "stops": False,
            }
        ],
        "protocol": "emobox",
        "beside": "random",
        "beside_missing": "",
        "premium": {name: _premium(system) for name, system in made.items()},
        "systems": made,
        "baselines": {"emobox": baseline, "random": baseline},
        "paired": [
            {
                "a": systems[0],
                "b": name,
                "protocol": "emobox",
                "metric": "uar",
                "difference": 0.12,
                "interval": [0.08, 0.16],
                "p": 0.0005,
            }
            for name in systems[1:]
        ],
        "embedding": {
            "method": "PCA",
            "points": [list(map(float, p)) for p in points],
            "explained": [0.2, 0.1],
        },
    }
    return dict(json.loads(json.dumps(made_up)))
