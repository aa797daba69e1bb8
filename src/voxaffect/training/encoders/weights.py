"""Weights of a pretrained encoder, from any of the formats in which they are distributed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.files import escape_control, name_errors
from voxaffect.files.folders import expand_home
from voxaffect.records.arguments import check_path
from voxaffect.training.encoders.catalog import identify_encoder
from voxaffect.training.encoders.ctranslate2 import is_ctranslate2, read_ctranslate2
from voxaffect.training.encoders.openai import is_openai, read_openai
from voxaffect.training.encoders.safetensors import (
    is_safetensors,
    list_parts,
    read_index,
    read_safetensors,
)
from voxaffect.training.encoders.tensors import WeightsFile, open_weights

_FORMATS = "OpenAI's .pt, Hugging Face's model.safetensors or CTranslate2's model.bin"
_NAMES = ("model.safetensors", "model.safetensors.index.json", "model.bin")
"""Files of weights in a folder, in the order in which they are looked for."""
_START_BYTES = 80
_BLOCK_BYTES = 1 << 20
_Reader = Callable[[WeightsFile], tuple[dict[str, NDArray[np.float32]], int]]
_LAYER = re.compile(r"blocks\.(\d{1,3})\.")
_Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """Weights of a Whisper encoder.

    Parameters
    ----------
    arrays : mapping of str to ndarray of float32
        By OpenAI's names without the prefix ``encoder.``, such as ``blocks.0.attn.query.weight``.
    heads : int
        Of the attention in each layer.
    mel_bands, width, layers : int
    name : str
        Name in ``ENCODERS`` if the file is known by its checksum, else the file's.
    sha256 : str
        Checksum of the file, or of the parts of a model, one after the other.
    license : str
        ``unknown`` if the file is not known.
    """

    arrays: Mapping[str, NDArray[np.float32]]
    heads: int
    mel_bands: int
    width: int
    layers: int
    name: str
    sha256: str
    license: str


def load_weights(path: str | Path) -> EncoderWeights:
    """Weights of a Whisper encoder from a file or a folder; the decoder is passed over.

    The format is recognized by the content, not by the name.

    Parameters
    ----------
    path : str or Path
        OpenAI's ``.pt``, Hugging Face's ``model.safetensors`` with ``config.json`` next to it, or
        CTranslate2's ``model.bin``; or a folder with one of the latter two, or with the index
        ``model.safetensors.index.json`` of a model in several files.

    Returns
    -------
    EncoderWeights

    Raises
    ------
    ModelError
        If there is no such file, it is cut short or damaged, of another kind or another model, or
        holds NaN.

    Examples
    --------
    >>> weights = load_weights("whisper/base.pt")  # doctest: +SKIP
    >>> weights.layers, weights.width, weights.license  # doctest: +SKIP
    (6, 512, 'MIT')
    """
    path = expand_home(check_path(path, "path"))
    with open_weights(_choose_file(path)) as file:
        reader = _choose_reader(file)
        sha256 = _hash(list_parts(file) if reader is read_index else [file.path])
        arrays, heads = reader(file)
    mel_bands, width, layers = _check_arrays(file, arrays)
    if not 0 < heads <= width or width % heads:
        file.refuse(f"has {heads} heads for a width of {width}")
    for array in arrays.values():
        array.flags.writeable = False
    source = identify_encoder(sha256)
    return EncoderWeights(
        arrays=MappingProxyType(dict(arrays)),
        heads=heads,
        mel_bands=mel_bands,
        width=width,
        layers=layers,
        name=source.name if source else escape_control(path.resolve().name),
        sha256=sha256,
        license=source.license if source else "unknown",
    )


def _choose_file(path: Path) -> Path:
    """File of weights in a folder; a file stays."""
    with name_errors(path, "cannot be read", ModelError):
        if not path.is_dir():
            return path
        for name in _NAMES:
            if (path / name).is_file():
                return path / name
    raise ModelError(
        f"{escape_control(str(path))}: holds no weights of an encoder. Expected a folder with "
        f"{', '.join(_NAMES)}, or the path of a file."
    )


def _hash(paths: Iterable[Path]) -> str:
    """SHA-256 of a file, or of the parts of a model, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open_weights(path) as file:
            while block := file.stream.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def _choose_reader(file: WeightsFile) -> _Reader:
    """Reader of the format that the content begins with."""
    start = file.read(0, min(_START_BYTES, file.size), "its start")
    if is_openai(start):
        return read_openai
    if is_ctranslate2(start):
        return read_ctranslate2
    if is_safetensors(start):
        return read_safetensors
    if start.lstrip()[:1] == b"{":
        return read_index
    problem = "is in PyTorch's old format" if start[:1] == b"\x80" else "is of another kind"
    raise ModelError(
        f"{file.name}: {problem}, expected the weights of an encoder in {_FORMATS}. Choose another "
        "file."
    )


def _check_arrays(file: WeightsFile, arrays: _Arrays) -> tuple[int, int, int]:
    """Mel bands, width and layers of an encoder whose arrays are all there, with fitting shapes."""
    first = arrays.get("conv1.weight")
    if first is None or first.ndim != 3 or not first.size:
        file.refuse("holds no convolution 'conv1.weight' of three dimensions")
    width, mel_bands, _ = first.shape
    matches = [match for name in arrays if (match := _LAYER.match(name))]
    layers = 1 + max((int(match[1]) for match in matches), default=-1)
    positions = len(arrays["positional_embedding"]) if "positional_embedding" in arrays else 0
    expected = _list_shapes(mel_bands, width, layers, positions)
    if not layers or not positions:
        file.refuse("holds no layers or no positions")
    for name, shape in expected.items():
        if name not in arrays:
            file.refuse(f"lacks the array {name!r}")
        if arrays[name].shape != shape:
            file.refuse(f"{name!r} has the shape {arrays[name].shape}, not {shape},")
    if strange := sorted(set(arrays) - set(expected)):
        file.refuse(f"holds the array {strange[0][:80]!r}")
    return mel_bands, width, layers


def _list_shapes(
    mel_bands: int, width: int, layers: int, positions: int
) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a Whisper encoder, by its name."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (width, mel_bands, 3),
        "conv1.bias": (width,),
        "conv2.weight": (width, width, 3),
        "conv2.bias": (width,),
        "positional_embedding": (positions, width),
        "ln_post.weight": (width,),
        "ln_post.bias": (width,),
    }
    for layer in range(layers):
        start = f"blocks.{layer}"
        for norm in ("attn_ln", "mlp_ln"):
            shapes |= {f"{start}.{norm}.weight": (width,), f"{start}.{norm}.bias": (width,)}
        for part in ("query", "key", "value", "out"):
            shapes[f"{start}.attn.{part}.weight"] = (width, width)
            if part != "key":
                shapes[f"{start}.attn.{part}.bias"] = (width,)
        shapes |= {
            f"{start}.mlp.0.weight": (4 * width, width),
            f"{start}.mlp.0.bias": (4 * width,),
            f"{start}.mlp.2.weight": (width, 4 * width),
            f"{start}.mlp.2.bias": (width,),
        }
    return shapes
