"""Reader of OpenAI's ``.pt``: a ZIP archive with a pickle of tensors, read without unpickling.

A pickle is a program that may call anything. This one is followed step by step: only the steps
that make dictionaries, numbers and descriptions of tensors are known, and nothing is called.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.training.encoders.tensors import Tensor, WeightsFile

_MAX_PICKLE_BYTES = 1 << 24
_MAX_MEMBERS = 20_000
_PREFIX = "encoder."
_STORAGES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
}
_REBUILD = "torch._utils._rebuild_tensor_v2"
_REBUILD_PARAMETER = "torch._utils._rebuild_parameter"
_VALUES = {
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINFLOAT",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "NONE",
}
"""Steps whose argument is the value."""


_DAMAGE = (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OverflowError, struct.error)
"""Errors that a damaged archive may cause."""


class _RefusedError(ValueError):
    """A step that no file of weights needs."""


@dataclass(frozen=True)
class _Global:
    """Name of a class or function; never imported."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """Member of the archive that holds the numbers of tensors."""

    type: str
    key: str
    count: int


@dataclass(frozen=True)
class _View:
    """Tensor: part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def is_openai(start: bytes) -> bool:
    """True if a file that begins with these bytes is an archive, as PyTorch writes."""
    return start[:4] == b"PK\x03\x04"


def read_openai(file: WeightsFile) -> tuple[dict[str, NDArray[np.float32]], int]:
    """Arrays of the encoder by OpenAI's names, and its number of attention heads.

    Raises
    ------
    ModelError
        If it is cut short, damaged, of another model, or holds more than weights.
    """
    try:
        with zipfile.ZipFile(file.stream) as archive:
            return _read_archive(file, archive)
    except _DAMAGE as error:
        file.refuse(f"is a damaged archive ({str(error)[:80]})")


def _read_archive(
    file: WeightsFile, archive: zipfile.ZipFile
) -> tuple[dict[str, NDArray[np.float32]], int]:
    members = {info.filename: info for info in archive.infolist()}
    roots = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    if len(roots) != 1 or len(members) > _MAX_MEMBERS or len(members) < len(archive.infolist()):
        file.refuse("is an archive without one 'data.pkl', or with too many or equal names")
    root = roots[0]

    def read(name: str, limit: int) -> bytes:
        info = members.get(root + name)
        if info is None or info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
            file.refuse(f"has no plain member {name!r} of at most {limit:,} bytes")
        return archive.read(info)

    if root + "byteorder" in members and read("byteorder", 16) != b"little":
        file.refuse("has its most significant bytes first")
    checkpoint = _follow(file, read("data.pkl", _MAX_PICKLE_BYTES))
    dimensions, state = _get(checkpoint, "dims"), _get(checkpoint, "model_state_dict")
    heads = _get(dimensions, "n_audio_head")
    if type(heads) is not int or not isinstance(state, dict):
        file.refuse("does not state Whisper's 'dims' and 'model_state_dict'")
    arrays = {}
    for name, view in state.items():
        if isinstance(name, str) and name.startswith(_PREFIX):
            if not isinstance(view, _View):
                file.refuse(f"{name[:80]!r} is no array")
            arrays[name.removeprefix(_PREFIX)] = _read_view(file, read, view, name[:80])
    return arrays, heads


