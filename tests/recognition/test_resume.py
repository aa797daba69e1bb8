"""A run that was interrupted and resumed ends as one that was not, byte by byte."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import soundfile
from conftest import RATE_HZ, Trained, voice

from voxaffect.errors import CheckpointError
from voxaffect.extraction import Failure
from voxaffect.files import write_text
from voxaffect.models import load
from voxaffect.recognition import predict_many, timeline_many
from voxaffect.recognition.batch import run_batch
from voxaffect.recognition.checkpoint import _compute_digest
from voxaffect.recognition.prediction import Predictor
from voxaffect.recognition.tasks import PredictionTask, Task, TimelineTask
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig

KINDS = {
    "predictions": ["predict", "--format", "csv,parquet"],
    "timelines": ["timeline", "--format", "json,textgrid"],
}
FILES = 48


def count_finished(summary: str) -> tuple[int, int]:
    """Recordings that could be used, with speech or without, and those that could not."""
    match = re.match(r"(\d+) recognized,(?: (\d+) without speech,)? (\d+) failed, ", summary)
    assert match, summary
    with_speech, without, failed = (int(number or 0) for number in match.groups())
    return with_speech + without, failed


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "voxaffect", *map(str, arguments)]


def outcome(folder: Path) -> dict[str, bytes]:
    """Every file that is in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def killed_at(lines: int, checkpoint: Path, *arguments: object) -> None:
    """Start a run, and kill it as soon as its checkpoint is so long."""
    process = subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL)
    until = monotonic() + 60
    while monotonic() < until and process.poll() is None:
        if checkpoint.exists() and checkpoint.read_bytes().count(b"\n") > lines:
            break
        sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def ruin_unnoticed(path: Path) -> None:
    """Change a file so that only who reads it again can tell."""
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write recordings in two folders, one of them corrupt."""
    root = tmp_path_factory.mktemp("many")
    for number in range(FILES):
        path = root / f"{number % 2}" / f"{number // 2:03}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, voice(number), RATE_HZ, subtype="PCM_16")
    (root / "1" / "020.wav").write_bytes(b"words")
    return root


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_goes_on_and_ends_as_an_unbroken_one(
    many: Path, tmp_path: Path, kind: str
) -> None:
    recordings = tmp_path / "recordings"
    shutil.copytree(many, recordings)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    unbroken = subprocess.run(
        command(*KINDS[kind], recordings, "-o", whole), capture_output=True, text=True, check=False
    )
    resumable = (*KINDS[kind], recordings, "-o", broken, "--resume", "--workers", 1)
    killed_at(FILES // 4, broken / "voxaffect.checkpoint", *resumable)
    assert list(outcome(broken)) == ["voxaffect.checkpoint"]
    checkpoint = (broken / "voxaffect.checkpoint").read_bytes()
    assert FILES // 4 <= checkpoint.count(b"\n") - 1 < FILES
    first = recordings / "0" / "000.wav"
    assert f'"{first}"'.encode() in checkpoint
    ruin_unnoticed(first)  # it is not read again
    resumed = subprocess.run(command(*resumable), capture_output=True, text=True, check=False)
    corrupt = f"failed: {recordings / '1' / '020.wav'}: not readable as audio"
    for done in (unbroken, resumed):
        assert done.returncode == 1
        assert done.stdout == ""
        assert count_finished(done.stderr) == (FILES - 1, 1)
        assert corrupt in done.stderr
    found = outcome(broken)
    assert found.pop("voxaffect.checkpoint")  # something failed: it is tried again next time
    assert found == outcome(whole)


@pytest.fixture
def tasks(trained: Trained) -> dict[str, Task[Any]]:
    config = configure_timeline(trained.model, WindowConfig(), None, None)
    return {
        "predictions": PredictionTask(Predictor(trained.model)),
        "timelines": TimelineTask(config),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_failed_is_tried_again_and_the_rest_is_not(
    recordings: list[Path], tmp_path: Path, tasks: dict[str, Task[Any]], kind: str
) -> None:
    expected = run_batch(recordings, tasks[kind])
    good = recordings[5].read_bytes()
    recordings[5].write_bytes(b"words")
    checkpoint = tmp_path / "out.checkpoint"
    found = run_batch(recordings, tasks[kind], resume=checkpoint)
    assert [one.path for one in found.failures] == [recordings[5]]
    assert (found.files, len(found.results)) == (11, 11)
    recordings[5].write_bytes(good)
    for path in recordings[:5] + recordings[6:]:
        ruin_unnoticed(path)
    assert run_batch(recordings, tasks[kind], resume=checkpoint) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_that_has_changed_is_done_again(
    recordings: list[Path], tmp_path: Path, tasks: dict[str, Task[Any]], kind: str
) -> None:
    checkpoint = tmp_path / "out.checkpoint"
    first = run_batch(recordings, tasks[kind], resume=checkpoint)
    write_text(recordings[3], "words")
    second = run_batch(recordings, tasks[kind], resume=checkpoint)
    assert second.results == first.results[:3] + first.results[4:]
    assert [type(one) for one in second.failures] == [Failure]


def test_more_recordings_may_come_and_others_go(
    recordings: list[Path], tmp_path: Path, tasks: dict[str, Task[Any]]
) -> None:
    checkpoint = tmp_path / "out.checkpoint"
    run_batch(recordings[:6], tasks["predictions"], resume=checkpoint)
    found = run_batch(recordings[4:], tasks["predictions"], resume=checkpoint)
    assert found == run_batch(recordings[4:], tasks["predictions"])


@pytest.mark.parametrize("function", [predict_many, timeline_many])
def test_a_call_from_python_goes_on_where_it_was(
    recordings: list[Path], tmp_path: Path, trained: Trained, function: Callable[..., Any]
) -> None:
    contents = [path.read_bytes() for path in recordings[:4]]
    sources = [recordings[4], *((f"call {i}", content) for i, content in enumerate(contents))]
    options = {"model": trained.model, "workers": 1}
    expected = function(sources, **options)
    checkpoint = tmp_path / "run.checkpoint"
    function(sources[:3], resume=checkpoint, **options)
    size = checkpoint.stat().st_size
    streams = (sources[0], *((name, io.BytesIO(content)) for name, content in sources[1:]))
    assert function(iter(streams), resume=str(checkpoint), **options) == expected
    added = checkpoint.read_bytes()[size:]
    assert [json.loads(line)["file"] for line in added.splitlines()] == ["call 2", "call 3"]


def test_other_content_under_a_name_is_done_again(
    recordings: list[Path], tmp_path: Path, trained: Trained
) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    for path in recordings[:2]:
        sources = [("call", path.read_bytes())]
        batch = predict_many(sources, resume=checkpoint, model=trained.model)
        assert batch == predict_many(sources, model=trained.model)


def test_a_data_frame_has_a_row_for_each_segment(recordings: list[Path], trained: Trained) -> None:
    batch = timeline_many(recordings[:2], model=trained.model)
    assert len(batch.to_frame()) == sum(len(one.segments) for one in batch.results)


def test_the_batch_is_that_of_predict_many(
    recordings: list[Path], trained: Trained, tasks: dict[str, Task[Any]]
) -> None:
    recordings[2].write_bytes(b"words")
    found = run_batch(recordings, tasks["predictions"], workers=2)
    expected = predict_many(recordings, model=trained.model)
    assert (found.results, found.failures) == (expected.results, expected.failures)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bar_counts_the_files(
    recordings: list[Path],
    tasks: dict[str, Task[Any]],
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_batch(recordings, tasks[kind], total=12, progress=True)
    assert "12/12" in capsys.readouterr().err
    run_batch(recordings, tasks[kind])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", KINDS)
def test_workers_change_nothing(
    recordings: list[Path], tasks: dict[str, Task[Any]], kind: str
) -> None:
    one, three = (run_batch(recordings, tasks[kind], workers=count) for count in (1, 3))
    assert one == three


def test_another_model_does_not_go_on_with_a_checkpoint(
    recordings: list[Path], tmp_path: Path, tasks: dict[str, Task[Any]]
) -> None:
    checkpoint = tmp_path / "out.checkpoint"
    run_batch(recordings[:1], tasks["predictions"], resume=checkpoint)
    with pytest.raises(CheckpointError, match=r"other settings \(model \w+…, now \w+…\)"):
        run_batch(recordings[:1], PredictionTask(Predictor(load())), resume=checkpoint)
    with pytest.raises(CheckpointError, match="kind predictions, now timelines"):
        run_batch(recordings[:1], tasks["timelines"], resume=checkpoint)


@pytest.mark.slow
def test_the_checkpoint_goes_when_all_is_done(recordings: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    arguments = command("predict", *recordings[:2], "-o", output, "--resume")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert output.exists()
    assert not (tmp_path / "out.csv.checkpoint").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_a_third_of_ravdess_killed_half_way_ends_as_an_unbroken_run(
    data_root: Callable[[str], Path], tmp_path: Path
) -> None:
    actors = sorted(data_root("ravdess").glob("Actor_0[1-8]"))
    corrupt = tmp_path / "corrupt.wav"
    corrupt.write_bytes(next(actors[0].glob("*.wav")).read_bytes()[:9_000])
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    unbroken = subprocess.run(command("predict", *actors, corrupt, "-o", whole), check=False)
    again = ("predict", *actors, corrupt, "-o", broken, "--resume")
    killed_at(240, tmp_path / "broken.csv.checkpoint", *again)
    assert not broken.exists()
    resumed = subprocess.run(
        command(*again),
        capture_output=True,
        text=True,
        check=False,
    )
    assert unbroken.returncode == resumed.returncode == 1
    assert count_finished(resumed.stderr) == (480, 1)
    assert f"failed: {corrupt}: cut short" in resumed.stderr
    assert broken.read_bytes() == whole.read_bytes()
    assert len(broken.read_text().splitlines()) == 481


def signed(line: str) -> bytes:
    """Return a line with a checksum that fits what it holds now."""
    value = {key: value for key, value in json.loads(line).items() if key != "check"}
    body = json.dumps(value).encode()[:-1]
    return body + f', "check": "{_compute_digest(body)}"}}\n'.encode()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        (r'"result": .*', '"result": 5}'),
        (r'"result": .*', '"result": []}'),
        (r'"result": .*', '"result": [[]]}'),
        (r"0\.\d+(e-\d+)?", "NaN"),
        (r"0\.\d+(e-\d+)?", '"0.5"'),
        (r'"probabilities": {"', '"probabilities": {"x'),
        (r"0\.\d+(e-\d+)?", "0.9"),
        (r'"source"', '"sauce"'),
        (r'"source": "[^"]*"', '"source": "another.wav"'),
        (r'"uncertain": (true|false)', '"uncertain": "no"'),
    ],
)
def test_a_result_that_is_damaged_in_the_checkpoint_is_made_again(
    recordings: list[Path],
    tmp_path: Path,
    tasks: dict[str, Task[Any]],
    kind: str,
    whole: str,
    damaged: str,
) -> None:
    paths = recordings[:2]
    checkpoint = tmp_path / "out.checkpoint"
    expected = run_batch(paths, tasks[kind], resume=checkpoint)
    heading, *lines = checkpoint.read_text().splitlines()
    ruined = [re.sub(whole, damaged, line) for line in lines]
    assert ruined != lines
    checkpoint.write_bytes(heading.encode() + b"\n" + b"".join(map(signed, ruined)))
    assert run_batch(paths, tasks[kind], resume=checkpoint) == expected
