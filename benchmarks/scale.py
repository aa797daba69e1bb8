"""Datasets of many recordings: throughput here and on Dask, and the memory of the client.

    pip install -e ".[test]"
    VOXAFFECT_DATA=… python benchmarks/scale.py -o scale.json    # --rows 1000 for a short run

*Throughput*: predictions of RAVDESS's recordings with ``fast``, in parts of 20, by one worker, by
two local processes, and by two worker processes of a Dask cluster on the loopback, in turns;
the median and the range of the rounds. The cluster has the settings of docs/scaling.md.

*Memory*: peak resident memory of a process that writes a dataset of so many rows, which name
RAVDESS's recordings again and again, by different parts. A stub stands for the model: it gives one
row of constants. The work happens in the
same process, so the memory is that of client and worker together. ``ms_a_row`` is all that a
row costs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from entries import find_commit

from voxaffect.extraction import LocalExecutor
from voxaffect.scaling import work, write_dataset

PART_ROWS = 20
STUB_ROWS = 1_000
CLUSTER = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}
LIBRARIES = ("voxaffect", "dask", "distributed", "pyarrow", "onnxruntime")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--rows", default="1000,10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stub", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    paths = sorted((Path(os.environ["VOXAFFECT_DATA"]) / "ravdess").rglob("*.wav"))
    if options.stub:
        print(json.dumps(measure_stub(paths, options.stub)))
        return
    result = {
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "commit": find_commit(),
        "throughput": measure_throughput(paths, options.rounds),
        "memory": [run_stub(int(rows)) for rows in options.rows.split(",")],
    }
    text = json.dumps(result, indent=1)
    if options.output:
        options.output.write_text(text + "\n")
    print(text)


def measure_throughput(paths: list[Path], rounds: int) -> dict[str, Any]:
    """Recordings a second, by kind of workers."""
    seconds: dict[str, list[float]] = {"one worker": [], "two processes": [], "dask": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        run_cluster(Path(folder)) as address,
        LocalExecutor(2, kind="processes") as executor,
    ):
        ways: dict[str, dict[str, Any]] = {
            "one worker": {"workers": 1},
            "two processes": {"workers": executor},
            "dask": {"scheduler": address},
        }
        for way in ways.values():  # processes load the model
            build(paths[:80], Path(folder) / "warm", **way)
        for _ in range(rounds):
            for name, way in ways.items():
                began = time.perf_counter()
                build(paths, Path(folder) / "out", **way)
                seconds[name].append(time.perf_counter() - began)
    rates = {
        name: {
            "per_second": round(len(paths) / statistics.median(each), 1),
            "range": [round(len(paths) / max(each), 1), round(len(paths) / min(each), 1)],
        }
        for name, each in seconds.items()
    }
    local = statistics.median(seconds["two processes"])
    return {
        "recordings": len(paths),
        "rates": rates,
        "two_against_one": round(statistics.median(seconds["one worker"]) / local, 2),
        "dask_against_local": round(statistics.median(seconds["dask"]) / local, 3),
    }


def build(paths: list[Path], output: Path, **way: Any) -> None:
    write_dataset(paths, output, model="fast", part_rows=PART_ROWS, overwrite=True, **way)


@contextmanager
def run_cluster(folder: Path) -> Iterator[str]:
    """Address of a scheduler with two workers of one thread each."""
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str, *options: str, pattern: str) -> str:
        log = folder / f"{program}-{len(started)}.log"
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *options]
        with log.open("wb") as stream:
            environment = {**os.environ, **CLUSTER}
            started.append(subprocess.Popen(command, stdout=stream, stderr=stream, env=environment))
        while not (match := re.search(pattern, log.read_text())):
            time.sleep(0.1)
        return match[1]

    try:
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = start("scheduler", *options, pattern=r"Scheduler at: +(\S+)")
        for number in range(2):
            place = str(folder / f"worker-{number}")
            options = ("--nthreads", "1", "--no-dashboard", "--local-directory", place)
            start("worker", address, *options, pattern=r"Registered to: +(\S+)")
        yield address
    finally:
        for process in reversed(started):
            process.kill()


def run_stub(rows: int) -> dict[str, Any]:
    """Measure the memory for so many rows in a process of its own."""
    command = [sys.executable, __file__, "--stub", str(rows)]
    report: dict[str, Any] = json.loads(subprocess.check_output(command))
    print(report, file=sys.stderr)
    return report


def measure_stub(paths: list[Path], rows: int) -> dict[str, Any]:
    """Peak memory and time for so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "manifest.csv"
        with table.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["path", "start", "speaker"])
            for row in range(rows):
                writer.writerow([paths[row % len(paths)], f"{row // len(paths) / 1e4:.4f}", "x"])
        prepare: Callable[..., Any] = lambda *_: recognize_nothing  # noqa: E731
        work._prepare = prepare  # type: ignore[assignment]
        began = time.perf_counter()
        write_dataset(table, Path(folder) / "out", model="fast", part_rows=STUB_ROWS, workers=1)
        seconds = time.perf_counter() - began
        again = time.perf_counter()
        report = write_dataset(
            table, Path(folder) / "out", model="fast", part_rows=STUB_ROWS, workers=1
        )
        assert report.kept == rows
        resumed = time.perf_counter() - again
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": rows,
        "peak_mb": round(peak, 1),
        "seconds": round(seconds, 2),
        "resume_seconds": round(resumed, 2),
        "ms_a_row": round(1000 * seconds / rows, 4),
    }


def recognize_nothing(entry: Any) -> Any:
    """Row of constants."""
    row = [entry.path, "sad", 0.5, True, "emotion", "mix", 3.0, None, False, *[0.125] * 8]
    return work._Recognized([row], True, 3.0)


if __name__ == "__main__":
    main()
