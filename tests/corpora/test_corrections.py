"""What we write, people correct in other programs, and it comes back as a table to train on."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import pytest
import soundfile
from conftest import Run, voice
from parselmouth.praat import call
from pympi import Eaf
from support.timelines import CALL, DOUBTED, LEFT, RIGHT

from voxaffect.corpora import read_corpus
from voxaffect.corpora.corrections import import_labels
from voxaffect.errors import AnnotationError, CorpusError, VoxaffectError
from voxaffect.outputs.formats import TIMELINE_FORMATS
from voxaffect.recognition import Timeline

SUFFIXES = {
    "eaf": ".eaf",
    "textgrid": ".TextGrid",
    "audacity": ".labels.txt",
    "csv": ".csv",
    "labelstudio": ".labelstudio.json",
}
PARTS = [(0.5, 3.2, "angry"), (3.2, 6.0, "happy"), (7.25, 12.345679, "sad")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    samples = np.tile(voice(1), 21)[: round(12.3456789 * 16_000)]
    soundfile.write(tmp_path / "call.wav", samples, 16_000)
    return tmp_path


def submit(tasks: list[dict[str, Any]], *raters: int) -> list[dict[str, Any]]:
    """Tasks as Label Studio exports them, after raters accepted the predictions."""
    for number, task in enumerate(tasks, start=1):
        accepted = task["predictions"][0]["result"] if task["predictions"] else []
        task["id"] = number
        task["annotations"] = [
            {
                "id": 10 * number + rater,
                "completed_by": rater,
                "was_cancelled": False,
                "ground_truth": False,
                "result": json.loads(json.dumps(accepted)),
            }
            for rater in raters
        ]
    return tasks


def write(form: str, folder: Path, *timelines: Timeline) -> Path:
    path = folder / f"call{SUFFIXES[form]}"
    text = TIMELINE_FORMATS[form].encode(timelines)
    assert isinstance(text, str)
    if form == "labelstudio":
        text = json.dumps(submit(json.loads(text), 1))
    path.write_text(text, encoding="utf-8")
    return path


def parts(*sources: Path, **options: Any) -> list[tuple[float, float, str]]:
    rows = import_labels(sources, **options).rows
    return [(one.start_seconds, one.end_seconds, one.emotion) for _, one in rows]  # type: ignore[misc]


def compare(found: Sequence[tuple[float, float, str]], expected: Sequence[Any]) -> None:
    assert [one[2] for one in found] == [one[2] for one in expected]
    times = [one[:2] for one in expected]
    assert np.array([one[:2] for one in found]) == pytest.approx(np.array(times), abs=6e-4)


# What timeline writes comes back


@pytest.mark.parametrize("form", SUFFIXES)
def test_what_timeline_writes_comes_back(folder: Path, form: str) -> None:
    compare(parts(write(form, folder, CALL)), PARTS)


@pytest.mark.parametrize("form", ["audacity", "textgrid", "eaf", "csv"])
def test_a_label_that_a_person_types_is_read(folder: Path, form: str) -> None:
    path = write(form, folder, DOUBTED)
    text = path.read_text(encoding="utf-8")
    head, body = text.split("\n", 1)
    assert "sad" in body
    path.write_text(f"{head}\n{body.replace('sad', 'fear', 1)}", encoding="utf-8")
    compare(parts(path), [(0.5, 3.0, "angry"), (3.0, 6.0, "fearful")])


@pytest.mark.parametrize("form", SUFFIXES)
def test_what_the_page_corrected_keeps_the_person_s_emotion(folder: Path, form: str) -> None:
    fixed = replace(CALL.segments[2], emotion="happy", model_emotion="sad")
    path = write(form, folder, replace(CALL, segments=(*CALL.segments[:2], fixed)))
    compare(parts(path), [*PARTS[:2], (*PARTS[2][:2], "happy")])
    if form in ("audacity", "csv"):
        (_, _, (_, last)) = import_labels([path]).rows
        assert last.model_emotion == "sad"


@pytest.mark.parametrize("form", SUFFIXES)
def test_speakers_come_back(folder: Path, form: str) -> None:
    one, two, three = CALL.segments
    named = (replace(one, speaker="anna"), replace(two, speaker="bert", text="Not again."))
    path = write(form, folder, replace(CALL, segments=(*named, replace(three, speaker="anna"))))
    rows = import_labels([path]).rows
    assert [(row.speaker, row.emotion) for _, row in rows] == [
        ("anna", "angry"),
        ("bert", "happy"),
        ("anna", "sad"),
    ]


# What other programs write


def test_elan_s_library_corrects_a_tier(folder: Path) -> None:
    path = write("eaf", folder, CALL)
    document = Eaf(str(path))
    document.remove_annotation("emotion", 4000)
    document.add_annotation("emotion", 3200, 5000, "surprised")
    document.add_annotation("emotion", 5000, 6000, "calm")
    document.to_file(str(path))
    expected = [PARTS[0], (3.2, 5.0, "surprised"), (5.0, 6.0, "calm"), PARTS[2]]
    compare(parts(path), expected)


def test_elan_names_the_annotator_and_links_the_recording(folder: Path) -> None:
    (folder / "audio").mkdir()
    path = write("eaf", folder, CALL).rename(folder / "ann 1.eaf")
    (folder / "call.wav").rename(folder / "audio" / "call 1.wav")
    text = path.read_text(encoding="utf-8")
    text = re.sub('MEDIA_URL="[^"]*"', 'MEDIA_URL="file:///C:/x/audio/call%201.wav"', text)
    path.write_text(text.replace("<TIER ", '<TIER ANNOTATOR="ann" '), encoding="utf-8")
    result = import_labels([path])
    assert {(recording.name, one.rater) for recording, one in result.rows} == {
        ("call 1.wav", "ann")
    }
    named = import_labels([path], rater="ben")
    assert {one.rater for _, one in named.rows} == {"ben"}


@pytest.mark.parametrize("part", ["predictions", "annotations"])
def test_an_identifier_that_is_no_text_is_refused(folder: Path, part: str) -> None:
    path = write("labelstudio", folder, CALL)
    tasks = submit(json.loads(path.read_text()), 1)
    tasks[0][part][0]["result"][0]["id"] = ["a", "b"]
    path.write_text(json.dumps(tasks))
    with pytest.raises(CorpusError, match=r'task 1: id is \["a", "b"\], expected text'):
        import_labels([path])


def test_praat_corrects_a_tier(folder: Path) -> None:
    path = write("textgrid", folder, CALL)
    grid = parselmouth.read(str(path))
    call(grid, "Set interval text", 1, 2, "disgust")
    call(grid, "Insert boundary", 1, 5.0)
    call(grid, "Set interval text", 1, 4, "")
    call(grid, "Save as short text file", str(path))
    compare(parts(path), [(0.5, 3.2, "disgust"), (3.2, 5.0, "happy"), PARTS[2]])


def test_annotators_of_label_studio_are_raters(folder: Path) -> None:
    path = write("labelstudio", folder, CALL)
    tasks = submit(json.loads(path.read_text()), 1, 7)
    second = tasks[0]["annotations"][1]["result"]
    second[0]["value"]["labels"] = ["sad"]
    del second[2]
    tasks[0]["annotations"].append({"completed_by": 9, "was_cancelled": True, "result": []})
    path.write_text(json.dumps(tasks))
    result = import_labels([path])
    assert [(one.rater, one.emotion, one.model_emotion) for _, one in result.rows] == [
        ("1", "angry", None),
        ("7", "sad", "angry"),
        ("1", "happy", None),
        ("7", "happy", None),
        ("1", "sad", None),
    ]
    assert result.describe() == "5 labels of 1 recording, 2 raters, 1 differs from the model"


def test_parts_of_raters_are_cut_where_their_boundaries_differ(folder: Path) -> None:
    path = write("labelstudio", folder, CALL)
    tasks = submit(json.loads(path.read_text()), 1, 2)
    second = tasks[0]["annotations"][1]["result"]
    second[0]["value"]["end"] = second[1]["value"]["start"] = 4.0
    path.write_text(json.dumps(tasks))
    rows = import_labels([path]).rows
    shown = [(one.start_seconds, one.end_seconds, one.rater, one.emotion) for _, one in rows]
    assert shown[:6] == [
        (0.5, 3.2, "1", "angry"),
        (0.5, 3.2, "2", "angry"),
        (3.2, 4.0, "1", "happy"),
        (3.2, 4.0, "2", "angry"),
        (4.0, 6.0, "1", "happy"),
        (4.0, 6.0, "2", "happy"),
    ]


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=speech/in/call.wav",
        "https://example.com/speech/call.wav",
        "/data/upload/3/0a1b2c3d-call.wav",
    ],
)
def test_a_task_without_our_fields_is_known_by_its_address(folder: Path, address: str) -> None:
    path = write("labelstudio", folder, CALL)
    tasks = json.loads(path.read_text())
    tasks[0]["data"] = {"audio": address}
    path.write_text(json.dumps(tasks))
    compare(parts(path), PARTS)


def test_the_folder_names_the_rater(folder: Path) -> None:
    paths = []
    for name in ("anna", "ben"):
        (folder / name).mkdir()
        paths.append(write("textgrid", folder / name, CALL))
    text = paths[1].read_text().replace('"happy"', '"sad"')
    paths[1].write_text(text)
    result = import_labels(paths, recordings=folder, rater="folder")
    assert [one.rater for _, one in result.rows] == ["anna", "ben"] * 3
    with pytest.raises(CorpusError, match=r"is happy before and sad here.*--rater"):
        import_labels(paths, recordings=folder)


# Bad input


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("call.json", b"[{", "broken JSON"),
        ("call.json", b"[]", "no annotation in 0 tasks"),
        ("call.json", b'[{"audio": "a.wav", "emotion": "sad"}]', "as JSON, not JSON-MIN"),
        ("call.json", b'[{"data": {"audio": "call.wav"}}]', "no annotation in 1 tasks"),
        ("call.json", b"", "empty"),
        (
            "call.json",
            b'{"segments": [{"start": 0, "end": 1, "text": "No.", "words": []}]}',
            "is JSON of who speaks when or what is said, without emotions",
        ),
        (
            "call.rttm",
            b"SPEAKER call 1 0.5 2.0 <NA> <NA> anna <NA> <NA>\n",
            "is RTTM of who speaks",
        ),
        ("call.srt", b"1\n00:00:00,500 --> 00:00:02,000\nNo.\n", r"is SubRip \(SRT\) of who"),
        ("call.labels.txt", b"0\t20\tsad\n", r"ends at 20 s, and .*call.wav is 12.3457 s long"),
        ("call.labels.txt", b"2\t1\tsad\n", "is no part"),
        ("call.labels.txt", b"0\t1\thapy\n", 'line 1: "hapy" is no known emotion'),
        ("call.labels.txt", b"0\t1\t\n", "no label of an emotion"),
        ("other.labels.txt", b"0\t1\tsad\n", r"no recording other.wav or the like"),
        ("call.labels.txt", "0\t1\ttraurig ä\n".encode("latin-1"), "not readable as text in UTF-8"),
        (
            "call.csv",
            b"path,start,end,emotion\ngone.wav,0,1,sad\n",
            "line 2: no recording gone.wav",
        ),
        ("call.csv", b"path,start,end,emotion\ncall.wav,x,1,sad\n", "start is 'x'"),
        ("call.csv", b"path,start,emotion\ncall.wav,nan,sad\n", "line 2: start is 'nan'.*Leave"),
        ("call.csv", b"path,rater,emotion\ncall.wav,nan,sad\n", "line 2: rater is 'nan'.*Leave"),
        ("call.csv", b"path,emotion\ncall.wav,nan\n", "line 2: emotion is 'nan'.*Leave"),
        ("call.labels.txt", b"0\t2\tsad\n0\t2\tcalm\n", "add --rater folder"),
        ("call.labels.txt", b"0\t2\tsad\n0.5\t3\tcalm\n", "line 2: calm overlaps sad of .*line 1"),
        (
            "call.csv",
            b"path,rater,emotion\ncall.wav,ann,sad\ncall.wav,ann,calm\n",
            "both by ann. Delete one of them in the file",
        ),
        ("call.csv", b"one,two\n1,2\n", "expected labels: the JSON of Label Studio"),
        ("call.eaf", b"<ANNOTATION_DOCUMENT><TIER>", "broken XML"),
        ("call.eaf", b"<ANNOTATION_DOCUMENT/>", "no tier 'emotion'"),
    ],
)
def test_bad_input_is_one_line(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises((CorpusError, AnnotationError), match=message) as caught:
        import_labels([folder / name])
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_an_answer_that_several_files_hold_is_one_label(folder: Path) -> None:
    sources = [write(form, folder, CALL) for form in ("eaf", "textgrid", "audacity")]
    compare(parts(*sources), PARTS)


def test_a_rater_without_a_name_is_refused(folder: Path) -> None:
    with pytest.raises(CorpusError, match="rater is empty"):
        import_labels([write("eaf", folder, CALL)], rater=" ")


def test_a_channel_of_several_is_refused(folder: Path) -> None:
    soundfile.write(folder / "call.wav", np.tile(voice(1), 21)[:, None].repeat(2, 1), 16_000)
    with pytest.raises(CorpusError, match=r"is of channel left.*Save each channel as its own file"):
        import_labels([write("csv", folder, LEFT, RIGHT)])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("start", '"0.7"', 'task 1: start is "0.7", expected a number of seconds'),
        ("start", "NaN", "task 1: start is NaN, expected a number of seconds"),
        ("end", "1e400", "task 1: end is Infinity, expected a number of seconds"),
        ("end", "9" * 400, "task 1: end is 9+, expected a number of seconds"),
        ("start", "true", "task 1: start is true, expected a number of seconds"),
        ("channel", "7", r"task 1: channel is 7, and .*call.wav has 1, counted from 0"),
        ("channel", "-1", "task 1: channel is -1, expected 0, 1 and so on"),
    ],
)
def test_a_region_of_label_studio_without_numbers_is_refused(
    folder: Path, name: str, value: str, message: str
) -> None:
    values = {"start": "0.7", "end": "3", "channel": "0", name: value}
    shown = ", ".join(f'"{key}": {one}' for key, one in values.items())
    path = folder / "call.json"
    path.write_text(
        '[{"id": 1, "data": {"source": "call.wav"}, "annotations": [{"completed_by": 1, "result": '
        f'[{{"type": "labels", "value": {{{shown}, "labels": ["sad"]}}}}]}}]}}]'
    )
    with pytest.raises(CorpusError, match=message) as caught:
        import_labels([path])
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(folder: Path) -> None:
    with pytest.raises(VoxaffectError, match="no such file"):
        import_labels([folder / "gone.json"])


def test_own_words_need_a_map(folder: Path) -> None:
    path = folder / "call.labels.txt"
    path.write_text("0\t1\tproud\n")
    compare(parts(path, labels={"proud": "happy"}), [(0, 1, "happy")])
    compare(parts(path, labels="none"), [(0, 1, "proud")])


# The whole loop


@pytest.mark.slow
def test_predictions_are_exported_corrected_imported_and_trained_on(
    run: Run, trained: Any, recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trained.model.save(tmp_path / "first.onnx")
    names = [path.name for path in recordings]
    asked = ("--model", "first.onnx", "-o", "tasks.labelstudio.json")
    assert run("predict", *names, *asked).code == 0
    tasks = submit(json.loads(Path("tasks.labelstudio.json").read_text()), 1, 2)
    for index, task in enumerate(tasks):  # as two people hear it; they differ on one recording
        for annotation in task["annotations"]:
            word = ("happy", "sad")[(index + (index == 0 and annotation["completed_by"] == 2)) % 2]
            annotation["result"][0]["value"]["choices"] = [word]
    Path("export.json").write_text(json.dumps(tasks))

    done = run("corpora import export.json -o labels.csv")
    assert (done.code, done.err) == (0, "")
    assert "24 labels of 12 recordings, 2 raters" in done.out
    with Path("labels.csv").open(newline="") as stream:
        rows = [*csv.DictReader(stream)]
    assert {row["path"] for row in rows} == {*names}
    assert {row["rater"] for row in rows} == {"1", "2"}

    utterances = read_corpus("csv", "labels.csv")
    assert len(utterances) == 12
    assert sorted(max(one.distribution.values()) for one in utterances) == [0.5] + [1.0] * 11
    checked = run("corpora check csv labels.csv")
    assert "agreement on emotion: Krippendorff's alpha 0.8" in checked.out
    assert run("train csv --data labels.csv --features classic -o second.onnx").code == 0
    assert run("predict", names[0], "--model", "second.onnx").code == 0
