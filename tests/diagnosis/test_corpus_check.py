"""Inspection finds what is wrong with a corpus, file by file."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Run

from voxaffect import audio
from voxaffect.corpora import CORPORA, expand_template, read_corpus
from voxaffect.diagnosis.corpus import CorpusReport, check_corpus, describe_report
from voxaffect.errors import CorpusError

RATE_HZ = 16_000


def _noise(seed: int, *, channels: int = 1) -> np.ndarray:
    shape = (RATE_HZ // 4, channels)
    return np.random.default_rng(seed).uniform(-0.1, 0.1, shape).astype(np.float32)


def _write(path: Path, samples: np.ndarray, *, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype="PCM_16", format="WAV")
    return path


@pytest.fixture
def emodb(tmp_path: Path) -> Path:
    """Three readable recordings by two speakers."""
    for seed, name in enumerate(["03a01Fa.wav", "03a01Wa.wav", "16b10Wb.wav"]):
        _write(tmp_path / "wav" / name, _noise(seed))
    return tmp_path


def test_good_files_are_counted_and_nothing_is_found(emodb: Path) -> None:
    report = check_corpus("emodb", emodb)
    assert (report.files, report.speakers) == (3, 2)
    assert report.emotions == {"angry": 2, "happy": 1}
    assert report.extra == report.unreadable == report.duplicates == report.silent == ()
    assert report.expected == (535, 816)
    assert not report.is_whole


def test_file_outside_the_grammar_is_extra(emodb: Path) -> None:
    stray = _write(emodb / "wav" / "stray.wav", _noise(9))
    (fault,) = check_corpus("emodb", emodb).extra
    assert fault.path == stray
    assert "does not match" in fault.reason


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda _: b"", "empty, 0 bytes"),
        (lambda _: b"not a sound", "not readable as audio"),
        (lambda content: content[: len(content) // 2], "cut short"),
    ],
    ids=["empty", "text", "truncated"],
)
def test_damaged_file_is_unreadable(
    emodb: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    victim = emodb / "wav" / "03a01Wa.wav"
    victim.write_bytes(damage(victim.read_bytes()))
    report = check_corpus("emodb", emodb)
    assert [fault.path for fault in report.unreadable] == [victim]
    assert reason in report.unreadable[0].reason
    assert not report.is_sound


def test_same_recording_is_found_under_another_name_and_wrapping(emodb: Path) -> None:
    one = emodb / "wav" / "03a01Fa.wav"
    other = _write(emodb / "wav" / "08b02Tc.wav", np.repeat(soundfile.read(one)[0][:, None], 2, 1))
    (same,) = check_corpus("emodb", emodb).duplicates
    assert same.paths == (one, other)
    assert not same.is_known


def test_same_samples_at_another_rate_are_another_recording(emodb: Path) -> None:
    samples, _ = soundfile.read(emodb / "wav" / "03a01Fa.wav")
    _write(emodb / "wav" / "08b02Tc.wav", samples, rate_hz=8_000)
    assert not check_corpus("emodb", emodb).duplicates


def test_equal_channels_are_found_and_different_ones_not(emodb: Path) -> None:
    twice = _write(emodb / "wav" / "08a01Fa.wav", np.repeat(_noise(5), 2, axis=1))
    _write(emodb / "wav" / "08a01Wa.wav", _noise(6, channels=2))
    assert check_corpus("emodb", emodb).equal_channels == (twice,)


@pytest.mark.parametrize("level", [0.0, 0.5, 1e-4], ids=["zero", "constant", "faint"])
def test_silent_file_is_found(emodb: Path, level: float) -> None:
    samples = _noise(5) * 1e-3 if level == 1e-4 else np.full((4000, 1), level)
    silent = _write(emodb / "wav" / "08a01Fa.wav", samples)
    assert check_corpus("emodb", emodb).silent == (silent,)


def test_same_utterance_in_two_folders_is_reported_not_raised(emodb: Path) -> None:
    copy = _write(emodb / "wav" / "wav" / "03a01Fa.wav", _noise(8))
    assert check_corpus("emodb", emodb).repeated == ((emodb / "wav" / "03a01Fa.wav", copy),)


def _cafe(root: Path) -> Path:
    template = _write(root / "template", _noise(0)[:1000]).read_bytes()
    (root / "template").unlink()
    names = [
        name
        for grid in CORPORA["cafe"].name_templates
        for part in grid
        for name in expand_template(part)
    ]
    for number, name in enumerate(names):
        (root / name).write_bytes(template[:-2] + number.to_bytes(2, "little"))
    return root


@pytest.mark.slow
def test_whole_corpus_is_sound_and_one_file_less_is_named(tmp_path: Path) -> None:
    assert check_corpus("cafe", _cafe(tmp_path)).is_sound
    (tmp_path / "07-T-2-3.wav").unlink()
    report = check_corpus("cafe", tmp_path)
    assert report.missing == ("07-T-2-3.wav",)
    assert not report.is_sound


def test_recording_that_the_whole_corpus_does_not_hold_is_extra(tmp_path: Path) -> None:
    _write(tmp_path / "03-01-01-02-01-01-01.wav", _noise(0))  # neutral is never strong
    report = check_corpus("ravdess", tmp_path)
    assert [fault.reason for fault in report.extra] == ["RAVDESS holds no such recording."]


def test_part_that_was_not_fetched_is_not_missing(tmp_path: Path) -> None:
    _write(tmp_path / "03-01-01-01-01-01-01.wav", _noise(0))
    missing = check_corpus("ravdess", tmp_path).missing
    assert len(missing) == 1439
    assert all(name.startswith("03-01-") for name in missing)


def test_peoples_own_data_can_be_inspected(tmp_path: Path) -> None:
    _write(tmp_path / "happy" / "one.wav", _noise(0))
    _write(tmp_path / "sad" / "two.wav", _noise(0))
    report = check_corpus("folder", tmp_path)
    assert report.files == 2
    assert report.is_whole
    assert len(report.duplicates) == 1


def test_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no recording"):
        check_corpus("emodb", tmp_path)


def test_progress_bar_is_drawn_on_demand(emodb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_corpus("emodb", emodb)
    assert capsys.readouterr().err == ""
    check_corpus("emodb", emodb, progress=True)
    assert "listening" in capsys.readouterr().err


def test_every_finding_is_described(emodb: Path) -> None:
    _write(emodb / "wav" / "08a01Fa.wav", np.zeros((4000, 2)))
    _write(emodb / "wav" / "stray.wav", _noise(9))
    (emodb / "wav" / "08a01Wa.wav").touch()
    lines = list(describe_report(check_corpus("emodb", emodb)))
    assert lines[0] == "EMO-DB: 5 recordings, 3 speakers, 3 angry, 2 happy."
    for start in (
        "not whole: expected 535 or 816",
        "extra: ",
        "unreadable: ",
        "silent: ",
        "several channels, all equal: ",
        "known trap: ",
    ):
        assert any(line.startswith(start) for line in lines), start


def test_report_is_plain_and_frozen(emodb: Path) -> None:
    report = check_corpus("emodb", emodb)
    assert isinstance(report, CorpusReport)
    with pytest.raises(AttributeError):
        report.files = 0  # type: ignore[misc]


@pytest.mark.slow
def test_real_ravdess_is_sound_but_for_actor_seven(data_root: Callable[[str], Path]) -> None:
    report = check_corpus("ravdess", data_root("ravdess"))
    assert report.is_sound
    (same,) = report.duplicates
    assert same.is_known
    assert {path.name for path in same.paths} == CORPORA["ravdess"].known_duplicates[0]


def test_real_emodb_is_sound(data_root: Callable[[str], Path]) -> None:
    assert check_corpus("emodb", data_root("emodb")).is_sound


def test_real_stereo_originals_are_found(data_root: Callable[[str], Path]) -> None:
    found = check_corpus("ravdess", data_root("ravdess-48k")).equal_channels
    assert sorted(path.name for path in found) == [
        "03-01-02-01-01-02-01.wav",
        "03-01-03-01-02-01-20.wav",
        "03-01-06-01-01-02-20.wav",
        "03-01-08-01-02-02-01.wav",
    ]


# One odd file is one line of the report


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "too large for the memory"),
        (RecursionError("too deep"), "too deep"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (ValueError("odd"), "odd"),
        (UnicodeEncodeError("utf-8", "a", 0, 1, "surrogates"), "surrogates"),
        (KeyError(), "KeyError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_one_file_raises_the_others_are_reported(
    emodb: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    victim, open_blocks = emodb / "wav" / "03a01Wa.wav", audio.open_blocks

    def fail(path: Path) -> object:
        if path == victim:
            raise error
        return open_blocks(path)

    monkeypatch.setattr(audio, "open_blocks", fail)
    report = check_corpus("emodb", emodb)
    (fault,) = report.unreadable
    assert fault.path == victim
    assert str(victim) in fault.reason
    assert reason in fault.reason
    assert report.files == 3


def test_names_of_other_bytes_and_files_that_have_gone_are_lines(emodb: Path, run: Run) -> None:
    latin = os.fsencode(emodb / "wav") + b"/stra\xdfe.wav"
    try:
        shutil.copy(emodb / "wav" / "03a01Fa.wav", latin)
        (emodb / "wav" / "03a01Na.wav").symlink_to(emodb / "gone.wav")
    except OSError:
        pytest.skip("this disk knows no such names or links")
    done = run("corpora", "check", "emodb", emodb)
    assert done.code == 1
    assert "'stra\\udcdfe.wav' does not match" in done.out
    assert "03a01Na.wav: no such file" in done.out
    done = run("corpora", "check", "folder", emodb, "--layout", "emotion")
    assert done.code == 1
    assert "the same recording: " in done.out


def test_a_recording_of_hours_is_one_line(emodb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = _write(emodb / "wav" / "08a01Fa.wav", np.tile(_noise(5), (300, 1)))
    monkeypatch.setattr("voxaffect.diagnosis.corpus.MAX_SECONDS", 60)
    (fault,) = check_corpus("emodb", emodb).unreadable
    assert fault.path == long
    assert "longer than" in fault.reason


@pytest.mark.slow
def test_memory_does_not_grow_with_a_recording(tmp_path: Path) -> None:
    minute = np.tile(_noise(3), (240, 1))
    with soundfile.SoundFile(tmp_path / "03a01Fa.wav", "w", RATE_HZ, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(minute)
    tracemalloc.start()
    report = check_corpus("emodb", tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not report.unreadable
    assert peak < 30e6  # the hour is 230 MB of samples


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_a_folder_that_is_closed_is_one_line(emodb: Path) -> None:
    closed = emodb / "closed"
    closed.mkdir(mode=0)
    (fault,) = check_corpus("emodb", emodb).unreadable
    assert "cannot be listed" in fault.reason
    closed.chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_one_line(
    emodb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (emodb / "closed").mkdir()
    scandir = os.scandir

    def scan(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    report = check_corpus("emodb", emodb)
    assert [fault.reason for fault in report.unreadable] == [
        f"{emodb / 'closed'}: cannot be listed (Permission denied)."
    ]
    assert report.files == 3
    with pytest.raises(CorpusError, match="closed: cannot be listed"):
        read_corpus("emodb", emodb)


def test_the_digest_of_blocks_is_that_of_the_whole(emodb: Path) -> None:
    signal = audio.read(emodb / "wav" / "03a01Fa.wav")
    digest = audio.Fingerprint(signal.rate_hz)
    for start in range(0, len(signal.samples), 777):
        digest.add(signal.samples[start : start + 777])
    assert digest.hexdigest() == audio.fingerprint(signal)


def test_own_data_say_how_they_were_read(tmp_path: Path) -> None:
    for seed, name in enumerate(["anna/Wut", "bert/Freude"]):
        _write(tmp_path / name / "a.wav", _noise(seed))
    lines = list(describe_report(check_corpus("folder", tmp_path)))
    assert lines[0].startswith("folder: read as speaker/emotion/file")
    assert lines[1] == "labels: Freude as happy, Wut as angry"
