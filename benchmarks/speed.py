"""Speed, in one run: the tutorial, openSMILE and voxaffect, clip by clip and as whole processes.

    pip install -e ".[bench]"
    python benchmarks/speed.py --data DIR                         # everything
    python benchmarks/speed.py --data DIR --only answers          # one part; the others stay

``DIR`` holds ``ravdess-48k`` (originals) and ``ravdess`` (16 kHz). Everything but the extraction
of all clips and the timeline runs on one thread. Times are medians over rounds in which the systems
take turns, so that a machine that slows down slows them all; the ratios are what to quote.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import cycle, product
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import soundfile
from entries import find_commit
from scipy.fft import rfft

from voxaffect.audio import read
from voxaffect.extraction import FeatureCache, LocalExecutor, extract
from voxaffect.features import compute_features, get_feature_spec
from voxaffect.features.classic.spectrum import cut_centered_frames
from voxaffect.models import Model, load

MODELS = ("fast", "accurate")
COMMAND = (sys.executable, "-m", "voxaffect")
MOST_ANSWERS = 62
PARTS = ("clips", "answers", "corpus", "processes", "timeline")
LIBRARIES = (
    "voxaffect",
    "librosa",
    "opensmile",
    "numpy",
    "scipy",
    "soundfile",
    "onnxruntime",
    "scikit-learn",
)
BASELINE = """
import sys, warnings
import joblib, librosa, numpy as np, soundfile
model = joblib.load(sys.argv[2])
with soundfile.SoundFile(sys.argv[1]) as file:
    X, rate = file.read(dtype="float32"), file.samplerate
stft = np.abs(librosa.stft(X))
mfcc = np.mean(librosa.feature.mfcc(y=X, sr=rate, n_mfcc=40).T, axis=0)
chroma = np.mean(librosa.feature.chroma_stft(S=stft, sr=rate).T, axis=0)
mel = np.mean(librosa.feature.melspectrogram(y=X, sr=rate).T, axis=0)
print(model.predict([np.hstack([mfcc, chroma, mel])])[0])
"""


def tutorial(path: Path) -> np.ndarray:
    """The tutorial's extract_feature, as written."""
    import librosa

    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples.mean(axis=1)
    stft = np.abs(librosa.stft(samples))
    mfcc = np.mean(librosa.feature.mfcc(y=samples, sr=rate_hz, n_mfcc=40).T, axis=0)
    chroma = np.mean(librosa.feature.chroma_stft(S=stft, sr=rate_hz).T, axis=0)
    mel = np.mean(librosa.feature.melspectrogram(y=samples, sr=rate_hz).T, axis=0)
    return np.hstack([mfcc, chroma, mel])


def decode_and_fft(path: Path) -> np.ndarray:
    """The least that any such feature needs: decode, and transform the same frames."""
    return rfft(cut_centered_frames(read(path).samples), axis=-1)


def per_clip(paths: list[Path], rounds: int) -> dict[str, list[float]]:
    """Milliseconds a clip for each system, round by round."""
    import opensmile

    classic, affect = get_feature_spec("classic"), get_feature_spec("affect")
    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, num_workers=1)
    systems = {
        "tutorial": tutorial,
        "voxaffect classic": lambda path: compute_features(read(path), classic),
        "decode + bare FFT": decode_and_fft,
        "voxaffect affect": lambda path: compute_features(read(path), affect),
        "opensmile eGeMAPSv02": smile.process_file,
    }
    return take_turns(systems, paths, rounds)


def answers(paths: list[Path], rounds: int) -> dict[str, list[float]]:
    """Milliseconds a clip from the file to the answer of each bundled model, round by round."""
    return take_turns({name: partial(answer, load(name)) for name in MODELS}, paths, rounds)


def answer(model: Model, path: Path) -> np.ndarray:
    """Decoding, features (with the encoder, where there is one) and the answer: one thread."""
    return model.probabilities(compute_features(read(path), model.spec)[None])


