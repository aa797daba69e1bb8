"""Mono recordings in memory: checks, mix-down, resampling and fingerprints."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError

Samples = NDArray[np.float32]

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 192_000
_ANY_RATE_HZ = 1e15
MIN_SECONDS = 0.25
MAX_PEAK = 1e6
"""Float samples nominally stay within 1; far over it, power overflows single precision."""
MIN_PEAK = 1e-6
"""Under −120 dB there is no sound, only rounding."""
CANCELED = 0.01
"""Power of a mix, re that of channels without anything in common, under which they cancel."""


@dataclass(frozen=True, eq=False)
class Signal:
    """One mono recording in memory.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32, nominally between −1 and 1
    rate_hz : int
        Sampling rate, 8,000 to 192,000 Hz.
    name : str
        Name of the recording in messages: its path, or ``<array>``.

    Raises
    ------
    AudioError
        If the samples are not one-dimensional, are empty, hold NaN or infinity,
        or if the rate is out of range.

    Examples
    --------
    >>> Signal(np.zeros(8_000, dtype=np.float32), rate_hz=16_000).seconds
    0.5
    """

    samples: Samples
    rate_hz: int
    name: str = "<array>"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate_hz", check_rate(self.rate_hz, self.name))
        _check_samples(self)

    @property
    def extremes(self) -> tuple[float, float]:
        """Lowest and highest sample; NaN if any sample is."""
        known: tuple[float, float] | None = self.__dict__.get("_extremes")
        if known is None:  # cached_property of Python 3.11 has a lock, which forks would inherit
            known = float(self.samples.min()), float(self.samples.max())
            object.__setattr__(self, "_extremes", known)
        return known

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


def check_rate(rate_hz: float, name: str) -> int:
    """Rate as a whole number; refuse a fraction, and a rate out of range."""
    is_number = isinstance(rate_hz, Real) and not isinstance(rate_hz, bool | np.bool_)
    if not is_number or not abs(rate_hz) < _ANY_RATE_HZ or rate_hz % 1:
        raise AudioError(
            f"{name}: expected rate_hz as a whole number such as 16000, found {rate_hz!r}."
        )
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"{name}: sampled at {rate_hz:.0f} Hz, {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are "
            "supported. Resample it first."
        )
    return int(rate_hz)


def _check_samples(signal: Signal) -> None:
    samples, name = signal.samples, signal.name
    if not isinstance(samples, np.ndarray):
        raise AudioError(f"{name}: expected an array of samples, found {type(samples).__name__}.")
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise AudioError(
            f"{name}: expected one-dimensional float32 samples, "
            f"found {samples.dtype} of shape {samples.shape}."
        )
    if not len(samples):
        raise empty_error(name)
    _check_finite(signal.extremes, name)


def check_finite(samples: Samples, name: str) -> None:
    """Refuse NaN and infinity."""
    if len(samples):
        _check_finite((float(samples.min()), float(samples.max())), name)


def _check_finite(extremes: tuple[float, float], name: str) -> None:
    if not np.isfinite(extremes).all():
        raise AudioError(f"{name}: holds NaN or infinite samples. Repair or re-export it.")


def mix_down(samples: NDArray[Any]) -> Samples:
    """Mean of all channels, shape (n,), of samples of shape (n,) or (n, channels)."""
    if samples.ndim == 2:
        # Adding columns is ten times faster than a mean over so short an axis.
        channels = samples.shape[1]
        if channels == 1:
            return np.ascontiguousarray(samples[:, 0], dtype=np.float32)
        samples = sum(samples[:, index] for index in range(1, channels)) + samples[:, 0]
        samples = samples / samples.dtype.type(channels)
    return np.ascontiguousarray(samples, dtype=np.float32)


class Mixer:
    """Mix-down of a recording, block by block; it detects channels that cancel each other."""

    def __init__(self) -> None:
        self._moments = np.zeros((0, 2))  # of each channel, the mix last: sum, sum of squares
        self._count = 0

    def mix(self, block: NDArray[Any]) -> Samples:
        """Mean of all channels of a block."""
        mixed = mix_down(block)
        if block.ndim == 2 and block.shape[1] > 1:
            channels = [*block.T, mixed]
            sums = [(channel.sum(), np.dot(channel, channel)) for channel in channels]
            moments = np.array(sums, np.float64)
            self._moments = self._moments + moments if self._count else moments
            self._count += len(block)
        return mixed

    def check(self, name: str) -> None:
        """Refuse a mix that is 20 dB under that of channels which have nothing in common."""
        if not self._count:
            return
        means, squares = (self._moments / self._count).T
        *powers, mixed = squares - means**2
        unrelated = sum(powers) / len(powers) ** 2
        if unrelated > MIN_PEAK**2 and mixed < CANCELED * unrelated:
            raise AudioError(
                f"{name}: the channels cancel each other when they are mixed, for they are of "
                "opposite phase. Take one of them, with --channels left (channels='left'), or save "
                "it as a mono file."
            )


def resample(signal: Signal, rate_hz: int) -> Signal:
    """Resample with soxr at its highest quality; return a signal of this rate unchanged."""
    if signal.rate_hz == rate_hz:
        return signal
    import soxr

    samples = soxr.resample(signal.samples, signal.rate_hz, rate_hz, quality="VHQ")
    return Signal(np.ascontiguousarray(samples, dtype=np.float32), rate_hz, signal.name)


class Fingerprint:
    """Digest of a recording that comes in blocks; equal to `fingerprint` of the whole."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._digest = hashlib.blake2b(digest_size=16)
        self._count = 0

    def add(self, samples: Samples) -> None:
        """Add the next samples."""
        self._digest.update(samples.tobytes())
        self._count += len(samples)

    def hexdigest(self) -> str:
        """Return the digest of all samples so far."""
        digest = self._digest.copy()
        digest.update(f"{(self._count,)} {self._rate_hz}".encode())
        return digest.hexdigest()


def fingerprint(signal: Signal) -> str:
    """Digest of samples and rate: equal for the same recording under another file name."""
    digest = Fingerprint(signal.rate_hz)
    digest.add(signal.samples)
    return digest.hexdigest()


def empty_error(name: str) -> AudioError:
    """Error for a recording without a sample."""
    return AudioError(f"{name}: holds no samples. Record it again.", code="empty")


def check_length(name: str, frames: int, rate_hz: float) -> None:
    """Refuse a recording that is too short for any feature.

    Raises
    ------
    AudioError
    """
    if frames < int(MIN_SECONDS * rate_hz):
        milliseconds = int(1000 * frames / rate_hz)  # rounded down, never up to the minimum
        raise AudioError(
            f"{name}: {milliseconds / 1000} s long, at least {MIN_SECONDS} s are needed. "
            "Record longer.",
            code="too_short",
        )


def check_usable(signal: Signal) -> None:
    """Refuse a recording from which no feature can be computed: too short, or silent throughout.

    Raises
    ------
    AudioError
        If it is shorter than 0.25 s, moves by less than −120 dB of full scale, or is so
        loud that its power overflows.
    """
    check_length(signal.name, len(signal.samples), signal.rate_hz)
    low, high = signal.extremes
    if high - low < MIN_PEAK:
        extent = f"every sample is {low:g}" if low == high else f"all lies within {high - low:.1g}"
        raise AudioError(
            f"{signal.name}: silent, {extent}. Check the microphone or the export.", code="silent"
        )
    if max(-low, high) > MAX_PEAK:
        raise AudioError(
            f"{signal.name}: samples reach {max(-low, high):.2g}, expected −1 to 1. Normalize it."
        )
