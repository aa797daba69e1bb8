"""A tiny real study as a document, for tests of what is made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voxaffect.evaluation import System, evaluate_systems
from voxaffect.extraction import Failure
from voxaffect.outputs.report import document
from voxaffect.training import Dataset


def make_document(data: Dataset) -> dict[str, Any]:
    """Evaluate two systems in all ways, by speakers and by a random split.

    Parameters
    ----------
    data : Dataset
        Of the small corpus.

    Returns
    -------
    dict
        As ``json.loads`` gives it. Its systems are ``logistic`` and ``eGeMAPS + SVM``.
    """
    members = tuple(
        replace(one, intensity="strong" if one.text == "02" else "normal")
        for one in data.utterances
    )
    failure = Failure(Path("/data/ravdess/broken.wav"), "no sound in it")
    small = Dataset(members, data.matrix, data.spec, (failure,))
    noise = np.random.default_rng(1).normal(1, 0.5, data.matrix.shape).astype(np.float32)
    conditions = {"noise 10 dB": data.matrix * noise, "gain −20 dB": data.matrix * np.float32(0.9)}
    systems = {
        "logistic": System(_scale(GaussianNB()), small, conditions, "all features"),
        "eGeMAPS + SVM": System(_scale(KNeighborsClassifier(1)), small, conditions, "the same"),
    }
    study = evaluate_systems(systems, protocol="speakers", importance=True)
    command = "voxaffect evaluate ravdess --protocol speakers --report out/"
    return dict(json.loads(json.dumps(document(study, command=command, embedded=True))))


def _scale(estimator: Any) -> Any:
    return make_pipeline(StandardScaler(), estimator)


def rename(value: Any, names: Mapping[str, str]) -> Any:
    """Return a copy with other names of systems or emotions, wherever they stand."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {names.get(key, key): rename(part, names) for key, part in value.items()}
    return [rename(part, names) for part in value] if isinstance(value, list) else value
