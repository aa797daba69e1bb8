"""Any executor of the caller's does the work, and large arrays are shared by all processes."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import Trained
from support.deaths import die_once

from voxaffect.extraction import LocalExecutor, extract, open_executor
from voxaffect.features import get_feature_spec
from voxaffect.recognition import predict_many, timeline
from voxaffect.runtime.tasks import pack_function, unpack_function

CLASSIC = get_feature_spec("classic")


def make_executor(kind: str) -> Executor:
    if kind == "threads":
        return ThreadPoolExecutor(2)
    return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_of_the_callers_gives_the_same_results(
    recordings: list[Path], trained: Trained, kind: str
) -> None:
    expected = extract(recordings, CLASSIC, workers=1).matrix
    with make_executor(kind) as executor:
        assert extract(recordings, CLASSIC, workers=executor).matrix.tobytes() == expected.tobytes()
        batch = predict_many(recordings, model=trained.model, workers=executor)
        lines = timeline(recordings[0], model=trained.model, workers=executor)
        assert executor.submit(abs, -1).result() == 1  # its owner shuts it down
    assert batch == predict_many(recordings, model=trained.model, workers=1)
    assert lines == timeline(recordings[0], model=trained.model, workers=1)


def test_what_a_broken_executor_has_lost_is_computed_all_the_same(tmp_path: Path) -> None:
    work = partial(die_once, str(tmp_path / "died"))
    with make_executor("processes") as given, open_executor(given) as executor:
        assert sorted(executor.map_unordered(work, range(9))) == [(n, n) for n in range(9)]
        assert (tmp_path / "died").exists()
        assert sorted(executor.map_unordered(abs, [-1, -2])) == [(0, 1), (1, 2)]


def add(array: np.ndarray, other: np.ndarray, number: float) -> tuple[float, bool]:
    return float(array.sum() + other.sum() + number), array.flags.writeable


@pytest.mark.slow
def test_large_arrays_are_sent_once_in_a_file_that_goes_with_the_executor() -> None:
    large, other = np.arange(300_001.0), np.ones((3, 100_001), order="F")
    function = partial(np.add, large, other[0, 0])
    packed = pack_function(function, by_value=False)
    assert packed is not None
    assert len(packed.content) < 1000
    assert np.array_equal(unpack_function(packed)(), large + 1)
    Path(packed.path).unlink()
    with LocalExecutor(2, kind="processes", by_value=True) as executor:
        results = dict(executor.map_unordered(partial(add, large, other), [1.0, 2.0]))
        (path,) = executor._files
        assert executor.process_ids
        assert Path(path).stat().st_mode & 0o077 == 0
    total = float(large.sum() + other.sum())
    assert results == {0: (total + 1, False), 1: (total + 2, False)}
    assert not Path(path).exists()


KILLED = """
import os, signal, time
from functools import partial
import numpy as np
from voxaffect.extraction import LocalExecutor
executor = LocalExecutor(2, kind="processes")
print(list(executor.map_unordered(partial(np.add, np.zeros(300_000)), [1.0]))[0][0], flush=True)
print(*executor._files, *executor.process_ids, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_a_killed_program_leaves_no_file_no_process_and_no_word() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    path, process = done.stdout.splitlines()[1].split()
    deadline = time.monotonic() + 30
    while Path(path).exists() or Path(f"/proc/{process}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_functions_of_the_caller_can_be_sent_by_value() -> None:
    factor = 3
    with LocalExecutor(2, kind="processes", by_value=True) as executor:
        results = sorted(executor.map_unordered(lambda number: factor * number, [1, 2]))
        assert executor.process_ids
    assert results == [(0, 3), (1, 6)]
