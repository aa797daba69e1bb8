"""``predict`` writes what was asked for where it was asked for, or says why not before the work."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from itertools import pairwise
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import parselmouth
import pytest
import soundfile
import webvtt
from conftest import Run, Trained, voice
from pympi import Eaf

from voxaffect.models import load
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS, Run as Circumstances
from voxaffect.recognition import predict_many, timeline


@pytest.fixture
def model(trained: Trained, tmp_path: Path) -> Path:
    path = tmp_path / "mine.onnx"
    trained.model.save(path)
    return path


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Two calls of the same name, with a party on each side, and a note of one voice."""
    root = tmp_path / "calls"
    for number, folder in enumerate(("may", "june")):
        (root / folder).mkdir(parents=True)
        left, right = voice(number, seconds=5.0), voice(number + 9, seconds=5.0)
        left[16_000:48_000] = 0
        soundfile.write(root / folder / "call.wav", np.stack([left, right], axis=1), 16_000)
    soundfile.write(root / "note.flac", voice(3, seconds=4.0), 16_000)
    return root


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# What is uncertain


def test_the_threshold_marks_a_timeline_too(run: Run, model: Path, calls: Path) -> None:
    asked = ("timeline", calls / "note.flac", "--model", model)
    most, none = (
        run(*asked, "--uncertain-below", number).out.partition("\n\n")[0].splitlines()  # no summary
        for number in (1, 0)
    )
    assert all(line.endswith("uncertain") for line in most[1:])
    assert not any(line.endswith("uncertain") for line in none)
    assert len(most) == len(none) > 1


def test_a_checkpoint_of_another_threshold_does_not_go_on(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    (calls / "may" / "broken.wav").write_bytes(b"words")  # so that the checkpoint stays
    asked = ("timeline", calls, "--model", model, "-o", tmp_path / "a.csv", "--resume")
    assert run(*asked).code == 1
    done = run(*asked, "--uncertain-below", 0.5)
    assert "other settings (uncertain_below none, now 0.5)" in done.err


# Where results go


@pytest.mark.parametrize("form", PREDICTION_FORMATS)
def test_the_output_s_name_tells_the_format(
    run: Run,
    model: Path,
    recordings: list[Path],
    tmp_path: Path,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # addresses begin there
    kind = PREDICTION_FORMATS[form]
    output = tmp_path / f"out{kind.suffix.upper()}"
    assert run("predict", *recordings, "--model", model, "-o", output).code == 0
    used = load(model)
    expected = kind.encode(predict_many(recordings, model=used).results, Circumstances(model=used))
    assert output.read_bytes() == (expected.encode() if isinstance(expected, str) else expected)


def test_a_summary_says_what_came_of_it(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    recordings[2].write_bytes(b"words")
    output = tmp_path / "out.csv"
    done = run("predict", *recordings, "--model", model, "-o", output)
    summary, failed, _ = done.err.splitlines()
    assert summary.startswith("11 recognized, 1 failed, ")
    assert summary.endswith(f", model {model}: {output}")
    assert failed.startswith(f"failed: {recordings[2]}")
    assert done.code == 1
    assert len(output.read_text().splitlines()) == 12


@pytest.mark.parametrize(
    "asked", [["--format", "csv,JSON"], ["--format", "csv", "--format", "json"]]
)
def test_several_formats_go_into_a_folder(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path, asked: list[str]
) -> None:
    assert run("predict", *recordings, "--model", model, *asked, "-o", tmp_path / "out").code == 0
    assert files(tmp_path / "out") == ["emotions.csv", "emotions.json"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "emotions.csv").read_text())))
    found = json.loads((tmp_path / "out" / "emotions.json").read_text())["results"]
    assert [row["source"] for row in rows] == [one["source"] for one in found]


