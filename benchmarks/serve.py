"""The service against the bare function: throughput, latency, streams in real time, memory.

    pip install -e ".[test]"
    python benchmarks/serve.py --models "" --requests 10000 --stream-minutes 60 -o serve.json
    python benchmarks/serve.py --seconds 30 -o serve.json       # the memory stays in the file
    python benchmarks/serve.py --seconds 5 --streams 10,20      # a short run

*Requests*: 1, 8 and 64 clients on the loopback upload the bundled recording again and again, each
on a connection of its own; a client that gets 503 waits as long as Retry-After says. The bare
function recognizes the same bytes in as many processes as the server has workers: one for each
processor. Both take turns of two seconds, so that a machine whose speed changes is the same for
both. ``share`` is the throughput of the server as a share of the bare function's,
over all turns; ``turns`` has the quartiles of the share of single ones. The clients share the
processors with the server, so they are as light as can be: bytes on sockets, in one process.

*Streams*: clients send the bundled recording, over and over, in real time, in blocks of 0.1 s.
``lag`` is the time from sending the sound of an event's end to receiving the event. A server that
falls behind shows a lag that grows: ``lag_growth`` is the median of the last third less that of
the first. The recording is speech for some 70 % of its time; a conversation has less.

*Ready* is the time from starting the program to the answer of ``/readyz``, with both models, over
several starts: ``ready_seconds`` has median, least and most. ``processor_ms`` is the processor's
time of the busiest process until then, the least of the starts. ``--models ""`` measures this
alone; as ``chrt -r 1 python benchmarks/serve.py --models ""`` it comes before what else runs.

*Memory* is the resident memory of the server and its workers. ``--requests N`` sends N requests of
mixed kinds to a new server: recordings in several formats and lengths, timelines, what is refused,
and uploads that break off. Then 10 streams run for ``--stream-minutes``, each opened again every
minute or less. Memory that is flat has a ``last_third`` like its ``first_third`` (medians, in MB);
``slope`` is in MB by 1,000 requests, or by hour.

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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from entries import find_commit
from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.services import EXAMPLE, Service, encode, read_processor, run_service

CLIENTS = (1, 8, 64)
LIBRARIES = ("voxaffect", "fastapi", "uvicorn", "websockets", "onnxruntime")
TURN_SECONDS = 2.0
BLOCK_SECONDS = 0.1
_GROUP = 16
_STREAMS = 10
_SAMPLE_SECONDS = 10.0


@dataclass(frozen=True)
class Turn:
    """Recordings a second, and the time of a processor for each one."""

    per_second: float
    processor_seconds: float

    @classmethod
    def average(cls, turns: Sequence[Turn]) -> Turn:
        """Turn of all turns together, which are equally long."""
        total = sum(turn.per_second for turn in turns)
        spent = sum(turn.per_second * turn.processor_seconds for turn in turns)
        return cls(total / len(turns), spent / total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--streams", default="10,25,50,100", help="numbers of streams")
    parser.add_argument("--models", default="fast,accurate", help="to measure; empty for none")
    parser.add_argument("--requests", type=int, default=0, help="of mixed kinds, for the memory")
    parser.add_argument("--stream-minutes", type=float, default=0, help="of streams, likewise")
    parser.add_argument("--starts", type=int, default=5, help="of the server, until it is ready")
    options = parser.parse_args()
    result: dict[str, Any] = {
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "commit": find_commit(),
    }
    result["ready_seconds"] = measure_ready(options.starts)
    processors = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        for model in filter(None, options.models.split(",")):
            settings = {"models": model, "concurrency": processors}
            with run_service(Path(folder) / "log", **settings) as service:
                report = measure_requests(service, model, processors, options.seconds)
                if model == "fast":
                    counts = [int(count) for count in options.streams.split(",")]
                    report["streams"] = [
                        asyncio.run(measure_streams(service, count, options.seconds))
                        for count in counts
                    ]
            result[model] = report
        if options.requests or options.stream_minutes:
            settings = {"models": "fast", "concurrency": processors}
            with run_service(Path(folder) / "log", **settings) as service:
                task = measure_growth(service, options.requests, options.stream_minutes)
                place = {name: result[name] for name in ("commit", "load_average")}
                result["memory"] = place | asyncio.run(task)
    if options.output and options.output.exists():
        result = json.loads(options.output.read_text(encoding="utf-8")) | result
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n", encoding="utf-8")


def measure_ready(starts: int) -> dict[str, float]:
    """Seconds until the server takes requests, over several starts."""
    seconds, spent = zip(*(start_server() for _ in range(starts)), strict=True)
    return {
        "starts": starts,
        "median": round(statistics.median(seconds), 2),
        "least": round(min(seconds), 2),
        "most": round(max(seconds), 2),
        "processor_ms": round(1000 * min(spent)),
    }


def start_server() -> tuple[float, float]:
    """Seconds until ``/readyz`` answers, and the processor's time of the busiest process."""
    start = time.monotonic()
    command = [sys.executable, "-m", "voxaffect", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().rpartition(":")[2])
            with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
                connection.request("GET", "/readyz")  # waits: the port is open from the beginning
                assert connection.getresponse().status == 200
            seconds, service = time.monotonic() - start, Service(process, port, Path())
            spent = [read_processor(number) for number in (process.pid, *service.workers)]
        finally:
            process.terminate()
    return seconds, max(spent)


