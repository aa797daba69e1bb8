"""Channels: silent ones, opposite phase, and different sound on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from voxaffect.audio import MIN_PEAK, Samples
from voxaffect.diagnosis.findings import (
    HIGH,
    PROBLEM,
    TAKE_ONE_CHANNEL,
    WARNING,
    Case,
    Finding,
)
from voxaffect.diagnosis.sound import to_decibels
from voxaffect.recognition.channels import SILENT_DB, ChannelComparison

CANCELED_DB: Final = -10.0
SAME_CORRELATION: Final = 0.9999


@dataclass(frozen=True)
class Channels:
    """Relation of the channels of a recording.

    Parameters
    ----------
    levels_db : tuple of float
        RMS of each, in dBFS, without DC.
    silent : tuple of int
        Numbers, from 1, of those 45 dB or more under the loudest.
    correlation : float or None
        Of the first two that are not silent.
    mix_db : float
        Power of the mean of those that are not silent, re their mean power: 0 when they are the
        same, −3 for two that have nothing in common, far less when they cancel.
    are_different : bool
        True if the first two that are not silent hold different sound, such as two people.
    """

    levels_db: tuple[float, ...]
    silent: tuple[int, ...]
    correlation: float | None
    mix_db: float
    are_different: bool = False


def compare_channels(samples: Samples, rate_hz: int) -> Channels:
    """Compare channels.

    Parameters
    ----------
    samples : ndarray, shape (n, channels)
    rate_hz : int
    """
    # Channel by channel: they lie interleaved, and a sum over so short an axis is slow.
    scale = max(float(np.abs(samples).max()), MIN_PEAK)  # powers must not overflow
    columns = [samples[:, index] / np.float32(scale) for index in range(samples.shape[1])]
    centered = [column - column.mean(dtype=np.float64).astype(np.float32) for column in columns]
    powers = [float(np.dot(column, column)) / len(column) for column in centered]
    limit = max(powers) * 10 ** (-SILENT_DB / 10)
    live = [index for index, power in enumerate(powers) if power > limit]
    silent = tuple(index + 1 for index in range(len(powers)) if index not in live)
    levels = tuple(to_decibels(power * scale**2) for power in powers)
    if len(live) < 2:
        return Channels(levels, silent if live else (), None, 0.0)
    first, second = live[:2]
    product = float(np.dot(centered[first], centered[second])) / len(samples)
    mean = sum(centered[index] for index in live) / np.float32(len(live))
    mixed = float(np.dot(mean, mean)) / len(samples)
    power = sum(powers[index] for index in live) / len(live)
    correlation = product / float(np.sqrt(powers[first] * powers[second]))
    comparison = ChannelComparison(rate_hz)
    comparison.add(np.stack([centered[first], centered[second]], axis=1))
    mix_db = to_decibels(mixed / power)
    return Channels(levels, silent, correlation, mix_db, comparison.are_different)


def judge_channels(case: Case) -> Finding:
    """Judge the relation of the channels."""
    channels = case.measures.channels
    count = len(channels.levels_db)
    if count == 1:
        return Finding("channels", "mono", 1.0, "channels")
    if channels.silent:
        numbers = ", ".join(map(str, channels.silent))
        text = f"{count} channels, silent: {numbers}"
        return Finding("channels", text, float(count), "channels").flag(
            WARNING,
            "The mix is quieter; level does not change the answer.",
            "Check the cable or the export, or save the other channel as mono.",
            trust=HIGH,
        )
    text = f"{count} channels, mixed at {channels.mix_db:.1f} dB"
    if channels.correlation is not None:
        text += f", correlation {channels.correlation:.2f}"
    finding = Finding("channels", text, channels.mix_db, "dB")
    if channels.mix_db <= CANCELED_DB:
        effect = "Opposite phase: the channels cancel, and the model gets only the rest."
        return finding.flag(PROBLEM, effect, TAKE_ONE_CHANNEL)
    if channels.are_different:
        return finding.flag(
            WARNING,
            "Each channel has different sound: the model may take two voices for one.",
            "Recognize each by itself: voxaffect predict --channels each.",
        )
    if channels.correlation is not None and channels.correlation > SAME_CORRELATION:
        return Finding("channels", f"{count} channels, the same", channels.mix_db, "dB")
    return finding
