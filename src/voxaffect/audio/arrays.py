"""Arrays as other libraries give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError


def as_floats(samples: NDArray[Any]) -> NDArray[Any]:
    """Scale integers as soundfile does: the most negative value becomes −1."""
    if samples.ndim not in (1, 2) or 0 in samples.shape[1:]:
        raise AudioError(f"<array>: expected shape (n,) or (n, channels), found {samples.shape}.")
    if np.issubdtype(samples.dtype, np.signedinteger):
        return samples / np.float32(-float(np.iinfo(samples.dtype).min))
    if np.issubdtype(samples.dtype, np.floating):
        return samples
    raise AudioError(f"<array>: expected signed integers or floats, found {samples.dtype}.")
