"""What can be measured of a recording that is to be recognized: pure arrays in, numbers out.

Levels are in dB re full scale (dBFS): a full-scale sine has an RMS of −3. Speech is what the
front end of the features calls active.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from voxaffect.audio import (
    MAX_PEAK,
    MIN_PEAK,
    MIN_SECONDS,
    Samples,
    Signal,
    mix_down,
    resample,
)
from voxaffect.features.front_end import (
    HOP_SAMPLES,
    RATE_HZ,
    SMALLEST_POWER,
    activity_threshold_db,
    frame_powers,
    speech_level,
)
from voxaffect.recognition.channels import SILENT_DB, ChannelComparison
from voxaffect.recognition.speech import SpeechFinding, find_speech

Spectrum = NDArray[np.float64]

LEAST_DB: Final = -120.0
FLAT_SAMPLES: Final = 3
STEP: Final = 1.0 / 32_768
QUIET_QUANTILE: Final = 0.05
QUANTILE_OF_MEAN: Final = 0.165
"""5 % quantile of a gamma distribution of mean 1 and shape 1.9: three neighboring bins of a Hann
periodogram, averaged, are correlated by 2/3 and 1/6 and so vary as 1.9 independent ones."""
DEEP_SILENCE_DB: Final = 60.0
LEAST_SNR_DB, MOST_SNR_DB = -20.0, 60.0
BAND_HZ: Final = 200.0
WIDEST_HZ: Final = 8_000.0
BAND_PERCENT: Final = 98.0
LOWEST_EDGE_HZ, HIGHEST_EDGE_HZ = 1_000.0, 7_200.0
CLIFF_DB: Final = 16.0
MAINS_HZ: Final = (50.0, 60.0)
DECAY_EDGES_HZ: Final = (
    100,
    200,
    300,
    420,
    560,
    740,
    960,
    1_250,
    1_600,
    2_050,
    2_600,
    3_300,
    4_200,
    5_300,
    7_000,
)
DECAY_FRAMES: Final = 8
DECAY_PERCENT: Final = 5.0
DECAY_FROM_DB: Final = 10.0
FEWEST_DECAYS: Final = 10
HUM_SECONDS: Final = 30.0


@dataclass(frozen=True, eq=False)
class Recording:
    """What is examined of a recording, its channels apart.

    Parameters
    ----------
    name : str
        What messages call it.
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
        """The mean of all channels, as a model hears it."""
        return Signal(mix_down(self.samples), self.rate_hz, self.name)

    @property
    def is_whole(self) -> bool:
        """Whether the samples are all of it."""
        return self.seconds * self.rate_hz < len(self.samples) + 1


def decibels(power: float) -> float:
    """Ten times the decadic logarithm; at least −120."""
    return max(LEAST_DB, 10.0 * float(np.log10(max(power, SMALLEST_POWER))))


@dataclass(frozen=True)
class Flat:
    """Flat tops: where a waveform stays at its own extreme.

    Parameters
    ----------
    share : float
        Of all samples.
    runs : int
        How many tops.
    level : float
        Where they are, as a share of full scale.
    """

    share: float
    runs: int
    level: float


def flat_tops(samples: Samples) -> Flat:
    """Find tops that a limit has cut off, at full scale or, turned down afterwards, below it.

    A top is a run of at least three samples within one 16-bit step of the highest or of the
    lowest sample. One smooth peak can look like that; that many do is what clipping does.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        One channel at its original rate: resampling rounds the corners.
    """
    sides = [_flat_runs(samples, float(samples.max())), _flat_runs(-samples, -float(samples.min()))]
    runs = sum(len(lengths) for lengths in sides)
    inside = sum(int(lengths.sum()) for lengths in sides)
    return Flat(inside / len(samples), runs, float(np.abs(samples).max()))


