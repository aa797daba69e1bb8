"""Tiny Whisper encoders with random weights, and writers of the formats they are distributed in."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


_TO_HUGGINGFACE = {
    "positional_embedding": "embed_positions.weight",
    "ln_post": "layer_norm",
    "attn_ln": "self_attn_layer_norm",
    "attn.query": "self_attn.q_proj",
    "attn.key": "self_attn.k_proj",
    "attn.value": "self_attn.v_proj",
    "attn.out": "self_attn.out_proj",
    "mlp_ln": "final_layer_norm",
    "mlp.0": "fc1",
    "mlp.2": "fc2",
}
_SAFETENSORS_TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
CONFIG = {
    "model_type": "whisper",
    "activation_function": "gelu",
    "encoder_attention_heads": HEADS,
    "d_model": WIDTH,
}


def rename_huggingface(name: str) -> str:
    """Hugging Face's name of an array in the whole model."""
    start = "model.encoder."
    if name.startswith("blocks."):
        _, layer, name = name.split(".", 2)
        start += f"layers.{layer}."
    if name in _TO_HUGGINGFACE:
        return start + _TO_HUGGINGFACE[name]
    module, _, kind = name.rpartition(".")
    return f"{start}{_TO_HUGGINGFACE.get(module, module)}.{kind}"