def take_turns(
    systems: dict[str, Callable[[Path], object]], paths: list[Path], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds a clip for each system, round by round."""
    times: dict[str, list[float]] = {name: [] for name in systems}
    for system in systems.values():  # filter banks, plans and page cache
        for path in paths[:3]:
            system(path)
    for _ in range(rounds):
        for name, system in systems.items():
            start = time.perf_counter()
            for path in paths:
                system(path)
            times[name].append((time.perf_counter() - start) / len(paths) * 1e3)
    return times


def corpus(paths: list[Path], rounds: int) -> dict[str, list[float]]:
    """Seconds for all clips: cold with two workers, warm from the cache."""
    times: dict[str, list[float]] = {"cold, two workers": [], "warm": []}
    for _ in range(rounds):
        folder = Path(tempfile.mkdtemp())
        for name in times:
            start = time.perf_counter()
            with FeatureCache(folder / "features.sqlite") as cache:
                extract(paths, get_feature_spec("classic"), workers=2, cache=cache)
            times[name].append(time.perf_counter() - start)
        shutil.rmtree(folder)
    return times


def by_kind(paths: list[Path], rounds: int) -> dict[str, list[float]]:
    """Seconds for all clips without a cache: one thread, two, and two processes."""
    executors = {
        "one thread": (1, "threads"),
        "two threads": (2, "threads"),
        "two processes": (2, "processes"),
        "two workers": (2, "auto"),
    }
    specs = {name: get_feature_spec(name) for name in ("classic", "affect")}
    times: dict[str, list[float]] = {
        f"{name}, {title}": [] for name in specs for title in executors
    }
    for _ in range(rounds):
        for (name, spec), (title, (count, kind)) in product(specs.items(), executors.items()):
            start = time.perf_counter()
            with LocalExecutor(count, kind=kind) as executor:
                extract(paths, spec, workers=executor)
            times[f"{name}, {title}"].append(time.perf_counter() - start)
    return times


def whole_process(clip: Path, train: list[Path], rounds: int) -> dict[str, list[float]]:
    """Seconds from start to exit: `voxaffect predict` and the tutorial's way with a pickle."""
    import joblib
    from sklearn.neural_network import MLPClassifier

    folder = Path(tempfile.mkdtemp())
    matrix = extract(train, get_feature_spec("classic")).matrix
    emotions = [path.name[6:8] for path in train]
    joblib.dump(MLPClassifier((300,), max_iter=20).fit(matrix, emotions), folder / "model.pkl")
    (folder / "baseline.py").write_text(BASELINE)
    commands = {
        "librosa + scikit-learn script": [
            sys.executable,
            folder / "baseline.py",
            clip,
            folder / "model.pkl",
        ],
        **{
            f"voxaffect predict, {name}": [*COMMAND, "predict", clip, "--model", name]
            for name in MODELS
        },
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if number:  # the first fills the page cache and librosa's compiled code
                times[name].append(time.perf_counter() - start)
    shutil.rmtree(folder)
    return times


def hours(clips: list[Path], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Seconds of a whole ``voxaffect timeline`` of clips in a row, with two workers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write_long(clips, seconds, path)
        times: dict[str, list[float]] = {f"timeline, {name}": [] for name in MODELS}
        for _, name in product(range(rounds), MODELS):
            output = Path(folder) / "timeline.json"
            command = [*COMMAND, "timeline", path, "--model", name, "--workers", "2", "-o", output]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[f"timeline, {name}"].append(time.perf_counter() - start)
            output.unlink()
    return times


def write_long(clips: list[Path], seconds: float, path: Path) -> None:
    """Write clips in a row, again from the first where they are too short."""
    rate_hz = soundfile.info(clips[0]).samplerate
    left = round(seconds * rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, 1, subtype="PCM_16") as file:
        for clip in cycle(clips):
            samples = read(clip).samples[:left]
            file.write(samples)
            left -= len(samples)
            if not left:
                return


def spread(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Minimum, median and maximum of each row."""
    return {
        name: {"min": min(row), "median": statistics.median(row), "max": max(row)}
        for name, row in times.items()
    }


def ratio(times: dict[str, list[float]], over: str, under: str) -> dict[str, float]:
    """Median ratio of two rows, round by round, and its spread."""
    ratios = [a / b for a, b in zip(times[over], times[under], strict=True)]
    return {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the timeline")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/speed.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    originals = sorted((given.data / "ravdess-48k").glob("Actor_*/*.wav"))
    clips = sorted((given.data / "ravdess").glob("Actor_*/*.wav"))
    if not originals or not clips:
        parser.error(f"{given.data}: needs ravdess-48k and ravdess with Actor_*/*.wav")

    result = json.loads(given.output.read_text()) if given.output.exists() else {}
    result |= {
        "machine": {
            "processor": platform.machine(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "versions": {library: version(library) for library in find_installed()},
        "clips": {"48 kHz": len(originals), "16 kHz": len(clips)},
    }
    result.setdefault("ratios", {})
    for part in given.only or PARTS:
        rounds = given.rounds if part in ("clips", "answers", "processes") else min(given.rounds, 3)
        measured, ratios = measure(part, originals, clips, rounds, given.minutes)
        result |= measured
        result["ratios"] |= ratios
        result.setdefault("measured", {})[part] = {"rounds": rounds, "commit": find_commit()}
    given.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def find_installed() -> list[str]:
    return [
        library for library in LIBRARIES if find_spec(library.replace("scikit-learn", "sklearn"))
    ]


def measure(
    part: str, originals: list[Path], clips: list[Path], rounds: int, minutes: float
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, dict[str, float]]]:
    """Rows and ratios of one part."""
    if part == "clips":
        wide = per_clip(originals, rounds)
        copies = [clips[0].parents[1] / path.parent.name / path.name for path in originals]
        return {
            "milliseconds a 48 kHz clip, one thread": spread(wide),
            "milliseconds a 16 kHz clip, one thread": spread(per_clip(copies, rounds)),
        }, {
            "tutorial / voxaffect classic, 48 kHz": ratio(wide, "tutorial", "voxaffect classic"),
            "voxaffect classic / (decode + bare FFT), 48 kHz": ratio(
                wide, "voxaffect classic", "decode + bare FFT"
            ),
            "openSMILE eGeMAPS / voxaffect classic, 48 kHz": ratio(
                wide, "opensmile eGeMAPSv02", "voxaffect classic"
            ),
        }
    if part == "answers":
        times = answers(clips[:: max(1, len(clips) // MOST_ANSWERS)], rounds)
        title = "milliseconds a 16 kHz clip from file to answer, one thread"
        return {title: spread(times)}, {"accurate / fast, a clip": ratio(times, "accurate", "fast")}
    if part == "corpus":
        return {
            "seconds for all 16 kHz clips": spread(corpus(clips, rounds)),
            "seconds for all 16 kHz clips, no cache": spread(by_kind(clips, rounds)),
        }, {}
    if part == "processes":
        times = whole_process(clips[0], clips[::8], rounds)
        fast, accurate = (f"voxaffect predict, {name}" for name in MODELS)
        return {"seconds, whole process, one clip": spread(times)}, {
            "librosa + scikit-learn process / voxaffect process, fast": ratio(
                times, "librosa + scikit-learn script", fast
            ),
            "accurate / fast, process": ratio(times, accurate, fast),
        }
    times = hours(clips, 60 * minutes, rounds)
    fast, accurate = (f"timeline, {name}" for name in MODELS)
    return {f"seconds, whole process, {minutes:g} minutes": spread(times)}, {
        "accurate / fast, timeline": ratio(times, accurate, fast)
    }


if __name__ == "__main__":
    main()
