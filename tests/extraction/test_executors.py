"""Threads or processes: the same bits, no word from a child, and no child left behind."""

from __future__ import annotations

import gc
import os
import pickle
import signal as signals
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from operator import mul
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Trained, voice
from support.caches import count_rows
from support.deaths import die, die_at, die_differently, die_once, stop_once

from voxaffect.audio import Signal, read
from voxaffect.errors import WorkerError
from voxaffect.extraction import FeatureCache, LocalExecutor, Transform, extract
from voxaffect.extraction.executors import KINDS, _Pace
from voxaffect.features import get_feature_spec
from voxaffect.recognition import predict_many
from voxaffect.training.augmentation.conditions import apply_condition, condition_transform
from voxaffect.training.augmentation.policy import Augmentation, augment, augmentation_transforms

CLASSIC, AFFECT = get_feature_spec("classic"), get_feature_spec("affect")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def two() -> Iterator[LocalExecutor]:
    with LocalExecutor(2, kind="processes") as executor:
        yield executor


def test_the_kind_and_number_of_workers_change_no_bit(recordings: list[Path]) -> None:
    recordings[3].write_bytes(b"words")
    alone = [extract(recordings, spec, workers=1) for spec in (CLASSIC, AFFECT)]
    for kind in KINDS:
        count = 3 if kind == "processes" else 2
        with LocalExecutor(count, kind=kind) as executor:
            for one, spec in zip(alone, (CLASSIC, AFFECT), strict=True):
                found = extract(recordings, spec, workers=executor)
                assert found.matrix.tobytes() == one.matrix.tobytes()
                assert found.failures == one.failures != ()
            assert bool(executor.process_ids) == (kind == "processes")


def test_predictions_are_the_same(
    recordings: list[Path], trained: Trained, two: LocalExecutor
) -> None:
    assert predict_many(recordings, model=trained.model, workers=two) == predict_many(
        recordings, model=trained.model, workers=1
    )
    assert two.process_ids


TRANSFORMS = (
    *augmentation_transforms(Augmentation(), rate_hz=16_000, seed=3)[::3],
    condition_transform("noise 20 dB", rate_hz=16_000, babble=None),
    condition_transform("8 kHz", rate_hz=None, babble=None),
)


@pytest.mark.slow
def test_transformed_recordings_are_the_same(recordings: list[Path], two: LocalExecutor) -> None:
    for transform in TRANSFORMS:
        sent = extract(recordings, CLASSIC, transform=transform, workers=two).matrix
        here = extract(recordings, CLASSIC, transform=transform, workers=1).matrix
        assert sent.tobytes() == here.tobytes()
    assert two.process_ids


@pytest.mark.parametrize(
    "transform", TRANSFORMS, ids=lambda transform: transform.key.partition(",")[0]
)
def test_a_transform_can_be_sent(transform: Transform) -> None:
    assert pickle.loads(pickle.dumps(transform)) == transform


def test_transforms_keep_their_keys_and_numbers(signal: Signal) -> None:
    policy, digest = Augmentation(), bytes(range(32))
    for copy, transform in enumerate(augmentation_transforms(policy, rate_hz=16_000, seed=7)):
        assert transform.key == f"copy {copy}, seed 7, {policy}, babble none"
        index = int.from_bytes(digest[:8], "big")
        expected = augment(signal.samples, 16_000, policy, seed=7, index=index, copy=copy)
        assert np.array_equal(transform.apply(signal, digest).samples, expected)
    condition = condition_transform("reverb", rate_hz=None, babble=None)
    assert condition.key == "condition reverb, version 1"
    expected = apply_condition(signal.samples, 16_000, "reverb", key=digest.hex())
    assert np.array_equal(condition.apply(signal, digest).samples, expected)


