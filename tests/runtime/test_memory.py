"""Freed memory stays with a worker of Dask while it computes, and only with one."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from voxaffect.runtime.memory import VARIABLE, keep_freed_memory

PROGRAM = """
import resource, sys
import numpy as np
import distributed.worker
from voxaffect.runtime.memory import keep_freed_memory

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(1 << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "worker":
    distributed.worker.Worker._instances = {object()}
count_faults()
with keep_freed_memory():
    count_faults()
    inside = count_faults()
print(inside, count_faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc"
)
@pytest.mark.parametrize("role", ["worker", "client"])
def test_a_worker_of_dask_asks_for_memory_once_inside_the_block(role: str) -> None:
    pytest.importorskip("distributed")
    command = [sys.executable, "-c", PROGRAM, role]
    output = subprocess.check_output(command, env={VARIABLE: "65536"}, text=True)
    inside, after = map(int, output.split())
    assert after > 40_000  # 100 arrays of 2 MiB
    assert inside < 1_000 if role == "worker" else inside > 40_000


def test_without_the_variable_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxaffect.runtime.memory._open_library", lambda: pytest.fail("opened"))
    monkeypatch.delenv(VARIABLE, raising=False)
    with keep_freed_memory():
        pass
