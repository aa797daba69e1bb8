"""A run that was interrupted and resumed ends as one that was not, byte by byte."""

from __future__ import annotations

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

import pytest
import soundfile
from conftest import RATE_HZ, Trained, voice

from voxaffect.errors import JournalError
from voxaffect.extraction import Failure
from voxaffect.files import write_text
from voxaffect.models import load
from voxaffect.recognition import predict_many, timeline
from voxaffect.recognition.batch import Predictions, Recognizer, Timelines, recognize
from voxaffect.recognition.checkpoint import _digest
from voxaffect.recognition.prediction import Predictor

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


def killed_at(lines: int, journal: Path, *arguments: object) -> None:
    """Start a run, and kill it as soon as its journal is so long."""
    process = subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL)
    until = monotonic() + 60
    while monotonic() < until and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > lines:
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
    killed_at(FILES // 4, broken / "voxaffect.journal", *resumable)
    assert list(outcome(broken)) == ["voxaffect.journal"]
    journal = (broken / "voxaffect.journal").read_bytes()
    assert FILES // 4 <= journal.count(b"\n") - 1 < FILES
    first = recordings / "0" / "000.wav"
    assert f'"{first}"'.encode() in journal
    ruin_unnoticed(first)  # it is not read again
    resumed = subprocess.run(command(*resumable), capture_output=True, text=True, check=False)
    corrupt = f"failed: {recordings / '1' / '020.wav'}: not readable as audio"
    for done in (unbroken, resumed):
        assert done.returncode == 1
        assert done.stdout == ""
        assert count_finished(done.stderr) == (FILES - 1, 1)
        assert corrupt in done.stderr
    found = outcome(broken)
    assert found.pop("voxaffect.journal")  # something failed: it is tried again next time
    assert found == outcome(whole)


@pytest.fixture
def recognizers(trained: Trained) -> dict[str, Recognizer[object]]:
    def one(path: Path, **how: object) -> object:
        return timeline(path, model=trained.model, **how)  # type: ignore[arg-type]

    return {
        "predictions": Predictions(Predictor(trained.model)),
        "timelines": Timelines(one, trained.model, {"window_seconds": 3.0}),
    }  # type: ignore[dict-item]


@pytest.mark.parametrize("kind", KINDS)
def test_what_failed_is_tried_again_and_the_rest_is_not(
    recordings: list[Path], tmp_path: Path, recognizers: dict[str, Recognizer[object]], kind: str
) -> None:
    expected = recognize(recordings, recognizers[kind])
    good = recordings[5].read_bytes()
    recordings[5].write_bytes(b"words")
    journal = tmp_path / "out.journal"
    found = recognize(recordings, recognizers[kind], journal=journal)
    assert [one.path for one in found.failures] == [recordings[5]]
    assert (found.files, len(found.results)) == (11, 11)
    recordings[5].write_bytes(good)
    for path in recordings[:5] + recordings[6:]:
        ruin_unnoticed(path)
    assert recognize(recordings, recognizers[kind], journal=journal) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_that_has_changed_is_done_again(
    recordings: list[Path], tmp_path: Path, recognizers: dict[str, Recognizer[object]], kind: str
) -> None:
    journal = tmp_path / "out.journal"
    first = recognize(recordings, recognizers[kind], journal=journal)
    write_text(recordings[3], "words")
    second = recognize(recordings, recognizers[kind], journal=journal)
    assert second.results == first.results[:3] + first.results[4:]
    assert [type(one) for one in second.failures] == [Failure]


def test_more_recordings_may_come_and_others_go(
    recordings: list[Path], tmp_path: Path, recognizers: dict[str, Recognizer[object]]
) -> None:
    journal = tmp_path / "out.journal"
    recognize(recordings[:6], recognizers["predictions"], journal=journal)
    found = recognize(recordings[4:], recognizers["predictions"], journal=journal)
    assert found == recognize(recordings[4:], recognizers["predictions"])


def test_the_batch_is_that_of_predict_many(
    recordings: list[Path], trained: Trained, recognizers: dict[str, Recognizer[object]]
) -> None:
    recordings[2].write_bytes(b"words")
    found = recognize(recordings, recognizers["predictions"], workers=2)
    expected = predict_many(recordings, model=trained.model)
    assert (found.results, found.failures) == (expected.predictions, expected.failures)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bar_counts_the_files(
    recordings: list[Path],
    recognizers: dict[str, Recognizer[object]],
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recognize(recordings, recognizers[kind], progress=True)
    assert "12/12" in capsys.readouterr().err
    recognize(recordings, recognizers[kind])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", KINDS)
def test_workers_change_nothing(
    recordings: list[Path], recognizers: dict[str, Recognizer[object]], kind: str
) -> None:
    one, three = (recognize(recordings, recognizers[kind], workers=count) for count in (1, 3))
    assert one == three


def test_another_model_does_not_go_on_with_a_journal(
    recordings: list[Path], tmp_path: Path, recognizers: dict[str, Recognizer[object]]
) -> None:
    journal = tmp_path / "out.journal"
    recognize(recordings[:1], recognizers["predictions"], journal=journal)
    with pytest.raises(JournalError, match=r"other settings \(model \w+…, now \w+…\)"):
        recognize(recordings[:1], Predictions(Predictor(load())), journal=journal)
    with pytest.raises(JournalError, match="kind predictions, now timelines"):
        recognize(recordings[:1], recognizers["timelines"], journal=journal)


def test_the_journal_goes_when_all_is_done(recordings: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    arguments = command("predict", *recordings[:2], "-o", output, "--resume")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert output.exists()
    assert not (tmp_path / "out.csv.journal").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_all_of_ravdess_killed_half_way_ends_as_an_unbroken_run(
    data_root: Callable[[str], Path], tmp_path: Path
) -> None:
    root = data_root("ravdess")
    corrupt = tmp_path / "corrupt.wav"
    corrupt.write_bytes(next(root.rglob("*.wav")).read_bytes()[:9_000])
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    unbroken = subprocess.run(command("predict", root, corrupt, "-o", whole), check=False)
    killed_at(720, tmp_path / "broken.csv.journal", root, corrupt, "-o", broken, "--resume")
    assert not broken.exists()
    resumed = subprocess.run(
        command("predict", root, corrupt, "-o", broken, "--resume"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert unbroken.returncode == resumed.returncode == 1
    assert count_finished(resumed.stderr) == (1440, 1)
    assert f"failed: {corrupt}: cut short" in resumed.stderr
    assert broken.read_bytes() == whole.read_bytes()
    assert len(broken.read_text().splitlines()) == 1_441


def signed(line: str) -> bytes:
    """Return a line with a checksum that fits what it holds now."""
    value = {key: value for key, value in json.loads(line).items() if key != "check"}
    body = json.dumps(value).encode()[:-1]
    return body + f', "check": "{_digest(body)}"}}\n'.encode()


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
def test_a_result_that_is_damaged_in_the_journal_is_made_again(
    recordings: list[Path],
    tmp_path: Path,
    recognizers: dict[str, Recognizer[object]],
    kind: str,
    whole: str,
    damaged: str,
) -> None:
    paths = recordings[:2]
    journal = tmp_path / "out.journal"
    expected = recognize(paths, recognizers[kind], journal=journal)
    heading, *lines = journal.read_text().splitlines()
    ruined = [re.sub(whole, damaged, line) for line in lines]
    assert ruined != lines
    journal.write_bytes(heading.encode() + b"\n" + b"".join(map(signed, ruined)))
    assert recognize(paths, recognizers[kind], journal=journal) == expected
