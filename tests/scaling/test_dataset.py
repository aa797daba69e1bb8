"""Datasets: the same numbers as for one recording, and every recording exactly once."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
import soundfile
from pyarrow import parquet
from support.deaths import DieAt

import voxaffect as va
from voxaffect.audio import Signal
from voxaffect.cli import main
from voxaffect.errors import CheckpointError, ModelError, VoxaffectError, WorkerError
from voxaffect.extraction import LocalExecutor
from voxaffect.recognition.tasks import PredictionTask
from voxaffect.scaling import executing, work, write_dataset
from voxaffect.scaling.run import DatasetReport

EXAMPLE = (files("voxaffect") / "data" / "example.wav").read_bytes()
MODEL = "fast"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Five recordings, each a part of the example, in a folder."""
    samples, rate_hz = soundfile.read(files("voxaffect") / "data" / "example.wav", dtype="int16")
    folder = tmp_path / "calls"
    folder.mkdir()
    for number in range(5):
        soundfile.write(folder / f"{number}.wav", samples[: len(samples) - 800 * number], rate_hz)
    return folder


def write_manifest(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def manifest(calls: Path) -> Path:
    """Table of the recordings."""
    rows = ({"path": path.name, "who": f"p{path.stem}"} for path in sorted(calls.iterdir()))
    return write_manifest(calls / "calls.csv", rows)


def build(source: Any, output: Path, **options: Any) -> DatasetReport:
    return write_dataset(source, output, **{"model": MODEL, "workers": 1, "part_rows": 2} | options)


def read(output: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(output).to_pylist()
    return sorted(rows, key=lambda row: row["row"])


def list_parts(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(output.glob("part-*"))}


def test_predictions_are_those_of_predict(manifest: Path, tmp_path: Path) -> None:
    report = build(manifest, tmp_path / "out")
    rows = read(tmp_path / "out")
    assert (report.rows, report.recordings, report.failed) == (5, 5, 0)
    assert [row["who"] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
    for row in rows:
        prediction = va.predict(row["source"], model=MODEL)
        assert (row["emotion"], row["uncertain"]) == (prediction.emotion, prediction.uncertain)
        found = {name: row[f"p_{name}"] for name in prediction.emotions}
        assert found == {name: np.float32(p) for name, p in prediction.probabilities.items()}


@pytest.mark.parametrize("kind", ["segments", "windows"])
def test_timelines_are_those_of_timeline(manifest: Path, tmp_path: Path, kind: str) -> None:
    build(manifest, tmp_path / "out", kind=kind)
    rows = read(tmp_path / "out")
    expected = [
        (part.start_seconds, part.end_seconds, np.float32(max(part.probabilities.values())))
        for path in sorted(manifest.parent.glob("*.wav"))
        for part in getattr(va.timeline(path, model=MODEL)[0], kind)
    ]
    names = ("start_seconds", "end_seconds", "confidence")
    assert [tuple(row[name] for name in names) for row in rows] == expected


def test_features_are_those_of_extract(manifest: Path, tmp_path: Path) -> None:
    spec = va.get_feature_spec("classic")
    build(manifest, tmp_path / "out", kind="features", spec=spec, model=None)
    expected = va.extract(sorted(manifest.parent.glob("*.wav")), spec).matrix
    values = np.array([[*row.values()][3:] for row in read(tmp_path / "out")], np.float32)
    assert np.array_equal(values, expected)


def test_a_part_of_a_recording_is_recognized_like_a_recording_of_its_own(
    calls: Path, tmp_path: Path
) -> None:
    left, rate_hz = soundfile.read(calls / "0.wav", dtype="float32")
    both = np.stack([left, left[::-1]], axis=1)
    soundfile.write(tmp_path / "both.wav", both, rate_hz, "FLOAT")
    rows = [
        {"path": "both.wav", "start": 0.5, "end": 2.5, "channel": "right"},
        {"path": "both.wav", "start": "", "end": 2, "channel": ""},
    ]
    build(write_manifest(tmp_path / "m.csv", rows), tmp_path / "out")
    right, mix = read(tmp_path / "out")
    expected = va.predict(
        Signal(both[int(0.5 * rate_hz) : int(2.5 * rate_hz), 1], rate_hz), model=MODEL
    )
    assert right["confidence"] == np.float32(expected.confidence)
    assert (right["manifest_start_seconds"], right["manifest_end_seconds"]) == (0.5, 2.5)
    assert (right["channel"], right["seconds"]) == ("right", 2.0)
    expected = va.predict(both[: 2 * rate_hz], rate_hz=rate_hz, model=MODEL)
    assert mix["confidence"] == np.float32(expected.confidence)


@pytest.mark.parametrize("kind", ["predictions", "segments"])
def test_a_dataset_names_the_channels(calls: Path, tmp_path: Path, kind: str) -> None:
    left, rate_hz = soundfile.read(calls / "0.wav", dtype="float32")
    soundfile.write(tmp_path / "both.wav", np.stack([left, left], axis=1), rate_hz, "FLOAT")
    rows = [{"path": "both.wav", "channel": channel} for channel in ("", "right", "mix")]
    rows += [{"path": "calls/0.wav", "channel": ""}]
    source, names = write_manifest(tmp_path / "m.csv", rows), ["agent", "customer"]
    options: dict[str, Any] = {"kind": kind, "channels": "each"}
    report = build(source, tmp_path / "out", channel_names=names, **options)
    found = {(row["channel"], row["channel_name"]) for row in read(tmp_path / "out")}
    assert found == {("1", "agent"), ("2", "customer"), ("right", "customer"), ("mix", None)}
    assert report.failed == 1
    assert "0.wav: has 1 channel, expected 2 for the channel names" in report.reasons[0]
    assert build(source, tmp_path / "out", channel_names=names, **options).kept == 3
    for others in (names[::-1], None):
        with pytest.raises(CheckpointError, match=r"other settings.*channel_names .*, now"):
            build(source, tmp_path / "out", channel_names=others, **options)


def test_serial_threads_and_processes_give_equal_tables(manifest: Path, tmp_path: Path) -> None:
    build(manifest, tmp_path / "serial")
    build(manifest, tmp_path / "threads", workers=3)
    with LocalExecutor(2, kind="processes") as executor:
        build(manifest, tmp_path / "processes", workers=executor)
    tables = [
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("part-*")}
        for name in ("serial", "threads", "processes")
    ]
    assert len(tables[0]) == 3
    assert tables[0] == tables[1] == tables[2]


def test_a_second_run_does_nothing_and_a_changed_recording_is_done_again(
    manifest: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    build(manifest, output)
    first = list_parts(output)
    assert build(manifest, output).kept == 5
    assert list_parts(output) == first
    os.utime(manifest.parent / "3.wav", ns=(1, 1))
    report = build(manifest, output)
    assert (report.recordings, report.kept) == (2, 3)  # its part, and the others
    second = list_parts(output)
    assert len(second) == 3
    assert len(set(first.items()) & set(second.items())) == 2
    assert len(read(output)) == 5


def test_an_interrupted_run_continues_where_it_stopped(manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    seen: list[DatasetReport] = []

    def stop(report: DatasetReport) -> None:
        seen.append(report)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(manifest, output, on_progress=stop)
    assert len(seen) == 1
    report = build(manifest, output)
    assert report.kept >= 2
    assert report.kept + report.recordings == 5
    assert [row["row"] for row in read(output)] == [1, 2, 3, 4, 5]


def test_a_failed_recording_is_listed_and_can_be_tried_again(
    manifest: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    lost = manifest.parent / "1.wav"
    content = lost.read_bytes()
    lost.write_bytes(b"no sound at all" * 10)
    report = build(manifest, output)
    assert (report.recordings, report.failed) == (4, 1)
    assert report.reasons[0].startswith(f"{lost}: ")
    (failure,) = parquet.read_table(output / "_failures").to_pylist()
    assert (failure["row"], failure["source"], failure["error"]) == (2, str(lost), "AudioError")
    assert failure["reason"] == report.reasons[0]
    assert build(manifest, output).failed == 1  # known, and not tried again
    assert build(manifest, output, retry_failed=True).failed == 1
    status = lost.stat()
    lost.write_bytes(content)
    report = build(manifest, output)  # it has changed
    assert (report.recordings, report.failed) == (2, 0)
    assert not [*(output / "_failures").glob("*")]
    assert status.st_size != lost.stat().st_size


def test_retry_failed_does_only_what_failed(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, done = tmp_path / "out", []
    recognize = work._RecognitionWork.__call__

    def fail(self: Any, entry: Any) -> Any:
        done.append(entry.row)
        if entry.row == 2 and len(done) < 6:
            raise MemoryError
        return recognize(self, entry)

    monkeypatch.setattr(work._RecognitionWork, "__call__", fail)
    report = build(manifest, output)
    assert (report.recordings, report.failed) == (4, 1)
    assert "memory ran out" in report.reasons[0]
    done += [0, 0]
    report = build(manifest, output, retry_failed=True)
    assert done[-1] == 2
    assert (report.recordings, report.kept, report.failed) == (1, 4, 0)
    build(manifest, tmp_path / "whole")
    assert read(output) == read(tmp_path / "whole")


@pytest.mark.slow
def test_a_recording_that_ends_its_worker_fails_alone(manifest: Path, tmp_path: Path) -> None:
    with LocalExecutor(2, kind="processes") as executor:
        report = write_dataset(
            manifest,
            tmp_path / "out",
            model=MODEL,
            part_rows=2,
            workers=DieAt(executor, row=3),
        )
    assert (report.recordings, report.failed) == (4, 1)
    assert "worker process was ended twice by SIGKILL" in report.reasons[0]
    assert [row["row"] for row in read(tmp_path / "out")] == [1, 2, 4, 5]


@pytest.mark.parametrize(
    "change", [{"model": "accurate"}, {"part_rows": 3}, {"uncertain_below": 0.3}, {"vad": "energy"}]
)
def test_other_settings_are_refused_with_both_named(
    manifest: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    build(manifest, tmp_path / "out")
    (name, value), *_ = change.items()
    with pytest.raises(CheckpointError, match=rf"{name} .*, now {value}"):
        build(manifest, tmp_path / "out", **change)
    build(manifest, tmp_path / "out", overwrite=True, **change)
    assert len(read(tmp_path / "out")) == 5


def test_a_folder_with_other_files_is_refused(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(CheckpointError, match="is no dataset of voxaffect, and not empty"):
        build(manifest, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_overwriting_removes_only_files_of_a_dataset(manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    build(manifest, output)
    (output / "thesis.txt").write_text("all of it")
    build(manifest, output, overwrite=True)
    (output / "_run.json").write_text('{"of": "another program"}')
    before = list_parts(output)
    with pytest.raises(CheckpointError, match="describes no dataset of voxaffect"):
        build(manifest, output, overwrite=True)
    assert list_parts(output) == before
    assert (output / "thesis.txt").exists()
    (output / "_run.json").unlink()
    (output / "thesis.txt").unlink()
    assert build(manifest, output, overwrite=True).recordings == 5  # as the message says


@pytest.mark.parametrize("folder", [".", "_failures"])
@pytest.mark.parametrize("damage", ["cut", "empty", "other", "gone"])
def test_a_damaged_part_is_done_again(
    manifest: Path, tmp_path: Path, folder: str, damage: str
) -> None:
    output = tmp_path / "out"
    (manifest.parent / "1.wav").write_bytes(b"no sound at all" * 10)
    build(manifest, output)
    whole = read(output)
    part = min((output / folder).glob("part-*"))
    if damage == "other":
        parquet.write_table(pyarrow.table({"x": [1]}), part)
    elif damage == "gone":
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:-9] if damage == "cut" else b"")
    report = build(manifest, output)
    assert (report.recordings, report.kept, report.failed) == (1, 3, 1)
    assert read(output) == whole
    assert len(parquet.read_table(output / "_failures")) == 1
    assert build(manifest, output).kept == 4


def test_files_of_a_dataset_are_read_without_threads_of_arrow(
    manifest: Path, tmp_path: Path
) -> None:
    (manifest.parent / "1.wav").write_bytes(b"no sound at all" * 10)
    build(manifest, tmp_path / "out")
    code = (
        "import sys, threading, os\n"
        "from voxaffect.scaling.dataset import FAILURE_KINDS, read_rows\n"
        "from voxaffect.scaling.storage import open_folder\n"
        "import pyarrow.parquet, pathlib\n"
        "count = lambda: len(os.listdir('/proc/self/task'))\n"
        "before = count()\n"
        "name = next(pathlib.Path(sys.argv[1], '_failures').iterdir()).name\n"
        "assert read_rows(open_folder(sys.argv[1]), '_failures/' + name, FAILURE_KINDS)\n"
        "sys.exit(count() - before)\n"
    )
    if not Path("/proc/self/task").exists():
        pytest.skip("this system lists no threads of a process")
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False)
    assert run.returncode == 0


def test_a_scheduler_that_says_nothing_is_not_waited_for(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executing, "_CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(WorkerError, match=r"no scheduler of Dask answers there \("):
            build(manifest, tmp_path / "out", scheduler=address)


def test_a_shorter_manifest_leaves_no_part_of_the_longer_one(
    manifest: Path, tmp_path: Path
) -> None:
    build(manifest, tmp_path / "out")
    shorter = write_manifest(manifest.parent / "few.csv", [{"path": "0.wav", "who": "p0"}])
    build(shorter, tmp_path / "out")
    assert [row["who"] for row in read(tmp_path / "out")] == ["p0"]


def test_a_run_in_use_is_refused(manifest: Path, tmp_path: Path) -> None:
    def again(_: DatasetReport) -> None:
        with pytest.raises(CheckpointError, match="another run is writing"):
            build(manifest, tmp_path / "out")

    assert build(manifest, tmp_path / "out", on_progress=again).recordings == 5


def test_columns_with_the_names_of_results_are_renamed(calls: Path, tmp_path: Path) -> None:
    row = {"path": "0.wav", "emotion": "sad", "row": "7"}
    build(write_manifest(calls / "m.csv", [row]), tmp_path / "out")
    (found,) = read(tmp_path / "out")
    assert (found["manifest_emotion"], found["manifest_row"], found["row"]) == ("sad", "7", 1)


def test_a_renamed_column_never_takes_the_name_of_another(calls: Path, tmp_path: Path) -> None:
    row = {"path": "0.wav", "emotion": "sad", "manifest_emotion": "glad"}
    build(write_manifest(calls / "m.csv", [row]), tmp_path / "out")
    (found,) = read(tmp_path / "out")
    assert found["manifest_manifest_emotion"] == "sad"
    assert found["manifest_emotion"] == "glad"


def test_a_model_file_goes_with_the_dataset(manifest: Path, tmp_path: Path) -> None:
    va.load(MODEL).save(tmp_path / "mine.onnx")
    build(manifest, tmp_path / "out", model=tmp_path / "mine.onnx")
    build(manifest, tmp_path / "bundled")
    assert read(tmp_path / "out") == read(tmp_path / "bundled")
    (stored,) = (tmp_path / "out").glob("_model-*.onnx")
    stored.write_bytes(stored.read_bytes()[:-1])
    work._prepare.cache_clear()
    os.utime(manifest.parent / "0.wav", ns=(1, 1))
    assert build(manifest, tmp_path / "out", model=tmp_path / "mine.onnx").recordings == 2


def test_a_worker_of_another_version_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "get_version", lambda: "0.0.1")
    settings = work.Settings("predictions", MODEL, va.load(MODEL).sha256, version="0.0.2")
    with pytest.raises(ModelError, match=r"a worker has voxaffect 0\.0\.1, and the run 0\.0\.2"):
        work.Work(settings, str(tmp_path), False)([], [])


def test_parquet_files_name_model_and_version(manifest: Path, tmp_path: Path) -> None:
    build(manifest, tmp_path / "out")
    (path, *_) = (tmp_path / "out").glob("part-*")
    metadata = parquet.read_schema(path).metadata
    assert metadata[b"model_sha256"].decode() == va.load(MODEL).sha256
    run = json.loads((tmp_path / "out" / "_run.json").read_text())
    assert run["model"] == MODEL
    assert run["columns"]["p_sad"] == "float32"


def test_a_full_disk_stops_the_run_and_loses_nothing(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.scaling import storage

    write, written = storage.LocalFolder.write, []

    def fail(self: Any, name: str, content: bytes) -> None:
        written.append(name)
        if len(written) == 3:
            raise VoxaffectError(f"{name}: cannot be written (No space left on device).")
        write(self, name, content)

    monkeypatch.setattr(storage.LocalFolder, "write", fail)
    with pytest.raises(VoxaffectError, match="No space left"):
        build(manifest, tmp_path / "out")
    assert build(manifest, tmp_path / "out").kept > 0
    assert [row["row"] for row in read(tmp_path / "out")] == [1, 2, 3, 4, 5]


def run_cli(*arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code


@pytest.mark.slow
def test_the_commands_write_datasets(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    common = ("--dataset", "-o", out, "--workers", "1")
    run_cli("predict", str(manifest), *common, "--model", MODEL, "--json-log")
    *_, last, summary = capsys.readouterr().err.splitlines()
    assert json.loads(last)["done"] == 5
    assert summary.startswith("5 recordings, 0 failed")
    build(manifest, tmp_path / "python", part_rows=1_000)
    assert read(Path(out)) == read(tmp_path / "python")
    (manifest.parent / "5.wav").write_bytes(b"")
    run_cli("features", str(manifest.parent), "--dataset", "-o", f"{out}2", code=1)
    message = capsys.readouterr().err
    assert "5.wav" in message
    assert "--retry-failed" in message
    run_cli("timeline", str(manifest), "--level", "windows", *common[:1], "-o", f"{out}3")
    assert {"start_seconds", "who"} <= {*read(Path(f"{out}3"))[0]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--part-rows", "5"), "--part-rows goes with --dataset"),
        (("--dataset",), "--dataset writes to a folder"),
        (("--dataset", "-o", "x", "--format", "csv"), "--format does not go with --dataset"),
        (("--dataset", "-o", "x", "--adapt", "all"), "--adapt does not go with --dataset"),
        (("--dataset", "-o", "x", "--resume"), "--resume does not go with --dataset"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    calls: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    run_cli("predict", str(calls), *options, code=2)
    assert message in capsys.readouterr().err


def test_lines_come_as_recordings_are_finished_in_their_order(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (calls / "3.wav").write_bytes(b"no sound")
    printed: list[int] = []
    recognize = PredictionTask.classify

    def count_lines(self: Any, *arguments: Any) -> Any:
        printed.append(len(capsys.readouterr().out.splitlines()))
        return recognize(self, *arguments)

    out = tmp_path / "out.jsonl"
    command = ("predict", str(calls), "--model", MODEL, "--workers", "1", "--format", "jsonl")
    run_cli(*command, "-o", str(out), code=1)
    run_cli(*command, code=1)
    assert capsys.readouterr().out == out.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(PredictionTask, "classify", count_lines)
        run_cli(*command, code=1)
    assert printed == [0, 1, 1, 1]  # each recording's line was printed before the next was begun
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [Path(line["source"]).name for line in lines] == [f"{n}.wav" for n in (0, 1, 2, 4, 3)]


def test_a_table_has_to_be_the_only_source(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = (str(manifest), str(manifest.parent))
    run_cli("predict", *both, "--dataset", "-o", "x", code=2)
    assert "has to be the only source" in capsys.readouterr().err


def test_a_table_without_dataset_names_the_option(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_cli("predict", str(manifest), "--model", MODEL, code=1)
    assert "a table with --dataset" in capsys.readouterr().err
