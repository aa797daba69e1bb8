"""Pretrained speech encoders for training: their catalog, their files, and the arrays in them."""

from __future__ import annotations

from voxaffect.training.encoders.catalog import ENCODERS, EncoderSource, get_encoder
from voxaffect.training.encoders.weights import EncoderWeights, load_weights

__all__ = ["ENCODERS", "EncoderSource", "EncoderWeights", "get_encoder", "load_weights"]
