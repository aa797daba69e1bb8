"""Conditions: degraded audio that a model is tested under.

The randomness of a condition comes from the utterance's key and a stream that training never draws
from.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.random import Generator

from voxaffect.audio import Samples, Signal, resample
from voxaffect.errors import TrainingError
from voxaffect.extraction import Transform
from voxaffect.training.augmentation.babble import BabbleSource
from voxaffect.training.augmentation.effects import (
    add_babble,
    add_noise,
    add_room,
    change_gain,
    encode_mp3,
    pad_silence,
    quantize,
    resample_via,
    simulate_telephone,
)

_STREAM = 0x6576  # first word of the seed; that of augmentation differs, so no draw repeats


def _add_noise(samples: Samples, rate_hz: float, rng: Generator, *, snr_db: float) -> Samples:
    # White, pink and brown in turn: one color alone would flatter or wrong some features.
    return add_noise(samples, rate_hz, rng, snr_db=snr_db, color=float(rng.integers(3)))


def _reduce_gain(samples: Samples, *_: object) -> Samples:
    return change_gain(samples, gain_db=-20.0)


# The room is a living room at about 1.5 m: as much sound arrives from the walls as from the mouth.
_EFFECTS: Mapping[str, Callable[[Samples, float, Generator], Samples]] = {
    "noise 20 dB": partial(_add_noise, snr_db=20.0),
    "noise 10 dB": partial(_add_noise, snr_db=10.0),
    "reverb": partial(add_room, rt60_seconds=0.4, direct_to_reverberant_db=0.0),
    "8 kHz": lambda samples, rate_hz, _: resample_via(samples, rate_hz, via_hz=8000.0),
    "telephone": lambda samples, rate_hz, _: simulate_telephone(samples, rate_hz),
    "gain -20 dB": _reduce_gain,
    "gain -20 dB, 16 bit": lambda samples, *_: quantize(_reduce_gain(samples)),
    "1 s silence around": lambda samples, rate_hz, _: pad_silence(samples, rate_hz, seconds=1.0),
    "MP3 at 64 kbit/s": lambda samples, rate_hz, _: encode_mp3(samples, rate_hz, bitrate_kbps=64.0),
}
_BABBLE_DB = {"babble 20 dB": 20.0, "babble 10 dB": 10.0}
_BABBLE_VOICES = 4

CONDITIONS = (*_EFFECTS, *_BABBLE_DB)
"""Names of all conditions; in those of babble, four recordings of other speakers are heard."""


def needs_babble(condition: str) -> bool:
    """Return whether a condition needs recordings of other speakers."""
    return condition in _BABBLE_DB


def apply_condition(
    samples: Samples, rate_hz: float, condition: str, *, key: str, speech: Sequence[Samples] = ()
) -> Samples:
    """One utterance under a condition of `CONDITIONS`.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : float
    condition : str
    key : str
        Identifies the utterance, such as the digest of its file. The same key gives the same
        noise on every machine, in any order.
    speech : sequence of ndarray, float32
        Recordings of others at the same rate, for the conditions that need babble.

    Raises
    ------
    KeyError
        If there is no such condition.
    TrainingError
        If babble is asked for and no other speaker is known.
    """
    drawn = condition.replace("babble", "talkers")  # the first name keeps the draws as they were
    words = (zlib.crc32(drawn.encode()), zlib.crc32(key.encode()))
    rng = np.random.default_rng([_STREAM, *words])
    if condition in _EFFECTS:
        return _EFFECTS[condition](samples, rate_hz, rng)
    snr_db = _BABBLE_DB[condition]
    if not speech:
        raise TrainingError(f"{condition}: recordings of at least two known speakers are needed.")
    voices = [speech[int(rng.integers(len(speech)))] for _ in range(_BABBLE_VOICES)]
    return add_babble(samples, rate_hz, rng, speech=voices, snr_db=snr_db)


def condition_transform(
    condition: str, *, rate_hz: int | None, babble: BabbleSource | None
) -> Transform:
    """Transform for `extract` that brings recordings under a condition of `CONDITIONS`.

    Parameters
    ----------
    condition : str
    rate_hz : int, optional
        Recordings are brought to this rate first; by default they keep their own.
    babble : BabbleSource, optional
        Source of background speech, for the conditions that need it.
    """
    babble = (needs_babble(condition) and babble) or BabbleSource.empty()
    source = f", babble {babble.key}" if needs_babble(condition) else ""
    return Transform(
        f"condition {condition}, version 1{source}", _UnderCondition(condition, rate_hz, babble)
    )


@dataclass(frozen=True, slots=True)
class _UnderCondition:
    """Function that brings a recording under a condition; it can be pickled."""

    condition: str
    rate_hz: int | None
    babble: BabbleSource

    def __call__(self, signal: Signal, digest: bytes) -> Signal:
        signal = resample(signal, self.rate_hz or signal.rate_hz)
        samples = apply_condition(
            signal.samples,
            signal.rate_hz,
            self.condition,
            key=digest.hex(),
            speech=self.babble.other_speakers(digest, rate_hz=signal.rate_hz),
        )
        return replace(signal, samples=samples)
