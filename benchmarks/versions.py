"""Two versions of voxaffect in one run: how much longer the new one takes.

    python benchmarks/versions.py OLD/bin/python NEW/bin/python --data RAVDESS --model OLD.onnx

Each of the first two arguments is the Python of an environment with one of the versions.
``RAVDESS`` is a folder of recordings, and the model file, of the old version, serves both. The
versions take turns. ``ratio`` is the median over the rounds of the new time by the old one, with
the least and the most. Times are of the processor, and *wall* for the extraction in two processes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

IN_PROCESS = """
import json, sys, time, warnings
from pathlib import Path
warnings.filterwarnings("ignore")
import numpy as np, voxaffect as va
paths, model = sorted(Path(sys.argv[1]).rglob("*.wav")), va.load(Path(sys.argv[2]))
call = np.concatenate([va.read(path).samples for path in paths[:80]])
spec = (getattr(va, "get_feature_spec", None) or va.feature_spec)("affect")

def clips(act, count=60):
    for path in paths[:3]:
        act(path)
    begin = time.process_time()
    for path in paths[:count]:
        act(path)
    return (time.process_time() - begin) / count

def clock(act, now=time.process_time):
    begin = now()
    act()
    return now() - begin

rate_hz = va.read(paths[0]).rate_hz
print(json.dumps({
    "tutorial features of a clip": clips(lambda p: va.extract_feature(p, True, True, True)),
    "affect features of a clip": clips(lambda p: va.extract([p], spec, workers=1)),
    "predict a clip": clips(lambda p: va.predict(p, model=model, workers=1)),
    "timeline of 80 clips": clock(
        lambda: va.timeline(call, rate_hz=rate_hz, model=model, workers=1)
    ),
    "affect features of 400 clips, two workers (wall)": clock(
        lambda: va.extract(paths[:400], spec, workers=2), time.monotonic
    ),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pythons = (options.old, options.new)
    rounds = [
        [measure(python, options.data, options.model) for python in pythons]
        for _ in range(options.rounds)
    ]
    result = {
        "rounds": options.rounds,
        "load_average": os.getloadavg()[0],
        "ratios": {name: summarize(name, rounds) for name in rounds[0][0]},
    }
    print(json.dumps(result, indent=1))


def measure(python: str, data: Path, model: Path) -> dict[str, float]:
    """Seconds of one version."""
    clip = min(data.rglob("*.wav"))
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "process: --version": ("--version",),
            "process: predict --help": ("predict", "--help"),
            "process: predict a clip": ("predict", clip, "--model", model),
            "process: features of a clip": ("features", clip, "-o", Path(folder) / "out.csv"),
        }
        times = {
            name: min(spend(python, "-m", "voxaffect", *command) for _ in range(3))
            for name, command in commands.items()
        }
    inside: dict[str, float] = json.loads(run(python, "-c", IN_PROCESS, data, model))
    return times | inside


def spend(*command: Any) -> float:
    """Seconds of the processor that a command takes."""
    begin = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(*command)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime


def run(*command: Any) -> str:
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    environment = {**os.environ, **threads}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words[:6])}: {done.stderr[-2000:]}")
    return done.stdout


def summarize(name: str, rounds: list[list[dict[str, float]]]) -> dict[str, float]:
    """Median of the ratios of a time, their range, and the medians of both."""
    old, new = ([one[index][name] for one in rounds] for index in (0, 1))
    ratios = [after / before for before, after in zip(old, new, strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
        "old_ms": round(1000 * statistics.median(old), 2),
        "new_ms": round(1000 * statistics.median(new), 2),
    }


if __name__ == "__main__":
    main()
