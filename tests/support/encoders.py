"""Tiny Whisper encoders with random weights, and writers of the formats they are distributed in."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]
HEADS, MEL_BANDS, WIDTH, LAYERS, POSITIONS = 2, 8, 16, 2, 12


def make_arrays(seed: int = 0) -> Arrays:
    """Arrays by OpenAI's names; every number is one that 16 bits hold."""
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (WIDTH, MEL_BANDS, 3),
        "conv2.weight": (WIDTH, WIDTH, 3),
        "positional_embedding": (POSITIONS, WIDTH),
        "ln_post.weight": (WIDTH,),
    }
    shapes |= dict.fromkeys(("conv1.bias", "conv2.bias", "ln_post.bias"), (WIDTH,))
    for layer in range(LAYERS):
        start = f"blocks.{layer}"
        for name in ("attn_ln.weight", "attn_ln.bias", "mlp_ln.weight", "mlp_ln.bias"):
            shapes[f"{start}.{name}"] = (WIDTH,)
        for part in ("query", "key", "value", "out"):
            shapes[f"{start}.attn.{part}.weight"] = (WIDTH, WIDTH)
        for part in ("query", "value", "out"):
            shapes[f"{start}.attn.{part}.bias"] = (WIDTH,)
        shapes |= {
            f"{start}.mlp.0.weight": (4 * WIDTH, WIDTH),
            f"{start}.mlp.0.bias": (4 * WIDTH,),
            f"{start}.mlp.2.weight": (WIDTH, 4 * WIDTH),
            f"{start}.mlp.2.bias": (WIDTH,),
        }
    # Whole 64ths up to 2: bfloat16 keeps 8 bits.
    return {
        name: (random.integers(-127, 128, shape) / 64).astype(np.float32)
        for name, shape in shapes.items()
    }


_TO_CTRANSLATE2 = {
    "positional_embedding": "position_encodings/encodings",
    "ln_post.weight": "layer_norm/gamma",
    "ln_post.bias": "layer_norm/beta",
    "attn_ln.weight": "self_attention/layer_norm/gamma",
    "attn_ln.bias": "self_attention/layer_norm/beta",
    "attn.out.weight": "self_attention/linear_1/weight",
    "attn.out.bias": "self_attention/linear_1/bias",
    "mlp_ln.weight": "ffn/layer_norm/gamma",
    "mlp_ln.bias": "ffn/layer_norm/beta",
    "mlp.0.weight": "ffn/linear_0/weight",
    "mlp.0.bias": "ffn/linear_0/bias",
    "mlp.2.weight": "ffn/linear_1/weight",
    "mlp.2.bias": "ffn/linear_1/bias",
}
_CTRANSLATE2_TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
Variables = dict[str, tuple[NDArray[np.generic], str]]


def list_variables(arrays: Arrays, kind: str = "float16", heads: int = HEADS) -> Variables:
    """Variables of CTranslate2 by name, each with its type."""
    variables: dict[str, NDArray[np.float32]] = {}
    for name, array in arrays.items():
        start, rest = "encoder/", name
        if name.startswith("blocks."):
            _, layer, rest = name.split(".", 2)
            start = f"encoder/layer_{layer}/"
        if rest.startswith(("attn.query", "attn.key", "attn.value")):
            continue
        variables[start + _TO_CTRANSLATE2.get(rest, rest.replace(".", "/"))] = array
    for layer in range(LAYERS):
        for kind_of_array in ("weight", "bias"):
            parts = [
                arrays.get(
                    f"blocks.{layer}.attn.{part}.{kind_of_array}", np.zeros(WIDTH, np.float32)
                )
                for part in ("query", "key", "value")
            ]
            name = f"encoder/layer_{layer}/self_attention/linear_0/{kind_of_array}"
            variables[name] = np.concatenate(parts)
    result: Variables = {"encoder/num_heads": (np.array(heads, np.int16), "int16")}
    for name, array in variables.items():
        if kind == "int8" and name.endswith("/weight"):
            result |= _quantize(name, array)
        else:
            result[name] = (array, "float32" if kind == "int8" else kind)
    result["decoder/layer_norm/gamma"] = (np.full(3, np.nan, np.float32), "float32")
    return result


def _quantize(name: str, array: NDArray[np.float32]) -> Variables:
    """Rows of whole numbers with their scales, as CTranslate2 writes them."""
    peaks = np.abs(array.reshape(len(array), -1)).max(axis=1)
    scale = (127 / peaks).astype(np.float32)
    numbers = np.rint(array * scale.reshape(-1, *[1] * (array.ndim - 1))).astype(np.int8)
    return {name: (numbers, "int8"), f"{name}_scale": (scale, "float32")}


def encode(array: NDArray[np.generic], kind: str) -> bytes:
    """Bytes of an array, least byte first."""
    if kind == "bfloat16":
        words = array.astype("<f4").view("<u4") >> 16
        return words.astype("<u2").tobytes()
    return array.astype(np.dtype(kind).newbyteorder("<")).tobytes()


def pack_ctranslate2(
    variables: Variables,
    *,
    aliases: Mapping[str, str] | None = None,
    version: int = 6,
    spec: str = "WhisperSpec",
    revision: int = 3,
) -> bytes:
    """Content of CTranslate2's ``model.bin``."""
    parts = [struct.pack("<I", version), _text(spec), struct.pack("<II", revision, len(variables))]
    for name, (array, kind) in sorted(variables.items()):
        content = encode(array, kind)
        parts += [
            _text(name),
            struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape),
            struct.pack("<BI", _CTRANSLATE2_TYPES.index(kind), len(content)),
            content,
        ]
    aliases = aliases or {}
    parts.append(struct.pack("<I", len(aliases)))
    parts += [_text(text) for pair in aliases.items() for text in pair]
    return b"".join(parts)


def _text(text: str) -> bytes:
    content = text.encode() + b"\0"
    return struct.pack("<H", len(content)) + content


def write_ctranslate2(path: Path, arrays: Arrays, kind: str = "float16") -> Path:
    """Write CTranslate2's ``model.bin``."""
    path.write_bytes(pack_ctranslate2(list_variables(arrays, kind)))
    return path
