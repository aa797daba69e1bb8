"""A Dask cluster of real processes on the loopback gives the tables of this machine."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import soundfile

from voxaffect.errors import WorkerError
from voxaffect.scaling import write_dataset
from voxaffect.scaling.run import DatasetReport

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow
MODEL = "fast"
START_SECONDS = 120.0


@dataclass(frozen=True)
class Host:
    """Host of a worker, and the address of the scheduler from there."""

    name: str
    address: str = "127.0.0.1"
    gateway: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()


class Cluster:
    """Scheduler and two workers, each a program of its own.

    Parameters
    ----------
    folder : Path
    hosts : sequence of Host
        Of the workers.
    port : int
        Of the scheduler; any by default.
    """

    def __init__(self, folder: Path, hosts: Sequence[Host], port: int = 0) -> None:
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        own = "127.0.0.1" if hosts[0].gateway == "127.0.0.1" else "0.0.0.0"
        log = self._start("scheduler", "--host", own, "--port", str(port), "--no-dashboard")
        self.port = self._wait_for(log, rb"Scheduler at: +tcp://\S+:(\d+)")
        self.address = f"tcp://{hosts[0].gateway}:{self.port}"
        self.workers = [self.start_worker(host) for host in hosts]

    def start_worker(self, host: Host) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until the scheduler knows it."""
        place = ("--local-directory", str(self._folder / host.name))
        options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", host.address)
        scheduler = f"tcp://{host.gateway}:{self.port}"
        log = self._start("worker", scheduler, *place, *options, prefix=host.prefix)
        self._wait_for(log, rb"Registered to: +(\S+)")
        return self.processes[-1]

    def _start(self, program: str, *options: str, prefix: Sequence[str] = ()) -> Path:
        log = self._folder / f"{program}-{len(self.processes)}.log"
        module = f"distributed.cli.dask_{program}"
        command = [*prefix, sys.executable, "-m", module, *options]
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return log

    def _wait_for(self, log: Path, pattern: bytes) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if match := re.search(pattern, log.read_bytes()):
                return match[1].decode()
            time.sleep(0.1)
        raise TimeoutError(log.read_text())

    def stop(self) -> None:
        """End all processes."""
        for process in reversed(self.processes):
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Cluster on the loopback."""
    started = Cluster(tmp_path, [Host("first"), Host("second")])
    yield started
    started.stop()


@pytest.fixture
def namespaces() -> Iterator[list[Host]]:
    """Two network namespaces, each with a link to this one and nothing else."""
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("needs root and ip to make network namespaces")

    def run(command: str) -> None:
        subprocess.run(["ip", *command.split()], check=True, capture_output=True)

    hosts = []
    try:
        for number in (1, 2):
            name, link = f"va{os.getpid()}n{number}", f"va{number}-{os.getpid() % 10_000}"
            host, gateway = (f"10.203.{number}.{end}" for end in (2, 1))
            try:
                run(f"netns add {name}")
            except subprocess.CalledProcessError:
                pytest.skip("network namespaces are not allowed here")
            hosts.append(Host(name, host, gateway, ("ip", "netns", "exec", name)))
            run(f"link add {link} type veth peer name eth0 netns {name}")
            run(f"address add {gateway}/24 dev {link}")
            run(f"link set {link} up")
            for step in (f"address add {host}/24 dev eth0", "link set eth0 up", "link set lo up"):
                run(f"-n {name} {step}")
        yield hosts
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "delete", host.name], check=False)


@pytest.fixture
def calls(tmp_path: Path) -> list[str]:
    """Forty different recordings."""
    samples, rate_hz = soundfile.read(files("voxaffect") / "data" / "example.wav", dtype="int16")
    paths = []
    for number in range(40):
        path = tmp_path / f"{number:02d}.wav"
        soundfile.write(path, samples[: len(samples) - 100 * number], rate_hz)
        paths.append(str(path))
    return paths


def read_parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


def kill_at(report_recordings: int, kill: Callable[[], object]) -> Callable[[DatasetReport], None]:
    """Function that kills something when so many recordings are done."""
    done: list[bool] = []

    def check(report: DatasetReport) -> None:
        if report.recordings >= report_recordings and not done:
            done.append(True)
            kill()

    return check


def test_serial_processes_and_a_cluster_give_equal_files(
    cluster: Cluster, calls: list[str], tmp_path: Path
) -> None:
    options = {"model": MODEL, "part_rows": 4}
    write_dataset(calls, tmp_path / "serial", workers=1, **options)
    write_dataset(calls, tmp_path / "local", workers=2, **options)
    write_dataset(calls, tmp_path / "cluster", scheduler=cluster.address, **options)
    serial = read_parts(tmp_path / "serial")
    assert len(serial) == 10
    assert serial == read_parts(tmp_path / "local") == read_parts(tmp_path / "cluster")


def test_relative_names_are_those_of_the_client(
    cluster: Cluster, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.csv").write_text("path\n" + "\n".join(Path(one).name for one in calls[:4]))
    common = {"model": MODEL, "scheduler": cluster.address}
    assert write_dataset("calls.csv", "table", **common).recordings == 4
    names = [Path(one).name for one in calls[:4]]
    assert write_dataset(names, "files", **common).recordings == 4
    assert len([*tmp_path.glob("*/part-*")]) == 2


def test_workers_behind_a_network_give_equal_files(
    namespaces: list[Host], calls: list[str], tmp_path: Path
) -> None:
    options = {"model": MODEL, "part_rows": 4}
    write_dataset(calls, tmp_path / "serial", workers=1, **options)
    cluster = Cluster(tmp_path, namespaces)
    try:
        write_dataset(calls, tmp_path / "cluster", scheduler=cluster.address, **options)
    finally:
        cluster.stop()
    assert read_parts(tmp_path / "serial") == read_parts(tmp_path / "cluster")


def test_a_killed_worker_loses_no_recording(
    cluster: Cluster, calls: list[str], tmp_path: Path
) -> None:
    options = {"model": MODEL, "part_rows": 2}
    kill = kill_at(4, lambda: cluster.workers[0].send_signal(signal.SIGKILL))
    report = write_dataset(
        calls, tmp_path / "out", scheduler=cluster.address, on_progress=kill, **options
    )
    assert (report.recordings, report.failed) == (40, 0)
    write_dataset(calls, tmp_path / "serial", workers=1, **options)
    assert read_parts(tmp_path / "out") == read_parts(tmp_path / "serial")


def test_after_the_scheduler_is_lost_another_run_does_the_rest(
    cluster: Cluster, calls: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"model": MODEL, "part_rows": 2}
    kill = kill_at(4, lambda: cluster.processes[0].send_signal(signal.SIGKILL))
    with pytest.raises(WorkerError, match="run the command again"):
        write_dataset(
            calls, tmp_path / "out", scheduler=cluster.address, on_progress=kill, **options
        )
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    report = write_dataset(calls, tmp_path / "out", workers=1, **options)
    assert report.kept >= 4
    assert report.kept + report.recordings == 40
    write_dataset(calls, tmp_path / "serial", workers=1, **options)
    assert read_parts(tmp_path / "out") == read_parts(tmp_path / "serial")


def test_a_result_that_is_lost_on_its_way_ends_the_run(
    cluster: Cluster, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client
    from distributed.comm import CommClosedError

    async def lose(*_: object, **__: object) -> None:
        raise CommClosedError("Stream is closed")

    monkeypatch.setattr(Client, "_gather_remote", lose)
    with pytest.raises(WorkerError, match="connection to the scheduler was lost"):
        write_dataset(calls, tmp_path / "out", model=MODEL, scheduler=cluster.address)


def test_a_scheduler_that_is_started_again_gets_only_what_is_left(
    cluster: Cluster, calls: list[str], tmp_path: Path
) -> None:
    options = {"model": MODEL, "part_rows": 2, "scheduler": cluster.address}
    started: list[Cluster] = []

    def restart() -> None:
        cluster.processes[0].kill()
        cluster.processes[0].wait()
        (tmp_path / "again").mkdir()
        started.append(Cluster(tmp_path / "again", [Host("third"), Host("fourth")], cluster.port))

    try:
        with pytest.raises(WorkerError, match=r"scheduler was lost.* start both again") as raised:
            write_dataset(calls, tmp_path / "out", on_progress=kill_at(4, restart), **options)
        assert str(raised.value).startswith(cluster.address)
        for worker in cluster.workers:
            worker.wait(START_SECONDS)  # they end with their scheduler
        report = write_dataset(calls, tmp_path / "out", **options)
        assert report.kept >= 4
        assert report.kept + report.recordings == 40
    finally:
        for again in started:
            again.stop()
    write_dataset(calls, tmp_path / "serial", model=MODEL, part_rows=2, workers=1)
    assert read_parts(tmp_path / "out") == read_parts(tmp_path / "serial")


def test_an_address_without_a_scheduler_is_refused(calls: list[str], tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="no scheduler of Dask answers"):
        write_dataset(calls, tmp_path / "out", model=MODEL, scheduler="tcp://127.0.0.1:9")
