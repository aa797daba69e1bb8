"""Augmentation: a policy for copies of the training utterances, and the copies.

The same ``seed`` and ``index`` give the same copies whatever the order or the number of processes.
Augment the utterances of training speakers only: a copy of a test speaker in the training set is
a leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from voxaffect.audio import Samples, Signal, resample
from voxaffect.extraction import Transform
from voxaffect.training.augmentation.babble import BabbleSource
from voxaffect.training.augmentation.effects import (
    add_babble,
    add_noise,
    add_room,
    change_speed,
    encode_mp3,
    equalize,
    limit_band,
    resample_via,
    simulate_telephone,
)

_STREAM = 0x7261  # first word of the seed; that of conditions differs, so no draw repeats


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Policy for augmented copies of an utterance.

    First one copy per speed in `speeds`, otherwise clean. Then `mixed_copies` that go through a
    random speed, equalizer, room, noise, channel and codec, in the order in which sound meets
    them. Pairs are the ends of a uniform draw. Two thirds of the mixed copies lose their upper
    band: models trained with one such copy in 2.5 were weakest there. In `babble_probability` of
    the copies with noise, the noise is babble: background speech of up to `babble_voices`
    recordings, at speeds that make other voices of them. Without known speakers it is plain
    noise. Rooms, noise and babble were compared on inner folds of speakers:
    benchmarks/selection.py.
    """

    speeds: tuple[float, ...] = (0.9, 1.1)
    mixed_copies: int = 4
    mixed_speeds: tuple[float, float] = (0.9, 1.1)
    equalizer_db: float = 6.0
    equalizer_points: int = 8
    room_probability: float = 0.5
    rt60_seconds: tuple[float, float] = (0.1, 0.6)
    direct_to_reverberant_db: tuple[float, float] = (-3.0, 9.0)
    noise_probability: float = 0.85
    snr_db: tuple[float, float] = (5.0, 35.0)
    noise_colors: tuple[float, float] = (0.0, 2.0)
    babble_probability: float = 0.15
    babble_voices: int = 5
    babble_snr_db: tuple[float, float] = (3.0, 25.0)
    babble_speeds: tuple[float, float] = (0.75, 1.35)
    low_pass_probability: float = 0.25
    low_pass_hz: tuple[float, float] = (3400.0, 7500.0)
    narrow_probability: float = 0.2
    telephone_probability: float = 0.2
    mp3_probability: float = 0.1
    mp3_kbps: tuple[float, float] = (24.0, 64.0)

    @property
    def copies(self) -> int:
        """Number of copies of each utterance."""
        return len(self.speeds) + self.mixed_copies


def augment(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    seed: int,
    index: int,
    copy: int,
    speech: Sequence[Samples] = (),
) -> Samples:
    """One augmented copy of an utterance.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : float
    policy : Augmentation
    seed : int, >= 0
    index : int, >= 0
        Of the utterance among those trained on; with `seed` it decides every draw.
    copy : int
        Number of the copy, below `policy.copies`.
    speech : sequence of ndarray, float32
        Recordings at the same rate that may be background speech; see `BabbleSource`.

    Returns
    -------
    ndarray, float32
        Its length differs as its speed does.
    """
    if copy < len(policy.speeds):
        return change_speed(samples, rate_hz, factor=policy.speeds[copy])
    rng = np.random.default_rng([_STREAM, seed, index, copy - len(policy.speeds)])
    return _mix(samples, rate_hz, policy, rng=rng, speech=speech)


def augmentation_transforms(
    policy: Augmentation, *, rate_hz: int, seed: int, babble: BabbleSource | None = None
) -> tuple[Transform, ...]:
    """Transforms for `extract`, one for each copy of a policy.

    Parameters
    ----------
    policy : Augmentation
    rate_hz : int
        Rate of the features; recordings are brought to it first.
    seed : int
    babble : BabbleSource, optional
        Source of background speech: other recordings of the same speaker.

    Returns
    -------
    tuple of Transform
        Each draws from the seed and the content of the file, not from its position in a list.
    """
    babble = babble or BabbleSource.empty()
    return tuple(
        Transform(
            f"copy {copy}, seed {seed}, {policy}, babble {babble.key}",
            _AugmentedCopy(policy, rate_hz, seed, copy, babble),
        )
        for copy in range(policy.copies)
    )


@dataclass(frozen=True, slots=True)
class _AugmentedCopy:
    """Function that makes one augmented copy; unlike a closure, it can be pickled."""

    policy: Augmentation
    rate_hz: int
    seed: int
    copy: int
    babble: BabbleSource

    def __call__(self, signal: Signal, digest: bytes) -> Signal:
        signal = resample(signal, self.rate_hz)
        samples = augment(
            signal.samples,
            self.rate_hz,
            self.policy,
            seed=self.seed,
            index=int.from_bytes(digest[:8], "big"),
            copy=self.copy,
            speech=self.babble.same_speaker(digest, rate_hz=self.rate_hz),
        )
        return replace(signal, samples=samples)


def _mix(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    rng: Generator,
    speech: Sequence[Samples],
) -> Samples:
    """Apply one random draw of everything that stands between a voice and a file."""
    gains_db = rng.uniform(-1, 1, policy.equalizer_points) * policy.equalizer_db
    mixed = change_speed(samples, rate_hz, factor=rng.uniform(*policy.mixed_speeds))
    mixed = equalize(mixed, rate_hz, gains_db=gains_db)
    if rng.random() < policy.room_probability:
        mixed = add_room(
            mixed,
            rate_hz,
            rng,
            rt60_seconds=rng.uniform(*policy.rt60_seconds),
            direct_to_reverberant_db=rng.uniform(*policy.direct_to_reverberant_db),
        )
    if rng.random() < policy.noise_probability:
        mixed = _add_background(mixed, rate_hz, policy, rng=rng, speech=speech)
    mixed = _apply_channel(mixed, rate_hz, policy, rng=rng)
    if rng.random() < policy.mp3_probability:
        mixed = encode_mp3(mixed, rate_hz, bitrate_kbps=rng.uniform(*policy.mp3_kbps))
    return mixed


def _add_background(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    rng: Generator,
    speech: Sequence[Samples],
) -> Samples:
    """Add steady noise, or babble."""
    if not speech or rng.random() >= policy.babble_probability:
        snr_db, color = rng.uniform(*policy.snr_db), rng.uniform(*policy.noise_colors)
        return add_noise(samples, rate_hz, rng, snr_db=snr_db, color=color)
    voices = []
    for _ in range(rng.integers(1, policy.babble_voices + 1)):
        voice = speech[int(rng.integers(len(speech)))]
        factor = float(np.exp(rng.uniform(*np.log(policy.babble_speeds))))
        voices.append(change_speed(voice, rate_hz, factor=factor))
    snr_db = rng.uniform(*policy.babble_snr_db)
    return add_babble(samples, rate_hz, rng, speech=voices, snr_db=snr_db)


def _apply_channel(
    samples: Samples, rate_hz: float, policy: Augmentation, *, rng: Generator
) -> Samples:
    """Apply at most one of: a low pass anywhere, 8 kHz sampling, a telephone line."""
    draw = rng.random()
    edge_hz = rng.uniform(*policy.low_pass_hz)
    if draw < policy.low_pass_probability:
        return limit_band(samples, rate_hz, high_hz=edge_hz)
    draw -= policy.low_pass_probability
    if draw < policy.narrow_probability:
        return resample_via(samples, rate_hz, via_hz=8000.0)
    if draw < policy.narrow_probability + policy.telephone_probability:
        return simulate_telephone(samples, rate_hz)
    return samples
