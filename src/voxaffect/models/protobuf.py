"""Strict reader of an ONNX file's protocol buffers.

It reads what a model file may hold and refuses all else, before onnxruntime sees the file:
subgraphs, functions, data in other files, constants that claim more numbers than they hold.
The numbers themselves are passed over. Prediction does not need the library ``onnx``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import NoReturn

from voxaffect.errors import ModelError
from voxaffect.models.operators import MAX_NODES

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_Kinds = Mapping[int, tuple[str, frozenset[int], bool]]
"""By number of a field: its name, the wire kinds it may have, and whether it may repeat."""


def _shape(fields: str) -> _Kinds:
    """Fields by number, from ``name number kinds``; a ``*`` marks one that may repeat."""
    letters = {"v": _VARINT, "d": _FIXED_64, "b": _BYTES, "f": _FIXED_32}
    result = {}
    for name, number, kinds in (field.split() for field in fields.split(",")):
        wire_kinds = frozenset(letters[kind] for kind in kinds.rstrip("*"))
        result[int(number)] = (name, wire_kinds, kinds.endswith("*"))
    return result


_MODEL = _shape(
    "ir_version 1 v, producer_name 2 b, producer_version 3 b, domain 4 b, model_version 5 v, "
    "doc_string 6 b, graph 7 b, opset_import 8 b*, metadata_props 14 b*"
)
_OPSET = _shape("domain 1 b, version 2 v")
_ENTRY = _shape("key 1 b, value 2 b")
_GRAPH = _shape(
    "node 1 b*, name 2 b, initializer 5 b*, doc_string 10 b, input 11 b*, output 12 b*, "
    "value_info 13 b*, metadata_props 16 b*"
)
_NODE = _shape(
    "input 1 b*, output 2 b*, name 3 b, op_type 4 b, attribute 5 b*, doc_string 6 b, domain 7 b, "
    "metadata_props 9 b*"
)
_ATTRIBUTE = _shape(
    "name 1 b, f 2 f, i 3 v, s 4 b, t 5 b, floats 7 fb*, ints 8 vb*, strings 9 b*, "
    "doc_string 13 b, type 20 v"
)
_TENSOR = _shape(
    "dims 1 vb*, data_type 2 v, float_data 4 fb*, int32_data 5 vb*, string_data 6 b*, "
    "int64_data 7 vb*, name 8 b, raw_data 9 b, double_data 10 db*, uint64_data 11 vb*, "
    "doc_string 12 b, data_location 14 v"
)
_REFUSED = {
    ("model", 20): "a training graph",
    ("model", 25): "functions",
    ("attribute", 6): "a subgraph",
    ("attribute", 11): "subgraphs",
    ("attribute", 21): "a function's attribute",
    ("attribute", 22): "a sparse constant",
    ("attribute", 23): "sparse constants",
    ("graph", 14): "quantization notes",
    ("graph", 15): "sparse constants",
    ("tensor", 3): "a constant in segments",
    ("tensor", 13): "constants in another file",
}
_DATA = [name for name, _, _ in _TENSOR.values() if name.endswith("_data")]
_RUNS = {
    7 << 3 | _FIXED_32: re.compile(rb"(?:\x3d....)*+", re.DOTALL),
    8 << 3 | _VARINT: re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])*+", re.DOTALL),
}
"""By tag: many numbers of an attribute, one field each, passed over at once."""
_MAX_VARINT = 10
_MAX_FIELDS = 1_000_000
_UNKNOWN: tuple[str, frozenset[int], bool] = ("", frozenset(), False)
_Value = int | bytes


@dataclass(frozen=True)
class Outline:
    """Outline of a graph: its operators and metadata.

    Parameters
    ----------
    operators : tuple of (domain, operator)
        Of every node, in order.
    opsets : tuple of (domain, version)
    metadata : mapping of str to str
    """

    operators: tuple[tuple[str, str], ...]
    opsets: tuple[tuple[str, int], ...]
    metadata: Mapping[str, str]


class _DamageError(ValueError):
    """Bytes that are no protocol buffers, or not those of a model file."""


class _RefusedError(ValueError):
    """Content that ONNX allows and a model file does not."""


def read_outline(content: bytes, name: str) -> Outline:
    """Outline of an ONNX file.

    Parameters
    ----------
    content : bytes
    name : str
        What messages call the file.

    Raises
    ------
    ModelError
        If it is no ONNX file, is damaged, or holds what no model file needs.
    """
    try:
        return _Reader().outline(content)
    except _RefusedError as error:
        raise ModelError(
            f"{name}: its graph holds {error}, which a model file may not. Expected a file written "
            "by voxaffect train. If you trained it, choose another estimator."
        ) from error
    except ValueError as error:
        raise ModelError(
            f"{name}: not readable as ONNX ({error}). It is damaged, cut short, followed by other "
            "bytes, or another kind of file. Copy it again."
        ) from error


class _Reader:
    """Reader that counts fields, so that no file keeps it busy for long."""

    def __init__(self) -> None:
        self._left = _MAX_FIELDS

    def outline(self, content: bytes) -> Outline:
        model = self._message(content, "model", _MODEL)
        if not model["graph"]:
            raise _DamageError("it holds no graph")
        opsets = [self._message(one, "opset", _OPSET) for one in model["opset_import"]]
        return Outline(
            operators=tuple(self._graph(model["graph"][0])),
            opsets=tuple((_text(one["domain"]), _number(one["version"])) for one in opsets),
            metadata=self._metadata(model["metadata_props"]),
        )

    def _metadata(self, entries: list[_Value]) -> Mapping[str, str]:
        result: dict[str, str] = {}
        for value in entries:
            entry = self._message(value, "metadata", _ENTRY)
            key = _text(entry["key"])
            if key in result:
                raise _DamageError(f"the metadata {key[:40]!r} are there twice")
            result[key] = _text(entry["value"])
        return result

    def _graph(self, content: _Value) -> Iterator[tuple[str, str]]:
        graph = self._message(content, "graph", _GRAPH)
        if len(graph["node"]) > MAX_NODES:
            raise _RefusedError(f"{len(graph['node']):,} nodes (at most {MAX_NODES:,})")
        for tensor in graph["initializer"]:
            self._check_tensor(tensor)
        for value in graph["node"]:
            node = self._message(value, "node", _NODE)
            for attribute in node["attribute"]:
                for tensor in self._message(attribute, "attribute", _ATTRIBUTE)["t"]:
                    self._check_tensor(tensor)
            yield _text(node["domain"]), _text(node["op_type"])

    def _check_tensor(self, content: _Value) -> None:
        """Refuse numbers in another file, and more of them than there are bytes."""
        tensor = self._message(content, "tensor", _TENSOR)
        if _number(tensor["data_location"]):
            raise _RefusedError("constants in another file")
        sizes = [size for value in tensor["dims"] for size in _numbers(value)]
        held = sum(
            len(value) if isinstance(value, bytes) else _MAX_VARINT
            for name in _DATA
            for value in tensor[name]
        )
        if any(size >> 63 for size in sizes):
            raise _RefusedError("a constant of negative size")
        if prod(sizes) > 2 * held + len(tensor["string_data"]):
            raise _RefusedError(f"a constant of {prod(sizes):,} numbers in {held:,} bytes")

    def _message(self, content: _Value, label: str, shape: _Kinds) -> dict[str, list[_Value]]:
        """Values of every field, in order; strange fields and singles that repeat are refused."""
        assert isinstance(content, bytes)
        result: dict[str, list[_Value]] = defaultdict(list)
        index, size = 0, len(content)
        while index < size:
            self._left -= 1
            tag, index = _varint(content, index)
            name, kinds, is_repeated = shape.get(tag >> 3, _UNKNOWN)
            if tag & 7 not in kinds or self._left < 0:
                self._refuse(label, tag)
            if not is_repeated and name in result:
                raise _DamageError(f"{name} is there twice in its {label}")
            if tag & 7 == _VARINT:
                value, index = _varint(content, index)
                result[name].append(value)
            else:
                start, index = _extent(content, index, tag & 7)
                result[name].append(content[start:index])
            if tag in _RUNS and (run := _RUNS[tag].match(content, index)):
                index = run.end()
        return result

    def _refuse(self, label: str, tag: int) -> NoReturn:
        if self._left < 0:
            raise _RefusedError(f"more than {_MAX_FIELDS:,} fields")
        if (label, tag >> 3) in _REFUSED:
            raise _RefusedError(_REFUSED[label, tag >> 3])
        raise _DamageError(f"its {label} holds an unknown field, number {tag >> 3}")


def _extent(content: bytes, start: int, kind: int) -> tuple[int, int]:
    """First and last index of a field's bytes."""
    if kind == _BYTES:
        size, start = _varint(content, start)
    elif kind in (_FIXED_32, _FIXED_64):
        size = 4 if kind == _FIXED_32 else 8
    else:
        raise _DamageError(f"wire kind {kind}")
    if start + size > len(content):
        raise _DamageError("it ends within a field")
    return start, start + size


def _varint(content: bytes, start: int) -> tuple[int, int]:
    """Whole number of variable length, and where the next field begins."""
    if start < len(content) and (first := content[start]) < 0x80:  # nearly always
        return first, start + 1
    result = 0
    for count, byte in enumerate(content[start : start + _MAX_VARINT]):
        result |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return result & (1 << 64) - 1, start + count + 1
    raise _DamageError("it ends within a number")


def _numbers(value: _Value) -> Iterator[int]:
    """Whole numbers of a repeated field, packed or not."""
    if isinstance(value, int):
        yield value
        return
    index = 0
    while index < len(value):
        number, index = _varint(value, index)
        yield number


def _number(values: list[_Value]) -> int:
    """Single whole number; 0 where it is not stated."""
    return next((value for value in values if isinstance(value, int)), 0)


def _text(values: list[_Value]) -> str:
    """Single text; empty where it is not stated."""
    return next((value.decode("utf-8") for value in values if isinstance(value, bytes)), "")