def _get(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _read_view(
    file: WeightsFile, read: Callable[[str, int], bytes], view: _View, name: str
) -> NDArray[np.float32]:
    """Numbers of a tensor; every index is checked to be within its storage."""
    storage = view.storage
    tensor = Tensor(storage.type, (storage.count,), 0)
    content = read(f"data/{storage.key}", file.size)
    last = view.offset + sum(
        (size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True)
    )
    is_within = 0 < prod(view.shape) <= storage.count and last < storage.count
    if len(content) != tensor.size or not is_within:
        file.refuse(f"{name!r} has another size than its data")
    source = WeightsFile(BytesIO(content), file.path, len(content))
    numbers = source.read_array(tensor, name)
    steps = [numbers.itemsize * stride for stride in view.strides]
    array = np.lib.stride_tricks.as_strided(numbers[view.offset :], view.shape, steps)
    return np.ascontiguousarray(array)


def _follow(file: WeightsFile, content: bytes) -> object:
    """Value that a pickle describes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the escapes in damaged names
            return _Machine().run(content)
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        reason = str(error)[:100] if isinstance(error, ValueError) else "steps that do not fit"
        file.refuse(f"holds more than weights, or a damaged pickle ({reason})")


class _Machine:
    """Stack on which the steps of a pickle work."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._steps: Mapping[str, Callable[[Any], None]] = {
            "PROTO": lambda _: None,
            "MARK": lambda _: self._marks.append(len(self._stack)),
            "NEWTRUE": lambda _: self._stack.append(True),
            "NEWFALSE": lambda _: self._stack.append(False),
            "EMPTY_DICT": lambda _: self._stack.append({}),
            "EMPTY_LIST": lambda _: self._stack.append([]),
            "EMPTY_TUPLE": lambda _: self._stack.append(()),
            "TUPLE": lambda _: self._stack.append(tuple(self._pop_marked())),
            "TUPLE1": lambda _: self._pack(1),
            "TUPLE2": lambda _: self._pack(2),
            "TUPLE3": lambda _: self._pack(3),
            "APPEND": lambda _: self._append([self._stack.pop()]),
            "APPENDS": lambda _: self._append(self._pop_marked()),
            "SETITEM": lambda _: self._set([self._stack.pop(-2), self._stack.pop()]),
            "SETITEMS": lambda _: self._set(self._pop_marked()),
            "BINPUT": self._put,
            "LONG_BINPUT": self._put,
            "BINGET": lambda index: self._stack.append(self._memo[index]),
            "LONG_BINGET": lambda index: self._stack.append(self._memo[index]),
            "GLOBAL": lambda name: self._stack.append(_Global(name.replace(" ", "."))),
            "BINPERSID": lambda _: self._stack.append(_make_storage(self._stack.pop())),
            "REDUCE": lambda _: self._reduce(),
            "BUILD": lambda _: self._build(),
        }

    def run(self, content: bytes) -> object:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                break
            if opcode.name in _VALUES:
                self._stack.append(argument)
            elif opcode.name in self._steps:
                self._steps[opcode.name](argument)
            else:
                raise _RefusedError(f"the step {opcode.name}")
        return self._stack.pop()

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _pop_marked(self) -> list[Any]:
        mark = self._marks.pop()
        values, self._stack[mark:] = self._stack[mark:], []
        return values

    def _pack(self, count: int) -> None:
        if len(self._stack) < count:
            raise _RefusedError("steps that do not fit")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _append(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise _RefusedError("steps that do not fit")
        self._stack[-1].extend(values)

    def _set(self, values: list[Any]) -> None:
        keys = values[::2]
        if type(self._stack[-1]) is not dict or not all(isinstance(key, str | int) for key in keys):
            raise _RefusedError("steps that do not fit")
        self._stack[-1].update(zip(keys, values[1::2], strict=True))

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        name = function.name if isinstance(function, _Global) else "?"
        if name == "collections.OrderedDict" and arguments == ():
            self._stack.append({})
        elif name == _REBUILD and isinstance(arguments, tuple):
            self._stack.append(_make_view(*arguments[:4]))
        elif name == _REBUILD_PARAMETER and arguments and isinstance(arguments[0], _View):
            self._stack.append(arguments[0])
        else:
            raise _RefusedError(f"a call of {name[:60]!r}")

    def _build(self) -> None:
        """Pass over attributes of a dictionary, which PyTorch sets and nobody needs here."""
        self._stack.pop()
        if type(self._stack[-1]) is not dict:
            raise _RefusedError("attributes of something other than a dictionary")


def _make_storage(value: Any) -> _Storage:
    """Storage that a persistent identity names."""
    if isinstance(value, tuple) and len(value) == 5 and value[0] == "storage":
        _, kind, key, _, count = value
        name = kind.name if isinstance(kind, _Global) else "?"
        if name not in _STORAGES:
            raise _RefusedError(f"a storage of the type {name[:60]!r}")
        if isinstance(key, str) and _are_whole((count,)):
            return _Storage(_STORAGES[name], key, count)
    raise _RefusedError("a reference to something other than a storage")


def _make_view(storage: Any, offset: Any, shape: Any, strides: Any) -> _View:
    if (
        isinstance(storage, _Storage)
        and _are_whole((offset,))
        and _are_whole(shape)
        and _are_whole(strides)
        and len(shape) == len(strides) <= 8
    ):
        return _View(storage, offset, shape, strides)
    raise _RefusedError("a tensor in another form")


def _are_whole(values: Any) -> bool:
    """True for a tuple of whole numbers from 0."""
    return isinstance(values, tuple) and all(type(value) is int and value >= 0 for value in values)
