"""Effects on recordings: noise, babble, rooms, telephone lines, codecs.

Every effect is a pure function: float32 mono samples in, new float32 samples out. It takes its
strength as an argument (``snr_db``, ``rt60_seconds``); one that needs chance takes a NumPy
``Generator``. Levels are relative to the active speech, so that a long silence before it changes
no SNR.

References
----------
Ko et al. 2015, "Audio augmentation for speech recognition", Interspeech (speed copies).
Ko et al. 2017, "A study on data augmentation of reverberant speech for robust speech
recognition", ICASSP (noise and room responses).
Schroeder 1965, "New method of measuring reverberation time", JASA 37 (decay of a response).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from voxaffect.audio import Samples

_SILENT_RMS = 1e-30
"""Level up to which a recording is silent: to amplify it would overflow."""


def active_rms(samples: Samples, rate_hz: float) -> float:
    """Root mean square of the 25 ms frames within 30 dB of the loud ones; 0 for silence.

    The reference is the 95th percentile of the frame levels, so one click does not set it.
    """
    if not len(samples):
        return 0.0
    size = min(len(samples), max(1, round(0.025 * rate_hz)))
    count = len(samples) // size
    frames = np.asarray(samples[: count * size], dtype=np.float64).reshape(count, size)
    power = np.mean(frames**2, axis=1)
    loud = power[power >= np.percentile(power, 95) * 1e-3]
    return float(np.sqrt(loud.mean()))


def change_speed(samples: Samples, rate_hz: float, *, factor: float) -> Samples:
    """Play `factor` times as fast: shorter by the factor, pitch and formants higher by it.

    References : Ko et al. 2015.
    """
    return _as_samples(_resample(samples, rate_hz * factor, rate_hz))


def equalize(samples: Samples, rate_hz: float, *, gains_db: NDArray[np.float64]) -> Samples:
    """Apply a smooth gain through `gains_db`, spread evenly in log frequency from 60 Hz.

    The curve is monotone between its points (PCHIP), so it never exceeds the gains asked for.
    """
    from scipy.interpolate import PchipInterpolator

    points = np.linspace(np.log(60.0), np.log(rate_hz / 2), len(gains_db))
    curve = PchipInterpolator(points, gains_db)

    def gain(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        position = np.log(np.clip(frequency_hz, 60.0, rate_hz / 2))
        return np.asarray(10.0 ** (curve(position) / 20))

    return _filter(samples, rate_hz, gain)


def limit_band(
    samples: Samples, rate_hz: float, *, low_hz: float = 0.0, high_hz: float | None = None
) -> Samples:
    """Keep `low_hz` to `high_hz`, without delay; nothing is left outside these edges.

    The gain falls from 1 to 0 as a half cosine inside the band, over a twentieth of each edge
    (a fifth of the lower one), narrow enough for speech and wide enough not to ring for long.
    """
    top_hz = rate_hz if high_hz is None else high_hz

    def gain(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        fall = np.clip((top_hz - frequency_hz) / (0.05 * top_hz), 0, 1)
        rise = np.clip((frequency_hz - low_hz) / (0.2 * low_hz), 0, 1) if low_hz else 1.0
        return np.asarray(np.sin(np.pi / 2 * fall) ** 2 * np.sin(np.pi / 2 * rise) ** 2)

    return _filter(samples, rate_hz, gain)


def resample_via(samples: Samples, rate_hz: float, *, via_hz: float) -> Samples:
    """Resample down to `via_hz` and back: what a recording at that rate has lost."""
    if via_hz >= rate_hz:
        return samples.copy()
    down = _resample(samples, rate_hz, via_hz)
    return _match_length(_resample(down, via_hz, rate_hz), len(samples))


def room_response(
    rate_hz: float, rng: Generator, *, rt60_seconds: float, direct_to_reverberant_db: float
) -> Samples:
    """Impulse response of a simple room: a direct sound, then exponentially decaying noise.

    The decay begins 2.5 ms after the direct sound and is cut where it has lost 60 dB, after
    `rt60_seconds`. The whole has unit energy, so speech keeps about its level.

    References : Ko et al. 2017 measured such simple responses against real ones.
    """
    count = max(2, round(rt60_seconds * rate_hz))
    gap = max(1, round(0.0025 * rate_hz))
    time_seconds = np.arange(count) / rate_hz
    decay = rng.standard_normal(count) * 10 ** (-3 * time_seconds / rt60_seconds)
    decay *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.sum(decay**2))
    response = np.concatenate(([1.0], np.zeros(gap - 1), decay))
    return _as_samples(response / np.sqrt(np.sum(response**2)))


def add_room(
    samples: Samples,
    rate_hz: float,
    rng: Generator,
    *,
    rt60_seconds: float,
    direct_to_reverberant_db: float,
) -> Samples:
    """Convolve with a `room_response`; the length stays as it is."""
    if not len(samples):
        return samples.copy()
    from scipy.signal import oaconvolve

    response = room_response(
        rate_hz,
        rng,
        rt60_seconds=rt60_seconds,
        direct_to_reverberant_db=direct_to_reverberant_db,
    )
    return _as_samples(oaconvolve(samples, response)[: len(samples)])


def add_noise(
    samples: Samples, rate_hz: float, rng: Generator, *, snr_db: float, color: float = 0.0
) -> Samples:
    """Add stationary noise `snr_db` below the active speech, power falling as 1 / f**color.

    Color 0 is white, 1 pink, 2 brown; below 50 Hz the spectrum is flat, or brown noise would
    spend its power where no speech is. Silence has no level to relate to: it stays silence.
    """
    level = active_rms(samples, rate_hz)
    if level == 0.0:
        return samples.copy()
    from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(rng.standard_normal(size))
    frequency_hz = np.maximum(rfftfreq(size, 1 / rate_hz), 50.0)
    noise = irfft(spectrum * frequency_hz ** (-color / 2), size)[: len(samples)]
    scale = level * 10 ** (-snr_db / 20) / np.sqrt(np.mean(noise**2))
    return _as_samples(samples + scale * noise)


def add_babble(
    samples: Samples, rate_hz: float, rng: Generator, *, speech: Sequence[Samples], snr_db: float
) -> Samples:
    """Add background speech, all of it together `snr_db` below the active speech.

    Each recording is repeated from a random position to the end, and is up to 6 dB louder or
    softer than the mean. Silence has no level to relate to: it stays silence.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : float
    rng : Generator
    speech : sequence of ndarray, float32
        Recordings at the same rate; silent ones have no effect.
    snr_db : float

    References
    ----------
    Snyder, Chen & Povey 2015, "MUSAN: a music, speech, and noise corpus" (babble of 3 to 7).
    """
    level, babble = active_rms(samples, rate_hz), np.zeros(len(samples))
    for voice in speech:
        gain, start = 10 ** (rng.uniform(-6, 6) / 20), rng.integers(max(1, len(voice)))
        own = active_rms(voice, rate_hz)
        if own > _SILENT_RMS:
            babble += gain / own * np.resize(np.roll(voice, -start), len(samples))
    together = active_rms(_as_samples(babble), rate_hz)
    if level == 0.0 or together == 0.0:
        return samples.copy()
    return _as_samples(samples + level / together * 10 ** (-snr_db / 20) * babble)


def change_gain(samples: Samples, *, gain_db: float) -> Samples:
    """Louder by `gain_db`; not clipped, as float files are not."""
    return _as_samples(samples * 10 ** (gain_db / 20))


def quantize(samples: Samples, *, bits: int = 16) -> Samples:
    """Round and clip to the steps of a PCM file of `bits` bits."""
    steps = 2.0 ** (bits - 1)
    return _as_samples(np.clip(np.round(samples * steps), -steps, steps - 1) / steps)


def apply_mu_law(samples: Samples) -> Samples:
    """Code each sample in 8 bits by the mu law of telephony, and back.

    The peak is brought to 0.5 before and back after: telephone lines control their level.

    References : ITU-T G.711.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak < 1e-30:  # nor can what is all but silent be scaled up
        return samples.copy()
    scaled = samples * (0.5 / peak)
    code = np.round(127 * np.log1p(255 * np.abs(scaled)) / np.log(256.0))
    return _as_samples(np.sign(scaled) * np.expm1(code * np.log(256.0) / 127) / 255 * (peak / 0.5))


