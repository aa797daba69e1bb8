"""``encoder``: hidden states of a pretrained encoder of speech, pooled over the utterance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from voxaffect.audio import Signal
from voxaffect.errors import FeatureError
from voxaffect.features.dsp import Array
from voxaffect.features.encoders.encoder import Encoder, compute_speech_logmel
from voxaffect.features.encoders.logmel import RATE_HZ
from voxaffect.features.spec import FeatureSpec

__all__ = [
    "FAMILIES",
    "NAME",
    "RATE_HZ",
    "Encoder",
    "EncoderFeatures",
    "compute_speech_logmel",
    "get_encoder_features",
    "make_encoder_spec",
]

NAME: Final = "encoder"
VERSION: Final = 1
FAMILIES: Final[Mapping[str, str]] = {
    "hidden states": "how the encoder represents the speech, averaged over time",
    "variation of hidden states": "how much that varies over time",
}


class EncoderFeatures:
    """Feature set of one encoder: a group for each layer, means and then deviations.

    Parameters
    ----------
    encoder : Encoder
    """

    version: int = VERSION
    rate_hz: int | None = RATE_HZ
    families: Mapping[str, str] = FAMILIES

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.groups = self.default_groups = encoder.layers
        self.weights: str | None = encoder.weights
        self._width = encoder.size // (2 * len(encoder.layers))

    def get_names(self, group: str) -> tuple[str, ...]:
        """Name of each number of a layer, in order."""
        return tuple(
            f"{group}_{statistic}_{index}"
            for statistic in ("mean", "sd")
            for index in range(self._width)
        )

    def get_families(self, group: str) -> tuple[str, ...]:
        """Family of each number of a layer, in the order of the names."""
        del group
        return tuple(family for family in FAMILIES for _ in range(self._width))

    def compute(self, signal: Signal, groups: tuple[str, ...]) -> Array:
        """Vector of one utterance at 16 kHz; shape (d,)."""
        del groups
        return self._encoder.encode_samples(signal.samples)


def make_encoder_spec(encoder: Encoder) -> FeatureSpec:
    """Feature spec of an encoder, which carries the encoder."""
    return FeatureSpec(NAME, VERSION, encoder.layers, RATE_HZ, encoder.weights, encoder=encoder)


def get_encoder_features(spec: FeatureSpec) -> EncoderFeatures:
    """Feature set of the encoder that a spec carries.

    Raises
    ------
    FeatureError
        If the spec carries none, or another than it states.
    """
    encoder = spec.encoder
    if not isinstance(encoder, Encoder):
        raise FeatureError(
            f"features {NAME} need the encoder itself (weights {spec.weights}), and this spec "
            "carries none. Use the spec of a model (model.spec), or of open_encoder."
        )
    if (encoder.layers, encoder.weights) != (spec.groups, spec.weights):
        raise FeatureError(
            f"features {NAME} of {', '.join(spec.groups)} with weights {spec.weights} are asked "
            f"for, and the encoder gives {', '.join(encoder.layers)} with {encoder.weights}."
        )
    return EncoderFeatures(encoder)