def test_a_transform_that_cannot_be_sent_stays_in_threads(
    recordings: list[Path], two: LocalExecutor
) -> None:
    closure = Transform("louder", lambda signal, _: Signal(2 * signal.samples, signal.rate_hz))
    assert len(extract(recordings, CLASSIC, transform=closure, workers=two).matrix) == 12
    assert two.process_ids == ()


def test_a_transform_from_a_module_that_a_process_lacks_stays_in_threads(
    recordings: list[Path], two: LocalExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lacking.py").write_text("def alter(signal, digest): return signal")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        import lacking  # type: ignore[import-not-found]
    transform = Transform("none", lacking.alter)
    found = extract(recordings, CLASSIC, transform=transform, workers=two).matrix
    assert np.array_equal(found, extract(recordings, CLASSIC, workers=1).matrix)


def test_where_no_process_can_start_threads_go_on(
    recordings: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with LocalExecutor(2, kind="processes") as executor:
        assert len(extract(recordings, CLASSIC, workers=executor).matrix) == 12
        assert executor.process_ids == ()


def test_an_application_that_holds_python_inside_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/blender")
    with LocalExecutor(2, kind="processes") as executor:
        assert sorted(executor.map_unordered(abs, [-1, 2])) == [(0, 1), (1, 2)]
        assert executor.process_ids == ()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(WorkerError, match="no workers of kind 'fork'; there are: auto, threads"):
        LocalExecutor(2, kind="fork")


# When processes pay.


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("voxaffect.extraction.executors.monotonic", lambda: now[0])
    monkeypatch.setattr("voxaffect.extraction.executors.START_SECONDS", 0.6)
    return now


@pytest.mark.parametrize(
    ("count", "items", "seconds_each", "expected"),
    [
        (2, 80, 0.01, False),
        (2, 200, 0.01, True),
        (2, 200, 0.002, False),
        (2, 2000, 0.002, True),
        (2, 12, 0.1, False),
        (2, 20, 1.0, True),
        (8, 100, 0.01, True),
        (1, 10**6, 1.0, False),
    ],
)
def test_processes_start_if_more_is_left_than_they_cost(
    clock: list[float], count: int, items: int, seconds_each: float, expected: bool
) -> None:
    pace = _Pace(count)
    pace.expect(items)
    clock[0] += 1  # the first is slow, and tells nothing
    pace.count_one()
    for _ in range(4):
        clock[0] += seconds_each
        pace.count_one()
    assert pace.is_worth_processes() == expected


def test_a_single_long_item_tells_the_pace(clock: list[float]) -> None:
    pace = _Pace(2)
    pace.expect(2)
    assert not pace.is_worth_processes()
    clock[0] += 14
    pace.count_one()
    assert pace.is_worth_processes()


def test_work_of_the_caller_counts(clock: list[float]) -> None:
    pace = _Pace(2)
    pace.expect(10)
    for _ in range(6):
        clock[0] += 0.01
        pace.count_one()
    assert not pace.is_worth_processes()
    pace.further_seconds = 5
    assert pace.is_worth_processes()


def test_much_work_moves_to_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxaffect.extraction.executors.START_SECONDS", 0.05)
    with LocalExecutor(2) as executor:
        assert dict(executor.map_unordered(time.sleep, [0.01] * 60)) == dict.fromkeys(range(60))
        assert 1 <= len(executor.process_ids) <= 2


def test_work_that_stays_in_threads_is_never_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    def pack_function(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("voxaffect.extraction.executors.pack_function", pack_function)
    with LocalExecutor(2) as executor:
        assert list(executor.map(abs, [-1, -2])) == [1, 2]


def test_a_child_of_joblib_starts_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxaffect.extraction.executors.START_SECONDS", 0.0)
    monkeypatch.setattr("multiprocessing.process.parent_process", object)
    with LocalExecutor(2) as executor:
        assert len(list(executor.map_unordered(time.sleep, [0.01] * 30))) == 30
        assert executor.process_ids == ()


# What goes wrong in a process.


@pytest.mark.parametrize(
    ("work", "item", "error"),
    [(int, "x", ValueError), (partial(mul, {}), 2, TypeError), (partial(Lock), (), TypeError)],
)
def test_what_a_process_raises_is_raised(
    two: LocalExecutor, work: Callable[[object], object], item: object, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        list(two.map_unordered(work, [item]))
    assert "in a worker process" in raised.value.__notes__[0]


def test_what_a_process_prints_comes_not_between(two: LocalExecutor) -> None:
    assert list(two.map_unordered(print, ["words"])) == [(0, None)]
    assert list(two.map_unordered(partial(os.write, 1), [b"words"])) == [(0, 5)]


@POSIX
@pytest.mark.parametrize(
    ("work", "item", "ending"),
    [
        (
            signals.raise_signal,
            int(signals.SIGKILL),
            "a worker process was ended twice by SIGKILL; memory may have run out. Try "
            "--workers 1, or --max-seconds.",
        ),
        (
            signals.raise_signal,
            int(signals.SIGSEGV),
            "a worker process was ended twice by SIGSEGV. Convert the recording to WAV, or leave "
            "it out.",
        ),
        (
            os._exit,
            3,
            "a worker process ended twice with exit code 3. Convert the recording to WAV, or leave "
            "it out.",
        ),
    ],
)
def test_an_item_that_ends_two_processes_is_an_error_with_a_way_out(
    two: LocalExecutor, work: Callable[[object], object], item: object, ending: str
) -> None:
    ((index, error),) = two.map_unordered(work, [item])
    assert (index, str(error)) == (0, ending)
    assert isinstance(error, WorkerError)


@POSIX
def test_an_item_that_ends_one_process_is_done_in_another(
    two: LocalExecutor, tmp_path: Path
) -> None:
    work = partial(die_once, str(tmp_path / "died"))
    assert sorted(two.map_unordered(work, [1, 2, 3])) == [(0, 1), (1, 2), (2, 3)]
    assert (tmp_path / "died").exists()


@POSIX
def test_the_error_of_two_endings_names_both(two: LocalExecutor, tmp_path: Path) -> None:
    ((_, error),) = two.map_unordered(partial(die_differently, str(tmp_path / "died")), ["a.wav"])
    assert str(error) == (
        "a.wav: its worker process ended with exit code 3, a second one was ended by SIGKILL; "
        "memory may have run out. Try --workers 1, or --max-seconds."
    )


@POSIX
def test_an_item_without_a_name_stays_out_of_the_message(two: LocalExecutor) -> None:
    ((_, error),) = two.map_unordered(die, [np.zeros((60, 60))])
    assert str(error).startswith("a worker process was ended twice by SIGKILL")
    assert "\n" not in str(error)


def test_memory_that_runs_out_in_a_process_ends_no_process(two: LocalExecutor) -> None:
    with pytest.raises(MemoryError):
        list(two.map_unordered(bytes, [2**62]))
    (child,) = two.process_ids
    assert list(two.map_unordered(bytes, [1])) == [(0, b"\0")]
    assert child in two.process_ids


def test_where_a_process_cannot_begin_threads_go_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("voxaffect.runtime.processes._PROGRAM", "import no_such_module")
    with LocalExecutor(2, kind="processes") as executor:
        assert list(executor.map_unordered(abs, [-1])) == [(0, 1)]
        assert executor.process_ids == ()
    assert "no_such_module" in capfd.readouterr().err


def test_what_python_prints_when_it_starts_comes_before_the_replies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from voxaffect.runtime.processes import _PROGRAM

    program = f"import sys; print('hello', end='\\0vox', flush=True); {_PROGRAM}"
    monkeypatch.setattr("voxaffect.runtime.processes._PROGRAM", program)
    with LocalExecutor(2, kind="processes") as executor:
        assert list(executor.map_unordered(abs, [-1])) == [(0, 1)]
        assert executor.process_ids


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the limits on processes that do not answer short."""
    for name, seconds in (("CHECK", 0.05), ("START_LIMIT", 0.3), ("STOP_LIMIT", 0.3)):
        monkeypatch.setattr(f"voxaffect.runtime.processes.{name}_SECONDS", seconds)


@pytest.mark.usefixtures("brief")
def test_where_a_process_never_gets_ready_threads_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import time; time.sleep(100)"
    monkeypatch.setattr("voxaffect.runtime.processes._PROGRAM", program)
    with LocalExecutor(2, kind="processes") as executor:
        assert sorted(executor.map_unordered(abs, [-1, -2])) == [(0, 1), (1, 2)]
        assert executor.process_ids == ()


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system does not tell what is stopped")
def test_what_a_stopped_process_was_at_is_done_in_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with LocalExecutor(2, kind="processes") as executor:
        assert list(executor.map_unordered(abs, [-1])) == [(0, 1)]
        for name, seconds in (("CHECK", 0.05), ("STOP_LIMIT", 0.3)):
            monkeypatch.setattr(f"voxaffect.runtime.processes.{name}_SECONDS", seconds)
        work = partial(stop_once, str(tmp_path / "stopped"))
        assert list(executor.map_unordered(work, [5])) == [(0, 5)]
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize("allowed", [0, 1])
def test_where_the_system_allows_no_more_threads_the_calling_one_works(
    monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    real, begun = Thread.start, []

    def start(self: Thread) -> None:
        if len(begun) == allowed:
            raise RuntimeError("can't start new thread")
        begun.append(self)
        real(self)

    monkeypatch.setattr(Thread, "start", start)
    with LocalExecutor(3, kind="processes" if allowed else "threads") as executor:
        assert dict(executor.map_unordered(abs, range(-9, 0))) == dict(enumerate(range(9, 0, -1)))
        assert list(executor.map(abs, [-1, -2])) == [1, 2]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # of Python 3.12
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_workers_serve_a_forked_process_too(two: LocalExecutor) -> None:
    assert dict(two.map_unordered(abs, [-1, -2])) == {0: 1, 1: 2}
    before = two.process_ids
    assert fork(lambda: dict(two.map_unordered(abs, [-3])) == {0: 3}) == 0
    assert two.process_ids == before
    assert dict(two.map_unordered(abs, [-4])) == {0: 4}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # of Python 3.12
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_in_the_middle_of_work_is_an_error_in_the_child(two: LocalExecutor) -> None:
    outcomes = two.map_unordered(time.sleep, [0.0, 0.2, 0.2, 0.2])
    next(outcomes)

    def go_on() -> bool:
        with pytest.raises(WorkerError, match="the process was forked during this work"):
            list(outcomes)
        return True

    assert fork(go_on) == 0
    assert len(list(outcomes)) == 3


def fork(work: Callable[[], bool], *, seconds: int = 20) -> int:
    """Exit code of a forked process that does some work: 0 if it is true, a signal if it hangs."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signals.alarm(seconds)
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_is_no_failure(
    recordings: list[Path], error: type[BaseException]
) -> None:
    def alter(_signal: Signal, _digest: bytes) -> Signal:
        raise error

    with pytest.raises(error):
        extract(recordings, CLASSIC, transform=Transform("end", alter), workers=1)


@POSIX
def test_workers_that_nobody_stops_end_when_they_are_forgotten() -> None:
    executor = LocalExecutor(2, kind="processes")
    assert list(executor.map_unordered(abs, [-1])) == [(0, 1)]
    (child,) = executor.process_ids
    del executor
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_workers_that_were_stopped_say_so() -> None:
    with LocalExecutor(2) as executor:
        pass
    with pytest.raises(WorkerError, match="this executor was shut down"):
        list(executor.map_unordered(abs, [-1]))


@pytest.mark.parametrize("count", [-1, 0, "2", 1.5])
def test_a_number_of_workers_that_is_none_is_refused(recordings: list[Path], count: Any) -> None:
    with pytest.raises(WorkerError, match="workers: expected at least 1"):
        extract(recordings, CLASSIC, workers=count)


def test_a_service_without_standard_error_extracts(
    recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert len(extract(recordings, CLASSIC).matrix) == 12


@pytest.mark.slow
@POSIX
def test_recordings_whose_processes_die_are_listed_and_the_others_kept(
    recordings: list[Path], tmp_path: Path
) -> None:
    bad = [recordings[3], recordings[7]]
    good = [path for path in recordings if path not in bad]
    database = tmp_path / "cache" / "features.sqlite"
    with FeatureCache(database) as cache, LocalExecutor(2, kind="processes") as executor:
        found = extract(recordings, CLASSIC, transform=deadly(*bad), workers=executor, cache=cache)
        assert count_rows(database) == len(good)
    assert [failure.path for failure in found.failures] == bad
    assert [failure.reason for failure in found.failures] == [
        f"{path}: its worker process was ended twice by SIGKILL; memory may have run out. "
        "Try --workers 1, or --max-seconds."
        for path in bad
    ]
    assert found.matrix.tobytes() == extract(good, CLASSIC).matrix.tobytes()


def deadly(*paths: Path) -> Transform:
    """Return what ends the process that reads one of some recordings."""
    return Transform("deadly", partial(die_at, [str(path) for path in paths], os.getpid()))


def many(folder: Path, *, count: int) -> list[Path]:
    """Write recordings, no two alike."""
    paths = [folder / f"{number:03}.wav" for number in range(count)]
    sound = np.tile(voice(1, rate_hz=48_000), 5)
    for number, path in enumerate(paths):
        soundfile.write(path, np.roll(sound, 97 * number), 48_000, subtype="PCM_16")
    return paths


# Whole programs.

SCRIPT = """
import sys
from pathlib import Path
from voxaffect.extraction import FeatureCache, LocalExecutor, extract
from voxaffect.features import get_feature_spec
print("begun", flush=True)
paths = sorted(Path(sys.argv[1]).glob("*.wav"))
with FeatureCache(Path(sys.argv[2])) as cache, LocalExecutor(2, kind="processes") as executor:
    for place, result in executor.map_unordered(len, ["the", "processes"]):
        print(*executor.process_ids, flush=True)
    print(extract(paths, get_feature_spec("affect"), cache=cache, workers=executor).matrix.shape)
"""


def started(folder: Path, database: Path) -> subprocess.Popen[str]:
    script = folder / "script.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, script, folder, database],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def is_running(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_a_script_without_a_guard_runs_once(recordings: list[Path], tmp_path: Path) -> None:
    out, err = started(tmp_path, tmp_path / "cache.sqlite").communicate(timeout=120)
    assert out.count("begun") == 1
    assert f"(12, {len(extract(recordings[:1], AFFECT).matrix[0])})" in out
    assert err == ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("ending", [signals.SIGINT, signals.SIGKILL, signals.SIGTERM])
def test_an_ended_program_leaves_no_process_and_a_good_cache(
    tmp_path: Path, ending: signals.Signals
) -> None:
    paths, database = many(tmp_path, count=160), tmp_path / "cache.sqlite"
    program = started(tmp_path, database)
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    processes = {*map(int, (program.stdout.readline() + program.stdout.readline()).split())}
    assert all(map(is_running, processes))
    deadline = time.monotonic() + 60
    while not count_rows(database):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(program.pid, ending)
    _, err = program.communicate(timeout=120)
    assert program.returncode == -ending
    assert err.count("Traceback") == (ending == signals.SIGINT)  # the program's own
    while any(map(is_running, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    saved = count_rows(database)
    assert 0 < saved < len(paths)
    with FeatureCache(database) as cache:
        found = extract(paths[:8], AFFECT, cache=cache).matrix
    assert np.array_equal(found, extract(paths[:8], AFFECT).matrix)


ISOLATED = """
import sys
from voxaffect.extraction import LocalExecutor
with LocalExecutor(2, kind="processes") as executor:
    ((_, flags),) = executor.map_unordered(eval, ["__import__('sys').flags[:]"])
    assert flags == sys.flags[:], flags
"""


@pytest.mark.parametrize(
    "options",
    [["-I"], ["-E", "-X", "utf8"], ["-P", "-O", "-W", "error"], ["-OO", "-B"]],
    ids=" ".join,
)
def test_a_worker_has_the_options_of_its_parent(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "sitecustomize.py").write_text("import pathlib; pathlib.Path('ran').touch()")
    done = subprocess.run(
        [sys.executable, *options, "-c", ISOLATED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ignores = {"-I", "-E"} & {*options}
    assert (tmp_path / "ran").exists() == (not ignores)


def test_signals_are_read_from_where_the_caller_stands(
    recordings: list[Path], two: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recordings[0].parent)
    found = extract([recordings[0].name, "gone.wav"], CLASSIC, workers=two)
    assert found.failures[0].reason.startswith("gone.wav: no such file")
    assert len(found.matrix) == 1
    assert read(recordings[0].name).name == recordings[0].name


EVALUATION = """
import os, sys, time
import numpy as np
from pathlib import Path
from sklearn.dummy import DummyClassifier
from voxaffect.corpora import Utterance
from voxaffect.evaluation import evaluate_estimator, runner as runs

class Slow(DummyClassifier):
    def fit(self, matrix, y):
        with open(sys.argv[1], "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(90)

if __name__ == "__main__":
    spoken = [Utterance(Path(f"{n}.wav"), "mine", "ab"[n % 2], speaker=f"{n // 4}")
              for n in range(24)]
    runs._SMALL = 0
    evaluate_estimator(Slow(), np.zeros((24, 3), np.float32), spoken, protocol="loso", workers=2,
             allow_leaks=True)
"""

KILLED_FOLD = """
import os, signal, sys
import numpy as np
from pathlib import Path
from sklearn.dummy import DummyClassifier
from voxaffect.corpora import Utterance
from voxaffect.evaluation import evaluate_estimator, runner as runs

def deaths():
    return os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])

class Deadly(DummyClassifier):
    def fit(self, matrix, y):
        if os.getpid() != int(os.environ["PARENT"]) and deaths() < int(sys.argv[2]):
            with open(sys.argv[1], "a") as file:
                file.write(".")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(matrix, y)

if __name__ == "__main__":
    os.environ["PARENT"] = str(os.getpid())
    spoken = [Utterance(Path(f"{n}.wav"), "mine", "ab"[n % 2], speaker=f"{n // 4}")
              for n in range(8)]
    runs._SMALL = 0
    found = evaluate_estimator(Deadly(), np.zeros((8, 3), np.float32), spoken, protocol="loso",
                     workers=2, allow_leaks=True)
    print(len(found.folds))
"""


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("deaths", [1, 4], ids=["once", "always"])
def test_folds_whose_process_was_killed_are_computed_all_the_same(
    tmp_path: Path, deaths: int
) -> None:
    script = tmp_path / "deadly.py"
    script.write_text(KILLED_FOLD)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "died", f"{deaths}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert len((tmp_path / "died").read_text()) == deaths
    assert done.stdout == "2\n", done.stderr
    assert done.stderr.count("a worker process was ended twice") == deaths // 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_folds_that_a_killed_evaluation_had_begun_end(tmp_path: Path) -> None:
    begun, script, deadline = tmp_path / "begun", tmp_path / "long.py", time.monotonic() + 60
    script.write_text(EVALUATION)
    begun.touch()
    program = subprocess.Popen([sys.executable, script, begun])
    while len(begun.read_text().split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    program.kill()
    program.wait()
    processes = [*map(int, begun.read_text().split())]
    while any(map(is_running, processes)):
        assert time.monotonic() < deadline  # a fold sleeps for longer
        time.sleep(0.05)