def _flat_runs(samples: Samples, top: float) -> NDArray[np.intp]:
    """Lengths of the runs of three or more samples at the top."""
    if top <= STEP:
        return np.zeros(0, dtype=np.intp)
    high = np.concatenate(([False], samples >= top - 1.01 * STEP, [False]))
    edges = np.flatnonzero(np.diff(high.astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return np.asarray(lengths[lengths >= FLAT_SAMPLES])


@dataclass(frozen=True, eq=False)
class Activity:
    """Where a recording holds speech.

    Parameters
    ----------
    active : ndarray, shape (frames,), bool
        25 ms frames, every 10 ms.
    powers : ndarray, shape (frames,)
        Of full scale.
    """

    active: NDArray[np.bool_]
    powers: Samples

    @property
    def share(self) -> float:
        """Active frames of all."""
        return float(self.active.mean())

    @property
    def seconds(self) -> float:
        """Length of the active frames together."""
        return float(np.count_nonzero(self.active) * HOP_SAMPLES / RATE_HZ)

    @property
    def power(self) -> float:
        """Mean power of the active frames; ITU-T P.56 has the idea of an active level."""
        return float(self.powers[self.active].mean())


def activity(samples: Samples) -> Activity:
    """Find speech by the rule of the features' front end.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        At 16 kHz, at least 25 ms, not silent.
    """
    powers = frame_powers(samples)
    level = max(speech_level(powers), SMALLEST_POWER)
    levels_db = 10.0 * np.log10(powers / np.float32(level) + np.float32(1e-10))
    active = levels_db > activity_threshold_db(levels_db)
    return Activity(active if active.any() else np.ones_like(active), powers)


def noise_power(spectra: Spectrum) -> float:
    """Power of the steady background, from the quiet moments of every frequency.

    Between harmonics, syllables and phonemes every bin is without speech for some time, also
    while somebody speaks. The 5 % quantile over time of each bin (smoothed over 3 bins) is
    scaled to the mean that steady noise of such a quantile has.

    Parameters
    ----------
    spectra : ndarray, shape (frames, bins)
        As `frame_spectra` gives them.

    References
    ----------
    Stahl, Fischer and Bippus 2000, "Quantile based noise estimation for spectral subtraction
    and Wiener filtering", ICASSP. Martin 2001, "Noise power spectral density estimation based
    on optimal smoothing and minimum statistics", IEEE Trans. Speech Audio 9(5): the bias.
    """
    totals = spectra.sum(axis=1)
    heard = spectra[totals > totals.max() * 10 ** (-DEEP_SILENCE_DB / 10)]
    smooth = (heard[:, :-2] + heard[:, 1:-1] + heard[:, 2:]) / 3.0
    quiet = np.quantile(smooth, QUIET_QUANTILE, axis=0)
    return float(quiet.sum() / QUANTILE_OF_MEAN)


def decay_db(spectra: Spectrum) -> float | None:
    """How far sound falls in 80 ms where it falls fast, in dB: a room holds it up.

    In each of 14 bands, the 5th percentile of the change of level over 80 ms, from frames within
    10 dB of the band's loud ones; the median over the bands, sign turned. A room of reverberation
    time T lets sound fall by 4.8/T dB in that time, and more only by the direct sound's share.

    Parameters
    ----------
    spectra : ndarray, shape (frames, 201)
        As `frame_spectra` gives them at 16 kHz.

    Returns
    -------
    float or None
        None if there is too little to judge by.

    References
    ----------
    Wen, Habets and Naylor 2008, "Blind estimation of reverberation time based on the
    distribution of signal decay rates", ICASSP: the idea.
    """
    bins = np.array(DECAY_EDGES_HZ) // round(RATE_HZ / 400)
    bands = np.add.reduceat(spectra[:, : bins[-1]], bins[:-1], axis=1)
    levels_db = 10.0 * np.log10(bands + 1e-12)
    if len(levels_db) <= DECAY_FRAMES:
        return None
    changes = levels_db[DECAY_FRAMES:] - levels_db[:-DECAY_FRAMES]
    is_loud = levels_db > np.percentile(levels_db, 95, axis=0) - DECAY_FROM_DB
    falls = [
        float(np.percentile(change[loud], DECAY_PERCENT))
        for change, loud in zip(changes.T, is_loud[:-DECAY_FRAMES].T, strict=True)
        if np.count_nonzero(loud) > FEWEST_DECAYS
    ]
    return -float(np.median(falls)) if falls else None


def snr_db(spectra: Spectrum, speech: Activity) -> float:
    """Signal-to-noise ratio: active speech, less the noise in it, over the steady background.

    Parameters
    ----------
    spectra : ndarray, shape (frames, 201)
        As `frame_spectra` gives them at 16 kHz.
    speech : Activity

    Returns
    -------
    float
        −20 to 60 dB: more cannot be told from speech.
    """
    noise = noise_power(spectra)
    clean = max(speech.power - noise, 0.01 * speech.power)
    ratio = decibels(clean / max(noise, SMALLEST_POWER))
    return float(np.clip(ratio, LEAST_SNR_DB, MOST_SNR_DB))


def frame_spectra(samples: Samples, rate_hz: int) -> Spectrum:
    """Power of each bin of Hann-windowed 25 ms frames every 10 ms; a frame's sum is its power.

    Returns
    -------
    ndarray, shape (frames, bins); a bin is 40 Hz
    """
    from scipy.fft import rfft

    size, hop = round(0.025 * rate_hz), round(0.01 * rate_hz)
    frames = sliding_window_view(samples, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    spectrum = rfft(frames * window, axis=1)
    power = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    power[:, 1:-1] *= 2.0
    return np.asarray(power / (size * float(np.dot(window, window))))


def band_levels(spectra: Spectrum, rate_hz: int) -> Spectrum:
    """Level of each 200 Hz band up to 8 kHz in its loud moments, in dB re the loudest band.

    Loud moments are the 98th percentile over time: what a band holds at all counts, not how
    often, or a voice with few fricatives would look like a telephone.

    Parameters
    ----------
    spectra : ndarray, shape (frames, bins)
        As `frame_spectra` gives them.
    rate_hz : int
    """
    edges_hz = np.arange(0.0, min(rate_hz / 2, WIDEST_HZ) + 1.0, BAND_HZ)
    bins_hz = np.arange(spectra.shape[1]) * rate_hz / round(0.025 * rate_hz)
    starts = np.searchsorted(bins_hz, edges_hz)
    bands = np.add.reduceat(spectra[:, : starts[-1]], starts[:-1], axis=1)
    levels = np.percentile(bands, BAND_PERCENT, axis=0)
    return np.asarray(10.0 * np.log10(levels / max(levels.max(), 1e-30) + 1e-15))


@dataclass(frozen=True)
class Band:
    """What range of frequencies holds speech.

    Parameters
    ----------
    high_hz : float
        Where a brick wall cuts it off, to 200 Hz; half the sampling rate, at most 8,000, where
        there is none. Features look no higher than 7,600 Hz.
    cliff_db : float
        How much the spectrum falls there, for good; of a voice itself at most about 14.
    low_db : float
        Level of the band under 200 Hz, re the loudest band: a telephone line leaves about −45.
    """

    high_hz: float
    cliff_db: float
    low_db: float


def speech_band(levels_db: Spectrum, rate_hz: int) -> Band:
    """Find a brick wall: an edge over which all bands stay far under the three below it.

    Low-pass filters, narrow sampling and lossy codecs leave such an edge; voices do not. Between
    1 and 7.2 kHz, the edge of the greatest fall is taken, and believed from 16 dB on: over 562
    clean recordings (RAVDESS at both rates, EMO-DB) none fell by more than 14.3, and of 136 copies
    low-passed at 6 kHz, narrowed to 8 kHz or telephoned, none by less than 18.2.

    Parameters
    ----------
    levels_db : ndarray, shape (bands,)
        As `band_levels` gives them.
    rate_hz : int
    """
    widest = min(rate_hz / 2, WIDEST_HZ)
    first = round(LOWEST_EDGE_HZ / BAND_HZ)
    last = min(len(levels_db) - 3, round(HIGHEST_EDGE_HZ / BAND_HZ))
    falls = [
        float(levels_db[place - 2 : place + 1].min() - levels_db[place + 2 :].max())
        for place in range(first, last)
    ]
    place = int(np.argmax(falls))
    high_hz = (first + place + 1) * BAND_HZ if falls[place] >= CLIFF_DB else widest
    return Band(high_hz, falls[place], float(levels_db[0]))


@dataclass(frozen=True)
class Hum:
    """The stronger of the mains tones, 50 or 60 Hz.

    Parameters
    ----------
    hertz : float
    prominence_db : float
        Over the spectrum 3 to 10 Hz beside it.
    level_db : float
        Re the active speech.
    """

    hertz: float
    prominence_db: float
    level_db: float


def mains_hum(samples: Samples, speech: Activity) -> Hum:
    """Look for a steady tone at 50 or 60 Hz, where no voice holds still, in at most 30 s.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        At 16 kHz; under about 1 s, the resolution does not suffice and nothing stands out.
    speech : Activity
    """
    from scipy.fft import next_fast_len, rfft

    samples = samples[: round(HUM_SECONDS * RATE_HZ)]
    window = np.hanning(len(samples)).astype(np.float32)
    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(samples * window, size)
    power = np.square(np.abs(spectrum)) * 2.0 / (len(samples) * float(np.dot(window, window)))
    hertz = np.arange(len(power)) * RATE_HZ / size
    found = []
    for mains_hz in MAINS_HZ:
        away = np.abs(hertz - mains_hz)
        peak = float(power[away <= 1.0].max(initial=0.0))
        beside = power[(away >= 3.0) & (away <= 10.0)]
        around = float(beside.mean()) if len(beside) else peak
        level = decibels(float(power[away <= 2.0].sum()) / max(speech.power, SMALLEST_POWER))
        found.append(Hum(mains_hz, decibels(peak / max(around, SMALLEST_POWER)), level))
    return max(found, key=lambda hum: hum.prominence_db)


@dataclass(frozen=True)
class Channels:
    """How the channels of a recording relate to each other.

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
        Whether the first two that are not silent hold different sound, such as two people.
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
    columns = [samples[:, place] / np.float32(scale) for place in range(samples.shape[1])]
    centered = [column - column.mean(dtype=np.float64).astype(np.float32) for column in columns]
    powers = [float(np.dot(one, one)) / len(one) for one in centered]
    loudest = max(powers)
    live = [
        place for place, power in enumerate(powers) if power > loudest * 10 ** (-SILENT_DB / 10)
    ]
    silent = tuple(place + 1 for place in range(len(powers)) if place not in live)
    levels = tuple(decibels(power * scale**2) for power in powers)
    if len(live) < 2:
        return Channels(levels, silent if live else (), None, 0.0)
    first, second = live[:2]
    product = float(np.dot(centered[first], centered[second])) / len(samples)
    mean = sum(centered[place] for place in live) / np.float32(len(live))
    mixed = float(np.dot(mean, mean)) / len(samples)
    power = sum(powers[place] for place in live) / len(live)
    correlation = product / float(np.sqrt(powers[first] * powers[second]))
    comparison = ChannelComparison(rate_hz)
    comparison.add(np.stack([centered[first], centered[second]], axis=1))
    return Channels(levels, silent, correlation, decibels(mixed / power), comparison.are_different)


@dataclass(frozen=True)
class Sound:
    """What can only be measured where there is sound, and enough of it.

    Parameters
    ----------
    speech : Activity
        Frames that stand out, be they speech or not: levels are measured there.
    finding : SpeechFinding
        Whether they are speech, and how much of it there is.
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
    flat : Flat
        Of the channel with the largest share of flat tops.
    channels : Channels
    is_silent : bool
        Whether the mix moves by less than −120 dB of full scale.
    sound : Sound or None
        None if the mix is too short, silent or far too loud.
    """

    peak: float
    offset: float
    flat: Flat
    channels: Channels
    is_silent: bool
    sound: Sound | None


def measure(recording: Recording, mix: Signal) -> Measures:
    """Measure a recording.

    Parameters
    ----------
    recording : Recording
    mix : Signal
        The mean of its channels, which is what a model hears.
    """
    columns = np.ascontiguousarray(recording.samples.T)
    offsets = columns.mean(axis=1, dtype=np.float64)
    peak = float(np.abs(columns).max())
    is_silent = bool(np.ptp(mix.samples) < MIN_PEAK)
    is_long = len(mix.samples) >= int(MIN_SECONDS * mix.rate_hz)
    return Measures(
        peak=peak,
        offset=float(offsets[np.argmax(np.abs(offsets))]),
        flat=max((flat_tops(column) for column in columns), key=lambda flat: flat.share),
        channels=compare_channels(recording.samples, recording.rate_hz),
        is_silent=is_silent,
        sound=_sound(mix) if is_long and not is_silent and peak <= MAX_PEAK else None,
    )


def _sound(mix: Signal) -> Sound:
    centered = replace(mix, samples=mix.samples - mix.samples.mean(dtype=np.float64).astype("f4"))
    samples = resample(centered, RATE_HZ).samples
    speech = activity(samples)
    spectra = frame_spectra(samples, RATE_HZ)
    is_at_rate = mix.rate_hz == RATE_HZ
    native = spectra if is_at_rate else frame_spectra(centered.samples, mix.rate_hz)
    levels_db = band_levels(native, mix.rate_hz)
    return Sound(
        speech,
        find_speech(mix.samples, mix.rate_hz, is_complete=True),
        snr_db(spectra, speech),
        decay_db(spectra),
        speech_band(levels_db, mix.rate_hz),
        mains_hum(samples, speech),
    )
