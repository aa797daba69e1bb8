"""Measures of a recording: pure arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from voxaffect.audio import (
    MAX_PEAK,
    MIN_PEAK,
    MIN_SECONDS,
    Samples,
    Signal,
    mix_down,
    resample,
)
from voxaffect.diagnosis.bandwidth import Band, compute_band_levels, find_band
from voxaffect.diagnosis.channels import Channels, compare_channels
from voxaffect.diagnosis.clipping import FlatTops, find_flat_tops
from voxaffect.diagnosis.hum import Hum, find_hum
from voxaffect.diagnosis.noise import estimate_snr_db
from voxaffect.diagnosis.reverberation import measure_decay_db
from voxaffect.diagnosis.sound import Activity, compute_spectra, find_activity
from voxaffect.features.front_end import RATE_HZ
from voxaffect.recognition.speech import SpeechFinding, find_speech


@dataclass(frozen=True, eq=False)
class ExaminedRecording:
    """A recording, or its beginning, with its channels apart.

    Parameters
    ----------
    name : str
        Its name in messages.
    samples : ndarray, shape (n, channels), float32, nominally between −1 and 1
        All of it, or its beginning.
    rate_hz : int
    seconds : float
        Length of all of it.
    container, encoding : str
        As libsndfile calls them, such as ``WAV`` and ``PCM_16``; empty for an array.
    """

    name: str
    samples: Samples
    rate_hz: int
    seconds: float
    container: str = ""
    encoding: str = ""

    @property
    def mix(self) -> Signal:
        """The mean of all channels: the input of a model."""
        return Signal(mix_down(self.samples), self.rate_hz, self.name)

    @property
    def is_whole(self) -> bool:
        """True if the samples are all of it."""
        return self.seconds * self.rate_hz < len(self.samples) + 1


@dataclass(frozen=True)
class Sound:
    """Measures that need sound, and enough of it.

    Parameters
    ----------
    speech : Activity
        Frames that stand out, be they speech or not: levels are measured there.
    finding : SpeechFinding
        Amount of speech in them.
    snr_db : float
    decay_db : float or None
    band : Band
    hum : Hum
    """

    speech: Activity
    finding: SpeechFinding
    snr_db: float
    decay_db: float | None
    band: Band
    hum: Hum


@dataclass(frozen=True)
class Measures:
    """Everything measured of a recording.

    Parameters
    ----------
    peak : float
        Largest sample of any channel, as a share of full scale.
    offset : float
        Mean of the channel whose mean is farthest from 0, as a share of full scale.
    flat : FlatTops
        Of the channel with the largest share of flat tops.
    channels : Channels
    is_silent : bool
        True if the mix moves by less than −120 dB of full scale.
    sound : Sound or None
        None if the mix is too short, silent or far too loud.
    """

    peak: float
    offset: float
    flat: FlatTops
    channels: Channels
    is_silent: bool
    sound: Sound | None


def measure(recording: ExaminedRecording, mix: Signal) -> Measures:
    """Measure a recording.

    Parameters
    ----------
    recording : ExaminedRecording
    mix : Signal
        The mean of its channels: the input of a model.
    """
    columns = np.ascontiguousarray(recording.samples.T)
    offsets = columns.mean(axis=1, dtype=np.float64)
    peak = float(np.abs(columns).max())
    is_silent = bool(np.ptp(mix.samples) < MIN_PEAK)
    is_long = len(mix.samples) >= int(MIN_SECONDS * mix.rate_hz)
    return Measures(
        peak=peak,
        offset=float(offsets[np.argmax(np.abs(offsets))]),
        flat=max(map(find_flat_tops, columns), key=lambda flat: flat.share),
        channels=compare_channels(recording.samples, recording.rate_hz),
        is_silent=is_silent,
        sound=_measure_sound(mix) if is_long and not is_silent and peak <= MAX_PEAK else None,
    )


def _measure_sound(mix: Signal) -> Sound:
    centered = replace(mix, samples=mix.samples - mix.samples.mean(dtype=np.float64).astype("f4"))
    samples = resample(centered, RATE_HZ).samples
    speech = find_activity(samples)
    spectra = compute_spectra(samples, RATE_HZ)
    is_at_rate = mix.rate_hz == RATE_HZ
    native = spectra if is_at_rate else compute_spectra(centered.samples, mix.rate_hz)
    return Sound(
        speech,
        find_speech(mix.samples, mix.rate_hz, is_complete=True),
        estimate_snr_db(spectra, speech),
        measure_decay_db(spectra),
        find_band(compute_band_levels(native, mix.rate_hz), mix.rate_hz),
        find_hum(samples, speech),
    )
