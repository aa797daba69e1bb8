"""The pool does each job once, in order, and no failure reaches another request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import Limits
from voxaffect.service.pool import Pool, Worker, _Request

LIMITS = Limits(60.0, 8, 192_000, 4 << 30)
LONG = 60.0


class FakeProcess:
    """Process in name only: a job is a function, which it calls with itself."""

    def __init__(self) -> None:
        self.is_stopped = threading.Event()

    def compute(self, arguments: tuple[Any, ...]) -> Any:
        return arguments[0](self)

    def stop(self) -> None:
        self.is_stopped.set()


@pytest.fixture(autouse=True)
def _fake_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_process(worker: Worker) -> FakeProcess:
        worker._process = worker._process or FakeProcess()
        return worker._process

    monkeypatch.setattr(Worker, "_get_process", get_process)


def run(count: int, queue: int, use: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
    async def use_pool() -> None:
        pool = Pool(LIMITS, count, queue, ("fast", "fast"))
        await pool.start()
        try:
            await use(pool)
        finally:
            pool.stop()

    asyncio.run(use_pool())


def _note(calls: list[str], name: str, _: FakeProcess) -> None:
    calls.append(name)


def wait_for_the_end(process: FakeProcess) -> None:
    assert process.is_stopped.wait(LONG)
    raise DeadWorkerError("", "was ended{}", is_memory=False)


@pytest.mark.parametrize("count", [1, 3])
def test_each_job_is_done_once_and_in_order(count: int) -> None:
    begun: list[int] = []
    busy, most = 0, 0
    lock = threading.Lock()

    def make(number: int) -> Callable[[FakeProcess], int]:
        def work(_: FakeProcess) -> int:
            nonlocal busy, most
            with lock:
                begun.append(number)
                busy += 1
                most = max(most, busy)
            time.sleep(0.001 * (number % 3))
            with lock:
                busy -= 1
            if number % 7 == 0:
                raise ServiceError(422, f"code-{number}", "A fault of this job.")
            return number

        return work

    async def use(pool: Pool) -> None:
        tasks = [pool.compute(make(number), LONG) for number in range(200)]  # type: ignore[arg-type]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number, result in enumerate(results):
            if number % 7 == 0:
                assert isinstance(result, ServiceError)
                assert result.code == f"code-{number}"
            else:
                assert result == number
        assert pool.waiting == 0

    run(count, 200, use)
    assert most <= count
    assert (begun if count == 1 else sorted(begun)) == list(range(200))


def test_too_many_that_wait_are_refused_at_once() -> None:
    async def use(pool: Pool) -> None:
        go = threading.Event()
        work: Any = lambda _: go.wait(LONG)  # noqa: E731
        accepted = [asyncio.create_task(pool.compute(work, LONG)) for _ in range(3)]
        while pool.waiting < 2:
            await asyncio.sleep(0.001)
        with pytest.raises(ServiceError) as refused:
            await pool.compute(work, LONG)
        assert refused.value.status == 503
        go.set()
        assert await asyncio.gather(*accepted) == [True] * 3

    run(1, 2, use)


def test_no_work_is_done_for_a_client_that_has_gone() -> None:
    calls: list[str] = []

    async def use(pool: Pool) -> None:
        go, has_gone = threading.Event(), False

        async def ask() -> bool:
            return has_gone

        first: Any = lambda _: go.wait(LONG)  # noqa: E731
        tasks = [asyncio.create_task(pool.compute(first, LONG))]
        for name in ("gone", "cancelled", "there"):
            job: Any = partial(_note, calls, name)
            is_abandoned = ask if name == "gone" else None
            tasks.append(asyncio.create_task(pool.compute(job, LONG, is_abandoned)))
        while pool.waiting < 3:
            await asyncio.sleep(0.001)
        tasks[2].cancel()
        has_gone = True
        with pytest.raises(ServiceError, match="has gone"):
            await tasks[1]
        assert pool.waiting == 1
        go.set()
        await tasks[3]

    run(1, 10, use)
    assert calls == ["there"]


def test_a_job_that_takes_too_long_ends_its_own_process_only() -> None:
    async def use(pool: Pool) -> None:
        slow: Any = wait_for_the_end
        fine: Any = lambda process: process  # noqa: E731
        late = asyncio.create_task(pool.compute(slow, 0.2))
        others = [asyncio.create_task(pool.compute(fine, LONG)) for _ in range(20)]
        with pytest.raises(ServiceError) as given_up:
            await late
        assert given_up.value.status == 504
        processes = await asyncio.gather(*others)
        assert not any(process.is_stopped.is_set() for process in processes)
        assert pool.deaths == 1

    run(1, 30, use)


def test_a_job_whose_time_is_over_before_it_begins_is_not_done() -> None:
    calls: list[str] = []

    async def use(pool: Pool) -> None:
        is_started = threading.Event()
        pool.workers[0]._thread.submit(is_started.wait, LONG)  # as a process that starts
        with pytest.raises(ServiceError, match="took longer"):
            await pool.compute(partial(_note, calls, "late"), 0.01)  # type: ignore[arg-type]
        is_started.set()
        await pool.compute(partial(_note, calls, "next"), LONG)  # type: ignore[arg-type]

    run(1, 10, use)
    assert calls == ["next"]


def test_a_job_that_exits_ends_no_server() -> None:
    def leave(_: FakeProcess) -> None:
        raise SystemExit

    async def use(pool: Pool) -> None:
        with pytest.raises(ServiceError) as failed:
            await pool.compute(leave, LONG)  # type: ignore[arg-type]
        assert failed.value.status == 500
        calls: list[str] = []
        await pool.compute(partial(_note, calls, "next"), LONG)  # type: ignore[arg-type]
        assert calls == ["next"]

    run(1, 10, use)


def test_a_timer_that_comes_late_ends_no_other_job() -> None:
    async def use(pool: Pool) -> None:
        begun, go = threading.Event(), threading.Event()

        def work(process: FakeProcess) -> FakeProcess:
            begun.set()
            assert go.wait(LONG)
            return process

        job: Any = work
        answer = asyncio.create_task(pool.compute(job, LONG))
        assert await asyncio.to_thread(begun.wait, LONG)
        (worker,) = pool.workers
        finished = _Request(job, LONG, asyncio.get_running_loop().create_future())
        await asyncio.to_thread(worker.end, finished)
        go.set()
        assert not (await answer).is_stopped.is_set()

    run(1, 1, use)


def test_time_to_wait_does_not_count() -> None:
    async def use(pool: Pool) -> None:
        work: Any = lambda _: time.sleep(0.05)  # noqa: E731
        await asyncio.gather(*[pool.compute(work, 1.0) for _ in range(30)])  # 1.5 s together

    run(1, 30, use)
