"""How often speech is missed, and how often other sound passes for speech.

python benchmarks/speech.py                                  # needs VOXAFFECT_DATA
python benchmarks/speech.py --speech DIR --other DIR -o elsewhere.json

Folders are searched through for recordings; both options can be repeated. Without `--speech`, the
corpora under VOXAFFECT_DATA are speech. All of it is examined clean, and a sample of each folder
degraded: in noise, in babble of its folder, in a room, over a telephone, and cut to its loudest
half second and second. Other sound (music, effects) is examined as recordings of at most 30 s, as
`predict` has them, and as windows of 3 s, as a timeline has them. Hums, tones, noises, drums and
melodies are synthesized.

The limits of the decision were chosen on RAVDESS, EMO-DB, nEMO, EMOVO and AESDD, and on music and
effects of free games. Voices in such music count as false alarms here: listen to what is listed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from voxaffect.audio import Samples, Signal, mix_down, open_blocks, read, resample
from voxaffect.errors import AudioError
from voxaffect.files.media import EXTENSIONS
from voxaffect.recognition.speech import has_speech
from voxaffect.training.augmentation.conditions import apply_condition
from voxaffect.training.augmentation.effects import add_babble, add_noise, simulate_telephone

CORPORA = ("ravdess", "emodb", "nemo", "emovo", "aesdd")
HERE = Path(__file__).parent
RATE_HZ = 16_000
LONGEST_SECONDS, WINDOW_SECONDS = 30, 3
FULL_SCALE = 0.1
Sound = Callable[[Generator], Samples]


def recordings(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())


def at_rate(path: Path) -> Samples:
    return resample(read(path), RATE_HZ).samples


def loudest(samples: Samples, seconds: float) -> Samples:
    """The stretch of so many seconds around the loudest moment."""
    energy = np.convolve(samples**2, np.ones(RATE_HZ // 4), "same")
    middle, half = int(energy.argmax()), round(seconds * RATE_HZ / 2)
    return samples[max(middle - half, 0) : middle + half]


def degraded(
    samples: Samples, others: Sequence[Samples], key: str, rng: Generator
) -> Iterator[tuple[str, Samples]]:
    """A recording in every condition."""
    for snr_db in (20, 10, 5):
        for color, name in enumerate(("white", "pink")):
            noisy = add_noise(samples, RATE_HZ, rng, snr_db=snr_db, color=color)
            yield f"{name} noise {snr_db} dB", noisy
        yield (
            f"babble {snr_db} dB",
            add_babble(samples, RATE_HZ, rng, speech=others, snr_db=snr_db),
        )
    yield "reverb", apply_condition(samples, RATE_HZ, "reverb", key=key)
    yield "telephone", simulate_telephone(samples, RATE_HZ)
    yield "-20 dB", samples * np.float32(0.1)
    for seconds in (0.5, 1.0):
        yield f"loudest {seconds:g} s", loudest(samples, seconds)


def misses(folder: Path, sample: int, rng: Generator) -> dict[str, Any]:
    """Share of a folder's speech that is missed, clean and degraded, and the clean ones by name."""
    paths = recordings(folder)
    missed = [str(p.relative_to(folder)) for p in paths if not has_speech(at_rate(p), RATE_HZ)]
    chosen = [paths[place] for place in rng.permutation(len(paths))[:sample]]
    counts: dict[str, list[bool]] = {}
    for path in chosen:
        others = [at_rate(chosen[place]) for place in rng.integers(len(chosen), size=4)]
        for condition, samples in degraded(at_rate(path), others, path.name, rng):
            counts.setdefault(condition, []).append(not has_speech(samples, RATE_HZ))
    shares = {name: float(np.mean(found)) for name, found in counts.items()}
    return {
        "recordings": len(paths),
        "clean": len(missed) / len(paths),
        "missed": missed,
        "degraded_recordings": len(chosen),
        "degraded": shares,
    }


def beginning(path: Path) -> Samples:
    """Two minutes at most."""
    parts, held = [], 0
    with open_blocks(path) as blocks:
        for block in blocks:
            parts.append(mix_down(block))
            held += len(block)
            if held >= 120 * blocks.rate_hz:
                break
        return resample(Signal(np.concatenate(parts), blocks.rate_hz), RATE_HZ).samples