def pack_safetensors(arrays: Arrays, kind: str = "float32", **changes: Any) -> bytes:
    """Content of a file of safetensors; changes are entries of its header, by name."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts, start = [], 0
    for name, array in arrays.items():
        parts.append(encode(array, kind))
        end = start + len(parts[-1])
        header[name] = {
            "dtype": _SAFETENSORS_TYPES[kind],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header | changes).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def write_safetensors(folder: Path, arrays: Arrays, kind: str = "float32") -> Path:
    """Write a model of Hugging Face as a folder."""
    folder.mkdir(exist_ok=True)
    named = {rename_huggingface(name): array for name, array in arrays.items()}
    named["model.decoder.layer_norm.weight"] = np.full(WIDTH, np.nan, np.float32)
    (folder / "model.safetensors").write_bytes(pack_safetensors(named, kind))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


class Named:
    """Class or function that a pickle names, such as ``torch.HalfStorage``."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Stored:
    """Tensor in an archive; fields may be wrong on purpose."""

    def __init__(self, key: str, array: NDArray[np.generic], kind: str, /, **changes: Any) -> None:
        strides = tuple(step // array.itemsize for step in array.strides)
        storage = {
            "float32": "FloatStorage",
            "float16": "HalfStorage",
            "bfloat16": "BFloat16Storage",
        }
        self.fields: dict[str, Any] = {
            "key": key,
            "storage": Named("torch", storage[kind]),
            "count": array.size,
            "offset": 0,
            "shape": array.shape,
            "strides": strides,
        } | changes


class _Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Pickler that writes names and tensors as PyTorch does, without PyTorch."""

    def persistent_id(self, value: object) -> object:
        return value.identity if isinstance(value, _Identity) else None

    def save(self, value: Any, save_persistent_id: bool = True) -> Any:
        if isinstance(value, Named):
            return self.write(f"c{value.module}\n{value.name}\n".encode())
        if isinstance(value, Stored):
            fields = value.fields
            identity = ("storage", fields["storage"], fields["key"], "cpu", fields["count"])
            self.save(Named("torch._utils", "_rebuild_tensor_v2"))
            hooks = Call(Named("collections", "OrderedDict"), ())
            shape, strides = fields["shape"], fields["strides"]
            self.save((_Identity(identity), fields["offset"], shape, strides, False, hooks))
            return self.write(pickle.REDUCE)
        if isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            return self.write(pickle.REDUCE)
        return super().save(value, save_persistent_id)


class _Identity:
    def __init__(self, identity: object) -> None:
        self.identity = identity


class Call:
    """Call that a pickle makes."""

    def __init__(self, function: object, arguments: object) -> None:
        self.function, self.arguments = function, arguments


def dump_pickle(value: object) -> bytes:
    """Pickle in the version of PyTorch's files."""
    buffer = io.BytesIO()
    _Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


def list_members(arrays: Arrays, kind: str = "float16", **changes: Any) -> dict[str, bytes]:
    """Members of OpenAI's archive, by name; changes are of the pickle's value."""
    state = {
        f"encoder.{name}": Stored(str(index), array, kind)
        for index, (name, array) in enumerate(arrays.items())
    }
    value = {"dims": {"n_audio_head": HEADS, "n_mels": MEL_BANDS}, "model_state_dict": state}
    members = {"archive/data.pkl": dump_pickle(value | changes), "archive/version": b"3\n"}
    for index, array in enumerate(arrays.values()):
        members[f"archive/data/{index}"] = encode(array, kind)
    return members


def pack_openai(members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Content of OpenAI's ``.pt``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def write_openai(path: Path, arrays: Arrays, kind: str = "float16") -> Path:
    """Write OpenAI's ``.pt``."""
    path.write_bytes(pack_openai(list_members(arrays, kind)))
    return path


def make_small_arrays(seed: int = 0) -> Arrays:
    """Arrays of an encoder that takes thirty seconds of sound, with moderate weights."""
    arrays = {name: array / 8 for name, array in make_arrays(seed).items()}
    random = np.random.default_rng(seed)
    arrays["positional_embedding"] = random.standard_normal((1_500, WIDTH)).astype(np.float32)
    for name in arrays:
        if name.endswith("ln.weight"):
            arrays[name] = np.ones(WIDTH, np.float32)
    return arrays


def make_small_encoder(seed: int = 0, layers: tuple[int, ...] = (1, 2)) -> Any:
    """Encoder of random weights, quantized as real ones are."""
    from voxaffect.features.encoders import Encoder
    from voxaffect.training.encoders.whisper_graph import make_whisper_graph, quantize

    graph = make_whisper_graph(make_small_arrays(seed), heads=HEADS, layers=layers)
    info = {"name": "small", "license": "none", "citation": "", "sha256": "0" * 64}
    return Encoder(quantize(graph), tuple(f"layer_{layer}" for layer in layers), info=info)


def run_reference(arrays: Arrays, logmel: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    """Hidden states of each layer, by PyTorch's own modules in double precision."""
    import torch
    from torch.nn import functional

    weights = {name: torch.from_numpy(array.astype(np.float64)) for name, array in arrays.items()}
    rows = torch.from_numpy(logmel.astype(np.float64))[None]
    for name, stride in (("conv1", 1), ("conv2", 2)):
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        rows = functional.gelu(functional.conv1d(rows, kernel, bias, stride=stride, padding=1))
    rows = rows.transpose(1, 2)
    rows = rows + weights["positional_embedding"][: rows.shape[1]]
    states = []
    for layer in range(LAYERS):
        start = f"blocks.{layer}"

        def linear(inputs: Any, name: str, start: str = start) -> Any:
            return functional.linear(
                inputs, weights[f"{start}.{name}.weight"], weights.get(f"{start}.{name}.bias")
            )

        def normalize(inputs: Any, name: str, start: str = start) -> Any:
            pair = weights[f"{start}.{name}.weight"], weights[f"{start}.{name}.bias"]
            return functional.layer_norm(inputs, (WIDTH,), *pair)

        normal = normalize(rows, "attn_ln")
        query, key, value = (
            linear(normal, f"attn.{part}").reshape(1, -1, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        rows = rows + linear(attended.transpose(1, 2).reshape(1, -1, WIDTH), "attn.out")
        hidden = functional.gelu(linear(normalize(rows, "mlp_ln"), "mlp.0"))
        rows = rows + linear(hidden, "mlp.2")
        states.append(rows[0].numpy())
    return states
