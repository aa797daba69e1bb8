"""Pretrained speech encoders for training: their catalog, their files, and the arrays in them."""

from __future__ import annotations

from voxaffect.training.encoders.catalog import ENCODERS, EncoderSource, get_encoder
from voxaffect.training.encoders.huggingface import export_huggingface
from voxaffect.training.encoders.opening import open_encoder
from voxaffect.training.encoders.store import (
    ENCODERS_VARIABLE,
    download_encoder,
    find_encoder,
    get_encoder_folder,
)
from voxaffect.training.encoders.weights import EncoderWeights, load_weights

__all__ = [
    "ENCODERS",
    "ENCODERS_VARIABLE",
    "EncoderSource",
    "EncoderWeights",
    "download_encoder",
    "export_huggingface",
    "find_encoder",
    "get_encoder",
    "get_encoder_folder",
    "load_weights",
    "open_encoder",
]
