"""Reader of safetensors, as Hugging Face distributes them with a ``config.json``, also in parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.files import read_bounded
from voxaffect.training.encoders.tensors import Tensor, WeightsFile, open_weights

_MAX_HEADER_BYTES = 1 << 24
_MAX_JSON_BYTES = 1 << 22
_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_PREFIXES = ("model.encoder.", "encoder.")
"""Of the encoder in the whole model, and in a model that was made for classification."""
_OF_ENCODER = {"embed_positions.weight": "positional_embedding"}
_MODULES = {
    "layer_norm": "ln_post",
    "self_attn_layer_norm": "attn_ln",
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "final_layer_norm": "mlp_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
}
_Arrays = dict[str, NDArray[np.float32]]


def is_safetensors(start: bytes) -> bool:
    """True if a file that begins with these bytes is one of safetensors."""
    return start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= _MAX_HEADER_BYTES


def read_safetensors(file: WeightsFile) -> tuple[_Arrays, int]:
    """Arrays of the encoder by OpenAI's names, and its number of attention heads.

    Raises
    ------
    ModelError
        If it is cut short, damaged, of another model, or without its ``config.json``.
    """
    return _read_arrays(file), _read_heads(file.path.with_name("config.json"))


def read_index(file: WeightsFile) -> tuple[_Arrays, int]:
    """Arrays and heads, as `read_safetensors`, of a model in several files."""
    arrays: _Arrays = {}
    for path in list_parts(file):
        with open_weights(path) as part:
            if not is_safetensors(part.read(0, min(9, part.size), "its start")):
                part.refuse("is no file of safetensors")
            fresh = _read_arrays(part)
        if twice := sorted(arrays.keys() & fresh.keys()):
            file.refuse(f"names parts that both hold the array {twice[0]!r}")
        arrays |= fresh
    return arrays, _read_heads(file.path.with_name("config.json"))


def list_parts(file: WeightsFile) -> list[Path]:
    """Files that an index names, in order; they are next to it."""
    index = _read_json(file.path)
    names = index.get("weight_map")
    if not isinstance(names, dict) or not names:
        file.refuse("has no 'weight_map'")
    for name in names.values():
        if (
            not isinstance(name, str)
            or PurePosixPath(name).name != name
            or "\\" in name
            or not name.endswith(".safetensors")
        ):
            file.refuse(f"names the part {str(name)[:80]!r}")
    return [file.path.with_name(name) for name in sorted(set(names.values()))]


def _read_arrays(file: WeightsFile) -> _Arrays:
    arrays: _Arrays = {}
    for name, tensor in _read_tensors(file).items():
        prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), None)
        if prefix is None:
            continue
        target = _translate(name.removeprefix(prefix))
        array = file.read_array(tensor, name)
        if target.endswith("attn.key.bias"):  # Whisper's key has none
            file.refuse(f"{name!r} gives a bias to the key")
        if target in arrays:
            file.refuse(f"holds the array {name!r} twice")
        arrays[target] = array
    return arrays


def _translate(name: str) -> str:
    """OpenAI's name of an array; as it was if there is none."""
    if name in _OF_ENCODER:
        return _OF_ENCODER[name]
    parts = name.split(".")
    start = ""
    if parts[0] == "layers" and len(parts) > 2:
        start, parts = f"blocks.{parts[1]}.", parts[2:]
    module, kind = ".".join(parts[:-1]), parts[-1]
    return f"{start}{_MODULES.get(module, module)}.{kind}"


def _read_tensors(file: WeightsFile) -> dict[str, Tensor]:
    """Arrays of the encoder, not yet read; all arrays must fill the file without a gap."""
    length = int.from_bytes(file.read(0, 8, "its header"), "little")
    header = _parse(file.read(8, length, "its header"), file.name)
    header.pop("__metadata__", None)
    data = 8 + length
    extents, tensors = [], {}
    for name, entry in header.items():
        kind, shape, start, end = _read_entry(file, name, entry)
        extents.append((start, end))
        if not name.startswith(_PREFIXES):
            continue
        if kind not in _TYPES:
            file.refuse(f"{name[:80]!r} has the type {kind[:20]!r}")
        tensor = Tensor(_TYPES[kind], shape, data + start)
        if tensor.size != end - start:
            file.refuse(f"{name[:80]!r} needs {tensor.size:,} bytes and states {end - start:,}")
        tensors[name] = tensor
    position = 0
    for start, end in sorted(extents):
        if start != position:
            file.refuse(f"has arrays that overlap, or a gap before byte {data + start:,}")
        position = end
    if data + position > file.size:
        file.read(data, position, "its arrays")  # raises
    if data + position < file.size:
        file.refuse(f"is followed by {file.size - data - position:,} other bytes")
    return tensors


def _read_entry(
    file: WeightsFile, name: str, entry: object
) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, and first and last byte of an array, from the header."""
    if isinstance(entry, dict):
        kind, shape, extent = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if (
            isinstance(kind, str)
            and _is_whole(shape)
            and _is_whole(extent)
            and len(extent) == 2
            and extent[0] <= extent[1]
        ):
            return kind, tuple(shape), extent[0], extent[1]
    return file.refuse(f"describes the array {name[:80]!r} in no way that safetensors has")


def _is_whole(values: Any) -> TypeGuard[list[int]]:
    """True for a list of whole numbers from 0."""
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _read_heads(path: Path) -> int:
    """Number of attention heads that a model's configuration states."""
    config = _read_json(path)
    expected = {"model_type": "whisper", "activation_function": "gelu"}
    for key, value in expected.items():
        if config.get(key, value) != value:
            raise ModelError(
                f"{path}: its {key!r} is {str(config[key])[:40]!r}, expected {value!r}: only "
                "Whisper's encoders are read from safetensors."
            )
    heads = config.get("encoder_attention_heads")
    if type(heads) is not int:
        raise ModelError(
            f"{path}: does not state a number 'encoder_attention_heads'. Get the model's own "
            "config.json."
        )
    return heads


def _read_json(path: Path) -> Mapping[str, Any]:
    label = f"the model's {path.name}"
    return _parse(
        read_bounded(path, limit=_MAX_JSON_BYTES, what=label, error=ModelError), str(path)
    )


def _parse(content: bytes, name: str) -> dict[str, Any]:
    """Object of a JSON text; names that repeat are refused."""
    try:
        result = json.loads(content, object_pairs_hook=_pair)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{name}: its JSON is damaged ({str(error)[:80]}). Copy or download it again."
        ) from error
    if not isinstance(result, dict):
        raise ModelError(f"{name}: its JSON is no object. Copy or download it again.")
    return result


def _pair(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name is there twice")
    return result
