"""Arrays and rates as other libraries give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError

_MOST_CHANNELS_FIRST = 32
"""An array of at most so many rows, and of more columns, is taken to have channels in rows."""
_MOST_CHANNELS = 1024
_WIDTHS = frozenset({1, 2, 4})


def is_array(source: object) -> bool:
    """True if a source is an array, or a tensor or series that can become one."""
    return isinstance(source, np.ndarray) or (
        hasattr(source, "__array__") and not hasattr(source, "read")
    )


def as_array(source: Any, name: str = "<array>") -> NDArray[Any]:
    """Samples of an array, shape (n,) or (n, channels), not copied.

    The source has shape (n,), (n, channels) or (channels, n). Another shape or kind, and masked
    samples, are refused.
    """
    samples = _check_kind(_to_numpy(source, name), name)
    shape = samples.shape
    if samples.ndim not in (1, 2) or 0 in shape[1:]:
        raise AudioError(
            f"{name}: expected shape (n,) or (n, channels), found {shape}. Give one recording at "
            "a time."
        )
    if samples.ndim == 2 and shape[0] <= _MOST_CHANNELS_FIRST < shape[1]:
        return samples.T
    if samples.ndim == 2 and shape[1] > min(_MOST_CHANNELS, max(shape[0], 1)) and shape[0]:
        raise AudioError(
            f"{name}: expected shape (n,) or (n, channels), found {shape}: {shape[1]} channels "
            "of as few samples. Transpose it if rows are channels."
        )
    return samples


def as_block(source: Any, name: str) -> NDArray[np.float32]:
    """Samples of a block of shape (n,) as float32, copied: the caller may reuse the block."""
    if not is_array(source):
        raise AudioError(
            f"{name}: expected a block of shape (n,), found {type(source).__name__}. Make it an "
            "array: numpy.asarray(block, dtype='float32')."
        )
    samples = _check_kind(_to_numpy(source, name), name)
    if samples.ndim != 1:
        raise AudioError(
            f"{name}: expected a block of shape (n,), found shape {samples.shape}. Mix the "
            "channels down, or make one Stream for each; take one with block[:, 0]."
        )
    return np.array(as_floats(samples, name))


def _to_numpy(source: Any, name: str) -> NDArray[Any]:
    if isinstance(source, np.ma.MaskedArray):
        if np.ma.is_masked(source):
            raise AudioError(
                f"{name}: {np.ma.getmaskarray(source).sum()} samples are masked. Fill them, for "
                "example with samples.filled(0)."
            )
        return np.asarray(source.data)
    if isinstance(source, np.ndarray):
        return np.asarray(source)  # a part of a matrix would stay two-dimensional
    try:
        return np.asarray(source)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        steps = ".float()" if "BFloat16" in reason else ""  # NumPy has no such kind
        raise AudioError(
            f"{name}: {type(source).__name__} gives no array ({reason}). Make it a NumPy array "
            f"first: of a tensor, samples.detach(){steps}.cpu().numpy()."
        ) from error


def _check_kind(samples: NDArray[Any], name: str) -> NDArray[Any]:
    kind, dtype = samples.dtype.kind, samples.dtype
    if kind == "f" or (kind == "i" and dtype.itemsize in _WIDTHS):
        return samples
    remedy = "Give floats between -1 and 1"
    if kind == "i":
        remedy = "Its full scale is not known: give 16-bit values as samples.astype('int16')"
    elif kind == "u":
        zero = 1 << 8 * min(dtype.itemsize, 2) - 1
        remedy = (
            f"Give {8 * min(dtype.itemsize, 2)}-bit values as (samples.astype('float32') - {zero}) "
            f"/ {zero}"
        )
    raise AudioError(
        f"{name}: expected signed integers or floats (int8, int16, int32, float32, float64), "
        f"found {dtype}. {remedy}."
    )


def as_floats(samples: NDArray[Any], name: str = "<array>") -> NDArray[Any]:
    """Samples as float32; integers are scaled as soundfile does: the most negative becomes −1."""
    samples = _check_kind(_to_numpy(samples, name), name)
    if samples.dtype.kind == "i":
        scaled = samples / np.float32(-float(np.iinfo(samples.dtype).min))
        return scaled.astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):  # infinity is refused by name
        return samples.astype(np.float32, copy=False)
