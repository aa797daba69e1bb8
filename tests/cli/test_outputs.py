"""Outputs are checked before the work, and finished work survives a write that fails."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import soundfile
from conftest import Run, voice

from voxaffect.errors import VoxaffectError
from voxaffect.files import check_folder, check_writable

unix = pytest.mark.skipif(sys.platform == "win32", reason="limits and names as Unix has them")
LONG = "x" * 300


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    path.write_bytes((files("voxaffect") / "data" / "example.wav").read_bytes())
    return path


# Checks


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no/out.csv", "the folder .*no does not exist. Make it first"),
        ("folder", "is a folder, expected a file to write"),
        ("file/out.csv", r"cannot be written \(Not a directory\)"),
        pytest.param(LONG, r"cannot be written \(File name too long\)", marks=unix),
        ("a\0b", r"cannot be written \(.*null.*\)"),
    ],
)
def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(VoxaffectError, match=reason):
        check_writable(tmp_path / name)


@pytest.mark.parametrize("check", [check_writable, check_folder])
def test_a_full_disk_is_noticed_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Any
) -> None:
    def fail(**_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with pytest.raises(VoxaffectError, match=r"out: cannot be written \(No space left on device"):
        check(tmp_path / "out")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anything")
@pytest.mark.parametrize("check", [check_writable, check_folder])
def test_a_folder_that_may_not_be_written_is_noticed(tmp_path: Path, check: Any) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(VoxaffectError, match=r"out: cannot be .* \(Permission denied\)"):
        check(tmp_path / "shut" / "out")


@pytest.mark.parametrize("name", ["new", "new/deep", "."])
def test_a_folder_is_checked_and_not_made(tmp_path: Path, name: str) -> None:
    check_folder(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_checking_an_output_leaves_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text() == "old"


@unix
@pytest.mark.parametrize(
    "arguments",
    [
        "predict {clip} -o {long}.csv",
        "predict {clip} --format csv,json -o {long}/",
        "timeline {clip} --plot {long}.png",
        "features {clip} -o {long}.csv",
        "doctor {clip} -o {long}.txt",
        "explain {clip} -o {long}.json",
        "train csv --data {clip} -o {long}.onnx",
        "evaluate csv --data {clip} -o {long}.json",
        "evaluate csv --data {clip} --save-split {long}.csv",
        "evaluate csv --data {clip} --report {long}",
        "listen --input {clip} --fast --save {long}",
    ],
)
def test_a_name_too_long_is_named_before_the_work(
    run: Run, tmp_path: Path, clip: Path, arguments: str
) -> None:
    done = run(*arguments.format(clip=clip, long=tmp_path / LONG).split())
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert f"{LONG}" in done.err
    assert "(File name too long)" in done.err


def test_a_plot_goes_into_the_folder_that_the_results_make(
    run: Run, tmp_path: Path, clip: Path
) -> None:
    out = tmp_path / "out"
    done = run(
        "timeline",
        clip,
        "--plot",
        out / "plot.png",
        "-o",
        f"{out}/",
        "--format",
        "csv,json",
    )
    assert done.code == 0
    assert {path.name for path in out.iterdir()} == {"plot.png", "emotions.csv", "emotions.json"}


# Writes that fail


def fail_at(ending: str, write: Any) -> Any:
    """Let the writing of a file with this ending fail."""

    def write_or_fail(path: Path, *arguments: Any, **options: Any) -> Any:
        if Path(path).name.endswith(ending):
            raise VoxaffectError(f"{path}: cannot be written (No space left on device).")
        return write(path, *arguments, **options)

    return write_or_fail


def test_one_format_that_cannot_be_written_costs_no_other(
    run: Run, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.cli import results

    monkeypatch.setattr(results, "write_text", fail_at(".csv", results.write_text))
    out = tmp_path / "out"
    done = run("timeline", clip, "--format", "csv,json", "-o", out, "--plot", out, "--resume")
    assert done.code == 1
    assert "emotions.csv: cannot be written (No space left on device)." in done.err
    names = {path.name for path in out.iterdir()}
    assert names == {"clip.png", "emotions.json", "voxaffect.checkpoint"}  # to go on with


EVALUATE = [
    "evaluate",
    "ravdess",
    "--features",
    "classic",
    "--recipe",
    "mlp",
    "--no-reference-split",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "ending"),
    [
        ("voxaffect.evaluation.splits", "write_text", "split.csv"),
        ("voxaffect.outputs.report.writing", "write_text", "report.html"),
    ],
)
def test_an_evaluation_is_kept_where_a_split_or_a_report_cannot_be_written(
    run: Run,
    ravdess_to_read: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
    ending: str,
) -> None:
    monkeypatch.setattr(f"{module}.{name}", fail_at(ending, getattr(sys.modules[module], name)))
    result = tmp_path / "result.json"
    done = run(
        *EVALUATE,
        "--data",
        ravdess_to_read,
        "-o",
        result,
        "--save-split",
        tmp_path / "split.csv",
        "--report",
        tmp_path / "report",
    )
    assert done.code == 1
    assert f"{ending}: cannot be written (No space left on device)." in done.err
    assert json.loads(result.read_text(encoding="utf-8"))["kind"] == "voxaffect evaluation"
    assert (tmp_path / "report" / "report.json").exists()
    assert (tmp_path / "split.csv").exists() == (ending != "split.csv")


def test_an_evaluation_whose_file_cannot_be_written_is_printed(
    run: Run, ravdess_to_read: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.cli import outputs

    monkeypatch.setattr(outputs, "write_text", fail_at(".json", outputs.write_text))
    done = run(*EVALUATE, "--data", ravdess_to_read, "-o", tmp_path / "result.json")
    assert done.code == 1
    assert json.loads(done.out)["kind"] == "voxaffect evaluation"


# What an ending says


@pytest.mark.slow
def test_an_evaluation_as_csv_has_a_row_for_every_tested_utterance(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    more = ["--data", ravdess_to_read, "--recipe", "logistic"]
    run(*EVALUATE, *more, "-o", tmp_path / "rows.csv")
    run(*EVALUATE, *more, "-o", tmp_path / "all.json")
    document = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text(encoding="utf-8"))))
    assert {row["system"] for row in rows} == {"mlp", "logistic"}
    for system, content in document["systems"].items():
        evaluation = content["evaluations"]["speakers"]
        own = [row for row in rows if row["system"] == system]
        paths = [document["utterances"][index]["path"] for index in evaluation["tested"]]
        assert [row["utterance"] for row in own] == paths
        assert len(set(paths)) == len(own) == 64
        right = np.mean([row["expected"] == row["predicted"] for row in own])
        assert right == pytest.approx(np.trace(evaluation["confusion"]) / 64)
        for row, probabilities in zip(own, evaluation["probabilities"], strict=True):
            known = [float(row[f"p_{emotion}"]) for emotion in evaluation["emotions"]]
            assert known == probabilities
            assert float(row["confidence"]) == max(known)
        folds = {fold["name"]: len(fold["test"]) for fold in evaluation["folds"]}
        assert {name: sum(row["fold"] == name for row in own) for name in folds} == folds


@pytest.mark.parametrize(
    "arguments",
    [
        "evaluate ravdess -o rows.xlsx",
        "evaluate ravdess --format text -o rows.csv",
        "doctor a.wav -o found.csv",
        "doctor a.wav --format text -o found.json",
        "explain a.wav -o found.csv",
    ],
)
def test_an_ending_that_does_not_fit_is_refused(run: Run, arguments: str) -> None:
    done = run(*arguments.split())
    assert done.code == 2
    assert "expected a name ending in .txt, .json" in done.err or "Change one of them" in done.err


@pytest.mark.parametrize("command", ["doctor", "explain"])
def test_an_ending_tells_the_format(run: Run, tmp_path: Path, clip: Path, command: str) -> None:
    assert run(command, clip, "-o", tmp_path / "a.json").code == 0
    assert "schema_version" in json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert run(command, clip, "-o", tmp_path / "a.txt").code == 0
    assert str(clip) in (tmp_path / "a.txt").read_text(encoding="utf-8")


# A disk that fills up meanwhile


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from voxaffect.cli import main
main(sys.argv[1:])
"""


