"""Reader of CTranslate2's ``model.bin``: a header, variables by name, and aliases of variables."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxaffect.training.encoders.tensors import Tensor, WeightsFile

_VERSION = 6
_SPEC = "WhisperSpec"
_TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
_MAX_VARIABLES = 10_000
_PREFIX = "encoder/"
_HEADS = "encoder/num_heads"
_OF_ENCODER = {
    "conv1.weight": "conv1/weight",
    "conv1.bias": "conv1/bias",
    "conv2.weight": "conv2/weight",
    "conv2.bias": "conv2/bias",
    "positional_embedding": "position_encodings/encodings",
    "ln_post.weight": "layer_norm/gamma",
    "ln_post.bias": "layer_norm/beta",
}
_OF_LAYER = {
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
_PROJECTIONS = "self_attention/linear_0"
"""Query, key and value in one matrix."""


def is_ctranslate2(start: bytes) -> bool:
    """True if a file that begins with these bytes is one of CTranslate2."""
    if len(start) < 8:
        return False
    version, length = struct.unpack_from("<IH", start)
    name = start[6 : 6 + length]
    return 0 < version < 256 and 1 < length <= 64 and name[:-1].isalnum()


def read_ctranslate2(file: WeightsFile) -> tuple[dict[str, NDArray[np.float32]], int]:
    """Arrays of the encoder by OpenAI's names, and its number of attention heads.

    Raises
    ------
    ModelError
        If it is cut short, damaged, or of another model or version.
    """
    variables = _read_variables(file)
    heads = _read_heads(file, variables)
    layers = 0
    while any(name.startswith(f"{_PREFIX}layer_{layers}/") for name in variables):
        layers += 1
    names = {target: _PREFIX + source for target, source in _OF_ENCODER.items()}
    for layer in range(layers):
        for target, source in _OF_LAYER.items():
            names[f"blocks.{layer}.{target}"] = f"{_PREFIX}layer_{layer}/{source}"
    fused = [f"{_PREFIX}layer_{layer}/{_PROJECTIONS}" for layer in range(layers)]
    _check_names(file, variables, {*names.values(), *fused})
    arrays = {target: _read_array(file, variables, source) for target, source in names.items()}
    for layer, source in enumerate(fused):
        arrays |= _read_projections(file, variables, source, f"blocks.{layer}.attn")
    return arrays, heads


def _check_names(file: WeightsFile, variables: dict[str, Tensor], known: set[str]) -> None:
    """Refuse a variable of the encoder that Whisper has not."""
    endings = ("", "/weight", "/bias", "_scale", "/weight_scale")
    expected = {name + ending for name in known for ending in endings} | {_HEADS}
    for name in variables:
        if name.startswith(_PREFIX) and name not in expected:
            file.refuse(f"holds the variable {name[:80]!r}")


@dataclass
class _Cursor:
    """Position in a file that is read in order."""

    file: WeightsFile
    offset: int = 0

    def read(self, count: int, part: str) -> bytes:
        content = self.file.read(self.offset, count, part)
        self.offset += count
        return content

    def read_number(self, code: str, part: str) -> int:
        (number,) = struct.unpack(f"<{code}", self.read(struct.calcsize(f"<{code}"), part))
        return int(number)

    def read_text(self, part: str) -> str:
        content = self.read(self.read_number("H", part), part)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if not text.endswith("\0") or not text[:-1].isprintable():
            self.file.refuse(f"holds no text at byte {self.offset - len(content):,}")
        return text[:-1]

    def skip(self, count: int) -> None:
        self.offset += count


def _read_variables(file: WeightsFile) -> dict[str, Tensor]:
    """Variables by name, those that share the numbers of another one included."""
    cursor = _Cursor(file)
    version = cursor.read_number("I", "its header")
    spec = cursor.read_text("its header")
    revision = cursor.read_number("I", "its header")
    if (version, spec) != (_VERSION, _SPEC):
        file.refuse(
            f"is a {spec!r} of CTranslate2's format {version} (only a {_SPEC!r} of format "
            f"{_VERSION} is read)"
        )
    if not 1 <= revision <= 3:
        file.refuse(f"is revision {revision} of CTranslate2's {_SPEC} (revisions up to 3 are read)")
    variables: dict[str, Tensor] = {}
    for _ in range(_read_count(cursor, "variables")):
        name, tensor = _read_entry(cursor)
        if name in variables:
            file.refuse(f"holds the variable {name[:80]!r} twice")
        variables[name] = tensor
        cursor.skip(tensor.size)
    aliases = {}
    for _ in range(_read_count(cursor, "aliases")):
        alias = cursor.read_text("its aliases")
        aliases[alias] = cursor.read_text("its aliases")
    if cursor.offset != file.size:
        file.refuse(f"is followed by {file.size - cursor.offset:,} other bytes")
    return variables | _resolve(file, variables, aliases)


def _read_count(cursor: _Cursor, part: str) -> int:
    count = cursor.read_number("I", f"the number of its {part}")
    if count > _MAX_VARIABLES:
        cursor.file.refuse(f"states {count:,} {part} (at most {_MAX_VARIABLES:,})")
    return count


def _read_entry(cursor: _Cursor) -> tuple[str, Tensor]:
    """Name of a variable, and the array that follows it."""
    name = cursor.read_text("the name of a variable")
    part = f"the variable {name[:80]!r}"
    rank = cursor.read_number("B", part)
    shape = struct.unpack(f"<{rank}I", cursor.read(4 * rank, part))
    number, size = cursor.read_number("B", part), cursor.read_number("I", part)
    if number >= len(_TYPES):
        cursor.file.refuse(f"{part} has the unknown type {number}")
    tensor = Tensor(_TYPES[number], shape, cursor.offset)
    if tensor.size != size:
        cursor.file.refuse(f"{part} needs {tensor.size:,} bytes and states {size:,}")
    if cursor.offset + size > cursor.file.size:
        cursor.file.read(cursor.offset, size, part)  # raises
    return name, tensor


def _resolve(
    file: WeightsFile, variables: dict[str, Tensor], aliases: dict[str, str]
) -> dict[str, Tensor]:
    """Variables that share the numbers of another one, with its scale."""
    result = {}
    for alias, name in aliases.items():
        if alias in variables or name not in variables:
            file.refuse(f"holds the alias {alias[:80]!r} of {name[:80]!r}, which does not fit")
        result[alias] = variables[name]
        if (scale := variables.get(f"{name}_scale")) is not None:
            result[f"{alias}_scale"] = scale
    return result


def _read_heads(file: WeightsFile, variables: dict[str, Tensor]) -> int:
    tensor = variables.get(_HEADS)
    if tensor is None or tensor.shape or tensor.is_float:
        file.refuse(f"states no number {_HEADS!r}")
    return int(file.read_array(tensor, _HEADS))


def _read_array(file: WeightsFile, variables: dict[str, Tensor], name: str) -> NDArray[np.float32]:
    """Numbers of a variable; whole numbers are divided by the scale of their row."""
    tensor = variables.get(name)
    if tensor is None:
        file.refuse(f"lacks the variable {name!r}")
    array = file.read_array(tensor, name)
    if tensor.is_float:
        return array
    scale = variables.get(f"{name}_scale")
    if scale is None or scale.shape not in ((), (1,), array.shape[:1]):
        file.refuse(f"{name!r} has whole numbers without a scale for each row")
    divisor = file.read_array(scale, f"{name}_scale")
    if not (divisor > 0).all():
        file.refuse(f"{name}_scale holds a number that is not positive")
    with np.errstate(over="ignore"):  # refused below
        array = array / divisor.reshape(-1, *[1] * (array.ndim - 1))
    file.check_finite(array, name)
    return array


def _read_projections(
    file: WeightsFile, variables: dict[str, Tensor], source: str, target: str
) -> dict[str, NDArray[np.float32]]:
    """Query, key and value of a layer; Whisper's key has no bias."""
    arrays = {}
    for kind in ("weight", "bias"):
        array = _read_array(file, variables, f"{source}/{kind}")
        if array.ndim == 0 or len(array) % 3:
            file.refuse(f"'{source}/{kind}' has the shape {array.shape}")
        for part, share in zip(("query", "key", "value"), np.split(array, 3), strict=True):
            arrays[f"{target}.{part}.{kind}"] = share
    if arrays.pop(f"{target}.key.bias").any():
        file.refuse(f"'{source}/bias' gives a bias to the key")
    return arrays
