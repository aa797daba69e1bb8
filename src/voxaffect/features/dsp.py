"""Frames, windows, filters and transforms that the feature sets are made of."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

_BREAK_HZ, _BREAK_MEL = 1_000.0, 15.0
_LOG_STEP = np.log(6.4) / 27
_SMALL_PRODUCT = 250_000  # multiplications; OpenBLAS starts threads at 2^18


def cut_frames(samples: Array, length: int, hop: int, *, padding: int = 0) -> Array:
    """Overlapping frames of a signal, as a view.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    length, hop : int
        Samples of a frame, and from the start of one to the start of the next.
    padding : int
        Zeros before the first sample, and after the last.

    Returns
    -------
    ndarray, shape (frames, length)

    Examples
    --------
    >>> cut_frames(np.arange(6, dtype=np.float32), 4, 2).tolist()
    [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0]]
    """
    if padding:
        edge = np.zeros(padding, dtype=np.float32)
        samples = np.concatenate((edge, samples, edge))
    return sliding_window_view(samples, length)[::hop]


@cache
def make_hann(length: int) -> Array:
    """Periodic Hann window, 0.5 − 0.5·cos(2πn/N), in single precision; shape (length,)."""
    return make_exact_hann(length).astype(np.float32)


@cache
def make_exact_hann(length: int) -> Wide:
    """Periodic Hann window in double precision, shape (length,)."""
    phase = 2 * np.pi * np.arange(length) / length
    return np.asarray(0.5 - 0.5 * np.cos(phase))


@cache
def make_dct_basis(rows: int, size: int) -> Wide:
    """First rows of the orthonormal DCT-II of some points, shape (rows, size)."""
    order = np.arange(rows)[:, None]
    basis = np.cos(np.pi * order * (np.arange(size) + 0.5) / size) * np.sqrt(2.0 / size)
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis)


def make_triangles(edges_hz: Wide, bins_hz: Wide) -> Wide:
    """Triangular filters of height 1, shape (bands, bins).

    Parameters
    ----------
    edges_hz : ndarray, shape (bands + 2,)
        A band rises from its edge to the next, and falls to the one after that.
    bins_hz : ndarray, shape (bins,)
        Center frequencies of the bins of a spectrum.

    Examples
    --------
    >>> make_triangles(np.array([0.0, 2.0, 4.0]), np.arange(4.0)).tolist()
    [[0.0, 0.5, 1.0, 0.5]]
    """
    widths = np.diff(edges_hz)[:, None]
    ramps = bins_hz - edges_hz[:, None]
    return np.maximum(0.0, np.minimum(ramps[:-2] / widths[:-1], -ramps[2:] / widths[1:]))


def space_htk_mel(low_hz: float, high_hz: float, count: int) -> Wide:
    """Frequencies that are equally spaced in HTK mel, 2595·log10(1 + f/700); shape (count,)."""
    low, high = 2595.0 * np.log10(1.0 + np.array([low_hz, high_hz]) / 700.0)
    return np.asarray(700.0 * (10.0 ** (np.linspace(low, high, count) / 2595.0) - 1.0))


def space_slaney_mel(low_hz: float, high_hz: float, count: int) -> Wide:
    """Frequencies that are equally spaced in Slaney's mel; shape (count,).

    The scale is linear below 1 kHz and logarithmic above (Slaney, *Auditory Toolbox*, 1998).
    """
    mel = np.linspace(_convert_hz_to_mel(low_hz), _convert_hz_to_mel(high_hz), count)
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel >= _BREAK_MEL, logarithmic, mel * _BREAK_HZ / _BREAK_MEL)


def _convert_hz_to_mel(hz: float) -> float:
    if hz >= _BREAK_HZ:
        return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)
    return hz * _BREAK_MEL / _BREAK_HZ


def multiply_in_blocks(rows: Array, weights: Array, out: Array) -> None:
    """Matrix product in blocks so small that the linear-algebra library keeps to one thread.

    Threads pay across recordings, not inside products of a fraction of a millisecond: there
    they cost more than they bring (three times the whole extraction on a busy machine).

    Parameters
    ----------
    rows : ndarray, shape (n, k), float32
    weights : ndarray, shape (k, m), float32
    out : ndarray, shape (n, m), float32
        Receives the product.
    """
    block = max(_SMALL_PRODUCT // weights.size, 1)
    for start in range(0, len(rows), block):
        np.matmul(rows[start : start + block], weights, out=out[start : start + block])
