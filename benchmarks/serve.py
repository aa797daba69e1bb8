"""The service against the bare function: throughput, latency, streams in real time, memory.

    pip install -e ".[test]"
    python benchmarks/serve.py -o serve.json          # --seconds 5 --streams 10,20 for a short run

*Requests*: 1, 8 and 64 clients on the loopback upload the bundled recording again and again, each
on a connection of its own; a client that gets 503 waits as long as Retry-After says. In the same
run, the bare function recognizes the same bytes in as many processes as the server has workers.
``share`` is the throughput of the server as a share of the bare function's.

*Streams*: clients send the bundled recording, over and over, in real time, in blocks of 0.1 s.
``lag`` is the time from sending the sound of an event's end to receiving the event. A server that
falls behind shows a lag that grows: ``lag_growth`` is the median of the last third less that of
the first. The recording is speech for some 70 % of its time; a conversation has less.

*Memory* is the resident memory of the server and its workers before and after all requests.

Where ``load_average`` is over the number of processors others were at work too, and
``processor_ms`` is what to go by: the time of processors for one answer of the bare function, and
of the server with its workers; of a stream, for one second of sound.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from entries import find_commit
from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.services import EXAMPLE, Service, run_service

CLIENTS = (1, 8, 64)
LIBRARIES = ("voxaffect", "fastapi", "uvicorn", "websockets", "onnxruntime")
BLOCK_SECONDS = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--streams", default="10,25,50,100", help="numbers of streams")
    parser.add_argument("--models", default="fast,accurate")
    options = parser.parse_args()
    result: dict[str, Any] = {
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "commit": find_commit(),
    }
    workers = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models.split(","):
            settings = {"models": model, "concurrency": workers}
            with run_service(Path(folder) / "log", **settings) as service:
                report = measure_requests(service, model, workers, options.seconds)
                if model == "fast":
                    counts = [int(count) for count in options.streams.split(",")]
                    report["streams"] = [
                        asyncio.run(measure_streams(service, count, options.seconds))
                        for count in counts
                    ]
            result[model] = report
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n", encoding="utf-8")


def measure_requests(service: Service, model: str, workers: int, seconds: float) -> dict[str, Any]:
    """Throughput and latency of the bare function, and of each number of clients."""
    before = measure_memory(service)
    bare, bare_ms = measure_bare(model, workers, seconds)
    report: dict[str, Any] = {
        "bare_per_second": round(bare, 2),
        "bare_processor_ms": bare_ms,
        "clients": [],
    }
    for count in CLIENTS:
        with ThreadPoolExecutor(count) as executor:
            end, spent = time.monotonic() + seconds, measure_processor(service)
            lists = executor.map(upload_until, [service] * count, [end] * count)
            latencies, refused = [], 0
            for times, refusals in lists:
                latencies += times
                refused += refusals
        spent = measure_processor(service) - spent
        rate = len(latencies) / seconds
        report["clients"].append(
            {
                "clients": count,
                "per_second": round(rate, 2),
                "share": round(rate / bare, 3),
                "p50": round(float(np.quantile(latencies, 0.5)), 4),
                "p99": round(float(np.quantile(latencies, 0.99)), 4),
                "refused": refused,
                "processor_ms": round(1000 * spent / len(latencies), 2),
            }
        )
    report["memory_mb"] = {"before": before, "after": measure_memory(service)}
    return report


def upload_until(service: Service, end: float) -> tuple[list[float], int]:
    """Latencies of answers, and the number of refusals."""
    latencies, refusals = [], 0
    with service.client() as client:
        while time.monotonic() < end:
            start = time.monotonic()
            answer: httpx.Response = client.post("/v1/emotion", content=EXAMPLE)
            if answer.status_code == 503:
                refusals += 1
                time.sleep(float(answer.headers["retry-after"]))
                continue
            answer.raise_for_status()
            latencies.append(time.monotonic() - start)
    return latencies, refusals


def measure_bare(model: str, workers: int, seconds: float) -> tuple[float, float]:
    """Recordings a second of the bare function in so many processes, and processor_ms of one."""
    with get_context("spawn").Pool(workers) as pool:
        pool.map(predict_for, [(model, 0.5)] * workers)  # loads the model
        results = pool.map(predict_for, [(model, seconds)] * workers, chunksize=1)
    count, spent = (sum(column) for column in zip(*results, strict=True))
    return count / seconds, round(1000 * spent / count, 2)


def predict_for(task: tuple[str, float]) -> tuple[int, float]:
    """Recordings that the bare function recognizes in a time, and the processor's time."""
    import voxaffect as va

    model, seconds = task
    va.load(model)
    count, end, begin = 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < end:
        va.predict(EXAMPLE, model=model, workers=1).to_json()
        count += 1
    return count, time.process_time() - begin


async def measure_streams(service: Service, count: int, seconds: float) -> dict[str, Any]:
    """Lag of events over streams in real time."""
    lags: list[tuple[float, float]] = []
    spent = measure_processor(service)
    tasks = [stream_for(service, seconds, lags.append, index) for index in range(count)]
    reasons = await asyncio.gather(*tasks)
    spent = measure_processor(service) - spent
    third = seconds / 3
    first = [lag for moment, lag in lags if moment < third] or [0.0]
    last = [lag for moment, lag in lags if moment > 2 * third] or [0.0]
    return {
        "streams": count,
        "events": len(lags),
        "lag_p50": round(statistics.median(lag for _, lag in lags), 3),
        "lag_p99": round(float(np.quantile([lag for _, lag in lags], 0.99)), 3),
        "lag_growth": round(statistics.median(last) - statistics.median(first), 3),
        "processor_ms": round(1000 * spent / count / seconds, 2),
        "ended_early": sum(reason != "closed_by_client" for reason in reasons),
    }


async def stream_for(
    service: Service, seconds: float, note: Callable[[tuple[float, float]], None], index: int
) -> str:
    """Send the recording in real time; note moment and lag of each window; return the reason."""
    samples, rate_hz = soundfile.read(io.BytesIO(EXAMPLE), dtype="int16")
    size = int(BLOCK_SECONDS * rate_hz)
    sound = np.roll(np.tile(samples, int(seconds * rate_hz / len(samples)) + 1), index * 777)
    url = f"ws://127.0.0.1:{service.port}/v1/emotion/stream"
    async with connect(url, proxy=None, open_timeout=120) as stream:
        update = {"type": "session.update", "sample_rate": rate_hz, "encoding": "s16le"}
        await stream.send(json.dumps(update))
        await stream.recv()
        await asyncio.sleep(index * 0.013)  # not all at once
        start = time.monotonic()

        async def send() -> None:
            for number in range(int(seconds / BLOCK_SECONDS)):
                due = start + (number + 1) * BLOCK_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await stream.send(sound[number * size : (number + 1) * size].tobytes())
            await stream.send('{"type": "CloseStream"}')

        sender = asyncio.create_task(send())
        event: dict[str, Any] = {}
        async for text in stream:
            event = json.loads(text)
            if event["type"] == "emotion.window":
                moment = time.monotonic() - start
                note((moment, moment - event["end"]))
        sender.cancel()
    return str(event.get("reason"))


def measure_processor(service: Service) -> float:
    """Time of processors that the server and its workers have spent, in seconds."""
    ticks = 0
    for process in (service.process.pid, *service.workers):
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
        ticks += sum(map(int, text.rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure_memory(service: Service) -> float:
    """Resident memory of the server and its workers, in MB."""
    pages = 0
    for process in (service.process.pid, *service.workers):
        pages += int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


if __name__ == "__main__":
    main()