def simulate_telephone(samples: Samples, rate_hz: float) -> Samples:
    """Narrow-band telephone: 300 to 3,400 Hz, sampled at 8 kHz, coded by the mu law."""
    line_hz = min(8000.0, rate_hz)
    band = limit_band(samples, rate_hz, low_hz=300.0, high_hz=3400.0)
    coded = apply_mu_law(_as_samples(_resample(band, rate_hz, line_hz)))
    return _match_length(_resample(coded, line_hz, rate_hz), len(samples))


def encode_mp3(samples: Samples, rate_hz: float, *, bitrate_kbps: float) -> Samples:
    """Code as a mono MP3 at a constant `bitrate_kbps` and back, in memory.

    libsndfile sets the rate by a level from 0 to 1 between the highest and the lowest rate that
    the sampling rate allows (MPEG-1 Layer III from 32 kHz, MPEG-2 from 16 kHz, else MPEG-2.5).
    """
    if not len(samples):
        return samples.copy()
    import soundfile

    highest, lowest = (320, 32) if rate_hz >= 32000 else (160, 8) if rate_hz >= 16000 else (64, 8)
    level = float(np.clip((highest - bitrate_kbps) / (highest - lowest), 0.0, 0.99))
    file = io.BytesIO()
    soundfile.write(
        file,
        np.clip(samples, -1.0, 1.0),
        round(rate_hz),
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=level,
    )
    file.seek(0)
    decoded, decoded_hz = soundfile.read(file, dtype="float32")
    # At its lowest rates the encoder chooses a lower sampling rate by itself.
    return _match_length(_resample(decoded, decoded_hz, round(rate_hz)), len(samples))


def pad_silence(samples: Samples, rate_hz: float, *, seconds: float) -> Samples:
    """Put `seconds` of digital silence before and after."""
    return np.pad(samples, round(seconds * rate_hz))


def _filter(
    samples: Samples,
    rate_hz: float,
    gain: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Samples:
    """Multiply the spectrum by a gain over frequency; zero phase, padded against wrapping."""
    if not len(samples):
        return samples.copy()
    from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

    size = next_fast_len(len(samples) + round(0.1 * rate_hz), real=True)
    spectrum = rfft(np.asarray(samples, dtype=np.float64), size)
    spectrum *= gain(rfftfreq(size, 1 / rate_hz))
    return _as_samples(irfft(spectrum, size)[: len(samples)])


def _resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"))


def _match_length(samples: Samples, count: int) -> Samples:
    """Cut or fill with zeros at the end: two resamplings may be a sample off."""
    return _as_samples(np.pad(samples[:count], (0, max(0, count - len(samples)))))


def _as_samples(values: NDArray[np.floating]) -> Samples:
    return np.ascontiguousarray(values, dtype=np.float32)
