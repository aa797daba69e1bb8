"""Functions, items and results as bytes, on their way between processes."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

NO_MEMORY: Final = 12
"""Exit code of a process without memory for an error; after the error number ENOMEM."""
_SHARED_BYTES = 1 << 20
_ALIGNED_BYTES = 64


@dataclass(frozen=True, eq=False)
class PackedFunction:
    """A function that another process can load.

    Parameters
    ----------
    content : bytes
        The pickled function, without its large arrays.
    path : str
        File of the large arrays, which all processes share; empty if there are none.
    sizes : tuple of int
        Bytes of each large array.
    """

    content: bytes
    path: str = ""
    sizes: tuple[int, ...] = ()


def pack_function(function: Callable[..., Any], *, by_value: bool) -> PackedFunction | None:
    """Pickle a function for other processes.

    Parameters
    ----------
    function : callable
    by_value : bool
        Send what the main module or another function defines, too.

    Returns
    -------
    PackedFunction or None
        None if it cannot be sent. The caller deletes the file at ``path``.
    """
    arrays: list[pickle.PickleBuffer] = []

    def keeps_inside(array: pickle.PickleBuffer) -> bool:
        if array.raw().nbytes < _SHARED_BYTES:
            return True
        arrays.append(array)
        return False

    try:
        content = _dump(function, by_value, keeps_inside)
        if not by_value and b"__main__" in content:  # other processes have another main module
            return None
        if not arrays:
            return PackedFunction(content)
        sizes = tuple(array.raw().nbytes for array in arrays)
        return PackedFunction(content, _write(arrays), sizes)
    except OSError:  # no room for a file
        return PackedFunction(_dump(function, by_value, None))
    except Exception:  # whatever pickling raises
        return None


def _dump(function: Any, by_value: bool, buffer_callback: Any) -> bytes:
    if by_value:
        from cloudpickle import dumps
    else:
        from pickle import dumps
    content: bytes = dumps(function, protocol=5, buffer_callback=buffer_callback)
    return content


def _write(arrays: Sequence[pickle.PickleBuffer]) -> str:
    file, path = tempfile.mkstemp(prefix="voxaffect-")
    try:
        with os.fdopen(file, "wb") as stream:
            for array in arrays:
                stream.write(array.raw())
                stream.write(bytes(-stream.tell() % _ALIGNED_BYTES))
    except OSError:
        Path(path).unlink()
        raise
    return path


def unpack_function(packed: PackedFunction) -> Callable[..., Any]:
    """Load a function in another process; its large arrays can only be read."""
    return pickle.loads(packed.content, buffers=_map_arrays(packed) if packed.path else None)  # type: ignore[no-any-return]


def _map_arrays(packed: PackedFunction) -> Iterator[memoryview]:
    with Path(packed.path).open("rb") as stream:
        whole = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    steps = [size + -size % _ALIGNED_BYTES for size in packed.sizes]
    starts = accumulate(steps, initial=0)
    return (whole[start : start + size] for start, size in zip(starts, packed.sizes, strict=False))


def run_packed(function: Callable[..., Any], arguments: bytes) -> bytes:
    """Call a function, and pickle its result or its error for the parent process.

    Parameters
    ----------
    function : callable
    arguments : bytes
        A pickled tuple.

    Returns
    -------
    bytes
        A pickled pair of a result, or None, and an error, or None.
    """
    try:
        return pickle.dumps((function(*pickle.loads(arguments)), None), pickle.HIGHEST_PROTOCOL)
    except BaseException as error:  # any, SystemExit too: the parent raises it
        try:
            with suppress(MemoryError):
                error.add_note("in a worker process:\n" + traceback.format_exc())
            return _pack_error(error)
        except MemoryError:
            os._exit(NO_MEMORY)  # not even an error could be sent


def _pack_error(error: BaseException) -> bytes:
    try:
        content = pickle.dumps((None, error))
        pickle.loads(content)  # some can be written, and not read
    except Exception:
        return pickle.dumps((None, RuntimeError("".join(traceback.format_exception(error)))))
    return content
