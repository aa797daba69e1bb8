"""One failure is one failure: whatever goes wrong with one recording, the others are answered."""

from __future__ import annotations

import errno
import io
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, Trained, voice
from support.deaths import DieAtWindow

from voxaffect import diagnosis, recognition
from voxaffect.audio import Signal, read
from voxaffect.errors import AudioError, ModelError
from voxaffect.extraction import Failure, LocalExecutor, Transform, describe_failure, extract
from voxaffect.extraction.sources import Named, batch_items, compute_digest, name_sources
from voxaffect.features import get_feature_spec
from voxaffect.recognition import predict, predict_many, tasks, timeline, timeline_many, utterance
from voxaffect.recognition.adaptation import Adaptation
from voxaffect.recognition.timelines.offline import run_timelines

CLASSIC = get_feature_spec("classic")
BAD = 4
ERRORS = [
    (MemoryError(), "memory ran out. Use fewer workers (--workers 1), or cut the recording."),
    (OSError(errno.EIO, "Input/output error"), "cannot be used (Input/output error)."),
    (RecursionError("too deep"), "unexpected RecursionError"),
    (ValueError("a line\nand another"), "a line and another. This is a fault of voxaffect or of"),
    (AudioError("odd"), "odd"),
]
STAGES = ["open_item", "has_speech", "compute_features"]


def raise_at(monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException, name: str) -> None:
    """Let a stage of the work on one recording raise an error."""
    module, bad = utterance, read(name).samples
    real = getattr(module, stage)

    def fail(source: Any, *arguments: Any, **options: Any) -> Any:
        is_bad = np.array_equal(source, bad) if isinstance(source, np.ndarray) else False
        if is_bad or name in (str(source), getattr(source, "name", "")):
            raise error
        return real(source, *arguments, **options)

    monkeypatch.setattr(module, stage, fail)