@pytest.mark.slow
@unix
@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ("listen --input long.wav --fast --save kept", "VoxaffectError: kept: cannot be written ("),
        (
            "timeline . --resume -o out.csv",
            "CheckpointError: out.csv.checkpoint: cannot be used",
        ),
        ("features . --no-cache -o out.csv", "VoxaffectError: out.csv: cannot be written ("),
    ],
)
def test_a_disk_that_fills_up_is_named_in_one_line(
    tmp_path: Path, arguments: str, start: str
) -> None:
    for number in range(3):
        sound = np.concatenate([voice(n, seconds=4) for n in range(20)])
        soundfile.write(tmp_path / f"{number or 'long'}.wav", sound, 16_000)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = [line for line in done.stderr.splitlines() if line][-1]
    assert last.startswith(start)
    assert "File too large" in last
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# Names that cannot be looked up


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("no/*.wav", "no folder no"),
        ("clip.wav/*.wav", "the folder clip.wav cannot be searched (Not"),
        ("*.flac", "no file matches this pattern"),
        ("*/a/*.wav", "no file matches this pattern"),
    ],
)
def test_a_pattern_that_matches_nothing_says_why(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, reason: str
) -> None:
    monkeypatch.chdir(clip.parent)
    done = run("predict", pattern)
    assert done.err.startswith(f"AudioError: {pattern}: {reason}")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read anything")
@pytest.mark.parametrize(
    "arguments",
    [
        "info shut/m.onnx",
        "predict clip.wav --model shut/m.onnx",
        "predict --list shut/l.txt",
        "compare shut/a.json shut/b.json",
        "train csv --data shut/t.csv",
        "predict shut/*.wav",
        "predict clip.wav -o shut/out.csv",
        "listen --input shut/a.wav --fast",
        "predict shut/a.wav",
    ],
)
def test_a_folder_that_may_not_be_searched_is_named(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.chdir(clip.parent)
    Path("shut").mkdir(mode=0o000)
    done = run(*arguments.split())
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "shut" in done.err
    assert "ermission" in done.err