def test_one_format_goes_into_a_folder_that_exists(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    run("predict", *recordings, "--model", model, "--format", "csv", "-o", tmp_path / "out")
    assert files(tmp_path / "out") == ["emotions.csv"]


EACH = "audacity,raven,textgrid,eaf,srt,vtt"


def test_each_recording_has_a_file_of_its_own_where_one_holds_one(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run("timeline", calls, "--model", model, "--format", f"{EACH},csv", "-o", out)
    assert done.code == 0, done.err
    endings = [TIMELINE_FORMATS[name].suffix for name in EACH.split(",")]
    names = ["june/call", "may/call", "note"]
    assert files(out) == sorted([*(n + e for n in names for e in endings), "emotions.csv"])
    frame = pd.read_csv(out / "emotions.csv")
    assert set(frame.source) == {*map(str, calls.rglob("*.wav")), str(calls / "note.flac")}


def test_each_channel_has_its_tier_its_file_or_its_rows(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run(
        "timeline",
        calls / "may",
        "--channels",
        "each",
        "--model",
        model,
        "--format",
        "textgrid,eaf,srt,raven,csv,rttm,audformat",
        "-o",
        out,
    )
    assert done.code == 0, done.err
    assert files(out) == [
        "call.1.srt",
        "call.2.srt",
        "call.TextGrid",
        "call.eaf",
        "call.selections.txt",
        "emotions.audformat.csv",
        "emotions.csv",
        "emotions.rttm",
    ]
    grid = parselmouth.read(str(out / "call.TextGrid"))
    names = {parselmouth.praat.call(grid, "Get tier name", tier) for tier in range(1, 7)}
    assert names == {
        f"{name} {channel}" for name in ("emotion", "confidence", "uncertain") for channel in (1, 2)
    }
    assert names == {*Eaf(str(out / "call.eaf")).get_tier_names()}
    frame = pd.read_csv(out / "emotions.csv")
    assert set(frame.channel) == {1, 2}
    assert len(webvtt.from_srt(str(out / "call.1.srt"))) == (frame.channel == 1).sum()
    raven = pd.read_csv(out / "call.selections.txt", sep="\t")
    assert raven.Channel.tolist() == frame.channel.tolist()


def test_no_channel_is_written_over_another_recording(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    (calls / "note.flac").rename(calls / "may" / "call.1.flac")
    run(
        "timeline",
        calls / "may",
        "--channels",
        "each",
        "--model",
        model,
        "--format",
        "srt,audacity",
        "-o",
        tmp_path / "out",
    )
    names = ["call.1.1", "call.1", "call.2"]
    assert files(tmp_path / "out") == sorted(n + e for n in names for e in (".labels.txt", ".srt"))


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_windows_are_written_when_asked_for(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    arguments = (
        "timeline",
        calls / "note.flac",
        "--model",
        model,
        "--window",
        2,
        "--hop",
        0.5,
    )
    run(*arguments, "--level", "windows", "-o", tmp_path / "w.csv")
    windows = pd.read_csv(tmp_path / "w.csv")
    assert any(np.isclose(windows.end_seconds - windows.start_seconds, 2))
    (found,) = json.loads(run(*arguments, "--format", "json").out)["results"]
    assert [one["start_seconds"] for one in found["windows"]] == windows.start_seconds.tolist()
    run(*arguments, "--level", "windows", "-o", tmp_path / "w.audformat.csv")
    assert len(audformat.utils.read_csv(tmp_path / "w.audformat.csv")) == len(windows)


def test_one_timeline_is_printed(run: Run, model: Path, calls: Path) -> None:
    done = run("timeline", calls / "note.flac", "--model", model, "--format", "textgrid")
    assert done.code == 0
    assert done.out.startswith('File type = "ooTextFile"')


def test_a_file_takes_one_recording_s_timeline(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    output = tmp_path / "note.TextGrid"
    run("timeline", calls / "note.flac", "--model", model, "-o", output)
    assert parselmouth.read(str(output)).xmax == pytest.approx(4.0)


def test_the_example_has_a_timeline(run: Run) -> None:
    done = run("timeline", "--example", "--format", "json")
    assert (done.code, json.loads(done.out)["results"][0]["source"]) == (0, "example.wav")


def test_segments_lie_within_the_recording_and_apart(run: Run, model: Path, calls: Path) -> None:
    found = json.loads(
        run(
            "timeline",
            calls,
            "--channels",
            "each",
            "--model",
            model,
            "--format",
            "json",
        ).out
    )["results"]
    assert len(found) == 5
    for one in found:
        bounds = [(s["start_seconds"], s["end_seconds"]) for s in one["segments"]]
        assert all(0 <= start < end <= one["seconds"] for start, end in bounds)
        assert all(before[1] <= after[0] for before, after in pairwise(bounds))


@pytest.mark.slow
def test_figures_of_several_recordings_go_into_a_folder(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    done = run("timeline", calls, "--model", model, "--plot", tmp_path / "figures")
    assert done.code == 0, done.err
    assert files(tmp_path / "figures") == ["june/call.png", "may/call.png", "note.png"]


@pytest.mark.parametrize(("option", "name"), [("--window", "window_seconds"), ("--hop", "hop_sec")])
def test_a_length_out_of_range_is_refused_before_the_work(
    run: Run, calls: Path, option: str, name: str
) -> None:
    done = run("timeline", calls, option, 0)
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert f"AudioError: {name}" in done.err


def test_a_list_names_recordings_beside_arguments(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    names = tmp_path / "list.txt"
    names.write_text(f"{recordings[1]}\n\n{recordings[4]}\r\n")
    done = run("predict", recordings[7], "--list", names, "--model", model, "--format", "json")
    found = [one["source"] for one in json.loads(done.out)["results"]]
    assert found == [str(recordings[place]) for place in (7, 1, 4)]


# What is refused, before the work


USAGE = {
    "unknown format": (
        "predict --format csv,xml",
        "there is no format 'xml'; the formats are table, json",
    ),
    "timeline's format": ("predict --format textgrid", "textgrid shows emotion over time: use v"),
    "timeline's ending": ("predict -o a.TextGrid", "textgrid shows emotion over time: use v"),
    "unknown ending": ("predict -o a.xlsx", "expected a name ending in .txt, .json"),
    "parquet printed": ("predict --format parquet", "parquet is no text: name a file with -o"),
    "several printed": ("predict --format csv,json", "2 formats make several files: name a folder"),
    "several in a file": ("predict --format csv,json -o a.csv", "name a folder with -o"),
    "plot's ending": ("timeline --plot a.gif", "expected a name ending in .png, .svg"),
    "one figure": ("timeline --plot a.png", "a.png shows one recording, and there are"),
    "each printed": ("timeline --format srt", "srt holds one recording, and there are"),
    "each in a file": ("timeline -o a.eaf", "eaf holds one recording, and there are"),
    "channels in a file": (
        "timeline --channels each --format vtt -o a.vtt",
        "vtt holds one recording",
    ),
    "windows that overlap": (
        "timeline --level windows --format textgrid -o out",
        "textgrid holds segments, turns or sentences, not windows",
    ),
    "no name": (
        "predict -o ''",
        "Invalid value for '-o' / '--output': an empty name. Is a variable",
    ),
    "no figure's name": ("timeline --plot ''", "Invalid value for '--plot': an empty na"),
    "resumed nowhere": (
        "predict --resume",
        "--resume keeps a checkpoint next to the output: name it with",
    ),
}


@pytest.mark.parametrize("option", ["--window", "--hop", "--level", "--plot", "--timeline"])
def test_options_of_timelines_are_those_of_their_command(
    run: Run, recordings: list[Path], option: str
) -> None:
    error = run("predict", *recordings, option, "2").err
    assert "No such option" in error
    assert option in error


@pytest.mark.parametrize("case", USAGE)
def test_what_does_not_go_together_is_a_usage_error(
    run: Run, recordings: list[Path], case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    arguments, reason = USAGE[case]
    command, *options = shlex.split(arguments)
    done = run(command, *recordings, *options)
    assert done.code == 2
    assert reason in " ".join(done.err.split())
    assert files(tmp_path) == before


@pytest.mark.parametrize("source", ["--example", "-"])
def test_what_is_no_file_is_not_resumed(run: Run, source: str, tmp_path: Path) -> None:
    done = run("predict", source, "--resume", "-o", tmp_path / "a.csv")
    assert (done.code, files(tmp_path)) == (2, [])
    assert "--resume goes with files and folders" in done.err


def test_a_checkpoint_of_another_model_is_refused_in_one_line(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    recordings[0].write_bytes(b"words")
    arguments = ("predict", *recordings[:3], "-o", tmp_path / "a.csv", "--resume")
    assert run(*arguments, "--model", model).code == 1
    before = (tmp_path / "a.csv").read_bytes()
    done = run(*arguments)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "a.csv.checkpoint: belongs to a run with other settings (model " in done.err
    assert (tmp_path / "a.csv").read_bytes() == before


def test_a_file_of_one_channel_takes_no_two(run: Run, calls: Path, tmp_path: Path) -> None:
    done = run(
        "timeline",
        calls / "may" / "call.wav",
        "--channels",
        "each",
        "-o",
        tmp_path / "a.srt",
    )
    assert done.code == 2
    assert "a file of srt holds one channel: name a folder with -o" in " ".join(done.err.split())


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_a_recording_is_never_written_over(
    run: Run, calls: Path, option: str, tmp_path: Path
) -> None:
    odd = (calls / "note.flac").rename(tmp_path / "note.png")
    done = run("timeline", odd, option, odd, "--format", "csv")
    assert (done.code, done.out) == (1, "")
    assert "would overwrite a recording" in done.err


def test_a_recording_in_the_folder_is_never_written_over(run: Run, calls: Path) -> None:
    odd = (calls / "note.flac").rename(calls / "emotions.csv")
    done = run("predict", odd, "--format", "csv,json", "-o", calls)
    assert done.code == 1
    assert f"{odd}: would overwrite a recording" in done.err


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_a_folder_below_none_is_refused(run: Run, calls: Path, tmp_path: Path, option: str) -> None:
    done = run(
        "timeline",
        calls,
        "--format",
        "csv,json" if option == "-o" else "csv",
        option,
        tmp_path / "no" / "where",
    )
    assert done.code == 1
    assert f"the folder {tmp_path / 'no'} does not exist" in done.err


def test_the_model_is_never_written_over(run: Run, model: Path, recordings: list[Path]) -> None:
    before = model.read_bytes()
    done = run("predict", recordings[0], "--model", model, "--format", "csv", "-o", model)
    assert (done.code, model.read_bytes()) == (1, before)


@pytest.mark.parametrize("command", ["predict", "doctor", "explain"])
def test_what_is_read_is_never_written_over_by_another_name(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path, command: str
) -> None:
    odd = recordings[0].rename(tmp_path / "recording")
    link = tmp_path / "out.json"
    before = {path: path.read_bytes() for path in (odd, model)}
    for path in before:
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        other = tmp_path / ".." / tmp_path.name / path.name
        for output in (link, other):
            done = run(command, odd, "--model", model, "--format", "json", "-o", output)
            assert done.code == 1
            assert f"{output}: would overwrite" in done.err
    assert before == {path: path.read_bytes() for path in before}


def test_a_figure_is_not_drawn_over_the_results(
    run: Run, model: Path, calls: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.svg"
    done = run(
        "timeline",
        calls / "note.flac",
        "--model",
        model,
        "--format",
        "csv",
        "-o",
        both,
        "--plot",
        both,
    )
    assert done.code == 2
    assert "two outputs" in done.err
    assert not both.exists()


def test_a_recording_given_as_a_list_gets_one_line(run: Run, tmp_path: Path) -> None:
    names = tmp_path / "list.txt"
    names.write_bytes(b"RI\0FF/*?[a]\xff\nnot there.wav\n")
    done = run("predict", "--list", names)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "line 2 is not UTF-8, and no file here has such a name. Save the list as" in done.err


def test_a_list_from_a_closed_input_gets_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    done = run("predict", "--list", "-")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "standard input is closed" in done.err


@pytest.mark.parametrize("content", [None, b"", b"\n \n"])
def test_a_list_that_names_nothing_gets_one_line(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    names = tmp_path / "list.txt"
    if content is not None:
        names.write_bytes(content)
    done = run("predict", "--list", names)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert done.err.startswith(f"AudioError: {names}: ")
    assert "list" in done.err


@pytest.mark.parametrize(
    ("module", "extra", "arguments"),
    [
        ("matplotlib", "plot", ["timeline", "--plot", "a.png"]),
        ("pyarrow", "parquet", ["predict", "-o", "a.parquet"]),
    ],
)
def test_a_missing_extra_is_named_before_the_work(
    run: Run,
    calls: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    module: str,
    extra: str,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    done = run(*arguments, calls / "note.flac")
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert f'pip install "voxaffect[{extra}]"' in done.err


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "audformat", "rttm"])
def test_timelines_are_those_of_python(run: Run, model: Path, calls: Path, form: str) -> None:
    done = run("timeline", calls, "--model", model, "--format", form, "--hop", 0.5)
    paths = sorted(path for path in calls.rglob("*") if path.is_file())
    expected = [one for path in paths for one in timeline(path, model=model, hop_seconds=0.5)]
    content = TIMELINE_FORMATS[form].encode(expected, Circumstances(model=load(model)))
    table, _, _ = done.out.partition("\n\n")  # a summary follows a table
    out = f"{table}\n" if form == "table" else done.out
    assert (done.code, out, done.err) == (0, str(content), "")