@pytest.mark.parametrize(("error", "reason"), ERRORS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("stage", STAGES)
def test_whatever_is_raised_is_the_failure_of_its_recording(
    recordings: list[Path],
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    error: Exception,
    reason: str,
) -> None:
    expected = predict_many(recordings, model=trained.model).results
    raise_at(monkeypatch, stage, error, str(recordings[BAD]))
    with LocalExecutor(2, kind="threads") as executor:  # a process would not raise it
        batch = predict_many(recordings, model=trained.model, workers=executor)
    assert batch.results == expected[:BAD] + expected[BAD + 1 :]
    (failure,) = batch.failures
    assert failure.path == recordings[BAD]
    assert failure.reason.startswith(f"{recordings[BAD]}: ")
    assert reason in failure.reason
    assert "\n" not in failure.reason


def test_a_model_that_cannot_answer_for_one_recording_answers_for_the_others(
    recordings: list[Path], trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = read(recordings[BAD])
    vector = extract([recordings[BAD]], trained.model.card.spec).matrix
    real = type(trained.model).probabilities

    def fail(model: Any, matrix: Any) -> Any:
        if np.array_equal(matrix, vector):
            raise ModelError("its graph cannot be run (std::bad_alloc).")
        return real(model, matrix)

    monkeypatch.setattr(type(trained.model), "probabilities", fail)
    batch = predict_many(recordings, model=trained.model)
    assert [failure.reason for failure in batch.failures] == [
        f"{bad.name}: its graph cannot be run (std::bad_alloc)."
    ]
    assert len(batch.results) == 11


def test_an_adaptation_of_other_features_ends_the_batch_at_once(
    recordings: list[Path], trained: Trained
) -> None:
    adaptation = Adaptation(np.zeros(3), np.ones(3), 8, get_feature_spec("affect"))
    with pytest.raises(ModelError, match="the adaptation was measured with other features"):
        predict_many(recordings, model=trained.model, adapt=adaptation)


def test_an_unexpected_error_names_its_type_and_line() -> None:
    try:
        {}["key"]
    except KeyError as error:
        reason = describe_failure(error, "a.wav")
    assert reason.startswith("a.wav: unexpected KeyError (test_one_failure.py, line ")
    assert reason.endswith("'key'. This is a fault of voxaffect or of a library: please report it.")
    assert describe_failure(KeyError(), "x") == (
        "x: unexpected KeyError: no message. This is a fault of voxaffect or of a library: please "
        "report it."
    )


def test_a_timeline_that_fails_leaves_the_others(
    recordings: list[Path], trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(reader: Any, *arguments: Any, **options: Any) -> Any:
        if reader.recording.name == str(recordings[BAD]):
            raise MemoryError
        return run_timelines(reader, *arguments, **options)

    monkeypatch.setattr(tasks, "run_timelines", fail_once)
    found = timeline_many(recordings[:6], model=trained.model)
    assert found.files == 5
    (failure,) = found.failures
    assert failure.reason == (
        f"{recordings[BAD]}: memory ran out. Use fewer workers (--workers 1), or cut the recording."
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_window_whose_process_dies_is_described_in_another(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.concatenate([voice(seed, seconds=4.0) for seed in range(3)])
    recording = Signal(samples, RATE_HZ, "long")
    expected = timeline(recording, model=trained.model, workers=1)
    monkeypatch.setattr(
        "voxaffect.recognition.timelines.segmentation.extract_speech_features",
        DieAtWindow(tmp_path / "died"),
    )
    with LocalExecutor(2, kind="processes") as executor:
        assert timeline(recording, model=trained.model, workers=executor) == expected
    assert (tmp_path / "died").exists()


# Recordings of every kind, under names.


def content_of(seed: int) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, voice(seed), RATE_HZ, format="WAV", subtype="PCM_16")
    return stream.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_recordings_of_every_kind_are_predicted_under_their_names(
    recordings: list[Path], trained: Trained, kind: str
) -> None:
    sources = [
        recordings[0],
        str(recordings[1]),
        ("s3://bucket//two.wav", recordings[2]),
        content_of(3),
        ("four", content_of(4)),
        io.BytesIO(content_of(5)),
        ("six", io.BytesIO(content_of(6))),
        voice(7),
        ("eight", np.stack([voice(8)] * 2, axis=1)),
        Signal(voice(9), RATE_HZ, "nine"),
        ("ten", Signal(voice(10), RATE_HZ, "other")),
    ]
    names = [
        *map(str, recordings[:2]),
        "s3://bucket//two.wav",
        "<bytes 3>",
        "four",
        "<bytes 5>",
        "six",
        "<array 7>",
        "eight",
        "nine",
        "ten",
    ]
    with LocalExecutor(2, kind=kind) as executor:
        batch = predict_many(sources, rate_hz=RATE_HZ, model=trained.model, workers=executor)
        assert bool(executor.process_ids) == (kind == "processes")
    assert batch.failures == ()
    assert [prediction.source for prediction in batch.results] == names
    bits = [predict(path, model=trained.model).probabilities for path in recordings[:7]]
    assert [prediction.probabilities for prediction in batch.results[:7]] == bits


def test_what_is_wrong_with_one_source_is_its_failure(trained: Trained) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise ConnectionError("the server has gone")

    sources = [
        ("good", content_of(0)),
        ("cut", content_of(1)[:3000]),
        ("text", b"words"),
        ("gone", Broken()),
        ("odd", 7),
        ("empty", b""),
        voice(2),
        ("nowhere", Path("gone.wav")),
        ("text stream", io.StringIO("words")),
    ]
    batch = predict_many(sources, model=trained.model)  # type: ignore[arg-type]
    assert [prediction.source for prediction in batch.results] == ["good"]
    expected = {
        "cut": "cut short",
        "text": "not readable as audio",
        "gone": "the server has gone",
        "odd": "found int",
        "empty": "0 bytes",
        "<array 6>": "needs its rate",
        "nowhere": "no such file",
        "text stream": "expected a stream of bytes",
    }
    assert [failure.source for failure in batch.failures] == [*expected]
    for failure in batch.failures:
        assert failure.reason.startswith(f"{failure.source}: ")
        assert expected[failure.source] in failure.reason


def test_a_generator_is_read_in_waves(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxaffect.extraction.sources._WAVE_ITEMS", 4)
    given: list[int] = []
    seen: list[int] = []
    real = utterance.UtteranceTask.__call__

    def call(task: Any, item: Any) -> Any:
        seen.append(len(given))
        return real(task, item)

    monkeypatch.setattr(utterance.UtteranceTask, "__call__", call)

    def each() -> Iterator[tuple[str, bytes]]:
        for number in range(10):
            given.append(number)
            yield f"{number}", content_of(number)

    batch = predict_many(each(), model=trained.model, workers=2)
    assert [prediction.source for prediction in batch.results] == [*map(str, range(10))]
    assert seen == [4] * 4 + [8] * 4 + [10] * 2


def test_a_wave_holds_few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxaffect.extraction.sources._WAVE_BYTES", 100)
    items = [Named(f"{number}", bytes(60)) for number in range(5)]
    assert [len(wave) for wave in batch_items(items)] == [2, 2, 1]
    assert [len(wave) for wave in batch_items([Path("a")] * 5)] == [5]


@pytest.mark.parametrize("source", ["a.wav", Path("a.wav"), b"RIFF", np.zeros(9), io.BytesIO()])
def test_a_single_recording_is_refused(trained: Trained, source: Any) -> None:
    with pytest.raises(AudioError, match=r"expected several recordings, found one .*in a list"):
        predict_many(source, model=trained.model)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as stream:
        try:
            stream.truncate(1 << 40)
        except OSError:
            pytest.skip("this disk holds no sparse file of a terabyte")
    assert compute_digest(path) is None
    found = extract([path], CLASSIC, workers=1)
    assert [failure.path for failure in found.failures] == [path]
    copied = Transform("none", lambda signal, _: signal)
    assert len(extract([path], CLASSIC, transform=copied, workers=1).failures) == 1


def test_what_names_recordings_is_lazy() -> None:
    names = name_sources(iter(["a.wav", ("b", "c.wav")]))
    assert next(names) == Path("a.wav")  # type: ignore[call-overload]
    item = next(names)  # type: ignore[call-overload]
    assert (item.name, item.source) == ("b", Path("c.wav"))


FEW_THREADS = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NPROC, (10, 10))
sys.argv = ["voxaffect", "predict", "--example"]
try:
    runpy.run_module("voxaffect", run_name="__main__")
except SystemExit:
    import os
    print(os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_command_starts_no_needless_threads_where_few_are_allowed() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", FEW_THREADS],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "1", done.stderr


@pytest.mark.parametrize("command", ["doctor", "explain"])
def test_a_recording_that_cannot_be_examined_leaves_the_others(
    recordings: list[Path], monkeypatch: pytest.MonkeyPatch, run: Run, command: str
) -> None:
    module = diagnosis if command == "doctor" else recognition
    name = {"doctor": "diagnose", "explain": "explain"}[command]
    real = getattr(module, name)

    def fail(path: Path, **options: Any) -> Any:
        if path == recordings[1]:
            raise MemoryError
        return real(path, **options)

    monkeypatch.setattr(module, name, fail)
    done = run(command, *recordings[:3])
    assert done.code == 1
    assert f"failed: {recordings[1]}: memory ran out." in done.err
    assert all(str(path) in done.out for path in (recordings[0], recordings[2]))


# A folder of all kinds, under a limit of memory.

LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
sys.argv = ["voxaffect", "predict", *sys.argv[1:]]
runpy.run_module("voxaffect", run_name="__main__")
"""


def write_broken(folder: Path) -> set[str]:
    """Write ten files that cannot be used, each in another way; return their names."""
    good = content_of(0)
    (folder / "cut.wav").write_bytes(good[: len(good) // 2])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("words")
    (folder / "archive.wav").write_bytes(b"PK\3\4" + bytes(500))
    (folder / "link.wav").symlink_to("nowhere.wav")
    os.mkfifo(folder / "pipe.wav")
    soundfile.write(folder / "nan.wav", np.array([0.1, np.nan] * 8_000), RATE_HZ, subtype="FLOAT")
    with (folder / "zeros.wav").open("wb") as stream:
        stream.truncate(1 << 40)
    size = (1 << 31) - (1 << 20)
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        size + 36,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        RATE_HZ,
        2 * RATE_HZ,
        2,
        16,
        b"data",
        size,
    )
    with (folder / "hours.wav").open("wb") as stream:
        stream.write(header)
        stream.truncate(len(header) + size)
    with soundfile.SoundFile(folder / "bomb.flac", "w", 48_000, 8, "PCM_16") as file:
        for _ in range(20):
            file.write(np.zeros((48_000 * 60, 8), np.int16))
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is of Linux")
def test_ten_broken_files_of_three_hundred_cost_no_other_answer(tmp_path: Path) -> None:
    folder, output = tmp_path / "all", tmp_path / "answers.csv"
    folder.mkdir()
    broken = write_broken(folder)
    assert len(broken) == 10
    for number in range(290):
        (folder / f"{number:03}.wav").write_bytes(content_of(number))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, folder, "-o", output, "--max-seconds", "600"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(output.read_text().splitlines()) == 291
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert {Path(line.split(": ")[1]).name for line in failed} == broken
    assert len(failed) == 10


def test_a_failure_keeps_the_type_of_its_error_through_processes() -> None:
    reason = pickle.loads(pickle.dumps(describe_failure(KeyError("k"), "x")))
    assert (Failure(Path("x"), reason).error, Failure(Path("x"), "x: gone").error) == (
        "KeyError",
        "AudioError",
    )
