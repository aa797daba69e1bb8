"""Altered copies of utterances: to train on, and to test what a model withstands.

Every step is a pure function: float32 mono samples in, new float32 samples out. Steps take their
strength as an argument (``snr_db``, ``rt60_seconds``); those that also need chance take a NumPy
``Generator``. Two things are built from the same steps:

* `augment` makes the training copies of one utterance under a policy, `Augmentation`. The same
  ``seed`` and ``index`` give the same copies whatever the order or the number of processes.
* `perturb` makes the evaluation copy of one utterance under a named condition. Its randomness
  comes from the utterance's key and a stream that training never draws from.

Augment the utterances of training speakers only: a copy of a test speaker in the training set is
a leak. Levels are relative to the active speech, so that a long silent head changes no SNR.

References
----------
Ko et al. 2015, "Audio augmentation for speech recognition", Interspeech (speed copies).
Ko et al. 2017, "A study on data augmentation of reverberant speech for robust speech
recognition", ICASSP (noise and room responses).
Schroeder 1965, "New method of measuring reverberation time", JASA 37 (decay of a response).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import scipy.fft
import scipy.interpolate
import scipy.signal
import soundfile
import soxr
from numpy.random import Generator
from numpy.typing import NDArray

from voxaffect.audio import Signal, resample
from voxaffect.errors import TrainingError
from voxaffect.extraction import Variant
from voxaffect.training.augmentation.babble import Voices

__all__ = [
    "CONDITIONS",
    "PERTURBATIONS",
    "TALKERS_DB",
    "Augmentation",
    "active_rms",
    "add_noise",
    "add_room",
    "add_talkers",
    "augment",
    "augmented",
    "change_gain",
    "change_speed",
    "companded",
    "equalize",
    "limit_band",
    "mp3_coded",
    "narrowed",
    "pad_silence",
    "perturb",
    "quantized",
    "room_response",
    "telephoned",
    "test_variant",
    "training_variants",
]

Samples = NDArray[np.float32]
Perturbation = Callable[[Samples, float, Generator], Samples]

# First word of every seed sequence, so that no evaluation draw can repeat a training draw.
TRAINING_STREAM = 0x7261
EVALUATION_STREAM = 0x6576


# --- steps ------------------------------------------------------------------------------------


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
    return _as_samples(soxr.resample(samples, rate_hz * factor, rate_hz, quality="HQ"))


def equalize(samples: Samples, rate_hz: float, *, gains_db: NDArray[np.float64]) -> Samples:
    """Apply a smooth gain through `gains_db`, spread evenly in log frequency from 60 Hz.

    The curve is monotone between its points (PCHIP), so it never exceeds the gains asked for.
    """
    points = np.linspace(np.log(60.0), np.log(rate_hz / 2), len(gains_db))
    curve = scipy.interpolate.PchipInterpolator(points, gains_db)

    def gain(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        position = np.log(np.clip(frequency_hz, 60.0, rate_hz / 2))
        return np.asarray(10.0 ** (curve(position) / 20))

    return _filtered(samples, rate_hz, gain)


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

    return _filtered(samples, rate_hz, gain)


def narrowed(samples: Samples, rate_hz: float, *, via_hz: float) -> Samples:
    """Resample down to `via_hz` and back: what a recording at that rate has lost."""
    if via_hz >= rate_hz:
        return samples.copy()
    down = soxr.resample(samples, rate_hz, via_hz, quality="HQ")
    return _fitted(soxr.resample(down, via_hz, rate_hz, quality="HQ"), len(samples))


def room_response(
    rate_hz: float, rng: Generator, *, rt60_seconds: float, direct_to_reverberant_db: float
) -> Samples:
    """Impulse response of a simple room: a direct sound, then exponentially decaying noise.

    The tail begins 2.5 ms after the direct sound and loses 60 dB in `rt60_seconds`; it is cut
    where it has lost 60 dB. The whole has unit energy, so speech keeps about its level.

    References : Ko et al. 2017 measured such simple responses against real ones.
    """
    count = max(2, round(rt60_seconds * rate_hz))
    gap = max(1, round(0.0025 * rate_hz))
    time_seconds = np.arange(count) / rate_hz
    tail = rng.standard_normal(count) * 10 ** (-3 * time_seconds / rt60_seconds)
    tail *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.sum(tail**2))
    response = np.concatenate(([1.0], np.zeros(gap - 1), tail))
    return _as_samples(response / np.sqrt(np.sum(response**2)))


def add_room(
    samples: Samples,
    rate_hz: float,
    rng: Generator,
    *,
    rt60_seconds: float,
    direct_to_reverberant_db: float,
) -> Samples:
    """Convolve with a `room_response`; the tail after the last sample is cut."""
    if not len(samples):
        return samples.copy()
    response = room_response(
        rate_hz,
        rng,
        rt60_seconds=rt60_seconds,
        direct_to_reverberant_db=direct_to_reverberant_db,
    )
    return _as_samples(scipy.signal.oaconvolve(samples, response)[: len(samples)])


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
    size = scipy.fft.next_fast_len(len(samples), real=True)
    spectrum = scipy.fft.rfft(rng.standard_normal(size))
    frequency_hz = np.maximum(scipy.fft.rfftfreq(size, 1 / rate_hz), 50.0)
    noise = scipy.fft.irfft(spectrum * frequency_hz ** (-color / 2), size)[: len(samples)]
    scale = level * 10 ** (-snr_db / 20) / np.sqrt(np.mean(noise**2))
    return _as_samples(samples + scale * noise)


def add_talkers(
    samples: Samples, rate_hz: float, rng: Generator, *, talkers: Sequence[Samples], snr_db: float
) -> Samples:
    """Add other people's speech, all of it together `snr_db` below the active speech.

    Each talker is repeated from a random place to the end, and is up to 6 dB louder or softer
    than the mean. Silence has no level to relate to: it stays silence.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : float
    rng : Generator
    talkers : sequence of ndarray, float32
        At the same rate; silent ones have no say.
    snr_db : float

    References
    ----------
    Snyder, Chen & Povey 2015, "MUSAN: a music, speech, and noise corpus" (babble of 3 to 7).
    """
    level, babble = active_rms(samples, rate_hz), np.zeros(len(samples))
    for talker in talkers:
        gain, start = 10 ** (rng.uniform(-6, 6) / 20), rng.integers(max(1, len(talker)))
        own = active_rms(talker, rate_hz)
        if own > 0:
            babble += gain / own * np.resize(np.roll(talker, -start), len(samples))
    together = active_rms(_as_samples(babble), rate_hz)
    if level == 0.0 or together == 0.0:
        return samples.copy()
    return _as_samples(samples + level / together * 10 ** (-snr_db / 20) * babble)


def change_gain(samples: Samples, *, gain_db: float) -> Samples:
    """Louder by `gain_db`; not clipped, as float files are not."""
    return _as_samples(samples * 10 ** (gain_db / 20))


def quantized(samples: Samples, *, bits: int = 16) -> Samples:
    """Round and clip to the steps of a PCM file of `bits` bits."""
    steps = 2.0 ** (bits - 1)
    return _as_samples(np.clip(np.round(samples * steps), -steps, steps - 1) / steps)


def companded(samples: Samples) -> Samples:
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


def telephoned(samples: Samples, rate_hz: float) -> Samples:
    """Narrow-band telephone: 300 to 3,400 Hz, sampled at 8 kHz, coded by the mu law."""
    line_hz = min(8000.0, rate_hz)
    band = limit_band(samples, rate_hz, low_hz=300.0, high_hz=3400.0)
    coded = companded(_as_samples(soxr.resample(band, rate_hz, line_hz, quality="HQ")))
    return _fitted(soxr.resample(coded, line_hz, rate_hz, quality="HQ"), len(samples))


def mp3_coded(samples: Samples, rate_hz: float, *, bitrate_kbps: float) -> Samples:
    """Code as a mono MP3 at a constant `bitrate_kbps` and back, in memory.

    libsndfile sets the rate by a level from 0 to 1 between the highest and the lowest rate that
    the sampling rate allows (MPEG-1 Layer III from 32 kHz, MPEG-2 from 16 kHz, else MPEG-2.5).
    """
    if not len(samples):
        return samples.copy()
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
    return _fitted(soxr.resample(decoded, decoded_hz, round(rate_hz)), len(samples))


def pad_silence(samples: Samples, rate_hz: float, *, seconds: float) -> Samples:
    """Put `seconds` of digital silence before and after."""
    return np.pad(samples, round(seconds * rate_hz))


def _filtered(
    samples: Samples,
    rate_hz: float,
    gain: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Samples:
    """Multiply the spectrum by a gain over frequency; zero phase, padded against wrapping."""
    if not len(samples):
        return samples.copy()
    size = scipy.fft.next_fast_len(len(samples) + round(0.1 * rate_hz), real=True)
    spectrum = scipy.fft.rfft(np.asarray(samples, dtype=np.float64), size)
    spectrum *= gain(scipy.fft.rfftfreq(size, 1 / rate_hz))
    return _as_samples(scipy.fft.irfft(spectrum, size)[: len(samples)])


def _fitted(samples: Samples, count: int) -> Samples:
    """Cut or fill with zeros at the end: two resamplings may be a sample off."""
    return _as_samples(np.pad(samples[:count], (0, max(0, count - len(samples)))))


def _as_samples(values: NDArray[np.floating]) -> Samples:
    return np.ascontiguousarray(values, dtype=np.float32)


# --- training ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What the training copies of an utterance are.

    First one copy per speed in `speeds`, otherwise clean; then `mixed_copies` that go through a
    random speed, equalizer, room, noise, channel and codec, in the order sound meets them. Pairs
    are the ends of a uniform draw. Two thirds of the mixed copies lose their upper band,
    because a narrow band was what models trained on one such copy in 2.5 withstood least. In
    `talkers_probability` of the copies that get noise, the noise is up to `most_talkers` people
    who talk, at speeds that make other voices of them; where none are known it is noise. Rooms,
    noise and talkers were compared on inner folds of speakers: benchmarks/selection.py.
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
    talkers_probability: float = 0.15
    most_talkers: int = 5
    talkers_snr_db: tuple[float, float] = (3.0, 25.0)
    talkers_speeds: tuple[float, float] = (0.75, 1.35)
    low_pass_probability: float = 0.25
    low_pass_hz: tuple[float, float] = (3400.0, 7500.0)
    narrow_probability: float = 0.2
    telephone_probability: float = 0.2
    mp3_probability: float = 0.1
    mp3_kbps: tuple[float, float] = (24.0, 64.0)

    @property
    def copies(self) -> int:
        """How many copies `augment` makes of each utterance."""
        return len(self.speeds) + self.mixed_copies


def augment(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    seed: int,
    index: int,
    voices: Sequence[Samples] = (),
) -> list[Samples]:
    """Training copies of one utterance, without the original; see `Augmentation`.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : float
    policy : Augmentation
    seed : int, >= 0
    index : int, >= 0
        Which utterance this is among those trained on; with `seed` it decides every draw.
    voices : sequence of ndarray, float32
        Recordings that may talk in the background, at the same rate; see `Voices`.

    Returns
    -------
    list of ndarray, float32
        `policy.copies` of them; lengths differ as speeds do.
    """
    return [
        augmented(samples, rate_hz, policy, seed=seed, index=index, copy=copy, voices=voices)
        for copy in range(policy.copies)
    ]


def augmented(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    seed: int,
    index: int,
    copy: int,
    voices: Sequence[Samples] = (),
) -> Samples:
    """One of the training copies that `augment` makes, by its number."""
    if copy < len(policy.speeds):
        return change_speed(samples, rate_hz, factor=policy.speeds[copy])
    rng = np.random.default_rng([TRAINING_STREAM, seed, index, copy - len(policy.speeds)])
    return _mixed(samples, rate_hz, policy, rng=rng, voices=voices)


def training_variants(
    policy: Augmentation, *, rate_hz: int, seed: int, voices: Voices | None = None
) -> tuple[Variant, ...]:
    """Every training copy as something that `extract` can do to a recording.

    Parameters
    ----------
    policy : Augmentation
    rate_hz : int
        Recordings are brought to this rate first: what features are computed at.
    seed : int
    voices : Voices, optional
        Whom to let talk in the background: other recordings of the same speaker.

    Returns
    -------
    tuple of Variant
        Each draws from the seed and the content of the file, not from its place in a list.
    """
    voices = voices or Voices.none()
    return tuple(
        Variant(
            f"copy {copy}, seed {seed}, {policy}, voices {voices.key}",
            _Copied(policy, rate_hz, seed, copy, voices),
        )
        for copy in range(policy.copies)
    )


@dataclass(frozen=True, slots=True)
class _Copied:
    """Makes one training copy; unlike a closure it can be sent to a worker process."""

    policy: Augmentation
    rate_hz: int
    seed: int
    copy: int
    voices: Voices

    def __call__(self, signal: Signal, digest: bytes) -> Signal:
        signal = resample(signal, self.rate_hz)
        samples = augmented(
            signal.samples,
            self.rate_hz,
            self.policy,
            seed=self.seed,
            index=int.from_bytes(digest[:8], "big"),
            copy=self.copy,
            voices=self.voices.own(digest, rate_hz=self.rate_hz),
        )
        return replace(signal, samples=samples)


def _mixed(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    rng: Generator,
    voices: Sequence[Samples],
) -> Samples:
    """One random pass through everything that stands between a voice and a file."""
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
        mixed = _with_background(mixed, rate_hz, policy, rng=rng, voices=voices)
    mixed = _through_channel(mixed, rate_hz, policy, rng=rng)
    if rng.random() < policy.mp3_probability:
        mixed = mp3_coded(mixed, rate_hz, bitrate_kbps=rng.uniform(*policy.mp3_kbps))
    return mixed


def _with_background(
    samples: Samples,
    rate_hz: float,
    policy: Augmentation,
    *,
    rng: Generator,
    voices: Sequence[Samples],
) -> Samples:
    """Steady noise, or people who talk."""
    if not voices or rng.random() >= policy.talkers_probability:
        snr_db, color = rng.uniform(*policy.snr_db), rng.uniform(*policy.noise_colors)
        return add_noise(samples, rate_hz, rng, snr_db=snr_db, color=color)
    talkers = []
    for _ in range(rng.integers(1, policy.most_talkers + 1)):
        voice = voices[int(rng.integers(len(voices)))]
        factor = float(np.exp(rng.uniform(*np.log(policy.talkers_speeds))))
        talkers.append(change_speed(voice, rate_hz, factor=factor))
    snr_db = rng.uniform(*policy.talkers_snr_db)
    return add_talkers(samples, rate_hz, rng, talkers=talkers, snr_db=snr_db)


def _through_channel(
    samples: Samples, rate_hz: float, policy: Augmentation, *, rng: Generator
) -> Samples:
    """At most one of: a low pass anywhere, 8 kHz sampling, a telephone line."""
    draw = rng.random()
    edge_hz = rng.uniform(*policy.low_pass_hz)
    if draw < policy.low_pass_probability:
        return limit_band(samples, rate_hz, high_hz=edge_hz)
    draw -= policy.low_pass_probability
    if draw < policy.narrow_probability:
        return narrowed(samples, rate_hz, via_hz=8000.0)
    if draw < policy.narrow_probability + policy.telephone_probability:
        return telephoned(samples, rate_hz)
    return samples


# --- evaluation -------------------------------------------------------------------------------


def _noisy(snr_db: float) -> Perturbation:
    def perturbation(samples: Samples, rate_hz: float, rng: Generator) -> Samples:
        # White, pink and brown in turn: one color alone would flatter or wrong some features.
        color = float(rng.integers(3))
        return add_noise(samples, rate_hz, rng, snr_db=snr_db, color=color)

    return perturbation


def _reverberant(samples: Samples, rate_hz: float, rng: Generator) -> Samples:
    # A living room at about 1.5 m: as much sound arrives from the walls as from the mouth.
    return add_room(samples, rate_hz, rng, rt60_seconds=0.4, direct_to_reverberant_db=0.0)


PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType(
    {
        "noise 20 dB": _noisy(20.0),
        "noise 10 dB": _noisy(10.0),
        "reverb": _reverberant,
        "8 kHz": lambda samples, rate_hz, _: narrowed(samples, rate_hz, via_hz=8000.0),
        "telephone": lambda samples, rate_hz, _: telephoned(samples, rate_hz),
        "gain -20 dB": lambda samples, _, __: change_gain(samples, gain_db=-20.0),
        "gain -20 dB, 16 bit": lambda samples, _, __: quantized(
            change_gain(samples, gain_db=-20.0)
        ),
        "1 s silence around": lambda samples, rate_hz, _: pad_silence(
            samples, rate_hz, seconds=1.0
        ),
        "MP3 at 64 kbit/s": lambda samples, rate_hz, _: mp3_coded(
            samples, rate_hz, bitrate_kbps=64.0
        ),
    }
)
"""Conditions that need nothing but the recording, by the name the tables print."""

TALKERS_DB: Mapping[str, float] = MappingProxyType({"talkers 20 dB": 20.0, "talkers 10 dB": 10.0})
"""Conditions in which four other speakers of the corpus talk, by their SNR together."""

CONDITIONS = (*PERTURBATIONS, *TALKERS_DB)
"""All conditions a model is tested under."""
_TALKERS = 4


def perturb(
    samples: Samples, rate_hz: float, condition: str, *, key: str, voices: Sequence[Samples] = ()
) -> Samples:
    """One utterance under a condition of `CONDITIONS`.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : float
    condition : str
    key : str
        Names the utterance, as by its path relative to the corpus with "/" between folders. The
        same key gives the same noise on every machine, in any order.
    voices : sequence of ndarray, float32
        Recordings of others at the same rate, for the conditions of `TALKERS_DB`.

    Raises
    ------
    KeyError
        If there is no such condition.
    TrainingError
        If talkers are asked for where nobody else is known.
    """
    words = (zlib.crc32(condition.encode()), zlib.crc32(key.encode()))
    rng = np.random.default_rng([EVALUATION_STREAM, *words])
    if condition in PERTURBATIONS:
        return PERTURBATIONS[condition](samples, rate_hz, rng)
    snr_db = TALKERS_DB[condition]
    if not voices:
        raise TrainingError(f"{condition}: recordings of at least two known speakers are needed.")
    talkers = [voices[int(rng.integers(len(voices)))] for _ in range(_TALKERS)]
    return add_talkers(samples, rate_hz, rng, talkers=talkers, snr_db=snr_db)


def test_variant(condition: str, *, rate_hz: int | None, voices: Voices | None) -> Variant:
    """Return a condition of `CONDITIONS` as something that `extract` can do to a recording.

    Parameters
    ----------
    condition : str
    rate_hz : int, optional
        Recordings are brought to this rate first; by default they keep their own.
    voices : Voices, optional
        Who may talk in the conditions of `TALKERS_DB`.
    """
    voices = (condition in TALKERS_DB and voices) or Voices.none()
    told = f", voices {voices.key}" if condition in TALKERS_DB else ""
    return Variant(
        f"condition {condition}, version 1{told}", _Perturbed(condition, rate_hz, voices)
    )


@dataclass(frozen=True, slots=True)
class _Perturbed:
    """Brings a recording under a condition; it can be sent to a worker process."""

    condition: str
    rate_hz: int | None
    voices: Voices

    def __call__(self, signal: Signal, digest: bytes) -> Signal:
        signal = resample(signal, self.rate_hz or signal.rate_hz)
        samples = perturb(
            signal.samples,
            signal.rate_hz,
            self.condition,
            key=digest.hex(),
            voices=self.voices.others(digest, rate_hz=signal.rate_hz),
        )
        return replace(signal, samples=samples)
