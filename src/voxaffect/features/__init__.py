"""Features: a ``Signal`` and a ``FeatureSpec`` become one vector. Pure arrays in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import (
    Signal,
    check_rate,
    check_usable,
    resample,
)
from voxaffect.errors import AudioError, FeatureError
from voxaffect.features import affect, classic
from voxaffect.features.affect.frames import FrameSpectra
from voxaffect.features.affect.logmel import is_logmel
from voxaffect.features.spec import FeatureSpec
from voxaffect.features.spectrum import Array
from voxaffect.records.arguments import check_kind, check_list, is_known
from voxaffect.runtime.forks import no_fork

__all__ = [
    "SETS",
    "FeatureSpec",
    "can_share_frames",
    "check_spec",
    "compute_features",
    "compute_window_features",
    "describe_families",
    "get_feature_names",
    "get_feature_spec",
    "index_families",
    "is_logmel",
]

SETS: dict[str, ModuleType] = {"affect": affect, "classic": classic}
"""Every feature set: a module with ``VERSION``, ``GROUPS``, ``DEFAULT_GROUPS``, ``RATE_HZ`` (None:
the recording's own), ``FAMILIES``, ``names``, ``family`` and ``compute_features``."""


def get_feature_spec(
    name: str, *, groups: tuple[str, ...] | None = None, rate_hz: int | None = None
) -> FeatureSpec:
    """Spec of a feature set at its present version.

    Parameters
    ----------
    name : str
        One of ``SETS``.
    groups : tuple of str, optional
        Some of the set's groups, in any order; by default those that the set advises.
    rate_hz : int, optional
        Resample to this rate first, where the set is not bound to one.

    Returns
    -------
    FeatureSpec

    Raises
    ------
    FeatureError
        If there is no such set or group, no group at all, or the set has another rate.

    Examples
    --------
    >>> va.get_feature_spec("classic", groups=("mfcc", "chroma")).groups
    ('mfcc', 'chroma')
    """
    if not is_known(name, SETS):
        raise FeatureError(f"no features named {name!r}; there are: {', '.join(SETS)}.")
    chosen, known = SETS[name], tuple(SETS[name].GROUPS)
    wanted = chosen.DEFAULT_GROUPS if groups is None else groups
    wanted = check_list(wanted, "groups", "names of groups")
    unknown = [group for group in wanted if not is_known(group, known)]
    if unknown or not wanted:
        found = ", ".join(map(repr, unknown)) or "none"
        raise FeatureError(f"{name}: expected some of {', '.join(known)}; found {found}.")
    if rate_hz is not None:
        try:
            rate_hz = check_rate(rate_hz, name)
        except AudioError as error:
            raise FeatureError(str(error)) from error
    if chosen.RATE_HZ is not None and rate_hz not in (None, chosen.RATE_HZ):
        raise FeatureError(f"{name}: defined at {chosen.RATE_HZ} Hz, found {rate_hz} Hz.")
    ordered = tuple(group for group in known if group in wanted)
    return FeatureSpec(name, chosen.VERSION, ordered, rate_hz or chosen.RATE_HZ)


def check_spec(spec: FeatureSpec) -> None:
    """Refuse a spec that this version of voxaffect cannot compute.

    Raises
    ------
    FeatureError
        If the set or a group is unknown, or the version is another one.
    """
    check_kind(spec, FeatureSpec, "spec", "a FeatureSpec, as get_feature_spec makes it")
    present = get_feature_spec(spec.name, groups=spec.groups, rate_hz=spec.rate_hz)
    if present != spec:
        raise FeatureError(
            f"features {spec.name} of version {spec.version} are asked for, and this voxaffect "
            f"computes version {present.version}. Install the version that the model file names."
        )


def get_feature_names(spec: FeatureSpec) -> tuple[str, ...]:
    """Name of every number in the vector, in order."""
    check_spec(spec)
    result: tuple[str, ...] = SETS[spec.name].names(spec)
    return result


def index_families(spec: FeatureSpec) -> Mapping[str, NDArray[np.intp]]:
    """Places in the vector of each family of features, as people speak of them.

    Parameters
    ----------
    spec : FeatureSpec

    Returns
    -------
    mapping of str to ndarray of int
        Of ``classic``: mfcc, chroma, mel. Of ``affect``: timbre, spectrum, energy, pitch, voice
        quality, rhythm, modulation, covariance dynamics and log-mel spectrogram.
        In that order, without families that the spec leaves out; every feature is in one.

    Raises
    ------
    FeatureError
        If this version of voxaffect cannot compute the spec.
    """
    chosen = SETS[spec.name]
    of_feature = np.array([chosen.family(name) for name in get_feature_names(spec)])
    places = {family: np.flatnonzero(of_feature == family) for family in chosen.FAMILIES}
    return {family: where for family, where in places.items() if len(where)}


def describe_families() -> dict[str, str]:
    """What each family of features tells of, in a few words, by its name."""
    return {name: said for chosen in SETS.values() for name, said in chosen.FAMILIES.items()}


def compute_features(signal: Signal, spec: FeatureSpec) -> Array:
    """Feature vector of a recording.

    Parameters
    ----------
    signal : Signal
    spec : FeatureSpec

    Returns
    -------
    ndarray, shape (d,), float32, finite

    Raises
    ------
    AudioError
        If the recording is shorter than 0.25 s or silent throughout.
    FeatureError
        If the spec is unknown, or a number comes out NaN or infinite.

    Examples
    --------
    >>> va.compute_features(va.read("call.wav"), va.get_feature_spec("classic")).shape
    (180,)
    """
    check_spec(spec)
    check_kind(signal, Signal, "signal", "a Signal, as voxaffect.read gives it")
    check_usable(signal)
    with no_fork:
        if spec.rate_hz is not None:
            signal = resample(signal, spec.rate_hz)
        return _finite(SETS[spec.name].compute_features(signal, spec), spec, signal.name)


def can_share_frames(spec: FeatureSpec) -> bool:
    """Report whether `compute_window_features` knows the set, so that windows share frames."""
    return hasattr(SETS[spec.name], "compute_window_features")


def compute_window_features(
    samples: Array, shared: FrameSpectra, spec: FeatureSpec, *, name: str
) -> Array:
    """Feature vector of a window of a longer signal, whose frames are measured already.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At the spec's rate, at least 0.25 s, with no constant offset to speak of.
    shared : FrameSpectra
        Every frame of them, by `shared.analyze_inner_frames`.
    spec : FeatureSpec
        One that `can_share_frames`.
    name : str
        What messages call the signal.

    Returns
    -------
    ndarray, shape (d,), float32, finite
        That of `compute_features` but for rounding and the window's edges.

    Raises
    ------
    FeatureError
        If a number comes out NaN or infinite.
    """
    vector: Array = SETS[spec.name].compute_window_features(samples, shared, spec)
    return _finite(vector, spec, name)


def _finite(vector: Array, spec: FeatureSpec, name: str) -> Array:
    if not np.isfinite(vector).all():
        bad = [
            name
            for name, value in zip(get_feature_names(spec), vector, strict=True)
            if not np.isfinite(value)
        ]
        raise FeatureError(f"{name}: not finite: {', '.join(bad[:5])}. Please report it.")
    return vector


def fix_rate(spec: FeatureSpec, rate_hz: int) -> FeatureSpec:
    """Return the spec with its rate fixed, unless it is fixed already."""
    return spec if spec.rate_hz is not None else replace(spec, rate_hz=rate_hz)
