"""Features: a ``Signal`` and a ``FeatureSpec`` become one vector. Pure arrays in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Signal, check_rate, check_usable, resample
from voxaffect.errors import AudioError, FeatureError
from voxaffect.features.affect import Affect
from voxaffect.features.affect.frames import FrameSpectra
from voxaffect.features.affect.logmel import is_logmel
from voxaffect.features.base import FeatureSet, check_set
from voxaffect.features.classic import Classic
from voxaffect.features.dsp import Array
from voxaffect.features.encoders import (
    FAMILIES as ENCODER_FAMILIES,
    NAME as ENCODER,
    RATE_HZ as ENCODER_RATE_HZ,
    Encoder,
    get_encoder_features,
)
from voxaffect.features.spec import FeatureSpec
from voxaffect.plugins import Plugin, Registry, guard
from voxaffect.records.arguments import check_kind, check_list, is_known
from voxaffect.runtime.forks import no_fork

__all__ = [
    "ENCODER",
    "SETS",
    "Encoder",
    "FeatureSet",
    "FeatureSpec",
    "can_share_frames",
    "check_spec",
    "compute_features",
    "compute_window_features",
    "describe_families",
    "fix_rate",
    "get_feature_names",
    "get_feature_spec",
    "get_rate_hz",
    "index_families",
    "is_logmel",
]


def _read_plugin(_plugin: Plugin, value: Any) -> FeatureSet:
    check_set(value)
    chosen: FeatureSet = value
    return chosen


SETS: Registry[FeatureSet] = Registry(
    "features", {"affect": Affect(), "classic": Classic()}, _read_plugin, reserved=[ENCODER]
)
"""Every feature set by its name, also those of plug-ins. To add one, add a package and a row."""


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
    if name == ENCODER:
        raise FeatureError(f"{name}: expected the spec of an encoder, as open_encoder gives it.")
    if not is_known(name, SETS):
        raise FeatureError(f"no features named {name!r}; there are: {', '.join(SETS)}.")
    chosen, known = SETS[name], SETS[name].groups
    wanted = check_list(
        chosen.default_groups if groups is None else groups, "groups", "names of groups"
    )
    unknown = [group for group in wanted if not is_known(group, known)]
    if unknown or not wanted:
        listed = ", ".join(map(repr, unknown)) or "none"
        raise FeatureError(f"{name}: expected some of {', '.join(known)}; found {listed}.")
    if rate_hz is not None:
        try:
            rate_hz = check_rate(rate_hz, name)
        except AudioError as error:
            raise FeatureError(str(error)) from error
    if chosen.rate_hz is not None and rate_hz not in (None, chosen.rate_hz):
        raise FeatureError(f"{name}: defined at {chosen.rate_hz} Hz, found {rate_hz} Hz.")
    ordered = tuple(group for group in known if group in wanted)
    plugin = SETS.find_plugin(name)
    return FeatureSpec(
        name,
        chosen.version,
        ordered,
        rate_hz or chosen.rate_hz,
        chosen.weights,
        None if plugin is None else plugin.package,
    )


def check_spec(spec: FeatureSpec) -> None:
    """Refuse a spec that this version of voxaffect cannot compute.

    Raises
    ------
    FeatureError
        If the set or a group is unknown, or the version is another one.
    """
    check_kind(spec, FeatureSpec, "spec", "a FeatureSpec, as get_feature_spec makes it")
    if spec.name == ENCODER:
        _check_encoder_spec(spec)
        return
    if spec.package is not None:
        _check_package(spec)
    present = get_feature_spec(spec.name, groups=spec.groups, rate_hz=spec.rate_hz)
    if present != spec and present.version == spec.version:
        raise FeatureError(
            f"features {spec.name} with weights {spec.weights} are asked for, and this voxaffect "
            f"has {present.weights}. Install the version that the model file names."
        )
    if present != spec:
        raise FeatureError(
            f"features {spec.name} of version {spec.version} are asked for, and this voxaffect "
            f"computes version {present.version}. Install the version that the model file names."
        )


def _check_package(spec: FeatureSpec) -> None:
    """Refuse features of a plug-in that is not installed, or is another package's or version's."""
    needed = f"features {spec.name} of the package {spec.package!r}"
    plugin = SETS.find_plugin(spec.name)
    if plugin is None and spec.name in SETS:
        SETS[spec.name]  # reports that several packages have one of the name
    if plugin is None or plugin.package != spec.package:
        there = "" if plugin is None else f" The one here is of {plugin.package!r}."
        raise FeatureError(
            f"{needed} are asked for, which is not installed.{there} If you trust it: pip install "
            f"{spec.package}"
        )
    version = SETS[spec.name].version
    if version != spec.version:
        raise FeatureError(
            f"{needed} of version {spec.version} are asked for, and {plugin.package} "
            f"{plugin.version} computes version {version}. Install the version that the model was "
            f"trained with: pip install {plugin.package}"
        )


def _check_encoder_spec(spec: FeatureSpec) -> None:
    chosen = get_encoder_features(spec)
    if (spec.version, spec.rate_hz) != (chosen.version, chosen.rate_hz):
        raise FeatureError(
            f"features {spec.name} of version {spec.version} at {spec.rate_hz} Hz are asked for, "
            f"and this voxaffect computes version {chosen.version} at {chosen.rate_hz} Hz. "
            "Install the version that the model file names."
        )


def _get_set(spec: FeatureSpec) -> FeatureSet:
    return get_encoder_features(spec) if spec.name == ENCODER else SETS[spec.name]


def get_feature_names(spec: FeatureSpec) -> tuple[str, ...]:
    """Name of every number in the vector, in order.

    Examples
    --------
    >>> get_feature_names(get_feature_spec("classic"))[40:43]
    ('chroma_C', 'chroma_C#', 'chroma_D')
    """
    check_spec(spec)
    chosen = _get_set(spec)
    return tuple(chain.from_iterable(map(chosen.get_names, spec.groups)))


def index_families(spec: FeatureSpec) -> Mapping[str, NDArray[np.intp]]:
    """Indices in the vector of each family of features, as people speak of them.

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

    Examples
    --------
    >>> index_families(get_feature_spec("classic"))["chroma"]
    array([40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51])
    """
    check_spec(spec)
    chosen = _get_set(spec)
    numbers = np.array([*chain.from_iterable(map(chosen.get_families, spec.groups))])
    indices = {family: np.flatnonzero(numbers == family) for family in chosen.families}
    return {family: members for family, members in indices.items() if len(members)}


def get_rate_hz(name: str) -> int | None:
    """Rate that a feature set is defined at; None where that is the recording's own."""
    return ENCODER_RATE_HZ if name == ENCODER else SETS[name].rate_hz


