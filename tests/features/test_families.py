"""Families of features: every number is in exactly one, the one that its name tells."""

from __future__ import annotations

import numpy as np
import pytest

from voxaffect.features import (
    SETS,
    FeatureSpec,
    describe_families,
    get_feature_names,
    get_feature_spec,
    index_families,
)

WHOLE = {name: get_feature_spec(name, groups=tuple(chosen.groups)) for name, chosen in SETS.items()}


@pytest.mark.parametrize("spec", WHOLE.values(), ids=WHOLE)
def test_every_feature_is_in_exactly_one_family(spec: FeatureSpec) -> None:
    places = np.concatenate(list(index_families(spec).values()))
    assert sorted(places) == list(range(len(get_feature_names(spec))))


@pytest.mark.parametrize("spec", WHOLE.values(), ids=WHOLE)
def test_the_whole_set_has_every_family_in_the_stated_order(spec: FeatureSpec) -> None:
    assert tuple(index_families(spec)) == tuple(SETS[spec.name].families)
    assert set(index_families(spec)) <= set(describe_families())


def test_a_spec_has_no_family_of_a_group_that_it_leaves_out() -> None:
    assert list(index_families(get_feature_spec("affect", groups=("covariance",)))) == [
        "covariance dynamics"
    ]
    assert list(index_families(get_feature_spec("classic", groups=("mel", "mfcc")))) == [
        "mfcc",
        "mel",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mfcc03.sd", "timbre"),
        ("delta_mfcc19.p05", "timbre"),
        ("voiced_mfcc00.mean", "timbre"),
        ("narrow_mfcc13.step", "timbre"),
        ("mfcc12.third3_sd", "timbre"),
        ("rolloff85_hz.mean", "spectrum"),
        ("voiced_band0050_db.mean", "spectrum"),
        ("melpair07.third1_mean", "spectrum"),
        ("crossings.skew", "spectrum"),
        ("delta_energy_db.sd", "energy"),
        ("voiced_energy_db.mean", "energy"),
        ("f0_st.rising_share", "pitch"),
        ("delta_f0_st.p95", "pitch"),
        ("jitter", "voice quality"),
        ("hnr_db.p25", "voice quality"),
        ("voiced_share", "rhythm"),
        ("energy_peaks_per_second", "rhythm"),
        ("energy_db.modulation_2.5_4_hz", "modulation"),
        ("melpair00.modulation_0.5_1.5_hz", "modulation"),
        ("logcov(mfcc00,f0_st@60ms)", "covariance dynamics"),
        ("logmel_000_00", "log-mel spectrogram"),
        ("logmel_frames", "log-mel spectrogram"),
    ],
)
def test_a_feature_of_affect_is_in_the_family_that_its_name_tells(name: str, expected: str) -> None:
    index = get_feature_names(WHOLE["affect"]).index(name)
    assert index in index_families(WHOLE["affect"])[expected]
