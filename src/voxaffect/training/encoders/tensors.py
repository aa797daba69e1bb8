"""Arrays in a file of weights, read within its bounds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.files import escape_control, name_errors

_TYPES: dict[str, np.dtype[Any]] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),  # the upper half of a float32
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
}
_MAX_RANK = 8


@dataclass(frozen=True)
class Tensor:
    """Array in a file: its type, its shape, and where its bytes begin."""

    type: str
    shape: tuple[int, ...]
    offset: int

    @property
    def is_float(self) -> bool:
        """True if its numbers stand for themselves, without a scale."""
        return "float" in self.type

    @property
    def size(self) -> int:
        """Size in the file."""
        return prod(self.shape) * _TYPES[self.type].itemsize


@dataclass(frozen=True)
class WeightsFile:
    """Open file of weights: whatever is read from it is whole.

    Parameters
    ----------
    stream : binary stream
    path : Path
    size : int
        In bytes.
    """

    stream: BufferedReader | BytesIO
    path: Path
    size: int

    @property
    def name(self) -> str:
        """Name that messages give it."""
        return escape_control(str(self.path))

    def read(self, offset: int, count: int, part: str) -> bytes:
        """Bytes of a part of the file.

        Raises
        ------
        ModelError
            If the file ends before them.
        """
        if offset + count <= self.size:
            self.stream.seek(offset)
            content = self.stream.read(count)
            if len(content) == count:
                return content
        raise ModelError(
            f"{self.name}: ends within {part}: {offset + count:,} bytes are needed, it has "
            f"{self.size:,}. It is cut short or damaged. Copy or download it again."
        )

    def read_array(self, tensor: Tensor, part: str) -> NDArray[np.float32]:
        """Numbers of an array in single precision; NaN and infinity are refused.

        Raises
        ------
        ModelError
            If the file ends before its end, or a number is not finite.
        """
        if len(tensor.shape) > _MAX_RANK:
            self.refuse(f"{part} has {len(tensor.shape)} dimensions")
        content = self.read(tensor.offset, tensor.size, part)
        numbers: NDArray[Any] = np.frombuffer(content, _TYPES[tensor.type]).reshape(tensor.shape)
        if tensor.type == "bfloat16":
            array: NDArray[np.float32] = (numbers.astype(np.uint32) << 16).view(np.float32)
        else:
            with np.errstate(over="ignore"):  # refused below
                array = numbers.astype(np.float32)
        self.check_finite(array, part)
        return array

    def check_finite(self, array: NDArray[np.float32], part: str) -> None:
        """Refuse NaN and infinity."""
        if not np.isfinite(array).all():
            self.refuse(f"{part} holds NaN or infinity")

    def refuse(self, problem: str) -> NoReturn:
        """Refuse the file.

        Raises
        ------
        ModelError
            Always.
        """
        raise ModelError(
            f"{self.name}: {problem}, expected the weights of a Whisper encoder. It is damaged or "
            "of another kind. Get it anew, or choose another file."
        )


@contextmanager
def open_weights(path: Path) -> Iterator[WeightsFile]:
    """Open a file of weights; pipes and devices are refused.

    Raises
    ------
    ModelError
        If there is no such file, or it cannot be read.
    """
    name = escape_control(str(path))
    with name_errors(path, "cannot be read", ModelError):
        if not path.exists():
            raise ModelError(f"{name}: no such file, expected the weights of an encoder.")
        if not path.is_file():
            raise ModelError(f"{name}: is no regular file, expected the weights of an encoder.")
        with path.open("rb") as stream:
            yield WeightsFile(stream, path, os.fstat(stream.fileno()).st_size)