def describe_families() -> dict[str, str]:
    """Meaning of each family of features in a few words, by its name.

    Of plug-ins, those of sets that were used.
    """
    families = [*(chosen.families for chosen in SETS.list_loaded().values()), ENCODER_FAMILIES]
    return {name: text for each in families for name, text in each.items()}


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
        if (plugin := SETS.find_plugin(spec.name)) is not None:
            return _check_finite(_compute_plugin(plugin, signal, spec), spec, signal.name)
        return _check_finite(_get_set(spec).compute(signal, spec.groups), spec, signal.name)


def _compute_plugin(plugin: Plugin, signal: Signal, spec: FeatureSpec) -> Array:
    """Vector of a plug-in's set, whose errors and length name its package."""
    compute = guard(plugin, SETS[spec.name].compute)
    vector = np.asarray(compute(signal, spec.groups))
    shape = (len(get_feature_names(spec)),)
    if vector.shape != shape or vector.dtype.kind not in "fiu":
        raise plugin.fail(
            f"failed (expected numbers of shape {shape}, found {vector.dtype} of shape "
            f"{vector.shape})"
        )
    return vector.astype(np.float32)


def can_share_frames(spec: FeatureSpec) -> bool:
    """Report whether `compute_window_features` knows the set, so that windows share frames."""
    return hasattr(_get_set(spec), "compute_window")


def compute_window_features(
    samples: Array, spectra: FrameSpectra, spec: FeatureSpec, *, name: str
) -> Array:
    """Feature vector of a window of a longer signal, whose frames are analyzed already.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At the spec's rate, at least 0.25 s, with no constant offset to speak of.
    spectra : FrameSpectra
        Frames of the samples, as from `analyze_inner_frames`.
    spec : FeatureSpec
        A spec that `can_share_frames`.
    name : str
        Name of the signal in messages.

    Returns
    -------
    ndarray, shape (d,), float32, finite
        Equal to that of `compute_features` but for rounding and the window's edges.

    Raises
    ------
    FeatureError
        If a number comes out NaN or infinite.
    """
    chosen: Any = _get_set(spec)
    return _check_finite(chosen.compute_window(samples, spectra, spec.groups), spec, name)


def _check_finite(vector: Array, spec: FeatureSpec, name: str) -> Array:
    if not np.isfinite(vector).all():
        bad = [
            name
            for name, value in zip(get_feature_names(spec), vector, strict=True)
            if not np.isfinite(value)
        ]
        raise FeatureError(f"{name}: not finite: {', '.join(bad[:5])}. Please report it.")
    return vector


def fix_rate(spec: FeatureSpec, rate_hz: int) -> FeatureSpec:
    """Spec with its rate fixed, unless it is fixed already."""
    return spec if spec.rate_hz is not None else replace(spec, rate_hz=rate_hz)
