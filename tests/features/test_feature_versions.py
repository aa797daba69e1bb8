"""Names and values of each feature group, frozen under the version of its set."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from support.synthesis import RATE_HZ, speech_like

from voxaffect.audio import Signal
from voxaffect.features import compute_features, get_feature_names, get_feature_spec

# Set, group: version, number of names, beginning of the SHA-256 of the names;
# then quantiles 0, 0.1, 0.25, 0.5, 0.75, 0.9 and 1 of the values, and their mean.
FROZEN: dict[tuple[str, str], tuple[int, int, str, list[float]]] = {
    ("classic", "mfcc"): (
        1,
        40,
        "cfedf6ec2c1abbdc",
        [-296.65, -10.594, -8.8157, -5.4622, 2.8276, 9.4582, 75.098, -10.102],
    ),
    ("classic", "chroma"): (
        1,
        12,
        "44b49b3f0cedc8b0",
        [0.4695, 0.5128, 0.52297, 0.54807, 0.57937, 0.61499, 0.67345, 0.55567],
    ),
    ("classic", "mel"): (
        1,
        128,
        "2943df9ac56deb0d",
        [0.0036536, 0.0063343, 0.0094214, 0.02735, 0.10597, 0.48065, 9.1735, 0.3096],
    ),
    ("classic", "contrast"): (
        1,
        7,
        "135513d7f65979d2",
        [12.187, 15.939, 18.599, 20.216, 20.77, 22.962, 25.535, 19.525],
    ),
    ("classic", "tonnetz"): (
        1,
        6,
        "3db186f2720118dd",
        [-0.080699, -0.055135, -0.027729, -0.018167, -0.0078914, 0.0068623, 0.019536, -0.022147],
    ),
    ("affect", "functionals"): (
        1,
        1560,
        "6a9bbd70d4886c44",
        [-1942.5, -13.0, -1.5831, 0.8435, 7.0582, 21.32, 7915.2, 81.487],
    ),
    ("affect", "covariance"): (
        1,
        3570,
        "f5dca50481944c59",
        [-1.1527, -0.11367, -0.038411, -0.0025549, 0.027813, 0.087911, 0.84545, -0.02131],
    ),
    ("affect", "logmel"): (
        1,
        12801,
        "c15a81fdfc2222cd",
        [-4.5621, -4.5601, -1.5156, 0.0, 0.0, 0.0, 99.0, -1.0083],
    ),
}
REMEDY = "Raise the version of the set (CONTRIBUTING.md, Add a descriptor), then freeze it anew."


def _summarize(name: str, group: str) -> tuple[int, int, str, list[float]]:
    spec = get_feature_spec(name, groups=(group,))
    names = get_feature_names(spec)
    vector = compute_features(Signal(speech_like(), RATE_HZ), spec)
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    values = [*np.quantile(vector, (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)), vector.mean()]
    return spec.version, len(names), digest, [float(f"{value:.5g}") for value in values]


@pytest.mark.parametrize(("name", "group"), FROZEN)
def test_a_version_has_the_same_names_and_values_for_ever(name: str, group: str) -> None:
    *expected, values = FROZEN[name, group]
    *actual, numbers = _summarize(name, group)
    assert actual == expected, REMEDY
    assert numbers == pytest.approx(values, rel=1e-3, abs=1e-4), REMEDY