def false_alarms(folder: Path) -> dict[str, Any]:
    """Share of other sound that passes for speech, whole and in windows, and which."""
    passed: list[str] = []
    whole, windows = [], []
    for path in recordings(folder):
        try:
            samples = beginning(path)
        except AudioError:
            continue
        if len(samples) < RATE_HZ // 4 or np.ptp(samples) < 1e-4:
            continue
        whole.append(has_speech(samples[: LONGEST_SECONDS * RATE_HZ], RATE_HZ))
        size = WINDOW_SECONDS * RATE_HZ
        parts = [samples[at : at + size] for at in range(0, max(len(samples) - size // 2, 1), size)]
        found = [has_speech(part, RATE_HZ) for part in parts]
        windows += found
        if whole[-1] or any(found):
            name = str(path.relative_to(folder))
            passed.append(f"{name}: {'whole, ' if whole[-1] else ''}{sum(found)} of {len(found)}")
    return {
        "recordings": len(whole),
        "whole": float(np.mean(whole)) if whole else 0.0,
        "windows": len(windows),
        "in_windows": float(np.mean(windows)) if windows else 0.0,
        "passed": passed,
    }


def tones(*hertz: float) -> Sound:
    def make(rng: Generator) -> Samples:
        moments = np.arange(3 * RATE_HZ) / RATE_HZ
        parts = [np.sin(2 * np.pi * h * rng.uniform(0.97, 1.03) * moments) for h in hertz]
        return (FULL_SCALE * sum(parts)).astype(np.float32)

    return make


def noise(exponent: float, per_second: float = 0.0) -> Sound:
    """Noise whose power falls with a power of frequency; struck so often, or steady."""

    def make(rng: Generator) -> Samples:
        spectrum = np.fft.rfft(rng.standard_normal(3 * RATE_HZ))
        spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** (exponent / 2)
        samples = np.fft.irfft(spectrum)
        if per_second:
            moments = np.arange(len(samples)) / RATE_HZ
            samples = samples * np.exp(-rng.uniform(6, 30) * (moments % (1 / per_second)))
        return (FULL_SCALE * samples / samples.std()).astype(np.float32)

    return make


def glide(octaves: float, per_second: float) -> Sound:
    """A tone with harmonics that goes up and down."""

    def make(rng: Generator) -> Samples:
        moments = np.arange(3 * RATE_HZ) / RATE_HZ
        swing = octaves * np.sin(2 * np.pi * per_second * moments + rng.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(rng.uniform(400, 900) * 2**swing) / RATE_HZ
        return (FULL_SCALE * sum(np.sin(k * phase) / k for k in range(1, 6))).astype(np.float32)

    return make


def melody(rng: Generator) -> Samples:
    notes = []
    for step in rng.integers(0, 24, size=12):
        moments = np.arange(RATE_HZ // 4) / RATE_HZ
        hertz = 130.8 * 2 ** (step / 12)
        tone = sum(np.sin(2 * np.pi * k * hertz * moments) / k**1.5 for k in range(1, 9))
        notes.append(tone * np.exp(-rng.uniform(2, 12) * moments))
    return (FULL_SCALE * np.concatenate(notes)).astype(np.float32)


def click(rng: Generator) -> Samples:
    samples = np.zeros(3 * RATE_HZ, dtype=np.float32)
    samples[rng.integers(len(samples), size=rng.integers(1, 6))] = 1.0
    return samples


SYNTHESIZED: dict[str, Sound] = {
    "hum": tones(50, 100, 150),
    "tone": tones(440),
    "chord": tones(262, 330, 392),
    "click": click,
    "white noise": noise(0),
    "pink noise": noise(1),
    "brown noise": noise(2),
    "drums": noise(1, 3),
    "machine": noise(1, 12),
    "siren": glide(0.5, 0.5),
    "alarm": glide(0.3, 3),
    "melody": melody,
}


def milliseconds(folder: Path, count: int, rng: Generator) -> float:
    """Mean time of a decision on a recording of a folder."""
    paths = recordings(folder)
    sounds = [at_rate(paths[place]) for place in rng.integers(len(paths), size=count)]
    began = time.perf_counter()
    for samples in sounds:
        has_speech(samples, RATE_HZ)
    return 1000 * (time.perf_counter() - began) / len(sounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, action="append")
    parser.add_argument("--other", type=Path, action="append", default=[])
    parser.add_argument("--degraded", type=int, default=60, help="recordings of each folder")
    parser.add_argument("--synthesized", type=int, default=50, help="of each kind")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "speech.json")
    options = parser.parse_args()
    root = Path(os.environ.get("VOXAFFECT_DATA", "."))
    speech = options.speech or [root / name for name in CORPORA if (root / name).is_dir()]
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {
        "versions": {name: version(name) for name in ("voxaffect", "numpy", "onnxruntime")},
        "python": platform.python_version(),
        "synthesized": {
            name: float(
                np.mean([has_speech(make(rng), RATE_HZ) for _ in range(options.synthesized)])
            )
            for name, make in SYNTHESIZED.items()
        },
    }
    result["other"] = {folder.name: false_alarms(folder) for folder in options.other}
    result["speech"] = {folder.name: misses(folder, options.degraded, rng) for folder in speech}
    if speech:
        result["milliseconds"] = milliseconds(speech[0], 100, rng)
    options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