def measure_requests(
    service: Service, model: str, processors: int, seconds: float
) -> dict[str, Any]:
    """Throughput and latency of each number of clients, and of the bare function in turns."""
    before = measure_memory(service)
    with get_context("spawn").Pool(processors) as pool:
        pool.map(predict_for, [(model, 0.5)] * processors)  # loads the model
        run_bare = partial(measure_bare, pool, model, processors)
        clients = [measure_clients(service, run_bare, count, seconds) for count in CLIENTS]
    return {"clients": clients, "memory_mb": {"before": before, "after": measure_memory(service)}}


def measure_clients(
    service: Service, run_bare: Callable[[], Turn], count: int, seconds: float
) -> dict[str, Any]:
    """Throughput and latency of a number of clients, and of the bare function in turns."""
    asyncio.run(upload_for(service, count))  # every worker has begun
    turns, bare, latencies, refused = [], [], [], 0
    for _ in range(max(1, round(seconds / TURN_SECONDS))):
        bare.append(run_bare())
        spent = measure_processor(service)
        times, refusals, answers = asyncio.run(upload_for(service, count))
        spent = measure_processor(service) - spent
        turns.append(Turn(answers / TURN_SECONDS, spent / len(times)))
        latencies += times
        refused += refusals
    shares = [turn.per_second / other.per_second for turn, other in zip(turns, bare, strict=True)]
    served, alone = Turn.average(turns), Turn.average(bare)
    return {
        "clients": count,
        "per_second": round(served.per_second, 2),
        "bare_per_second": round(alone.per_second, 2),
        "share": round(served.per_second / alone.per_second, 3),
        "turns": {
            "count": len(turns),
            "lower": round(float(np.quantile(shares, 0.25)), 3),
            "upper": round(float(np.quantile(shares, 0.75)), 3),
        },
        "p50": round(float(np.quantile(latencies, 0.5)), 4),
        "p99": round(float(np.quantile(latencies, 0.99)), 4),
        "refused": refused,
        "processor_ms": round(1000 * served.processor_seconds, 2),
        "bare_processor_ms": round(1000 * alone.processor_seconds, 2),
    }


async def upload_for(service: Service, count: int) -> tuple[list[float], int, int]:
    """Of one turn of so many clients: latencies, refusals, and answers before its end."""
    end, request = time.monotonic() + TURN_SECONDS, make_request(EXAMPLE)
    tasks = [upload_until(service, end, request) for _ in range(count)]
    answers, refusals = zip(*await asyncio.gather(*tasks), strict=True)
    moments = [answer for client in answers for answer in client]
    before = sum(moment < end for moment, _ in moments)
    return [latency for _, latency in moments], sum(refusals), before


async def upload_until(
    service: Service, end: float, request: bytes
) -> tuple[list[tuple[float, float]], int]:
    """Moments and latencies of answers to one client, and the number of refusals."""
    answers, refusals, stream = [], 0, None
    while time.monotonic() < end:
        start = time.monotonic()
        stream = stream or await asyncio.open_connection("127.0.0.1", service.port)
        head = await exchange(stream, request)
        status = int(head.split()[1])
        if status == 503:
            refusals += 1
            stream[1].close()
            stream = None  # the server closes the connection
            await asyncio.sleep(float(read_field(head, b"retry-after")))
            continue
        if status != 200:
            raise RuntimeError(head.decode())
        now = time.monotonic()
        answers.append((now, now - start))
    if stream:
        stream[1].close()
    return answers, refusals


def make_request(content: bytes, query: str = "") -> bytes:
    """Bytes of an upload."""
    lines = (
        f"POST /v1/emotion{query} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + content


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(stream: Connection, request: bytes) -> bytes:
    """Head of the answer to a request; the whole answer is read."""
    reader, writer = stream
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(read_field(head, b"content-length")))
    return head


def read_field(head: bytes, name: bytes) -> bytes:
    return head.lower().partition(b"\r\n" + name + b":")[2].split()[0]


def measure_bare(pool: Any, model: str, processors: int) -> Turn:
    """One turn of the bare function in so many processes."""
    results = pool.map(predict_for, [(model, TURN_SECONDS)] * processors, chunksize=1)
    spent = sum(seconds for _, _, seconds in results)
    count = sum(count for count, _, _ in results)
    return Turn(sum(count / elapsed for count, elapsed, _ in results), spent / count)


