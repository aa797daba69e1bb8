"""Pretrained encoders, ready to compute features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from voxaffect.errors import ModelError
from voxaffect.features.encoders import make_encoder_spec
from voxaffect.features.encoders.encoder import Encoder
from voxaffect.features.spec import FeatureSpec
from voxaffect.training.encoders.catalog import identify_encoder
from voxaffect.training.encoders.huggingface import KINDS, export_huggingface
from voxaffect.training.encoders.store import find_encoder
from voxaffect.training.encoders.weights import EncoderWeights, load_weights

DEFAULT_ENCODER = "base"
_MOST_LAYERS = 4


def open_encoder(
    encoder: str | Path = DEFAULT_ENCODER, *, layers: Sequence[int] | None = None
) -> FeatureSpec:
    """Feature spec of a pretrained encoder, which carries the encoder.

    Parameters
    ----------
    encoder : str or Path
        Name of an encoder that was downloaded, or a file or folder of weights.
    layers : sequence of int, optional
        Layers whose hidden states are the features, from 1; by default up to four in the middle,
        without the last: they tell most about emotion.

    Returns
    -------
    FeatureSpec
        For `load_dataset`, `extract` and `compute_features`.

    Raises
    ------
    ModelError
        If there is no such encoder, its weights are damaged, or it has no such layer.

    Examples
    --------
    ``va.open_encoder("base")`` opens Whisper base, once ``voxaffect encoders download base`` has
    fetched it. Its spec has the groups and names of the model that was trained on it:

    >>> va.load("accurate").spec.groups
    ('layer_2', 'layer_3', 'layer_4', 'layer_5')
    >>> va.open_encoder("none.bin")
    Traceback (most recent call last):
    voxaffect.errors.ModelError: none.bin: no such file or folder, and no encoder of this name. \
Choose from tiny, tiny.en, base, base.en, small, small.en, medium, medium.en, large-v3, or name \
the file or folder of its weights.
    """
    path = find_encoder(encoder)
    return _open_path(path, None if layers is None else tuple(layers))


@lru_cache(maxsize=2)
def _open_path(path: Path, layers: tuple[int, ...] | None) -> FeatureSpec:
    config = _read_config(path)
    if config.get("model_type") in KINDS and config["model_type"] != "whisper":
        return _open_huggingface(path, layers, config)
    weights = load_weights(path)
    chosen = _choose_layers(layers, weights.layers, weights.name)
    return make_encoder_spec(make_encoder(weights, chosen))


def make_encoder(weights: EncoderWeights, layers: Sequence[int], **info: str) -> Encoder:
    """Encoder of some layers of the weights, quantized; `info` is more for the cards of models."""
    from voxaffect.training.encoders.whisper_graph import make_whisper_graph, quantize

    graph = make_whisper_graph(weights.arrays, heads=weights.heads, layers=layers)
    return Encoder(quantize(graph), _name_layers(layers), info=_describe(weights) | info)


def _read_config(folder: Path) -> dict[str, Any]:
    """Configuration of a Hugging Face model in a folder; empty if there is none."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _open_huggingface(
    folder: Path, layers: tuple[int, ...] | None, config: dict[str, Any]
) -> FeatureSpec:
    """Feature spec of a wav2vec 2.0, HuBERT or WavLM encoder."""
    count = config.get("num_hidden_layers")
    if not isinstance(count, int) or count < 1:
        raise ModelError(f"{folder}: its config.json states no number of layers.")
    chosen = _choose_layers(layers, count, str(folder))
    content = export_huggingface(folder, chosen)
    info = {"name": folder.name, "license": "unknown", "citation": ""}
    info["sha256"] = sha256(content).hexdigest()
    return make_encoder_spec(Encoder(content, _name_layers(chosen), info=info))


def _name_layers(layers: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"layer_{layer}" for layer in layers)


def _choose_layers(layers: tuple[int, ...] | None, count: int, name: str) -> tuple[int, ...]:
    """Layers that are asked for, in order; or those in the middle."""
    if layers is None:
        last = max(1, count - 1)
        return tuple(range(max(1, last - _MOST_LAYERS + 1), last + 1))
    if not layers or not all(1 <= layer <= count for layer in layers):
        raise ModelError(
            f"{name}: expected layers from 1 to {count}, found "
            f"{', '.join(map(str, layers)) or 'none'}."
        )
    return tuple(sorted(set(layers)))


def _describe(weights: EncoderWeights) -> dict[str, str]:
    """Name, license, citation and weights of an encoder, for the card of a model."""
    source = identify_encoder(weights.sha256)
    return {
        "name": source.title if source else weights.name,
        "license": weights.license,
        "citation": source.citation if source else "",
        "sha256": weights.sha256,
    }