def predict_for(task: tuple[str, float]) -> tuple[int, float, float]:
    """Recordings that the bare function recognizes, the time, and the processor's time."""
    import voxaffect as va

    model, seconds = task
    va.load(model)
    count, start, begin = 0, time.monotonic(), time.process_time()
    while time.monotonic() < start + seconds:
        va.predict(EXAMPLE, model=model, workers=1).to_json()
        count += 1
    return count, time.monotonic() - start, time.process_time() - begin


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


async def measure_growth(service: Service, requests: int, minutes: float) -> dict[str, Any]:
    """Memory over requests of mixed kinds, and over streams."""
    report: dict[str, Any] = {}
    bodies, first = make_mixed(), measure_memory(service)
    if requests:
        samples = []
        for start in range(0, requests, _GROUP):
            numbers = range(start, min(start + _GROUP, requests))
            await asyncio.gather(*[send_mixed(service, bodies[n % len(bodies)]) for n in numbers])
            samples.append((start / 1_000, measure_memory(service)))
        report["requests"] = {"requests": requests, "start": first, **summarize(samples)}
    if minutes:
        samples, begin = [], time.monotonic()
        end = begin + 60 * minutes
        streams = [asyncio.create_task(reopen_until(service, end, n)) for n in range(_STREAMS)]
        while time.monotonic() < end:
            await asyncio.sleep(min(_SAMPLE_SECONDS, max(end - time.monotonic(), 0)))
            samples.append(((time.monotonic() - begin) / 3_600, measure_memory(service)))
        counts = await asyncio.gather(*streams)
        report["streams"] = {"minutes": minutes, "streams": sum(counts), **summarize(samples)}
    return report


def make_mixed() -> list[tuple[bytes, int]]:
    """Requests of mixed kinds, and how many bytes of each are sent."""
    samples, rate_hz = soundfile.read(io.BytesIO(EXAMPLE))
    forms = [encode(samples, rate_hz, form) for form in ("WAV", "FLAC", "OGG", "MP3")]
    forms += [encode(np.tile(samples, 12), rate_hz), encode(samples[:8_000], rate_hz)]
    refused = [b"PK\3\4" + bytes(200_000), encode(np.zeros(32_000)), EXAMPLE[:50_000], b"RIFF"]
    whole = [make_request(content) for content in forms + refused]
    whole += [make_request(EXAMPLE, f"?response_format={name}") for name in ("srt", "pdf", "csv")]
    cut = make_request(EXAMPLE)
    return [(request, len(request)) for request in whole] + [(cut, len(cut) // 2), (cut, 20)]


async def send_mixed(service: Service, body: tuple[bytes, int]) -> None:
    """Send one request, or a part of it, until it is answered other than with 503."""
    request, size = body
    while True:
        stream = await asyncio.open_connection("127.0.0.1", service.port)
        try:
            if size < len(request):
                stream[1].write(request[:size])
                await stream[1].drain()
                return
            head = await exchange(stream, request)
            if head.split()[1] != b"503":
                return
        finally:
            stream[1].close()
        await asyncio.sleep(1)


async def reopen_until(service: Service, end: float, index: int) -> int:
    """Streams of up to a minute, one after the other; their number."""
    count = 0
    while (left := end - time.monotonic()) > 1:
        await stream_for(service, min(left, 24.0 + 4 * index), lambda _: None, index)
        count += 1
    return count


def summarize(samples: list[tuple[float, float]]) -> dict[str, Any]:
    """Memory in the first and last third, its largest value, and its slope."""
    times, values = (np.array(column) for column in zip(*samples, strict=True))
    third = max(len(values) // 3, 1)
    slope = np.polyfit(times, values, 1)[0] if len(values) > 1 else 0.0
    return {
        "first_third": round(float(np.median(values[:third])), 1),
        "last_third": round(float(np.median(values[-third:])), 1),
        "most": round(float(values.max()), 1),
        "slope": round(float(slope), 2),
        "slope_of_last_half": round(float(fit_half(times, values)), 2),
    }


def fit_half(times: Any, values: Any) -> float:
    half = len(values) // 2
    return float(np.polyfit(times[half:], values[half:], 1)[0]) if len(values) - half > 1 else 0.0


def measure_processor(service: Service) -> float:
    """Time of processors that the server and its workers have spent, in seconds."""
    return sum(map(read_processor, (service.process.pid, *service.workers)))


def measure_memory(service: Service) -> float:
    """Resident memory of the server and its workers, in MB."""
    pages = 0
    for process in (service.process.pid, *service.workers):
        pages += int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


if __name__ == "__main__":
    main()
